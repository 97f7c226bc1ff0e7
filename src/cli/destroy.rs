//! `destroy`: a stack goes from its hosts.

use std::time::Instant;

use tokio::sync::watch;

use super::args::{DestroyArgs, Global};
use super::hooks::Hooks;
use super::journal::Identity;
use super::run::{self, Agreed, Ended, What};
use super::{Console, Failure, Kind, session};
use crate::observe::Depth;
use crate::{plan, ui};

pub async fn destroy(
    args: &DestroyArgs,
    global: &Global,
    console: &Console,
    cancelled: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let started = Instant::now();
    let loaded = session::load(global, console)?;
    let name = loaded.stack.name.as_str();
    if !global.service.is_empty() {
        return Err(Failure::new(
            Kind::Usage,
            "destroy takes whole stacks away; --service is for deploy and status",
        )
        .hint("to remove one service, take it out of the yaml, then run `stackctl provision` and `stackctl deploy`"));
    }
    agreed_by_name(args, name)?;
    let fleet = loaded.connect_all(console).await?;
    let facts = if args.dry_run {
        loaded.observe(&fleet, Depth::Destroy, console).await?
    } else {
        run::lock_and_observe(
            &loaded,
            &fleet,
            "destroy",
            &args.lock,
            Depth::Destroy,
            console,
        )
        .await?
    };
    let plan = plan::destroy(&loaded.stack, &facts, args.volumes)
        .map_err(|error| Failure::plan(&error))?;
    if plan.is_empty() || args.dry_run {
        run::show(&plan, What::Destroy, console)?;
        run::close(&fleet).await;
        return Ok(());
    }
    if args.confirm.is_none() {
        console.tell(&ui::plan_pretty(&plan, console.paint));
        ask_for_name(name)?;
    }
    let hooks = Hooks::read(&loaded, true)?;
    let agreed = Agreed {
        what: What::Destroy,
        loaded: &loaded,
        fleet: &fleet,
        facts: &facts,
        plan: &plan,
        hooks: &hooks,
        identity: Identity::of(&loaded.base),
        started,
        console,
    };
    let ended = run::uninterrupted(async {
        let ended = agreed.carry_out(cancelled).await;
        run::close(&fleet).await;
        ended
    });
    let Ended { told, result } = ended.await;
    if console.json {
        console.say(&told.to_string())?;
    }
    if result.is_ok() {
        console.tell("its history went with it; who took it away is in each host's log: journalctl -t stackctl");
    }
    result
}

/// Whether the name was given that must be, or can be asked for.
fn agreed_by_name(args: &DestroyArgs, name: &str) -> Result<(), Failure> {
    match &args.confirm {
        Some(given) if given == name => Ok(()),
        Some(given) => Err(Failure::new(
            Kind::Usage,
            format!("--confirm {given}: this stack is called {name}"),
        )
        .hint("is it the right stackctl.yaml? --config FILE names another")),
        None if args.dry_run || session::has_terminal() => Ok(()),
        None => Err(Failure::new(
            Kind::Usage,
            "cannot ask for the stack's name without a terminal",
        )
        .hint(format!("add --confirm {name}; --yes is not enough here"))),
    }
}

fn ask_for_name(name: &str) -> Result<(), Failure> {
    let question = format!("type the stack's name ({name}) to take all of this away");
    let typed: Result<String, _> = dialoguer::Input::new()
        .with_prompt(question)
        .allow_empty(true)
        .interact_text();
    match typed {
        Ok(typed) if typed.trim() == name => Ok(()),
        Ok(_) => Err(Failure::new(
            Kind::Refused,
            "that is another name; nothing was changed",
        )),
        Err(_) => Err(Failure::new(
            Kind::Interrupted,
            "not confirmed; nothing was changed",
        )),
    }
}
