//! The answer of `facts.sh`.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{CertificateFacts, DatabaseFacts, DockerFacts, FirewallFacts, Manifest};
use crate::model::{HostPath, ServiceName};

/// What one host said of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostFacts {
    pub os: Os,
    /// `x86_64`, `aarch64`.
    pub architecture: String,
    pub kernel: String,
    /// The name that the host has for itself.
    pub own_name: String,
    /// Whether systemd is process 1.
    pub has_systemd: bool,
    /// Seconds since boot.
    pub uptime: u64,
    /// The host's clock, seconds since the epoch.
    pub clock: u64,
    /// The same as RFC 3339.
    pub clock_text: String,
    /// Seconds by which the host's clock is ahead of this machine's; `None` when nobody compared them.
    pub skew: Option<i64>,
    /// Programs that it must have and has not.
    pub missing: BTreeSet<String>,
    /// Whether /var/lib cannot be written to.
    pub read_only: bool,
    /// KiB.
    pub memory_total: u64,
    /// KiB.
    pub memory_available: u64,
    /// By folder.
    pub disk: BTreeMap<String, Space>,
    /// By folder.
    pub inodes: BTreeMap<String, Space>,
    /// Installed packages among those asked for, with their versions.
    pub packages: BTreeMap<String, String>,
    /// When the package index was fetched, seconds since the epoch; `None` when there is none.
    pub package_index: Option<u64>,
    pub units: BTreeMap<String, UnitFacts>,
    /// The ids of users among those asked for.
    pub users: BTreeMap<String, u32>,
    /// What the sources of releases that serve come to; see [`super::SourceTree::unpacked_digest`].
    pub sources: BTreeMap<HostPath, String>,
    /// Only paths that exist.
    pub files: BTreeMap<HostPath, FileFacts>,
    /// Entries of listed folders: folder → name → time of change in seconds since the epoch.
    pub entries: BTreeMap<String, BTreeMap<String, u64>>,
    pub listeners: Vec<Listener>,
    /// The ports of the sshd that serves our connection.
    pub ssh_ports: BTreeSet<u16>,
    /// Interfaces that are named like the bridges of Docker and are not.
    pub foreign_bridges: BTreeSet<String>,
    /// `None` when we never put a firewall there.
    pub firewall: Option<FirewallFacts>,
    /// Whether ufw is on.
    pub ufw: bool,
    /// `1.22.1`, when nginx is installed.
    pub nginx: Option<String>,
    /// Which version of our site the nginx that runs goes by: empty when none of ours, `None` when it did not answer.
    pub generation: Option<String>,
    /// Those among the paths asked for that hold one.
    pub certificates: BTreeMap<HostPath, CertificateFacts>,
    /// The fingerprints of the certificates that nginx shows for names.
    pub shown: BTreeMap<String, String>,
    /// The addresses that names have, of those asked for; as the host finds them.
    pub names: BTreeMap<String, BTreeSet<String>>,
    /// The same as this machine finds them; it asks for what the host was asked for.
    pub names_here: BTreeMap<String, BTreeSet<String>>,
    /// The addresses that the host has, and those by which it is reached.
    pub addresses: BTreeSet<String>,
    /// What we left there last time.
    pub manifest: Manifest,
    /// What databases of the host itself answered, where their server runs.
    pub databases: BTreeMap<ServiceName, DatabaseFacts>,
    /// `None` when no engine answers.
    pub docker: Option<DockerFacts>,
    /// Whether `/run/docker.sock` exists.
    pub docker_socket: bool,
    /// The API version that the engine offers, `1.41`, when it runs.
    pub docker_api: Option<String>,
}

/// From os-release(5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Os {
    /// `debian`, `ubuntu`.
    pub id: String,
    pub version: String,
    pub codename: String,
    /// `Debian GNU/Linux 12 (bookworm)`.
    pub pretty: String,
    pub like: String,
}

/// Of a file system: KiB, or inodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Space {
    pub total: u64,
    pub free: u64,
}

/// From `systemctl show`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitFacts {
    /// `loaded`, `not-found`, `masked`.
    pub load: String,
    /// `active`, `inactive`, `failed`, …
    pub active: String,
    pub sub: String,
    /// `enabled`, `disabled`, `static`, …
    pub file: String,
    pub restarts: u32,
    /// Whether its file is another than the one that systemd has read.
    pub is_stale: bool,
    /// Since when it is active, RFC 3339, for units of releases.
    pub since: Option<String>,
    /// What it says of itself, for units of releases: whose they are.
    pub description: String,
}

impl UnitFacts {
    pub fn is_active(&self) -> bool {
        self.active == "active"
    }

    /// Whether it has a process, or is about to.
    pub fn runs(&self) -> bool {
        matches!(
            self.active.as_str(),
            "active" | "activating" | "deactivating"
        )
    }
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    pub kind: FileKind,
    pub mode: u32,
    pub user: u32,
    pub group: u32,
    /// SHA-256 in hex, for files.
    pub digest: Option<String>,
    /// For small files whose contents were asked for.
    pub contents: Option<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    File,
    Folder,
    Link(String),
    Other,
}

/// A TCP socket that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    pub port: u16,
    /// `0.0.0.0`, `[::]`, `127.0.0.1`, `*`.
    pub address: String,
    /// The program's name, as far as it could be told.
    pub process: String,
}

/// The answer was not what `facts.sh` prints.
#[derive(Debug, thiserror::Error)]
#[error("the host's answer cannot be read at line {line}: `{text}`")]
pub struct FactsError {
    pub line: usize,
    pub text: String,
}

impl HostFacts {
    /// Reads what `facts.sh` printed.
    pub fn parse(answer: &str, manifest: &HostPath) -> Result<Self, FactsError> {
        let mut facts = HostFacts::default();
        for (index, line) in answer.lines().enumerate() {
            let fields: Vec<&str> = line.split('\t').collect();
            facts.read(&fields).ok_or_else(|| FactsError {
                line: index + 1,
                text: line.chars().take(200).collect(),
            })?;
        }
        let kept = facts
            .files
            .get(manifest)
            .and_then(|file| file.contents.as_deref());
        // A manifest that cannot be read counts as none: every file is then compared and written anew.
        facts.manifest = kept
            .and_then(|bytes| serde_json::from_slice(bytes).ok())
            .unwrap_or_default();
        Ok(facts)
    }

    fn read(&mut self, fields: &[&str]) -> Option<()> {
        match *fields {
            ["os", id, version, codename, pretty, like] => {
                self.os = Os {
                    id: id.into(),
                    version: version.into(),
                    codename: codename.into(),
                    pretty: pretty.into(),
                    like: like.into(),
                };
            }
            ["machine", architecture, kernel, own_name] => {
                self.architecture = architecture.into();
                self.kernel = kernel.into();
                self.own_name = own_name.into();
            }
            ["uptime", seconds] => self.uptime = seconds.parse().ok()?,
            ["clock", seconds, text] => {
                self.clock = seconds.parse().ok()?;
                self.clock_text = text.into();
            }
            ["memory", "MemTotal", kib] => self.memory_total = kib.parse().ok()?,
            ["memory", "MemAvailable", kib] => self.memory_available = kib.parse().ok()?,
            ["disk", folder, total, free] => {
                self.disk.insert(folder.into(), space(total, free)?);
            }
            ["inodes", folder, total, free] => {
                self.inodes.insert(folder.into(), space(total, free)?);
            }
            ["missing", program] => drop(self.missing.insert(program.into())),
            ["read-only", _] => self.read_only = true,
            ["init", "systemd"] => self.has_systemd = true,
            ["package", name, version] => {
                self.packages.insert(name.into(), version.into());
            }
            ["index", seconds] => self.package_index = Some(seconds.parse().ok()?),
            [
                "unit",
                id,
                load,
                active,
                sub,
                file,
                restarts,
                ref stale @ ..,
            ] => {
                let unit = UnitFacts {
                    load: load.into(),
                    active: active.into(),
                    sub: sub.into(),
                    file: file.into(),
                    restarts: restarts.parse().unwrap_or(0),
                    is_stale: stale.first() == Some(&"yes"),
                    since: stale.get(1).map(|since| (*since).to_owned()),
                    description: String::new(),
                };
                self.units.insert(id.into(), unit);
            }
            ["described", id, description] => {
                self.units.get_mut(id)?.description = description.into();
            }
            ["user", name, id] => drop(self.users.insert(name.into(), id.parse().ok()?)),
            ["source", folder, digest] => {
                self.sources.insert(folder.parse().ok()?, digest.into());
            }
            ["path", path, kind, mode, user, group, target] => {
                let kind = match kind {
                    "f" => FileKind::File,
                    "d" => FileKind::Folder,
                    "l" => FileKind::Link(target.into()),
                    _ => FileKind::Other,
                };
                let file = FileFacts {
                    kind,
                    mode: u32::from_str_radix(mode, 8).ok()?,
                    user: user.parse().ok()?,
                    group: group.parse().ok()?,
                    digest: None,
                    contents: None,
                };
                self.files.insert(path.parse().ok()?, file);
            }
            ["digest", path, digest] => {
                let path: HostPath = path.parse().ok()?;
                self.files.get_mut(&path)?.digest = Some(digest.into());
            }
            ["contents", path, encoded] => {
                let path: HostPath = path.parse().ok()?;
                self.files.get_mut(&path)?.contents = Some(STANDARD.decode(encoded).ok()?);
            }
            ["entry", folder, name, time] => {
                let seconds = time.split('.').next()?.parse().ok()?;
                let names = self.entries.entry(folder.into()).or_default();
                names.insert(name.into(), seconds);
            }
            ["listener", port, address, process] => self.listeners.push(Listener {
                port: port.parse().ok()?,
                address: address.into(),
                process: process.into(),
            }),
            // What is no number was not told.
            ["ssh", port] => self.ssh_ports.extend(port.parse::<u16>()),
            ["bridge", name] => drop(self.foreign_bridges.insert(name.into())),
            ["ufw", "enabled"] => self.ufw = true,
            ["firewall", files, loaded, live] => {
                let text = |encoded: &str| {
                    let bytes = STANDARD.decode(encoded).ok()?;
                    Some(String::from_utf8_lossy(&bytes).into_owned())
                };
                self.firewall = Some(FirewallFacts::new(files, &text(loaded)?, &text(live)?));
            }
            ["docker", _, api] => {
                self.docker_socket = true;
                self.docker_api = Some(api.to_owned()).filter(|api| !api.is_empty());
            }
            [
                "certificate",
                path,
                from,
                to,
                text,
                issuer,
                names,
                fingerprint,
            ] => {
                let facts = CertificateFacts::read([from, to, text, issuer, names, fingerprint])?;
                self.certificates.insert(path.parse().ok()?, facts);
            }
            ["name", name, addresses] => {
                let addresses = addresses.split(' ').filter(|text| !text.is_empty());
                let addresses = addresses.map(str::to_owned).collect();
                self.names.insert(name.into(), addresses);
            }
            ["shown", name, fingerprint] => {
                self.shown.insert(name.into(), fingerprint.into());
            }
            ["address", address] => drop(self.addresses.insert(address.into())),
            ["generation", told] => self.generation = Some(told.into()),
            ["nginx", version] => {
                let number = version.rsplit('/').next()?.split(' ').next()?;
                self.nginx = Some(number.into());
            }
            _ => return None,
        }
        Some(())
    }

    /// What a database answered, wherever its server runs.
    pub fn database(&self, name: &ServiceName) -> Option<&DatabaseFacts> {
        let docker = self.docker.as_ref();
        let in_container = docker.and_then(|docker| docker.databases.get(name));
        in_container.or_else(|| self.databases.get(name))
    }

    /// Whether a unit is active.
    pub fn is_active(&self, unit: &str) -> bool {
        self.units.get(unit).is_some_and(UnitFacts::is_active)
    }

    /// The target of the symbolic link at `path`.
    pub fn link(&self, path: &HostPath) -> Option<&str> {
        match &self.files.get(path)?.kind {
            FileKind::Link(target) => Some(target),
            _ => None,
        }
    }
}

fn space(total: &str, free: &str) -> Option<Space> {
    // Some file systems have no inodes and say `-`.
    let number = |text: &str| {
        if text == "-" {
            Some(0)
        } else {
            text.parse().ok()
        }
    };
    Some(Space {
        total: number(total)?,
        free: number(free)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> HostPath {
        "/var/lib/stackctl/names/manifest.json".parse().unwrap()
    }

    #[test]
    fn an_answer_becomes_facts() {
        let answer = "os\tdebian\t12\tbookworm\tDebian GNU/Linux 12 (bookworm)\t\n\
            machine\tx86_64\t6.1.0\tweb1\nuptime\t88\nclock\t1795235658\t2026-11-21T04:34:18Z\n\
            memory\tMemTotal\t1000\nmemory\tMemAvailable\t900\ndisk\t/var/lib\t100\t50\ninodes\t/run\t-\t-\n\
            init\tsystemd\nmissing\tflock\nread-only\t/var/lib\npackage\tnginx\t1.22.1-9\nunit\tnginx.service\tloaded\tactive\trunning\tenabled\t0\tyes\n\
            unit\tnames-api@5341b4feb668.service\tloaded\tactive\trunning\tstatic\t0\tno\t2026-11-21T04:30:00Z\n\
            described\tnames-api@5341b4feb668.service\tnames/api, release 5341b4feb668\n\
            path\t/etc/hostname\tf\t644\t0\t0\t\ndigest\t/etc/hostname\tabcd\ncontents\t/etc/hostname\tdm0K\n\
            path\t/bin\tl\t777\t0\t0\tusr/bin\n\
            listener\t22\t0.0.0.0\tsshd\ndocker\t/run/docker.sock\t1.41\ngeneration\t0123456789ab\nnginx\tnginx version: nginx/1.22.1\n";
        let facts = HostFacts::parse(answer, &manifest()).unwrap();
        assert_eq!(facts.os.codename, "bookworm");
        assert!(facts.is_active("nginx.service") && facts.units["nginx.service"].is_stale);
        let unit = &facts.units["names-api@5341b4feb668.service"];
        assert_eq!(unit.since.as_deref(), Some("2026-11-21T04:30:00Z"));
        assert_eq!(unit.description, "names/api, release 5341b4feb668");
        assert_eq!(facts.generation.as_deref(), Some("0123456789ab"));
        assert_eq!(facts.link(&"/bin".parse().unwrap()), Some("usr/bin"));
        let hostname = &facts.files[&"/etc/hostname".parse().unwrap()];
        assert_eq!(hostname.contents.as_deref(), Some(b"vm\n".as_slice()));
        assert_eq!(facts.listeners[0].process, "sshd");
        assert_eq!(facts.nginx.as_deref(), Some("1.22.1"));
        assert_eq!(facts.disk["/var/lib"].free, 50);
        assert!(facts.missing.contains("flock") && facts.read_only);
    }

    #[test]
    fn a_strange_line_has_a_place() {
        let error = HostFacts::parse("uptime\t1\nwat\n", &manifest()).unwrap_err();
        assert_eq!(error.line, 2);
    }

    #[test]
    fn a_broken_manifest_counts_as_none() {
        let path = manifest();
        let answer = format!("path\t{path}\tf\t600\t0\t0\t\ncontents\t{path}\te30=x\n");
        assert!(HostFacts::parse(&answer, &path).is_err(), "not base64");
        let answer = format!("path\t{path}\tf\t600\t0\t0\t\ncontents\t{path}\tdm0K\n");
        assert!(
            HostFacts::parse(&answer, &path)
                .unwrap()
                .manifest
                .files
                .is_empty()
        );
    }
}
