//! What a lab keeps on this machine: its key pair, the hosts' public keys, and which hosts it has.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use etcetera::BaseStrategy;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::LabError;
use super::{Base, LabHost};

/// Names a lab: every container, network, volume and file of it carries this.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LabName(String);

impl LabName {
    /// The name of the lab that belongs to a folder: 8 hex digits of a hash of its canonical path, so that two
    /// checkouts never share hosts.
    pub fn of_folder(folder: &Path) -> Result<Self, LabError> {
        let path = folder
            .canonicalize()
            .map_err(LabError::file("find", folder))?;
        Ok(Self::of_path(&path))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of_path(path: &Path) -> Self {
        let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
        Self(
            digest
                .iter()
                .take(4)
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }
}

impl FromStr for LabName {
    type Err = LabError;

    fn from_str(name: &str) -> Result<Self, LabError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let good = (1..=32).contains(&name.len())
            && name.starts_with(plain)
            && name.chars().all(|c| plain(c) || c == '-');
        if good {
            Ok(Self(name.to_owned()))
        } else {
            Err(LabError::BadName {
                name: name.to_owned(),
            })
        }
    }
}

impl TryFrom<String> for LabName {
    type Error = LabError;

    fn try_from(name: String) -> Result<Self, LabError> {
        name.parse()
    }
}

impl From<LabName> for String {
    fn from(name: LabName) -> Self {
        name.0
    }
}

impl fmt::Display for LabName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A lab as saved in `lab.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lab {
    pub name: LabName,
    pub base: Base,
    pub hosts: Vec<LabHost>,
}

/// The folder of one lab: `$XDG_STATE_HOME/stackctl/lab-<name>/`.
#[derive(Debug, Clone)]
pub struct StateFolder(PathBuf);

impl StateFolder {
    /// Where it is, made or not.
    pub fn of(name: &LabName) -> Result<Self, LabError> {
        Ok(Self(state_home()?.join(format!("lab-{name}"))))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes the folder, private to this user, and the lab's key pair; returns the public key.
    pub fn prepare(&self) -> Result<String, LabError> {
        make_private(&self.0)?;
        let identity = self.identity();
        let key = match std::fs::read_to_string(&identity) {
            Ok(text) => PrivateKey::from_openssh(text).map_err(key_error)?,
            Err(_) => {
                let mut random = russh::keys::key::safe_rng();
                let mut key =
                    PrivateKey::random(&mut random, Algorithm::Ed25519).map_err(key_error)?;
                key.set_comment("stackctl-lab");
                let text = key.to_openssh(LineEnding::LF).map_err(key_error)?;
                self.write("id_ed25519", text.as_bytes())?;
                key
            }
        };
        let public = key.public_key().to_openssh().map_err(key_error)?;
        self.write("id_ed25519.pub", format!("{public}\n").as_bytes())?;
        Ok(public)
    }

    /// The private key of the lab's user.
    pub fn identity(&self) -> PathBuf {
        self.0.join("id_ed25519")
    }

    /// The hosts' public keys.
    pub fn known_hosts(&self) -> PathBuf {
        self.0.join("known_hosts")
    }

    /// The lab as last saved.
    pub fn load(&self) -> Result<Option<Lab>, LabError> {
        let path = self.0.join("lab.json");
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|source| LabError::Corrupt { path, source }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(LabError::file("read", path)(error)),
        }
    }

    /// Saves the lab, whole or not at all.
    pub fn save(&self, lab: &Lab) -> Result<(), LabError> {
        let text = serde_json::to_vec_pretty(lab).map_err(|source| LabError::Corrupt {
            path: self.0.join("lab.json"),
            source,
        })?;
        self.write("lab.json", &text)
    }

    /// Writes the known hosts, from each host's port and public keys.
    pub fn save_known_hosts(&self, keys: &BTreeMap<u16, String>) -> Result<(), LabError> {
        let text: String = keys
            .iter()
            .map(|(port, keys)| known_hosts_lines(*port, keys))
            .collect();
        self.write("known_hosts", text.as_bytes())
    }

    /// Removes the folder; there may be none.
    pub fn remove(&self) -> Result<(), LabError> {
        match std::fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(LabError::file("remove", &self.0)(error))
            }
            _ => Ok(()),
        }
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), LabError> {
        let path = self.0.join(name);
        let staged = self.0.join(format!(".{name}.new"));
        let write = || {
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&staged)?;
            file.write_all(content)?;
            file.sync_all()?;
            std::fs::rename(&staged, &path)
        };
        write().map_err(LabError::file("write", &path))
    }
}

/// What one process at a time does on this machine, as two would collide or do the same work twice.
#[derive(Debug, Clone, Copy)]
pub enum Alone {
    InstallEngine,
    BuildImages,
}

/// Waits until no other process does the same; held until the file is dropped.
pub async fn alone(work: Alone) -> Result<std::fs::File, LabError> {
    let folder = state_home()?;
    make_private(&folder)?;
    let path = folder.join(match work {
        Alone::InstallEngine => "lab-engine.lock",
        Alone::BuildImages => "lab-images.lock",
    });
    let failed = path.clone();
    let wait = move || {
        let file = std::fs::File::create(&path)?;
        file.lock()?;
        Ok(file)
    };
    match tokio::task::spawn_blocking(wait).await {
        Ok(locked) => locked.map_err(LabError::file("lock", failed)),
        Err(stopped) => Err(LabError::file("lock", failed)(std::io::Error::other(
            stopped,
        ))),
    }
}

fn state_home() -> Result<PathBuf, LabError> {
    let strategy = etcetera::choose_base_strategy()
        .map_err(|error| LabError::file("find", "the home folder")(std::io::Error::other(error)))?;
    let home = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    Ok(home.join("stackctl"))
}

fn make_private(folder: &Path) -> Result<(), LabError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(LabError::file("make", folder))
}

/// Lines of known_hosts for a host reached through a port of this machine.
fn known_hosts_lines(port: u16, public_keys: &str) -> String {
    public_keys
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some(format!(
                "[127.0.0.1]:{port} {} {}\n",
                words.next()?,
                words.next()?
            ))
        })
        .collect()
}

fn key_error(error: impl fmt::Display) -> LabError {
    LabError::Key(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_short_name() {
        let name = LabName::of_path(Path::new("/srv/app"));
        assert_eq!(name.as_str().len(), 8);
        assert_eq!(name, LabName::of_path(Path::new("/srv/app")));
        assert_ne!(name, LabName::of_path(Path::new("/srv/app2")));
        assert!(name.as_str().parse::<LabName>().is_ok());
    }

    #[test]
    fn names_are_plain() {
        for bad in ["", "-a", "A", "a_b", "a/b", "a b", &"a".repeat(33)] {
            assert!(bad.parse::<LabName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn known_hosts_name_the_port_and_drop_the_comment() {
        assert_eq!(
            known_hosts_lines(
                2201,
                "ssh-ed25519 AAAA root@web1\necdsa-sha2-nistp256 BBBB x\n"
            ),
            "[127.0.0.1]:2201 ssh-ed25519 AAAA\n[127.0.0.1]:2201 ecdsa-sha2-nistp256 BBBB\n"
        );
    }
}
