//! Databases: in containers and of the distribution, with their accounts.

use super::super::Stopped;
use super::super::container::{self, label};
use super::super::host::{HostPlan, is_ours};
use super::super::step::{Action, DatabaseTarget, Process};
use super::{MARIADB, MYSQL, PASSWORD_LENGTH};
use crate::facts::{ContainerFacts, DatabaseFacts, HostFacts, SchemaFacts};
use crate::model::{
    Database, Dialect, External, HostPath, ImageRef, Layout, Owner, RemoteFile, Service, Stack,
};

/// The packages that bring a server of MariaDB or MySQL. A host has one of them: they take each other's place.
pub(super) const SERVERS: [&str; 2] = ["mariadb-server", "mysql-server"];

impl<'a> HostPlan<'a> {
    /// Data and the password that opens it are only good together.
    pub(in crate::plan) fn check_database(&mut self, service: &Service) {
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
        let dialect = service.database().map(|database| database.dialect);
        // Redis has no other password; and its settings are made of that.
        let has_root = dialect != Some(Dialect::Redis);
        let root = self.layout.secret(&container::root_secret(service));
        let app = self.layout.secret(&container::app_secret(service));
        let is_gone = |path: &HostPath| !self.facts.files.contains_key(path);
        let (root_gone, app_gone) = (is_gone(&root), is_gone(&app));
        if has_volume && has_root && root_gone {
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
        self.check_local_port(service);
        let name = self.layout.container(&service.name);
        let foreign = self
            .container(&name)
            .is_some_and(|there| !is_ours(&there.labels, self.stack));
        if foreign {
            self.refuse(
                format!("a container named {name} is there that stackctl did not make"),
                "rename or remove it",
            );
        }
    }

    /// The loopback port of a database must be free, unless its own container has it.
    fn check_local_port(&mut self, service: &Service) {
        let Some(database) = service.database() else {
            return;
        };
        let port = database.local_port;
        let name = self.layout.container(&service.name);
        let has = |there: &ContainerFacts| there.is_running() && there.published.contains(&port);
        if !container::is_published(self.stack, service) || self.container(&name).is_some_and(has) {
            return;
        }
        let mut listeners = self.facts.listeners.iter();
        if let Some(other) = listeners.find(|listener| listener.port == port) {
            let text = format!(
                "port {port}, at which units reach `{}`, is taken by {}",
                service.name, other.process
            );
            let hint = format!(
                "give `{}` another `port`, or stop that program",
                service.name
            );
            self.refuse_as("ports", text, hint);
        }
    }

    /// As [`Self::check_database`], of a server of the host itself.
    fn check_packaged_database(&mut self, service: &Service) {
        if let Some(database) = service.database()
            && let Some(other) = self.neighbour_with(database)
        {
            let server = own_server(self.facts);
            return self.refuse_as(
                "database",
                format!(
                    "stack `{other}` has a database {} or a user {} at this host's {server}, which `{}` would take from it",
                    database.database, database.user, service.name
                ),
                "give this one another `database` and another `user`, or have it run in a container",
            );
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

    /// Another stack of this host that has a database or a user of these names at the host's own server, by its marker.
    pub(in crate::plan) fn neighbour_with(&self, database: &Database) -> Option<String> {
        let all = format!("{}/", self.layout.state().parent());
        self.facts.files.iter().find_map(|(path, file)| {
            let (stack, below) = path.as_str().strip_prefix(&all)?.split_once('/')?;
            below.strip_prefix("databases/")?;
            let text = String::from_utf8_lossy(file.contents.as_deref()?).into_owned();
            let mut words = text.split_whitespace();
            let (name, user) = (words.next()?, words.next()?);
            let is_same = name == database.database || user == database.user;
            (stack != self.stack.name.as_str() && is_same).then(|| stack.to_owned())
        })
    }

    pub(in crate::plan) fn has_packaged_database(&self) -> bool {
        let stack = self.stack;
        let services = stack.services_on(&self.host.name);
        services
            .iter()
            .any(|service| service.database().is_some() && !service.in_container())
    }

    /// Whether a server that somebody else looks after can be asked from there.
    pub(super) fn has_mysql_client(&self) -> bool {
        let mut clients = ["mariadb-client", "mariadb-server"].iter();
        clients.any(|name| self.facts.packages.contains_key(*name))
    }

    /// Databases and users on servers that somebody else looks after, where an administrator makes them.
    pub(super) fn schemas_elsewhere(&mut self) {
        let stack = self.stack;
        for service in stack.services_on(&self.host.name) {
            let server = service.external().and_then(External::mysql);
            let Some((server, admin)) =
                server.and_then(|server| Some((server, server.admin.clone()?)))
            else {
                continue;
            };
            let Some(DatabaseFacts::Answers(told)) = self.facts.database(&service.name) else {
                continue;
            };
            let cause = match told.login {
                false => "its user cannot log in to it",
                true if !self.has_mysql_client() => "it could not be asked yet",
                true => continue,
            };
            let server = Box::new(server.clone());
            self.step(0, Action::MakeSchema { server, admin }, cause);
        }
    }

    /// Databases on the host's own server.
    pub(super) fn packaged_databases(&mut self) {
        let stack = self.stack;
        for service in stack.services_on(&self.host.name) {
            let Some(database) = service.database().filter(|_| !service.in_container()) else {
                continue;
            };
            let path = self.layout.secret(&container::app_secret(service));
            if !self.facts.files.contains_key(&path) {
                let secret = Action::GenerateSecret {
                    path,
                    length: PASSWORD_LENGTH,
                    owner: 0,
                };
                self.step(0, secret, "first run");
            }
            let mut servers = SERVERS.iter();
            let is_new = !servers.any(|name| self.facts.packages.contains_key(*name));
            self.schema(service, database, is_new, is_new);
        }
    }

    pub(super) fn database(&mut self, service: &Service, database: &Database, image: &ImageRef) {
        let dialect = database.dialect;
        let reader = container::reader_of_server_secret(dialect);
        let root = container::server_secret(service, dialect);
        let root = (dialect != Dialect::Redis).then_some((root, reader));
        for (secret, owner) in root
            .into_iter()
            .chain([(container::app_secret(service), 0)])
        {
            let path = self.layout.secret(&secret);
            if !self.facts.files.contains_key(&path) {
                let secret = Action::GenerateSecret {
                    path,
                    length: PASSWORD_LENGTH,
                    owner,
                };
                self.step(0, secret, "first run");
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
                    of_file: None,
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
        let by_hand =
            by_hand.or_else(|| self.lost_settings(service, database).filter(|_| labelled));
        let same = labelled && by_hand.is_none();
        let running = there.is_some_and(ContainerFacts::is_running);
        let restarted = !(same && running);
        if restarted {
            if !docker.is_some_and(|docker| docker.has_image(&spec.image)) {
                self.step(0, Action::PullImage(spec.image.clone()), "not on the host");
            }
            let stopped = Stopped::of(self.facts, &self.layout, &service.name);
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
            if dialect == Dialect::Redis {
                self.redis_settings(service, "the server begins with it");
            }
            self.step(0, Action::RunContainer(Box::new(spec.clone())), cause);
        } else if dialect == Dialect::Redis {
            self.missing_settings(service);
        }
        if let Some(there) = there.filter(|_| same) {
            self.keep_restarting(0, &spec, there);
        }
        self.forget_stop(0, service);
        self.schema(service, database, restarted, there.is_none());
    }

    /// Why a Redis server that runs must read its settings again: they hold the password, and it changes neither by itself.
    fn lost_settings(&mut self, service: &Service, database: &Database) -> Option<String> {
        let Some(DatabaseFacts::Answers(schema)) = self.facts.database(&service.name) else {
            return None;
        };
        let cause = lacks(schema, database).filter(|_| database.dialect == Dialect::Redis)?;
        let what = format!("settings of `{}`", service.name);
        let was = "the password on the host, and nothing else";
        let is = match schema.login {
            true => "edited",
            false => "not asking for it",
        };
        let would = "make them again, and its container, which interrupts it";
        self.broken(what, was, is, would);
        Some(cause.to_owned())
    }

    /// The file by which a Redis server knows its password.
    fn redis_settings(&mut self, service: &Service, cause: &str) {
        let reader = container::reader_of_server_secret(Dialect::Redis);
        let settings = container::server_secret(service, Dialect::Redis);
        let copy = Action::CopySecret {
            from: self.layout.secret(&container::app_secret(service)),
            to: self.layout.secret(&settings),
            mode: 0o400,
            owner: Owner {
                user: reader,
                group: reader,
            },
            around: Some(container::redis_settings()),
        };
        self.step(0, copy, cause);
    }

    /// Settings without which a server that runs would not start again.
    fn missing_settings(&mut self, service: &Service) {
        let settings = container::server_secret(service, Dialect::Redis);
        let reader = container::reader_of_server_secret(Dialect::Redis);
        let cause = match self.facts.files.get(&self.layout.secret(&settings)) {
            None => "missing",
            Some(there) if there.mode & 0o7777 != 0o400 || there.user != reader => {
                "its mode or owner differs"
            }
            Some(_) => return,
        };
        self.redis_settings(service, cause);
    }

    /// The database and its user, on a server that runs by now.
    fn schema(
        &mut self,
        service: &Service,
        database: &Database,
        mut restarted: bool,
        is_new: bool,
    ) {
        let own = own_server(self.facts);
        let target = target(&self.layout, own, service, database);
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
            // It has neither.
            _ if !database.dialect.has_names() => None,
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
            self.forget_seeds(&service.name);
            // At a server that other stacks use as well, they look whose it is.
            let contents = match service.in_container() {
                true => format!("{}\n", database.database),
                false => format!("{} {}\n", database.database, database.user),
            };
            let contents = contents.into_bytes();
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
}

/// A file that says a database was once made here, so that a volume that vanished is noticed.
pub(in crate::plan) fn database_marker(layout: &Layout, service: &Service) -> HostPath {
    format!("{}/databases/{}", layout.state(), service.name)
        .parse()
        .expect("service names are plain")
}

/// The unit of the host's own server: of the MySQL that somebody has installed there, otherwise of the distribution's MariaDB.
pub(in crate::plan) fn own_server(facts: &HostFacts) -> &'static str {
    let has = |name: &str| facts.packages.contains_key(name);
    let is_loaded = |unit: &str| {
        let there = facts.units.get(unit);
        there.is_some_and(|there| there.load == "loaded")
    };
    let mysql = is_loaded(MYSQL) || (has("mysql-server") && !has("mariadb-server"));
    if mysql && !is_loaded(MARIADB) {
        return MYSQL;
    }
    MARIADB
}

/// How a database is asked; `own` is the unit of the host's own server, where that has it.
pub(in crate::plan) fn target(
    layout: &Layout,
    own: &str,
    service: &Service,
    database: &Database,
) -> DatabaseTarget {
    let file = |name: String| format!("{}/{name}", Layout::CONTAINER_SECRETS);
    if !service.in_container() {
        return DatabaseTarget {
            process: Process::Unit(own.to_owned()),
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
        root_password_file: file(container::server_secret(service, database.dialect)),
        user_password_file: file(container::app_secret(service)),
    }
}

/// What a database that answers lacks of what is wanted.
fn lacks(schema: &SchemaFacts, database: &Database) -> Option<&'static str> {
    if database.dialect == Dialect::Redis {
        return if !schema.login {
            Some("it does not ask for the password on the host")
        } else if schema.grants.as_ref().is_some_and(|told| !told.is_empty()) {
            Some("its settings were edited on the host")
        } else {
            None
        };
    }
    if schema.charset.is_none() {
        return Some("the database is missing");
    }
    let Some(grants) = &schema.grants else {
        return Some("its user is missing");
    };
    if !schema.login {
        return Some("its user cannot log in with the password on the host");
    }
    if database.dialect == Dialect::Mongodb {
        let own = ["readWrite", "dbAdmin"].map(|role| format!("{role}@{}", database.database));
        return if !own.iter().all(|role| grants.contains(role)) {
            Some("a role is missing")
        } else if grants.len() > own.len() {
            Some("its user may touch more than its database")
        } else {
            None
        };
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

/// The targets to observe on a host: each database with its container or unit.
pub fn database_targets<'a>(
    stack: &'a Stack,
    facts: &HostFacts,
) -> Vec<(&'a Service, DatabaseTarget)> {
    let layout = Layout::new(&stack.name);
    let services = stack.services.values();
    services
        .filter_map(|service| {
            let database = service.database()?;
            Some((
                service,
                target(&layout, own_server(facts), service, database),
            ))
        })
        .collect()
}
