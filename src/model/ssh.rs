//! How a host is reached. Only `transport` reads these.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// What the yaml says of reaching a host; what it leaves out comes from `~/.ssh/config`, then from SSH's defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshTarget {
    /// An address, a DNS name or a `Host` alias of `~/.ssh/config`.
    pub address: String,
    pub port: Option<u16>,
    pub user: Option<String>,
    /// A private key file; the only key offered when given.
    pub identity: Option<PathBuf>,
    /// Instead of `~/.ssh/known_hosts` and `/etc/ssh/ssh_known_hosts`.
    pub known_hosts: Option<PathBuf>,
    /// `[user@]host[:port]` of a jump host, or several, separated by commas; as OpenSSH's `ProxyJump`.
    pub jump: Option<String>,
    /// Accept exactly this host key (for CI, where no `known_hosts` exists).
    pub host_key: Option<Fingerprint>,
}

/// A host key's SHA-256 fingerprint as OpenSSH prints it: `SHA256:` and 43 base64 digits without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a host key fingerprint: write it as `ssh-keygen -lf` prints it, `SHA256:…`")]
pub struct FingerprintError(pub String);

impl Fingerprint {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digits = text.strip_prefix("SHA256:").unwrap_or_default();
        let plain = digits
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
        if digits.len() == 43 && plain {
            Ok(Self(text.to_owned()))
        } else {
            Err(FingerprintError(text.to_owned()))
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
