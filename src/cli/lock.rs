//! Locks: taking them for a run, and `lock status`, `lock hold` and `lock release`.

use std::collections::BTreeMap;
use std::time::Instant;

use futures_util::future::join_all;
use serde_json::json;

use super::args::{Global, LockArgs, LockCommand};
use super::session::{self, Loaded};
use super::{Console, Failure, Kind};
use crate::apply::{self, Holder, LockEvent, LockState};
use crate::model::HostName;
use crate::observe::Fleet;
use crate::transport::ConnectOptions;
use crate::ui;

/// Takes the lock of every host of the fleet for `command`. When one is refused, those that were taken are free again.
pub async fn take_locks(
    loaded: &Loaded,
    fleet: &Fleet,
    command: &str,
    args: &LockArgs,
    console: &Console,
) -> Result<(), Failure> {
    let owner = owner(command, args.reason.clone());
    let asked = Instant::now();
    // In the order of names on every machine, so that of two runs one gets all.
    for (host, transport) in fleet {
        let wait = args.lock_wait.saturating_sub(asked.elapsed());
        let told = |event| tell(host, event, args, console);
        let stack = &loaded.stack.name;
        let taken = apply::lock(host, transport.as_ref(), stack, &owner, wait, &told).await;
        if let Err(error) = taken {
            join_all(fleet.values().map(|transport| transport.close())).await;
            return Err(Failure::lock(&error));
        }
    }
    Ok(())
}

fn tell(host: &HostName, event: LockEvent, args: &LockArgs, console: &Console) {
    let paint = console.paint;
    match event {
        LockEvent::Waiting { holder } if args.lock_wait.is_zero() => drop(holder),
        LockEvent::Waiting { holder } => console.tell(&format!(
            "{host}: waiting up to {} for the lock, held by {holder}",
            ui::seconds(args.lock_wait)
        )),
        LockEvent::Recovering { run } => {
            console.tell(&format!(
                "{host}: an unfinished run is taken back first, of {run}"
            ));
        }
        LockEvent::Undone { words } => console.tell(&format!("{host}: taken back: {words}")),
        LockEvent::NotUndone { words, reason } => console.tell(&format!(
            "{} {host}: could not be taken back: {words}: {reason}",
            paint.warn("note")
        )),
    }
}

fn owner(command: &str, reason: Option<String>) -> Holder {
    Holder {
        who: who(),
        from: from(),
        command: command.to_owned(),
        reason,
        ..Holder::default()
    }
}

/// `user@machine`.
pub fn who() -> String {
    let user = ConnectOptions::from_environment().local_user;
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_else(|| "elsewhere".into());
    format!("{user}@{}", machine.trim())
}

/// The job's address, where a CI system gives one.
pub fn from() -> Option<String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let github = || {
        let server = variable("GITHUB_SERVER_URL")?;
        let repository = variable("GITHUB_REPOSITORY")?;
        Some(format!(
            "{server}/{repository}/actions/runs/{}",
            variable("GITHUB_RUN_ID")?
        ))
    };
    // GitLab; Jenkins and TeamCity; CircleCI; Buildkite.
    [
        "CI_JOB_URL",
        "BUILD_URL",
        "CIRCLE_BUILD_URL",
        "BUILDKITE_BUILD_URL",
    ]
    .into_iter()
    .find_map(variable)
    .or_else(github)
}

pub async fn lock(command: LockCommand, global: &Global, console: &Console) -> Result<(), Failure> {
    let loaded = session::load(global, console)?;
    if let LockCommand::Status = command {
        return status(&loaded, console).await;
    }
    let fleet = loaded.connect_all(console).await?;
    let result = change(command, &loaded, &fleet, console).await;
    join_all(fleet.values().map(|transport| transport.close())).await;
    result
}

async fn change(
    command: LockCommand,
    loaded: &Loaded,
    fleet: &Fleet,
    console: &Console,
) -> Result<(), Failure> {
    let stack = &loaded.stack.name;
    let mut done = Vec::new();
    for (host, transport) in fleet {
        let transport = transport.as_ref();
        let failed = |words: &'static str| move |error| Failure::step(host.as_str(), words, &error);
        let before = apply::lock_state(transport, stack).await;
        let before = before.map_err(failed("see how its lock stands"))?;
        let words = match &command {
            LockCommand::Hold { reason } => {
                let owner = owner("", Some(reason.clone()));
                let held = apply::hold(transport, stack, &owner).await;
                held.map_err(failed("put it on hold"))?;
                match before.held {
                    Some(holder) => format!("on hold; a run goes on, of {holder}"),
                    None => "on hold".to_owned(),
                }
            }
            LockCommand::Release => {
                let released = apply::release(transport, stack).await;
                released.map_err(failed("end the hold"))?;
                match before.hold {
                    Some(holder) => format!("no longer on hold by {holder}"),
                    None => "was not on hold".to_owned(),
                }
            }
            LockCommand::Status => continue,
        };
        done.push((host, words));
    }
    if console.json {
        let hosts: Vec<_> = done
            .iter()
            .map(|(host, words)| json!({"host": host, "done": words}))
            .collect();
        return console.say(&json!({"schema": 1, "hosts": hosts}).to_string());
    }
    let lines: Vec<String> = done
        .iter()
        .map(|(host, words)| format!("{host}: {words}"))
        .collect();
    console.say(&lines.join("\n"))
}

async fn status(loaded: &Loaded, console: &Console) -> Result<(), Failure> {
    let (fleet, mut failures) = loaded.connect().await;
    let stack = &loaded.stack.name;
    let asked = fleet.iter().map(|(host, transport)| async move {
        (
            host.clone(),
            apply::lock_state(transport.as_ref(), stack).await,
        )
    });
    let mut states: BTreeMap<HostName, LockState> = BTreeMap::new();
    for (host, state) in join_all(asked).await {
        match state {
            Ok(state) => drop(states.insert(host, state)),
            Err(error) => {
                let mut failure = Failure::step(host.as_str(), "see how its lock stands", &error);
                failure.kind = Kind::Unreachable;
                failures.insert(host, failure);
            }
        }
    }
    join_all(fleet.values().map(|transport| transport.close())).await;
    if console.json {
        let hosts: Vec<_> = states
            .iter()
            .map(|(host, state)| {
                json!({"host": host, "held": state.held, "hold": state.hold, "unfinished": state.unfinished})
            })
            .collect();
        console.say(&json!({"schema": 1, "hosts": hosts}).to_string())?;
    } else {
        let lines: Vec<String> = states
            .iter()
            .flat_map(|(host, state)| {
                words(state)
                    .into_iter()
                    .map(move |words| format!("{host}: {words}"))
            })
            .collect();
        console.say(&lines.join("\n"))?;
    }
    session::first_failure(failures, console)
}

fn words(state: &LockState) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(holder) = &state.held {
        words.push(format!("locked by {holder}"));
    }
    if let Some(holder) = &state.hold {
        words.push(format!("on hold by {holder}"));
    }
    if let Some(run) = &state.unfinished {
        words.push(format!(
            "the next run first takes back an unfinished one, of {run}"
        ));
    }
    if words.is_empty() {
        words.push("free".to_owned());
    }
    words
}
