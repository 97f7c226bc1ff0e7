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
    pub source: ImageSource,
    pub listen: Listen,
    pub health: Health,
    pub env: BTreeMap<EnvName, String>,
    /// Instead of the image's own command; each element is one argument.
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

/// Where a container's image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageSource {
    Build(Build),
    Image(ImageRef),
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

/// Where a container answers HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// On a Unix socket whose path the variable `LISTEN_SOCKET` holds. The container's user must be 10001.
    Socket,
    /// On this TCP port; systemd's socket proxy stands before it.
    Port(u16),
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

/// A MySQL or MariaDB server in a container, with one database and one user for the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    pub image: ImageRef,
    pub dialect: Dialect,
    pub database: String,
    pub user: String,
    /// Memory limit in MiB.
    pub memory: Option<u32>,
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

impl Service {
    pub fn app(&self) -> Option<&App> {
        match &self.kind {
            ServiceKind::App(app) => Some(app),
            _ => None,
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
