//! Walks a plan; one arm an action. Nothing here decides: what is done, in which order and what takes it back is in
//! the plan.

mod action;
mod archive;
mod build;
mod database;
mod engine;
mod error;
mod failpoint;
mod health;
mod hook;
mod image;
mod lock;
mod moved;
mod offer;
mod undo;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Mutex, watch};

pub use error::{ApplyError, Refusal};
pub use hook::{HookError, HookPlaces, run_hook};
pub use lock::{Holder, LockError, LockEvent, LockState, hold, lock, lock_state, release};

use crate::model::{HostName, HostPath, Logins};
use crate::plan::{Action, Event, Outcome, Plan, Step, StepState};
use crate::transport::Transport;
use action::Target;
use build::Built;
use std::sync::Arc;

/// Where events go. Called from several hosts' work at once.
pub type Tell<'a> = &'a (dyn Fn(Event) + Send + Sync);

/// After Ctrl-C, CI systems kill within ten seconds; what must be taken back has to fit.
const UNDO_AFTER_CANCEL: Duration = Duration::from_secs(6);
const UNDO: Duration = Duration::from_secs(120);

/// What this machine has for a run.
#[derive(Debug, Clone, Default)]
pub struct Here {
    /// For what is pulled.
    pub logins: Arc<Logins>,
    /// Where its engine is, as DOCKER_HOST has it; `None` at its usual place.
    pub docker_host: Option<String>,
}

/// What each host knows of a run while it is under way.
#[derive(Debug, Clone)]
pub struct Journal {
    /// Where it is kept; see [`crate::model::Layout::pending`].
    pub pending: HostPath,
    pub history: HostPath,
    /// The run as one JSON object in one line.
    pub header: String,
}

/// All that a host was given to take back.
const BEGUN: &str = "take back what was begun";

/// Applies `plan` to the hosts of `fleet`. Each of them knows before its first step what takes its steps back, and does so
/// when the run fails, is stopped, or is never heard of again. `cancelled` turns true when the person wants it to end.
pub async fn apply(
    plan: &Plan,
    fleet: &BTreeMap<HostName, Arc<dyn Transport>>,
    here: &Here,
    journal: &Journal,
    tell: Tell<'_>,
    cancelled: watch::Receiver<bool>,
) -> Outcome<ApplyError> {
    let built = Arc::new(Built::default());
    let targets: BTreeMap<&HostName, Target> = fleet
        .iter()
        .map(|(name, transport)| {
            let target = Target::new(Arc::clone(transport), Arc::clone(&built), here.clone());
            (name, target)
        })
        .collect();
    let run = Run {
        plan,
        journal,
        targets,
        tell,
        cancelled,
        stop: AtomicBool::new(false),
        states: Mutex::new(vec![StepState::NotStarted; plan.steps.len()]),
        errors: Mutex::new(Vec::new()),
        unarmed: Mutex::new(Vec::new()),
    };
    let mut phases: Vec<u16> = plan.steps.iter().map(|step| step.phase).collect();
    phases.dedup();
    let hosts: BTreeSet<&HostName> = plan.steps.iter().map(|step| &step.host).collect();
    join_all(hosts.iter().map(|host| run.arm(host))).await;
    for phase in phases {
        if run.is_stopped() {
            break;
        }
        join_all(run.targets.keys().map(|host| run.phase(host, phase))).await;
    }
    let was_cancelled = *run.cancelled.borrow();
    let (mut undone, mut not_undone, mut left) = (Vec::new(), Vec::new(), BTreeSet::new());
    if run.is_stopped() {
        let limit = if was_cancelled {
            UNDO_AFTER_CANCEL
        } else {
            UNDO
        };
        let why = run.why().await;
        let work = run.targets.keys().map(|host| {
            let back = tokio::time::timeout(limit, run.recover(host, &why));
            async move { (*host, back.await) }
        });
        for (host, back) in join_all(work).await {
            match back {
                Ok(back) => {
                    undone.extend(back.undone);
                    not_undone.extend(back.not_undone);
                }
                // Whatever is not done yet the host does, when it finds that we are gone.
                Err(_) => {
                    let why = "not done in time; the host goes on by itself";
                    not_undone.push(run.not_undone(host, BEGUN, why.to_owned()));
                    left.insert(host.clone());
                }
            }
        }
    }
    Outcome {
        states: run.states.into_inner(),
        errors: run.errors.into_inner(),
        unarmed: run.unarmed.into_inner(),
        undone,
        not_undone,
        left,
        cancelled: was_cancelled,
    }
}

/// Ends a run on one host: adds `line` to its history and has it forget what it knew of the run meanwhile.
///
/// # Errors
/// When the host cannot be asked or cannot write.
pub async fn record(
    transport: &Arc<dyn Transport>,
    journal: &Journal,
    line: &str,
) -> Result<(), ApplyError> {
    Target::new(Arc::clone(transport), Arc::default(), Here::default())
        .record(journal, line)
        .await
}

/// What one host has taken back, and what it could not.
#[derive(Default)]
struct Back {
    undone: Vec<String>,
    not_undone: Vec<String>,
}

struct Run<'a> {
    plan: &'a Plan,
    journal: &'a Journal,
    targets: BTreeMap<&'a HostName, Target>,
    tell: Tell<'a>,
    cancelled: watch::Receiver<bool>,
    /// Set by the first failure on any host: no further step starts.
    stop: AtomicBool,
    states: Mutex<Vec<StepState>>,
    errors: Mutex<Vec<(usize, ApplyError)>>,
    /// Hosts that did not take what takes their steps back.
    unarmed: Mutex<Vec<(HostName, ApplyError)>>,
}

impl Run<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst) || *self.cancelled.borrow()
    }

    async fn phase(&self, host: &HostName, phase: u16) {
        let steps = self.plan.steps.iter().enumerate();
        for (index, step) in steps.filter(|(_, step)| step.phase == phase && step.host == *host) {
            if self.is_stopped() {
                return;
            }
            (self.tell)(Event::Started { step: index });
            let mut cancelled = self.cancelled.clone();
            let work = async {
                failpoint::before().await?;
                let later = self.later(host, index)?;
                self.targets[host]
                    .act(&step.action, index, self.journal, &later, self.tell)
                    .await?;
                failpoint::after().await
            };
            let result = tokio::select! {
                result = work => result,
                Ok(_) = cancelled.wait_for(|cancelled| *cancelled) => Err(ApplyError::Cancelled),
            };
            let state = match result {
                Ok(()) => {
                    (self.tell)(Event::Done { step: index });
                    StepState::Done
                }
                Err(error) => {
                    self.stop.store(true, Ordering::SeqCst);
                    (self.tell)(Event::Failed { step: index });
                    self.errors.lock().await.push((index, error));
                    StepState::Failed
                }
            };
            self.states.lock().await[index] = state;
        }
    }

    /// Gives a host what takes its steps back, before the first of them.
    async fn arm(&self, host: &HostName) {
        let undo = self.undo_from(host, 0);
        let armed = match undo::pending(&self.journal.header, undo.into_iter()) {
            Ok(pending) => {
                self.targets[host]
                    .arm(
                        &self.journal.pending,
                        &self.journal.history,
                        pending.as_bytes(),
                    )
                    .await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = armed {
            self.stop.store(true, Ordering::SeqCst);
            self.unarmed.lock().await.push((host.clone(), error));
        }
    }

    /// What takes the steps of a host back from `first` on, until the next commit.
    fn undo_from(&self, host: &HostName, first: usize) -> Vec<&Action> {
        let mine = self.plan.steps[first..].iter();
        let mine = mine.filter(|step| step.host == *host);
        let stage = mine.take_while(|step| !matches!(step.action, Action::Commit(_)));
        let stage: Vec<&Step> = stage.collect();
        stage
            .into_iter()
            .rev()
            .flat_map(|step| &step.undo)
            .collect()
    }

    /// For a commit: what takes back what comes after it.
    fn later(&self, host: &HostName, index: usize) -> Result<String, ApplyError> {
        match self.plan.steps[index].action {
            Action::Commit(_) => {
                let undo = self.undo_from(host, index + 1);
                undo::pending(&self.journal.header, undo.into_iter())
            }
            _ => Ok(String::new()),
        }
    }

    /// Why the run is taken back, for the hosts' histories.
    async fn why(&self) -> String {
        let errors = self.errors.lock().await;
        match errors.first() {
            _ if *self.cancelled.borrow() => "interrupted: stopped by hand".to_owned(),
            Some((step, error)) => {
                format!("failed: {}: {error}", self.plan.steps[*step].action.words())
            }
            None => "failed: it could not begin".to_owned(),
        }
    }

    /// Has a host take back what it was given in [`Run::arm`] and has not been told to keep.
    async fn recover(&self, host: &HostName, why: &str) -> Back {
        let mut back = Back::default();
        let said = match self.targets[host].recover(&self.journal.pending, why).await {
            Ok(said) => said,
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::new(error));
                back.not_undone.push(self.not_undone(host, BEGUN, error));
                return back;
            }
        };
        let full = if said.lines().any(|line| line.starts_with("failed\t")) {
            self.targets[host].full().await
        } else {
            Vec::new()
        };
        for line in said.lines() {
            let mut fields = line.split('\t');
            match (fields.next(), fields.next()) {
                (Some("undone"), Some(words)) => {
                    (self.tell)(Event::Undoing {
                        host: host.clone(),
                        words: words.to_owned(),
                    });
                    back.undone.push(format!("{host}: {words}"));
                }
                (Some("failed"), Some(words)) => {
                    let why = fields.next().unwrap_or_default().to_owned();
                    let whole: Vec<String> = [vec![why], full.clone()].concat();
                    let told = self.not_undone(host, words, whole.join("; "));
                    back.not_undone.push(told);
                }
                _ => {}
            }
        }
        back
    }

    /// Tells it; the words for the outcome.
    fn not_undone(&self, host: &HostName, words: &str, error: String) -> String {
        (self.tell)(Event::UndoFailed {
            host: host.clone(),
            words: words.to_owned(),
            error,
        });
        format!("{host}: {words}")
    }
}
