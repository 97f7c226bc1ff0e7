//! What both planners share: building the steps of one host, and refusing before anything is changed.

use std::collections::BTreeMap;

use super::step::{Action, BakeTarget, Commit, Folder, Note, Step};
use crate::facts::{FileKind, HostFacts, Manifest, Owned, sha256};
use crate::model::{Host, HostName, HostPath, Layout, Owner, RemoteFile, Stack};
use crate::render::RenderError;

/// What the person who runs us decided.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Replace files that the host's owner edited by hand.
    pub overwrite_drift: bool,
}

/// Why nothing was planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("refused before anything was changed")]
    Refused(Vec<Finding>),
    #[error("cannot render the files of {host}")]
    Render {
        host: HostName,
        #[source]
        source: RenderError,
    },
}

/// One reason to refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub host: HostName,
    pub text: String,
    /// What to do next.
    pub hint: String,
}

/// The steps of one host as they come together.
pub(super) struct HostPlan<'a> {
    pub stack: &'a Stack,
    pub host: &'a Host,
    pub facts: &'a HostFacts,
    pub layout: Layout,
    pub options: Options,
    pub steps: Vec<Step>,
    pub notes: Vec<Note>,
    pub findings: Vec<Finding>,
    pub manifest: Manifest,
    /// Whether this plan goes through every file of ours but those of releases, so that a damaged manifest is whole after it.
    pub rebuilds_manifest: bool,
    /// What is watched after the switch, and for how many seconds.
    pub baking: (Vec<BakeTarget>, u32),
    pub commit: Commit,
}

impl<'a> HostPlan<'a> {
    pub fn new(stack: &'a Stack, host: &'a Host, facts: &'a HostFacts, options: Options) -> Self {
        let mut manifest = facts.manifest.clone();
        manifest.schema = 1;
        Self {
            stack,
            host,
            facts,
            layout: Layout::new(&stack.name),
            options,
            steps: Vec::new(),
            notes: Vec::new(),
            findings: Vec::new(),
            manifest,
            rebuilds_manifest: false,
            baking: (Vec::new(), 0),
            commit: Commit::default(),
        }
    }

    pub fn step(&mut self, phase: u16, action: Action, cause: impl Into<String>) -> &mut Step {
        self.steps.push(Step {
            host: self.host.name.clone(),
            phase,
            action,
            cause: cause.into(),
            undo: Vec::new(),
        });
        self.steps.last_mut().expect("just pushed")
    }

    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(Note {
            host: self.host.name.clone(),
            text: text.into(),
        });
    }

    pub fn refuse(&mut self, text: impl Into<String>, hint: impl Into<String>) {
        self.findings.push(Finding {
            host: self.host.name.clone(),
            text: text.into(),
            hint: hint.into(),
        });
    }

    /// A folder of ours with this mode, root's.
    pub fn folder(&mut self, phase: u16, path: HostPath, mode: u32) {
        let there = self.facts.files.get(&path);
        let right = there.is_some_and(|file| {
            file.kind == FileKind::Folder && file.mode & 0o7777 == mode && file.user == 0
        });
        if !right {
            let cause = if there.is_some() {
                "its mode or owner differs"
            } else {
                "missing"
            };
            let owner = Owner::ROOT;
            self.step(
                phase,
                Action::PutFolder(Folder { path, mode, owner }),
                cause,
            );
        }
    }

    /// Has the manifest say that `file` is ours, as it is here.
    pub fn own(&mut self, file: &RemoteFile) -> Option<Owned> {
        let owned = Owned {
            digest: sha256(&file.contents),
            mode: format!("{:04o}", file.mode),
        };
        self.manifest.files.insert(file.path.clone(), owned)
    }

    /// Has the manifest say that what stands at `path` is ours.
    pub fn own_as_it_is(&mut self, path: &HostPath) {
        let there = self.facts.files.get(path);
        let owned = there.and_then(|there| {
            Some(Owned {
                digest: there.digest.clone()?,
                mode: format!("{:04o}", there.mode & 0o7777),
            })
        });
        self.manifest
            .files
            .extend(owned.map(|owned| (path.clone(), owned)));
    }

    /// Whether `file` must be written, and what stands in its place. A file that somebody edited by hand is noted
    /// and left alone unless told otherwise.
    pub fn compare(&mut self, file: &RemoteFile) -> Comparison {
        let wanted = sha256(&file.contents);
        let known = self.own(file);
        let Some(there) = self.facts.files.get(&file.path) else {
            return Comparison::Differs {
                before: None,
                cause: "missing",
                edited: false,
            };
        };
        let same_bytes = there.digest.as_deref() == Some(wanted.as_str());
        if same_bytes && there.mode & 0o7777 == file.mode {
            return Comparison::Same;
        }
        let before = there.contents.clone().unwrap_or_default();
        let edited = match &known {
            Some(known) => there.digest.as_deref() != Some(known.digest.as_str()),
            None => self.manifest_is_damaged(),
        };
        if edited && !same_bytes && !self.options.overwrite_drift {
            if let Some(kept) = known {
                self.manifest.files.insert(file.path.clone(), kept);
            }
            let path = &file.path;
            let change = super::text::diff(
                &String::from_utf8_lossy(&before),
                &String::from_utf8_lossy(&file.contents),
            );
            self.note(format!(
                "{path} was edited on the host and is left as it is; --overwrite-drift would change it:\n{change}"
            ));
            return Comparison::Same;
        }
        let cause = if same_bytes {
            "its mode differs"
        } else {
            "its contents differ"
        };
        Comparison::Differs {
            before: Some(before),
            cause,
            edited: edited && !same_bytes,
        }
    }

    /// Keeps a copy of a file that somebody edited, before it is replaced.
    pub fn keep_copy(&mut self, phase: u16, from: &HostPath) {
        let copy = Action::KeepCopy {
            from: from.clone(),
            to: self.layout.kept(from, self.facts.clock),
        };
        self.step(phase, copy, "it was edited on the host and is replaced");
    }

    /// Whether there is a manifest that cannot be read. Nothing tells then whose a file is that differs from ours.
    pub fn manifest_is_damaged(&self) -> bool {
        let there = self.facts.files.contains_key(&self.layout.manifest());
        there && self.facts.manifest.files.is_empty()
    }

    /// A file of ours, written when it differs. Whether it was.
    pub fn file(&mut self, phase: u16, file: RemoteFile) -> bool {
        match self.compare(&file) {
            Comparison::Same => false,
            Comparison::Differs {
                before,
                cause,
                edited,
            } => {
                if edited {
                    self.keep_copy(phase, &file.path);
                }
                self.step(phase, Action::PutFile { file, before }, cause);
                true
            }
        }
    }

    /// Whether systemd goes by an older file of this unit: whoever changed it was cut off before systemd read it.
    pub fn is_stale(&self, unit: &str) -> bool {
        self.facts.units.get(unit).is_some_and(|unit| unit.is_stale)
    }

    /// Files of ours that nothing wants any more.
    pub fn forget(&mut self, phase: u16, path: &HostPath, cause: &str) {
        if self.manifest.files.remove(path).is_some() && self.facts.files.contains_key(path) {
            self.step(phase, Action::Remove(path.clone()), cause.to_owned());
        }
    }

    /// What was switched is watched, then it is confirmed that what was done stays.
    pub fn confirm(&mut self, bake: u16, commit: u16) {
        let (targets, seconds) = std::mem::take(&mut self.baking);
        if !targets.is_empty() && seconds > 0 {
            self.step(
                bake,
                Action::Bake { targets, seconds },
                "the switch is taken back if it fails",
            );
        }
        let mut written = std::mem::take(&mut self.commit);
        let can_be_undone = self.steps.iter().any(|step| !step.undo.is_empty());
        let marks = written.serves.len() + written.leaves.len() + written.served.len();
        if can_be_undone || marks > 0 {
            written.time = self.facts.clock;
            self.step(
                commit,
                Action::Commit(Box::new(written)),
                "all of it is well",
            );
        }
    }

    /// The manifest last, so that a run that died before it is finished by the next.
    pub fn finish(mut self, phase: u16, plan: &mut Parts) {
        let contents = self.manifest.to_bytes();
        let path = self.layout.manifest();
        let there = self
            .facts
            .files
            .get(&path)
            .and_then(|file| file.digest.as_deref());
        let stays_damaged = self.manifest_is_damaged() && !self.rebuilds_manifest;
        let is_there = there == Some(sha256(&contents).as_str());
        if !is_there && !stays_damaged && !self.manifest.files.is_empty() {
            let file = RemoteFile {
                path,
                mode: 0o600,
                owner: Owner::ROOT,
                contents,
            };
            let before = there.map(|_| self.facts.manifest.to_bytes());
            self.step(
                phase,
                Action::PutFile { file, before },
                "it lists what is ours",
            );
        }
        plan.steps.extend(self.steps);
        plan.notes.extend(self.notes);
        plan.findings.extend(self.findings);
    }
}

pub(super) enum Comparison {
    Same,
    Differs {
        before: Option<Vec<u8>>,
        cause: &'static str,
        /// Whether somebody wrote what stands there, and it is to be replaced all the same.
        edited: bool,
    },
}

/// What the hosts' plans come to.
#[derive(Default)]
pub(super) struct Parts {
    pub steps: Vec<Step>,
    pub notes: Vec<Note>,
    pub findings: Vec<Finding>,
}

impl Parts {
    pub fn into_plan(mut self) -> Result<super::Plan, PlanError> {
        if !self.findings.is_empty() {
            return Err(PlanError::Refused(self.findings));
        }
        // Stable: within a phase each host keeps its order.
        self.steps.sort_by_key(|step| step.phase);
        Ok(super::Plan {
            steps: self.steps,
            notes: self.notes,
        })
    }
}

/// Labels by which one stack's objects are told from another's.
pub(super) fn is_ours(labels: &BTreeMap<String, String>, stack: &Stack) -> bool {
    labels
        .get(super::container::label::STACK)
        .map(String::as_str)
        == Some(stack.name.as_str())
}
