//! What both planners share: building the steps of one host, and refusing before anything is changed.

use std::collections::BTreeMap;

use super::drift::Drift;
use super::step::{Action, BakeTarget, Commit, Folder, Note, Step};
use crate::facts::{FileKind, HostFacts, Manifest, Owned, sha256};
use crate::model::{Host, HostName, HostPath, Layout, Owner, RemoteFile, Stack};
use crate::render::RenderError;

/// What the person who runs us decided.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Replace files that the host's owner edited by hand.
    pub overwrite_drift: bool,
    /// Load data again where it was loaded before.
    pub seed: bool,
    /// Ask for certificates also for names that have no address.
    pub ignore_dns: bool,
}

/// Why nothing was planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("refused before anything was changed")]
    Refused(Box<Refusal>),
    #[error("cannot render the files of {host}")]
    Render {
        host: HostName,
        #[source]
        source: RenderError,
    },
}

/// All reasons to refuse, and what was seen all the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    pub findings: Vec<Finding>,
    pub notes: Vec<Note>,
    pub drift: Vec<Drift>,
}

/// One reason to refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub host: HostName,
    /// What was looked at: `disk`, `ports`; it is what `doctor` calls it.
    pub check: &'static str,
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
    pub drift: Vec<Drift>,
    pub findings: Vec<Finding>,
    pub manifest: Manifest,
    /// Whether this plan goes through every file of ours but those of releases, so that a damaged manifest is whole after it.
    pub rebuilds_manifest: bool,
    /// Whether nginx shows a certificate that has been replaced since it read it.
    pub is_certificate_unread: bool,
    /// What is watched after the switch, and for how many seconds.
    pub baking: (Vec<BakeTarget>, u32),
    pub commit: Commit,
    /// The last phase of which everything can still be taken back.
    before_commit: u16,
    /// Files that were ours and are removed by this plan.
    forgotten: BTreeMap<HostPath, Owned>,
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
            drift: Vec::new(),
            findings: Vec::new(),
            manifest,
            rebuilds_manifest: false,
            is_certificate_unread: false,
            baking: (Vec::new(), 0),
            commit: Commit::default(),
            before_commit: 0,
            forgotten: BTreeMap::new(),
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
        self.refuse_as("preflight", text, hint);
    }

    /// Refuses because of what `doctor` looks at as well, by the same name.
    pub fn refuse_as(
        &mut self,
        check: &'static str,
        text: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.findings.push(Finding {
            host: self.host.name.clone(),
            check,
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

    /// What stands in a file, where the host showed it.
    pub fn contents(&self, path: &HostPath) -> Option<Vec<u8>> {
        self.facts.files.get(path)?.contents.clone()
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
        // Where the list of what is ours is gone, nothing tells whose a file is that differs from ours.
        let is_listed = self.was_here();
        self.compare_with(file, is_listed)
    }

    /// `is_unlisted_ours`: whether a file that is not in the manifest is ours all the same.
    pub(super) fn compare_with(&mut self, file: &RemoteFile, is_unlisted_ours: bool) -> Comparison {
        let wanted = sha256(&file.contents);
        let known = self.own(file);
        let Some(there) = self.facts.files.get(&file.path) else {
            if known.is_some() {
                let path = file.path.to_string();
                self.broken(path, "a file of ours", "gone", "write it again");
            }
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
            None => !is_unlisted_ours,
        };
        if edited && !same_bytes {
            self.edited_file(file, known.is_some());
            if !self.options.overwrite_drift {
                // Unlisted, it is listed as it should be, so that the next run sees that it is not.
                if let Some(kept) = known {
                    self.manifest.files.insert(file.path.clone(), kept);
                }
                return Comparison::Left;
            }
        } else if same_bytes
            && known.is_some_and(|known| known.mode == format!("{:04o}", file.mode))
        {
            let (was, is) = (file.mode, there.mode & 0o7777);
            let what = format!("{}: mode", file.path);
            self.broken(
                what,
                format!("{was:04o}"),
                format!("{is:04o}"),
                "set it again",
            );
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
        let comparison = self.compare(&file);
        self.write(phase, file, comparison)
    }

    /// A file that several stacks share, so that another one's list may have it.
    pub fn shared_file(&mut self, phase: u16, file: RemoteFile) -> bool {
        let comparison = self.compare_with(&file, true);
        self.write(phase, file, comparison)
    }

    /// Writes a file that [`HostPlan::compare`] has looked at. Whether it was.
    pub fn write(&mut self, phase: u16, file: RemoteFile, comparison: Comparison) -> bool {
        match comparison {
            Comparison::Same | Comparison::Left => false,
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
        if self.disown(path) && self.facts.files.contains_key(path) {
            self.step(phase, Action::Remove(path.clone()), cause.to_owned());
        }
    }

    /// A file that this plan itself has written, and wants only for a while.
    pub fn forget_new(&mut self, phase: u16, path: &HostPath, cause: &str) {
        self.disown(path);
        self.step(phase, Action::Remove(path.clone()), cause);
    }

    /// Takes a file out of the manifest, for whoever removes it. Whether it was there.
    pub fn disown(&mut self, path: &HostPath) -> bool {
        let known = self.manifest.files.remove(path);
        let was_there = known.is_some();
        self.forgotten
            .extend(known.map(|known| (path.clone(), known)));
        was_there
    }

    /// What was switched is watched, then it is confirmed that what was done stays.
    pub fn confirm(&mut self, bake: u16, commit: u16) {
        self.before_commit = bake;
        let (targets, seconds) = std::mem::take(&mut self.baking);
        // In a rollout the first groups are watched for its pause.
        if !targets.is_empty() && (seconds > 0 || self.stack.rollout.is_some()) {
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

    /// The manifest: before what was done stays, so that no file of ours is taken for one that somebody edited when the
    /// run dies after that; and last, so that a run that died before it is finished by the next.
    pub fn finish(mut self, phase: u16, plan: &mut Parts) {
        let path = self.layout.manifest();
        let known = self.facts.files.get(&path);
        let mut there = known.and_then(|file| file.digest.clone());
        let before = there.as_ref().map(|_| self.facts.manifest.to_bytes());
        let commits = |step: &Step| matches!(step.action, Action::Commit(_));
        let stays_damaged = self.manifest_is_damaged() && !self.rebuilds_manifest;
        let commit = self.steps.iter().position(commits);
        if let Some(commit) = commit.filter(|_| !stays_damaged) {
            // What is removed only afterwards is ours until then.
            let mut whole = self.manifest.clone();
            whole.files.append(&mut self.forgotten);
            let file = manifest(&path, whole.to_bytes());
            let digest = sha256(&file.contents);
            if there.as_deref() != Some(&digest) && !whole.files.is_empty() {
                let undo = match &before {
                    None => Action::Remove(path.clone()),
                    Some(before) => Action::PutFile {
                        file: manifest(&path, before.clone()),
                        before: None,
                    },
                };
                let before = before.clone();
                let step = Step {
                    host: self.host.name.clone(),
                    phase: self.before_commit,
                    action: Action::PutFile { file, before },
                    cause: OURS.into(),
                    undo: Vec::new(),
                };
                self.steps.insert(commit, step);
                // Taken back last: nothing counts on it, so a disk that has no room for it keeps nothing else from being
                // taken back, and what goes before it makes room.
                let first = self.steps.iter_mut().min_by_key(|step| step.phase);
                first.expect("one was just inserted").undo.push(undo);
                there = Some(digest);
            }
        }
        let file = manifest(&path, self.manifest.to_bytes());
        let is_there = there == Some(sha256(&file.contents));
        if !is_there && !stays_damaged && !self.manifest.files.is_empty() {
            self.step(phase, Action::PutFile { file, before }, OURS);
        }
        plan.steps.extend(self.steps);
        plan.notes.extend(self.notes);
        plan.drift.extend(self.drift);
        plan.findings.extend(self.findings);
    }
}

const OURS: &str = "it lists what is ours";

fn manifest(path: &HostPath, contents: Vec<u8>) -> RemoteFile {
    RemoteFile {
        path: path.clone(),
        mode: 0o600,
        owner: Owner::ROOT,
        contents,
    }
}

pub(super) enum Comparison {
    Same,
    /// Somebody wrote what stands there, and it stays.
    Left,
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
    pub drift: Vec<Drift>,
    pub findings: Vec<Finding>,
}

impl Parts {
    pub fn into_plan(mut self) -> Result<super::Plan, PlanError> {
        if !self.findings.is_empty() {
            return Err(PlanError::Refused(Box::new(Refusal {
                findings: self.findings,
                notes: self.notes,
                drift: self.drift,
            })));
        }
        // Stable: within a phase each host keeps its order.
        self.steps.sort_by_key(|step| step.phase);
        // What one run has switched is known by its time, whatever each host's clock says.
        let mut commits: Vec<&mut Commit> = self
            .steps
            .iter_mut()
            .filter_map(|step| match &mut step.action {
                Action::Commit(commit) => Some(commit.as_mut()),
                _ => None,
            })
            .collect();
        let time = commits.iter().map(|commit| commit.time).max();
        for commit in &mut commits {
            commit.time = time.unwrap_or(commit.time);
        }
        Ok(super::Plan {
            steps: self.steps,
            notes: self.notes,
            drift: self.drift,
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
