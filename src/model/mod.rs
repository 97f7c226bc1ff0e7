//! The nouns: what one `stackctl.yaml` means, each value parsed once and hard to misuse.
//!
//! Nothing here reads a file, a clock or a network.

mod composed;
mod file;
mod filling;
mod hook;
mod layout;
mod name;
mod registry;
mod rollout;
mod route;
mod secret;
mod secret_source;
mod service;
mod service_secrets;
mod site;
mod ssh;
pub mod time;
mod tls;
mod upstream;

pub use composed::{
    AddressPool, After, Attachment, Composed, ComposedFile, ComposedMount, Condition, Container,
    ContainerOptions, Device, Healthcheck, Logging, Network, PublishedPort, Restart, Volume,
};
pub use file::{HostPath, HostPathError, Owner, RemoteFile};
pub use filling::Filling;
pub use hook::{Hook, HookHosts, HookWork, Moment};
pub use layout::{CertificatePaths, Layout};
pub use name::{
    EnvName, HostName, ImageRef, NameError, RegistryName, ReleaseId, ServiceName, SiteName,
    StackName, StopSignal,
};
pub use registry::{Login, Logins, Registry, registry_of};
pub use rollout::Rollout;
pub use route::{
    HeaderName, HeaderNameError, Redirect, RedirectError, Route, RouteOptions, RouteTarget,
};
pub use secret::Secret;
pub use secret_source::SecretSource;
pub use service::{
    Administrator, Allowance, App, AppSource, Bound, Build, BuildPlace, Database, DatabaseServer,
    Dialect, External, Health, InitFile, Install, Listen, MysqlServer, Service, ServiceKind,
    StaticBuild, StaticFiles, Unit,
};
pub use service_secrets::{SecretOrigin, ServiceSecrets};
pub use site::{PathPrefix, PathPrefixError, ServerName, ServerNameError, Site};
pub use ssh::{Fingerprint, FingerprintError, SshTarget};
pub use tls::{
    Acme, AcmeDirectory, AcmeDirectoryError, CertificateFiles, CertificateSource, Email,
    EmailError, Tls,
};
pub use upstream::{PrivateAddress, PrivateAddressError};

use std::collections::{BTreeMap, BTreeSet};

/// Everything one `stackctl.yaml` describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    pub name: StackName,
    pub hosts: BTreeMap<HostName, Host>,
    pub services: BTreeMap<ServiceName, Service>,
    pub sites: BTreeMap<SiteName, Site>,
    /// Secrets that services may be given.
    pub secrets: BTreeMap<EnvName, SecretOrigin>,
    /// How many stopped releases of each service stay on a host, beside the one that serves, unless the
    /// service says otherwise.
    pub keep: u8,
    /// What runs around a run, in order.
    pub hooks: BTreeMap<Moment, Vec<Hook>>,
    /// Whether nothing but SSH and the sites' ports can be reached from outside.
    pub firewall: bool,
    /// The registries that it logs in to.
    pub registries: BTreeMap<RegistryName, Registry>,
    /// `None`: all hosts switch at once.
    pub rollout: Option<Rollout>,
    /// The networks and volumes of its compose file, by the names that the engine knows them by.
    pub networks: BTreeMap<String, Network>,
    pub volumes: BTreeMap<String, Volume>,
}

/// A machine we reach by SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    pub name: HostName,
    /// How we reach it; only `transport` reads this.
    pub ssh: SshTarget,
    /// `host` or `host:port` as visitors write it in a browser; the SSH address unless given.
    pub public: String,
    /// Where edges reach what runs on it.
    pub private: Option<PrivateAddress>,
}

impl Stack {
    /// The services that run on `host`, in an order in which each comes after what it needs.
    pub fn services_on(&self, host: &HostName) -> Vec<&Service> {
        let mut ordered: Vec<&Service> = Vec::new();
        for service in self.services.values() {
            self.visit(service, &mut ordered);
        }
        ordered.retain(|service| service.hosts.contains(host));
        ordered
    }

    // `config` refuses cycles in `needs`, so this ends.
    fn visit<'a>(&'a self, service: &'a Service, ordered: &mut Vec<&'a Service>) {
        if ordered.iter().any(|seen| seen.name == service.name) {
            return;
        }
        for needed in &service.needs {
            if let Some(needed) = self.services.get(needed) {
                self.visit(needed, ordered);
            }
        }
        ordered.push(service);
    }

    /// The ports that visitors reach on `host`.
    pub fn open_ports(&self, host: &HostName) -> BTreeSet<u16> {
        let sites = self.sites_on(host).flat_map(Site::ports);
        let services = self.services.values();
        let here = services.filter(|service| service.hosts.contains(host));
        let ports = here.filter_map(Service::composed);
        let ports = ports.flat_map(|composed| &composed.options.ports);
        let open = ports.filter(|port| port.is_open());
        sites.chain(open.map(|port| port.outside)).collect()
    }

    /// The sites whose nginx runs on `host`.
    pub fn sites_on<'a>(&'a self, host: &'a HostName) -> impl Iterator<Item = &'a Site> + 'a {
        self.sites
            .values()
            .filter(move |site| site.hosts.contains(host))
    }
}
