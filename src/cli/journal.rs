//! Who runs what from where: what the hosts' histories say of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::Console;
use super::lock::{from, who};
use crate::apply::{ApplyError, Journal};
use crate::model::{HostName, Layout, ServiceName, Stack};
use crate::observe::Fleet;
use crate::plan::{Action, Outcome, Plan};
use crate::transport::Transport;
use crate::{apply, facts::Facts};

/// What tells one run from every other.
pub struct Identity {
    pub run: String,
    pub who: String,
    /// The commit of the yaml's folder, and whether it holds changes beside it.
    pub git: Option<(String, bool)>,
}

impl Identity {
    pub fn of(folder: &Path) -> Self {
        Self {
            run: run_id(),
            who: who(),
            git: git(folder),
        }
    }
}

/// One run, as it is written down on the hosts that it changes.
pub struct Written {
    pub journal: Journal,
    run: Value,
    started: Instant,
}

/// The commit that a folder is at, and whether it holds changes beside it; nothing where there is no git.
fn git(folder: &Path) -> Option<(String, bool)> {
    let git = |args: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(args)
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let commit = git(&["rev-parse", "HEAD"])?;
    let changes = git(&["status", "--porcelain", "--", "."])?;
    Some((commit, !changes.is_empty()))
}

/// Seconds since the epoch.
pub fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

/// A name for a run that no other has.
pub fn run_id() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!("{:x}-{:x}", now.as_millis(), std::process::id())
}

impl Written {
    /// `services` are those that a command names, where that is not all.
    pub fn begin(
        command: &str,
        services: Option<&BTreeSet<ServiceName>>,
        stack: &Stack,
        identity: &Identity,
        facts: &Facts,
        plan: &Plan,
    ) -> Self {
        let layout = Layout::new(&stack.name);
        let git = &identity.git;
        let began = facts.values().next().map(|facts| facts.clock_text.as_str());
        let mut run = json!({
            "run": identity.run,
            "command": command,
            "who": identity.who,
            "from": from(),
            "git": git.as_ref().map(|(commit, _)| commit),
            "dirty": git.as_ref().map(|(_, dirty)| dirty),
            "releases": releases(plan),
            "began": began,
        });
        if let Some(services) = services {
            run["services"] = json!(services);
        }
        Self {
            journal: Journal {
                pending: layout.pending(),
                history: layout.history(),
                header: run.to_string(),
            },
            run,
            started: Instant::now(),
        }
    }

    /// Adds the run's line to the history of each host that it was to change, also when it failed. What cannot be written
    /// is told, and changes nothing else. Hosts that were left to themselves write it themselves.
    pub async fn end(
        &self,
        fleet: &Fleet,
        plan: &Plan,
        outcome: &Outcome<ApplyError>,
        console: &Console,
    ) {
        let mut line = self.ended(outcome.name());
        line["undone"] = json!(outcome.undone);
        if let Some((step, error)) = outcome.errors.first() {
            let step = &plan.steps[*step];
            line["why"] = json!(format!("{}: {}: {error}", step.host, step.action.words()));
        }
        let hosts = fleet
            .iter()
            .filter(|(host, _)| plan.steps.iter().any(|step| step.host == **host))
            .filter(|(host, _)| !outcome.left.contains(*host));
        self.write(hosts, &line, console).await;
    }

    /// The same for a run without a plan, of the whole fleet.
    pub async fn tell(&self, fleet: &Fleet, outcome: &str, why: Option<&str>, console: &Console) {
        let mut line = self.ended(outcome);
        line["undone"] = json!([]);
        if let Some(why) = why {
            line["why"] = json!(why);
        }
        self.write(fleet.iter(), &line, console).await;
    }

    fn ended(&self, outcome: &str) -> Value {
        let mut line = self.run.clone();
        let seconds = self.started.elapsed().as_secs_f64();
        line["seconds"] = json!((seconds * 10.0).round() / 10.0);
        line["outcome"] = json!(outcome);
        line
    }

    async fn write<'a>(
        &self,
        hosts: impl Iterator<Item = (&'a HostName, &'a Arc<dyn Transport>)>,
        line: &Value,
        console: &Console,
    ) {
        let line = line.to_string();
        for (host, transport) in hosts {
            if let Err(error) = apply::record(transport, &self.journal, &line).await {
                console.tell(&format!(
                    "{} {host}: its history has no line of this run: {error}",
                    console.paint.warn("warning")
                ));
            }
        }
    }
}

/// Service → release, for those that a plan brings into service.
pub fn releases(plan: &Plan) -> BTreeMap<String, String> {
    let marks = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Commit(commit) => Some(&commit.serves),
        _ => None,
    });
    let names = marks.flatten().filter_map(|mark| {
        let (rest, id) = mark.as_str().rsplit_once('/')?;
        let (_, service) = rest.rsplit_once('/')?;
        Some((service.to_owned(), id.to_owned()))
    });
    names.collect()
}
