//! Static files: sent, or built from source; then one rename. Nothing of them runs, so nothing is watched or drained.

use std::time::Duration;

use super::deploy::{phase, switch_cause};
use super::host::HostPlan;
use super::release::Release;
use super::step::{Action, Folder, HostBuild, LocalBuild, UnitRun};
use crate::facts::{SourceTree, sha256};
use crate::model::{
    BuildPlace, HostPath, Layout, Owner, ReleaseId, Service, StaticBuild, StaticFiles,
};
use crate::render::{self, RenderError};

impl HostPlan<'_> {
    pub(super) fn static_files(
        &mut self,
        service: &Service,
        files: &StaticFiles,
        release: &Release,
    ) -> Result<(), RenderError> {
        let link = self.layout.current(&service.name);
        let target = format!("../releases/{}/{}", service.name, release.id);
        let staged = self.has_release(service, &release.id);
        let current = self.facts.link(&link).map(str::to_owned);
        if let Some(tree) = release.tree.as_ref().filter(|_| !staged) {
            match &files.build {
                Some(build) if build.place == BuildPlace::Host => {
                    self.build_on_host(service, files, build, release, tree)?;
                }
                Some(build) => self.build_here(service, files, build, release, tree),
                None => self.send(service, release, tree),
            }
        }
        self.unfinished_builds(service);
        self.keep_assets(service, files, &release.id);
        let cause = switch_cause(current.as_deref());
        self.switch(link, target, current, cause);
        self.mark(service, &release.id);
        self.prune_folders(service, &release.id);
        Ok(())
    }

    fn send(&mut self, service: &Service, release: &Release, tree: &SourceTree) {
        let to = self.layout.release(&service.name, &release.id);
        let undo = Action::Remove(to.clone());
        let tree = Box::new(tree.clone());
        let push = Action::PushTree { tree, to };
        let step = self.step(phase::PREPARE, push, "not on the host");
        step.undo.push(undo);
    }

    fn build_here(
        &mut self,
        service: &Service,
        files: &StaticFiles,
        build: &StaticBuild,
        release: &Release,
        tree: &SourceTree,
    ) {
        let to = self.layout.release(&service.name, &release.id);
        let env = build.env.iter();
        let undo = Action::Remove(to.clone());
        let build = LocalBuild {
            source: tree.clone(),
            install: build.install,
            command: build.command.clone(),
            env: env
                .map(|(name, value)| (name.to_string(), value.clone()))
                .collect(),
            output: build.output.to_string_lossy().into_owned(),
            fallback: fallback(files),
            deadline: Duration::from_secs(build.deadline.into()),
            fill: release.fill.clone(),
            to,
        };
        let build = Action::BuildHere(Box::new(build));
        let step = self.step(phase::PREPARE, build, "not on the host");
        step.undo.push(undo);
    }

    fn build_on_host(
        &mut self,
        service: &Service,
        files: &StaticFiles,
        build: &StaticBuild,
        release: &Release,
        tree: &SourceTree,
    ) -> Result<(), RenderError> {
        let (layout, id) = (self.layout.clone(), &release.id);
        let folder = layout.build(&service.name, id);
        let below =
            |name: &str| -> HostPath { format!("{folder}/{name}").parse().expect("a plain name") };
        let environment = render::build_environment(below("environment"), build)?;
        // Nobody else reads its source.
        let own = Folder {
            path: folder.clone(),
            mode: 0o710,
            owner: Owner {
                user: 0,
                group: layout.user(service),
            },
        };
        let undo = Action::Remove(folder.clone());
        let step = self.step(phase::PREPARE, Action::PutFolder(own), "it is built there");
        step.undo.push(undo);
        let push = Action::PushTree {
            tree: Box::new(tree.clone()),
            to: below("source"),
        };
        self.step(phase::PREPARE, push, "not on the host");
        let put = Action::PutFile {
            file: environment,
            before: None,
        };
        self.step(phase::PREPARE, put, "the variables of the build");
        let name = format!("{}build-{id}.service", layout.release_units(&service.name));
        let to = layout.release(&service.name, id);
        let undo = [Action::StopUnit(name.clone()), Action::Remove(to.clone())];
        let downloads: HostPath = format!("{}/{}", layout.builds(&service.name), Layout::DOWNLOADS)
            .parse()
            .expect("a plain name");
        let run = UnitRun {
            name,
            properties: properties(&layout, service, build, &folder, &downloads),
            command: build.command.clone(),
            deadline: Duration::from_secs(build.deadline.into()),
        };
        let build = HostBuild {
            run,
            install: build.install,
            user: layout.user(service),
            downloads,
            output: build.output.to_string_lossy().into_owned(),
            fallback: fallback(files),
            fill: release.fill.clone(),
            folder: folder.clone(),
            to,
        };
        let build = Action::BuildOnHost(Box::new(build));
        let step = self.step(phase::PREPARE, build, "this source was not built yet");
        step.undo.extend(undo);
        self.step(phase::PREPARE, Action::Remove(folder), "it is built");
        Ok(())
    }

    /// What is left of builds that were cut short, and of all builds where nothing is built any more.
    fn unfinished_builds(&mut self, service: &Service) {
        let builds = self.layout.builds(&service.name);
        let Some(entries) = self.facts.entries.get(builds.as_str()) else {
            return;
        };
        let builds_here = service.built_on_host().is_some();
        for name in entries.keys() {
            let cause = match (name == Layout::DOWNLOADS, builds_here) {
                (true, true) => continue,
                (true, false) => "nothing is built here any more",
                (false, _) => "left behind by a run that was cut short",
            };
            let path = format!("{builds}/{name}").parse();
            let is_removed = |path: &HostPath| {
                let mut steps = self.steps.iter();
                steps.any(|step| matches!(&step.action, Action::Remove(gone) if gone == path))
            };
            if let Ok(path) = path
                && !is_removed(&path)
            {
                self.step(phase::PREPARE, Action::Remove(path), cause);
            }
        }
    }

    /// Has the assets of all releases that are kept where nginx looks for what the one that serves has not: a page that
    /// was opened before the switch, or before a rollback, still finds its own.
    pub(super) fn keep_assets(&mut self, service: &Service, files: &StaticFiles, id: &ReleaseId) {
        let link = self.layout.assets(&service.name);
        let before = self.facts.link(&link).map(str::to_owned);
        let mut wanted = None;
        if !files.assets.is_empty() {
            let kept = self.kept(service, id).into_iter();
            let releases: Vec<ReleaseId> = kept
                .filter(|kept| kept == id || self.has_release(service, kept))
                .collect();
            let folders = files.assets.iter();
            let folders: Vec<String> = folders
                .map(|folder| folder.to_string_lossy().into_owned())
                .collect();
            let all = releases.iter().map(ReleaseId::as_str);
            let all: Vec<&str> = all.chain(folders.iter().map(String::as_str)).collect();
            let digest = sha256(all.join("\n").as_bytes());
            let to = self.layout.asset_folder(&service.name, &digest[..12]);
            wanted = Some(name_of(&to).to_owned());
            if !self.has_assets(name_of(&to)) {
                let releases = releases.iter();
                let undo = Action::Remove(to.clone());
                let keep = Action::KeepAssets {
                    releases: releases
                        .map(|id| self.layout.release(&service.name, id))
                        .collect(),
                    folders,
                    to: to.clone(),
                };
                let cause = "pages that are open still ask for them";
                let step = self.step(phase::PREPARE, keep, cause);
                step.undo.push(undo);
            }
            // Before requests are switched: the new page finds its own, the old one too.
            if before.as_deref() != wanted.as_deref() {
                let undo = super::deploy::undo_of_switch(&link, before);
                let target = name_of(&to).to_owned();
                let switch = Action::Switch {
                    link: link.clone(),
                    target,
                };
                let step = self.step(phase::PREPARE, switch, "the assets of what is kept");
                step.undo.push(undo);
            }
        } else if before.is_some() {
            self.step(phase::RETIRE, Action::Remove(link), "it has no `assets`");
        }
        self.prune_assets(service, wanted.as_deref());
    }

    fn has_assets(&self, name: &str) -> bool {
        let entries = self.facts.entries.get(self.layout.all_assets().as_str());
        entries.is_some_and(|names| names.contains_key(name))
    }

    /// All folders of assets but the one that nginx is led to.
    fn prune_assets(&mut self, service: &Service, wanted: Option<&str>) {
        let all = self.layout.all_assets();
        let prefix = format!("{}.", service.name);
        // A `.part` as well.
        let names = self.facts.entries.get(all.as_str()).into_iter().flatten();
        let old = names.filter(|(name, _)| name.starts_with(&prefix));
        for (name, _) in old.filter(|(name, _)| wanted != Some(name.as_str())) {
            if let Ok(path) = format!("{all}/{name}").parse() {
                let cause = "the assets of releases that are not kept";
                self.step(phase::RETIRE, Action::Remove(path), cause);
            }
        }
    }
}

fn name_of(path: &HostPath) -> &str {
    path.as_str().rsplit('/').next().unwrap_or_default()
}

fn fallback(files: &StaticFiles) -> Option<String> {
    let path = files.fallback.as_ref()?;
    Some(path.to_string_lossy().into_owned())
}

/// What a build may do: read what everybody may, and write to its own folder. It may reach out, since builds download;
/// and it comes after whatever serves visitors.
fn properties(
    layout: &Layout,
    service: &Service,
    build: &StaticBuild,
    folder: &HostPath,
    downloads: &HostPath,
) -> Vec<String> {
    const FIXED: [&str; 24] = [
        "UMask=0022",
        "Nice=10",
        "CPUWeight=20",
        // By class and not by IOWeight: with control groups of version 1, systemd would take those of Docker's containers
        // away together with the build's.
        "IOSchedulingClass=idle",
        "OOMScoreAdjust=500",
        "TasksMax=4096",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "ProtectProc=invisible",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "PrivateMounts=yes",
        "ProtectKernelTunables=yes",
        "ProtectKernelModules=yes",
        "ProtectKernelLogs=yes",
        "ProtectControlGroups=yes",
        "ProtectClock=yes",
        "ProtectHostname=yes",
        "RestrictRealtime=yes",
        "RestrictSUIDSGID=yes",
        "LockPersonality=yes",
        "SystemCallArchitectures=native",
    ];
    let user = layout.user_name(&service.name);
    let own = [
        format!("User={user}"),
        format!("Group={user}"),
        format!("WorkingDirectory={folder}/work"),
        format!("EnvironmentFile={folder}/environment"),
        format!("ReadWritePaths={folder}/work {downloads}"),
    ];
    let memory = build.memory.map(|mib| format!("MemoryMax={mib}M"));
    let fixed = FIXED.into_iter().map(str::to_owned);
    own.into_iter().chain(memory).chain(fixed).collect()
}
