//! A release goes beside the one that serves, is checked, gets the requests, and the old one drains.
//!
//! The first deploy and the hundredth are the same code: on the first, no old release is there to drain.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::container::{self, label};
use super::host::{Comparison, HostPlan, Options, Parts, PlanError};
use super::prepare::{Again, Preparation};
use super::record::{Record, RecordedFile};
use super::release::Release;
use super::step::{Action, BakeTarget, Plan, Process};
use crate::facts::{ContainerFacts, Facts, SourceTree, sha256};
use crate::model::{
    App, AppSource, HostPath, Layout, Listen, ReleaseId, RemoteFile, Service, ServiceKind,
    ServiceName, Stack,
};
use crate::render::{self, RenderError, Templates};

/// Prepare everywhere, then switch everywhere, then watch, then confirm, then stop what is old: whatever fails before it is
/// confirmed is taken back everywhere, so that no fleet is left half and half.
pub(super) mod phase {
    /// Images come first, of all services: what is replaced in its place does not wait stopped for another's build.
    pub const IMAGES: u16 = 0;
    pub const PREPARE: u16 = 1;
    pub const SWITCH: u16 = 2;
    pub const BAKE: u16 = 3;
    pub const COMMIT: u16 = 4;
    pub const RETIRE: u16 = 5;
}

/// The first of the loopback ports that TCP-only containers are published on.
const FIRST_PORT: u16 = 20000;
const PORTS: u16 = 10000;

/// What brings the given releases into service; empty when they serve already.
pub fn deploy(
    stack: &Stack,
    facts: &Facts,
    releases: &[Release],
    templates: &Templates,
    options: Options,
) -> Result<Plan, PlanError> {
    let mut parts = Parts::default();
    for (name, facts) in facts {
        let Some(host) = stack.hosts.get(name) else {
            continue;
        };
        let mut plan = HostPlan::new(stack, host, facts, options);
        let mine = releases.iter().filter(|release| release.host == *name);
        let mine: Vec<Release> = mine.map(|release| plan.as_here(release)).collect();
        let mine: Vec<&Release> = mine.iter().collect();
        let is_ready = plan.check_ready(&mine);
        plan.check_releases(&mine);
        // What was changed by hand is told also where something keeps it from being mended.
        if plan.findings.is_empty() || is_ready && plan.was_here() {
            for service in stack.services_on(name) {
                plan.init_database(service);
            }
            for service in stack.services_on(name) {
                let Some(release) = mine.iter().find(|release| release.service == service.name)
                else {
                    continue;
                };
                plan.release(service, release, templates)
                    .map_err(|source| PlanError::Render {
                        host: name.clone(),
                        source,
                    })?;
            }
            plan.removed_services(templates)
                .map_err(|source| PlanError::Render {
                    host: name.clone(),
                    source,
                })?;
            plan.forget_networks();
        }
        plan.confirm(phase::BAKE, phase::COMMIT);
        plan.finish(phase::RETIRE, &mut parts);
    }
    parts.roll_out(stack);
    parts.into_plan()
}

impl HostPlan<'_> {
    fn release(
        &mut self,
        service: &Service,
        release: &Release,
        templates: &Templates,
    ) -> Result<(), RenderError> {
        match &service.kind {
            ServiceKind::App(app) => match &app.source {
                AppSource::Unit(unit) => {
                    self.unit_app(service, (app, unit), release, None, templates)
                }
                AppSource::Build(_) | AppSource::Image(_) => {
                    self.app(service, app, release, None, templates)
                }
            },
            ServiceKind::Container(container) => {
                self.container_in_place(service, container, release);
                Ok(())
            }
            ServiceKind::Static(files) => self.static_files(service, files, release),
            ServiceKind::Database(_) | ServiceKind::External(_) => Ok(()),
        }
    }

    /// Sends new requests to another release; taken back, the one before gets them again.
    pub(super) fn switch(
        &mut self,
        link: HostPath,
        target: String,
        before: Option<String>,
        cause: &str,
    ) {
        if before.as_deref() == Some(target.as_str()) {
            return;
        }
        let undo = undo_of_switch(&link, before);
        self.step(phase::SWITCH, Action::Switch { link, target }, cause)
            .undo
            .push(undo);
    }

    /// Has the host know that this release serves.
    pub(super) fn mark(&mut self, service: &Service, id: &ReleaseId) {
        let marks = self
            .facts
            .entries
            .get(self.layout.served(&service.name).as_str());
        let serves = self.serving(service).as_ref() == Some(id);
        if !serves || !marks.is_some_and(|marks| marks.contains_key(id.as_str())) {
            self.commit.serves.push(self.layout.mark(&service.name, id));
        }
        self.mark_earlier(service, id);
    }

    pub(super) fn app(
        &mut self,
        service: &Service,
        app: &App,
        release: &Release,
        again: Option<&Again>,
        templates: &Templates,
    ) -> Result<(), RenderError> {
        let id = &release.id;
        let layout = self.layout.clone();
        let image = match &app.source {
            AppSource::Image(image) => image.to_string(),
            AppSource::Build(_) | AppSource::Unit(_) => layout.image(&service.name, id),
        };
        let name = layout.release_container(&service.name, id);
        let port = match app.listen {
            Listen::Socket | Listen::GivenPort => None,
            Listen::Port(_) => Some(self.choose_port(&name, id)),
        };
        let spec = container::app(self.stack, service, app, id, image, port);
        let docker = self.facts.docker.as_ref();
        let there = docker
            .and_then(|docker| docker.containers.get(&name))
            .cloned();
        let labelled = there
            .as_ref()
            .is_some_and(|there| there.labels.get(label::SPEC) == spec.labels.get(label::SPEC));
        let link = layout.socket_link(&service.name);
        let current = self.facts.link(&link).map(str::to_owned);
        let target = layout.link_target(&service.name, id);
        let switched = current.as_deref() == Some(target.as_str());
        // It served, and only the link to it is gone.
        let unlinked = current.is_none() && self.has_served(service, id);
        if let Some(there) = there.as_ref().filter(|_| switched || unlinked) {
            self.stopped(&spec, there);
            self.swapped_image(&spec, there);
        }
        let by_hand = there.as_ref().filter(|_| labelled).and_then(|there| {
            self.changed_by_hand(&spec, there, "make it again beside this one, and switch")
        });
        let by_hand = by_hand.or(self.edited_secrets(service, id));
        let by_hand = by_hand.or(self.edited_given(service, release));
        let by_hand = by_hand.or(self.changed_url(service, id));
        let composed = app.composed.as_deref();
        let by_hand =
            by_hand.or(composed.and_then(|composed| self.edited_files(service, composed, id)));
        let same = labelled && by_hand.is_none();
        let is_running = there.as_ref().is_some_and(ContainerFacts::is_running);
        let runs = same && is_running;
        let tmpfiles = render::tmpfiles(templates, self.stack, service, id)?;
        let units = match port {
            Some(port) => render::proxy_units(templates, self.stack, &service.name, id, port)?,
            None => Vec::new(),
        };

        let record = Record {
            schema: 1,
            service: service.name.clone(),
            id: id.clone(),
            spec: Some(spec.clone()),
            files: std::iter::once(&tmpfiles)
                .chain(&units)
                .map(RecordedFile::of)
                .collect(),
            sources: release.tree.as_ref().map(sources).unwrap_or_default(),
            secrets: release.secrets.record(),
        };
        // What serves is not stopped to be made again.
        if let Some(there) = there.as_ref().filter(|_| switched && is_running && !same) {
            let cause = by_hand.unwrap_or_else(|| "its definition changed".into());
            return self.beside(service, app, release, &record, there, cause, templates);
        }
        // Without them it would not start again after a reboot, nor could it be gone back to.
        let whole = self.has_release(service, id);
        if unlinked {
            let was = format!("a link to {target}");
            self.broken(link.to_string(), was, "gone", "lead it there again");
        }
        let only_unlinked = unlinked && self.has_socket_folder(service, id);
        if !(runs && whole && (switched || only_unlinked)) {
            let stopped = self.why_stopped(service);
            let cause = if let Some(again) = again {
                &again.cause
            } else if switched && !whole {
                "its own files are gone"
            } else if let Some(by_hand) = &by_hand {
                by_hand
            } else if switched {
                stopped.as_str()
            } else {
                switch_cause(current.as_deref())
            };
            self.prepare(
                service,
                app,
                &Preparation {
                    release,
                    record: &record,
                    spec: &spec,
                    there: there.as_ref(),
                    same,
                    switched,
                    serves: switched || unlinked,
                    cause,
                    again,
                },
            );
            self.proxy(service, id, units);
            self.wait_healthy(service, app, id);
        } else {
            self.proxy(service, id, units);
            self.file(phase::PREPARE, record.file(&layout));
            self.missing_secrets(service, id);
            self.missing_given(service, release);
            if let Some(composed) = composed {
                self.missing_files(service, composed, id);
            }
            self.seed_container(service, app, &spec);
            if let Some(there) = &there {
                self.keep_restarting(phase::PREPARE, &spec, there);
            }
            if !switched {
                self.wait_healthy(service, app, id);
            }
        }
        let cause = match again {
            Some(again) => &again.cause,
            None if unlinked => "the link to what served is gone",
            None => switch_cause(current.as_deref()),
        };
        self.serve(Serving {
            service,
            app,
            id,
            process: Process::Container(name),
            tmpfiles,
            cause: cause.to_owned(),
            current,
        });
        Ok(())
    }

    /// Sends requests to a release that runs, and has those before it go.
    pub(super) fn serve(&mut self, serving: Serving<'_>) {
        let Serving {
            service,
            app,
            id,
            process,
            tmpfiles,
            cause,
            current,
        } = serving;
        let link = self.layout.socket_link(&service.name);
        let target = self.layout.link_target(&service.name, id);
        let switched = current.as_deref() == Some(target.as_str());
        self.owns_record_of(service, id);
        self.at_boot((service, app, id), tmpfiles, switched);
        if !switched {
            self.bake(app, process, &link);
            self.switch(link, target, current, &cause);
        }
        self.mark(service, id);
        self.retire(service, app, id);
        self.prune_folders(service, id);
    }

    /// What a boot makes the link from; before the switch, since a boot between the two must find a release whole.
    pub(super) fn at_boot(
        &mut self,
        (service, app, id): (&Service, &App, &ReleaseId),
        tmpfiles: RemoteFile,
        switched: bool,
    ) {
        let stood = self.contents(&tmpfiles.path);
        // Also where the list of what is ours is gone: it is the same file for the release that serves.
        let serving = self.serving(service);
        let is_ours = serving
            .zip(stood.as_deref())
            .is_some_and(|(serving, stood)| {
                let stood = String::from_utf8_lossy(stood);
                stood.replace(serving.as_str(), id.as_str()).as_bytes() == tmpfiles.contents
            });
        let mut comparison = self.compare_with(&tmpfiles, is_ours || self.was_here());
        if let (Comparison::Left, false) = (&comparison, switched) {
            // As somebody edited it, a boot would lead to a release that no longer serves.
            if let Some(drift) = self.drift.last_mut() {
                drift.is_left = false;
            }
            self.own(&tmpfiles);
            comparison = Comparison::Differs {
                before: stood.clone(),
                cause: "it must lead to what serves",
                edited: true,
            };
        }
        let serving = self.starts_as_before(service, app);
        let wrote = self.write(phase::SWITCH, tmpfiles.clone(), comparison);
        if wrote
            && !switched
            && let Some(step) = self.steps.last_mut()
        {
            // Without the switch a reboot must still lead to the release that serves.
            step.undo.push(undo_of_file(&tmpfiles, stood));
            step.undo.extend(serving);
        }
    }

    /// What a boot in the middle of a switch has kept from the release that serves: its socket's folder, which the boot
    /// file of another does not make, and with it its start.
    pub(super) fn starts_as_before(&self, service: &Service, app: &App) -> Vec<Action> {
        let Some(id) = self
            .serving(service)
            .filter(|_| app.listen == Listen::Socket)
        else {
            return Vec::new();
        };
        let container = self.layout.release_container(&service.name, &id);
        let unit = self.layout.release_unit(&service.name, &id);
        let docker = self.facts.docker.as_ref();
        let there = docker.and_then(|docker| docker.containers.get(&container));
        let (process, user) = if there.is_some_and(ContainerFacts::is_running) {
            (Process::Container(container), Layout::APP_USER)
        } else if self.facts.is_active(&unit) {
            let user = self.layout.unit_user(&service.name);
            (Process::Unit(unit), user)
        } else {
            return Vec::new();
        };
        let folder = self.socket_folder(service, app.listen, &id, user);
        vec![Action::PutFolder(folder), process.start()]
    }

    fn bake(&mut self, app: &App, process: Process, link: &HostPath) {
        self.baking.0.push(BakeTarget {
            process,
            link: link.clone(),
            health: app.health.clone(),
        });
        self.baking.1 = self.baking.1.max(app.bake);
    }

    /// Whether the host has the release's folder.
    pub(super) fn has_release(&self, service: &Service, id: &ReleaseId) -> bool {
        let releases = self.layout.releases(&service.name);
        let entries = self.facts.entries.get(releases.as_str());
        entries.is_some_and(|names| names.contains_key(id.as_str()))
    }

    /// systemd's socket proxy before a container that only speaks TCP.
    pub(super) fn proxy(&mut self, service: &Service, id: &ReleaseId, units: Vec<RemoteFile>) {
        if units.is_empty() {
            return;
        }
        let socket = format!("{}.socket", self.layout.proxy_unit(&service.name, id));
        // Stopped, it cuts what it carries.
        let process = self.process(service, id);
        let app = service.app();
        let drain = app.map(|app| drain(&process, app, &self.layout, &service.name, id));
        let stop = Action::StopUnit(socket.clone());
        self.units(units, &socket, drain.into_iter().chain([stop]).collect());
    }

    /// What runs a release.
    pub(super) fn process(&self, service: &Service, id: &ReleaseId) -> Process {
        match service.unit() {
            Some(_) => Process::Unit(self.layout.release_unit(&service.name, id)),
            None => Process::Container(self.layout.release_container(&service.name, id)),
        }
    }

    /// Unit files, and the one unit that is started for them; `undo` takes the start back.
    pub(super) fn units(&mut self, files: Vec<RemoteFile>, start: &str, undo: Vec<Action>) {
        let mut wrote = false;
        for unit in files {
            let path = unit.path.clone();
            let is_new = !self.facts.files.contains_key(&path);
            if !self.file(phase::PREPARE, unit) {
                continue;
            }
            wrote = true;
            if is_new && let Some(step) = self.steps.last_mut() {
                step.undo
                    .extend([Action::Remove(path), Action::ReloadUnits]);
            }
        }
        if wrote || self.is_stale(start) {
            self.step(phase::PREPARE, Action::ReloadUnits, "a unit file changed");
        }
        let there = self.facts.units.get(start);
        if wrote || !there.is_some_and(|unit| unit.is_active() && unit.file == "enabled") {
            let cause = match start.strip_suffix(".socket") {
                Some(_) => "it leads to the app",
                None => "it must run, also after a reboot",
            };
            let step = self.step(phase::PREPARE, Action::StartUnit(start.to_owned()), cause);
            step.undo.extend(undo);
        }
    }

    /// A loopback port for a TCP-only container: the one it has, else a free one that depends on the release alone
    /// as long as nobody else holds it.
    pub(super) fn choose_port(&self, container: &str, id: &ReleaseId) -> u16 {
        let docker = self.facts.docker.as_ref();
        let given = docker.and_then(|docker| {
            docker
                .containers
                .get(container)?
                .labels
                .get(label::PORT)?
                .parse()
                .ok()
        });
        given.unwrap_or_else(|| self.free_port(id))
    }

    /// A loopback port that nobody holds, which depends on the release alone as long as nobody else holds it.
    pub(super) fn free_port(&self, id: &ReleaseId) -> u16 {
        let docker = self.facts.docker.as_ref();
        let mut taken: BTreeSet<u16> = self
            .facts
            .listeners
            .iter()
            .map(|listener| listener.port)
            .collect();
        if let Some(docker) = docker {
            let labelled = docker
                .containers
                .values()
                .filter_map(|there| there.labels.get(label::PORT)?.parse::<u16>().ok());
            taken.extend(labelled);
        }
        let start =
            u16::from_str_radix(&sha256(id.as_str().as_bytes())[..4], 16).unwrap_or(0) % PORTS;
        let ports = (0..PORTS).map(|offset| FIRST_PORT + (start + offset) % PORTS);
        ports
            .into_iter()
            .find(|port| !taken.contains(port))
            .unwrap_or(FIRST_PORT)
    }
}

/// Leads a link back to where it led `before`.
pub(super) fn undo_of_switch(link: &HostPath, before: Option<String>) -> Action {
    let link = link.clone();
    match before {
        Some(target) => Action::Switch { link, target },
        None => Action::Remove(link),
    }
}

/// Puts back what stood in a file's place `before`.
pub(super) fn undo_of_file(file: &RemoteFile, before: Option<Vec<u8>>) -> Action {
    match before {
        Some(contents) => Action::PutFile {
            file: RemoteFile {
                contents,
                ..file.clone()
            },
            before: None,
        },
        None => Action::Remove(file.path.clone()),
    }
}

/// What begins to serve once it is healthy.
pub(super) struct Serving<'a> {
    pub service: &'a Service,
    pub app: &'a App,
    pub id: &'a ReleaseId,
    pub process: Process,
    /// What a boot makes its link from.
    pub tmpfiles: RemoteFile,
    /// Why it is switched to.
    pub cause: String,
    /// Where the link leads now.
    pub current: Option<String>,
}

/// Waits until a release's connections have ended.
pub(super) fn drain(
    process: &Process,
    app: &App,
    layout: &Layout,
    service: &ServiceName,
    id: &ReleaseId,
) -> Action {
    let has_proxy = app.listen != Listen::Socket;
    drain_before(process, has_proxy, app.drain, layout, service, id)
}

/// The same of a release that was made by an earlier yaml, which may have had it listen in another way.
pub(super) fn drain_before(
    process: &Process,
    has_proxy: bool,
    seconds: u32,
    layout: &Layout,
    service: &ServiceName,
    id: &ReleaseId,
) -> Action {
    let deadline = Duration::from_secs(u64::from(seconds));
    match process {
        Process::Container(container) if !has_proxy => Action::Drain {
            container: Some(container.clone()),
            socket: format!("{}/app.sock", Layout::CONTAINER_RUN),
            deadline,
        },
        // The host itself sees the socket.
        _ => Action::Drain {
            container: None,
            socket: layout.socket(service, id).to_string(),
            deadline,
        },
    }
}

/// Digests of the files that a release was made from.
pub(super) fn sources(tree: &SourceTree) -> BTreeMap<String, String> {
    let files = tree.files();
    files
        .map(|(path, file)| (path.to_owned(), file.digest.clone()))
        .collect()
}

pub(super) fn switch_cause(current: Option<&str>) -> &'static str {
    if current.is_some() {
        "the release is new"
    } else {
        "nothing serves yet"
    }
}
