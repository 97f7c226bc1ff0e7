//! What can go wrong with a lab, and what to do next.

use std::path::PathBuf;

/// Why a lab could not be made, seen or removed.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    #[error(
        "no Docker engine answers at {socket}; start Docker, or let stackctl install it with --yes (as root on Debian or Ubuntu)"
    )]
    NoEngine {
        socket: String,
        #[source]
        source: Option<Box<bollard::errors::Error>>,
    },
    #[error(
        "DOCKER_HOST is {value:?}, but a lab needs a local engine: unset it, or give unix:///path/to/docker.sock"
    )]
    RemoteEngine { value: String },
    #[error("{what} failed (exit {code}); the last lines:\n{tail}")]
    Script {
        what: &'static str,
        code: i32,
        tail: String,
    },
    #[error(
        "the Docker engine was started and does not answer after {seconds} s; see `journalctl -u docker` or {log}, whose last lines are:\n{tail}"
    )]
    EngineSilent {
        seconds: u64,
        log: String,
        tail: String,
    },
    #[error("cannot {what} with the Docker engine")]
    Engine {
        what: String,
        #[source]
        source: Box<bollard::errors::Error>,
    },
    #[error("building the image {image} failed: {reason}\n{tail}")]
    Build {
        image: String,
        reason: String,
        tail: String,
    },
    #[error(
        "there is no base image for {suite}: no registry answers, and mmdebstrap is not installed; run `apt-get install mmdebstrap`, or use --yes"
    )]
    NoBootstrap { suite: String },
    #[error(
        "host {host} was not ready after {seconds} s: {reason}; its console: `docker logs {container}`"
    )]
    NotReady {
        host: String,
        container: String,
        seconds: u64,
        reason: String,
    },
    #[error(
        "{name:?} is no name for a lab: use lower-case letters, digits and `-`, at most 32, a letter or digit first"
    )]
    BadName { name: String },
    #[error("{name:?} is no base for a lab host: use bookworm, trixie or sid")]
    BadBase { name: String },
    #[error(
        "lab {name} has hosts on {has}, not {wanted}; `stackctl lab down` first, or give the new lab another name"
    )]
    OtherBase {
        name: String,
        has: String,
        wanted: String,
    },
    #[error("a lab has 1 to 9 hosts, not {0}")]
    BadCount(u8),
    #[error("there is no lab {name}; `stackctl lab up` makes one")]
    NoLab { name: String },
    #[error("cannot {what} {path}")]
    File {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} is not what `lab up` wrote; `stackctl lab down` removes it")]
    Corrupt {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("cannot make a key pair for the lab: {0}")]
    Key(String),
}

impl LabError {
    /// For `map_err`: an engine call that failed while doing `what`.
    pub(super) fn engine(what: impl Into<String>) -> impl FnOnce(bollard::errors::Error) -> Self {
        let what = what.into();
        move |source| Self::Engine {
            what,
            source: Box::new(source),
        }
    }

    /// For `map_err`: a file operation that failed.
    pub(super) fn file(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }
}
