//! A container as it is to run: everything the engine is told, decided here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::facts::sha256;
use crate::model::{
    App, AppSource, Database, Dialect, HostPath, ImageRef, Layout, Listen, ReleaseId, Service,
    Stack,
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
/// Where containers that only speak TCP are published.
pub const PUBLISHED_AT: &str = "127.0.0.1";

/// Everything that the engine needs to make a container. API 1.41 fields only, so that every engine from 20.10 on
/// takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    pub name: String,
    pub image: String,
    pub env: BTreeMap<String, String>,
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

/// The name of the file that holds a database's root password, on the host and in its container.
pub fn root_secret(database: &Service) -> String {
    format!("{}-root", database.name)
}

/// The name of the file that holds the app user's password, on the host and in containers.
pub fn app_secret(database: &Service) -> String {
    format!("{}-password", database.name)
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
    let (root, app) = (root_secret(service), app_secret(service));
    let prefix = match database.dialect {
        Dialect::Mysql => "MYSQL",
        Dialect::Mariadb => "MARIADB",
    };
    let env = [
        (
            format!("{prefix}_ROOT_PASSWORD_FILE"),
            format!("{}/{root}", Layout::CONTAINER_SECRETS),
        ),
        // The images make root@'%' unless told otherwise: https://hub.docker.com/_/mysql
        (format!("{prefix}_ROOT_HOST"), "localhost".to_owned()),
    ];
    let command = [
        "--character-set-server=utf8mb4",
        "--collation-server=utf8mb4_unicode_ci",
        "--local-infile=0",
    ];
    ContainerSpec {
        name: layout.container(&service.name),
        image: image.to_string(),
        env: env.into(),
        command: Some(command.map(str::to_owned).into()),
        user: None,
        mounts: vec![
            Mount::Volume {
                name: layout.volume(&service.name),
                to: "/var/lib/mysql".to_owned(),
            },
            secret(&root),
            secret(&app),
        ],
        networks: vec![(layout.data_network(), vec![service.name.to_string()])],
        publish: BTreeMap::new(),
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
        labels: BTreeMap::new(),
    }
    .labelled(stack, service)
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
    for (needed, database) in databases_of(stack, service) {
        let name = app_secret(needed);
        let password = format!("{}/{name}", Layout::CONTAINER_SECRETS);
        let host = needed.name.as_str();
        env.extend(told_of_database(needed, database, host, &password));
        mounts.push(Mount::Bind {
            from: release_secret(&layout, service, id, &name),
            to: format!("{}/{name}", Layout::CONTAINER_SECRETS),
            read_only: true,
        });
        if networks.len() == 1 {
            networks.push((layout.data_network(), vec![service.name.to_string()]));
        }
    }
    // Only what we wrote the Dockerfile of is known to live without root, capabilities and a writable root.
    let ours = matches!(&app.source, AppSource::Build(build) if build.dockerfile.is_none());
    let user = format!("{0}:{0}", Layout::APP_USER);
    let publish = match (app.listen, port) {
        (Listen::Port(inside), Some(outside)) => BTreeMap::from([(inside, outside)]),
        _ => BTreeMap::new(),
    };
    let spec = ContainerSpec {
        name: layout.release_container(&service.name, id),
        image,
        env,
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
        labels: BTreeMap::new(),
    };
    spec.of_release(stack, service, id)
}

/// The variables by which an app finds a database that it needs.
pub(super) fn told_of_database(
    needed: &Service,
    database: &Database,
    host: &str,
    password_file: &str,
) -> [(String, String); 5] {
    let prefix = needed.name.env_prefix();
    [
        ("HOST", host),
        ("PORT", "3306"),
        ("NAME", &database.database),
        ("USER", &database.user),
        ("PASSWORD_FILE", password_file),
    ]
    .map(|(key, value)| (format!("{prefix}_{key}"), value.to_owned()))
}

/// A one-off run of `command` in the release's image, environment and networks.
pub fn one_off(release: &ContainerSpec, purpose: &str, command: Vec<String>) -> ContainerSpec {
    let mut spec = release.clone();
    spec.name = format!("{}-{purpose}", release.name);
    spec.command = Some(command);
    spec.publish = BTreeMap::new();
    spec.restart = false;
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
