//! When each step of a run began and ended, for the picture of a rehearsal.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::plan::{Action, Step};

/// Collects the steps of one run after another.
#[derive(Debug, Clone, Default)]
pub struct Timeline(Arc<Mutex<Vec<Timed>>>);

#[derive(Debug, Clone)]
pub struct Timed {
    pub track: &'static str,
    pub host: String,
    pub words: String,
    pub began: Instant,
    pub ended: Instant,
    pub good: bool,
}

impl Timeline {
    /// A step that has ended now.
    pub fn add(&self, step: &Step, began: Instant, good: bool) {
        let timed = Timed {
            track: track(&step.action),
            host: step.host.to_string(),
            words: step.action.words(),
            began,
            ended: Instant::now(),
            good,
        };
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        steps.push(timed);
    }

    /// What was collected until now.
    pub fn take(&self) -> Vec<Timed> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a step is part of, as people see a deploy.
fn track(action: &Action) -> &'static str {
    match action {
        Action::PullImage(_)
        | Action::BuildImage(_)
        | Action::BuildImageHere(_)
        | Action::PushTree { .. }
        | Action::BuildOnHost(_)
        | Action::BuildHere(_)
        | Action::Install(_) => "build",
        Action::RunOnce { .. } | Action::RunUnitOnce(_) | Action::InitDatabase(_) => "release",
        Action::RunContainer(_) | Action::StartContainer(_) | Action::StartUnit(_) => "start",
        Action::WaitHealthy { .. } => "health",
        Action::InstallSite(_) | Action::RestoreSite(_) => "site",
        Action::Switch { .. } | Action::SwitchBack(_) => "switch",
        Action::Bake { .. } => "bake",
        Action::KeepWarm(_)
        | Action::Drain { .. }
        | Action::StopContainer { .. }
        | Action::StopUnit(_)
        | Action::RemoveContainer(_)
        | Action::RemoveImage(_) => "retire",
        _ => "other",
    }
}
