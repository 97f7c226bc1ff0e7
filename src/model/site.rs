//! Sites: what nginx answers to.

use std::fmt;
use std::str::FromStr;

use super::{Acme, CertificateSource, HostName, Route, SiteName, Tls};

/// An nginx server block: names, a port and routes to services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    pub name: SiteName,
    pub hosts: Vec<HostName>,
    /// TCP port, IPv4 and IPv6.
    pub listen: u16,
    /// Empty: answers to every name that no other site on the port has.
    pub server_names: Vec<ServerName>,
    /// Longest prefix first.
    pub routes: Vec<Route>,
    /// Largest request body in MiB.
    pub body_limit: u32,
    /// `None`: HTTP alone.
    pub tls: Option<Tls>,
}

impl Site {
    /// The port of HTTPS, IPv4 and IPv6.
    pub const HTTPS: u16 = 443;

    /// The ports that visitors reach.
    pub fn ports(&self) -> impl Iterator<Item = u16> + use<> {
        let https = self.tls.is_some().then_some(Self::HTTPS);
        std::iter::once(self.listen).chain(https)
    }

    /// The certificate authority that its certificate comes from, where one is to be asked.
    pub fn acme(&self) -> Option<&Acme> {
        match &self.tls.as_ref()?.source {
            CertificateSource::Acme(acme) => Some(acme),
            CertificateSource::Files(_) => None,
        }
    }
}

/// A DNS name (with `*.` in front for all below it) or an IP address, lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerName(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a server name: write a DNS name such as `shop.example.com`, `*.example.com`, or an IP address"
)]
pub struct ServerNameError(pub String);

impl ServerName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServerName {
    type Err = ServerNameError;

    // RFC 1123 section 2.1: labels of letters, digits and inner hyphens, 63 octets each, 253 in all.
    fn from_str(text: &str) -> Result<Self, ServerNameError> {
        let name = text.to_ascii_lowercase();
        let below = name.strip_prefix("*.").unwrap_or(&name);
        let label_ok = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let dns = below.len() <= 253 && !below.is_empty() && below.split('.').all(label_ok);
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        if dns || bare.parse::<std::net::IpAddr>().is_ok() {
            Ok(Self(name))
        } else {
            Err(ServerNameError(text.to_owned()))
        }
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The beginning of a request's path, for example `/` or `/api/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PathPrefix(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a path: begin with `/` and use letters, digits and `._~/-`, without `..`")]
pub struct PathPrefixError(pub String);

impl PathPrefix {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PathPrefix {
    type Err = PathPrefixError;

    fn from_str(text: &str) -> Result<Self, PathPrefixError> {
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._~/-".contains(&b));
        if text.starts_with('/') && plain && !text.contains("..") && !text.contains("//") {
            Ok(Self(text.to_owned()))
        } else {
            Err(PathPrefixError(text.to_owned()))
        }
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_names_cannot_become_syntax() {
        for good in [
            "example.com",
            "*.example.com",
            "203.0.113.9",
            "2001:db8::1",
            "localhost",
        ] {
            assert!(good.parse::<ServerName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "a b",
            "x; } server { listen 81; }",
            "~^x",
            "a\nb",
            "-a.com",
            "_",
            "*.*.com",
        ] {
            assert!(bad.parse::<ServerName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn path_prefixes() {
        for good in ["/", "/names", "/api/v1/"] {
            assert!(good.parse::<PathPrefix>().is_ok(), "{good}");
        }
        for bad in ["", "names", "/a/../b", "/a b", "/$x", "/a;b", "//"] {
            assert!(bad.parse::<PathPrefix>().is_err(), "{bad}");
        }
    }
}
