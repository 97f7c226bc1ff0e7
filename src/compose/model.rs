//! What compose files say, in one form: every short form is written out, every path is absolute, every variable filled in.
//!
//! As JSON it is what `docker compose config --format json` prints.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::Value;

pub use super::quantity::{Bytes, Time};

/// Text by name: labels, options, sysctls.
pub type Mapping = BTreeMap<String, String>;
/// Variables; one without a value is for the engine to leave unset.
pub type Environment = BTreeMap<String, Option<String>>;

/// All files of a project, merged.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Project {
    pub name: String,
    pub services: BTreeMap<String, Service>,
    #[serde(skip_serializing_if = "unset")]
    pub networks: BTreeMap<String, Network>,
    #[serde(skip_serializing_if = "unset")]
    pub volumes: BTreeMap<String, Volume>,
    #[serde(skip_serializing_if = "unset")]
    pub secrets: BTreeMap<String, FileObject>,
    #[serde(skip_serializing_if = "unset")]
    pub configs: BTreeMap<String, FileObject>,
    /// `x-…` of the top level.
    #[serde(flatten)]
    pub extensions: BTreeMap<String, Value>,
}

/// One service.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Service {
    #[serde(skip_serializing_if = "unset")]
    pub annotations: Mapping,
    #[serde(skip_serializing_if = "unset")]
    pub attach: Option<bool>,
    #[serde(skip_serializing_if = "unset")]
    pub build: Option<Build>,
    #[serde(skip_serializing_if = "unset")]
    pub cap_add: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub cap_drop: Vec<String>,
    /// Nothing: the image's own. An empty list: none at all.
    pub command: Option<Vec<String>>,
    #[serde(skip_serializing_if = "unset")]
    pub configs: Vec<FileMount>,
    #[serde(skip_serializing_if = "unset")]
    pub container_name: String,
    #[serde(skip_serializing_if = "unset")]
    pub cpu_shares: i64,
    #[serde(skip_serializing_if = "unset")]
    pub cpus: f64,
    #[serde(skip_serializing_if = "unset")]
    pub cpuset: String,
    #[serde(skip_serializing_if = "unset")]
    pub depends_on: BTreeMap<String, Dependency>,
    #[serde(skip_serializing_if = "unset")]
    pub deploy: Option<Deploy>,
    #[serde(skip_serializing_if = "unset")]
    pub devices: Vec<Device>,
    #[serde(skip_serializing_if = "unset")]
    pub dns: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub dns_opt: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub dns_search: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub domainname: String,
    /// As `command`.
    pub entrypoint: Option<Vec<String>>,
    #[serde(skip_serializing_if = "unset")]
    pub environment: Environment,
    #[serde(skip_serializing_if = "unset")]
    pub expose: Vec<String>,
    /// `name=address`, sorted.
    #[serde(skip_serializing_if = "unset")]
    pub extra_hosts: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub group_add: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub healthcheck: Option<Healthcheck>,
    #[serde(skip_serializing_if = "unset")]
    pub hostname: String,
    #[serde(skip_serializing_if = "unset")]
    pub image: String,
    #[serde(skip_serializing_if = "unset")]
    pub init: Option<bool>,
    #[serde(skip_serializing_if = "unset")]
    pub ipc: String,
    #[serde(skip_serializing_if = "unset")]
    pub labels: Mapping,
    #[serde(skip_serializing_if = "unset")]
    pub links: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub logging: Option<Logging>,
    #[serde(skip_serializing_if = "unset")]
    pub mac_address: String,
    #[serde(skip_serializing_if = "unset")]
    pub mem_limit: Bytes,
    #[serde(skip_serializing_if = "unset")]
    pub mem_reservation: Bytes,
    #[serde(skip_serializing_if = "unset")]
    pub memswap_limit: Bytes,
    #[serde(skip_serializing_if = "unset")]
    pub network_mode: String,
    #[serde(skip_serializing_if = "unset")]
    pub networks: BTreeMap<String, Option<Attachment>>,
    #[serde(skip_serializing_if = "unset")]
    pub oom_score_adj: i64,
    #[serde(skip_serializing_if = "unset")]
    pub pids_limit: i64,
    #[serde(skip_serializing_if = "unset")]
    pub platform: String,
    #[serde(skip_serializing_if = "unset")]
    pub ports: Vec<Port>,
    #[serde(skip_serializing_if = "unset")]
    pub privileged: bool,
    #[serde(skip_serializing_if = "unset")]
    pub profiles: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub pull_policy: String,
    #[serde(skip_serializing_if = "unset")]
    pub read_only: bool,
    #[serde(skip_serializing_if = "unset")]
    pub restart: String,
    #[serde(skip_serializing_if = "unset")]
    pub scale: Option<u64>,
    #[serde(skip_serializing_if = "unset")]
    pub secrets: Vec<FileMount>,
    #[serde(skip_serializing_if = "unset")]
    pub security_opt: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub shm_size: Bytes,
    #[serde(skip_serializing_if = "unset")]
    pub stdin_open: bool,
    #[serde(skip_serializing_if = "unset")]
    pub stop_grace_period: Option<Time>,
    #[serde(skip_serializing_if = "unset")]
    pub stop_signal: String,
    #[serde(skip_serializing_if = "unset")]
    pub sysctls: Mapping,
    #[serde(skip_serializing_if = "unset")]
    pub tmpfs: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub tty: bool,
    #[serde(skip_serializing_if = "unset")]
    pub ulimits: BTreeMap<String, Ulimit>,
    #[serde(skip_serializing_if = "unset")]
    pub user: String,
    #[serde(skip_serializing_if = "unset")]
    pub volumes: Vec<Mount>,
    #[serde(skip_serializing_if = "unset")]
    pub working_dir: String,
}

/// How an image is built.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Build {
    /// A folder, absolute, or an address that the builder fetches.
    pub context: String,
    #[serde(skip_serializing_if = "unset")]
    pub dockerfile: String,
    #[serde(skip_serializing_if = "unset")]
    pub dockerfile_inline: String,
    #[serde(skip_serializing_if = "unset")]
    pub args: Environment,
    #[serde(skip_serializing_if = "unset")]
    pub labels: Mapping,
    #[serde(skip_serializing_if = "unset")]
    pub cache_from: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub cache_to: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub no_cache: bool,
    #[serde(skip_serializing_if = "unset")]
    pub additional_contexts: Mapping,
    #[serde(skip_serializing_if = "unset")]
    pub pull: bool,
    #[serde(skip_serializing_if = "unset")]
    pub extra_hosts: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub network: String,
    #[serde(skip_serializing_if = "unset")]
    pub target: String,
    #[serde(skip_serializing_if = "unset")]
    pub secrets: Vec<FileMount>,
    #[serde(skip_serializing_if = "unset")]
    pub shm_size: Bytes,
    #[serde(skip_serializing_if = "unset")]
    pub tags: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub platforms: Vec<String>,
}

/// What must be before a service starts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dependency {
    pub condition: Condition,
    /// Whether it is restarted with what it depends on.
    #[serde(skip_serializing_if = "unset")]
    pub restart: bool,
    /// Without it, a service that is not there is passed over.
    pub required: bool,
}

/// What a dependency waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Condition {
    #[serde(rename = "service_started")]
    Started,
    #[serde(rename = "service_healthy")]
    Healthy,
    #[serde(rename = "service_completed_successfully")]
    Completed,
}

/// `deploy:`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Deploy {
    #[serde(skip_serializing_if = "unset")]
    pub mode: String,
    #[serde(skip_serializing_if = "unset")]
    pub replicas: Option<u64>,
    #[serde(skip_serializing_if = "unset")]
    pub labels: Mapping,
    #[serde(skip_serializing_if = "unset")]
    pub update_config: Option<UpdateConfig>,
    #[serde(skip_serializing_if = "unset")]
    pub rollback_config: Option<UpdateConfig>,
    pub resources: Resources,
    #[serde(skip_serializing_if = "unset")]
    pub restart_policy: Option<RestartPolicy>,
    pub placement: Placement,
    #[serde(skip_serializing_if = "unset")]
    pub endpoint_mode: String,
}

/// How releases replace each other.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct UpdateConfig {
    #[serde(skip_serializing_if = "unset")]
    pub parallelism: Option<u64>,
    #[serde(skip_serializing_if = "unset")]
    pub delay: Time,
    #[serde(skip_serializing_if = "unset")]
    pub failure_action: String,
    #[serde(skip_serializing_if = "unset")]
    pub monitor: Time,
    #[serde(skip_serializing_if = "unset")]
    pub max_failure_ratio: f64,
    #[serde(skip_serializing_if = "unset")]
    pub order: String,
}

/// `deploy.resources`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Resources {
    #[serde(skip_serializing_if = "unset")]
    pub limits: Option<Resource>,
    #[serde(skip_serializing_if = "unset")]
    pub reservations: Option<Resource>,
}

/// What a container may use, or has for itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Resource {
    #[serde(skip_serializing_if = "unset")]
    pub cpus: f64,
    #[serde(skip_serializing_if = "unset")]
    pub memory: Bytes,
    #[serde(skip_serializing_if = "unset")]
    pub pids: i64,
}

/// `deploy.restart_policy`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RestartPolicy {
    #[serde(skip_serializing_if = "unset")]
    pub condition: String,
    #[serde(skip_serializing_if = "unset")]
    pub delay: Option<Time>,
    #[serde(skip_serializing_if = "unset")]
    pub max_attempts: Option<u64>,
    #[serde(skip_serializing_if = "unset")]
    pub window: Option<Time>,
}

/// `deploy.placement`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Placement {
    #[serde(skip_serializing_if = "unset")]
    pub constraints: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub max_replicas_per_node: u64,
}

/// A device of the host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Device {
    pub source: String,
    pub target: String,
    pub permissions: String,
}

/// How a container's health is asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Healthcheck {
    #[serde(skip_serializing_if = "unset")]
    pub test: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub timeout: Option<Time>,
    #[serde(skip_serializing_if = "unset")]
    pub interval: Option<Time>,
    #[serde(skip_serializing_if = "unset")]
    pub retries: Option<u64>,
    #[serde(skip_serializing_if = "unset")]
    pub start_period: Option<Time>,
    #[serde(skip_serializing_if = "unset")]
    pub start_interval: Option<Time>,
    #[serde(skip_serializing_if = "unset")]
    pub disable: bool,
}

/// Where output goes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Logging {
    #[serde(skip_serializing_if = "unset")]
    pub driver: String,
    #[serde(skip_serializing_if = "unset")]
    pub options: Mapping,
}

/// A service's place in a network.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Attachment {
    #[serde(skip_serializing_if = "unset")]
    pub priority: i64,
    #[serde(skip_serializing_if = "unset")]
    pub aliases: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub ipv4_address: String,
    #[serde(skip_serializing_if = "unset")]
    pub ipv6_address: String,
    #[serde(skip_serializing_if = "unset")]
    pub link_local_ips: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub mac_address: String,
}

/// A port that the host opens, or that it chooses.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Port {
    #[serde(skip_serializing_if = "unset")]
    pub name: String,
    pub mode: String,
    #[serde(skip_serializing_if = "unset")]
    pub host_ip: String,
    pub target: u16,
    /// A port, a range to choose from, or nothing: any.
    #[serde(skip_serializing_if = "unset")]
    pub published: String,
    pub protocol: String,
    #[serde(skip_serializing_if = "unset")]
    pub app_protocol: String,
}

/// A volume, a folder of the host or memory, and where it is seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Mount {
    #[serde(rename = "type")]
    pub kind: MountKind,
    #[serde(skip_serializing_if = "unset")]
    pub source: String,
    pub target: String,
    #[serde(skip_serializing_if = "unset")]
    pub read_only: bool,
    #[serde(skip_serializing_if = "unset")]
    pub consistency: String,
    #[serde(skip_serializing_if = "unset")]
    pub bind: Option<BindOptions>,
    #[serde(skip_serializing_if = "unset")]
    pub volume: Option<VolumeOptions>,
    #[serde(skip_serializing_if = "unset")]
    pub tmpfs: Option<TmpfsOptions>,
}

/// What is mounted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MountKind {
    #[default]
    Volume,
    Bind,
    Tmpfs,
}

/// `bind:` of a mount.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct BindOptions {
    #[serde(skip_serializing_if = "unset")]
    pub selinux: String,
    #[serde(skip_serializing_if = "unset")]
    pub propagation: String,
    #[serde(skip_serializing_if = "unset")]
    pub create_host_path: bool,
}

/// `volume:` of a mount.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct VolumeOptions {
    #[serde(skip_serializing_if = "unset")]
    pub nocopy: bool,
    #[serde(skip_serializing_if = "unset")]
    pub subpath: String,
}

/// `tmpfs:` of a mount.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TmpfsOptions {
    #[serde(skip_serializing_if = "unset")]
    pub size: Bytes,
    #[serde(skip_serializing_if = "unset")]
    pub mode: u32,
}

/// A secret or a config in a container.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FileMount {
    pub source: String,
    #[serde(skip_serializing_if = "unset")]
    pub target: String,
    #[serde(skip_serializing_if = "unset")]
    pub uid: String,
    #[serde(skip_serializing_if = "unset")]
    pub gid: String,
    #[serde(skip_serializing_if = "unset")]
    pub mode: Option<u32>,
}

/// How many, softly and at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ulimit {
    pub soft: i64,
    pub hard: i64,
    /// Written as one number.
    pub single: bool,
}

/// A network.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Network {
    pub name: String,
    #[serde(skip_serializing_if = "unset")]
    pub driver: String,
    #[serde(skip_serializing_if = "unset")]
    pub driver_opts: Mapping,
    pub ipam: Ipam,
    #[serde(skip_serializing_if = "unset")]
    pub external: bool,
    #[serde(skip_serializing_if = "unset")]
    pub internal: bool,
    #[serde(skip_serializing_if = "unset")]
    pub attachable: bool,
    #[serde(skip_serializing_if = "unset")]
    pub labels: Mapping,
    #[serde(skip_serializing_if = "unset")]
    pub enable_ipv6: bool,
}

/// How a network gives addresses.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Ipam {
    #[serde(skip_serializing_if = "unset")]
    pub driver: String,
    #[serde(skip_serializing_if = "unset")]
    pub config: Vec<AddressPool>,
}

/// Addresses of a network.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct AddressPool {
    #[serde(skip_serializing_if = "unset")]
    pub subnet: String,
    #[serde(skip_serializing_if = "unset")]
    pub gateway: String,
    #[serde(skip_serializing_if = "unset")]
    pub ip_range: String,
    #[serde(skip_serializing_if = "unset")]
    pub aux_addresses: Mapping,
}

/// A named volume.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Volume {
    pub name: String,
    #[serde(skip_serializing_if = "unset")]
    pub driver: String,
    #[serde(skip_serializing_if = "unset")]
    pub driver_opts: Mapping,
    #[serde(skip_serializing_if = "unset")]
    pub external: bool,
    #[serde(skip_serializing_if = "unset")]
    pub labels: Mapping,
}

/// A secret or a config of the project.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FileObject {
    pub name: String,
    /// Absolute.
    #[serde(skip_serializing_if = "unset")]
    pub file: String,
    /// The variable that holds it.
    #[serde(skip_serializing_if = "unset")]
    pub environment: String,
    #[serde(skip_serializing_if = "unset")]
    pub content: String,
    #[serde(skip_serializing_if = "unset")]
    pub external: bool,
    #[serde(skip_serializing_if = "unset")]
    pub labels: Mapping,
}

impl Serialize for Ulimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.single && self.soft != 0 {
            return serializer.serialize_i64(self.soft);
        }
        let sides = [("soft", self.soft), ("hard", self.hard)];
        serializer.collect_map(sides.into_iter().filter(|(_, value)| *value != 0))
    }
}

fn unset<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
