//! Services of compose files: containers that are replaced in their place, and what they wait for.

mod files;
mod shared;

use std::collections::BTreeSet;
use std::time::Duration;

use super::container::{self, ContainerSpec, label};
use super::deploy::phase;
use super::host::{HostPlan, is_ours};
use super::instance::Instance;
use super::prepare::Making;
use super::record::Record;
use super::release::Release;
use super::step::{Action, Awaited, Folder};
use crate::facts::{ContainerFacts, HostFacts};
use crate::model::{
    AppSource, Composed, Condition, Container, Healthcheck, HostPath, Layout, Owner, ReleaseId,
    Service,
};

/// What the engine goes by where a health check does not say otherwise: moby's `container/health.go`.
const INTERVAL: u64 = 30;
const TIMEOUT: u64 = 30;
const RETRIES: u64 = 3;
/// A busy host may be late with its checks.
const SPARE: u64 = 30;
/// How long a container without a health check is looked at.
const STAYS_UP: Duration = Duration::from_secs(3);
const NANOSECONDS: u64 = 1_000_000_000;

/// The release of a container that is replaced in its place: the one that runs, or else the last one made.
pub(super) fn standing(layout: &Layout, service: &Service, facts: &HostFacts) -> Option<ReleaseId> {
    let containers = facts.docker.iter().flat_map(|docker| &docker.containers);
    let releases = containers.filter_map(|(name, there)| {
        let id: ReleaseId = there.labels.get(label::RELEASE)?.parse().ok()?;
        let is_own = *name == layout.release_container(&service.name, &id);
        is_own.then_some(((there.is_running(), there.created), id))
    });
    releases
        .max_by(|(one, _), (other, _)| one.cmp(other))
        .map(|(_, id)| id)
}

/// Whether a container has done its work.
pub(super) fn is_done(there: &ContainerFacts) -> bool {
    let ended = there.details.as_ref().map(|details| details.exit_code);
    there.state == "exited" && ended == Some(0)
}

/// How long the engine may take to know whether a container is healthy.
fn until_known(check: Option<&Healthcheck>) -> Duration {
    let seconds = |nanoseconds: i64, default: u64| match u64::try_from(nanoseconds) {
        Ok(given) if given > 0 => given.div_ceil(NANOSECONDS),
        _ => default,
    };
    let (interval, timeout, start, retries) = match check {
        Some(check) => (
            seconds(check.interval, INTERVAL),
            seconds(check.timeout, TIMEOUT),
            seconds(check.start_period, 0),
            u64::try_from(check.retries).ok().filter(|count| *count > 0),
        ),
        None => (INTERVAL, TIMEOUT, 0, None),
    };
    let checks = (interval + timeout) * (retries.unwrap_or(RETRIES) + 1);
    Duration::from_secs(start + checks + SPARE)
}

impl HostPlan<'_> {
    /// A container that is replaced in its place, and only when its definition has changed: the one before ends first, since
    /// both would hold the same data, and stays until the new one is known to be well.
    pub(super) fn container_in_place(
        &mut self,
        service: &Service,
        container: &Container,
        release: &Release,
    ) {
        let id = &release.id;
        let layout = self.layout.clone();
        let image = match &container.source {
            AppSource::Image(image) => image.to_string(),
            AppSource::Build(_) | AppSource::Unit(_) => layout.image(&service.name, id),
        };
        let spec = container::in_place(self.stack, service, container, id, image);
        let docker = self.facts.docker.as_ref();
        let there = docker.and_then(|docker| docker.containers.get(&spec.name));
        let there = there.cloned();
        let labelled = there
            .as_ref()
            .filter(|there| there.labels.get(label::SPEC) == spec.labels.get(label::SPEC));
        let mut cause = None;
        if let Some(there) = labelled {
            if !container.is_job {
                self.stopped(&spec, there);
            }
            self.swapped_image(&spec, there);
            let would = "make it again, which interrupts it";
            cause = self.changed_by_hand(&spec, there, would);
        }
        let cause = cause.or(self.edited_files(service, &container.composed, id));
        let cause = cause.or(self.edited_given(service, release));
        let same = labelled.is_some() && cause.is_none();
        let record = Record {
            schema: 1,
            service: service.name.clone(),
            id: id.clone(),
            spec: Some(spec.clone()),
            files: Vec::new(),
            sources: release
                .tree
                .as_ref()
                .map(super::deploy::sources)
                .unwrap_or_default(),
            secrets: release.secrets.record(),
        };
        let stands = there.as_ref().is_some_and(|there| match container.is_job {
            true => is_done(there),
            false => there.is_running(),
        });
        let is_whole = same && stands && self.has_release(service, id);
        if is_whole {
            self.file(phase::PREPARE, record.file(&layout));
            self.missing_files(service, &container.composed, id);
            self.missing_given(service, release);
        } else {
            let cause = match (&cause, &there) {
                (Some(cause), _) => cause.clone(),
                (None, None) if standing(&layout, service, self.facts).is_some() => {
                    "its definition changed".to_owned()
                }
                (None, None) => "missing".to_owned(),
                (None, Some(_)) if !same => "its definition changed".to_owned(),
                (None, Some(_)) if container.is_job => "it has not done its work".to_owned(),
                (None, Some(_)) if stands => "its own files are gone".to_owned(),
                (None, Some(_)) => self.why_stopped(service),
            };
            self.prepare_in_place(service, container, release, &spec, &record, &cause);
            self.replace(service, container, &spec, there.as_ref(), same, &cause);
        }
        self.owns_record_of(service, id);
        self.remove_replaced(service, &spec);
        self.forget_stop(phase::RETIRE, service);
    }

    /// Everything that can be done while the one before runs.
    fn prepare_in_place(
        &mut self,
        service: &Service,
        container: &Container,
        release: &Release,
        spec: &ContainerSpec,
        record: &Record,
        cause: &str,
    ) {
        self.image(&Making {
            service,
            source: &container.source,
            release,
            tag: &spec.image,
            made_of: None,
            cause,
        });
        let folder = self.layout.release(&service.name, &release.id);
        let is_new = !self.has_release(service, &release.id);
        let own = Folder {
            path: folder.clone(),
            mode: 0o711,
            owner: Owner::ROOT,
        };
        let step = self.step(
            phase::PREPARE,
            Action::PutFolder(own),
            "the container's own files",
        );
        if is_new {
            step.undo.push(Action::Remove(folder));
        }
        let file = record.file(&self.layout);
        if !is_new {
            self.keep_edited(service, record);
        }
        self.own(&file);
        let put = Action::PutFile { file, before: None };
        self.step(phase::PREPARE, put, "all that it was made from");
        self.composed_files(service, &container.composed, &release.id);
        self.put_secrets(service, release);
        self.await_others(&container.composed);
    }

    fn replace(
        &mut self,
        service: &Service,
        container: &Container,
        spec: &ContainerSpec,
        there: Option<&ContainerFacts>,
        same: bool,
        cause: &str,
    ) {
        let grace = spec.stop_grace;
        let before = self.replaced(service, spec);
        for (name, was) in &before {
            if !was.is_running() && was.state != "restarting" {
                continue;
            }
            if !container.is_job {
                self.note(format!(
                    "interrupts: `{}` does not answer while its container is replaced",
                    service.name
                ));
            }
            self.loses_nameless(service, spec, was);
            let stop = Action::StopContainer {
                name: name.clone(),
                grace,
            };
            let step = self.step(phase::PREPARE, stop, cause);
            step.undo.push(Action::ResumeContainer(name.clone()));
        }
        self.stop_former(service, spec);
        let there = there.filter(|_| {
            // A job is done anew.
            !same || container.is_job
        });
        if let Some(there) = there {
            if there.is_running() || there.state == "restarting" {
                self.note(format!(
                    "interrupts: `{}` does not answer while its container is made again",
                    service.name
                ));
                let stop = Action::StopContainer {
                    name: spec.name.clone(),
                    grace,
                };
                self.step(phase::PREPARE, stop, cause);
            }
            self.loses_nameless(service, spec, there);
            let remove = Action::RemoveContainer(spec.name.clone());
            self.step(phase::PREPARE, remove, cause);
        }
        let run = Action::RunContainer(Box::new(spec.clone()));
        let is_new = there.is_none() && !same;
        let step = self.step(phase::PREPARE, run, cause);
        // What is only started again is mended: there is nothing to go back to.
        if is_new {
            let name = spec.name.clone();
            let stop = Action::StopContainer {
                name: name.clone(),
                grace: grace.min(10),
            };
            step.undo.extend([stop, Action::RemoveContainer(name)]);
        }
        self.await_own(container, spec);
    }

    /// Containers of a service that are to go: of other definitions, and what runs that were cut short have left.
    fn replaced(&self, service: &Service, spec: &ContainerSpec) -> Vec<(String, ContainerFacts)> {
        let containers = self
            .facts
            .docker
            .iter()
            .flat_map(|docker| &docker.containers);
        let others = containers.filter(|(name, there)| {
            let of = there.labels.get(label::SERVICE).map(String::as_str);
            is_ours(&there.labels, self.stack)
                && of == Some(service.name.as_str())
                && **name != spec.name
        });
        others
            .map(|(name, there)| (name.clone(), there.clone()))
            .collect()
    }

    /// A service under another name may hold the same data or port, as after it was renamed: two of them would damage the data.
    fn stop_former(&mut self, service: &Service, spec: &ContainerSpec) {
        let data: BTreeSet<&str> = spec
            .options
            .iter()
            .flat_map(|options| options.writes_to())
            .collect();
        let ports = spec.options.iter().flat_map(|options| &options.ports);
        let ports: BTreeSet<u16> = ports.map(|port| port.outside).collect();
        let docker = self.facts.docker.as_ref();
        let containers = docker.into_iter().flat_map(|docker| &docker.containers);
        let former = containers.filter(|(_, there)| {
            let mut written = there.writes_to.iter();
            there.is_running()
                && self.is_former(there)
                && (written.any(|name| data.contains(name.as_str()))
                    || !there.published.is_disjoint(&ports))
        });
        let former: Vec<String> = former.map(|(name, _)| name.clone()).collect();
        for name in former {
            self.note(format!(
                "interrupts: {name}, whose service is not in the yaml any more, ends before `{}` begins",
                service.name
            ));
            let stop = Action::StopContainer {
                name: name.clone(),
                grace: spec.stop_grace,
            };
            let step = self.step(phase::PREPARE, stop, "it holds the same data or port");
            step.undo.push(Action::ResumeContainer(name));
        }
    }

    /// Whether a container is of a service that left the yaml.
    fn is_former(&self, there: &ContainerFacts) -> bool {
        let of = there.labels.get(label::SERVICE).map(String::as_str);
        let mut services = self.stack.services.keys();
        is_ours(&there.labels, self.stack) && !services.any(|known| Some(known.as_str()) == of)
    }

    /// Data in a volume without a name goes with its container.
    fn loses_nameless(&mut self, service: &Service, spec: &ContainerSpec, was: &ContainerFacts) {
        let Some(details) = &was.details else { return };
        let is_nameless =
            |name: &str| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mounts = details.settings.mounts.iter();
        let lost: Vec<&str> = mounts
            .filter(|(to, there)| is_nameless(&there.source) && !spec.mounts_at(to))
            .map(|(to, _)| to.as_str())
            .collect();
        let asked: Vec<&str> = lost
            .iter()
            .copied()
            .filter(|to| spec.has_nameless_at(to))
            .collect();
        if !asked.is_empty() {
            return self.refuse(
                format!(
                    "what `{}` has in {} would go with its container",
                    service.name,
                    asked.join(", ")
                ),
                "give it a named volume in the compose file, and copy the data there first",
            );
        }
        if !lost.is_empty() {
            self.note(format!(
                "what `{}` has in {} goes with its container: a named volume would keep it",
                service.name,
                lost.join(", ")
            ));
        }
    }

    /// What was replaced goes once all is well: its container, its image and its files.
    fn remove_replaced(&mut self, service: &Service, spec: &ContainerSpec) {
        const CAUSE: &str = "another one stands in its place";
        for (name, _) in self.replaced(service, spec) {
            self.step(phase::RETIRE, Action::RemoveContainer(name), CAUSE);
        }
        let own = spec.labels.get(label::RELEASE).cloned().unwrap_or_default();
        let prefix = self.layout.images(&service.name);
        let images = self
            .facts
            .docker
            .iter()
            .flat_map(|docker| &docker.images)
            .filter(|(_, image)| is_ours(&image.labels, self.stack));
        let old = images
            .map(|(tag, _)| tag)
            .filter(|tag| tag.strip_prefix(&prefix).is_some_and(|id| id != own));
        for tag in old.cloned().collect::<Vec<_>>() {
            self.step(phase::RETIRE, Action::RemoveImage(tag), CAUSE);
        }
        self.prune_pulled();
        let releases = self.layout.releases(&service.name);
        let entries = self.facts.entries.get(releases.as_str());
        let names = entries.into_iter().flat_map(|names| names.keys());
        let old = names.filter(|name| **name != own);
        let paths: Vec<HostPath> = old
            .filter_map(|name| format!("{releases}/{name}").parse().ok())
            .collect();
        for path in paths {
            self.step(phase::RETIRE, Action::Remove(path), CAUSE);
        }
    }

    /// Sees that a container that was just started is well.
    fn await_own(&mut self, container: &Container, spec: &ContainerSpec) {
        let check = container.composed.options.healthcheck.as_ref();
        let (until, deadline, cause) = if container.is_job {
            let limit = Duration::from_secs(u64::from(container.deadline));
            (Awaited::Completed, limit, "others wait for what it does")
        } else if check.is_some_and(Healthcheck::is_on) {
            (
                Awaited::Healthy,
                until_known(check),
                "it has a health check",
            )
        } else {
            (Awaited::Running, STAYS_UP, "it must not end at once")
        };
        let wait = Action::AwaitContainer {
            name: spec.name.clone(),
            until,
            deadline,
        };
        self.step(phase::PREPARE, wait, cause);
    }

    /// The same for one that was started by hand.
    pub(super) fn await_started(&mut self, phase: u16, service: &Service, there: &Instance) {
        let Some(container) = service.container() else {
            return;
        };
        let check = container.composed.options.healthcheck.as_ref();
        let (until, deadline) = if container.is_job {
            let limit = Duration::from_secs(u64::from(container.deadline));
            (Awaited::Completed, limit)
        } else if check.is_some_and(Healthcheck::is_on) {
            (Awaited::Healthy, until_known(check))
        } else {
            (Awaited::Running, STAYS_UP)
        };
        let name = there.process.name().to_owned();
        let wait = Action::AwaitContainer {
            name,
            until,
            deadline,
        };
        self.step(phase, wait, "it must be well");
    }

    /// Waits until those that must be healthy before are; whoever was started in this run was waited for already.
    pub(super) fn await_others(&mut self, composed: &Composed) {
        let stack = self.stack;
        for after in &composed.after {
            let Some(other) = stack.services.get(&after.service) else {
                continue;
            };
            let Some(container) = other.container() else {
                continue;
            };
            if after.condition != Condition::Healthy {
                continue;
            }
            let started = self.steps.iter().rev().find_map(|step| match &step.action {
                Action::RunContainer(spec)
                    if spec.labels.get(label::SERVICE).map(String::as_str)
                        == Some(other.name.as_str()) =>
                {
                    Some(spec.name.clone())
                }
                _ => None,
            });
            let stands = standing(&self.layout, other, self.facts);
            let stands = stands.map(|id| self.layout.release_container(&other.name, &id));
            let Some(name) = started.or(stands) else {
                continue;
            };
            let is_awaited = |action: &Action| matches!(action, Action::AwaitContainer { name: awaited, until: Awaited::Healthy, .. } if *awaited == name);
            if self.steps.iter().any(|step| is_awaited(&step.action)) {
                continue;
            }
            let check = container.composed.options.healthcheck.as_ref();
            let wait = Action::AwaitContainer {
                name,
                until: Awaited::Healthy,
                deadline: until_known(check),
            };
            self.step(phase::PREPARE, wait, "`depends_on` asks for it");
        }
    }
}
