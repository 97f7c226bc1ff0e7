//! What a compose file says of a container, as far as an engine can be told: short forms written out, names final.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AppSource, Secret, ServiceName};

/// A container that no route leads to: made as its compose file says, and replaced in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    pub source: AppSource,
    pub composed: Composed,
    /// Whether it does its work once and ends: others wait for that.
    pub is_job: bool,
    /// Seconds that a job may take.
    pub deadline: u32,
}

/// A service of a compose file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Composed {
    /// Variables; one without a value is taken away from those of the image.
    pub environment: BTreeMap<String, Option<String>>,
    /// Instead of the image's own.
    pub command: Option<Vec<String>>,
    pub user: Option<String>,
    /// Those that lead out come first: a port is published by way of the first.
    pub networks: Vec<Attachment>,
    /// Files of this machine that the container gets.
    pub files: Vec<ComposedFile>,
    pub options: ContainerOptions,
    /// What must be so before it starts.
    pub after: Vec<After>,
    /// Seconds between the stop signal and SIGKILL.
    pub stop_grace: u32,
    pub stop_signal: Option<String>,
    pub init: bool,
    pub read_only: bool,
    /// The limit of processes; `None` is none.
    pub pids: Option<i64>,
}

/// A container's place in a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attachment {
    /// As the engine knows it.
    pub network: String,
    pub aliases: Vec<String>,
    pub ipv4: Option<String>,
    pub ipv6: Option<String>,
}

/// What of the host a container sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ComposedMount {
    /// A folder or file of the host.
    Bind {
        from: String,
        to: String,
        read_only: bool,
        /// Whether the engine makes a folder where there is nothing.
        create: bool,
        propagation: Option<String>,
    },
    Volume {
        /// As the engine knows it; `None` for one without a name.
        name: Option<String>,
        to: String,
        read_only: bool,
        /// Whether it begins with what the image has at that place.
        copies: bool,
    },
    Memory {
        to: String,
        /// Bytes.
        size: Option<i64>,
        mode: Option<u32>,
    },
}

impl ComposedMount {
    /// Where the container sees it.
    pub fn place(&self) -> &str {
        match self {
            ComposedMount::Bind { to, .. }
            | ComposedMount::Volume { to, .. }
            | ComposedMount::Memory { to, .. } => to,
        }
    }
}

/// A file of this machine in a container. What it holds is a part of the definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComposedFile {
    /// Where the container sees it.
    pub to: String,
    pub contents: Secret,
    /// Whether a rendered compose file leaves out what it holds. Plans never show it: a server's configuration may hold its
    /// password as well.
    pub is_secret: bool,
    pub mode: u32,
    pub user: u32,
    pub group: u32,
    pub read_only: bool,
}

/// What must be so of another service before one starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    pub service: ServiceName,
    pub condition: Condition,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    Started,
    Healthy,
    Completed,
}

/// What the engine is told of a container beside what it is told of all; recorded with releases.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerOptions {
    #[serde(skip_serializing_if = "unset")]
    pub entrypoint: Option<Vec<String>>,
    /// Variables that are taken away from those of the image.
    #[serde(skip_serializing_if = "unset")]
    pub unset: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub hostname: String,
    #[serde(skip_serializing_if = "unset")]
    pub domainname: String,
    #[serde(skip_serializing_if = "unset")]
    pub working_dir: String,
    #[serde(skip_serializing_if = "unset")]
    pub tty: bool,
    #[serde(skip_serializing_if = "unset")]
    pub stdin_open: bool,
    #[serde(skip_serializing_if = "unset")]
    pub labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "unset")]
    pub healthcheck: Option<Healthcheck>,
    /// `host` or `none` instead of networks.
    #[serde(skip_serializing_if = "unset")]
    pub network_mode: String,
    /// Network → addresses of its own in it.
    #[serde(skip_serializing_if = "unset")]
    pub addresses: BTreeMap<String, [String; 2]>,
    #[serde(skip_serializing_if = "unset")]
    pub ports: Vec<PublishedPort>,
    /// Ports that are told of, such as `8080/tcp`.
    #[serde(skip_serializing_if = "unset")]
    pub expose: Vec<String>,
    pub restart: Restart,
    #[serde(skip_serializing_if = "unset")]
    pub mounts: Vec<ComposedMount>,
    /// Bytes.
    #[serde(skip_serializing_if = "unset")]
    pub memory_limit: Option<i64>,
    #[serde(skip_serializing_if = "unset")]
    pub memory_reservation: Option<i64>,
    #[serde(skip_serializing_if = "unset")]
    pub swap_limit: Option<i64>,
    #[serde(skip_serializing_if = "unset")]
    pub shm_size: Option<i64>,
    /// Billionths of a processor.
    #[serde(skip_serializing_if = "unset")]
    pub cpus: Option<i64>,
    #[serde(skip_serializing_if = "unset")]
    pub cpu_shares: Option<i64>,
    #[serde(skip_serializing_if = "unset")]
    pub cpuset: String,
    #[serde(skip_serializing_if = "unset")]
    pub oom_score_adj: Option<i64>,
    /// Name → soft and hard.
    #[serde(skip_serializing_if = "unset")]
    pub ulimits: BTreeMap<String, [i64; 2]>,
    #[serde(skip_serializing_if = "unset")]
    pub sysctls: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "unset")]
    pub privileged: bool,
    #[serde(skip_serializing_if = "unset")]
    pub cap_add: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub cap_drop: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub security: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub groups: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub devices: Vec<Device>,
    #[serde(skip_serializing_if = "unset")]
    pub ipc: String,
    #[serde(skip_serializing_if = "unset")]
    pub dns: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub dns_options: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub dns_search: Vec<String>,
    /// `name:address`.
    #[serde(skip_serializing_if = "unset")]
    pub hosts: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub logging: Option<Logging>,
}

/// Times are in nanoseconds, as the engine counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Healthcheck {
    /// `NONE` alone switches the image's own off.
    pub test: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub interval: i64,
    #[serde(skip_serializing_if = "unset")]
    pub timeout: i64,
    #[serde(skip_serializing_if = "unset")]
    pub start_period: i64,
    #[serde(skip_serializing_if = "unset")]
    pub start_interval: i64,
    #[serde(skip_serializing_if = "unset")]
    pub retries: i64,
}

/// A port of the host that leads into a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedPort {
    /// The host's address; every address is `0.0.0.0`.
    pub address: String,
    pub outside: u16,
    pub inside: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

impl PublishedPort {
    /// Whether it can be reached from other machines.
    pub fn is_open(&self) -> bool {
        let address: Result<std::net::IpAddr, _> = self.address.parse();
        !address.is_ok_and(|address| address.is_loopback())
    }
}

/// Whether the engine starts a container again by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Restart {
    #[default]
    No,
    UnlessStopped,
    /// At most so many times; 0 is without end.
    OnFailure(i64),
}

impl Restart {
    /// As the engine calls it.
    pub fn name(self) -> &'static str {
        match self {
            Restart::No => "no",
            Restart::UnlessStopped => "unless-stopped",
            Restart::OnFailure(_) => "on-failure",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub from: String,
    pub to: String,
    pub permissions: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logging {
    pub driver: String,
    pub options: BTreeMap<String, String>,
}

/// A network that a stack's containers meet in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Network {
    /// Made by somebody else: it must be there.
    #[serde(skip)]
    pub external: bool,
    /// Whether nothing on it reaches or is reached from outside.
    pub internal: bool,
    #[serde(skip_serializing_if = "unset")]
    pub driver_options: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "unset")]
    pub labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "unset")]
    pub ipv6: bool,
    #[serde(skip_serializing_if = "unset")]
    pub pools: Vec<AddressPool>,
}

/// Addresses that a network gives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AddressPool {
    pub subnet: String,
    pub gateway: String,
    pub range: String,
    pub others: BTreeMap<String, String>,
}

/// A volume that outlives containers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Volume {
    /// Made by somebody else: it must be there, and is never removed.
    pub external: bool,
    /// `local` by default.
    pub driver: String,
    pub driver_options: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
}

fn unset<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl ContainerOptions {
    /// Volumes by name, and paths of the host, that the container may write to.
    pub fn writes_to(&self) -> impl Iterator<Item = &str> {
        self.mounts.iter().filter_map(|mount| match mount {
            ComposedMount::Bind {
                from: name,
                read_only: false,
                ..
            }
            | ComposedMount::Volume {
                name: Some(name),
                read_only: false,
                ..
            } => Some(name.as_str()),
            _ => None,
        })
    }
}

impl Composed {
    /// The volumes that it mounts, by their names.
    pub fn volumes(&self) -> impl Iterator<Item = &str> {
        self.options.mounts.iter().filter_map(|mount| match mount {
            ComposedMount::Volume { name, .. } => name.as_deref(),
            ComposedMount::Bind { .. } | ComposedMount::Memory { .. } => None,
        })
    }
}

impl Healthcheck {
    /// Whether it checks anything.
    pub fn is_on(&self) -> bool {
        self.test.first().is_some_and(|word| word != "NONE")
    }
}
