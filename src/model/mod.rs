//! The nouns: what one `stackctl.yaml` means, each value parsed once and hard to misuse.
//!
//! Nothing here reads a file, a clock or a network.

mod file;
mod hook;
mod layout;
mod name;
mod secret;
mod service;
mod site;
mod ssh;
pub mod time;

pub use file::{HostPath, HostPathError, Owner, RemoteFile};
pub use hook::{Hook, HookHosts, HookWork, Moment};
pub use layout::Layout;
pub use name::{
    EnvName, HostName, ImageRef, NameError, ReleaseId, ServiceName, SiteName, StackName, StopSignal,
};
pub use secret::Secret;
pub use service::{
    Allowance, App, AppSource, Build, Database, DatabaseServer, Dialect, Health, Install, Listen,
    Service, ServiceKind, StaticFiles, Unit,
};
pub use site::{PathPrefix, PathPrefixError, Route, ServerName, ServerNameError, Site};
pub use ssh::{Fingerprint, FingerprintError, SshTarget};

use std::collections::{BTreeMap, BTreeSet};

/// Everything one `stackctl.yaml` describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    pub name: StackName,
    pub hosts: BTreeMap<HostName, Host>,
    pub services: BTreeMap<ServiceName, Service>,
    pub sites: BTreeMap<SiteName, Site>,
    /// How many stopped releases of each service stay on a host, beside the one that serves, unless the
    /// service says otherwise.
    pub keep: u8,
    /// What runs around a run, in order.
    pub hooks: BTreeMap<Moment, Vec<Hook>>,
    /// Whether nothing but SSH and the sites' ports can be reached from outside.
    pub firewall: bool,
}

/// A machine we reach by SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    pub name: HostName,
    /// How we reach it; only `transport` reads this.
    pub ssh: SshTarget,
    /// `host` or `host:port` as visitors write it in a browser; the SSH address unless given.
    pub public: String,
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
        self.sites_on(host).map(|site| site.listen).collect()
    }

    /// The sites whose nginx runs on `host`.
    pub fn sites_on<'a>(&'a self, host: &'a HostName) -> impl Iterator<Item = &'a Site> + 'a {
        self.sites
            .values()
            .filter(move |site| site.hosts.contains(host))
    }
}
