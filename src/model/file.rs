//! Files as they are to stand on a host.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An absolute path on a host, in an alphabet that no format has to escape.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPath(String);

/// Why a text is not a path we would write to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a usable path on a host: it must be absolute, without `..`, made of letters, digits and `._@+-/`"
)]
pub struct HostPathError(pub String);

impl HostPath {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder that holds it.
    pub fn parent(&self) -> &str {
        match self.0.rfind('/') {
            Some(0) | None => "/",
            Some(at) => &self.0[..at],
        }
    }
}

impl FromStr for HostPath {
    type Err = HostPathError;

    fn from_str(text: &str) -> Result<Self, HostPathError> {
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._@+-/".contains(&b));
        let rooted = text.starts_with('/') && text.len() > 1 && !text.ends_with('/');
        if plain
            && rooted
            && !text
                .split('/')
                .skip(1)
                .any(|part| matches!(part, "" | "." | ".."))
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(HostPathError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for HostPath {
    type Error = HostPathError;

    fn try_from(text: String) -> Result<Self, HostPathError> {
        text.parse()
    }
}

impl From<HostPath> for String {
    fn from(path: HostPath) -> String {
        path.0
    }
}

impl fmt::Display for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Numeric owner and group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub user: u32,
    pub group: u32,
}

impl Owner {
    pub const ROOT: Owner = Owner { user: 0, group: 0 };
}

/// A file as it is to stand on a host: path, mode and every byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFile {
    pub path: HostPath,
    /// Permission bits, for example `0o644`.
    pub mode: u32,
    pub owner: Owner,
    pub contents: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::HostPath;

    #[test]
    fn paths_are_absolute_and_plain() {
        for good in [
            "/etc/nginx/sites-available/names.conf",
            "/etc/systemd/system/a-b@.service",
        ] {
            assert!(good.parse::<HostPath>().is_ok(), "{good}");
        }
        for bad in [
            "", "/", "etc/x", "/a/../b", "/a//b", "/a/", "/a b", "/a;b", "/a\nb", "/./a",
        ] {
            assert!(bad.parse::<HostPath>().is_err(), "{bad}");
        }
        assert_eq!("/a/b".parse::<HostPath>().unwrap().parent(), "/a");
        assert_eq!("/a".parse::<HostPath>().unwrap().parent(), "/");
    }
}
