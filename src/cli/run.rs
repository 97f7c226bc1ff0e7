//! `provision` and `deploy`: read → observe → plan → show → ask → apply.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::args::{ApplyArgs, Global};
use super::confirm::confirm;
use super::journal::Written;
use super::lock::take_locks;
use super::progress::Progress;
use super::session::{self, Loaded};
use super::{Console, Failure, Kind};
use crate::apply::{self, ApplyError};
use crate::facts::Facts;
use crate::observe::{Depth, Fleet};
use crate::plan::{self, Options, Outcome, Plan, Release, StepState, Target};
use crate::ui;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Provision,
    Deploy,
    Rollback,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            What::Provision => "provision",
            What::Deploy => "deploy",
            What::Rollback => "rollback",
        }
    }
}

/// While a plan is applied, Ctrl-C is `apply`'s: it takes back what was begun.
static APPLYING: AtomicBool = AtomicBool::new(false);

/// Resolves when the person wants to stop and nothing is being applied.
pub async fn interrupted_outside_apply(cancelled: &mut watch::Receiver<bool>) {
    if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
        std::future::pending::<()>().await;
    }
    while APPLYING.load(Ordering::SeqCst) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // The command itself ends now, with its own report.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
}

/// Runs the whole pipeline once.
pub async fn run(
    what: What,
    args: &ApplyArgs,
    target: &Target,
    global: &Global,
    console: &Console,
    cancelled: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let started = Instant::now();
    let loaded = session::load(global, console)?;
    if what == What::Provision && !global.service.is_empty() {
        return Err(Failure::new(
            Kind::Usage,
            "provision works on whole hosts; --service is for deploy and status",
        ));
    }
    let releases = match what {
        What::Deploy => loaded.releases()?,
        What::Provision | What::Rollback => Vec::new(),
    };
    let depth = match what {
        What::Rollback => Depth::Records,
        _ => Depth::Plan,
    };
    let fleet = loaded.connect_all(console).await?;
    let facts = if args.dry_run {
        loaded.observe(&fleet, depth, console).await?
    } else if fleet.len() == 1 {
        // Both go out at once; the host takes the lock before it says what it has.
        let observed = loaded.observe(&fleet, depth, console);
        let (locked, facts) = tokio::join!(
            take_locks(&loaded, &fleet, what.name(), &args.lock, console),
            observed
        );
        locked?;
        facts?
    } else {
        take_locks(&loaded, &fleet, what.name(), &args.lock, console).await?;
        loaded.observe(&fleet, depth, console).await?
    };
    let options = Options {
        overwrite_drift: args.overwrite_drift,
    };
    let plan = match what {
        What::Rollback => plan::rollback(&loaded.stack, &facts, target, options)
            .map_err(|error| Failure::plan(&error))?,
        _ => make(what, &loaded, &facts, &releases, options)?,
    };
    if plan.is_empty() || args.dry_run {
        show(&plan, what, console)?;
        close(&fleet).await;
        return Ok(());
    }
    if !global.yes {
        console.tell(&ui::plan_pretty(&plan, console.paint));
    }
    confirm(
        &format!("{}: {}?", what.name(), ui::summary(&plan)),
        global.yes,
        console,
    )?;

    APPLYING.store(true, Ordering::SeqCst);
    let progress = Progress::new(&plan, console);
    let written = Written::begin(what.name(), &loaded.stack, &loaded.base, &facts, &plan);
    let tell = |event| progress.tell(event);
    let outcome = apply::apply(&plan, &fleet, &written.journal, &tell, cancelled).await;
    written.end(&fleet, &plan, &outcome).await;
    close(&fleet).await;
    APPLYING.store(false, Ordering::SeqCst);
    finish(what, &plan, outcome, started, console).map_err(|failure| {
        let logs = progress.logs();
        logs.into_iter().fold(failure, |failure, path| {
            failure.hint(format!("all that it said is in {}", path.display()))
        })
    })
}

/// The plan of one of the two commands.
pub fn make(
    what: What,
    loaded: &Loaded,
    facts: &Facts,
    releases: &[Release],
    options: Options,
) -> Result<Plan, Failure> {
    let plan = match what {
        What::Provision => plan::provision(&loaded.stack, facts, &loaded.templates, options),
        What::Deploy | What::Rollback => {
            plan::deploy(&loaded.stack, facts, releases, &loaded.templates, options)
        }
    };
    plan.map_err(|error| Failure::plan(&error))
}

fn show(plan: &Plan, what: What, console: &Console) -> Result<(), Failure> {
    if console.json {
        let mut value = ui::plan_json(plan);
        value["command"] = json!(what.name());
        return console.say(&value.to_string());
    }
    let text = ui::plan_pretty(plan, console.paint_out);
    console.say(&format!("{text}{}: {}", what.name(), ui::summary(plan)))
}

async fn close(fleet: &Fleet) {
    join_all(fleet.values().map(|transport| transport.close())).await;
}

fn finish(
    what: What,
    plan: &Plan,
    outcome: Outcome<ApplyError>,
    started: Instant,
    console: &Console,
) -> Result<(), Failure> {
    if console.json {
        console.say(&outcome_json(what, plan, &outcome, started).to_string())?;
    }
    if outcome.is_success() {
        if !console.json {
            for note in &plan.notes {
                console.tell(&format!(
                    "{} {}: {}",
                    console.paint.warn("note"),
                    note.host,
                    note.text
                ));
            }
            let took = ui::seconds(started.elapsed());
            console.say(&format!("{}: {} in {took}", what.name(), ui::summary(plan)))?;
        }
        return Ok(());
    }
    let count = |state: StepState| outcome.states.iter().filter(|seen| **seen == state).count();
    let told = format!(
        "{} steps done, {} failed, {} never started{}",
        count(StepState::Done),
        count(StepState::Failed),
        count(StepState::NotStarted),
        if outcome.undone.is_empty() {
            String::new()
        } else {
            format!(", {} things taken back", outcome.undone.len())
        }
    );
    if outcome.cancelled {
        return Err(Failure::new(Kind::Interrupted, format!("stopped: {told}"))
            .hint("run the command again; it goes on where this run ended"));
    }
    let mut failure = None;
    for (host, error) in &outcome.unarmed {
        let told = Failure::step(host.as_str(), "write down what is about to be done", error);
        if let Some(earlier) = failure.replace(told) {
            console.tell(&Failure::text(&earlier, console.paint));
        }
    }
    for (step, error) in outcome
        .errors
        .iter()
        .filter(|(_, error)| !matches!(error, ApplyError::Cancelled))
    {
        let step = &plan.steps[*step];
        let told = Failure::step(step.host.as_str(), &step.action.words(), error);
        if let Some(earlier) = failure.replace(told) {
            console.tell(&Failure::text(&earlier, console.paint));
        }
    }
    let failure = failure.unwrap_or_else(|| Failure::new(Kind::Step, "a step failed"));
    Err(failure.hint(told).hint(match what {
        What::Deploy | What::Rollback => {
            "what served before still serves; mend the cause and run the command again"
        }
        What::Provision => {
            "mend the cause and run the command again; it goes on where this run ended"
        }
    }))
}

fn outcome_json(what: What, plan: &Plan, outcome: &Outcome<ApplyError>, started: Instant) -> Value {
    let mut value = ui::plan_json(plan);
    let states = outcome.states.iter().map(|state| match state {
        StepState::Done => "done",
        StepState::Failed => "failed",
        StepState::NotStarted => "not started",
    });
    if let Some(steps) = value["steps"].as_array_mut() {
        for (step, state) in steps.iter_mut().zip(states) {
            step["state"] = json!(state);
        }
    }
    let errors: Vec<Value> = outcome
        .errors
        .iter()
        .map(|(step, error)| json!({"step": step + 1, "error": error.to_string(), "tail": error.tail()}))
        .collect();
    value["command"] = json!(what.name());
    value["outcome"] = json!(outcome.name());
    value["seconds"] = json!(started.elapsed().as_secs_f64());
    value["errors"] = json!(errors);
    value["undone"] = json!(outcome.undone);
    value
}
