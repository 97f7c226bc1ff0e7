//! A release goes beside the one that serves, is checked, gets the requests, and the old one drains.
//!
//! The first deploy and the hundredth are the same code: on the first, no old release is there to drain.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::container::{self, label};
use super::host::{HostPlan, Options, Parts, PlanError};
use super::record::{Record, RecordedFile};
use super::release::Release;
use super::step::{Action, BakeTarget, Folder, ImageBuild, Plan};
use crate::facts::{ContainerFacts, DatabaseFacts, Facts, SourceTree, sha256};
use crate::model::{
    App, HostPath, ImageSource, Layout, Listen, Owner, ReleaseId, RemoteFile, Service, ServiceKind,
    ServiceName, Stack,
};
use crate::render::{self, RenderError, Templates};

/// Prepare everywhere, then switch everywhere, then watch, then confirm, then stop what is old: whatever fails before it is
/// confirmed is taken back everywhere, so that no fleet is left half and half.
pub(super) mod phase {
    pub const PREPARE: u16 = 0;
    pub const SWITCH: u16 = 1;
    pub const BAKE: u16 = 2;
    pub const COMMIT: u16 = 3;
    pub const RETIRE: u16 = 4;
}

/// nginx's group on Debian and Ubuntu: base-passwd gives www-data the fixed id 33.
pub(super) const WWW_DATA: u32 = 33;
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
        let mine: Vec<&Release> = releases
            .iter()
            .filter(|release| release.host == *name)
            .collect();
        plan.check_ready(&mine);
        plan.check_releases(&mine);
        if plan.findings.is_empty() {
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
        }
        plan.confirm(phase::BAKE, phase::COMMIT);
        plan.finish(phase::RETIRE, &mut parts);
    }
    parts.into_plan()
}

impl HostPlan<'_> {
    /// `provision` must have been here, and what the releases need must answer.
    fn check_ready(&mut self, releases: &[&Release]) {
        const HINT: &str = "run `stackctl provision` first";
        if !self.facts.files.contains_key(&self.layout.state()) {
            self.refuse("it is not provisioned for this stack", HINT);
            return;
        }
        if self.manifest_is_damaged() {
            let manifest = self.layout.manifest();
            self.refuse(
                format!("the list of what is ours cannot be read ({manifest})"),
                "run `stackctl provision`, which makes it anew from what is there",
            );
            return;
        }
        let stack = self.stack;
        let services = stack.services_on(&self.host.name);
        let wanted = |service: &&Service| {
            releases
                .iter()
                .any(|release| release.service == service.name)
        };
        for service in services.into_iter().filter(wanted) {
            if service.app().is_none() {
                continue;
            }
            let Some(docker) = &self.facts.docker else {
                self.refuse("no Docker engine answers", HINT);
                return;
            };
            let network = self.layout.app_network();
            if !docker.networks.contains_key(&network) {
                self.refuse(format!("the network {network} is missing"), HINT);
            }
            for (needed, _) in container::databases_of(stack, service) {
                match docker.databases.get(&needed.name) {
                    Some(DatabaseFacts::Answers(schema)) if schema.login => {}
                    Some(DatabaseFacts::Answers(_)) => {
                        let text = format!("the user of database `{}` cannot log in", needed.name);
                        self.refuse(
                            text,
                            "run `stackctl provision`, which sets its password again",
                        );
                    }
                    Some(DatabaseFacts::Silent(why)) => {
                        let text = format!(
                            "database `{}`, which `{}` needs, does not answer: {why}",
                            needed.name, service.name
                        );
                        self.refuse(
                            text,
                            "`stackctl provision` starts it; `stackctl status` shows its state",
                        );
                    }
                    None => {
                        let text = format!(
                            "database `{}`, which `{}` needs, is not running",
                            needed.name, service.name
                        );
                        self.refuse(text, "`stackctl provision` starts it");
                    }
                }
            }
        }
    }

    fn release(
        &mut self,
        service: &Service,
        release: &Release,
        templates: &Templates,
    ) -> Result<(), RenderError> {
        match &service.kind {
            ServiceKind::App(app) => self.app(service, app, release, templates),
            ServiceKind::Static(_) => {
                self.static_files(service, release);
                Ok(())
            }
            ServiceKind::Mysql(_) => Ok(()),
        }
    }

    fn static_files(&mut self, service: &Service, release: &Release) {
        let link = self.layout.current(&service.name);
        let target = format!("../releases/{}/{}", service.name, release.id);
        let to = self.layout.release(&service.name, &release.id);
        let staged = self.has_release(service, &release.id);
        let current = self.facts.link(&link).map(str::to_owned);
        if current.as_deref() != Some(target.as_str()) || !staged {
            let cause = switch_cause(current.as_deref());
            if let Some(tree) = release.tree.clone().filter(|_| !staged) {
                let undo = Action::Remove(to.clone());
                let step = self.step(
                    phase::PREPARE,
                    Action::PushTree {
                        tree: Box::new(tree),
                        to,
                    },
                    "not on the host",
                );
                step.undo.push(undo);
            }
            self.switch(link, target, current, cause);
        }
        self.mark(service, &release.id);
        self.prune_folders(service, &release.id);
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

    fn app(
        &mut self,
        service: &Service,
        app: &App,
        release: &Release,
        templates: &Templates,
    ) -> Result<(), RenderError> {
        let id = &release.id;
        let layout = self.layout.clone();
        let image = match &app.source {
            ImageSource::Build(_) => layout.image(&service.name, id),
            ImageSource::Image(image) => image.to_string(),
        };
        let name = layout.release_container(&service.name, id);
        let port = match app.listen {
            Listen::Socket => None,
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
        let by_hand = there
            .as_ref()
            .filter(|_| labelled)
            .and_then(|there| self.changed_by_hand(&spec, there));
        let by_hand = by_hand.or_else(|| self.edited_secrets(service, id));
        let same = labelled && by_hand.is_none();
        let runs = same && there.as_ref().is_some_and(ContainerFacts::is_running);
        let link = layout.socket_link(&service.name);
        let target = format!("{}.{id}/app.sock", service.name);
        let current = self.facts.link(&link).map(str::to_owned);
        let switched = current.as_deref() == Some(target.as_str());
        let tmpfiles = render::tmpfiles(templates, self.stack, service, id)?;
        let units = match port {
            Some(port) => render::proxy_units(templates, self.stack, &service.name, id, port)?,
            None => Vec::new(),
        };

        let record = Record {
            schema: 1,
            service: service.name.clone(),
            id: id.clone(),
            spec: spec.clone(),
            files: std::iter::once(&tmpfiles)
                .chain(&units)
                .map(RecordedFile::of)
                .collect(),
            sources: release.tree.as_ref().map(sources).unwrap_or_default(),
        };
        // Without them it would not start again after a reboot, nor could it be gone back to.
        let whole = self.has_release(service, id);
        if !(runs && switched && whole) {
            let cause = if switched && !whole {
                "its own files are gone"
            } else if let Some(by_hand) = &by_hand {
                by_hand
            } else if switched {
                "its container is not running as it should"
            } else {
                switch_cause(current.as_deref())
            };
            self.prepare(
                service,
                app,
                release,
                &record,
                there.as_ref(),
                same,
                switched,
                cause,
            );
            self.proxy(service, id, units);
            let socket = layout.socket(&service.name, id);
            let health = app.health.clone();
            self.step(
                phase::PREPARE,
                Action::WaitHealthy {
                    container: name.clone(),
                    socket,
                    health,
                },
                "it must be healthy before it serves",
            );
        } else {
            self.proxy(service, id, units);
            self.file(phase::PREPARE, record.file(&layout));
            self.missing_secrets(service, id);
            if let Some(there) = &there {
                self.keep_restarting(phase::PREPARE, &spec, there);
            }
        }
        self.owns_record_of(service, id);
        self.at_boot(tmpfiles, switched);
        if !switched {
            let cause = switch_cause(current.as_deref());
            self.bake(app, &name, &link);
            self.switch(link, target, current, cause);
        }
        self.mark(service, id);
        self.retire(service, app, id);
        self.prune_folders(service, id);
        Ok(())
    }

    /// What a boot makes the link from; before the switch, since a boot between the two must find a release whole.
    pub(super) fn at_boot(&mut self, tmpfiles: RemoteFile, switched: bool) {
        let stood = self.contents(&tmpfiles.path);
        let wrote = self.file(phase::SWITCH, tmpfiles.clone());
        if wrote
            && !switched
            && let Some(step) = self.steps.last_mut()
        {
            // Without the switch a reboot must still lead to the release that serves.
            step.undo.push(undo_of_file(&tmpfiles, stood));
        }
    }

    fn bake(&mut self, app: &App, container: &str, link: &HostPath) {
        self.baking.0.push(BakeTarget {
            container: container.to_owned(),
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

    /// Everything up to a running container.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a fact that the caller has at hand"
    )]
    fn prepare(
        &mut self,
        service: &Service,
        app: &App,
        release: &Release,
        record: &Record,
        there: Option<&ContainerFacts>,
        same: bool,
        switched: bool,
        cause: &str,
    ) {
        let spec = &record.spec;
        let id = &release.id;
        let layout = self.layout.clone();
        let docker = self.facts.docker.as_ref();
        if !docker.is_some_and(|docker| docker.images.contains_key(&spec.image)) {
            match (&app.source, &release.tree) {
                (ImageSource::Build(build), Some(tree)) => {
                    let args = build
                        .args
                        .iter()
                        .map(|(name, value)| (name.to_string(), value.clone()))
                        .collect();
                    let dockerfile = build.dockerfile.as_ref().map_or_else(
                        || ".stackctl.Dockerfile".to_owned(),
                        |path| path.to_string_lossy().into_owned(),
                    );
                    let build = ImageBuild {
                        tag: spec.image.clone(),
                        context: tree.clone(),
                        dockerfile,
                        rendered: release.dockerfile.clone(),
                        args,
                        labels: own_labels(self.stack, service, id),
                    };
                    self.step(phase::PREPARE, Action::BuildImage(Box::new(build)), cause);
                }
                _ => {
                    self.step(
                        phase::PREPARE,
                        Action::PullImage(spec.image.clone()),
                        "not on the host",
                    );
                }
            }
        }
        let folder = layout.release(&service.name, id);
        let is_new = !self.has_release(service, id);
        let own = Folder {
            path: folder.clone(),
            mode: 0o711,
            owner: Owner::ROOT,
        };
        let step = self.step(
            phase::PREPARE,
            Action::PutFolder(own),
            "the release's own files",
        );
        if is_new && !switched {
            step.undo.push(Action::Remove(folder.clone()));
        }
        let record = record.file(&layout);
        self.own(&record);
        self.step(
            phase::PREPARE,
            Action::PutFile {
                file: record,
                before: None,
            },
            "all that a rollback needs",
        );
        for (needed, _) in container::databases_of(self.stack, service) {
            let copy = self.secret_copy(service, id, needed);
            self.step(phase::PREPARE, copy, format!("`{}` needs it", service.name));
        }
        // The run folder and the link's folder are made by the same rule as at boot, but only the new release's part:
        // the file itself is written at the switch.
        let undo = Action::Remove(layout.socket_folder(&service.name, id));
        let step = self.socket_folders(service, app.listen, id);
        if !switched {
            step.undo.push(undo);
        }
        if let Some(there) = there.filter(|_| !same) {
            let relabelled = there.labels.get(label::SPEC) != spec.labels.get(label::SPEC);
            let cause = if relabelled {
                "its definition changed"
            } else {
                cause
            };
            if there.is_running() || there.state == "restarting" {
                let (name, grace) = (spec.name.clone(), spec.stop_grace);
                self.step(phase::PREPARE, Action::StopContainer { name, grace }, cause);
            }
            self.step(
                phase::PREPARE,
                Action::RemoveContainer(spec.name.clone()),
                cause,
            );
        }
        // Before the new release starts: it may refuse to start, or to call itself healthy, without its tables. What
        // it changes must suit the release that still serves.
        if let Some(command) = &app.release {
            let once = container::one_off(spec, "release", command.clone());
            let undo = Action::RemoveContainer(once.name.clone());
            let step = self.step(
                phase::PREPARE,
                Action::RunOnce {
                    spec: Box::new(once),
                    deadline: Duration::from_secs(u64::from(app.release_deadline)),
                },
                "release phase",
            );
            step.undo.push(undo);
        }
        let was_there = same && there.is_some();
        let was_running = same && there.is_some_and(ContainerFacts::is_running);
        let start = if was_there {
            Action::StartContainer(spec.name.clone())
        } else {
            Action::RunContainer(Box::new(spec.clone()))
        };
        let step = self.step(phase::PREPARE, start, cause);
        // The one that serves is mended, not replaced: there is nothing to go back to. One that is kept stays.
        if !switched && !was_running {
            // Taken back after the switch, it may hold requests still.
            step.undo
                .push(drain(&spec.name, app, &layout, &service.name, id));
            // Told to stop, it ends its transactions: killed, it can leave locks in a database that serves others.
            step.undo.push(Action::StopContainer {
                name: spec.name.clone(),
                grace: 2,
            });
            if !was_there {
                step.undo.push(Action::RemoveContainer(spec.name.clone()));
            }
        }
    }

    /// systemd's socket proxy before a container that only speaks TCP.
    pub(super) fn proxy(&mut self, service: &Service, id: &ReleaseId, units: Vec<RemoteFile>) {
        if units.is_empty() {
            return;
        }
        let mut wrote = false;
        for unit in units {
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
        let socket = format!("{}.socket", self.layout.proxy_unit(&service.name, id));
        if wrote || self.is_stale(&socket) {
            self.step(phase::PREPARE, Action::ReloadUnits, "a unit file changed");
        }
        let there = self.facts.units.get(&socket);
        if wrote || !there.is_some_and(|unit| unit.is_active() && unit.file == "enabled") {
            // Stopped, it cuts what it carries.
            let container = self.layout.release_container(&service.name, id);
            let app = service.app();
            let drain = app.map(|app| drain(&container, app, &self.layout, &service.name, id));
            let stop = Action::StopUnit(socket.clone());
            let step = self.step(
                phase::PREPARE,
                Action::StartUnit(socket),
                "it leads to the container",
            );
            step.undo.extend(drain.into_iter().chain([stop]));
        }
    }

    /// A loopback port for a TCP-only container: the one it has, else a free one that depends on the release alone
    /// as long as nobody else holds it.
    fn choose_port(&self, container: &str, id: &ReleaseId) -> u16 {
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
        if let Some(port) = given {
            return port;
        }
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

/// Waits until a release's connections have ended.
pub(super) fn drain(
    container: &str,
    app: &App,
    layout: &Layout,
    service: &ServiceName,
    id: &ReleaseId,
) -> Action {
    let deadline = Duration::from_secs(u64::from(app.drain));
    match app.listen {
        Listen::Socket => Action::Drain {
            container: Some(container.to_owned()),
            socket: format!("{}/app.sock", Layout::CONTAINER_RUN),
            deadline,
        },
        Listen::Port(_) => Action::Drain {
            container: None,
            socket: layout.socket(service, id).to_string(),
            deadline,
        },
    }
}

/// Digests of the files that a release was made from.
fn sources(tree: &SourceTree) -> BTreeMap<String, String> {
    let files = tree.files();
    files
        .map(|(path, file)| (path.to_owned(), file.digest.clone()))
        .collect()
}

fn switch_cause(current: Option<&str>) -> &'static str {
    if current.is_some() {
        "the release is new"
    } else {
        "nothing serves yet"
    }
}

fn own_labels(
    stack: &Stack,
    service: &Service,
    id: &ReleaseId,
) -> std::collections::BTreeMap<String, String> {
    [
        (label::STACK, stack.name.to_string()),
        (label::SERVICE, service.name.to_string()),
        (label::RELEASE, id.to_string()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}
