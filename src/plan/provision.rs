//! A bare host becomes one that can take releases: packages, units, folders, databases, the site.

mod database;
mod site;

use super::container;
use super::host::{HostPlan, Options, Parts, PlanError};
use super::step::{Action, Plan};
use super::tls;
use crate::facts::{ContainerFacts, Facts, OwnCertificates};
use crate::model::{HostPath, Layout, Service, Stack};
use crate::render::{self, Templates};

pub use database::database_targets;
pub(super) use database::{database_marker, own_server, target};
pub use site::{mend_site, site_address, stack_in};

/// The units whose state the planner needs.
pub const UNITS: &[&str] = &[
    "docker.service",
    "nginx.service",
    "firewalld.service",
    MARIADB,
    MYSQL,
    Layout::CERTBOT_TIMER,
    Layout::FIREWALL_UNIT,
];

/// The unit of the distribution's database server.
pub(super) const MARIADB: &str = "mariadb.service";
/// The unit of the server that a host may have in its place; where MariaDB is, the same name is another of its own.
pub(super) const MYSQL: &str = "mysql.service";

/// Letters and digits in a generated password: 190 bits.
const PASSWORD_LENGTH: u32 = 32;
/// A package index older than this is fetched again before anything is installed.
const INDEX_AGE_SECONDS: u64 = 24 * 3600;

/// What brings each host that answered to where it can take releases; empty when it is there already.
pub fn provision(
    stack: &Stack,
    facts: &Facts,
    templates: &Templates,
    own: &OwnCertificates,
    options: Options,
) -> Result<Plan, PlanError> {
    let mut parts = Parts::default();
    for (name, facts) in facts {
        let Some(host) = stack.hosts.get(name) else {
            continue;
        };
        let mut plan = HostPlan::new(stack, host, facts, options);
        plan.rebuilds_manifest = true;
        plan.check();
        plan.check_tls(own);
        plan.note_clock();
        let render = |source| PlanError::Render {
            host: name.clone(),
            source,
        };
        // What was changed by hand is told also where something keeps it from being mended.
        if plan.findings.is_empty() || plan.was_here() {
            plan.mend_certificates(own);
            plan.packages();
            plan.users();
            plan.folders();
            plan.boot_units(templates).map_err(render)?;
            plan.firewall(templates).map_err(render)?;
            plan.docker();
            plan.packaged_databases();
            plan.schemas_elsewhere();
            plan.certificates(own);
            plan.is_certificate_unread = plan.must_load_certificate(own);
            let https = tls::https(stack, name, facts, Some(own));
            let site = render::nginx_site(templates, stack, host, &https);
            plan.site(0, site.map_err(render)?);
            plan.start_nginx_last();
        }
        plan.confirm(1, 1);
        if plan.findings.is_empty() {
            plan.forget_certificates(1, own);
        }
        let facts = plan.after_first_stage();
        let is_refused = !plan.findings.is_empty();
        plan.finish(1, &mut parts);
        // A stage of its own: what the first one has brought stays also when an authority refuses.
        let mut plan = HostPlan::new(stack, host, &facts, options);
        if !is_refused && plan.obtain() {
            let https = tls::https_when_issued(stack, name, &facts, own);
            let site = render::nginx_site(templates, stack, host, &https);
            plan.site(tls::SECURE, site.map_err(render)?);
            plan.confirm(tls::SECURE, tls::SECURE);
            for step in &mut plan.steps {
                if matches!(step.action, Action::InstallSite(_)) {
                    step.cause = "its certificate is there".into();
                }
            }
            // The first stage has told of them.
            plan.notes.clear();
            plan.drift.clear();
            plan.finish(tls::SECURE, &mut parts);
        }
    }
    parts.into_plan()
}

/// The folders of a stack's state, with their modes, parents first.
pub(super) fn folders(stack: &Stack) -> Vec<(HostPath, u32)> {
    let layout = Layout::new(&stack.name);
    let below = |name: &str| {
        format!("{}/{name}", layout.state())
            .parse()
            .expect("a plain name")
    };
    // nginx, which is not root, must reach static files by their full path; it need not list the way there.
    let mut folders = vec![
        (layout.state(), 0o711),
        (layout.secrets(), 0o700),
        (below("databases"), 0o700),
        (below("current"), 0o755),
        (below("releases"), 0o711),
    ];
    let released = stack
        .services
        .values()
        .filter(|service| service.is_released());
    folders.extend(released.map(|service| (layout.releases(&service.name), 0o711)));
    let mut units = stack
        .services
        .values()
        .filter(|service| service.unit().is_some())
        .peekable();
    if units.peek().is_some() {
        folders.push((below("installed"), 0o711));
        folders.extend(units.map(|service| (layout.installed(&service.name), 0o711)));
    }
    let mut units = stack.services.values().filter_map(Service::unit);
    if units.any(|unit| unit.state) {
        folders.push((layout.states(), 0o711));
    }
    let services = stack.services.values();
    let built: Vec<&Service> = services
        .filter(|service| service.built_on_host().is_some())
        .collect();
    if !built.is_empty() {
        folders.push((below("builds"), 0o711));
        let built = built.iter();
        folders.extend(built.map(|service| (layout.builds(&service.name), 0o711)));
    }
    let mut files = stack.services.values().filter_map(Service::static_files);
    if files.any(|files| !files.assets.is_empty()) {
        folders.push((layout.all_assets(), 0o755));
    }
    folders
}

impl<'a> HostPlan<'a> {
    pub(super) fn runs_docker(&self) -> bool {
        let services = self.stack.services_on(&self.host.name);
        services.iter().any(|service| service.in_container())
    }

    pub(super) fn has_nginx(&self) -> bool {
        self.stack.has_nginx(&self.host.name)
    }

    pub(super) fn has_engine(&self) -> bool {
        let packages = ["docker.io", "docker-ce", "moby-engine"];
        packages
            .iter()
            .any(|name| self.facts.packages.contains_key(*name))
            || self.facts.docker_socket
    }

    fn container(&self, name: &str) -> Option<&'a ContainerFacts> {
        self.facts.docker.as_ref()?.containers.get(name)
    }

    fn packages(&mut self) {
        let mut missing: Vec<String> = Vec::new();
        if self.runs_docker() && !self.has_engine() {
            // The engine needs iptables and, to pull from a registry, certificates; both are only recommended.
            let wanted = ["docker.io", "iptables", "ca-certificates"];
            let absent = wanted
                .into_iter()
                .filter(|name| !self.facts.packages.contains_key(*name));
            missing.extend(absent.map(str::to_owned));
        }
        if self.has_nginx() && self.facts.nginx.is_none() {
            missing.push("nginx".into());
        }
        for name in tls::packages(self.stack, &self.host.name, self.facts) {
            if !self.facts.packages.contains_key(name) && !missing.iter().any(|other| other == name)
            {
                missing.push(name.into());
            }
        }
        if self.stack.firewall && !self.facts.packages.contains_key("nftables") {
            missing.push("nftables".into());
        }
        let stack = self.stack;
        let services = stack.services_on(&self.host.name);
        for name in services
            .iter()
            .flat_map(|service| super::unit::packages(service))
        {
            let is_missing = !self.facts.packages.contains_key(*name);
            if is_missing && !missing.iter().any(|other| other == name) {
                missing.push((*name).to_owned());
            }
        }
        let has_server = database::SERVERS
            .iter()
            .any(|name| self.facts.packages.contains_key(*name));
        if self.has_packaged_database() && !has_server {
            missing.push("mariadb-server".into());
        }
        let has_client = self.has_mysql_client();
        let mut externals = services.iter().filter_map(|service| service.external());
        if !has_client && externals.any(|external| external.mysql().is_some()) {
            missing.push("mariadb-client".into());
        }
        if !missing.is_empty() {
            let fresh =
                |fetched: &u64| self.facts.clock.saturating_sub(*fetched) < INDEX_AGE_SECONDS;
            if !self.facts.package_index.as_ref().is_some_and(fresh) {
                let cause = if self.facts.package_index.is_some() {
                    "it is older than a day"
                } else {
                    "there is none"
                };
                self.step(0, Action::RefreshPackageIndex, cause);
            }
            self.step(0, Action::InstallPackages(missing), "missing");
        }
        for (wanted, unit) in [
            (self.runs_docker(), "docker.service"),
            (self.has_nginx(), "nginx.service"),
            (self.has_packaged_database(), own_server(self.facts)),
        ] {
            let there = self.facts.units.get(unit);
            if wanted && !there.is_some_and(|unit| unit.is_active() && unit.file == "enabled") {
                if let Some(there) = there.filter(|unit| unit.load == "loaded" && self.was_here()) {
                    let is = format!("{} and {}", there.active, there.file);
                    self.broken(unit, "active and enabled", is, "enable and start it");
                }
                let cause = match there {
                    Some(unit) if unit.load == "loaded" && !unit.is_active() => "not running",
                    Some(unit) if unit.load == "loaded" => "not enabled at boot",
                    _ => "newly installed",
                };
                self.step(0, Action::StartUnit(unit.into()), cause);
            }
        }
    }

    fn folders(&mut self) {
        for (path, mode) in folders(self.stack) {
            self.folder(0, path, mode);
        }
    }

    /// Each service that runs as units, or is built here, has a user of its own.
    fn users(&mut self) {
        let stack = self.stack;
        for service in stack.services_on(&self.host.name) {
            let name = self.layout.user_name(&service.name);
            if !service.has_user() || self.facts.users.contains_key(&name) {
                continue;
            }
            let user = Action::EnsureUser {
                name,
                id: self.layout.user(service),
                about: format!("{}/{}", stack.name, service.name),
            };
            let cause = match service.unit() {
                Some(_) => "its units run as no other",
                None => "its files are built as no other",
            };
            self.step(0, user, cause);
        }
    }

    /// What the host does by itself before nginx starts: it takes a run back that a crash has ended, and keeps a site that
    /// nginx refuses from keeping it down.
    fn boot_units(&mut self, templates: &Templates) -> Result<(), render::RenderError> {
        let (recover, admit) = (self.layout.recover_unit(), self.layout.admit_unit());
        let mut files = render::recovery(templates, self.stack)?;
        let mut units = vec![(recover, "it must run after a crash")];
        let mut is_changed = false;
        if self.has_nginx() {
            files.extend(render::admission(templates, self.stack)?);
            units.push((admit, "one site must not keep nginx from starting"));
        } else {
            is_changed = self.forget_admission(&admit);
        }
        for file in files {
            is_changed |= self.file(0, file);
        }
        if is_changed || units.iter().any(|(unit, _)| self.is_stale(unit)) {
            self.step(0, Action::ReloadUnits, "a unit file changed");
        }
        for (unit, cause) in units {
            self.drop_ins(0, &unit);
            let there = self.facts.units.get(&unit);
            if there.is_none_or(|unit| unit.file != "enabled") {
                if let Some(there) = there.filter(|unit| unit.load == "loaded" && self.was_here()) {
                    let is = there.file.clone();
                    self.broken(&unit, "enabled", is, "enable it");
                }
                self.step(0, Action::EnableUnit(unit), cause);
            }
        }
        Ok(())
    }

    /// Whether there was anything to forget.
    fn forget_admission(&mut self, unit: &str) -> bool {
        let (script, file) = (self.layout.admit_script(), self.layout.unit(unit));
        if !self.manifest.files.contains_key(&file) {
            return false;
        }
        const CAUSE: &str = "no site is on this host any more";
        self.step(0, Action::StopUnit(unit.to_owned()), CAUSE);
        self.forget(0, &file, CAUSE);
        self.forget(0, &script, CAUSE);
        true
    }

    fn docker(&mut self) {
        if !self.runs_docker() {
            return;
        }
        let stack = self.stack;
        let services = stack.services_on(&self.host.name);
        let in_container = |service: &&&Service| service.in_container();
        let has_apps = services
            .iter()
            .filter(in_container)
            .filter(|service| service.composed().is_none())
            .any(|service| service.app().is_some() || container::is_published(stack, service));
        let has_databases = services.iter().any(|service| service.database().is_some());
        let networks = [
            (has_apps, self.layout.app_network(), false),
            (has_databases, self.layout.data_network(), true),
        ];
        for (wanted, name, internal) in networks {
            let there = self
                .facts
                .docker
                .as_ref()
                .is_some_and(|docker| docker.networks.contains_key(&name));
            if wanted && !there {
                let stack = stack.name.to_string();
                self.step(
                    0,
                    Action::CreateNetwork {
                        name,
                        internal,
                        stack,
                        of_file: None,
                    },
                    "missing",
                );
            }
        }
        self.shared();
        for service in services {
            if let Some(database) = service.database()
                && let Some(image) = database.image()
            {
                self.database(service, database, image);
            }
        }
    }
}
