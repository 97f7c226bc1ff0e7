//! All that a stack has on its hosts goes, and nothing of others: found by names and labels, so that it does not matter
//! what is left of its state.

use std::collections::BTreeSet;

use super::container::{app_secret, label};
use super::host::{HostPlan, Options, Parts, PlanError, is_ours};
use super::provision::own_server;
use super::step::{Action, Plan, SiteBefore};
use crate::facts::{DatabaseFacts, DockerFacts, Facts, FirewallFacts};
use crate::model::{HostPath, Layout, ReleaseId, Service, ServiceName, Stack};

const PHASE: u16 = 0;
const CAUSE: &str = "the stack goes";
/// Where nginx writes the logs of sites.
const LOGS: &str = "/var/log/nginx";
/// What nginx goes by, and what it went by: which logs are another's is written there.
const NGINX_FILES: [&str; 3] = [
    "/etc/nginx/nginx.conf",
    "/etc/nginx/conf.d/*",
    "/etc/nginx/sites-available/*",
];

/// What takes a stack away from every host of `facts`; empty where there is nothing of it. Its data stays, and the
/// passwords that open it, unless `volumes` go as well.
pub fn destroy(stack: &Stack, facts: &Facts, volumes: bool) -> Result<Plan, PlanError> {
    let mut parts = Parts::default();
    for (name, facts) in facts {
        let Some(host) = stack.hosts.get(name) else {
            continue;
        };
        let mut plan = HostPlan::new(stack, host, facts, Options::default());
        plan.check_removable();
        plan.remove_site();
        plan.remove_logs();
        plan.remove_certificates();
        plan.remove_units_of_releases();
        plan.remove_containers();
        let mut kept = plan.remove_volumes(volumes);
        kept.extend(plan.remove_databases(volumes));
        kept.extend(plan.written(volumes));
        if !kept.is_empty() {
            // It may be of no use without them.
            kept.extend(super::secret::made_on_hosts(stack));
        }
        plan.remove_firewall();
        plan.remove_files();
        plan.remove_users(volumes);
        plan.remove_state(kept);
        // Not finished as other plans are: there is no manifest any more.
        parts.steps.extend(plan.steps);
        parts.notes.extend(plan.notes);
        parts.findings.extend(plan.findings);
    }
    parts.into_plan()
}

/// The files whose contents tell whose they are, as patterns, and those that all stacks share.
pub fn files_to_destroy(stack: &Stack) -> Vec<String> {
    let layout = Layout::new(&stack.name);
    let name = &stack.name;
    let shared = [
        layout.firewall(),
        layout.firewall_loader(),
        layout.firewall_unit(),
        layout.firewall_ports(),
    ];
    let patterns = [
        format!("/etc/tmpfiles.d/stackctl-{name}-*.conf"),
        format!("/etc/systemd/system/{name}-*-proxy-*.socket"),
        format!("/etc/systemd/system/{name}-*-proxy-*.service"),
        format!("/etc/systemd/system/{name}-*@*.service"),
    ];
    shared
        .iter()
        .map(ToString::to_string)
        .chain(patterns)
        .chain(NGINX_FILES.map(str::to_owned))
        .collect()
}

/// The folders that tell what is left of a stack.
pub fn folders_to_destroy(stack: &Stack) -> Vec<String> {
    let layout = Layout::new(&stack.name);
    let state = layout.state();
    vec![
        state.to_string(),
        layout.secrets().to_string(),
        format!("{state}/databases"),
        "/run/stackctl".into(),
        Layout::FIREWALL_STACKS.into(),
        Layout::CERTBOT_RENEWALS.into(),
        Layout::AUTHORITIES.into(),
        LOGS.into(),
    ]
}

impl HostPlan<'_> {
    fn is_there(&self, path: &HostPath) -> bool {
        self.facts.files.contains_key(path)
    }

    fn engine(&self) -> Option<&DockerFacts> {
        self.facts.docker.as_ref()
    }

    fn remove(&mut self, path: HostPath) {
        self.step(PHASE, Action::Remove(path), CAUSE);
    }

    fn check_removable(&mut self) {
        if self.facts.docker.is_none() && self.has_engine() && self.is_there(&self.layout.state()) {
            self.refuse(
                "Docker's engine does not answer, so that nobody can tell which containers there are",
                "start it (`sudo systemctl start docker`) and run the command again",
            );
        }
        let Some(docker) = self.engine() else { return };
        let foreign = docker.containers.iter().filter(|(_, there)| {
            let mut networks = there.networks.iter();
            !is_ours(&there.labels, self.stack)
                && networks.any(|name| docker.owned_networks.contains(name))
        });
        let names: Vec<String> = foreign.map(|(name, _)| name.clone()).collect();
        for name in names {
            self.refuse(
                format!("container {name}, which is not of this stack, is on one of its networks"),
                format!("take it off, or remove it: `docker rm -f {name}`"),
            );
        }
    }

    /// First of all, so that nginx never is led to what is not there any more.
    fn remove_site(&mut self) {
        let (available, enabled) = (self.layout.nginx_available(), self.layout.nginx_enabled());
        // The mark is what a run leaves that removed the site and did not come to tell nginx.
        let stale = self.layout.nginx_stale();
        if ![&available, &enabled, &stale]
            .map(|path| self.is_there(path))
            .contains(&true)
        {
            return;
        }
        let site = SiteBefore {
            path: available,
            mode: 0o644,
            contents: None,
            links: vec![(enabled, None)],
            stale,
        };
        self.step(PHASE, Action::RestoreSite(site), CAUSE);
        self.note("packages stay as they are");
    }

    /// What nginx wrote for its sites, also for those that have left the yaml, and what logrotate has put aside of it. Another's
    /// log may begin as this stack's do: what another file of nginx names stays. Once no site is left that would begin them again.
    fn remove_logs(&mut self) {
        let begun = format!("{}-", self.stack.name);
        let own = [self.layout.nginx_available(), self.layout.nginx_enabled()];
        let files = self.facts.files.iter();
        let others: Vec<String> = files
            .filter(|(path, _)| path.as_str().starts_with("/etc/nginx/") && !own.contains(path))
            .filter_map(|(_, file)| file.contents.as_deref())
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .collect();
        let names = self.facts.entries.get(LOGS);
        let names = names.into_iter().flat_map(|names| names.keys());
        let logs: Vec<HostPath> = names
            .filter(|name| name.starts_with(&begun))
            .filter_map(|name| Some((name, format!("{LOGS}/{}", without_age(name)?))))
            .filter(|(_, log)| !others.iter().any(|text| text.contains(log)))
            .filter_map(|(name, _)| format!("{LOGS}/{name}").parse().ok())
            .collect();
        for path in logs {
            self.remove(path);
        }
    }

    /// Those that authorities issued, and who vouches for them. Files of this machine go with the state.
    fn remove_certificates(&mut self) {
        for name in self.renewed() {
            self.step(PHASE, Action::ForgetCertificate(name), CAUSE);
        }
        for path in self.trusted() {
            self.step(PHASE, Action::DistrustAuthority(path), CAUSE);
        }
    }

    /// The releases of which there is anything: by containers and by folders.
    fn releases(&self) -> BTreeSet<(ServiceName, ReleaseId)> {
        let containers = self
            .engine()
            .into_iter()
            .flat_map(|docker| docker.containers.values());
        let by_container = containers.filter_map(|there| {
            let of = |key: &str| there.labels.get(key);
            let ours = is_ours(&there.labels, self.stack);
            let service = of(label::SERVICE)?.parse().ok()?;
            let id = of(label::RELEASE)?.parse().ok()?;
            ours.then_some((service, id))
        });
        let by_folder = self.stack.services.keys().flat_map(|service| {
            let names = self
                .facts
                .entries
                .get(self.layout.releases(service).as_str());
            let names = names.into_iter().flat_map(|names| names.keys());
            names.filter_map(move |name| Some((service.clone(), name.parse().ok()?)))
        });
        by_container.chain(by_folder).collect()
    }

    fn remove_units_of_releases(&mut self) {
        for (service, id) in self.releases() {
            let timer = format!("{}.timer", self.layout.cooling_unit(&service, &id));
            if self.facts.is_active(&timer) {
                self.step(PHASE, Action::StopUnit(timer), CAUSE);
            }
        }
        // Sockets before what they start.
        for path in self.owned_units().into_iter().rev() {
            let unit = path.as_str().rsplit('/').next().unwrap_or_default();
            self.step(PHASE, Action::StopUnit(unit.to_owned()), CAUSE);
        }
    }

    fn owned_units(&self) -> Vec<HostPath> {
        let name = &self.stack.name;
        let words = [format!(" of {name}/"), format!("\nDescription={name}/")];
        self.owned_files("/etc/systemd/system/", &words)
    }

    /// Files in a folder whose contents say that they are this stack's: another's name may begin as this one's does.
    fn owned_files(&self, folder: &str, words: &[String]) -> Vec<HostPath> {
        let of = |contents: &Option<Vec<u8>>| {
            let contents = contents.as_deref().unwrap_or_default();
            let text = String::from_utf8_lossy(contents);
            words.iter().any(|words| text.contains(words.as_str()))
        };
        let prefixes = [
            format!("{folder}{}-", self.stack.name),
            format!("{folder}stackctl-{}-", self.stack.name),
        ];
        let files = self.facts.files.iter();
        files
            .filter(|(path, file)| {
                prefixes
                    .iter()
                    .any(|prefix| path.as_str().starts_with(prefix.as_str()))
                    && of(&file.contents)
            })
            .map(|(path, _)| path.clone())
            .collect()
    }

    fn remove_containers(&mut self) {
        let Some(docker) = &self.facts.docker else {
            return;
        };
        for (name, there) in &docker.containers {
            if !is_ours(&there.labels, self.stack) {
                continue;
            }
            if there.is_running() || there.state == "restarting" {
                // Databases write their buffers out.
                let is_database = !there.labels.contains_key(label::RELEASE);
                let service = there.labels.get(label::SERVICE);
                let service = service.and_then(|name| self.stack.services.get(&name.parse().ok()?));
                let grace = match service.and_then(Service::composed) {
                    Some(composed) => composed.stop_grace,
                    None if is_database => 60,
                    None => 10,
                };
                let stop = Action::StopContainer {
                    name: name.clone(),
                    grace,
                };
                self.step(PHASE, stop, CAUSE);
            }
            self.step(PHASE, Action::RemoveContainer(name.clone()), CAUSE);
        }
        for name in &docker.owned_networks {
            let declared = self.stack.networks.get(name);
            if declared.is_some_and(|network| network.external) {
                continue;
            }
            self.step(PHASE, Action::RemoveNetwork(name.clone()), CAUSE);
        }
        let ours = docker
            .images
            .iter()
            .filter(|(_, image)| is_ours(&image.labels, self.stack));
        for (tag, _) in ours {
            self.step(PHASE, Action::RemoveImage(tag.clone()), CAUSE);
        }
    }

    /// What must stay with data that stays.
    fn remove_volumes(&mut self, all: bool) -> Vec<HostPath> {
        let Some(docker) = &self.facts.docker else {
            return Vec::new();
        };
        let mut kept = Vec::new();
        let prefix = format!("{}-", self.stack.name);
        for name in &docker.owned_volumes {
            let declared = self.stack.volumes.get(name);
            if declared.is_some_and(|volume| volume.external) {
                self.note(format!("the volume {name} is `external` and stays"));
                kept.extend(super::secret::made_on_hosts(self.stack));
                continue;
            }
            let service = name.strip_prefix(&prefix).unwrap_or(name);
            let marker: HostPath = format!("{}/databases/{service}", self.layout.state())
                .parse()
                .expect("names of volumes are plain");
            if all {
                // Before the volume: without it the marker would tell of data that got lost.
                if self.is_there(&marker) {
                    self.remove(marker);
                }
                self.step(
                    PHASE,
                    Action::RemoveVolume(name.clone()),
                    "--volumes was given",
                );
                continue;
            }
            let is_database = self
                .stack
                .services
                .values()
                .any(|known| known.database().is_some() && known.name.as_str() == service);
            if !is_database && name.starts_with(&format!("{}_", self.stack.name)) {
                self.note(format!(
                    "the data in the volume {name} stays; --volumes would remove it"
                ));
                kept.extend(super::secret::made_on_hosts(self.stack));
                continue;
            }
            self.note(format!(
                "the data of `{service}` stays, in the volume {name}, and its passwords with it; --volumes would remove them"
            ));
            let secrets = [format!("{service}-root"), format!("{service}-password")];
            kept.extend(secrets.iter().map(|name| self.layout.secret(name)));
            kept.push(marker);
            kept.extend(self.seed_marks(service));
        }
        // Those that were there before this stack are not removed with it.
        let declared = self.stack.volumes.keys();
        let mut adopted = declared.filter(|name| {
            let name = name.as_str();
            docker.volumes.contains(name) && !docker.owned_volumes.contains(name)
        });
        if adopted.next().is_some() {
            kept.extend(super::secret::made_on_hosts(self.stack));
        }
        kept
    }

    /// What tells that data was loaded into a database that stays.
    fn seed_marks(&self, database: &str) -> Vec<HostPath> {
        let name = database.parse();
        let marks = name.map(|name| super::seed::marks(self.stack, &self.layout, &name));
        marks.unwrap_or_default()
    }

    /// Databases of the host's own server, which itself stays. What must stay with data that stays.
    fn remove_databases(&mut self, all: bool) -> Vec<HostPath> {
        let mut kept = Vec::new();
        let server = own_server(self.facts);
        let services = self.stack.services_on(&self.host.name).into_iter();
        let databases = services.filter_map(|service| Some((service, service.database()?)));
        for (service, database) in databases.filter(|(service, _)| !service.in_container()) {
            let marker = super::provision::database_marker(&self.layout, service);
            let told = self.facts.database(&service.name);
            let answers =
                matches!(told, Some(DatabaseFacts::Answers(schema)) if schema.charset.is_some());
            let is_left = answers && self.is_there(&self.layout.state());
            if !is_left && !self.is_there(&marker) {
                continue;
            }
            let name = &service.name;
            if let Some(other) = self.neighbour_with(database) {
                self.note(format!(
                    "database {} of {server} stays: stack `{other}` has it as well",
                    database.database
                ));
                continue;
            }
            if !all {
                self.note(format!(
                    "the data of `{name}` stays, in database {} of {server}, and its password with it; --volumes would remove them",
                    database.database
                ));
                kept.push(self.layout.secret(&app_secret(service)));
                kept.push(marker);
                kept.extend(self.seed_marks(name.as_str()));
                continue;
            }
            if !self.facts.is_active(server) {
                self.refuse(
                    format!(
                        "{server} does not run, so that database {} cannot be dropped",
                        database.database
                    ),
                    format!("start it (`sudo systemctl start {server}`) and run the command again"),
                );
                continue;
            }
            // Before the data: without it the marker would tell of data that got lost.
            if self.is_there(&marker) {
                self.remove(marker);
            }
            let target = super::provision::target(&self.layout, server, service, database);
            self.step(PHASE, Action::DropDatabase(target), "--volumes was given");
        }
        kept
    }

    /// The services whose units have written what outlives releases, also those that have left the yaml.
    fn writers(&self) -> Vec<ServiceName> {
        let names = self.facts.entries.get(self.layout.states().as_str());
        let names = names.into_iter().flat_map(|names| names.keys());
        names.filter_map(|name| name.parse().ok()).collect()
    }

    /// What units have written. What of it must stay.
    fn written(&mut self, all: bool) -> Vec<HostPath> {
        if all {
            return Vec::new();
        }
        let writers = self.writers();
        for name in &writers {
            let folder = self.layout.state_of(name);
            self.note(format!(
                "what `{name}` has written stays, in {folder}, and the user whose it is; --volumes would remove them"
            ));
        }
        let folders = writers.iter().map(|name| self.layout.state_of(name));
        folders.collect()
    }

    /// The users of its units, once nothing of theirs is left.
    fn remove_users(&mut self, all: bool) {
        let writers = self.writers();
        let mut owners: BTreeSet<ServiceName> = BTreeSet::new();
        for service in self.stack.services_on(&self.host.name) {
            let is_there = self
                .facts
                .users
                .contains_key(&self.layout.user_name(&service.name));
            if is_there && (all || !writers.contains(&service.name)) {
                owners.insert(service.name.clone());
            }
        }
        if all {
            owners.extend(writers);
        }
        for name in owners {
            self.remove_user(PHASE, &name, CAUSE);
        }
    }

    fn remove_firewall(&mut self) {
        let own = self.layout.firewall_ports();
        let file = own.as_str().rsplit('/').next().unwrap_or_default();
        let stacks = self.facts.entries.get(Layout::FIREWALL_STACKS);
        let others = stacks.is_some_and(|names| names.keys().any(|name| name != file));
        let had = self.is_there(&own);
        let seen = self.facts.firewall.as_ref();
        if had {
            self.remove(own);
        }
        if others {
            if had || seen.is_some_and(|seen| !FirewallFacts::is_of_these_files(seen)) {
                self.step(PHASE, Action::LoadFirewall, "its ports are closed");
                self.step(PHASE, Action::Confirm, "SSH must stay open");
            }
            return;
        }
        let unit = self.facts.units.get(Layout::FIREWALL_UNIT);
        let runs = unit.is_some_and(|unit| unit.is_active() || unit.file == "enabled");
        if runs || seen.is_some_and(|seen| seen.live.is_some()) {
            let stop = Action::StopUnit(Layout::FIREWALL_UNIT.into());
            self.step(PHASE, stop, "no other stack has a firewall");
        }
        let shared = [
            self.layout.firewall(),
            self.layout.firewall_loader(),
            self.layout.firewall_unit(),
        ];
        for path in shared {
            if self.is_there(&path) {
                self.step(PHASE, Action::Remove(path), "no other stack has a firewall");
            }
        }
    }

    fn remove_files(&mut self) {
        let begun = self.steps.len();
        for unit in [self.layout.recover_unit(), self.layout.admit_unit()] {
            let path = self.layout.unit(&unit);
            if self.is_there(&path) {
                self.step(PHASE, Action::StopUnit(unit), CAUSE);
                self.remove(path);
            }
        }
        for path in self.owned_units() {
            self.remove(path);
        }
        let removed = |step: &super::Step| matches!(&step.action, Action::Remove(path) if path.as_str().starts_with("/etc/systemd/"));
        if self.steps.len() > begun || self.steps.iter().any(removed) {
            self.step(PHASE, Action::ReloadUnits, "unit files are gone");
        }
        for path in self.owned_files("/etc/tmpfiles.d/", &[format!(" {}/", self.layout.run())]) {
            self.remove(path);
        }
    }

    /// Last of all: until then the host knows what was begun, and by whom.
    fn remove_state(&mut self, mut kept: Vec<HostPath>) {
        let state = self.layout.state();
        kept.retain(|path| {
            let names = self.facts.entries.get(path.parent());
            let name = path.as_str().rsplit('/').next().unwrap_or_default();
            self.is_there(path) || names.is_some_and(|names| names.contains_key(name))
        });
        let run = self.layout.run();
        let is_left = |folder: String| {
            let names = self.facts.entries.get(&folder);
            let names = names.into_iter().flat_map(|names| names.keys());
            names.into_iter().any(|name| {
                let path = format!("{folder}/{name}");
                let holds = kept
                    .iter()
                    .any(|kept| kept.as_str().starts_with(&format!("{path}/")));
                !holds && !kept.iter().any(|kept| kept.as_str() == path)
            })
        };
        let folders = [
            state.to_string(),
            format!("{state}/secrets"),
            format!("{state}/databases"),
            format!("{state}/state"),
        ];
        let below = folders.into_iter().any(is_left);
        let runs = self.facts.entries.get("/run/stackctl");
        let runs = runs.is_some_and(|names| names.contains_key(self.stack.name.as_str()));
        // What is done writes there as well.
        let acts = !self.steps.is_empty();
        if acts || runs || below || (kept.is_empty() && self.is_there(&state)) {
            let remove = Action::RemoveState { state, run, kept };
            self.step(PHASE, remove, CAUSE);
        }
    }
}

/// A site's log as nginx names it, without what logrotate says of its age; `None` for anything else.
fn without_age(name: &str) -> Option<&str> {
    let ends = [".access.log", ".error.log"];
    let end = ends
        .iter()
        .find_map(|end| Some(name.find(end)? + end.len()))?;
    let (log, age) = name.split_at(end);
    let age = age.strip_suffix(".gz").unwrap_or(age);
    (age.is_empty() || age.strip_prefix(['.', '-']).is_some_and(is_number)).then_some(log)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
