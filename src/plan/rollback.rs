//! Back to a release that has served before, exactly as it was: its own container, or one made from its record.

use std::collections::BTreeSet;

use super::container::label;
use super::deploy::{drain, phase};
use super::host::{HostPlan, Options, Parts, PlanError};
use super::record::{Record, RecordedFile};
use super::step::{Action, Folder, Plan, Process, SwitchBack};
use crate::facts::{ContainerFacts, Facts};
use crate::model::{
    App, Health, HostName, HostPath, Layout, Listen, Owner, ReleaseId, RemoteFile, Service,
    ServiceName, Stack,
};

/// What to go back to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// Which services; with none, those that changed last.
    pub services: BTreeSet<ServiceName>,
    /// Which release; without one, the last that served well before the one that serves now.
    pub to: Option<ReleaseId>,
}

/// What sends requests back to an earlier release on every host of `facts`; empty when it serves already.
pub fn rollback(
    stack: &Stack,
    facts: &Facts,
    target: &Target,
    options: Options,
) -> Result<Plan, PlanError> {
    let mut parts = Parts::default();
    let mut touched = false;
    let hosts = || {
        facts.iter().filter_map(|(name, facts)| {
            let host = stack.hosts.get(name)?;
            Some(HostPlan::new(stack, host, facts, options))
        })
    };
    let unmarked = hosts().find_map(|plan| plan.unmarked());
    let last = match unmarked {
        Some(_) => BTreeSet::new(),
        None => changed_last(hosts()),
    };
    for mut plan in hosts() {
        let chosen = plan.chosen(target, &last);
        touched |= plan.stay(target) || !chosen.is_empty();
        for service in chosen {
            plan.back(service, target);
        }
        plan.confirm(phase::BAKE, phase::COMMIT);
        plan.finish(phase::RETIRE, &mut parts);
    }
    if !touched
        && let Some((name, facts)) = facts.iter().next()
        && let Some(host) = stack.hosts.get(name)
    {
        let mut plan = HostPlan::new(stack, host, facts, options);
        match &target.to {
            Some(id) => {
                let text = format!("no service has a release {id}");
                let all = stack.services_on(name);
                let there: Vec<String> = all
                    .iter()
                    .filter(|service| service.goes_back())
                    .map(|service| format!("{}: {}", service.name, plan.choices(service)))
                    .collect();
                plan.refuse(text, format!("there are: {}", there.join("; ")));
            }
            None => match unmarked {
                Some(service) => plan.refuse(
                    format!("what was deployed last cannot be told: the marks of what served in `{service}` are gone"),
                    format!("name what to take back, such as `stackctl rollback {service}`; the next `stackctl deploy` marks it again"),
                ),
                None => plan.refuse(
                    "nothing was deployed here yet",
                    "`stackctl deploy` comes first",
                ),
            },
        }
        plan.finish(phase::RETIRE, &mut parts);
    }
    parts.into_plan()
}

/// The services of which the latest release was switched to last, on whatever host. One run marks all that it switches with one
/// time, on all hosts.
fn changed_last<'a>(hosts: impl Iterator<Item = HostPlan<'a>>) -> BTreeSet<ServiceName> {
    let mut last = (0, BTreeSet::new());
    for plan in hosts {
        let stack: &'a Stack = plan.stack;
        for service in stack.services_on(&plan.host.name) {
            let Some(time) = plan.switched_at(service).filter(|_| service.goes_back()) else {
                continue;
            };
            if time > last.0 {
                last = (time, BTreeSet::new());
            }
            if time == last.0 {
                last.1.insert(service.name.clone());
            }
        }
    }
    last.1
}

/// The services that `target` means on one host.
impl<'a> HostPlan<'a> {
    fn chosen(&self, target: &Target, last: &BTreeSet<ServiceName>) -> Vec<&'a Service> {
        let stack: &'a Stack = self.stack;
        let name: &HostName = &self.host.name;
        let mut services: Vec<&'a Service> = stack.services_on(name);
        services.retain(|service| service.goes_back());
        if !target.services.is_empty() {
            services.retain(|service| target.services.contains(&service.name));
        } else if let Some(id) = &target.to {
            services.retain(|service| self.choice(service, id));
        } else {
            services.retain(|service| last.contains(&service.name));
        }
        services
    }

    /// Tells of services that have no releases to go back to. Whether one of them was asked for.
    fn stay(&mut self, target: &Target) -> bool {
        let stack: &'a Stack = self.stack;
        let mut services = stack.services_on(&self.host.name);
        services.retain(|service| !service.goes_back());
        let is_asked = |service: &&Service| target.services.contains(&service.name);
        for service in services.iter().copied().filter(is_asked) {
            self.refuse(
                format!(
                    "`{}` has no releases to go back to: it is changed in its place",
                    service.name
                ),
                "take the change back in the yaml or the compose file, then deploy",
            );
        }
        let in_place: Vec<String> = services
            .iter()
            .filter(|service| service.container().is_some())
            .map(|service| format!("`{}`", service.name))
            .collect();
        if target.services.is_empty() && !in_place.is_empty() {
            let words = match in_place.len() {
                1 => "stays as it is: it is",
                _ => "stay as they are: they are",
            };
            self.note(format!("{} {words} replaced in place", in_place.join(", ")));
        }
        services.iter().any(is_asked)
    }

    /// When the release that serves began to, in seconds since the epoch.
    fn switched_at(&self, service: &Service) -> Option<u64> {
        let id = self.serving(service)?;
        let marks = self.layout.served(&service.name);
        let marks = self.facts.entries.get(marks.as_str())?;
        marks.get(id.as_str()).copied()
    }

    /// A service that serves and has lost its mark, by which one could tell when it began to.
    fn unmarked(&self) -> Option<&'a ServiceName> {
        let stack: &'a Stack = self.stack;
        let services = stack.services_on(&self.host.name).into_iter();
        let mut services = services.filter(|service| service.goes_back());
        services
            .find(|service| self.lost_marks(service))
            .map(|service| &service.name)
    }

    /// Whether this release has served and is whole, or serves.
    fn choice(&self, service: &Service, id: &ReleaseId) -> bool {
        let releases = self.layout.releases(&service.name);
        let there = self.facts.entries.get(releases.as_str());
        // Before it was files it may have been an app, whose folder has no page.
        let was_app = service.static_files().is_some() && self.is_app_release(service, id);
        there.is_some_and(|names| names.contains_key(id.as_str()))
            && !was_app
            && self.served(service).contains_key(id)
    }

    /// The releases that can be gone back to, latest first.
    fn earlier(&self, service: &Service) -> Vec<(ReleaseId, bool)> {
        let serving = self.serving(service);
        let mut earlier: Vec<(ReleaseId, (u64, bool))> = self.served(service).into_iter().collect();
        earlier.retain(|(id, _)| serving.as_ref() != Some(id) && self.choice(service, id));
        earlier.sort_by(|(a, (a_time, _)), (b, (b_time, _))| (b_time, b).cmp(&(a_time, a)));
        let earlier = earlier.into_iter();
        earlier.map(|(id, (_, left))| (id, left)).collect()
    }

    fn choices(&self, service: &Service) -> String {
        let serving = self.serving(service).map(|id| format!("{id} (serves)"));
        let earlier = self.earlier(service).into_iter().map(|(id, left)| {
            if left {
                format!("{id} (was rolled back from)")
            } else {
                id.to_string()
            }
        });
        let all: Vec<String> = serving.into_iter().chain(earlier).collect();
        if all.is_empty() {
            "none".into()
        } else {
            all.join(", ")
        }
    }

    fn back(&mut self, service: &Service, target: &Target) {
        let serving = self.serving(service);
        let earlier = self.earlier(service);
        let id = match &target.to {
            Some(id) if serving.as_ref() == Some(id) => return,
            Some(id) if earlier.iter().any(|(there, _)| there == id) => id.clone(),
            Some(id) => {
                let text = format!("`{}` has no release {id}", service.name);
                let hint = format!("it has: {}", self.choices(service));
                return self.refuse(text, hint);
            }
            None => match earlier.into_iter().find(|(_, left)| !left) {
                Some((id, _)) => id,
                None => {
                    let text = format!("`{}` has no earlier release to go back to", service.name);
                    let hint = format!(
                        "it has: {}; name one with --to, or deploy the version you want",
                        self.choices(service)
                    );
                    return self.refuse(text, hint);
                }
            },
        };
        self.mark_earlier(service, &id);
        if let Some(serving) = &serving {
            self.commit
                .leaves
                .push(self.layout.mark(&service.name, serving));
        }
        match service.app() {
            Some(app) => self.app_back(service, app, &id),
            None => {
                if let Some(files) = service.static_files() {
                    self.keep_assets(service, files, &id);
                }
                self.static_back(service, &id);
            }
        }
    }

    fn static_back(&mut self, service: &Service, id: &ReleaseId) {
        let link = self.layout.current(&service.name);
        let before = self.facts.link(&link).map(str::to_owned);
        let target = format!("../releases/{}/{id}", service.name);
        self.switch(link, target, before, "it served before");
        self.commit.serves.push(self.layout.mark(&service.name, id));
    }

    fn app_back(&mut self, service: &Service, app: &App, id: &ReleaseId) {
        let layout = self.layout.clone();
        let Some(record) = Record::of(self.facts, &layout, &service.name, id) else {
            let path = Record::path(&layout, &service.name, id);
            return self.refuse(
                format!(
                    "the record of release {id} of `{}` cannot be read ({path})",
                    service.name
                ),
                format!("name another with --to; it has: {}", self.choices(service)),
            );
        };
        if let Some(lost) = self.lost_secret(service, &record) {
            return self.refuse(
                format!(
                    "release {id} of `{}` has not all of its secrets as it had them: {lost}",
                    service.name
                ),
                format!("name another with --to; it has: {}", self.choices(service)),
            );
        }
        self.own_as_it_is(&Record::path(&layout, &service.name, id));
        self.owns_record_of(service, id);
        let Some(spec) = record.spec.clone() else {
            return self.unit_back(service, app, id, &record);
        };
        let Some(docker) = &self.facts.docker else {
            return self.refuse("no Docker engine answers", "`stackctl provision` starts it");
        };
        let spec = spec.of_release(self.stack, service, id);
        let there: Option<ContainerFacts> = docker.containers.get(&spec.name).cloned();
        let runs = there.as_ref().is_some_and(ContainerFacts::is_running);
        // A tag of another's may mean another image by now; one of ours names one release.
        let same_image = spec.image.starts_with(&layout.images(&service.name))
            || spec.image.contains("@sha256:");
        if there.is_none() && !(same_image && docker.has_image(&spec.image)) {
            return self.refuse(
                format!(
                    "release {id} of `{}` has neither its container nor its image any more",
                    service.name
                ),
                format!("name another with --to; it has: {}", self.choices(service)),
            );
        }
        const CAUSE: &str = "it served before";
        let boot = layout.tmpfiles(&service.name);
        let boot = record.files.iter().find(|file| file.path == boot);
        if let (true, Some(boot)) = (runs, boot) {
            self.units_back(service, id, &record);
            let process = Process::Container(spec.name);
            self.warm_back(service, app, id, process, boot.file());
            self.commit.serves.push(layout.mark(&service.name, id));
            return self.retire(service, app, id);
        }
        let process = Process::Container(spec.name.clone());
        let undo_run = [
            drain(&process, app, &layout, &service.name, id),
            Action::StopContainer {
                name: spec.name.clone(),
                grace: 2,
            },
        ];
        if !runs {
            self.socket_folders(service, app.listen, id, Layout::APP_USER);
        }
        self.units_back(service, id, &record);
        match &there {
            Some(there) => {
                let labelled = there.labels.get(label::SPEC) == spec.labels.get(label::SPEC);
                if !labelled {
                    self.note(format!(
                        "{} is started as it was left there, not as its record says",
                        spec.name
                    ));
                }
                let step = self.step(
                    phase::PREPARE,
                    Action::StartContainer(spec.name.clone()),
                    CAUSE,
                );
                if !runs {
                    step.undo.extend(undo_run);
                }
            }
            None => {
                let remove = Action::RemoveContainer(spec.name.clone());
                let step = self.step(
                    phase::PREPARE,
                    Action::RunContainer(Box::new(spec.clone())),
                    CAUSE,
                );
                step.undo.extend(undo_run);
                step.undo.push(remove);
            }
        }
        // It was healthy before; a warm one must only show that it still is.
        let health = Health {
            passes: if runs { 1 } else { app.health.passes },
            ..app.health.clone()
        };
        self.serve_again(service, app, id, process, health, boot);
    }

    /// Back to a release that a unit runs: started first, unless it still runs.
    fn unit_back(&mut self, service: &Service, app: &App, id: &ReleaseId, record: &Record) {
        let layout = self.layout.clone();
        let name = layout.release_unit(&service.name, id);
        let runs = self.facts.is_active(&name);
        let process = Process::Unit(name.clone());
        let path = layout.tmpfiles(&service.name);
        let boot = record.files.iter().find(|file| file.path == path);
        if !runs {
            let user = layout.unit_user(&service.name);
            self.socket_folders(service, app.listen, id, user);
        }
        let is_unit = |file: &&RecordedFile| file.path == layout.unit(&name);
        let environment = layout.environment(&service.name, id);
        // One that runs has read them.
        let is_read = |file: &&RecordedFile| file.path == environment && !runs;
        for file in record.files.iter().filter(is_read) {
            self.file(phase::PREPARE, file.file());
        }
        let units = record.files.iter().filter(is_unit).map(RecordedFile::file);
        let undo = match runs {
            true => Vec::new(),
            false => vec![
                drain(&process, app, &layout, &service.name, id),
                Action::StopUnit(name.clone()),
            ],
        };
        self.units(units.collect(), &name, undo);
        self.units_back(service, id, record);
        match boot {
            Some(boot) if runs => {
                self.warm_back(service, app, id, process, boot.file());
                self.commit.serves.push(layout.mark(&service.name, id));
                self.retire(service, app, id);
            }
            _ => self.serve_again(service, app, id, process, app.health.clone(), boot),
        }
    }

    /// Sends requests to a release that was started again, once it is healthy.
    fn serve_again(
        &mut self,
        service: &Service,
        app: &App,
        id: &ReleaseId,
        process: Process,
        health: Health,
        boot: Option<&RecordedFile>,
    ) {
        let layout = self.layout.clone();
        let socket = layout.socket(&service.name, id);
        self.step(
            phase::PREPARE,
            Action::WaitHealthy {
                process,
                socket,
                health,
            },
            "it must be healthy before it serves",
        );
        if let Some(file) = boot {
            self.at_boot((service, app, id), file.file(), false);
        }
        let link = layout.socket_link(&service.name);
        let before = self.facts.link(&link).map(str::to_owned);
        self.switch(
            link,
            layout.link_target(&service.name, id),
            before,
            "it served before",
        );
        self.commit.serves.push(layout.mark(&service.name, id));
        self.retire(service, app, id);
    }

    /// Back to a release that still runs.
    fn warm_back(
        &mut self,
        service: &Service,
        app: &App,
        id: &ReleaseId,
        process: Process,
        boot: RemoteFile,
    ) {
        let layout = self.layout.clone();
        let link = layout.socket_link(&service.name);
        let stands = self.facts.link(&link).map(str::to_owned);
        let before = self.contents(&boot.path);
        let mut undo = vec![
            super::deploy::undo_of_switch(&link, stands),
            super::deploy::undo_of_file(&boot, before.clone()),
        ];
        undo.extend(self.starts_as_before(service, app));
        // The file is written whether it differs or not: what the manifest says of it is what counts here.
        self.own(&boot);
        let back = SwitchBack {
            process,
            socket: layout.socket(&service.name, id),
            health: app.health.path.clone(),
            link,
            target: layout.link_target(&service.name, id),
            boot,
            before,
        };
        let step = self.step(
            phase::SWITCH,
            Action::SwitchBack(Box::new(back)),
            "it served before, and still runs",
        );
        step.undo = undo;
    }

    /// The units before a container that only speaks TCP, as they were.
    fn units_back(&mut self, service: &Service, id: &ReleaseId, record: &Record) {
        let unit = self.layout.proxy_unit(&service.name, id);
        let files = record
            .files
            .iter()
            .filter(|file| file.path.as_str().contains(&unit));
        let units = files.map(RecordedFile::file).collect();
        self.proxy(service, id, units);
    }

    /// The folders that a release's socket lives in.
    pub(super) fn socket_folders(
        &mut self,
        service: &Service,
        listen: Listen,
        id: &ReleaseId,
        user: u32,
    ) -> &mut super::step::Step {
        let run = Folder {
            path: self.layout.run(),
            mode: 0o755,
            owner: Owner::ROOT,
        };
        self.step(phase::PREPARE, Action::PutFolder(run), "sockets live there");
        let own = self.socket_folder(service, listen, id, user);
        self.step(
            phase::PREPARE,
            Action::PutFolder(own),
            "the release's own socket",
        )
    }

    /// The folder that a release's socket lives in.
    pub(super) fn socket_folder(
        &self,
        service: &Service,
        listen: Listen,
        id: &ReleaseId,
        user: u32,
    ) -> Folder {
        let (mode, owner) = match listen {
            Listen::Socket => (
                0o2750,
                Owner {
                    user,
                    group: Layout::NGINX_USER,
                },
            ),
            Listen::Port(_) | Listen::GivenPort => (0o755, Owner::ROOT),
        };
        let path = self.layout.socket_folder(&service.name, id);
        Folder { path, mode, owner }
    }
}

/// The paths of the records of all releases on a host, for [`Record::of`].
pub fn records(stack: &Stack) -> Vec<HostPath> {
    let layout = Layout::new(&stack.name);
    let recorded = stack
        .services
        .values()
        .filter(|service| service.app().is_some() || service.container().is_some());
    recorded
        .map(|service| layout.releases(&service.name))
        .collect()
}
