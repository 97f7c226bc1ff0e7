//! Whatever would make a later step fail and can be known before the first: all of it at once, for each host.

use super::container;
use super::host::HostPlan;
use super::release::Release;
use crate::facts::{DatabaseFacts, FileKind, HostFacts, Listener};
use crate::model::{External, HostPath, MysqlServer, Service, ServiceKind};

/// What packages and a first image need, in KiB.
const FRESH_DISK_KIB: u64 = 2 * 1024 * 1024;
/// What a provisioned host must have left, in KiB.
const SPARE_DISK_KIB: u64 = 256 * 1024;
/// A context is sent, copied into a layer, and often copied once more by what is built from it.
const COPIES_OF_CONTEXT: u64 = 3;
const SPARE_INODES: u64 = 20_000;
/// MySQL 8.4 as the official image sets it up does not start with less, in KiB.
const DATABASE_MEMORY_KIB: u64 = 400 * 1024;
/// Seconds. Certificates and tokens fail, and times in histories mislead.
const SKEW_REFUSED: u64 = 300;
const SKEW_NOTED: u64 = 30;
/// The engine of Debian 11 and Ubuntu 20.04 with their updates: 20.10.
const OLDEST_API: (u32, u32) = (1, 41);

impl HostPlan<'_> {
    /// What `provision` would fail at.
    pub(super) fn check(&mut self) {
        self.check_system();
        self.check_common();
        let needed = if self.has_engine() {
            SPARE_DISK_KIB
        } else {
            FRESH_DISK_KIB
        };
        self.check_space(needed);
        self.check_memory();
        self.check_ports();
        self.check_units();
        self.check_firewall();
        let stack = self.stack;
        for service in stack.services_on(&self.host.name) {
            self.check_user(service);
            if service.app().is_some() {
                self.check_joined_name(service);
            }
            self.check_external(service);
            if service.database().is_some() {
                self.check_database(service);
                self.check_image(service);
            }
        }
    }

    /// What `deploy` would fail at on a host that is provisioned.
    pub(super) fn check_releases(&mut self, releases: &[&Release]) {
        self.check_common();
        let stack = self.stack;
        let mut context = 0;
        let mut is_new = false;
        for service in stack.services_on(&self.host.name) {
            let Some(release) = releases
                .iter()
                .find(|release| release.service == service.name)
            else {
                continue;
            };
            if service.app().is_some() {
                self.check_joined_name(service);
                self.check_image(service);
                self.check_published(service, release);
            }
            if let Some(container) = service.container() {
                self.check_image(service);
                self.check_published_ports(service, &container.composed);
            }
            if !self.has_release(service, &release.id) {
                is_new = true;
                self.check_secrets(service);
                let files = release.tree.iter().flat_map(|tree| tree.files());
                context += files.map(|(_, file)| file.size).sum::<u64>();
            }
        }
        // A run that brings nothing new, or mends what is there, takes no room.
        if is_new {
            let context = context.div_ceil(1024);
            self.check_space(SPARE_DISK_KIB + context * COPIES_OF_CONTEXT);
        }
    }

    /// What every run needs.
    fn check_common(&mut self) {
        let missing: Vec<&str> = self.facts.missing.iter().map(String::as_str).collect();
        if !missing.is_empty() {
            let text = format!("programs are missing: {}", missing.join(", "));
            let hint =
                "install them: sudo apt-get install coreutils findutils perl-base tar util-linux";
            self.refuse_as("programs", text, hint);
        }
        if self.facts.read_only {
            self.refuse_as(
                "disk",
                "/var/lib is mounted read-only",
                "look for why (`sudo dmesg | grep -i remount`), check the disk, then mount it read-write",
            );
        }
        let skew = self.facts.skew.unwrap_or(0);
        if skew.unsigned_abs() > SKEW_REFUSED {
            self.refuse_as(
                "clock",
                skewed(skew),
                "run `sudo timedatectl set-ntp true` there, or install chrony; or look at this machine's clock",
            );
        }
        let offered = self.facts.docker_api.as_deref().and_then(version);
        if offered.is_some_and(|offered| offered < OLDEST_API) {
            let api = self.facts.docker_api.as_deref().unwrap_or_default();
            let (major, minor) = OLDEST_API;
            let text = format!("Docker's engine offers API {api}, and {major}.{minor} is needed");
            self.refuse_as(
                "engine",
                text,
                "upgrade it to 20.10 or newer: `sudo apt-get install --only-upgrade docker.io`, or docker-ce",
            );
        }
    }

    fn check_system(&mut self) {
        let os = &self.facts.os;
        let seen = if os.pretty.is_empty() {
            "an unknown system".to_owned()
        } else {
            os.pretty.clone()
        };
        // A testing or unstable Debian has no number.
        let is_older = |oldest| version(&os.version).is_some_and(|version| version < oldest);
        match os.id.as_str() {
            "debian" if is_older((11, 0)) => {
                self.refuse_as(
                    "system",
                    format!("it runs {seen}"),
                    "Debian 11 is the oldest that works; upgrade it or use another host",
                );
            }
            "ubuntu" if is_older((20, 4)) => {
                self.refuse_as(
                    "system",
                    format!("it runs {seen}"),
                    "Ubuntu 20.04 is the oldest that works; upgrade it or use another host",
                );
            }
            "debian" | "ubuntu" => {}
            _ => self.refuse_as(
                "system",
                format!("it runs {seen}"),
                "stackctl provisions Debian and Ubuntu; use a host with one of these",
            ),
        }
        let architecture = &self.facts.architecture;
        if !matches!(architecture.as_str(), "" | "x86_64" | "aarch64") {
            self.refuse_as(
                "system",
                format!("its processor is {architecture}"),
                "use a host with x86_64 or aarch64",
            );
        }
        if !self.facts.has_systemd {
            self.refuse_as(
                "system",
                "systemd is not its process 1",
                "use a host that boots with systemd",
            );
        }
    }

    /// `needed` is in KiB.
    fn check_space(&mut self, needed: u64) {
        let space = self.facts.disk.get("/var/lib");
        if let Some(space) = space.filter(|space| space.free < needed) {
            let text = format!(
                "{} MiB are free below /var/lib, {} are needed",
                space.free / 1024,
                needed.div_ceil(1024)
            );
            self.refuse_as(
                "disk",
                text,
                "make room (`docker system prune`, `apt-get clean`) or attach a larger disk",
            );
        }
        let few = self.facts.inodes.get("/var/lib");
        if few.is_some_and(|space| space.total > 0 && space.free < SPARE_INODES) {
            self.refuse_as(
                "inodes",
                "fewer than 20,000 inodes are free below /var/lib",
                "remove small files or use a larger disk",
            );
        }
    }

    fn check_memory(&mut self) {
        let total = self.facts.memory_total;
        if total == 0 {
            return;
        }
        let services = self.stack.services_on(&self.host.name);
        let mib = total / 1024;
        if total < DATABASE_MEMORY_KIB {
            let database = services
                .iter()
                .find(|service| service.database().is_some() && service.in_container())
                .map(|service| &service.name);
            match database {
                Some(name) => self.refuse_as(
                    "memory",
                    format!("it has {mib} MiB of memory; database `{name}` needs a host with 400"),
                    "use a larger host, or place the database on another with `on:`",
                ),
                None => self.note(format!(
                    "it has only {mib} MiB of memory; a build may be killed"
                )),
            }
        }
        let limits: u64 = services.into_iter().filter_map(limit).map(u64::from).sum();
        if limits > mib {
            self.note(format!(
                "the `memory:` limits of its services come to {limits} MiB, and it has {mib}: the kernel may kill one before it reaches its limit"
            ));
        }
    }

    fn check_ports(&mut self) {
        let stack = self.stack;
        if let Some(port) = stack.private_port(&self.host.name) {
            self.check_port_is_free(port, "takes requests from its edge");
        }
        let sites = stack.sites_on(&self.host.name);
        for (site, port) in sites.flat_map(|site| site.ports().map(move |port| (site, port))) {
            let Some(holder) = holder(self.facts, port) else {
                continue;
            };
            let (name, stop) = match holder {
                Holder::Container { name, image } => (
                    container_words(&name, &image),
                    format!("stop it (`sudo docker stop {name}`)"),
                ),
                Holder::Process(name) => {
                    let show = format!("sudo ss -ltnp 'sport = :{port}'");
                    (name, format!("stop it (`{show}` shows it)"))
                }
            };
            let text = format!("port {port} of site `{}` is held by {name}", site.name);
            let hint = match port == site.listen {
                true => format!("{stop} or give the site another `listen`"),
                false => stop,
            };
            self.refuse_as("ports", text, hint);
        }
    }

    /// A port that a container is to open.
    pub(super) fn check_port_is_free(&mut self, port: u16, who: &str) {
        let Some(holder) = holder(self.facts, port) else {
            return;
        };
        let (by, hint) = match holder {
            Holder::Container { name, image } => (
                container_words(&name, &image),
                format!("stop it (`sudo docker stop {name}`), or publish another port"),
            ),
            Holder::Process(name) => (
                name,
                format!(
                    "stop it (`sudo ss -ltnp 'sport = :{port}'` shows it), or publish another port"
                ),
            ),
        };
        self.refuse_as(
            "ports",
            format!("port {port}, which {who}, is held by {by}"),
            hint,
        );
    }

    /// A container that is to be started again gets the port that it had.
    fn check_published(&mut self, service: &Service, release: &Release) {
        let name = self.layout.release_container(&service.name, &release.id);
        let docker = self.facts.docker.as_ref();
        let there = docker.and_then(|docker| docker.containers.get(&name));
        let port = there
            .filter(|there| !there.is_running())
            .and_then(|there| there.labels.get(container::label::PORT)?.parse().ok());
        let Some((port, holder)) = port.and_then(|port| Some((port, holder(self.facts, port)?)))
        else {
            return;
        };
        let (by, hint) = match holder {
            Holder::Container { name, image } => (
                container_words(&name, &image),
                format!("stop it (`sudo docker stop {name}`)"),
            ),
            Holder::Process(name) => (
                name,
                format!("stop it (`sudo ss -ltnp 'sport = :{port}'` shows it)"),
            ),
        };
        self.refuse_as(
            "ports",
            format!("port {port} of container {name} is held by {by}"),
            hint,
        );
    }

    /// The user of a service's units has its own id, and nobody else has it.
    fn check_user(&mut self, service: &Service) {
        if !service.has_user() {
            return;
        }
        let (name, id) = (
            self.layout.user_name(&service.name),
            self.layout.user(service),
        );
        let mut users = self.facts.users.iter();
        let other = users.find(|(there, there_id)| (**there == name) != (**there_id == id));
        if let Some((there, there_id)) = other {
            self.refuse_as(
                "users",
                format!(
                    "the user {there} has the id {there_id}, and `{}` needs a user {name} with the id {id}",
                    service.name
                ),
                "give that user another id, or the service another name",
            );
        }
    }

    /// A masked unit cannot be started by anybody.
    fn check_units(&mut self) {
        for (wanted, unit) in [
            (self.runs_docker(), "docker.service"),
            (self.has_nginx(), "nginx.service"),
        ] {
            let there = self.facts.units.get(unit);
            if wanted && there.is_some_and(|there| there.load == "masked") {
                self.refuse_as(
                    "units",
                    format!("{unit} is masked, so it cannot be started"),
                    format!("run `sudo systemctl unmask {unit}` there"),
                );
            }
        }
    }

    /// Names of stack and service are joined in those of files and units: `shop` with `admin-api` is `shop-admin` with `api` there.
    fn check_joined_name(&mut self, service: &Service) {
        let path = self.layout.tmpfiles(&service.name);
        let there = self.facts.files.get(&path);
        let text = there.and_then(|there| there.contents.as_deref());
        let text = String::from_utf8_lossy(text.unwrap_or_default()).into_owned();
        let own = format!("{}/", self.layout.run());
        let mut links = text.lines().filter_map(|line| line.strip_prefix("L+ "));
        if let Some(link) = links.find(|link| !link.starts_with(&own)) {
            let link = link.split(' ').next().unwrap_or_default();
            self.refuse_as(
                "names",
                format!(
                    "{path} is of another stack, whose link is {link}: with `{}` its files and units would have the same names",
                    service.name
                ),
                "give the service or the stack another name",
            );
        }
    }

    /// The URL of a server that somebody else looks after must be there for us alone, and lead to it.
    pub(super) fn check_external(&mut self, service: &Service) {
        let Some(external) = service.external() else {
            return;
        };
        let (name, path) = (&service.name, external.secret_file());
        let (what, key) = match external {
            External::Mongodb { .. } | External::Redis { .. } => ("URL", "url_file"),
            External::Mysql(_) => ("password", "password_file"),
        };
        if !self.check_secret_file(path, &format!("the {what} of `{name}`"), what, key) {
            return;
        }
        let admin = external.mysql().and_then(|server| server.admin.as_ref());
        if let Some(admin) = admin {
            let of = format!("the administrator's password of `{name}`");
            let path = &admin.password_file;
            if !self.check_secret_file(path, &of, "password", "password_file") {
                return;
            }
        }
        if let Some(ca_file) = external.mysql().and_then(|server| server.ca_file.as_ref()) {
            let there = self.facts.files.get(ca_file);
            if there.is_none_or(|there| there.kind != FileKind::File) {
                return self.refuse_as(
                    "secrets",
                    format!(
                        "{ca_file}, with the certificates that `{name}` is known by, is not there"
                    ),
                    "put there what its provider publishes, in PEM, and no folder or link",
                );
            }
        }
        if let Some(DatabaseFacts::Silent(why)) = self.facts.database(name) {
            let text = format!("`{name}` cannot be reached from there: {why}");
            let hint = match external {
                External::Mongodb { .. } | External::Redis { .. } => format!(
                    "correct the URL in {path}, or look at the server and at the firewalls between"
                ),
                External::Mysql(MysqlServer {
                    admin: Some(admin), ..
                }) => format!(
                    "correct `host`, `port`, and `admin` of `{name}` or the passwords in {path} and {}, or look at the server and at the firewalls between",
                    admin.password_file
                ),
                External::Mysql(_) => format!(
                    "correct `host`, `port`, `user` and the rest of `{name}` or the password in {path}, or look at the server and at the firewalls between"
                ),
            };
            self.refuse_as("databases", text, hint);
        }
    }

    /// Whether a file on the host holds a secret, for root alone.
    fn check_secret_file(&mut self, path: &HostPath, of: &str, what: &str, key: &str) -> bool {
        let (text, hint) = match self.facts.files.get(path) {
            None => (
                format!("{path}, which holds {of}, is not there"),
                format!(
                    "put the {what} into it, for root alone: `sudo install -D -m 600 /dev/stdin {path}`"
                ),
            ),
            Some(there) if there.kind != FileKind::File => (
                format!("{path}, which should hold {of}, is not a file"),
                format!("name the file itself in `{key}`, and no folder or link"),
            ),
            Some(there) if there.user != 0 => (
                format!("{path} holds {of}, and is not root's"),
                format!("`sudo chown root:root {path}`"),
            ),
            Some(there) if there.mode & 0o077 != 0 => (
                format!("{path} holds {of}, and others can read it"),
                format!("`sudo chmod 600 {path}`"),
            ),
            Some(_) => return true,
        };
        self.refuse_as("secrets", text, hint);
        false
    }

    /// A release gets a copy of the password of each database that it needs.
    fn check_secrets(&mut self, service: &Service) {
        if !self.facts.files.contains_key(&self.layout.state()) {
            return;
        }
        let stack = self.stack;
        for (needed, _) in container::databases_of(stack, service) {
            let path = self.layout.secret(&container::app_secret(needed));
            if !self.facts.files.contains_key(&path) {
                self.refuse_as(
                    "secrets",
                    format!(
                        "the password of database `{}`, which `{}` needs, is gone ({path})",
                        needed.name, service.name
                    ),
                    "run `stackctl provision`, which makes it or says where a copy is",
                );
            }
        }
    }

    /// Said by `provision` alone, as nothing that is deployed changes it.
    pub(super) fn note_clock(&mut self) {
        let skew = self.facts.skew.unwrap_or(0);
        if skew.unsigned_abs() > SKEW_NOTED {
            self.note(format!(
                "{}; `sudo timedatectl set-ntp true` there keeps it in time",
                skewed(skew)
            ));
        }
    }
}

fn skewed(skew: i64) -> String {
    let side = if skew > 0 { "ahead of" } else { "behind" };
    format!(
        "its clock is {} s {side} this machine's",
        skew.unsigned_abs()
    )
}

fn limit(service: &Service) -> Option<u32> {
    match &service.kind {
        ServiceKind::App(_) | ServiceKind::Container(_) => match service.composed() {
            Some(composed) => {
                let bytes = composed.options.memory_limit?;
                u32::try_from(bytes / 1024 / 1024).ok()
            }
            None => service.app()?.memory,
        },
        ServiceKind::Database(database) => database.memory,
        ServiceKind::Static(_) | ServiceKind::External(_) => None,
    }
}

/// The first two numbers of a version; one that is missing counts as 0.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split('.').map(str::parse);
    let first = numbers.next()?.ok()?;
    Some((first, numbers.next().and_then(Result::ok).unwrap_or(0)))
}

enum Holder {
    Container { name: String, image: String },
    Process(String),
}

fn container_words(name: &str, image: &str) -> String {
    match image {
        "" => format!("container {name}"),
        image => format!("container {name} (image {image})"),
    }
}

/// Who beside nginx holds a port. An engine without its proxy program publishes ports where no socket listens.
fn holder(facts: &HostFacts, port: u16) -> Option<Holder> {
    let containers = facts.docker.iter().flat_map(|docker| &docker.containers);
    let mut publishing =
        containers.filter(|(_, there)| there.is_running() && there.published.contains(&port));
    if let Some((name, there)) = publishing.next() {
        return Some(Holder::Container {
            name: name.clone(),
            image: there.image.clone(),
        });
    }
    let is_other = |listener: &&Listener| listener.port == port && listener.process != "nginx";
    let taken = facts.listeners.iter().find(is_other)?;
    let name = if taken.process.is_empty() {
        "another program"
    } else {
        &taken.process
    };
    Some(Holder::Process(name.to_owned()))
}
