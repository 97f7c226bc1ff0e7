//! Host keys by OpenSSH's rules, as `StrictHostKeyChecking yes`: nothing is ever accepted that is not recorded.
//! Pure: text in, a verdict out.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey};

/// A line of a `known_hosts` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// Why a host key was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    Unknown,
    /// Other keys are recorded for this host, the first of them there.
    Changed {
        recorded: String,
        place: Place,
    },
    Revoked {
        place: Place,
    },
    /// A certificate that is expired, for another name, or not signed by a recorded authority.
    Certificate {
        reason: String,
    },
}

/// The name a host is recorded under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName {
    host: String,
    port: Option<u16>,
}

impl HostName {
    pub fn new(host: &str, port: u16) -> Self {
        Self {
            host: host.to_ascii_lowercase(),
            port: (port != 22).then_some(port),
        }
    }

    /// `HostKeyAlias`: stands for the host and its port.
    pub fn alias(name: &str) -> Self {
        Self {
            host: name.to_ascii_lowercase(),
            port: None,
        }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "[{}]:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    None,
    Authority,
    Revoked,
}

#[derive(Debug, Clone)]
struct Entry {
    marker: Marker,
    hosts: String,
    key: PublicKey,
    place: Place,
}

impl Entry {
    fn matches(&self, name: &str) -> bool {
        if let Some(hashed) = self.hosts.strip_prefix("|1|") {
            return hashed_matches(hashed, name);
        }
        matches_list(self.hosts.split(','), name)
    }
}

/// The lines of one or more `known_hosts` files.
#[derive(Debug, Clone, Default)]
pub struct KnownHosts {
    entries: Vec<Entry>,
}

impl KnownHosts {
    /// Adds a file's lines. Lines that make no sense are passed over, as OpenSSH does.
    pub fn add(&mut self, file: &Path, text: &str) {
        for (index, line) in text.lines().enumerate() {
            let place = Place {
                file: file.to_owned(),
                line: index + 1,
            };
            self.entries.extend(parse_line(line, place));
        }
    }

    /// Accepts a key that is recorded for this host and not revoked.
    pub fn check(&self, name: &HostName, key: &PublicKey) -> Result<(), Refusal> {
        match self.check_name(&name.to_string(), key) {
            // As OpenSSH: a key recorded without a port holds for every port of the host.
            Err(Refusal::Unknown) if name.port.is_some() => self.check_name(&name.host, key),
            verdict => verdict,
        }
    }

    fn check_name(&self, name: &str, key: &PublicKey) -> Result<(), Refusal> {
        self.check_revoked(name, key)?;
        let mut changed = None;
        for entry in self.entries_for(name, Marker::None) {
            if entry.key.key_data() == key.key_data() {
                return Ok(());
            }
            let same_type = entry.key.algorithm() == key.algorithm();
            if changed.is_none() || same_type {
                changed = Some(Refusal::Changed {
                    recorded: fingerprint(&entry.key),
                    place: entry.place.clone(),
                });
            }
        }
        Err(changed.unwrap_or(Refusal::Unknown))
    }

    fn check_revoked(&self, name: &str, key: &PublicKey) -> Result<(), Refusal> {
        let revoked = self
            .entries_for(name, Marker::Revoked)
            .find(|entry| entry.key.key_data() == key.key_data());
        match revoked {
            Some(entry) => Err(Refusal::Revoked {
                place: entry.place.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Accepts a host certificate of a recorded authority, valid now, for this host. `now` is in seconds of Unix time.
    pub fn check_certificate(
        &self,
        name: &HostName,
        certificate: &Certificate,
        now: u64,
    ) -> Result<(), Refusal> {
        let refuse = |reason: &str| Refusal::Certificate {
            reason: reason.to_owned(),
        };
        let signer = PublicKey::new(certificate.signature_key().clone(), "");
        let subject = PublicKey::new(certificate.public_key().clone(), "");
        let full_name = name.to_string();
        let mut names = vec![full_name.as_str()];
        if name.port.is_some() {
            names.push(&name.host);
        }
        for name in &names {
            self.check_revoked(name, &signer)?;
            self.check_revoked(name, &subject)?;
        }
        let trusted = names.iter().any(|name| {
            self.entries_for(name, Marker::Authority)
                .any(|entry| entry.key.key_data() == signer.key_data())
        });
        if !trusted {
            return Err(refuse("it is not signed by a recorded authority"));
        }
        if certificate.cert_type() != CertType::Host {
            return Err(refuse("it is a user's certificate, not a host's"));
        }
        if certificate.critical_options().iter().next().is_some() {
            return Err(refuse("it has critical options, which are not understood"));
        }
        let principals = certificate.valid_principals();
        let named = principals
            .iter()
            .any(|p| glob(&p.to_ascii_lowercase(), &name.host));
        if !principals.is_empty() && !named {
            return Err(refuse(&format!(
                "it is for {}, not for {}",
                principals.join(", "),
                name.host
            )));
        }
        certificate
            .validate_at(now, [&signer.fingerprint(HashAlg::Sha256)])
            .map_err(|_| refuse("it is expired, not valid yet, or wrongly signed"))
    }

    /// The algorithms of the keys recorded for this host, to be offered first.
    pub fn algorithms(&self, name: &HostName) -> Vec<Algorithm> {
        let full_name = name.to_string();
        let mut entries: Vec<_> = self.entries_for(&full_name, Marker::None).collect();
        if entries.is_empty() && name.port.is_some() {
            entries = self.entries_for(&name.host, Marker::None).collect();
        }
        let mut algorithms: Vec<Algorithm> = Vec::new();
        for entry in entries {
            let algorithm = entry.key.algorithm();
            if !algorithms.contains(&algorithm) {
                algorithms.push(algorithm);
            }
        }
        algorithms
    }

    /// Whether a certificate authority is recorded for this host.
    pub fn has_authority(&self, name: &HostName) -> bool {
        let full_name = name.to_string();
        self.entries_for(&full_name, Marker::Authority)
            .chain(self.entries_for(&name.host, Marker::Authority))
            .next()
            .is_some()
    }

    fn entries_for<'a>(&'a self, name: &'a str, marker: Marker) -> impl Iterator<Item = &'a Entry> {
        self.entries
            .iter()
            .filter(move |entry| entry.marker == marker && entry.matches(name))
    }
}

/// A key's fingerprint as OpenSSH prints it.
pub fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

fn parse_line(line: &str, place: Place) -> Option<Entry> {
    let mut words = line.split_ascii_whitespace();
    let mut hosts = words.next().filter(|word| !word.starts_with('#'))?;
    let marker = match hosts {
        "@cert-authority" => Marker::Authority,
        "@revoked" => Marker::Revoked,
        unknown if unknown.starts_with('@') => return None,
        _ => Marker::None,
    };
    if marker != Marker::None {
        hosts = words.next()?;
    }
    let algorithm = words.next()?;
    let digits = words.next()?;
    let key = PublicKey::from_openssh(&format!("{algorithm} {digits}")).ok()?;
    Some(Entry {
        marker,
        hosts: hosts.to_owned(),
        key,
        place,
    })
}

fn hashed_matches(hashed: &str, name: &str) -> bool {
    let Some((salt, digest)) = hashed.split_once('|') else {
        return false;
    };
    let (Ok(salt), Ok(digest)) = (STANDARD.decode(salt), STANDARD.decode(digest)) else {
        return false;
    };
    let Ok(mut mac) = Hmac::<sha1::Sha1>::new_from_slice(&salt) else {
        return false;
    };
    mac.update(name.as_bytes());
    mac.verify_slice(&digest).is_ok()
}

/// OpenSSH's pattern list: some pattern matches and no negated one does.
pub(super) fn matches_list<'a>(patterns: impl Iterator<Item = &'a str>, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut found = false;
    for pattern in patterns {
        let pattern = pattern.to_ascii_lowercase();
        match pattern.strip_prefix('!') {
            Some(negated) if glob(negated, &name) => return false,
            Some(_) => {}
            None => found |= glob(&pattern, &name),
        }
    }
    found
}

/// `*` is any text, `?` one character, everything else itself.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut retry = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, t));
                p += 1;
            }
            Some(&c) if c == b'?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
    const TWO: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEA";

    fn key(text: &str) -> PublicKey {
        PublicKey::from_openssh(text).expect("a key")
    }

    fn verdict(lines: &str, host: &str, port: u16) -> &'static str {
        let mut known = KnownHosts::default();
        known.add(
            Path::new("known_hosts"),
            &lines.replace("ONE", ONE).replace("TWO", TWO),
        );
        match known.check(&HostName::new(host, port), &key(ONE)) {
            Ok(()) => "accepted",
            Err(Refusal::Unknown) => "unknown",
            Err(Refusal::Changed { .. }) => "changed",
            Err(Refusal::Revoked { .. }) => "revoked",
            Err(Refusal::Certificate { .. }) => "certificate",
        }
    }

    /// In the form `ssh-keygen -H` writes.
    fn hashed(name: &str) -> String {
        let salt = [7_u8; 20];
        let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&salt).expect("a key");
        mac.update(name.as_bytes());
        format!(
            "|1|{}|{}",
            STANDARD.encode(salt),
            STANDARD.encode(mac.finalize().into_bytes())
        )
    }

    #[test]
    fn every_rule() {
        let cases = [
            ("web ONE", "web", 22, "accepted"),
            ("WEB ONE comment here", "web", 22, "accepted"),
            ("  web\t ONE", "Web", 22, "accepted"),
            ("", "web", 22, "unknown"),
            ("# web ONE", "web", 22, "unknown"),
            ("other ONE", "web", 22, "unknown"),
            ("web TWO", "web", 22, "changed"),
            ("web TWO\nweb ONE", "web", 22, "accepted"),
            ("web,10.0.0.1 ONE", "10.0.0.1", 22, "accepted"),
            ("[web]:2222 ONE", "web", 2222, "accepted"),
            ("[web]:2222 ONE", "web", 22, "unknown"),
            ("[web]:2222 ONE", "web", 2223, "unknown"),
            ("web ONE", "web", 2222, "accepted"),
            ("[web]:2222 TWO\nweb ONE", "web", 2222, "changed"),
            ("*.example.com ONE", "a.example.com", 22, "accepted"),
            ("*.example.com ONE", "example.com", 22, "unknown"),
            (
                "*.example.com,!b.example.com ONE",
                "b.example.com",
                22,
                "unknown",
            ),
            (
                "!b.example.com,*.example.com ONE",
                "a.example.com",
                22,
                "accepted",
            ),
            ("we? ONE", "web", 22, "accepted"),
            ("[*]:2222 ONE", "web", 2222, "accepted"),
            ("@revoked * ONE\nweb ONE", "web", 22, "revoked"),
            ("web ONE\n@revoked web ONE", "web", 22, "revoked"),
            ("@revoked web TWO\nweb ONE", "web", 22, "accepted"),
            ("@revoked other ONE\nweb ONE", "web", 22, "accepted"),
            ("@cert-authority web ONE", "web", 22, "unknown"),
            ("@something web ONE", "web", 22, "unknown"),
            (
                "web nonsense\nweb ssh-ed25519 !!!!\nweb ONE",
                "web",
                22,
                "accepted",
            ),
        ];
        for (lines, host, port, wanted) in cases {
            assert_eq!(
                verdict(lines, host, port),
                wanted,
                "{lines:?} for {host}:{port}"
            );
        }
        let lines = format!("{} ONE\n{} TWO", hashed("web"), hashed("[web]:2222"));
        assert_eq!(verdict(&lines, "web", 22), "accepted");
        assert_eq!(verdict(&lines, "web", 2222), "changed");
        assert_eq!(verdict(&lines, "other", 22), "unknown");
    }

    #[test]
    fn a_changed_key_says_where_the_old_one_is() {
        let mut known = KnownHosts::default();
        known.add(Path::new("/k"), &format!("# comment\n\nweb {TWO}\n"));
        let refusal = known
            .check(&HostName::new("web", 22), &key(ONE))
            .expect_err("changed");
        let Refusal::Changed { recorded, place } = refusal else {
            panic!("{refusal:?}");
        };
        assert_eq!(place.to_string(), "/k:3");
        assert_eq!(recorded, fingerprint(&key(TWO)));
    }

    #[test]
    fn recorded_algorithms_are_known() {
        let mut known = KnownHosts::default();
        known.add(
            Path::new("k"),
            &format!("web {ONE}\n@cert-authority *.example.com {TWO}"),
        );
        assert_eq!(
            known.algorithms(&HostName::new("web", 22)),
            [Algorithm::Ed25519]
        );
        assert_eq!(
            known.algorithms(&HostName::new("web", 2222)),
            [Algorithm::Ed25519]
        );
        assert!(known.algorithms(&HostName::new("other", 22)).is_empty());
        assert!(known.has_authority(&HostName::new("a.example.com", 2222)));
        assert!(!known.has_authority(&HostName::new("web", 22)));
    }
}
