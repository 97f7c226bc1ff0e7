//! What can be said while a plan is applied.

use std::collections::BTreeSet;

use super::{Action, Plan};
use crate::model::HostName;

/// Something that happened to the step of this index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Started {
        step: usize,
    },
    /// A line that a program on the host said.
    Line {
        step: usize,
        text: String,
    },
    /// A line for people, such as what is waited for; shown where other lines are not.
    Notice {
        step: usize,
        text: String,
    },
    /// How far it is, in bytes or in checks.
    Progress {
        step: usize,
        done: u64,
        total: u64,
    },
    Done {
        step: usize,
    },
    Failed {
        step: usize,
    },
    /// An earlier step is taken back because a later one failed.
    Undoing {
        host: HostName,
        words: String,
    },
    /// Taking it back failed as well.
    UndoFailed {
        host: HostName,
        words: String,
        error: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    NotStarted,
    Done,
    Failed,
}

/// How applying a plan ended.
#[derive(Debug)]
pub struct Outcome<E> {
    /// One for each step of the plan.
    pub states: Vec<StepState>,
    /// The steps that failed, by index.
    pub errors: Vec<(usize, E)>,
    /// Hosts on which nothing was begun, since they could not keep what would take it back.
    pub unarmed: Vec<(HostName, E)>,
    /// What was taken back, in words.
    pub undone: Vec<String>,
    /// What could not be taken back, in words: its host tries again before the next run.
    pub not_undone: Vec<String>,
    /// Hosts that had not come to the end of it when there was no more time.
    pub left: BTreeSet<HostName>,
    /// Whether the person stopped it.
    pub cancelled: bool,
}

impl<E> Outcome<E> {
    /// `done`, `failed` or `interrupted`, as histories say it.
    pub fn name(&self) -> &'static str {
        if self.is_success() {
            "done"
        } else if self.cancelled {
            "interrupted"
        } else {
            "failed"
        }
    }

    pub fn is_success(&self) -> bool {
        self.errors.is_empty() && self.unarmed.is_empty() && !self.cancelled
    }

    /// Whether each host has confirmed what was switched: from then on nothing is taken back, even if a later step fails.
    pub fn is_confirmed(&self, plan: &Plan) -> bool {
        let mut commits = plan
            .steps
            .iter()
            .zip(&self.states)
            .filter(|(step, _)| matches!(step.action, Action::Commit(_)))
            .peekable();
        commits.peek().is_some() && commits.all(|(_, state)| *state == StepState::Done)
    }
}
