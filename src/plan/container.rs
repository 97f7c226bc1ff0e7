//! A container as it is to run: everything the engine is told, decided here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::secret;
use crate::facts::sha256;
use crate::model::{
    App, AppSource, Composed, ComposedMount, Container, ContainerOptions, Database, Dialect,
    External, HostPath, ImageRef, Layout, Listen, Network, ReleaseId, Restart, Service, Stack,
};

/// Labels that mark what is ours.
pub mod label {
    pub const STACK: &str = "stackctl.stack";
    pub const SERVICE: &str = "stackctl.service";
    pub const RELEASE: &str = "stackctl.release";
    /// Digest of the [`super::ContainerSpec`] the container was made from.
    pub const SPEC: &str = "stackctl.spec";
    /// The loopback port that a TCP-only container is published on.
    pub const PORT: &str = "stackctl.port";
    /// The service in whose name a person runs a program in a container of its own.
    pub const RUN: &str = "stackctl.run";
}

/// What every container gets: no program in it may gain rights by a set-user-id file.
pub const SECURITY_OPTIONS: &[&str] = &["no-new-privileges:true"];
/// The engine's default keeps every line for ever.
pub const LOG_DRIVER: &str = "json-file";
pub const LOG_OPTIONS: &[(&str, &str)] = &[("max-size", "10m"), ("max-file", "5")];
/// Where a container's output goes: the driver, and its options.
pub fn logging(spec: &ContainerSpec) -> (String, BTreeMap<String, String>) {
    let given = spec
        .options
        .as_ref()
        .and_then(|options| options.logging.as_ref());
    let own = || {
        let options = LOG_OPTIONS.iter();
        options
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    };
    match given {
        // Without a driver it is the engine's, which keeps every line.
        Some(given) if given.driver.is_empty() || given.driver == LOG_DRIVER => {
            let mut options: BTreeMap<String, String> = own();
            options.extend(given.options.clone());
            (LOG_DRIVER.to_owned(), options)
        }
        Some(given) => (given.driver.clone(), given.options.clone()),
        None => (LOG_DRIVER.to_owned(), own()),
    }
}

/// Where containers that only speak TCP are published.
pub const PUBLISHED_AT: &str = "127.0.0.1";

/// Everything that the engine needs to make a container. API 1.41 fields only, so that every engine from 20.10 on
/// takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    pub name: String,
    pub image: String,
    pub env: BTreeMap<String, String>,
    /// A file of the host with more variables, which the record does not tell; those of `env` count more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variables_file: Option<HostPath>,
    pub command: Option<Vec<String>>,
    /// `user:group`, numeric; `None` leaves it to the image.
    pub user: Option<String>,
    pub mounts: Vec<Mount>,
    /// Network → aliases on it; joined in this order.
    pub networks: Vec<(String, Vec<String>)>,
    /// Port in the container → port on the host's loopback address.
    pub publish: BTreeMap<u16, u16>,
    /// Whether the engine starts it again after a crash or a reboot.
    pub restart: bool,
    /// MiB.
    pub memory: Option<u32>,
    /// 0 for none.
    pub pids_limit: i64,
    /// `None` leaves it to the image.
    pub stop_signal: Option<String>,
    /// Seconds between the stop signal and SIGKILL.
    pub stop_grace: u32,
    /// A tiny init as process 1 that passes signals on and reaps; not for images that look at their process 1.
    pub init: bool,
    /// Root file system read-only, with a small tmpfs on /tmp.
    pub read_only: bool,
    /// Drop every capability; otherwise the engine's defaults stay.
    pub drop_capabilities: bool,
    /// What a compose file says of it; then the rest of what our own containers get is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Box<ContainerOptions>>,
    /// Not part of the digest.
    #[serde(skip)]
    pub labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mount {
    Bind {
        from: HostPath,
        to: String,
        read_only: bool,
    },
    Volume {
        name: String,
        to: String,
    },
}

impl ContainerSpec {
    /// Two containers with one digest are interchangeable.
    pub fn digest(&self) -> String {
        let json = serde_json::to_vec(self).expect("a spec is plain data");
        sha256(&json)[..16].to_owned()
    }

    /// Whether the compose file asks for a volume without a name at this place.
    pub(super) fn has_nameless_at(&self, place: &str) -> bool {
        let mut mounts = self.options.iter().flat_map(|options| &options.mounts);
        mounts.any(
            |mount| matches!(mount, ComposedMount::Volume { name: None, to, .. } if to == place),
        )
    }

    /// Whether something of ours is mounted at this place, which outlives the container.
    pub(super) fn mounts_at(&self, place: &str) -> bool {
        let own = self.mounts.iter().map(|mount| match mount {
            Mount::Bind { to, .. } | Mount::Volume { to, .. } => to.as_str(),
        });
        let of_file = self.options.iter().flat_map(|options| &options.mounts);
        let of_file = of_file.map(ComposedMount::place);
        !self.has_nameless_at(place) && own.chain(of_file).any(|to| to == place)
    }

    /// With the labels that mark it as a release's.
    pub(super) fn of_release(self, stack: &Stack, service: &Service, id: &ReleaseId) -> Self {
        let mut spec = self.labelled(stack, service);
        spec.labels.insert(label::RELEASE.into(), id.to_string());
        if let Some(port) = spec.publish.values().next() {
            spec.labels.insert(label::PORT.into(), port.to_string());
        }
        spec
    }

    fn labelled(mut self, stack: &Stack, service: &Service) -> Self {
        let digest = self.digest();
        let own = [
            (label::STACK, stack.name.to_string()),
            (label::SERVICE, service.name.to_string()),
            (label::SPEC, digest),
        ];
        self.labels
            .extend(own.map(|(key, value)| (key.to_owned(), value)));
        self
    }
}

/// Stands for what a network was made as.
pub fn network_digest(network: &Network) -> String {
    let json = serde_json::to_vec(network).expect("a network is plain data");
    sha256(&json)[..16].to_owned()
}

/// The name of the file that holds a database's root password, on the host and in its container.
pub fn root_secret(database: &Service) -> String {
    format!("{}-root", database.name)
}

/// The name of the file by which a database's server knows who may do everything there, on the host and in its container.
pub fn server_secret(service: &Service, dialect: Dialect) -> String {
    match dialect {
        Dialect::Mysql | Dialect::Mariadb | Dialect::Mongodb => root_secret(service),
        // Settings, since it reads a password from nothing else.
        Dialect::Redis => format!("{}.conf", service.name),
    }
}

/// What stands before and after the password in the settings of a Redis server.
pub(super) fn redis_settings() -> [String; 2] {
    ["requirepass \"".to_owned(), "\"\n".to_owned()]
}

/// The name of the file that holds the app user's password, on the host and in containers.
pub fn app_secret(database: &Service) -> String {
    format!("{}-password", database.name)
}

/// The name of the file that holds the URL by which an app finds a database, in a release's folder and in containers.
pub fn url_secret(database: &Service) -> String {
    format!("{}-url", database.name)
}

/// The name of the copy of the file by which a server of somebody else is got into.
pub fn external_secret(needed: &Service, external: &External) -> String {
    match external {
        External::Mongodb { .. } | External::Redis { .. } => url_secret(needed),
        External::Mysql(_) => app_secret(needed),
    }
}

/// The name of the file with the certificates of who signs a server's.
pub fn ca_secret(database: &Service) -> String {
    format!("{}-ca.pem", database.name)
}

/// A database server's container.
pub fn database(
    stack: &Stack,
    service: &Service,
    database: &Database,
    image: &ImageRef,
) -> ContainerSpec {
    let layout = Layout::new(&stack.name);
    let secret = |name: &str| Mount::Bind {
        from: layout.secret(name),
        to: format!("{}/{name}", Layout::CONTAINER_SECRETS),
        read_only: true,
    };
    let (root, app) = (
        server_secret(service, database.dialect),
        app_secret(service),
    );
    let (env, command, data) = server(database, &root);
    let mut networks = vec![(layout.data_network(), vec![service.name.to_string()])];
    let mut publish = BTreeMap::new();
    if is_published(stack, service) {
        // Nothing is published from a network that leads nowhere else.
        networks.push((layout.app_network(), vec![service.name.to_string()]));
        publish.insert(database.dialect.port(), database.local_port);
    }
    ContainerSpec {
        name: layout.container(&service.name),
        image: image.to_string(),
        env,
        variables_file: None,
        command: Some(command),
        user: None,
        mounts: vec![
            Mount::Volume {
                name: layout.volume(&service.name),
                to: data.to_owned(),
            },
            secret(&root),
            secret(&app),
        ],
        networks,
        publish,
        restart: true,
        memory: database.memory,
        pids_limit: 4096,
        // InnoDB writes its buffers out when told to stop; cutting that short means crash recovery.
        stop_signal: None,
        stop_grace: 60,
        // The server itself must be process 1 once it is set up: see database-facts.sh.
        init: false,
        read_only: false,
        drop_capabilities: false,
        options: None,
        labels: BTreeMap::new(),
    }
    .labelled(stack, service)
}

/// The variables and arguments of a server's image, and where it keeps its data.
fn server(
    database: &Database,
    root: &str,
) -> (BTreeMap<String, String>, Vec<String>, &'static str) {
    let words =
        |words: &[&str]| -> Vec<String> { words.iter().map(|word| (*word).to_owned()).collect() };
    let root_file = format!("{}/{root}", Layout::CONTAINER_SECRETS);
    let prefix = match database.dialect {
        Dialect::Mysql => "MYSQL",
        Dialect::Mariadb => "MARIADB",
        Dialect::Mongodb => {
            let env = [
                ("MONGO_INITDB_ROOT_USERNAME", "root".to_owned()),
                ("MONGO_INITDB_ROOT_PASSWORD_FILE", root_file),
            ];
            let env = env.map(|(name, value)| (name.to_owned(), value));
            // The image would add both; whoever reads the container's command should see them.
            return (env.into(), words(&["--auth", "--bind_ip_all"]), "/data/db");
        }
        Dialect::Redis => {
            let command = database.redis_command(&root_file);
            return (BTreeMap::new(), command, Database::REDIS_DATA);
        }
    };
    let env = [
        (format!("{prefix}_ROOT_PASSWORD_FILE"), root_file),
        // The images make root@'%' unless told otherwise: https://hub.docker.com/_/mysql
        (format!("{prefix}_ROOT_HOST"), "localhost".to_owned()),
    ];
    let command = words(&[
        "--character-set-server=utf8mb4",
        "--collation-server=utf8mb4_unicode_ci",
        "--local-infile=0",
    ]);
    (env.into(), command, "/var/lib/mysql")
}

/// The user of a server's image who reads its secret. The official images of MySQL and MariaDB do so as root; those of
/// MongoDB and Redis become their user 999 before.
pub(super) fn reader_of_server_secret(dialect: Dialect) -> u32 {
    match dialect {
        Dialect::Mysql | Dialect::Mariadb => 0,
        Dialect::Mongodb | Dialect::Redis => 999,
    }
}

/// Whether a database's container can be reached from the host's loopback address: a unit needs it.
pub(super) fn is_published(stack: &Stack, database: &Service) -> bool {
    let needs =
        |service: &Service| service.unit().is_some() && service.needs.contains(&database.name);
    let is_published = |database: &Database| database.image().is_some() && database.is_published();
    database.database().is_some_and(is_published) && stack.services.values().any(needs)
}

/// The container of one release of an app. `port` is the loopback port of one that only speaks TCP.
pub fn app(
    stack: &Stack,
    service: &Service,
    app: &App,
    id: &ReleaseId,
    image: String,
    port: Option<u16>,
) -> ContainerSpec {
    if let Some(composed) = &app.composed {
        let mut spec = routed(stack, service, (app, composed), id, image, port);
        secret::hand_to(&mut spec, stack, service, id);
        return spec.of_release(stack, service, id);
    }
    let layout = Layout::new(&stack.name);
    let mut env: BTreeMap<String, String> = app
        .env
        .iter()
        .map(|(name, value)| (name.to_string(), value.clone()))
        .collect();
    let mut mounts = Vec::new();
    let mut networks = vec![(layout.app_network(), vec![service.name.to_string()])];
    if app.listen == Listen::Socket {
        env.insert(
            "LISTEN_SOCKET".into(),
            format!("{}/app.sock", Layout::CONTAINER_RUN),
        );
        mounts.push(Mount::Bind {
            from: layout.socket_folder(&service.name, id),
            to: Layout::CONTAINER_RUN.to_owned(),
            read_only: false,
        });
    }
    let at = |name: &str| format!("{}/{name}", Layout::CONTAINER_SECRETS);
    env.extend(told_of_databases(stack, service, at));
    for Handed { name, .. } in handed(stack, service) {
        mounts.push(Mount::Bind {
            from: release_secret(&layout, service, id, &name),
            to: at(&name),
            read_only: true,
        });
    }
    if databases_of(stack, service).next().is_some() {
        networks.push((layout.data_network(), vec![service.name.to_string()]));
    }
    // Only what we wrote the Dockerfile of is known to live without root, capabilities and a writable root.
    let ours = matches!(&app.source, AppSource::Build(build) if build.dockerfile.is_none());
    let user = format!("{0}:{0}", Layout::APP_USER);
    let publish = match (app.listen, port) {
        (Listen::Port(inside), Some(outside)) => BTreeMap::from([(inside, outside)]),
        _ => BTreeMap::new(),
    };
    let mut spec = ContainerSpec {
        name: layout.release_container(&service.name, id),
        image,
        env,
        variables_file: None,
        command: app.command.clone(),
        user: (ours || app.listen == Listen::Socket).then_some(user),
        mounts,
        networks,
        publish,
        restart: true,
        memory: app.memory,
        pids_limit: 512,
        stop_signal: app.stop_signal.as_ref().map(ToString::to_string),
        stop_grace: app.stop_grace,
        init: true,
        read_only: ours,
        drop_capabilities: ours,
        options: None,
        labels: BTreeMap::new(),
    };
    secret::hand_to(&mut spec, stack, service, id);
    spec.of_release(stack, service, id)
}

/// The container of a service of a compose file that is replaced in its place.
pub fn in_place(
    stack: &Stack,
    service: &Service,
    container: &Container,
    id: &ReleaseId,
    image: String,
) -> ContainerSpec {
    let mut spec = composed(stack, service, &container.composed, id, image);
    secret::hand_to(&mut spec, stack, service, id);
    spec.of_release(stack, service, id)
}

/// As its compose file says.
fn composed(
    stack: &Stack,
    service: &Service,
    composed: &Composed,
    id: &ReleaseId,
    image: String,
) -> ContainerSpec {
    let layout = Layout::new(&stack.name);
    let env = composed.environment.iter();
    let env = env.filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
    let files = composed.files.iter().enumerate();
    let mounts = files.map(|(at, file)| Mount::Bind {
        from: layout.composed_file(&service.name, id, at),
        to: file.to.clone(),
        read_only: file.read_only,
    });
    let networks = composed.networks.iter();
    let networks = networks.map(|place| (place.network.clone(), place.aliases.clone()));
    ContainerSpec {
        name: layout.release_container(&service.name, id),
        image,
        env: env.collect(),
        variables_file: None,
        command: composed.command.clone(),
        user: composed.user.clone(),
        mounts: mounts.collect(),
        networks: networks.collect(),
        publish: BTreeMap::new(),
        restart: false,
        memory: None,
        pids_limit: composed.pids.unwrap_or(0),
        stop_signal: composed.stop_signal.clone(),
        stop_grace: composed.stop_grace,
        init: composed.init,
        read_only: composed.read_only,
        drop_capabilities: false,
        options: Some(Box::new(composed.options.clone())),
        labels: BTreeMap::new(),
    }
}

/// One release of a service of a compose file to which a route leads.
fn routed(
    stack: &Stack,
    service: &Service,
    (app, of_file): (&App, &Composed),
    id: &ReleaseId,
    image: String,
    port: Option<u16>,
) -> ContainerSpec {
    let layout = Layout::new(&stack.name);
    let mut spec = composed(stack, service, of_file, id, image);
    let at = |name: &str| format!("{}/{name}", Layout::CONTAINER_SECRETS);
    spec.env.extend(told_of_databases(stack, service, at));
    for Handed { name, .. } in handed(stack, service) {
        spec.mounts.push(Mount::Bind {
            from: release_secret(&layout, service, id, &name),
            to: at(&name),
            read_only: true,
        });
    }
    if databases_of(stack, service).next().is_some() {
        let place = (layout.data_network(), vec![service.name.to_string()]);
        spec.networks.push(place);
    }
    if let (Listen::Port(inside), Some(outside)) = (app.listen, port) {
        spec.publish.insert(inside, outside);
    }
    // What serves must do so after a crash and a reboot, whatever it was told on a developer's machine.
    spec.restart = true;
    if let Some(options) = &mut spec.options {
        options.restart = Restart::UnlessStopped;
    }
    spec
}

/// Where an app finds a database that it needs.
fn place(service: &Service, needed: &Service, database: &Database) -> (String, u16) {
    match service.unit() {
        Some(_) => ("127.0.0.1".to_owned(), database.local_port),
        None => (needed.name.to_string(), database.dialect.port()),
    }
}

/// The variables by which an app finds the databases that it needs. `at` says where it finds a file that it is handed.
pub(super) fn told_of_databases(
    stack: &Stack,
    service: &Service,
    at: impl Fn(&str) -> String,
) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (needed, database) in databases_of(stack, service) {
        let (host, port) = place(service, needed, database);
        let has_url = database.url(&host, port).is_some();
        let mut told = vec![("HOST", host), ("PORT", port.to_string())];
        if database.dialect.has_names() {
            told.push(("NAME", database.database.clone()));
            told.push(("USER", database.user.clone()));
        }
        told.push(("PASSWORD_FILE", at(&app_secret(needed))));
        if has_url {
            told.push(("URL_FILE", at(&url_secret(needed))));
        }
        let prefix = needed.name.env_prefix();
        let told = told.into_iter();
        all.extend(told.map(|(key, value)| (format!("{prefix}_{key}"), value)));
    }
    for (needed, external) in externals_of(stack, service) {
        let told = match external {
            External::Mongodb { .. } | External::Redis { .. } => {
                vec![("URL_FILE", at(&url_secret(needed)))]
            }
            External::Mysql(server) => {
                let mut told = vec![
                    ("HOST", server.host.clone()),
                    ("PORT", server.port.to_string()),
                    ("NAME", server.database.clone()),
                    ("USER", server.user.clone()),
                    ("PASSWORD_FILE", at(&app_secret(needed))),
                ];
                if server.ca_file.is_some() {
                    told.push(("CA_FILE", at(&ca_secret(needed))));
                }
                told
            }
        };
        let prefix = needed.name.env_prefix();
        let told = told.into_iter();
        all.extend(told.map(|(key, value)| (format!("{prefix}_{key}"), value)));
    }
    all
}

/// A file that each release of an app has to itself.
pub(super) struct Handed {
    /// The file's name, in the release's folder and in containers.
    pub name: String,
    /// The secret that it is made from.
    pub from: HostPath,
    /// What comes before and after the secret in it.
    pub around: Option<[String; 2]>,
}

/// The files by which an app logs in to the databases that it needs.
pub(super) fn handed(stack: &Stack, service: &Service) -> Vec<Handed> {
    let layout = Layout::new(&stack.name);
    let mut files = Vec::new();
    for (needed, database) in databases_of(stack, service) {
        let secret = app_secret(needed);
        let from = layout.secret(&secret);
        files.push(Handed {
            name: secret,
            from: from.clone(),
            around: None,
        });
        let (host, port) = place(service, needed, database);
        if let Some(around) = database.url(&host, port) {
            files.push(Handed {
                name: url_secret(needed),
                from,
                around: Some(around),
            });
        }
    }
    for (needed, external) in externals_of(stack, service) {
        files.push(Handed {
            name: external_secret(needed, external),
            from: external.secret_file().clone(),
            // Without the end of its line, which drivers would take for a part of it.
            around: Some([String::new(), String::new()]),
        });
        if let Some(from) = external.mysql().and_then(|server| server.ca_file.clone()) {
            files.push(Handed {
                name: ca_secret(needed),
                from,
                around: None,
            });
        }
    }
    files
}

/// The servers of others that a service needs.
pub(super) fn externals_of<'a>(
    stack: &'a Stack,
    service: &'a Service,
) -> impl Iterator<Item = (&'a Service, &'a External)> {
    service.needs.iter().filter_map(|name| {
        let needed = stack.services.get(name)?;
        Some((needed, needed.external()?))
    })
}

/// A one-off run of `command` in the release's image, environment and networks.
pub fn one_off(release: &ContainerSpec, purpose: &str, command: Vec<String>) -> ContainerSpec {
    let mut spec = release.clone();
    spec.name = format!("{}-{purpose}", release.name);
    spec.command = Some(command);
    spec.publish = BTreeMap::new();
    spec.restart = false;
    if let Some(options) = &mut spec.options {
        options.ports = Vec::new();
        options.restart = Restart::No;
        options.healthcheck = None;
        options.addresses = BTreeMap::new();
    }
    // Others must not be led to it.
    if spec.options.is_some() {
        for (_, aliases) in &mut spec.networks {
            aliases.clear();
        }
    }
    // A second process must not bind or remove the release's socket.
    spec.mounts
        .retain(|mount| !matches!(mount, Mount::Bind { to, .. } if to == Layout::CONTAINER_RUN));
    spec
}

/// A container for a person's `command`, which no run takes for what an earlier one has left behind. `suffix` tells it from
/// others.
pub fn by_hand(
    release: &ContainerSpec,
    stack: &Stack,
    service: &Service,
    suffix: &str,
    command: Vec<String>,
) -> ContainerSpec {
    let mut spec = one_off(release, &format!("run-{suffix}"), command);
    let own = [
        (label::STACK, stack.name.to_string()),
        (label::RUN, service.name.to_string()),
    ];
    spec.labels = own.map(|(key, value)| (key.to_owned(), value)).into();
    spec
}

/// The databases that a service needs, on the service's own host.
pub fn databases_of<'a>(
    stack: &'a Stack,
    service: &'a Service,
) -> impl Iterator<Item = (&'a Service, &'a Database)> {
    service.needs.iter().filter_map(|name| {
        let needed = stack.services.get(name)?;
        Some((needed, needed.database()?))
    })
}

/// A release's own copy of a secret, readable by its container's user alone.
pub fn release_secret(layout: &Layout, service: &Service, id: &ReleaseId, name: &str) -> HostPath {
    format!("{}/{name}", layout.release(&service.name, id))
        .parse()
        .expect("secret names are made of service names")
}
