//! Certificates: those that hosts have, and those that are to go there.

use std::collections::{BTreeMap, BTreeSet};

use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::sha256;
use crate::model::{Secret, ServerName, SiteName};

/// What a certificate says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Seconds since the epoch.
    pub not_before: u64,
    /// Seconds since the epoch.
    pub not_after: u64,
    /// The same as RFC 3339.
    pub not_after_text: String,
    /// Who vouches for it, as its distinguished name.
    pub issuer: String,
    /// DNS names and addresses, lower case.
    pub names: BTreeSet<String>,
    /// SHA-256 of the first certificate, as openssl prints it; empty for files of this machine.
    pub fingerprint: String,
}

const DAY: u64 = 24 * 3600;

impl CertificateFacts {
    /// From a line of `facts.sh`: times as seconds and as text, issuer, the names and the fingerprint as openssl prints
    /// them.
    pub(super) fn read(fields: [&str; 6]) -> Option<Self> {
        let [not_before, not_after, text, issuer, names, fingerprint] = fields;
        let names = names.split(',').filter_map(|name| {
            let (kind, name) = name.trim().split_once(':')?;
            ["DNS", "IP Address"]
                .contains(&kind)
                .then(|| name.to_ascii_lowercase())
        });
        Some(Self {
            not_before: not_before.parse().ok()?,
            not_after: not_after.parse().ok()?,
            not_after_text: text.into(),
            issuer: issuer.into(),
            names: names.collect(),
            fingerprint: fingerprint.into(),
        })
    }

    pub fn is_expired(&self, now: u64) -> bool {
        self.not_after <= now
    }

    /// Whole days until it expires.
    pub fn days_left(&self, now: u64) -> u64 {
        self.not_after.saturating_sub(now) / DAY
    }

    /// Whether fewer than `days` are left; of one that was issued for a short time, less than a third of that.
    pub fn is_due(&self, now: u64, days: u32) -> bool {
        let lifetime = self.not_after.saturating_sub(self.not_before);
        let wanted = (u64::from(days) * DAY).min(lifetime / 3);
        self.is_expired(now) || self.not_after.saturating_sub(now) < wanted
    }

    /// Those of `names` that it is not for.
    pub fn lacks<'a>(&self, names: &'a [ServerName]) -> Vec<&'a str> {
        let is_for = |name: &str| {
            let name = name.trim_matches(['[', ']']);
            // `*` stands for exactly one label (RFC 6125, section 6.4.3).
            let below = name.split_once('.').map(|(_, below)| format!("*.{below}"));
            self.names.iter().any(|other| same_name(other, name))
                || below.is_some_and(|below| self.names.contains(&below))
        };
        let names = names.iter().map(ServerName::as_str);
        names.filter(|name| !is_for(name)).collect()
    }
}

/// Addresses may be written in several ways.
fn same_name(one: &str, other: &str) -> bool {
    let address = |text: &str| text.parse::<std::net::IpAddr>().ok();
    one == other || address(one).is_some_and(|one| Some(one) == address(other))
}

/// What of this machine goes to hosts for the sake of HTTPS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnCertificates {
    pub certificates: BTreeMap<SiteName, OwnCertificate>,
    /// PEM: who vouches for the ACME directories of sites.
    pub authorities: BTreeMap<SiteName, Vec<u8>>,
}

/// A certificate of this machine with its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCertificate {
    /// PEM.
    pub chain: Vec<u8>,
    /// PEM.
    pub key: Secret,
    pub facts: CertificateFacts,
    /// Where the certificate is on this machine, for messages.
    pub path: String,
}

impl OwnCertificate {
    /// What tells this pair from every other: 12 hex digits.
    pub fn id(&self) -> String {
        let pair = [self.chain.as_slice(), b"\0", self.key.reveal().as_bytes()].concat();
        sha256(&pair)[..12].to_owned()
    }
}

/// The first certificate of a PEM file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    pub facts: CertificateFacts,
    /// The key that it is for, as its format writes it: a point, a number or bytes.
    pub public_key: Vec<u8>,
}

impl Leaf {
    /// Reads a PEM file; what is wrong with it otherwise.
    pub fn parse(pem: &[u8]) -> Result<Self, String> {
        if !pem
            .windows(27)
            .any(|part| part == b"-----BEGIN CERTIFICATE-----")
        {
            return Err("it holds no PEM certificate".into());
        }
        // Some tools write text around the blocks.
        let text = String::from_utf8_lossy(pem);
        let start = text.find("-----BEGIN CERTIFICATE-----").unwrap_or(0);
        let chain = Certificate::load_pem_chain(&text.as_bytes()[start..]);
        let chain =
            chain.map_err(|error| format!("a certificate in it cannot be read: {error}"))?;
        let leaf = chain
            .first()
            .ok_or("it holds no certificate")?
            .tbs_certificate();
        let wrong = |error| format!("its first certificate cannot be read: {error}");
        let (from, to) = (leaf.validity().not_before, leaf.validity().not_after);
        let key = leaf.subject_public_key_info();
        let names = match leaf.get_extension::<SubjectAltName>().map_err(wrong)? {
            Some((_, names)) => names.0.iter().filter_map(name).collect(),
            None => BTreeSet::new(),
        };
        let facts = CertificateFacts {
            not_before: from.to_unix_duration().as_secs(),
            not_after: to.to_unix_duration().as_secs(),
            not_after_text: to.to_date_time().to_string(),
            issuer: leaf.issuer().to_string(),
            names,
            fingerprint: String::new(),
        };
        let public_key = key.subject_public_key.raw_bytes().to_vec();
        Ok(Self { facts, public_key })
    }
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let four = <[u8; 4]>::try_from(bytes).map(std::net::IpAddr::from);
            let sixteen = || <[u8; 16]>::try_from(bytes).map(std::net::IpAddr::from);
            four.or_else(|_| sixteen())
                .ok()
                .map(|address| address.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<ServerName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn facts(names: &str) -> CertificateFacts {
        CertificateFacts::read([
            "0",
            "864000",
            "1970-01-11T00:00:00Z",
            "CN = Somebody",
            names,
            "AA:BB",
        ])
        .unwrap()
    }

    #[test]
    fn a_line_of_the_host_becomes_facts() {
        let facts =
            facts("DNS:Shop.example.com, DNS:*.shop.example.com, IP Address:2001:DB8:0:0:0:0:0:1");
        assert_eq!(facts.names.len(), 3);
        let wanted = names(&[
            "shop.example.com",
            "a.shop.example.com",
            "*.shop.example.com",
            "2001:db8::1",
        ]);
        assert_eq!(facts.lacks(&wanted), [""; 0]);
        let others = names(&["a.b.shop.example.com", "example.com", "192.0.2.1"]);
        assert_eq!(facts.lacks(&others).len(), 3);
    }

    #[test]
    fn one_of_a_short_life_is_not_due_at_once() {
        let facts = facts("DNS:a.example.com");
        let day = 24 * 3600;
        assert_eq!(facts.days_left(0), 10);
        assert!(!facts.is_due(0, 14) && !facts.is_due(6 * day, 14));
        assert!(facts.is_due(7 * day, 14) && facts.is_due(11 * day, 14));
        assert!(facts.is_expired(10 * day) && !facts.is_expired(10 * day - 1));
        assert!(!facts.is_due(8 * day, 1) && facts.is_due(9 * day + 1, 1));
    }

    #[test]
    fn what_is_no_certificate_says_so() {
        assert!(
            Leaf::parse(b"-----BEGIN CERTIFICATE REQUEST-----\n")
                .unwrap_err()
                .contains("no PEM certificate")
        );
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(Leaf::parse(broken).unwrap_err().contains("cannot be read"));
    }
}
