//! What no longer serves: drained, stopped, kept for a while, and in the end removed without a trace.

use std::collections::BTreeSet;
use std::time::Duration;

use super::container::label;
use super::deploy::phase;
use super::host::{HostPlan, is_ours};
use super::step::Action;
use crate::facts::{ContainerFacts, DockerFacts, sha256};
use crate::model::{App, HostPath, Layout, Listen, ReleaseId, Service, ServiceName};
use crate::render::{self, RenderError, Templates};

/// How long an old release may hold on to requests.
const DRAIN: Duration = Duration::from_secs(30);

impl HostPlan<'_> {
    /// Releases that no longer serve: drained, stopped, and in the end removed, all but the last few.
    pub(super) fn retire(&mut self, service: &Service, app: &App, current: &ReleaseId) {
        let Some(docker) = &self.facts.docker else {
            return;
        };
        let layout = self.layout.clone();
        let mut old: Vec<(String, ReleaseId, ContainerFacts)> = Vec::new();
        let mut leftovers: Vec<String> = Vec::new();
        for (name, there) in &docker.containers {
            let of_service =
                there.labels.get(label::SERVICE).map(String::as_str) == Some(service.name.as_str());
            if !of_service || !is_ours(&there.labels, self.stack) {
                continue;
            }
            let id = there
                .labels
                .get(label::RELEASE)
                .and_then(|id| id.parse::<ReleaseId>().ok());
            match id {
                Some(id) if *name == layout.release_container(&service.name, &id) => {
                    if id != *current {
                        old.push((name.clone(), id, there.clone()));
                    }
                }
                // A one-off run that was cut short.
                _ => leftovers.push(name.clone()),
            }
        }
        for name in leftovers {
            self.step(
                phase::PREPARE,
                Action::RemoveContainer(name),
                "left behind by a run that was cut short",
            );
        }
        old.sort_by_key(|(_, _, there)| std::cmp::Reverse(there.created));
        let mut kept = BTreeSet::from([current.to_string()]);
        for (index, (name, id, there)) in old.into_iter().enumerate() {
            if there.is_running() || there.state == "restarting" {
                let drain = match app.listen {
                    Listen::Socket => Action::Drain {
                        container: Some(name.clone()),
                        socket: format!("{}/app.sock", Layout::CONTAINER_RUN),
                        deadline: DRAIN,
                    },
                    Listen::Port(_) => Action::Drain {
                        container: None,
                        socket: layout.socket(&service.name, &id).to_string(),
                        deadline: DRAIN,
                    },
                };
                self.step(phase::RETIRE, drain, "it no longer gets requests");
                let grace = app.stop_grace;
                self.step(
                    phase::RETIRE,
                    Action::StopContainer {
                        name: name.clone(),
                        grace,
                    },
                    "drained",
                );
            }
            self.forget_proxy(&service.name, &id);
            if index >= usize::from(self.stack.keep) {
                self.step(
                    phase::RETIRE,
                    Action::RemoveContainer(name),
                    "older than those kept",
                );
            } else {
                kept.insert(id.to_string());
            }
        }
        self.prune_images(service, docker, &kept);
        self.prune_sockets(service, current);
    }

    /// Images of releases that are neither serving nor kept, also those whose deploy failed.
    fn prune_images(&mut self, service: &Service, docker: &DockerFacts, kept: &BTreeSet<String>) {
        let prefix = self.layout.images(&service.name);
        for tag in docker.images.keys() {
            let id = tag.strip_prefix(&prefix);
            if id.is_some_and(|id| !kept.contains(id)) {
                self.step(
                    phase::RETIRE,
                    Action::RemoveImage(tag.clone()),
                    "no release that is kept needs it",
                );
            }
        }
    }

    /// Socket folders of releases that no longer serve.
    fn prune_sockets(&mut self, service: &Service, current: &ReleaseId) {
        let Some(entries) = self.facts.entries.get(self.layout.run().as_str()) else {
            return;
        };
        let prefix = format!("{}.", service.name);
        let ids = entries.keys().filter_map(|name| name.strip_prefix(&prefix));
        for id in ids.filter_map(|id| id.parse::<ReleaseId>().ok()) {
            if id != *current {
                let folder = self.layout.socket_folder(&service.name, &id);
                self.step(
                    phase::RETIRE,
                    Action::Remove(folder),
                    "its release no longer serves",
                );
            }
        }
    }

    fn forget_proxy(&mut self, service: &ServiceName, id: &ReleaseId) {
        let unit = self.layout.proxy_unit(service, id);
        let files = [
            self.layout.unit(&format!("{unit}.socket")),
            self.layout.unit(&format!("{unit}.service")),
        ];
        if self.manifest.files.contains_key(&files[0]) {
            self.step(
                phase::RETIRE,
                Action::StopUnit(format!("{unit}.socket")),
                "its release no longer serves",
            );
            self.step(
                phase::RETIRE,
                Action::StopUnit(format!("{unit}.service")),
                "its release no longer serves",
            );
            for file in &files {
                self.forget(phase::RETIRE, file, "its release no longer serves");
            }
            self.step(phase::RETIRE, Action::ReloadUnits, "a unit file is gone");
        }
    }

    /// Folders of releases older than those kept.
    pub(super) fn prune_folders(&mut self, service: &Service, current: &ReleaseId) {
        let releases = self.layout.releases(&service.name);
        let Some(entries) = self.facts.entries.get(releases.as_str()) else {
            return;
        };
        let mut old: Vec<(&String, &u64)> = entries
            .iter()
            .filter(|(name, _)| name.as_str() != current.as_str())
            .collect();
        old.sort_by_key(|(name, time)| (std::cmp::Reverse(**time), name.as_str().to_owned()));
        let kept = usize::from(self.stack.keep);
        let mut gone: Vec<(HostPath, &str)> = Vec::new();
        let mut seen = 0;
        for (name, _) in old {
            // Staging places of runs that were cut short are not releases.
            let is_release = name.parse::<ReleaseId>().is_ok();
            seen += usize::from(is_release);
            let cause = if !is_release {
                "left behind by a run that was cut short"
            } else if seen > kept {
                "older than those kept"
            } else {
                continue;
            };
            if let Ok(path) = format!("{releases}/{name}").parse() {
                gone.push((path, cause));
            }
        }
        for (path, cause) in gone {
            self.step(phase::RETIRE, Action::Remove(path), cause);
        }
    }

    /// What services that left the yaml have left here.
    pub(super) fn removed_services(&mut self, templates: &Templates) -> Result<(), RenderError> {
        let Some(docker) = &self.facts.docker else {
            return Ok(());
        };
        let names: BTreeSet<&str> = self
            .stack
            .services_on(&self.host.name)
            .iter()
            .map(|service| service.name.as_str())
            .collect();
        let mut orphans: Vec<(String, bool, bool)> = Vec::new();
        for (name, there) in &docker.containers {
            let service = there.labels.get(label::SERVICE).map(String::as_str);
            if is_ours(&there.labels, self.stack)
                && service.is_some_and(|service| !names.contains(service))
            {
                orphans.push((
                    name.clone(),
                    there.is_running(),
                    there.labels.contains_key(label::RELEASE),
                ));
            }
        }
        if !orphans.is_empty() && !self.site_is_current(templates)? {
            let names: Vec<&str> = orphans.iter().map(|(name, ..)| name.as_str()).collect();
            self.note(format!(
                "{} stays until `stackctl provision` has taken its routes out of the site",
                names.join(", ")
            ));
            return Ok(());
        }
        for (name, running, is_release) in orphans {
            const CAUSE: &str = "its service is not in the yaml any more";
            if running {
                self.step(
                    phase::RETIRE,
                    Action::StopContainer {
                        name: name.clone(),
                        grace: 30,
                    },
                    CAUSE,
                );
            }
            self.step(phase::RETIRE, Action::RemoveContainer(name.clone()), CAUSE);
            if !is_release {
                self.note(format!(
                    "the data of {name} stays in the volume of that name"
                ));
            }
        }
        let units = format!("/etc/systemd/system/{}-", self.stack.name);
        let proxies: Vec<(ServiceName, ReleaseId)> = self
            .manifest
            .files
            .keys()
            .filter_map(|path| {
                let unit = path
                    .as_str()
                    .strip_prefix(&units)?
                    .strip_suffix(".socket")?;
                let (service, id) = unit.rsplit_once("-proxy-")?;
                (!names.contains(service)).then_some((service.parse().ok()?, id.parse().ok()?))
            })
            .collect();
        for (service, id) in proxies {
            self.forget_proxy(&service, &id);
        }
        let mut files: Vec<HostPath> = Vec::new();
        let prefix = format!("/etc/tmpfiles.d/stackctl-{}-", self.stack.name);
        for path in self.manifest.files.keys() {
            let service = path
                .as_str()
                .strip_prefix(&prefix)
                .and_then(|rest| rest.strip_suffix(".conf"));
            if service.is_some_and(|service| !names.contains(service)) {
                files.push(path.clone());
            }
        }
        for path in files {
            self.forget(
                phase::RETIRE,
                &path,
                "its service is not in the yaml any more",
            );
        }
        Ok(())
    }

    /// Whether the site on the host is the one that the yaml asks for, so that nothing is routed to what has left it.
    fn site_is_current(&self, templates: &Templates) -> Result<bool, RenderError> {
        let wanted = render::nginx_site(templates, self.stack, self.host)?;
        let there = self.facts.files.get(&self.layout.nginx_available());
        let there = there.and_then(|file| file.digest.as_deref());
        Ok(wanted.map(|file| sha256(&file.contents)).as_deref() == there)
    }
}
