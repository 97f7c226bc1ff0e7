//! What no longer serves: drained, stopped, kept for a while, and in the end removed without a trace.

use std::collections::{BTreeMap, BTreeSet};

use super::composed::standing;
use super::container::label;
use super::deploy::{drain_before, phase};
use super::host::{HostPlan, is_ours};
use super::image::pulled;
use super::record::Record;
use super::step::{Action, Cooling, Process};
use crate::facts::{DockerFacts, HostFacts, by_digest, sha256};
use crate::model::{App, HostPath, Layout, ReleaseId, Service, ServiceName};
use crate::render::{self, RenderError, Templates};

/// What the mark of a release that was rolled back from ends with.
pub(super) const LEFT: &str = ".left";

/// The release of a service that nginx is led to on a host.
pub fn serving(layout: &Layout, service: &Service, facts: &HostFacts) -> Option<ReleaseId> {
    if service.container().is_some() {
        standing(layout, service, facts)
    } else if service.app().is_some() {
        let target = facts.link(&layout.socket_link(&service.name))?;
        let rest = target
            .strip_prefix(service.name.as_str())?
            .strip_prefix('.')?;
        rest.split('/').next()?.parse().ok()
    } else {
        let target = facts.link(&layout.current(&service.name))?;
        target.rsplit('/').next()?.parse().ok()
    }
}

/// The release of a service that was the last to begin to serve on a host, by the marks.
pub fn last_served(layout: &Layout, service: &Service, facts: &HostFacts) -> Option<ReleaseId> {
    let marks = facts.entries.get(layout.served(&service.name).as_str())?;
    let marks = marks.iter().filter_map(|(name, time)| {
        let id: ReleaseId = name.parse().ok()?;
        Some((*time, id))
    });
    marks.max().map(|(_, id)| id)
}

/// A release that does not serve, and what runs it or did.
struct Old {
    process: Process,
    id: ReleaseId,
    runs: bool,
    /// When it was made, in seconds since the epoch.
    made: i64,
}

impl HostPlan<'_> {
    /// The release that nginx is led to now.
    pub(super) fn serving(&self, service: &Service) -> Option<ReleaseId> {
        serving(&self.layout, service, self.facts)
    }

    /// Releases that have served, and when they last began to, in seconds since the epoch; the one that serves now
    /// comes last of all. The flag says whether it was rolled back from.
    pub(super) fn served(&self, service: &Service) -> BTreeMap<ReleaseId, (u64, bool)> {
        let marks = self
            .facts
            .entries
            .get(self.layout.served(&service.name).as_str());
        let marks = marks.into_iter().flatten().filter_map(|(name, time)| {
            let left = name.strip_suffix(LEFT);
            let id = left.unwrap_or(name).parse().ok()?;
            Some((id, (*time, left.is_some())))
        });
        let mut served: BTreeMap<ReleaseId, (u64, bool)> = marks.collect();
        if let Some(id) = self.serving(service) {
            if !served.contains_key(&id) {
                for (id, time) in self.traces(service) {
                    served.entry(id).or_insert((time, false));
                }
            }
            served.insert(id, (u64::MAX, false));
        }
        served
    }

    /// Whether the release that serves has lost its mark, and others may have lost theirs with it.
    pub(super) fn lost_marks(&self, service: &Service) -> bool {
        let marks = self
            .facts
            .entries
            .get(self.layout.served(&service.name).as_str());
        self.serving(service)
            .is_some_and(|id| marks.is_none_or(|marks| !marks.contains_key(id.as_str())))
    }

    /// Releases by what they have left on the host, and when that was made. What never served is taken back by the run
    /// that made it, so that these have served, whatever the marks say.
    fn traces(&self, service: &Service) -> BTreeMap<ReleaseId, u64> {
        let folders = self
            .facts
            .entries
            .get(self.layout.releases(&service.name).as_str());
        let folders = folders.into_iter().flatten();
        let mut traces: BTreeMap<ReleaseId, u64> = folders
            .filter_map(|(name, time)| Some((name.parse().ok()?, *time)))
            .collect();
        let docker = self.facts.docker.as_ref();
        for (name, there) in docker.into_iter().flat_map(|docker| &docker.containers) {
            let id = there.labels.get(label::RELEASE);
            let Some(id) = id.and_then(|id| id.parse::<ReleaseId>().ok()) else {
                continue;
            };
            if *name == self.layout.release_container(&service.name, &id)
                && is_ours(&there.labels, self.stack)
            {
                let made = u64::try_from(there.created).unwrap_or(0);
                traces.entry(id).or_insert(made);
            }
        }
        traces
    }

    /// Has the host mark again what served before, when those marks are lost.
    pub(super) fn mark_earlier(&mut self, service: &Service, current: &ReleaseId) {
        if !self.lost_marks(service) {
            return;
        }
        let kept = self.kept(service, current);
        let marks = self
            .facts
            .entries
            .get(self.layout.served(&service.name).as_str());
        let is_marked = |id: &ReleaseId| {
            let left = format!("{id}{LEFT}");
            marks.is_some_and(|marks| {
                marks.contains_key(id.as_str()) || marks.contains_key(left.as_str())
            })
        };
        for (id, time) in self.traces(service) {
            if id != *current && kept.contains(&id) && !is_marked(&id) {
                let mark = self.layout.mark(&service.name, &id);
                self.commit.served.push((mark, time));
            }
        }
    }

    /// The releases that stay: `current`, of those that have served the last few, and the last that was not rolled back from.
    pub(super) fn kept(&self, service: &Service, current: &ReleaseId) -> BTreeSet<ReleaseId> {
        let mut served: Vec<(ReleaseId, (u64, bool))> = self.served(service).into_iter().collect();
        served.retain(|(id, _)| id != current);
        served.sort_by(|(a, (a_time, _)), (b, (b_time, _))| (b_time, b).cmp(&(a_time, a)));
        // What a rollback goes back to stays, however often what came after it was made again.
        let stays = |id: &ReleaseId, left: bool| {
            !left
                && !self
                    .commit
                    .leaves
                    .contains(&self.layout.mark(&service.name, id))
        };
        let keep = usize::from(service.keep(self.stack));
        let target = served
            .iter()
            .skip(keep)
            .find(|(id, (_, left))| stays(id, *left));
        let is_there = served
            .iter()
            .take(keep)
            .any(|(id, (_, left))| stays(id, *left));
        let target = target.filter(|_| !is_there).map(|(id, _)| id.clone());
        let kept = served.into_iter().take(keep).map(|(id, _)| id);
        kept.chain(target).chain([current.clone()]).collect()
    }

    /// Releases that no longer serve: kept warm for a while, or drained and stopped, and in the end removed, all but
    /// the last few that have served.
    pub(super) fn retire(&mut self, service: &Service, app: &App, current: &ReleaseId) {
        let layout = self.layout.clone();
        let mut old: Vec<Old> = self.old_units(&service.name, current);
        let mut leftovers: Vec<String> = Vec::new();
        let docker = self.facts.docker.as_ref();
        for (name, there) in docker.iter().flat_map(|docker| &docker.containers) {
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
                        old.push(Old {
                            process: Process::Container(name.clone()),
                            id,
                            runs: there.is_running() || there.state == "restarting",
                            made: there.created,
                        });
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
        old.sort_by_key(|old| std::cmp::Reverse(old.made));
        let before = self.serving(service).filter(|id| id != current);
        let timer = format!("{}.timer", layout.cooling_unit(&service.name, current));
        if self.facts.is_active(&timer) {
            self.step(
                phase::RETIRE,
                Action::StopUnit(timer),
                "its release serves again",
            );
        }
        let kept = self.kept(service, current);
        let mut warm = BTreeSet::new();
        for old in old {
            let Old {
                process, id, runs, ..
            } = old;
            let timer = format!("{}.timer", layout.cooling_unit(&service.name, &id));
            let cooling = self.facts.is_active(&timer);
            if runs && before.as_ref() == Some(&id) && app.warm > 0 {
                let cooling = self.cooling(service, app, &id, process.clone());
                self.step(
                    phase::RETIRE,
                    Action::KeepWarm(Box::new(cooling)),
                    "a rollback is then one rename",
                );
                warm.insert(id.clone());
            } else if runs && before.is_none() && cooling && kept.contains(&id) {
                warm.insert(id.clone());
            } else if runs {
                self.stop(service, app, &process, &id);
                if cooling {
                    self.step(
                        phase::RETIRE,
                        Action::StopUnit(timer),
                        "it is stopped already",
                    );
                }
            } else {
                self.stop_proxy(&service.name, &id);
            }
            if !kept.contains(&id) {
                self.forget_proxy(&service.name, &id);
                match process {
                    Process::Container(name) => drop(self.step(
                        phase::RETIRE,
                        Action::RemoveContainer(name),
                        "older than those kept",
                    )),
                    Process::Unit(name) => self.forget_units(&[name], "older than those kept"),
                }
            }
        }
        self.forget_stop(phase::RETIRE, service);
        if let Some(docker) = docker {
            self.prune_images(service, docker, &kept);
        }
        self.prune_pulled();
        self.prune_sockets(service, current, &warm);
    }

    /// The releases of a service that have units here and are not `current`.
    fn old_units(&self, service: &ServiceName, current: &ReleaseId) -> Vec<Old> {
        let prefix = self.layout.release_units(service);
        let files = self.manifest.files.keys();
        let files = files.filter_map(|path| path.as_str().strip_prefix("/etc/systemd/system/"));
        let mut names: BTreeSet<&str> = files.collect();
        // Those that a run left whose manifest was never written. Names of stack and service may join to what another's do:
        // `shop` with `admin-api`, and `shop-admin` with `api`.
        let whose = format!("{}/{service}, release ", self.stack.name);
        let units = self.facts.units.iter();
        let ours = units.filter(|(_, unit)| unit.description.starts_with(&whose));
        names.extend(ours.map(|(name, _)| name.as_str()));
        let folders = self
            .facts
            .entries
            .get(self.layout.releases(service).as_str());
        let mut old = Vec::new();
        for name in names {
            let id = name.strip_prefix(&prefix);
            let id = id.and_then(|rest| rest.strip_suffix(".service"));
            let Some(id) = id.and_then(|id| id.parse::<ReleaseId>().ok()) else {
                continue;
            };
            if id == *current {
                continue;
            }
            let active = self.facts.units.get(name).map(|unit| unit.active.as_str());
            let made = folders.and_then(|folders| folders.get(id.as_str()));
            old.push(Old {
                process: Process::Unit(name.to_owned()),
                id,
                runs: matches!(active, Some("active" | "activating" | "deactivating")),
                made: made.map_or(0, |time| i64::try_from(*time).unwrap_or(0)),
            });
        }
        old
    }

    /// Drains and stops a release now.
    fn stop(&mut self, service: &Service, app: &App, process: &Process, id: &ReleaseId) {
        let (has_proxy, layout) = (self.has_proxy(&service.name, id), &self.layout);
        let drain = drain_before(process, has_proxy, app.drain, layout, &service.name, id);
        self.step(phase::RETIRE, drain, "it no longer gets requests");
        let stop = match process {
            Process::Container(name) => Action::StopContainer {
                name: name.clone(),
                grace: app.stop_grace,
            },
            Process::Unit(name) => Action::StopUnit(name.clone()),
        };
        self.step(phase::RETIRE, stop, "drained");
        self.stop_proxy(&service.name, id);
    }

    /// Whether a socket proxy stands before a release that is here. The yaml tells only of a new one.
    fn has_proxy(&self, service: &ServiceName, id: &ReleaseId) -> bool {
        let socket = format!("{}.socket", self.layout.proxy_unit(service, id));
        let file = self.layout.unit(&socket);
        self.manifest.files.contains_key(&file) || self.facts.units.contains_key(&socket)
    }

    /// What the host does with a release once its time is over.
    fn cooling(&self, service: &Service, app: &App, id: &ReleaseId, process: Process) -> Cooling {
        let layout = &self.layout;
        let proxy = layout.proxy_unit(&service.name, id);
        let has_proxy = self.has_proxy(&service.name, id);
        let in_container = process.container().is_some() && !has_proxy;
        let socket = match in_container {
            true => format!("{}/app.sock", Layout::CONTAINER_RUN),
            false => layout.socket(&service.name, id).to_string(),
        };
        let mut units = match has_proxy {
            true => vec![format!("{proxy}.socket"), format!("{proxy}.service")],
            false => Vec::new(),
        };
        if let Process::Unit(name) = &process {
            units.push(name.clone());
        }
        Cooling {
            unit: layout.cooling_unit(&service.name, id),
            process,
            warm: app.warm,
            lock: layout.lock(),
            link: layout.socket_link(&service.name),
            target: layout.link_target(&service.name, id),
            socket,
            in_container,
            drain: app.drain,
            grace: app.stop_grace,
            folder: layout.socket_folder(&service.name, id),
            units,
        }
    }

    /// Images of releases that are neither serving nor kept, also those whose deploy failed.
    fn prune_images(
        &mut self,
        service: &Service,
        docker: &DockerFacts,
        kept: &BTreeSet<ReleaseId>,
    ) {
        let prefix = self.layout.images(&service.name);
        let images = docker.images.iter();
        for (tag, _) in images.filter(|(_, image)| is_ours(&image.labels, self.stack)) {
            let id = tag.strip_prefix(&prefix);
            if id.is_some_and(|id| !kept.iter().any(|kept| kept.as_str() == id)) {
                self.step(
                    phase::RETIRE,
                    Action::RemoveImage(tag.clone()),
                    "no release that is kept needs it",
                );
            }
        }
    }

    /// Images that were pulled by their digest for containers that go, and that nothing else is made of. A tag is left alone:
    /// others may count on it.
    pub(super) fn prune_pulled(&mut self) {
        let Some(docker) = self.facts.docker.as_ref() else {
            return;
        };
        let gone: BTreeSet<&str> = self
            .steps
            .iter()
            .filter_map(|step| match &step.action {
                Action::RemoveContainer(name) => Some(name.as_str()),
                _ => None,
            })
            .collect();
        let (gone, stay): (Vec<_>, Vec<_>) = docker
            .containers
            .iter()
            .partition(|(name, _)| gone.contains(name.as_str()));
        let wanted = self.stack.services_on(&self.host.name).into_iter();
        let wanted: BTreeSet<String> = wanted
            .filter_map(pulled)
            .chain(stay.into_iter().map(|(_, there)| there.image.clone()))
            .filter_map(|image| by_digest(&image))
            .collect();
        let ours = gone
            .into_iter()
            .filter(|(_, there)| is_ours(&there.labels, self.stack));
        let images: BTreeSet<String> = ours
            .filter_map(|(_, there)| by_digest(&there.image))
            .filter(|image| docker.digests.contains(image) && !wanted.contains(image))
            .collect();
        for image in images {
            let remove = Action::RemoveImage(image);
            if !self.steps.iter().any(|step| step.action == remove) {
                self.step(phase::RETIRE, remove, "no release that is kept needs it");
            }
        }
    }

    /// Socket folders of releases that neither serve nor are warm.
    fn prune_sockets(
        &mut self,
        service: &Service,
        current: &ReleaseId,
        warm: &BTreeSet<ReleaseId>,
    ) {
        let Some(entries) = self.facts.entries.get(self.layout.run().as_str()) else {
            return;
        };
        let prefix = format!("{}.", service.name);
        let ids = entries.keys().filter_map(|name| name.strip_prefix(&prefix));
        for id in ids.filter_map(|id| id.parse::<ReleaseId>().ok()) {
            if id != *current && !warm.contains(&id) {
                let folder = self.layout.socket_folder(&service.name, &id);
                self.step(
                    phase::RETIRE,
                    Action::Remove(folder),
                    "its release no longer serves",
                );
            }
        }
    }

    /// The units of a release that is kept stay, but lead nowhere.
    pub(super) fn stop_proxy(&mut self, service: &ServiceName, id: &ReleaseId) {
        let unit = self.layout.proxy_unit(service, id);
        if self.facts.is_active(&format!("{unit}.socket")) {
            for kind in ["socket", "service"] {
                self.step(
                    phase::RETIRE,
                    Action::StopUnit(format!("{unit}.{kind}")),
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

    /// The units of releases, which go with their files.
    fn forget_units(&mut self, names: &[String], cause: &str) {
        for name in names {
            self.step(phase::RETIRE, Action::StopUnit(name.clone()), cause);
            let path = self.layout.unit(name);
            let is_known = self.manifest.files.contains_key(&path);
            self.forget(phase::RETIRE, &path, cause);
            if !is_known {
                self.step(phase::RETIRE, Action::Remove(path), cause);
            }
        }
        if !names.is_empty() {
            self.step(phase::RETIRE, Action::ReloadUnits, "a unit file is gone");
        }
    }

    /// Folders and marks of releases older than those kept.
    pub(super) fn prune_folders(&mut self, service: &Service, current: &ReleaseId) {
        let kept = self.kept(service, current);
        let keeps = |name: &str| kept.iter().any(|id| id.as_str() == name);
        for folder in [
            self.layout.releases(&service.name),
            self.layout.served(&service.name),
        ] {
            let Some(entries) = self.facts.entries.get(folder.as_str()) else {
                continue;
            };
            for name in entries.keys() {
                let id = name.strip_suffix(LEFT).unwrap_or(name);
                // Staging places of runs that were cut short are not releases.
                let cause = if id.parse::<ReleaseId>().is_err() {
                    "left behind by a run that was cut short"
                } else if !keeps(id) {
                    "older than those kept"
                } else {
                    continue;
                };
                if let Ok(path) = format!("{folder}/{name}").parse() {
                    self.step(phase::RETIRE, Action::Remove(path), cause);
                }
            }
        }
    }

    /// What services that left the yaml have left here.
    pub(super) fn removed_services(&mut self, templates: &Templates) -> Result<(), RenderError> {
        // Of files nothing runs, so that what runs is of an app that they took the place of.
        let here = self.stack.services_on(&self.host.name);
        let (of_files, others): (Vec<&Service>, Vec<&Service>) = here
            .into_iter()
            .partition(|service| service.static_files().is_some());
        let names: BTreeSet<&str> = others.iter().map(|service| service.name.as_str()).collect();
        let mut orphans: Vec<(String, bool, bool)> = Vec::new();
        let docker = self.facts.docker.as_ref();
        for (name, there) in docker.iter().flat_map(|docker| &docker.containers) {
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
        let units = self.orphaned_units(&names);
        let is_orphaned = !orphans.is_empty() || !units.is_empty();
        if is_orphaned && !self.site_is_current(templates)? {
            let containers = orphans.iter().map(|(name, ..)| name.as_str());
            let names: Vec<&str> = containers.chain(units.iter().map(String::as_str)).collect();
            self.note(format!(
                "{} stays until `stackctl provision` has taken its routes out of the site",
                names.join(", ")
            ));
            return Ok(());
        }
        const CAUSE: &str = "no service of the yaml needs it any more";
        let containers = orphans.iter().map(|(name, ..)| name.as_str());
        let processes: BTreeSet<&str> =
            containers.chain(units.iter().map(String::as_str)).collect();
        for timer in self.cooling_of(&processes) {
            self.step(phase::RETIRE, Action::StopUnit(timer), CAUSE);
        }
        for (name, running, is_release) in orphans {
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
        self.forget_units(&units, CAUSE);
        self.forget_releases(&units);
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
        for service in of_files {
            self.app_before_files(service);
        }
        // Their folders stay for whoever brings the service back.
        let releases = format!("{}/releases/", self.layout.state());
        self.manifest.files.retain(|path, _| {
            let below = path.as_str().strip_prefix(&releases);
            let service = below.and_then(|rest| rest.split('/').next());
            service.is_none_or(|service| names.contains(service))
        });
        for path in files {
            self.forget(
                phase::RETIRE,
                &path,
                "no service of the yaml needs it any more",
            );
        }
        Ok(())
    }

    /// The timers that would end these containers and units later.
    fn cooling_of(&self, processes: &BTreeSet<&str>) -> Vec<String> {
        let prefix = format!("{}-", self.stack.name);
        let timers = self.facts.units.keys().filter(|timer| {
            let of = timer
                .strip_prefix(&prefix)
                .and_then(|of| of.strip_suffix(".timer"));
            let Some((service, id)) = of.and_then(|of| of.rsplit_once("-cool-")) else {
                return false;
            };
            // Another stack's name may begin as this one's does.
            let container = format!("{prefix}{service}-{id}");
            let unit = format!("{prefix}{service}@{id}.service");
            let is_theirs =
                processes.contains(container.as_str()) || processes.contains(unit.as_str());
            is_theirs && self.facts.is_active(timer)
        });
        timers.cloned().collect()
    }

    /// The releases of an app that files took the place of: they are no choice for a rollback, which renames nothing but a link.
    fn app_before_files(&mut self, service: &Service) {
        const CAUSE: &str = "its service is files now";
        let traces: Vec<ReleaseId> = self.traces(service).into_keys().collect();
        for id in traces {
            if !self.is_app_release(service, &id) {
                continue;
            }
            let mark = self.layout.mark(&service.name, &id);
            let left = format!("{mark}{LEFT}").parse();
            let folder = self.layout.release(&service.name, &id);
            let sockets = self.layout.socket_folder(&service.name, &id);
            for path in [mark, folder, sockets].into_iter().chain(left.ok()) {
                self.step(phase::RETIRE, Action::Remove(path), CAUSE);
            }
        }
    }

    /// Whether a release of this service was an app's, by the record that is kept of one.
    pub(super) fn is_app_release(&self, service: &Service, id: &ReleaseId) -> bool {
        let record = Record::path(&self.layout, &service.name, id);
        self.manifest.files.contains_key(&record)
    }

    /// What the releases of units that left the yaml have left, and their users, unless those have written what stays.
    fn forget_releases(&mut self, units: &[String]) {
        const CAUSE: &str = "no service of the yaml needs it any more";
        let layout = self.layout.clone();
        let prefix = format!("{}-", self.stack.name);
        let names = units.iter().filter_map(|unit| {
            let (name, _) = unit.strip_prefix(&prefix)?.split_once('@')?;
            name.parse().ok()
        });
        let names: BTreeSet<ServiceName> = names.collect();
        for name in names {
            // What is another host's now has its folders everywhere.
            if self.stack.services.contains_key(&name) {
                continue;
            }
            let run = layout.run();
            let own = format!("{name}.");
            let sockets = self.facts.entries.get(run.as_str());
            let sockets = sockets.into_iter().flat_map(|entries| entries.keys());
            let sockets = sockets.filter(|entry| entry.starts_with(&own));
            let sockets = sockets.filter_map(|entry| format!("{run}/{entry}").parse().ok());
            let mut left: Vec<HostPath> = sockets.collect();
            left.extend([
                layout.releases(&name),
                layout.served(&name),
                layout.installed(&name),
            ]);
            for path in left {
                self.step(phase::RETIRE, Action::Remove(path), CAUSE);
            }
            let states = self.facts.entries.get(layout.states().as_str());
            if states.is_some_and(|states| states.contains_key(name.as_str())) {
                let folder = layout.state_of(&name);
                self.note(format!(
                    "what `{name}` has written stays, in {folder}, and the user whose it is"
                ));
                continue;
            }
            self.remove_user(phase::RETIRE, &name, CAUSE);
        }
    }

    /// Removes the user of a service's units, and first what people run beside them.
    pub(super) fn remove_user(&mut self, phase: u16, service: &ServiceName, cause: &str) {
        let programs = self.layout.program_unit(service, "*");
        self.step(phase, Action::StopUnit(programs), cause);
        let user = self.layout.user_name(service);
        self.step(phase, Action::RemoveUser(user), cause);
    }

    /// The units of releases whose services are not among `names`.
    fn orphaned_units(&self, names: &BTreeSet<&str>) -> Vec<String> {
        let prefix = format!("/etc/systemd/system/{}-", self.stack.name);
        let files = self.manifest.files.keys();
        let orphaned = files.filter_map(|path| {
            let unit = path.as_str().strip_prefix(&prefix)?;
            let (service, id) = unit.strip_suffix(".service")?.split_once('@')?;
            id.parse::<ReleaseId>().ok()?;
            (!names.contains(service)).then(|| self.layout.unit_of(path))
        });
        orphaned.collect()
    }

    /// Whether the site on the host is the one that the yaml asks for, so that nothing is routed to what has left it.
    fn site_is_current(&self, templates: &Templates) -> Result<bool, RenderError> {
        let https = super::tls::https(self.stack, &self.host.name, self.facts, None);
        let wanted = render::nginx_site(templates, self.stack, self.host, &https)?;
        let there = self.facts.files.get(&self.layout.nginx_available());
        let there = there.and_then(|file| file.digest.as_deref());
        Ok(wanted.map(|file| sha256(&file.contents)).as_deref() == there)
    }
}
