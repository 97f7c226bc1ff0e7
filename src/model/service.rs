//! Services: the parts of a stack.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{
    Composed, Container, EnvName, HostName, HostPath, ImageRef, Secret, ServiceName,
    ServiceSecrets, Stack, StopSignal,
};

/// One part of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub name: ServiceName,
    /// The hosts that run it; never empty.
    pub hosts: Vec<HostName>,
    /// Services that must answer before this one starts.
    pub needs: Vec<ServiceName>,
    /// How many releases beside the serving one stay on a host; `None`: the stack's own number.
    pub keep: Option<u8>,
    /// What it is given of the stack's secrets.
    pub secrets: ServiceSecrets,
    pub kind: ServiceKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceKind {
    App(Box<App>),
    Container(Box<Container>),
    Static(StaticFiles),
    Database(Database),
    External(External),
}

/// A long-running program that answers HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    pub source: AppSource,
    pub listen: Listen,
    pub health: Health,
    pub env: BTreeMap<EnvName, String>,
    /// Instead of the image's own command, and of a unit the only one; each element is one argument.
    pub command: Option<Vec<String>>,
    /// Run once with the new image and environment before requests are switched to it, for example migrations.
    pub release: Option<Vec<String>>,
    /// Run once on a host, as the release phase, to load the data that the app begins with.
    pub seed: Option<Vec<String>>,
    /// Seconds that the release phase may take, and as many for the seed.
    pub release_deadline: u32,
    /// Seconds that a new release is watched after the switch, which is taken back when its checks fail.
    pub bake: u32,
    /// Seconds that the release before keeps running after the switch, so that a rollback is one rename.
    pub warm: u32,
    /// Seconds that connections to an old release may last before it is stopped.
    pub drain: u32,
    /// Seconds between the stop signal and SIGKILL.
    pub stop_grace: u32,
    /// `None` leaves it to the image.
    pub stop_signal: Option<StopSignal>,
    /// Memory limit in MiB.
    pub memory: Option<u32>,
    /// What its compose file says of its container.
    pub composed: Option<Box<Composed>>,
}

/// What an app is made from, and so what runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppSource {
    /// A container, its image built from source.
    Build(Build),
    /// A container, its image pulled.
    Image(ImageRef),
    /// A systemd unit of the host itself.
    Unit(Unit),
}

/// A program that systemd runs from a folder of source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The folder that is sent, absolute on this machine.
    pub source: PathBuf,
    /// What is installed for it; `None` when the yaml does not say.
    pub install: Option<Install>,
    /// Whether it has a folder of its own that outlives releases.
    pub state: bool,
    /// What its unit allows that units do not by default, each with the reason that was given.
    pub allow: BTreeMap<Allowance, String>,
}

/// What a program needs that is not in its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Install {
    Nothing,
    /// What `requirements.txt` names, in a virtual environment.
    Python,
    /// What `package-lock.json` names.
    Node,
}

/// One restriction of a unit that can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Allowance {
    /// Memory that is written to and then executed, as just-in-time compilers do.
    ExecutableMemory,
    /// All of /proc, for example `/proc/meminfo` and other users' processes.
    Proc,
    /// System calls that change priorities and limits.
    Priorities,
}

impl Allowance {
    pub const ALL: [Self; 3] = [Self::ExecutableMemory, Self::Proc, Self::Priorities];

    /// As the yaml calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ExecutableMemory => "executable_memory",
            Self::Proc => "proc",
            Self::Priorities => "priorities",
        }
    }
}

/// An image that an engine builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The folder that is sent, absolute on this machine.
    pub context: PathBuf,
    /// A Dockerfile inside the context; without one, stackctl renders its own.
    pub dockerfile: Option<PathBuf>,
    /// The Dockerfile's text, where it is not a file.
    pub inline: Option<String>,
    /// The stage of the Dockerfile that is built; the last one by default.
    pub target: Option<String>,
    /// Base image of the rendered Dockerfile.
    pub base: Option<ImageRef>,
    /// Build arguments. They end up in the image's history: never a place for secrets.
    pub args: BTreeMap<EnvName, String>,
    pub place: BuildPlace,
    /// The repository that an image which is built on this machine goes to, for hosts to pull it from; a name without a tag.
    pub push: Option<ImageRef>,
}

/// Where an app answers HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// On a Unix socket whose path the variable `LISTEN_SOCKET` holds. A container's user must be 10001.
    Socket,
    /// On this TCP port of its container; systemd's socket proxy stands before it.
    Port(u16),
    /// On the TCP port of the host's loopback address that the variable `LISTEN_PORT` holds; systemd's socket proxy stands
    /// before it. For units, of which two releases run side by side.
    GivenPort,
}

/// How an app shows that it can serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Answers 2xx when healthy.
    pub path: String,
    /// Seconds until the new release must have passed.
    pub deadline: u32,
    /// Consecutive passes that count as healthy.
    pub passes: u32,
    /// Milliseconds between two checks.
    pub interval: u32,
}

/// Files that nginx serves as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StaticFiles {
    /// The folder, absolute on this machine: of the files, or of the source that they are built from.
    pub root: PathBuf,
    /// Files and folders below `root` to take, relative to it; empty means all of it.
    pub include: Vec<PathBuf>,
    /// File (relative to what is served) → placeholder → value, for `${PLACEHOLDER}` in those files. A value may use
    /// `{{ host.public }}`, `{{ host.name }}` and `{{ stack }}`.
    pub fill: BTreeMap<PathBuf, BTreeMap<EnvName, String>>,
    /// `None`: what `root` holds is served.
    pub build: Option<StaticBuild>,
    /// Folders whose files have a digest of their content in their names, relative to what is served. They stay for as
    /// long as a release that has them is kept.
    pub assets: Vec<PathBuf>,
    /// The page that answers where there is no file.
    pub fallback: Option<PathBuf>,
}

/// How static files are made from a folder of source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticBuild {
    /// Each element is one argument.
    pub command: Vec<String>,
    /// What is installed before.
    pub install: Install,
    /// The folder that is served, relative to the source.
    pub output: PathBuf,
    pub env: BTreeMap<EnvName, String>,
    /// Seconds that the command may take, and as many for what is installed before it.
    pub deadline: u32,
    /// Memory limit in MiB.
    pub memory: Option<u32>,
    pub place: BuildPlace,
}

/// Where something is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildPlace {
    /// On each host of its service.
    Host,
    /// On the machine that deploys.
    Local,
}

/// A MySQL, MariaDB or MongoDB server, with one database and one user for the stack, or a Redis server, which has neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    pub server: DatabaseServer,
    pub dialect: Dialect,
    pub database: String,
    pub user: String,
    /// The port of the host's loopback address at which units reach it.
    pub local_port: u16,
    /// Memory limit in MiB.
    pub memory: Option<u32>,
    /// What a Redis server does when it is full; `None`: it takes what there is.
    pub bound: Option<Bound>,
    /// What it is loaded with while it is empty.
    pub init: Vec<InitFile>,
}

/// How much a Redis server holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// Of its data, in MiB.
    pub most: u32,
    /// What goes when there is more, as Redis calls it; `None` leaves it to Redis, which then takes nothing more.
    pub policy: Option<&'static str>,
}

/// A file of SQL of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitFile {
    /// As the yaml names it.
    pub name: String,
    pub contents: Secret,
}

/// A server that somebody else looks after. Its files on the hosts are theirs, not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum External {
    Mongodb {
        /// Holds the URL with the password.
        url_file: HostPath,
    },
    Mysql(MysqlServer),
    Redis {
        /// Holds the URL with the password.
        url_file: HostPath,
    },
}

/// A MySQL or MariaDB server that somebody else looks after, with a database and a user that are there, unless it has an
/// `admin` by whom they are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MysqlServer {
    /// A name or an address, which the hosts and their containers can reach.
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    pub password_file: HostPath,
    /// Whose certificate the server must have; without it, connections are not encrypted by us.
    pub ca_file: Option<HostPath>,
    /// What the database is loaded with while it is empty.
    pub init: Vec<InitFile>,
    /// Who makes the database and its user where they are missing.
    pub admin: Option<Administrator>,
}

/// Who may make databases and users on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administrator {
    pub user: String,
    /// On the hosts, for root alone.
    pub password_file: HostPath,
}

impl External {
    /// The file on its hosts that nobody but root may read.
    pub fn secret_file(&self) -> &HostPath {
        match self {
            External::Mongodb { url_file } | External::Redis { url_file } => url_file,
            External::Mysql(server) => &server.password_file,
        }
    }

    /// What is in that file.
    pub fn secret(&self) -> &'static str {
        match self {
            External::Mongodb { .. } | External::Redis { .. } => "URL",
            External::Mysql(_) => "password",
        }
    }

    pub fn mysql(&self) -> Option<&MysqlServer> {
        match self {
            External::Mongodb { .. } | External::Redis { .. } => None,
            External::Mysql(server) => Some(server),
        }
    }

    /// The key of the yaml that such a service has.
    pub fn kind(&self) -> &'static str {
        match self {
            External::Mongodb { .. } => "mongodb",
            External::Mysql(_) => "mysql",
            External::Redis { .. } => "redis",
        }
    }
}

/// Where a database's server comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseServer {
    /// A container with this image.
    Container(ImageRef),
    /// The distribution's MariaDB, which all stacks of a host share.
    Package,
}

/// Which server an image of this name holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Mysql,
    Mariadb,
    Mongodb,
    Redis,
}

impl Dialect {
    /// The key of the yaml that such a service has.
    pub fn kind(self) -> &'static str {
        match self {
            Dialect::Mysql | Dialect::Mariadb => "mysql",
            Dialect::Mongodb => "mongodb",
            Dialect::Redis => "redis",
        }
    }

    /// The TCP port that the server listens on.
    pub fn port(self) -> u16 {
        match self {
            Dialect::Mysql | Dialect::Mariadb => 3306,
            Dialect::Mongodb => 27017,
            Dialect::Redis => 6379,
        }
    }

    /// Whether its servers have databases and users with names.
    pub fn has_names(self) -> bool {
        self != Dialect::Redis
    }

    /// From the name of an image of `mysql`, since the official images differ in program names and variables.
    pub fn of_image(image: &ImageRef) -> Self {
        if image.as_str().to_ascii_lowercase().contains("mariadb") {
            Dialect::Mariadb
        } else {
            Dialect::Mysql
        }
    }
}

impl Database {
    /// Whether units of the host reach a server of this kind also in a container.
    pub fn is_published(&self) -> bool {
        matches!(self.dialect, Dialect::Mongodb | Dialect::Redis)
    }

    /// Where the image of a Redis server keeps its data.
    pub const REDIS_DATA: &str = "/data";

    /// What a Redis server is run as. Its settings hold the password, and nothing else.
    pub fn redis_command(&self, settings: &str) -> Vec<String> {
        let words = ["redis-server", settings, "--dir", Self::REDIS_DATA];
        // Each change is on disk within a second.
        let mut command = [&words[..], &["--appendonly", "yes"]].concat();
        let most = self.bound.as_ref().map(|bound| format!("{}mb", bound.most));
        if let Some(most) = &most {
            command.extend(["--maxmemory", most]);
        }
        if let Some(policy) = self.bound.as_ref().and_then(|bound| bound.policy) {
            command.extend(["--maxmemory-policy", policy]);
        }
        command.into_iter().map(str::to_owned).collect()
    }

    /// What stands before and after the password in the URL that drivers take; of some servers they take none.
    pub fn url(&self, host: &str, port: u16) -> Option<[String; 2]> {
        let before = match self.dialect {
            Dialect::Mysql | Dialect::Mariadb => return None,
            Dialect::Mongodb => format!("mongodb://{}:", self.user),
            Dialect::Redis => "redis://:".to_owned(),
        };
        Some([before, format!("@{host}:{port}/{}", self.database)])
    }

    /// The image of a server in a container.
    pub fn image(&self) -> Option<&ImageRef> {
        match &self.server {
            DatabaseServer::Container(image) => Some(image),
            DatabaseServer::Package => None,
        }
    }
}

impl Service {
    pub fn app(&self) -> Option<&App> {
        match &self.kind {
            ServiceKind::App(app) => Some(app),
            _ => None,
        }
    }

    /// A container of a compose file that is replaced in its place.
    pub fn container(&self) -> Option<&Container> {
        match &self.kind {
            ServiceKind::Container(container) => Some(container),
            _ => None,
        }
    }

    /// What its compose file says of it.
    pub fn composed(&self) -> Option<&Composed> {
        match &self.kind {
            ServiceKind::App(app) => app.composed.as_deref(),
            ServiceKind::Container(container) => Some(&container.composed),
            _ => None,
        }
    }

    /// What its image is made from.
    pub fn source(&self) -> Option<&AppSource> {
        match &self.kind {
            ServiceKind::App(app) => Some(&app.source),
            ServiceKind::Container(container) => Some(&container.source),
            _ => None,
        }
    }

    /// Whether Docker's engine runs it.
    pub fn in_container(&self) -> bool {
        match &self.kind {
            ServiceKind::App(_) => self.unit().is_none(),
            ServiceKind::Container(_) => true,
            ServiceKind::Database(database) => database.image().is_some(),
            ServiceKind::Static(_) | ServiceKind::External(_) => false,
        }
    }

    /// The unit of an app that systemd runs.
    pub fn unit(&self) -> Option<&Unit> {
        match &self.app()?.source {
            AppSource::Unit(unit) => Some(unit),
            AppSource::Build(_) | AppSource::Image(_) => None,
        }
    }

    pub fn static_files(&self) -> Option<&StaticFiles> {
        match &self.kind {
            ServiceKind::Static(files) => Some(files),
            _ => None,
        }
    }

    /// What its database is loaded with while it is empty.
    pub fn init(&self) -> &[InitFile] {
        match &self.kind {
            ServiceKind::Database(database) => &database.init,
            ServiceKind::External(External::Mysql(server)) => &server.init,
            _ => &[],
        }
    }

    pub fn external(&self) -> Option<&External> {
        match &self.kind {
            ServiceKind::External(external) => Some(external),
            _ => None,
        }
    }

    /// How its hosts build its files.
    pub fn built_on_host(&self) -> Option<&StaticBuild> {
        let build = self.static_files()?.build.as_ref()?;
        (build.place == BuildPlace::Host).then_some(build)
    }

    /// Whether its hosts have a user for it.
    pub fn has_user(&self) -> bool {
        self.unit().is_some() || self.built_on_host().is_some()
    }

    pub fn database(&self) -> Option<&Database> {
        match &self.kind {
            ServiceKind::Database(database) => Some(database),
            _ => None,
        }
    }

    /// How many releases beside the serving one stay on a host.
    pub fn keep(&self, stack: &Stack) -> u8 {
        self.keep.unwrap_or(stack.keep)
    }

    /// Whether an earlier release of it can be gone back to.
    pub fn goes_back(&self) -> bool {
        self.is_released() && self.container().is_none()
    }

    /// Whether `deploy` makes releases of it (databases only change by `provision`).
    pub fn is_released(&self) -> bool {
        !matches!(
            self.kind,
            ServiceKind::Database(_) | ServiceKind::External(_)
        )
    }
}
