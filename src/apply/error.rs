//! Why a step failed, with the last words of what did.

use std::time::Duration;

use crate::runtime::docker::DockerError;
use crate::transport::TransportError;

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("{script} ended with exit code {status}")]
    Script {
        script: &'static str,
        status: i32,
        /// The last lines it said.
        tail: Vec<String>,
    },
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error(transparent)]
    Docker(#[from] DockerError),
    #[error("the build failed")]
    Build {
        tail: Vec<String>,
        #[source]
        source: DockerError,
    },
    #[error("{container} {why}")]
    Unhealthy {
        container: String,
        why: String,
        /// The last lines the container said.
        tail: Vec<String>,
    },
    #[error("Docker's engine restarted {what}")]
    EngineRestarted {
        what: String,
        tail: Vec<String>,
        #[source]
        source: Box<ApplyError>,
    },
    #[error("`{command}` ended with exit code {status}")]
    OneOff {
        command: String,
        status: i64,
        tail: Vec<String>,
    },
    #[error(
        "`{command}` had not ended after {} s, and was ended; `release_deadline` gives it longer",
        deadline.as_secs()
    )]
    OneOffLate {
        command: String,
        deadline: Duration,
        tail: Vec<String>,
    },
    #[error("{container} did not answer a query within {seconds} s: {why}")]
    Database {
        container: String,
        seconds: u64,
        why: String,
        tail: Vec<String>,
    },
    #[error("nginx was told to reload, but the new site does not answer on port {port}: {why}")]
    SiteNotLive {
        port: u16,
        why: String,
        /// What nginx said of it, last.
        tail: Vec<String>,
    },
    #[error(
        "`{words}` cannot be taken back by a host alone; this is a fault of stackctl, please report it"
    )]
    NeedsUs { words: String },
    #[error(
        "twice it did not arrive as it was sent, so nothing of it was kept; look at the host's disk and memory: `df /var/lib`, `dmesg`"
    )]
    Damaged { tail: Vec<String> },
    #[error("no new SSH connection can be made")]
    Unconfirmed(#[source] TransportError),
    #[error("stopped before it was done")]
    Cancelled,
}

impl ApplyError {
    /// The last lines that what failed said.
    pub fn tail(&self) -> &[String] {
        match self {
            ApplyError::Script { tail, .. }
            | ApplyError::Build { tail, .. }
            | ApplyError::Unhealthy { tail, .. }
            | ApplyError::OneOff { tail, .. }
            | ApplyError::OneOffLate { tail, .. }
            | ApplyError::EngineRestarted { tail, .. }
            | ApplyError::Damaged { tail }
            | ApplyError::Database { tail, .. }
            | ApplyError::SiteNotLive { tail, .. } => tail,
            _ => &[],
        }
    }
}
