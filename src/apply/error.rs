//! Why a step failed, with the last words of what did.

use std::path::PathBuf;
use std::time::Duration;

use super::hook::HookError;
use crate::runtime::docker::DockerError;
use crate::runtime::variables::VariablesError;
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
    Variables(#[from] VariablesError),
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// What an engine without room says seldom tells of it.
    #[error("{}", full.join("; "))]
    NoRoom {
        /// What has no room left, in words.
        full: Vec<String>,
        #[source]
        source: DockerError,
    },
    #[error("the build failed")]
    Build {
        tail: Vec<String>,
        #[source]
        source: DockerError,
    },
    #[error("the image is for {image}, and the host's processor is {host}")]
    OtherProcessor { image: String, host: String },
    #[error(
        "{image} did not arrive whole: neither sent, twice, nor pulled through the SSH connection"
    )]
    NotWhole {
        image: String,
        /// Of the last try.
        #[source]
        source: Box<ApplyError>,
    },
    #[error("`{command}` did not build the files")]
    FilesNotBuilt {
        command: String,
        /// The last lines it said; the last of them says why.
        tail: Vec<String>,
    },
    #[error("`{command}` did not build the files on this machine")]
    Here {
        command: String,
        #[source]
        source: HookError,
    },
    #[error("{path} cannot be {done} on this machine")]
    Folder {
        path: PathBuf,
        done: &'static str,
        #[source]
        source: std::io::Error,
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
    #[error("database {database} could not be loaded: {why}")]
    Init {
        database: String,
        why: String,
        /// The file, and what the server said of it, with the line.
        tail: Vec<String>,
    },
    #[error("nginx was told to reload, but the new site does not answer on port {port}: {why}")]
    SiteNotLive {
        port: u16,
        why: String,
        /// What nginx said of it, last.
        tail: Vec<String>,
    },
    #[error("nginx refuses what other sites of this host have, so this one was not tried")]
    OtherSite {
        /// What nginx says of it.
        tail: Vec<String>,
    },
    #[error("no certificate was issued for {}: {refusal}", names.join(", "))]
    Certificate {
        names: Vec<String>,
        refusal: Refusal,
        /// What the authority said.
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
            | ApplyError::FilesNotBuilt { tail, .. }
            | ApplyError::Unhealthy { tail, .. }
            | ApplyError::OneOff { tail, .. }
            | ApplyError::OneOffLate { tail, .. }
            | ApplyError::EngineRestarted { tail, .. }
            | ApplyError::Damaged { tail }
            | ApplyError::OtherSite { tail }
            | ApplyError::Certificate { tail, .. }
            | ApplyError::Database { tail, .. }
            | ApplyError::Init { tail, .. }
            | ApplyError::SiteNotLive { tail, .. } => tail,
            ApplyError::Here { source, .. } => source.tail(),
            _ => &[],
        }
    }

    /// Whether the host itself said no, and so can be asked why.
    pub(super) fn is_answer(&self) -> bool {
        match self {
            ApplyError::Script { .. } | ApplyError::Unhealthy { .. } => true,
            ApplyError::Docker(error) => error.is_answer(),
            _ => false,
        }
    }

    /// This, told with what has no room left on the host.
    pub(super) fn beside_full(mut self, full: Vec<String>) -> Self {
        match &mut self {
            ApplyError::Script { tail, .. } | ApplyError::Unhealthy { tail, .. } => {
                tail.extend(full);
                self
            }
            ApplyError::Docker(_) if full.is_empty() => self,
            _ => match self {
                ApplyError::Docker(source) => ApplyError::NoRoom { full, source },
                other => other,
            },
        }
    }
}

/// Why an authority did not issue a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    RateLimited,
    /// The authority could not be asked.
    NotAnswered,
    /// In its own words.
    Other,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Refusal::RateLimited => "the authority was asked too often",
            Refusal::NotAnswered => "the authority cannot be reached from the host",
            Refusal::Other => "the authority refused",
        })
    }
}
