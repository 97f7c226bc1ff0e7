//! Services behind an edge: a site's host whose nginx leads requests on to the hosts on which a service runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::{Host, HostName, Service, ServiceName, Stack};

/// Where the other hosts of a stack reach a host: an address of a network that visitors are not in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PrivateAddress {
    pub ip: IpAddr,
    /// Where its nginx takes requests from edges.
    pub port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a private address: write an IP address of the host such as `10.0.0.11`, with a port if it is not to be {port}",
    port = PrivateAddress::PORT
)]
pub struct PrivateAddressError(pub String);

impl PrivateAddress {
    /// The port, unless the yaml gives another.
    pub const PORT: u16 = 7480;
}

impl FromStr for PrivateAddress {
    type Err = PrivateAddressError;

    fn from_str(text: &str) -> Result<Self, PrivateAddressError> {
        let wrong = || PrivateAddressError(text.to_owned());
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(text);
        let (ip, port) = match bare.parse::<IpAddr>() {
            Ok(ip) => (ip, Self::PORT),
            Err(_) => {
                let both: SocketAddr = text.parse().map_err(|_| wrong())?;
                (both.ip(), both.port())
            }
        };
        let ip = ip.to_canonical();
        // One of a link means nothing without its link.
        let is_of_link = matches!(ip, IpAddr::V6(v6) if v6.segments()[0] & 0xffc0 == 0xfe80);
        if is_of_link || ip.is_unspecified() || ip.is_multicast() || ip.is_loopback() || port == 0 {
            return Err(wrong());
        }
        Ok(Self { ip, port })
    }
}

/// As it is written before a path: `10.0.0.11:7480`, `[fd00::11]:7480`.
impl fmt::Display for PrivateAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.ip, self.port).fmt(f)
    }
}

impl Service {
    /// Whether what comes to `host` for it goes on to other hosts.
    pub fn is_upstream_of(&self, host: &HostName) -> bool {
        self.app().is_some() && !self.hosts.is_empty() && !self.hosts.contains(host)
    }
}

impl Stack {
    /// The services that sites on `host` lead requests to on other hosts.
    pub fn upstreams_of(&self, host: &HostName) -> BTreeMap<&ServiceName, &Service> {
        let routes = self.sites_on(host).flat_map(|site| &site.routes);
        let services = routes
            .filter_map(|route| route.service())
            .filter_map(|name| self.services.get_key_value(name));
        services
            .filter(|(_, service)| service.is_upstream_of(host))
            .collect()
    }

    /// The hosts that lead requests for a service to `host`.
    pub fn edges_of(&self, service: &Service, host: &HostName) -> BTreeSet<&HostName> {
        if !service.hosts.contains(host) {
            return BTreeSet::new();
        }
        let sites = self.sites.values().filter(|site| {
            let mut routes = site.routes.iter();
            routes.any(|route| route.service() == Some(&service.name))
        });
        let hosts = sites.flat_map(|site| &site.hosts);
        hosts.filter(|edge| service.is_upstream_of(edge)).collect()
    }

    /// The hosts that lead requests for any service to `host`.
    pub fn edges_before(&self, host: &HostName) -> BTreeMap<&HostName, &Host> {
        let services = self.services.values();
        let edges = services.flat_map(|service| self.edges_of(service, host));
        edges
            .filter_map(|edge| self.hosts.get_key_value(edge))
            .collect()
    }

    /// The port at which nginx of `host` takes requests from edges, if there are any.
    pub fn private_port(&self, host: &HostName) -> Option<u16> {
        let private = self.hosts.get(host)?.private?;
        (!self.edges_before(host).is_empty()).then_some(private.port)
    }

    /// Whether `host` answers HTTP: visitors by its sites, or edges.
    pub fn has_nginx(&self, host: &HostName) -> bool {
        self.sites_on(host).next().is_some() || !self.edges_before(host).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses() {
        for (text, shown) in [
            ("10.0.0.11", "10.0.0.11:7480"),
            ("10.0.0.11:8100", "10.0.0.11:8100"),
            ("fd00::11", "[fd00::11]:7480"),
            ("[fd00::11]", "[fd00::11]:7480"),
            ("[fd00::11]:8100", "[fd00::11]:8100"),
        ] {
            let address: PrivateAddress = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(address.to_string(), shown);
        }
        for bad in [
            "",
            "app1",
            "10.0.0",
            "10.0.0.11:",
            "10.0.0.11:0",
            "10.0.0.11:99999",
            "0.0.0.0",
            "127.0.0.1",
            "[::1]",
            "224.0.0.1",
            "10.0.0.11; deny all",
            "10.0.0.0/8",
            "fd00::11:",
            "[fd00::11",
        ] {
            assert!(bad.parse::<PrivateAddress>().is_err(), "{bad}");
        }
    }
}
