//! The files of this machine that containers of compose files get.

use super::super::deploy::phase;
use super::super::host::HostPlan;
use super::super::step::{Action, Folder};
use crate::facts::sha256;
use crate::model::{Composed, ComposedFile, HostPath, Owner, ReleaseId, Service};

impl HostPlan<'_> {
    /// The files of this machine that a container gets.
    pub(in crate::plan) fn composed_files(
        &mut self,
        service: &Service,
        composed: &Composed,
        id: &ReleaseId,
    ) {
        if composed.files.is_empty() {
            return;
        }
        let folder = Folder {
            path: self.layout.composed_files(&service.name, id),
            mode: 0o700,
            owner: Owner::ROOT,
        };
        self.step(
            phase::PREPARE,
            Action::PutFolder(folder),
            "only root looks into it",
        );
        for (at, file) in composed.files.iter().enumerate() {
            let path = self.layout.composed_file(&service.name, id, at);
            let cause = format!("`{}` finds it at {}", service.name, file.to);
            self.step(phase::PREPARE, put(file, path), cause);
        }
    }

    /// Writes those again that are gone: without them the container would not start again.
    pub(in crate::plan) fn missing_files(
        &mut self,
        service: &Service,
        composed: &Composed,
        id: &ReleaseId,
    ) {
        let folder = self.layout.composed_files(&service.name, id);
        for (at, file) in composed.files.iter().enumerate() {
            let path = self.layout.composed_file(&service.name, id, at);
            if self.facts.files.contains_key(&path) {
                continue;
            }
            self.broken(path.to_string(), "a file of ours", "gone", "write it again");
            let own = Folder {
                path: folder.clone(),
                mode: 0o700,
                owner: Owner::ROOT,
            };
            self.step(phase::PREPARE, Action::PutFolder(own), "missing");
            self.step(phase::PREPARE, put(file, path), "missing");
        }
    }

    /// A container sees the file that was there when it started, so an edited one is only mended by making it again. What was
    /// written there may be a secret.
    pub(in crate::plan) fn edited_files(
        &mut self,
        service: &Service,
        composed: &Composed,
        id: &ReleaseId,
    ) -> Option<String> {
        let mut cause = None;
        for (at, file) in composed.files.iter().enumerate() {
            let path = self.layout.composed_file(&service.name, id, at);
            let there = self.facts.files.get(&path);
            let digest = there.and_then(|there| there.digest.as_deref());
            let wanted = sha256(file.contents.reveal().as_bytes());
            if digest.is_none_or(|digest| digest == wanted) {
                continue;
            }
            let would = "keep a copy, write it again and make the container again";
            self.edited(path.to_string(), "as it was sent", "another", would);
            if self.options.overwrite_drift {
                self.keep_copy(phase::PREPARE, &path);
                cause = Some(format!("{path} was edited on the host"));
            }
        }
        cause
    }
}

impl HostPlan<'_> {
    /// Says where a release and the one before have the same data at once.
    pub(in crate::plan) fn two_writers(&mut self, service: &Service, composed: &Composed) {
        let shared: Vec<&str> = composed.options.writes_to().collect();
        if shared.is_empty() {
            return;
        }
        self.note(format!(
            "`{}` runs twice during the switch, and both write to {}: it must be made for that, as no database is",
            service.name,
            shared.join(", ")
        ));
    }
}

fn put(file: &ComposedFile, path: HostPath) -> Action {
    let owner = Owner {
        user: file.user,
        group: file.group,
    };
    Action::PutSecret {
        path,
        value: file.contents.clone(),
        digest: sha256(file.contents.reveal().as_bytes()),
        mode: file.mode,
        owner,
    }
}
