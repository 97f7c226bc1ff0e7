//! A bare host becomes one that can take releases: packages, units, folders, databases, the site.

use super::container::{self, label};
use super::host::{Comparison, HostPlan, Options, Parts, PlanError};
use super::step::{Action, DatabaseTarget, Plan, Process, SiteBefore, SiteInstall};
use crate::facts::{ContainerFacts, DatabaseFacts, Facts, SchemaFacts};
use crate::model::{
    Database, HostName, HostPath, ImageRef, Layout, Owner, RemoteFile, Service, Stack,
};
use crate::render::{self, Templates};

/// The units whose state the planner needs.
pub const UNITS: &[&str] = &[
    "docker.service",
    "nginx.service",
    "firewalld.service",
    MARIADB,
    Layout::FIREWALL_UNIT,
];

/// The unit of the distribution's database server.
pub(super) const MARIADB: &str = "mariadb.service";

/// Letters and digits in a generated password: 190 bits.
const PASSWORD_LENGTH: u32 = 32;
/// A package index older than this is fetched again before anything is installed.
const INDEX_AGE_SECONDS: u64 = 24 * 3600;

/// What brings each host that answered to where it can take releases; empty when it is there already.
pub fn provision(
    stack: &Stack,
    facts: &Facts,
    templates: &Templates,
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
        plan.note_clock();
        // What was changed by hand is told also where something keeps it from being mended.
        if plan.findings.is_empty() || plan.was_here() {
            plan.packages();
            plan.users();
            plan.folders();
            let render = |source| PlanError::Render {
                host: name.clone(),
                source,
            };
            plan.recovery(templates).map_err(render)?;
            plan.firewall(templates).map_err(render)?;
            plan.docker();
            plan.packaged_databases();
            plan.site(templates).map_err(render)?;
        }
        plan.confirm(1, 1);
        plan.finish(1, &mut parts);
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
    folders
}

/// A file that says a database was once made here, so that a volume that vanished is noticed.
pub(super) fn database_marker(layout: &Layout, service: &Service) -> HostPath {
    format!("{}/databases/{}", layout.state(), service.name)
        .parse()
        .expect("service names are plain")
}

impl<'a> HostPlan<'a> {
    pub(super) fn runs_docker(&self) -> bool {
        let services = self.stack.services_on(&self.host.name);
        services.iter().any(|service| service.in_container())
    }

    pub(super) fn has_sites(&self) -> bool {
        self.stack.sites_on(&self.host.name).next().is_some()
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

    /// Data and the password that opens it are only good together.
    pub(super) fn check_database(&mut self, service: &Service) {
        if !service.in_container() {
            return self.check_packaged_database(service);
        }
        let volume = self.layout.volume(&service.name);
        let Some(docker) = &self.facts.docker else {
            return;
        };
        let has_volume = docker.volumes.contains(&volume);
        let made = self
            .facts
            .files
            .contains_key(&database_marker(&self.layout, service));
        let root = self.layout.secret(&container::root_secret(service));
        let app = self.layout.secret(&container::app_secret(service));
        let is_gone = |path: &HostPath| !self.facts.files.contains_key(path);
        let (root_gone, app_gone) = (is_gone(&root), is_gone(&app));
        if has_volume && root_gone {
            let text = format!(
                "the data of `{}` (volume {volume}) is there, but its root password {root} is gone",
                service.name
            );
            self.refuse(text, format!("put the password back into {root} (mode 0600); or, to begin with an empty database, remove the volume {volume}"));
        } else if has_volume && app_gone {
            // A new one would lock the releases out that run with the old one.
            let text = format!(
                "the data of `{}` (volume {volume}) is there, but its user's password {app} is gone",
                service.name
            );
            let name = container::app_secret(service);
            self.refuse(text, format!("put the password back into {app} (mode 0600): each release that uses it has a copy, {}/releases/*/*/{name}", self.layout.state()));
        } else if !has_volume && made {
            let text = format!(
                "`{}` was made here before, but its data (volume {volume}) is gone",
                service.name
            );
            let marker = database_marker(&self.layout, service);
            self.refuse(text, format!("bring the volume back; or, to begin with an empty database, remove {marker} on the host"));
        }
        let name = self.layout.container(&service.name);
        let foreign = self
            .container(&name)
            .is_some_and(|there| !super::host::is_ours(&there.labels, self.stack));
        if foreign {
            self.refuse(
                format!("a container named {name} is there that stackctl did not make"),
                "rename or remove it",
            );
        }
    }

    /// As [`Self::check_database`], of a server of the host itself.
    fn check_packaged_database(&mut self, service: &Service) {
        let has = |name: &str| self.facts.packages.contains_key(name);
        if has("mysql-server") && !has("mariadb-server") {
            self.refuse_as(
                "packages",
                "the package mysql-server is there, beside which mariadb-server cannot be installed",
                "have the database in a container: `mysql: {image: …}`",
            );
            return;
        }
        let marker = database_marker(&self.layout, service);
        if !self.facts.files.contains_key(&marker) {
            return;
        }
        let password = self.layout.secret(&container::app_secret(service));
        let name = container::app_secret(service);
        if !self.facts.files.contains_key(&password) {
            // A new one would lock the releases out that run with the old one.
            self.refuse(
                format!(
                    "`{}` was made here before, but its user's password {password} is gone",
                    service.name
                ),
                format!("put the password back into {password} (mode 0600): each release that uses it has a copy, {}/releases/*/*/{name}", self.layout.state()),
            );
        }
        if let Some(DatabaseFacts::Answers(schema)) = self.facts.database(&service.name)
            && schema.charset.is_none()
        {
            self.refuse(
                format!(
                    "`{}` was made here before, but its server has no such database any more",
                    service.name
                ),
                format!("bring its data back; or, to begin with an empty database, remove {marker} on the host"),
            );
        }
    }

    pub(super) fn has_packaged_database(&self) -> bool {
        let stack = self.stack;
        let services = stack.services_on(&self.host.name);
        services
            .iter()
            .any(|service| service.database().is_some() && !service.in_container())
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
        if self.has_sites() && self.facts.nginx.is_none() {
            missing.push("nginx".into());
        }
        if self.stack.firewall && !self.facts.packages.contains_key("nftables") {
            missing.push("nftables".into());
        }
        let stack = self.stack;
        let services = stack.services_on(&self.host.name);
        for name in services
            .iter()
            .filter_map(|service| service.unit())
            .flat_map(super::unit::packages)
        {
            let is_missing = !self.facts.packages.contains_key(*name);
            if is_missing && !missing.iter().any(|other| other == name) {
                missing.push((*name).to_owned());
            }
        }
        if self.has_packaged_database() && !self.facts.packages.contains_key("mariadb-server") {
            missing.push("mariadb-server".into());
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
            (self.has_sites(), "nginx.service"),
            (self.has_packaged_database(), MARIADB),
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

    /// Each service that runs as units has a user of its own.
    fn users(&mut self) {
        let stack = self.stack;
        for service in stack.services_on(&self.host.name) {
            let name = self.layout.user_name(&service.name);
            if service.unit().is_none() || self.facts.users.contains_key(&name) {
                continue;
            }
            let user = Action::EnsureUser {
                name,
                id: self.layout.user(service),
                about: format!("{}/{}", stack.name, service.name),
            };
            self.step(0, user, "its units run as no other");
        }
    }

    /// What takes a run back that a crash of the host has ended.
    fn recovery(&mut self, templates: &Templates) -> Result<(), render::RenderError> {
        let mut wrote = false;
        for file in render::recovery(templates, self.stack)? {
            wrote |= self.file(0, file);
        }
        let unit = self.layout.recover_unit();
        if wrote || self.is_stale(&unit) {
            self.step(0, Action::ReloadUnits, "a unit file changed");
        }
        self.drop_ins(0, &unit);
        let there = self.facts.units.get(&unit);
        if there.is_none_or(|unit| unit.file != "enabled") {
            if let Some(there) = there.filter(|unit| unit.load == "loaded" && self.was_here()) {
                let is = there.file.clone();
                self.broken(&unit, "enabled", is, "enable it");
            }
            self.step(0, Action::EnableUnit(unit), "it must run after a crash");
        }
        Ok(())
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
            .any(|service| service.app().is_some());
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
                    },
                    "missing",
                );
            }
        }
        for service in services {
            if let Some(database) = service.database()
                && let Some(image) = database.image()
            {
                self.database(service, database, image);
            }
        }
    }

    /// Databases on the distribution's server.
    fn packaged_databases(&mut self) {
        let stack = self.stack;
        for service in stack.services_on(&self.host.name) {
            let Some(database) = service.database().filter(|_| !service.in_container()) else {
                continue;
            };
            let path = self.layout.secret(&container::app_secret(service));
            if !self.facts.files.contains_key(&path) {
                let length = PASSWORD_LENGTH;
                self.step(0, Action::GenerateSecret { path, length }, "first run");
            }
            let is_new = !self.facts.packages.contains_key("mariadb-server");
            self.schema(service, database, is_new, is_new);
        }
    }

    fn database(&mut self, service: &Service, database: &Database, image: &ImageRef) {
        for secret in [
            container::root_secret(service),
            container::app_secret(service),
        ] {
            let path = self.layout.secret(&secret);
            if !self.facts.files.contains_key(&path) {
                let length = PASSWORD_LENGTH;
                self.step(0, Action::GenerateSecret { path, length }, "first run");
            }
        }
        let docker = self.facts.docker.as_ref();
        let volume = self.layout.volume(&service.name);
        if !docker.is_some_and(|docker| docker.volumes.contains(&volume)) {
            let stack = self.stack.name.to_string();
            self.step(
                0,
                Action::CreateVolume {
                    name: volume,
                    stack,
                },
                "missing",
            );
        }
        let spec = container::database(self.stack, service, database, image);
        let there = self.container(&spec.name);
        let labelled = there
            .is_some_and(|there| there.labels.get(label::SPEC) == spec.labels.get(label::SPEC));
        let by_hand = there.filter(|_| labelled).and_then(|there| {
            self.stopped(&spec, there);
            self.swapped_image(&spec, there);
            self.changed_by_hand(&spec, there, "make it again, which interrupts it")
        });
        let same = labelled && by_hand.is_none();
        let running = there.is_some_and(ContainerFacts::is_running);
        let restarted = !(same && running);
        if restarted {
            if !docker.is_some_and(|docker| docker.images.contains_key(&spec.image)) {
                self.step(0, Action::PullImage(spec.image.clone()), "not on the host");
            }
            let stopped = super::Stopped::of(self.facts, &self.layout, &service.name);
            let stopped = stopped.map(|stopped| format!("it was {}", stopped.words()));
            let cause = match there {
                None => "missing",
                Some(_) if same => stopped.as_deref().unwrap_or("not running"),
                Some(_) => by_hand.as_deref().unwrap_or("its definition changed"),
            };
            if there.is_some() && !same {
                if running {
                    let name = &service.name;
                    self.note(format!("interrupts: database `{name}` does not answer while its container is made again"));
                }
                let (name, grace) = (spec.name.clone(), spec.stop_grace);
                self.step(
                    0,
                    Action::StopContainer {
                        name: name.clone(),
                        grace,
                    },
                    cause,
                );
                self.step(0, Action::RemoveContainer(name), cause);
            }
            self.step(0, Action::RunContainer(Box::new(spec.clone())), cause);
        }
        if let Some(there) = there.filter(|_| same) {
            self.keep_restarting(0, &spec, there);
        }
        self.forget_stop(0, service);
        self.schema(service, database, restarted, there.is_none());
    }

    /// The database and its user, on a server that runs by now.
    fn schema(
        &mut self,
        service: &Service,
        database: &Database,
        mut restarted: bool,
        is_new: bool,
    ) {
        let target = target(&self.layout, service, database);
        let seen = self.facts.database(&service.name);
        if !matches!(seen, Some(DatabaseFacts::Answers(_))) {
            restarted = true;
        }
        if restarted {
            self.step(
                0,
                Action::WaitDatabase(target.clone()),
                "it must answer before anything uses it",
            );
        }
        let lacking = match seen {
            Some(DatabaseFacts::Answers(schema)) => lacks(schema, database),
            _ if is_new => Some("missing"),
            _ => Some("it did not answer, so it is checked"),
        };
        if let Some(cause) = lacking {
            let marker = database_marker(&self.layout, service);
            let answers = matches!(seen, Some(DatabaseFacts::Answers(_)));
            if answers && self.facts.files.contains_key(&marker) {
                let what = format!("database {} of `{}`", database.database, service.name);
                let was = format!("there, with all rights in it for user {}", database.user);
                self.broken(what, was, cause, "make what is missing");
            }
            self.step(0, Action::EnsureDatabase(target), cause);
        }
        let marker = database_marker(&self.layout, service);
        if !self.facts.files.contains_key(&marker) {
            let contents = format!("{}\n", database.database).into_bytes();
            let file = RemoteFile {
                path: marker,
                mode: 0o600,
                owner: Owner::ROOT,
                contents,
            };
            self.step(
                0,
                Action::PutFile { file, before: None },
                "the database was made here",
            );
        }
    }

    fn site(&mut self, templates: &Templates) -> Result<(), render::RenderError> {
        let (available, enabled) = (self.layout.nginx_available(), self.layout.nginx_enabled());
        let Some(file) = render::nginx_site(templates, self.stack, self.host)? else {
            const CAUSE: &str = "no site is on this host any more";
            // A link that leads nowhere would keep nginx from starting again.
            if self.manifest.files.contains_key(&available) && self.facts.link(&enabled).is_some() {
                self.step(0, Action::Remove(enabled), CAUSE);
            }
            self.forget(0, &available, CAUSE);
            return Ok(());
        };
        let default: HostPath = "/etc/nginx/sites-enabled/default"
            .parse()
            .expect("a plain path");
        // A host that is about to get nginx gets its default site as well.
        let default_there = self.facts.nginx.is_none() || self.facts.files.contains_key(&default);
        let target = format!("../sites-available/{}.conf", self.stack.name);
        let linked = self.facts.link(&enabled) == Some(target.as_str());
        let is_stale = self.facts.files.contains_key(&self.layout.nginx_stale());
        let why = |plan: &Self, file: &RemoteFile| {
            if !linked {
                Some("it is not enabled")
            } else if default_there {
                Some("the default site answers in its place")
            } else if is_stale {
                Some("nginx was not told of its last change")
            } else if plan.runs_another(file) {
                Some("nginx runs an older version of it")
            } else {
                None
            }
        };
        let (file, before, cause) = match self.compare(&file) {
            Comparison::Differs {
                before,
                cause,
                edited,
            } => {
                if edited {
                    self.keep_copy(0, &file.path);
                }
                (file, before, cause)
            }
            Comparison::Same => {
                let Some(cause) = why(self, &file) else {
                    return Ok(());
                };
                let before = file.contents.clone();
                (file, Some(before), cause)
            }
            // It is enabled as somebody edited it, never as it would be.
            Comparison::Left => {
                let Some(contents) = self.contents(&file.path) else {
                    return Ok(());
                };
                let before = contents.clone();
                let stands = RemoteFile { contents, ..file };
                let Some(cause) = why(self, &stands) else {
                    return Ok(());
                };
                if render::site_generation(&stands).is_none() {
                    self.note(format!("{cause}: {} stays as it is, since nginx could not be asked whether it goes by it as it was edited", stands.path));
                    return Ok(());
                }
                (stands, Some(before), cause)
            }
        };
        if !linked && self.facts.manifest.files.contains_key(&file.path) {
            self.broken(
                enabled.to_string(),
                format!("a link to {target}"),
                "gone or another",
                "enable the site again",
            );
        }
        let undo = self.site_before(&file, &enabled, &default);
        let (port, server_name) =
            site_address(self.stack, &self.host.name).expect("rendered for a site");
        let install = SiteInstall {
            generation: render::site_generation(&file).unwrap_or_default(),
            port,
            server_name,
            before,
            enabled,
            disable: vec![default],
            stale: self.layout.nginx_stale(),
            file,
        };
        let step = self.step(0, Action::InstallSite(install), cause);
        step.undo.push(undo);
        Ok(())
    }

    fn site_before(&self, file: &RemoteFile, enabled: &HostPath, default: &HostPath) -> Action {
        let link = |path: &HostPath| self.facts.link(path).map(str::to_owned);
        let there = self.facts.files.get(&file.path);
        // A host that is about to get nginx gets this link with it.
        let packaged = "/etc/nginx/sites-available/default".to_owned();
        let default_target = match self.facts.nginx {
            Some(_) => link(default),
            None => Some(packaged),
        };
        Action::RestoreSite(SiteBefore {
            path: file.path.clone(),
            mode: there.map_or(file.mode, |there| there.mode & 0o7777),
            contents: there.and_then(|there| there.contents.clone()),
            links: vec![
                (enabled.clone(), link(enabled)),
                (default.clone(), default_target),
            ],
            stale: self.layout.nginx_stale(),
        })
    }
}

impl HostPlan<'_> {
    /// Whether nginx goes by another version of `file` than the one that stands there: whoever put it there was cut off
    /// before the reload, or the reload was refused.
    fn runs_another(&self, file: &RemoteFile) -> bool {
        let Some(generation) = render::site_generation(file) else {
            return false;
        };
        let there = self.facts.files.get(&file.path);
        let stands = there.is_some_and(|there| {
            there.digest.as_deref() == Some(crate::facts::sha256(&file.contents).as_str())
        });
        let told = self.facts.generation.as_deref();
        stands && told.is_some_and(|told| told != generation)
    }
}

/// A port and a name under which nginx answers for the stack on a host, if it does.
pub fn site_address(stack: &Stack, host: &HostName) -> Option<(u16, String)> {
    let site = stack.sites_on(host).next()?;
    let name = site.server_names.first();
    let name = name.map_or_else(|| "localhost".to_owned(), ToString::to_string);
    Some((site.listen, name))
}

pub(super) fn target(layout: &Layout, service: &Service, database: &Database) -> DatabaseTarget {
    let file = |name: String| format!("{}/{name}", Layout::CONTAINER_SECRETS);
    if !service.in_container() {
        return DatabaseTarget {
            process: Process::Unit(MARIADB.to_owned()),
            dialect: database.dialect,
            database: database.database.clone(),
            user: database.user.clone(),
            root_password_file: "/dev/null".to_owned(),
            user_password_file: layout.secret(&container::app_secret(service)).to_string(),
        };
    }
    DatabaseTarget {
        process: Process::Container(layout.container(&service.name)),
        dialect: database.dialect,
        database: database.database.clone(),
        user: database.user.clone(),
        root_password_file: file(container::root_secret(service)),
        user_password_file: file(container::app_secret(service)),
    }
}

/// What a database that answers lacks of what is wanted.
fn lacks(schema: &SchemaFacts, database: &Database) -> Option<&'static str> {
    if schema.charset.is_none() {
        return Some("the database is missing");
    }
    let Some(grants) = &schema.grants else {
        return Some("its user is missing");
    };
    if !schema.login {
        return Some("its user cannot log in with the password on the host");
    }
    // `_` and `%` are wildcards in a GRANT's database name:
    // https://dev.mysql.com/doc/refman/8.4/en/grant.html
    let escaped = database.database.replace('_', "\\_").replace('%', "\\%");
    let ours = format!("GRANT ALL PRIVILEGES ON `{escaped}`.* ");
    let usage = "GRANT USAGE ON *.* ";
    if !grants.iter().any(|grant| grant.starts_with(&ours)) {
        return Some("a grant is missing");
    }
    let others = grants
        .iter()
        .any(|grant| !grant.starts_with(&ours) && !grant.starts_with(usage));
    others.then_some("its user may touch more than its database")
}

/// The targets to observe on a host: each database with its container.
pub fn database_targets(stack: &Stack) -> Vec<(&Service, DatabaseTarget)> {
    let layout = Layout::new(&stack.name);
    let services = stack.services.values();
    services
        .filter_map(|service| {
            let database = service.database()?;
            Some((service, target(&layout, service, database)))
        })
        .collect()
}
