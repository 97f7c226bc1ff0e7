//! Walks a plan; one arm an action. Nothing here decides: what is done, in which order and what takes it back is in
//! the plan.

mod action;
mod archive;
mod health;
mod lock;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Mutex, watch};

pub use action::ApplyError;
pub use lock::{Holder, LockError, LockEvent, LockState, hold, lock, lock_state, release};

use crate::model::HostName;
use crate::plan::{Event, Outcome, Plan, StepState};
use crate::transport::Transport;
use action::Target;
use std::sync::Arc;

/// Where events go. Called from several hosts' work at once.
pub type Tell<'a> = &'a (dyn Fn(Event) + Send + Sync);

/// After Ctrl-C, CI systems kill within ten seconds; what must be taken back has to fit.
const UNDO_AFTER_CANCEL: Duration = Duration::from_secs(6);
const UNDO: Duration = Duration::from_secs(120);

/// Applies `plan` to the hosts of `fleet`. `cancelled` turns true when the person wants it to end.
pub async fn apply(
    plan: &Plan,
    fleet: &BTreeMap<HostName, Arc<dyn Transport>>,
    tell: Tell<'_>,
    cancelled: watch::Receiver<bool>,
) -> Outcome<ApplyError> {
    let targets: BTreeMap<&HostName, Target> = fleet
        .iter()
        .map(|(name, transport)| (name, Target::new(Arc::clone(transport))))
        .collect();
    let run = Run {
        plan,
        targets,
        tell,
        cancelled,
        stop: AtomicBool::new(false),
        states: Mutex::new(vec![StepState::NotStarted; plan.steps.len()]),
        errors: Mutex::new(Vec::new()),
    };
    let mut phases: Vec<u16> = plan.steps.iter().map(|step| step.phase).collect();
    phases.dedup();
    for phase in phases {
        join_all(run.targets.keys().map(|host| run.phase(host, phase))).await;
        if run.is_stopped() {
            break;
        }
    }
    let was_cancelled = *run.cancelled.borrow();
    let mut undone = Vec::new();
    if run.is_stopped() {
        let limit = if was_cancelled {
            UNDO_AFTER_CANCEL
        } else {
            UNDO
        };
        let states = run.states.lock().await.clone();
        let work = join_all(run.targets.keys().map(|host| run.undo(host, &states)));
        if let Ok(lists) = tokio::time::timeout(limit, work).await {
            undone = lists.into_iter().flatten().collect();
        }
    }
    Outcome {
        states: run.states.into_inner(),
        errors: run.errors.into_inner(),
        undone,
        cancelled: was_cancelled,
    }
}

struct Run<'a> {
    plan: &'a Plan,
    targets: BTreeMap<&'a HostName, Target>,
    tell: Tell<'a>,
    cancelled: watch::Receiver<bool>,
    /// Set by the first failure on any host: no further step starts.
    stop: AtomicBool,
    states: Mutex<Vec<StepState>>,
    errors: Mutex<Vec<(usize, ApplyError)>>,
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
            let work = self.targets[host].act(&step.action, index, self.tell);
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

    /// Takes back, last first, what was begun since the last step that commits.
    async fn undo(&self, host: &HostName, states: &[StepState]) -> Vec<String> {
        let mut undone = Vec::new();
        let mine = self
            .plan
            .steps
            .iter()
            .zip(states)
            .filter(|(step, _)| step.host == *host);
        let mine: Vec<_> = mine.collect();
        for (step, state) in mine.into_iter().rev() {
            match state {
                StepState::NotStarted => continue,
                StepState::Done if step.commits => break,
                StepState::Done | StepState::Failed => {}
            }
            for action in &step.undo {
                let words = action.words();
                (self.tell)(Event::Undoing {
                    host: host.clone(),
                    words: words.clone(),
                });
                match self.targets[host].act(action, usize::MAX, &|_| {}).await {
                    Ok(()) => undone.push(format!("{host}: {words}")),
                    Err(error) => (self.tell)(Event::UndoFailed {
                        host: host.clone(),
                        words,
                        error: format!("{:#}", anyhow::Error::new(error)),
                    }),
                }
            }
        }
        undone
    }
}
