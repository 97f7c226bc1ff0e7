//! Names that end up in paths, units, containers and SQL: one narrow alphabet for all of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: {rule}")]
pub struct NameError {
    pub text: String,
    pub what: &'static str,
    pub rule: &'static str,
}

const LABEL_RULE: &str =
    "use 1 to 32 lower-case letters, digits and inner hyphens, beginning with a letter";

fn is_label(text: &str) -> bool {
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $check:expr, $rule:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(NameError { text: text.to_owned(), what: $what, rule: $rule })
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name!(
    /// A stack's name: the prefix of everything that is ours on a host.
    StackName, "a stack name", is_label, LABEL_RULE
);
name!(
    /// A service's name.
    ServiceName, "a service name", is_label, LABEL_RULE
);
name!(
    /// A site's name (not what visitors type; that is a [`super::ServerName`]).
    SiteName, "a site name", is_label, LABEL_RULE
);
name!(
    /// The name that the yaml gives to a host (not its address).
    HostName, "a host name", is_label, LABEL_RULE
);
name!(
    /// An environment variable's name.
    EnvName,
    "an environment variable's name",
    |text| {
        text.len() <= 128
            && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    },
    "use letters, digits and `_`, not beginning with a digit"
);
name!(
    /// An image reference, `[registry/]name[:tag][@digest]`.
    /// Grammar: <https://pkg.go.dev/github.com/distribution/reference>.
    ImageRef,
    "an image reference",
    |text| {
        !text.is_empty()
            && text.len() <= 255
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-/:@".contains(&b))
            && !text.contains("//")
            && !text.contains("..")
            && !text.ends_with([':', '/', '@', '-', '.'])
    },
    "write it as `name:tag` or `registry/name:tag@sha256:…`"
);
name!(
    /// A registry of images, as it stands in their names.
    RegistryName,
    "a registry's name",
    |text| {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        !host.is_empty()
            && text.len() <= 255
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
            && !host.starts_with(['.', '-'])
            && !host.ends_with(['.', '-'])
            && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
            && (host.contains('.') || port.is_some() || host == "localhost")
    },
    "write its host as it stands in images, such as `ghcr.io` or `registry.example.com:5000`; Docker Hub is `docker.io`"
);
name!(
    /// Names one release of one service: the first 12 hex digits of the digest of all that it is made of.
    ReleaseId,
    "a release id",
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
    "it is 12 lower-case hex digits, as `stackctl status` shows them"
);

name!(
    /// A signal by its name, as signal(7) lists them.
    StopSignal,
    "a signal",
    |text| {
        let number = text.strip_prefix("SIGRTMIN+").map(str::parse::<u8>);
        match number {
            Some(number) => number.is_ok_and(|number| number <= 15),
            None => [
                "SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGCONT",
            ]
            .contains(&text),
        }
    },
    "write its name, such as SIGTERM, SIGINT, SIGQUIT or SIGRTMIN+3"
);

impl RegistryName {
    /// The registry of images whose names tell none.
    pub const DOCKER_IO: &str = "docker.io";
}

impl ServiceName {
    /// The prefix of the variables that tell an app about this service: `user-db` becomes `USER_DB`.
    pub fn env_prefix(&self) -> String {
        self.0.to_ascii_uppercase().replace('-', "_")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_to_one_alphabet() {
        for good in ["a", "names", "web-1", "a".repeat(32).as_str()] {
            assert!(good.parse::<ServiceName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            "A",
            "1a",
            "a_b",
            "a b",
            "a/../b",
            "ä",
            "a".repeat(33).as_str(),
        ] {
            assert!(bad.parse::<ServiceName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn image_references() {
        for good in [
            "mysql:8.4",
            "registry.example.com:5000/team/app:1.2",
            "nginx@sha256:abcd",
        ] {
            assert!(good.parse::<ImageRef>().is_ok(), "{good}");
        }
        for bad in ["", "a b", "mysql:", "../x", "a//b", "x;rm", "-x"] {
            assert!(bad.parse::<ImageRef>().is_err(), "{bad}");
        }
    }
}
