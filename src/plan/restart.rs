//! Stopping, starting and restarting what is deployed, as it is.
//!
//! An app is restarted without losing a request: a stand-in of the same release is started beside it, checked, and gets
//! the requests while the app's own container ends and starts again. The stand-in has an id of its own, made from the
//! release's, so that all that knows releases knows it: what is left of a run that was cut short is an old release.

mod unit;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::container::{ContainerSpec, Mount, label};
use super::deploy::drain;
use super::host::{HostPlan, Options, Parts, PlanError, is_ours};
use super::instance::{Instance, NoInstance, instance};
use super::provision::own_server;
use super::record::Record;
use super::step::{Action, Plan, Process};
use crate::facts::{Facts, HostFacts, sha256};
use crate::model::{
    App, Database, HostPath, Layout, Listen, Owner, ReleaseId, RemoteFile, Service, ServiceName,
    Stack,
};
use crate::render::{self, RenderError, Templates};

const STANDS_IN: &str = "it stands in meanwhile";
const NOT_NEEDED: &str = "it is not needed any more";

/// What a person wants of services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Stop,
    Start,
    Restart,
}

/// The stand-ins serve everywhere before anything is stopped, and nothing of them goes before all is well again.
mod phase {
    pub use crate::plan::deploy::phase::PREPARE;
    pub const RESTART: u16 = 2;
    pub const BACK: u16 = 3;
    pub const COMMIT: u16 = 4;
    pub const RETIRE: u16 = 5;
}

/// Who stopped a service by hand, as its host knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    pub by: String,
    /// RFC 3339, by the host's clock.
    pub at: String,
}

impl Stopped {
    /// What the host knows of a service; `None` when nobody has stopped it.
    pub fn of(facts: &HostFacts, layout: &Layout, service: &ServiceName) -> Option<Self> {
        let file = facts.files.get(&layout.stopped(service))?;
        let told = serde_json::from_slice(file.contents.as_deref().unwrap_or_default());
        Some(told.unwrap_or(Self {
            by: "somebody".into(),
            at: "some time".into(),
        }))
    }

    /// `stopped by ada@laptop at 2026-11-21T10:36:01Z`.
    pub fn words(&self) -> String {
        format!("stopped by {} at {}", self.by, self.at)
    }

    fn file(&self, path: HostPath) -> RemoteFile {
        let mut contents = serde_json::to_vec(self).expect("two texts are plain data");
        contents.push(b'\n');
        RemoteFile {
            path,
            mode: 0o644,
            owner: Owner::ROOT,
            contents,
        }
    }
}

/// What stops, starts or restarts services on every host of `facts` that has them. `who` wants it.
pub fn control(
    stack: &Stack,
    facts: &Facts,
    (wish, services): (Wish, &BTreeSet<ServiceName>),
    who: &str,
    templates: &Templates,
) -> Result<Plan, PlanError> {
    let mut parts = Parts::default();
    for (name, facts) in facts {
        let Some(host) = stack.hosts.get(name) else {
            continue;
        };
        let mut plan = HostPlan::new(stack, host, facts, Options::default());
        let mut all = stack.services_on(name);
        if wish == Wish::Stop {
            // Whoever needs another stops before it.
            all.reverse();
        }
        for service in all {
            if !services.contains(&service.name) {
                continue;
            }
            let there = match instance(stack, service, name, facts) {
                Ok(there) => there,
                Err(why) => {
                    plan.nothing_to_control(wish, &why);
                    continue;
                }
            };
            let done = match wish {
                Wish::Stop if service.database().is_some() && !service.in_container() => {
                    let server = own_server(facts);
                    plan.refuse(
                        format!(
                            "`{}` is the host's own {server}, which others may use as well",
                            service.name
                        ),
                        format!("if nobody does, stop it there: `sudo systemctl stop {server}`"),
                    );
                    Ok(())
                }
                Wish::Stop => {
                    plan.stop_by_hand(service, &there, who);
                    Ok(())
                }
                Wish::Restart if there.is_running => plan.restart(service, &there, templates),
                Wish::Start | Wish::Restart => {
                    plan.start(service, &there);
                    Ok(())
                }
            };
            done.map_err(|source| PlanError::Render {
                host: name.clone(),
                source,
            })?;
        }
        plan.confirm(phase::BACK, phase::COMMIT);
        plan.finish(phase::RETIRE, &mut parts);
    }
    parts.into_plan()
}

impl HostPlan<'_> {
    fn nothing_to_control(&mut self, wish: Wish, why: &NoInstance) {
        let hint = match (wish, why) {
            (Wish::Stop, NoInstance::Static(_)) => {
                "to take its pages offline, take its routes out of the yaml and run `stackctl provision`"
            }
            (_, NoInstance::Static(_)) => "there is nothing to do: they are served",
            _ => why.hint(),
        };
        self.refuse(why.to_string(), hint);
    }

    /// Takes a service offline, until somebody starts it or a run finds that it should serve.
    fn stop_by_hand(&mut self, service: &Service, there: &Instance, who: &str) {
        let path = self.layout.stopped(&service.name);
        if !self.facts.files.contains_key(&path) {
            let stopped = Stopped {
                by: who.to_owned(),
                at: self.facts.clock_text.clone(),
            };
            let put = Action::PutFile {
                file: stopped.file(path),
                before: None,
            };
            self.step(phase::PREPARE, put, "it tells who stopped it");
        }
        let grace = grace_of(service);
        for (process, release) in self.running(service) {
            let stop = process.stop(grace);
            // One that does not serve is kept warm; the host would have ended it the same way.
            let Some(id) = release.filter(|id| there.release.as_ref() != Some(id)) else {
                self.step(phase::PREPARE, stop, "asked for");
                continue;
            };
            const CAUSE: &str = "its service is stopped";
            let timer = format!("{}.timer", self.layout.cooling_unit(&service.name, &id));
            if self.facts.is_active(&timer) {
                self.step(phase::PREPARE, Action::StopUnit(timer), CAUSE);
            }
            self.step(phase::PREPARE, stop, CAUSE);
            self.stop_proxy(&service.name, &id);
            let folder = self.layout.socket_folder(&service.name, &id);
            self.step(phase::PREPARE, Action::Remove(folder), CAUSE);
        }
        if there.is_running {
            self.note_offline(service);
        }
    }

    /// What of a service runs, or would again: also releases that are kept warm.
    fn running(&self, service: &Service) -> Vec<(Process, Option<ReleaseId>)> {
        let docker = self.facts.docker.as_ref();
        let all = docker.into_iter().flat_map(|docker| &docker.containers);
        let ours = all.filter(|(_, there)| {
            let of = there.labels.get(label::SERVICE).map(String::as_str);
            is_ours(&there.labels, self.stack) && of == Some(service.name.as_str())
        });
        let running = ours.filter(|(_, there)| there.is_running() || there.state == "restarting");
        let containers = running.filter_map(|(name, there)| {
            let release = super::instance::release_of(&self.layout, service, name, there)?;
            Some((Process::Container(name.clone()), release))
        });
        let prefix = self.layout.release_units(&service.name);
        let units = self.facts.units.iter().filter(|(_, unit)| unit.runs());
        let units = units.filter_map(|(name, _)| {
            let id = name.strip_prefix(&prefix)?.strip_suffix(".service")?;
            Some((Process::Unit(name.clone()), Some(id.parse().ok()?)))
        });
        containers.chain(units).collect()
    }

    fn note_offline(&mut self, service: &Service) {
        let name = &service.name;
        let mut told = Vec::new();
        for site in self.stack.sites_on(&self.host.name) {
            let all = site.routes.iter();
            let routes = all.filter(|route| route.service() == Some(name));
            let paths: Vec<String> = routes.map(|route| route.prefix.to_string()).collect();
            if !paths.is_empty() {
                told.push(format!(
                    "{} of site {} (port {})",
                    paths.join(", "),
                    site.name,
                    site.listen
                ));
            }
        }
        let all = self.stack.services_on(&self.host.name).into_iter();
        let needing: Vec<&str> = all
            .filter(|other| other.needs.contains(name))
            .map(|other| other.name.as_str())
            .collect();
        if !needing.is_empty() {
            told.push(format!("and {} needs it", needing.join(", ")));
        }
        let what = match told.as_slice() {
            [] => String::new(),
            told => format!(": {}", told.join("; ")),
        };
        self.note(format!(
            "`{name}` goes offline{what}; `stackctl start {name}` brings it back"
        ));
    }

    fn start(&mut self, service: &Service, there: &Instance) {
        let cause = self.why_stopped(service);
        if !there.is_running {
            if let (Some(app), Some(id)) = (service.app(), &there.release) {
                let folder = self.layout.socket_folder(&service.name, id);
                let entries = self.facts.entries.get(self.layout.run().as_str());
                let name = folder.as_str().rsplit('/').next().unwrap_or_default();
                if !entries.is_some_and(|names| names.contains_key(name)) {
                    let user = self.layout.user(service);
                    self.socket_folders(service, app.listen, id, user);
                }
            }
            let start = start_of(service, &there.process);
            self.step(phase::PREPARE, start, cause);
            self.wait_for(phase::PREPARE, service, there);
        }
        self.forget_stop(phase::RETIRE, service);
    }

    fn wait_for(&mut self, phase: u16, service: &Service, there: &Instance) {
        let (wait, cause) = match (service.app(), service.database(), &there.release) {
            (Some(app), _, Some(id)) => (
                Action::WaitHealthy {
                    process: there.process.clone(),
                    socket: self.layout.socket(&service.name, id),
                    health: app.health.clone(),
                },
                "it must be healthy",
            ),
            (_, Some(database), _) => (self.answers(service, database), "it must answer"),
            _ if service.container().is_some() => return self.await_started(phase, service, there),
            _ => return,
        };
        self.step(phase, wait, cause);
    }

    fn answers(&self, service: &Service, database: &Database) -> Action {
        Action::WaitDatabase(super::provision::target(
            &self.layout,
            own_server(self.facts),
            service,
            database,
        ))
    }

    /// Why a service does not run, as a cause.
    pub(super) fn why_stopped(&self, service: &Service) -> String {
        let stopped = Stopped::of(self.facts, &self.layout, &service.name);
        stopped.map_or_else(
            || match service.in_container() {
                true => "its container is not running as it should".to_owned(),
                false => "its unit is not running as it should".to_owned(),
            },
            |stopped| format!("it was {}", stopped.words()),
        )
    }

    /// Once it runs again, nobody has stopped it.
    pub(super) fn forget_stop(&mut self, phase: u16, service: &Service) {
        let path = self.layout.stopped(&service.name);
        if self.facts.files.contains_key(&path) {
            self.step(phase, Action::Remove(path), "it runs again");
        }
    }

    fn restart(
        &mut self,
        service: &Service,
        there: &Instance,
        templates: &Templates,
    ) -> Result<(), RenderError> {
        match (service.app(), &there.release) {
            (Some(app), Some(id)) if app.listen != Listen::GivenPort => {
                self.restart_app(service, app, id, there, templates)?;
            }
            _ => self.restart_in_place(service, there),
        }
        self.forget_stop(phase::RETIRE, service);
        Ok(())
    }

    /// Nothing can stand in for what alone may open its data, or has its port.
    fn restart_in_place(&mut self, service: &Service, there: &Instance) {
        let name = &service.name;
        let all = self.stack.services_on(&self.host.name).into_iter();
        let needing: Vec<&str> = all
            .filter(|other| other.needs.contains(name))
            .map(|other| other.name.as_str())
            .collect();
        let whom = match needing.as_slice() {
            [] => "whoever uses it".to_owned(),
            names => names.join(", "),
        };
        let grace = grace_of(service);
        self.note(format!(
            "`{name}` is restarted in place: until it answers again, {whom} can fail"
        ));
        match &there.process {
            Process::Unit(name) => {
                let restart = Action::RestartUnit(name.clone());
                self.step(phase::RESTART, restart, "asked for");
            }
            process @ Process::Container(_) => {
                let start = start_of(service, process);
                self.stop_and_start(process, grace, start);
            }
        }
        self.wait_for(phase::RESTART, service, there);
    }

    fn stop_and_start(&mut self, process: &Process, grace: u32, start: Action) -> &mut super::Step {
        let step = self.step(phase::RESTART, process.stop(grace), "asked for");
        step.undo.push(start.clone());
        let at = self.steps.len() - 1;
        self.step(phase::RESTART, start, "asked for");
        &mut self.steps[at]
    }

    fn restart_app(
        &mut self,
        service: &Service,
        app: &App,
        id: &ReleaseId,
        there: &Instance,
        templates: &Templates,
    ) -> Result<(), RenderError> {
        let layout = self.layout.clone();
        let Some(record) = Record::of(self.facts, &layout, &service.name, id) else {
            let path = Record::path(&layout, &service.name, id);
            let why = format!("the record of release {id} cannot be read ({path})");
            self.refuse(why, "`stackctl deploy` writes it again");
            return Ok(());
        };
        let Some(deployed) = &record.spec else {
            self.restart_unit(service, app, &record, there);
            return Ok(());
        };
        let standing_in = stand_in(id);
        let name = layout.release_container(&service.name, &standing_in);
        let port = match app.listen {
            Listen::Socket | Listen::GivenPort => None,
            Listen::Port(_) => Some(self.choose_port(&name, &standing_in)),
        };
        let spec = self.stand_in_of(service, id, deployed, &standing_in, port);
        if !self.has_image(&spec.image) {
            let why = format!("the image of release {id} is gone ({})", spec.image);
            self.refuse(why, "`stackctl deploy` makes it again");
            return Ok(());
        }
        let folder = layout.socket_folder(&service.name, &standing_in);
        let step = self.socket_folders(service, app.listen, &standing_in, Layout::APP_USER);
        step.undo.push(Action::Remove(folder.clone()));
        let run = Action::RunContainer(Box::new(spec));
        let process = Process::Container(name.clone());
        let ending = [
            drain(&process, app, &layout, &service.name, &standing_in),
            process.stop(2),
            Action::RemoveContainer(name.clone()),
        ];
        let step = self.step(phase::PREPARE, run, STANDS_IN);
        step.undo.extend(ending);
        let units = match port {
            Some(port) => {
                render::proxy_units(templates, self.stack, &service.name, &standing_in, port)?
            }
            None => Vec::new(),
        };
        let paths: Vec<HostPath> = units.iter().map(|unit| unit.path.clone()).collect();
        self.proxy(service, &standing_in, units);
        self.by_way_of(service, app, (id, there), (&standing_in, &process));
        self.dismiss(service, app, &standing_in, &process);
        self.step(phase::RETIRE, Action::RemoveContainer(name), NOT_NEEDED);
        self.dismiss_proxy(service, &standing_in, &paths);
        Ok(())
    }

    /// Has a stand-in get the requests while the release itself is restarted.
    fn by_way_of(
        &mut self,
        service: &Service,
        app: &App,
        (id, there): (&ReleaseId, &Instance),
        (standing_in, process): (&ReleaseId, &Process),
    ) {
        let layout = self.layout.clone();
        let stands_in = Instance {
            release: Some(standing_in.clone()),
            process: process.clone(),
            ..there.clone()
        };
        self.wait_for(phase::PREPARE, service, &stands_in);
        let link = layout.socket_link(&service.name);
        let own = layout.link_target(&service.name, id);
        let other = layout.link_target(&service.name, standing_in);
        self.switch(link.clone(), other.clone(), Some(own.clone()), STANDS_IN);
        let wait = drain(&there.process, app, &layout, &service.name, id);
        self.step(phase::RESTART, wait, "it no longer gets requests");
        let healthy = Action::WaitHealthy {
            process: there.process.clone(),
            socket: layout.socket(&service.name, id),
            health: app.health.clone(),
        };
        let start = there.process.start();
        let step = self.stop_and_start(&there.process, app.stop_grace, start);
        // Requests go back to it only when it answers: until then the stand-in has them.
        step.undo.push(healthy);
        self.wait_for(phase::RESTART, service, there);
        let back = Action::Switch { link, target: own };
        self.step(phase::BACK, back, "it runs again");
    }

    /// The container that serves in the place of a release's own: the same, but for its name, its socket and its port.
    fn stand_in_of(
        &self,
        service: &Service,
        id: &ReleaseId,
        spec: &ContainerSpec,
        standing_in: &ReleaseId,
        port: Option<u16>,
    ) -> ContainerSpec {
        let mut spec = spec.clone();
        spec.name = self.layout.release_container(&service.name, standing_in);
        let own = self.layout.socket_folder(&service.name, id);
        for mount in &mut spec.mounts {
            if let Mount::Bind { from, .. } = mount
                && *from == own
            {
                *from = self.layout.socket_folder(&service.name, standing_in);
            }
        }
        for outside in spec.publish.values_mut() {
            *outside = port.unwrap_or(*outside);
        }
        spec.of_release(self.stack, service, standing_in)
    }

    /// Ends a stand-in.
    fn dismiss(
        &mut self,
        service: &Service,
        app: &App,
        standing_in: &ReleaseId,
        process: &Process,
    ) {
        let wait = drain(process, app, &self.layout, &service.name, standing_in);
        self.step(phase::RETIRE, wait, "it no longer gets requests");
        self.step(phase::RETIRE, process.stop(app.stop_grace), NOT_NEEDED);
    }

    /// What leads to a stand-in.
    fn dismiss_proxy(&mut self, service: &Service, standing_in: &ReleaseId, units: &[HostPath]) {
        if !units.is_empty() {
            let unit = self.layout.proxy_unit(&service.name, standing_in);
            for kind in ["socket", "service"] {
                let stop = Action::StopUnit(format!("{unit}.{kind}"));
                self.step(phase::RETIRE, stop, NOT_NEEDED);
            }
            for path in units {
                self.forget_new(phase::RETIRE, path, NOT_NEEDED);
            }
            self.step(phase::RETIRE, Action::ReloadUnits, "a unit file is gone");
        }
        let folder = self.layout.socket_folder(&service.name, standing_in);
        self.step(phase::RETIRE, Action::Remove(folder), NOT_NEEDED);
    }

    fn has_image(&self, image: &str) -> bool {
        let docker = self.facts.docker.as_ref();
        docker.is_some_and(|docker| docker.has_image(image))
    }
}

/// Seconds between the stop signal and SIGKILL.
fn grace_of(service: &Service) -> u32 {
    match (service.app(), service.composed()) {
        (Some(app), _) => app.stop_grace,
        (_, Some(composed)) => composed.stop_grace,
        // As a database's container was made: it writes its buffers out.
        _ => 60,
    }
}

/// What starts a service's process as it was: a compose file says for itself whether the engine starts it again.
fn start_of(service: &Service, process: &Process) -> Action {
    match (service.container(), process) {
        (Some(_), Process::Container(name)) => Action::ResumeContainer(name.clone()),
        _ => process.start(),
    }
}

/// The id of what stands in for a release while it is restarted.
pub(super) fn stand_in(id: &ReleaseId) -> ReleaseId {
    sha256(format!("stands in for {id}").as_bytes())[..12]
        .parse()
        .expect("twelve hex digits are an id")
}
