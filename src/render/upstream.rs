//! nginx and other hosts: where an edge leads requests on to, and what takes them there.

use std::collections::BTreeSet;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::nginx::TIMEOUT;
use crate::model::{Host, HostName, Layout, Route, Service, ServiceKind, Site, Stack};

/// How much longer an edge waits than the app's own host, which so is the first to say that the app is silent: an edge
/// takes a host whose answers do not come for one that is gone.
const MARGIN: u32 = 5;

/// What a host's nginx has to do with other hosts.
#[derive(Debug, Default, Serialize)]
pub(super) struct OtherHosts {
    upstreams: Vec<UpstreamView>,
    private: Option<PrivateView>,
}

#[derive(Debug, Serialize)]
struct UpstreamView {
    service: String,
    name: String,
    servers: Vec<String>,
}

#[derive(Debug, Serialize)]
struct PrivateView {
    port: u16,
    edges: BTreeSet<String>,
    services: Vec<PrivateService>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct PrivateService {
    service: String,
    /// The names by which edges ask for it. The most patient one of a service answers to whatever edges may have asked by
    /// before a timeout was changed.
    names: Vec<String>,
    address: String,
    /// Where the app says whether it is well.
    health: String,
    timeout: u32,
}

/// How an edge leads a route to other hosts.
#[derive(Debug, Serialize)]
pub(super) struct BalanceView {
    /// What follows `http://` after `proxy_pass`.
    pub upstream: String,
    name: String,
    tries: usize,
    pub timeout: u32,
}

impl OtherHosts {
    pub fn of(stack: &Stack, host: &Host) -> Self {
        let upstreams = stack.upstreams_of(&host.name).into_values();
        Self {
            upstreams: upstreams.map(|service| upstream(stack, service)).collect(),
            private: private(stack, host),
        }
    }

    /// How a route to this service is led to other hosts, if it is.
    pub fn balance(&self, stack: &Stack, service: &Service, route: &Route) -> Option<BalanceView> {
        let name = upstream_name(stack, service);
        let upstream = self.upstreams.iter().find(|there| there.name == name)?;
        let timeout = timeout(route);
        Some(BalanceView {
            upstream: name,
            name: name_of(stack, service, timeout),
            tries: upstream.servers.len(),
            timeout: timeout + MARGIN,
        })
    }
}

// A dot is in no name, so that no other stack's can be the same.
fn upstream_name(stack: &Stack, service: &Service) -> String {
    format!("stackctl.{}.{}", stack.name, service.name)
}

/// A name that no visitor can ask for and that is short, since nginx has no room for long ones unless it is told to.
fn name_of(stack: &Stack, service: &Service, timeout: u32) -> String {
    format!("{timeout}.{}", domain_of(stack, service))
}

fn domain_of(stack: &Stack, service: &Service) -> String {
    let digest = Sha256::digest(format!("{}/{}", stack.name, service.name));
    let digits: String = digest[..6].iter().map(|b| format!("{b:02x}")).collect();
    format!("{digits}.stackctl.internal")
}

/// A name by which `edge` asks other hosts for a service.
pub fn private_name(stack: &Stack, service: &Service, edge: &HostName) -> Option<String> {
    let mut routes = stack.sites_on(edge).flat_map(|site| &site.routes);
    let route = routes.find(|route| route.service() == Some(&service.name))?;
    Some(name_of(stack, service, timeout(route)))
}

fn timeout(route: &Route) -> u32 {
    route.options.timeout.unwrap_or(TIMEOUT)
}

fn upstream(stack: &Stack, service: &Service) -> UpstreamView {
    let hosts = service
        .hosts
        .iter()
        .filter_map(|name| stack.hosts.get(name));
    let addresses = hosts.filter_map(|host| host.private);
    UpstreamView {
        service: service.name.to_string(),
        name: upstream_name(stack, service),
        servers: addresses.map(|address| address.to_string()).collect(),
    }
}

fn private(stack: &Stack, host: &Host) -> Option<PrivateView> {
    let edges = stack.edges_before(&host.name);
    let addresses = edges.values().filter_map(|edge| edge.private);
    let edges: BTreeSet<String> = addresses.map(|address| address.ip.to_string()).collect();
    let private = host.private.filter(|_| !edges.is_empty())?;
    let layout = Layout::new(&stack.name);
    let mut services = BTreeSet::new();
    for service in stack.services.values() {
        let ServiceKind::App(app) = &service.kind else {
            continue;
        };
        let before = stack.edges_of(service, &host.name);
        let sites = stack.sites.values();
        let led = sites.filter(|site| site.hosts.iter().any(|edge| before.contains(edge)));
        let routes = led.flat_map(|site: &Site| &site.routes);
        let routes = routes.filter(|route| route.service() == Some(&service.name));
        let timeouts: BTreeSet<u32> = routes.map(timeout).collect();
        let longest = timeouts.last().copied();
        for timeout in timeouts {
            let any = format!("*.{}", domain_of(stack, service));
            let any = Some(any).filter(|_| longest == Some(timeout));
            let own = name_of(stack, service, timeout);
            let address = format!("unix:{}", layout.socket_link(&service.name));
            services.insert(PrivateService {
                service: service.name.to_string(),
                names: [own].into_iter().chain(any).collect(),
                health: format!("http://{address}:{}", app.health.path),
                address,
                timeout,
            });
        }
    }
    Some(PrivateView {
        port: private.port,
        edges,
        services: services.into_iter().collect(),
    })
}
