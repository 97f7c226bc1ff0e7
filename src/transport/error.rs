//! What can go wrong between us and a host. The CLI ends with exit code 4 for all of these.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::Endpoint;
use super::known_hosts::Place;
use crate::script::quote;

type Source = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error("cannot reach {host} on port {port}")]
    Unreachable {
        host: String,
        port: u16,
        #[source]
        source: Source,
    },
    #[error("the SSH settings for {host} cannot be used: {reason}")]
    Settings { host: String, reason: String },
    #[error("the host key of {name} is not known: {algorithm} {fingerprint}")]
    HostKeyUnknown {
        name: String,
        host: String,
        port: u16,
        algorithm: String,
        fingerprint: String,
        /// Where the key belongs once a person has accepted it; none when `host_key` or an alias rules that out.
        file: Option<PathBuf>,
        /// True when the host is only reached through a jump host.
        behind_jump: bool,
    },
    #[error(
        "the host key of {name} has changed: it shows {fingerprint}, but {place} says {recorded}"
    )]
    HostKeyChanged {
        name: String,
        fingerprint: String,
        recorded: String,
        place: Place,
    },
    #[error("the host key of {name} is revoked: {fingerprint}, by {place}")]
    HostKeyRevoked {
        name: String,
        fingerprint: String,
        place: Place,
    },
    #[error("the host key of {name} is {fingerprint}, not {pinned} as `host_key` says")]
    HostKeyNotPinned {
        name: String,
        fingerprint: String,
        pinned: String,
    },
    #[error("the host certificate of {name} is not valid: {reason}")]
    HostCertificate { name: String, reason: String },
    #[error("cannot use the key {file}: {reason}")]
    Key {
        file: PathBuf,
        reason: String,
        hint: String,
    },
    #[error("{host} accepts no key of ours for user {user}{}", tried_text(tried))]
    NoKeyAccepted {
        host: String,
        user: String,
        tried: Vec<String>,
    },
    #[error("cannot become root on {host} as user {user}: {reason}")]
    NoRoot {
        host: String,
        user: String,
        reason: String,
    },
    #[error("no answer from {host} within {} s: {what}", seconds_text(*after))]
    Deadline {
        host: String,
        what: String,
        after: Duration,
    },
    #[error("the connection to {host} was lost")]
    Lost {
        host: String,
        #[source]
        source: Option<Source>,
    },
    #[error("the connection to {host} was lost in the middle of the run")]
    LostInRun {
        host: String,
        #[source]
        source: Option<Source>,
    },
    #[error("this run was silent for too long: {host} no longer lets it change anything")]
    Fenced { host: String },
    #[error("cannot connect to {endpoint} on {host}: {reason}")]
    Dial {
        host: String,
        endpoint: Endpoint,
        reason: String,
    },
    #[error("the sshd of {host} does not let a port there lead here")]
    NotForwarded { host: String },
    #[error("{host} answered `{what}` with something unexpected: {reason}")]
    Protocol {
        host: String,
        what: String,
        reason: String,
    },
    #[error("cannot read what was to be sent to {host}")]
    Upload {
        host: String,
        #[source]
        source: std::io::Error,
    },
}

fn tried_text(tried: &[String]) -> String {
    if tried.is_empty() {
        "; none was found to offer".to_owned()
    } else {
        format!("; tried {}", tried.join(", "))
    }
}

fn seconds_text(after: Duration) -> String {
    let seconds = after.as_secs_f64();
    if after.subsec_millis() == 0 {
        format!("{seconds:.0}")
    } else {
        format!("{seconds:.1}")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => f.write_str(path),
            Self::Loopback(port) => write!(f, "127.0.0.1:{port}"),
            Self::Remote(address) => address.fmt(f),
        }
    }
}

impl TransportError {
    /// What a person can do about it, one sentence each.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Unreachable { host, port, .. } => vec![format!(
                "check the address and port, that the host is up, and that a firewall lets you in: `ssh -p {port} {}`",
                quote(host)
            )],
            Self::HostKeyUnknown {
                host,
                port,
                algorithm,
                fingerprint,
                file,
                behind_jump,
                ..
            } => {
                let mut hints = vec![
                    "compare the fingerprint with one from a trusted source, such as the host's console: `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`".to_owned(),
                ];
                if let (Some(file), false) = (file, behind_jump) {
                    // A person who never used ssh has no such folder yet.
                    let make = match file.parent() {
                        Some(folder) if !folder.exists() => {
                            format!("mkdir -p -m 700 {} && ", quote(&folder.to_string_lossy()))
                        }
                        _ => String::new(),
                    };
                    hints.push(format!(
                        "if it is the same, accept it: `{make}ssh-keyscan -t {} -p {port} {} >> {}`",
                        keyscan_type(algorithm),
                        quote(host),
                        quote(&file.to_string_lossy())
                    ));
                } else if *behind_jump {
                    hints.push("if it is the same, accept it by logging in once with `ssh -J` through the jump host".to_owned());
                }
                hints.push(format!(
                    "or set `host_key: {fingerprint}` for this host in stackctl.yaml"
                ));
                hints
            }
            Self::HostKeyChanged { name, place, .. } => vec![
                "somebody may be between you and the host; or it was installed anew: ask whoever runs it".to_owned(),
                format!(
                    "when the new key is known to be right, remove the old one: `ssh-keygen -R {} -f {}`",
                    quote(name),
                    quote(&place.file.to_string_lossy())
                ),
            ],
            Self::HostKeyRevoked { .. } => vec![
                "this key was marked as stolen or retired: do not connect; give the host a new key"
                    .to_owned(),
            ],
            Self::HostKeyNotPinned { fingerprint, .. } => vec![format!(
                "if the host was installed anew, set `host_key: {fingerprint}`; if not, somebody may be between you and it"
            )],
            Self::HostCertificate { .. } => vec![
                "have the host's certificate issued again for this name (`ssh-keygen -s CA -h -n NAME`)".to_owned(),
            ],
            Self::Key { hint, .. } => vec![hint.clone()],
            Self::NoKeyAccepted { user, host, tried } => {
                let mut hints = vec![format!(
                    "put your public key on the host (`ssh-copy-id {}`), or name the right one with `identity:`",
                    quote(&format!("{user}@{host}"))
                )];
                if tried.len() > 2 {
                    hints.push("servers stop listening after a few keys: `identity:` offers only one".to_owned());
                }
                hints
            }
            Self::NoRoot { user, .. } => vec![format!(
                "let {user} become root without a password, `{user} ALL=(ALL) NOPASSWD: ALL` in /etc/sudoers.d/stackctl, or log in as root"
            )],
            Self::Deadline { .. } => vec![
                "the host may be overloaded, or the network slow; try again".to_owned(),
            ],
            Self::Lost { .. } => vec![
                "try again: what was begun on the host is finished or taken back by the next run".to_owned(),
            ],
            Self::LostInRun { .. } | Self::Fenced { .. } => vec![
                "the host takes back by itself, within 30 s, what this run had not confirmed; what was confirmed stays".to_owned(),
                "see where it stands with `stackctl lock status` and `stackctl status`, then run the command again".to_owned(),
            ],
            Self::NotForwarded { .. } => vec![
                "it is `AllowTcpForwarding` in its sshd_config, or `restrict` before the key in authorized_keys".to_owned(),
            ],
            Self::Settings { .. }
            | Self::Dial { .. }
            | Self::Protocol { .. }
            | Self::Upload { .. } => Vec::new(),
        }
    }
}

impl TransportError {
    /// The same error for one more caller; of its causes only the words are left.
    pub(super) fn repeated(&self) -> Self {
        match self {
            Self::Lost { host, source } => Self::Lost {
                host: host.clone(),
                source: source.as_ref().map(|source| source.to_string().into()),
            },
            Self::LostInRun { host, source } => Self::LostInRun {
                host: host.clone(),
                source: source.as_ref().map(|source| source.to_string().into()),
            },
            Self::Fenced { host } => Self::Fenced { host: host.clone() },
            Self::Deadline { host, what, after } => Self::Deadline {
                host: host.clone(),
                what: what.clone(),
                after: *after,
            },
            Self::Protocol { host, what, reason } => Self::Protocol {
                host: host.clone(),
                what: what.clone(),
                reason: reason.clone(),
            },
            other => Self::Protocol {
                host: String::new(),
                what: "connect".to_owned(),
                reason: other.to_string(),
            },
        }
    }
}

fn keyscan_type(algorithm: &str) -> &'static str {
    if algorithm.contains("rsa") {
        "rsa"
    } else if algorithm.contains("ecdsa") {
        "ecdsa"
    } else {
        "ed25519"
    }
}
