//! Services: the parts of a stack.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{EnvName, HostName, ImageRef, ServiceName, Stack, StopSignal};

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
    pub kind: ServiceKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceKind {
    App(Box<App>),
    Static(StaticFiles),
    Mysql(Database),
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
    /// Seconds that the release phase may take.
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
}

/// What an app is made from, and so what runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppSource {
    /// A container, its image built on the host.
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

/// An image that the host's engine builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The folder that is sent, absolute on this machine.
    pub context: PathBuf,
    /// A Dockerfile inside the context; without one, stackctl renders its own.
    pub dockerfile: Option<PathBuf>,
    /// Base image of the rendered Dockerfile.
    pub base: Option<ImageRef>,
    /// Build arguments. They end up in the image's history: never a place for secrets.
    pub args: BTreeMap<EnvName, String>,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticFiles {
    /// The folder, absolute on this machine.
    pub root: PathBuf,
    /// Files and folders below `root` to take, relative to it; empty means all of it.
    pub include: Vec<PathBuf>,
    /// File (relative to `root`) → placeholder → value, for `${PLACEHOLDER}` in those files. A value may use
    /// `{{ host.public }}`, `{{ host.name }}` and `{{ stack }}`.
    pub fill: BTreeMap<PathBuf, BTreeMap<EnvName, String>>,
}

/// A MySQL or MariaDB server, with one database and one user for the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    pub server: DatabaseServer,
    pub dialect: Dialect,
    pub database: String,
    pub user: String,
    /// Memory limit in MiB.
    pub memory: Option<u32>,
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
}

impl Dialect {
    /// From the image's name, since the official images differ in program names and variables.
    pub fn of_image(image: &ImageRef) -> Self {
        if image.as_str().to_ascii_lowercase().contains("mariadb") {
            Dialect::Mariadb
        } else {
            Dialect::Mysql
        }
    }
}

impl Database {
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

    /// Whether Docker's engine runs it.
    pub fn in_container(&self) -> bool {
        match &self.kind {
            ServiceKind::App(_) => self.unit().is_none(),
            ServiceKind::Mysql(database) => database.image().is_some(),
            ServiceKind::Static(_) => false,
        }
    }

    /// The unit of an app that systemd runs.
    pub fn unit(&self) -> Option<&Unit> {
        match &self.app()?.source {
            AppSource::Unit(unit) => Some(unit),
            AppSource::Build(_) | AppSource::Image(_) => None,
        }
    }

    pub fn database(&self) -> Option<&Database> {
        match &self.kind {
            ServiceKind::Mysql(database) => Some(database),
            _ => None,
        }
    }

    /// How many releases beside the serving one stay on a host.
    pub fn keep(&self, stack: &Stack) -> u8 {
        self.keep.unwrap_or(stack.keep)
    }

    /// Whether `deploy` makes releases of it (databases only change by `provision`).
    pub fn is_released(&self) -> bool {
        !matches!(self.kind, ServiceKind::Mysql(_))
    }
}
