//! Docker's Engine API over a transport: the socket on the host, no CLI, nothing published.
//!
//! The API version is negotiated, so engines from 20.10 (API 1.41) to 29 (whose lowest is 1.44) are served.

mod composed;
mod connect;
mod containers;
mod images;
mod local;
mod logs;
mod moved;
mod observe;
mod programs;
mod registry;
mod stream;

use std::sync::Arc;
use std::time::Duration;

pub use connect::{Ahead, SOCKET};
pub use images::Progress;
pub use logs::{LogLine, LogQuery};
pub use moved::{ImageIdentity, LayersThere};
pub use programs::{Exec, unstartable};

use bollard::Docker;
use bollard::errors::Error;

use crate::model::Logins;

/// A connected engine.
#[derive(Clone)]
pub struct Engine {
    docker: Docker,
    /// `1.44`.
    pub api: String,
    /// For what is pulled.
    logins: Arc<Logins>,
}

/// Something that an engine did not do.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    #[error("cannot talk to Docker's engine on the host")]
    Connect(#[source] Error),
    #[error("no Docker engine answers on this machine, at {socket}")]
    NoLocal {
        socket: String,
        #[source]
        source: Error,
    },
    #[error("DOCKER_HOST names an engine that is not on this machine: {0}")]
    Elsewhere(String),
    #[error("Docker's engine did not {what}")]
    Refused {
        what: String,
        #[source]
        source: Error,
    },
    #[error("Docker's engine did not {what}: {why}")]
    Failed { what: String, why: String },
    #[error("Docker's engine did not {what} within {deadline:?}")]
    Deadline { what: String, deadline: Duration },
    #[error("cannot read what is to be sent to Docker's engine")]
    Upload(#[source] std::io::Error),
}

impl Engine {
    /// The same, with the logins of registries for what it is told to pull or build.
    pub fn with_logins(self, logins: Arc<Logins>) -> Self {
        Self { logins, ..self }
    }
}

impl DockerError {
    fn refused(what: impl Into<String>) -> impl FnOnce(Error) -> DockerError {
        let what = what.into();
        move |source| DockerError::Refused { what, source }
    }

    /// In the middle of an answer that is streamed: bollard makes an error of a message in it.
    fn in_stream(what: &str) -> impl FnOnce(Error) -> DockerError {
        let what = what.to_owned();
        move |error| match error {
            Error::DockerStreamError { error: why } => DockerError::Failed { what, why },
            source => DockerError::Refused { what, source },
        }
    }
}

impl DockerError {
    /// Whether the engine itself said no, and so its host can be reached.
    pub fn is_answer(&self) -> bool {
        match self {
            DockerError::Failed { .. } => true,
            DockerError::Refused { source, .. } => matches!(
                source,
                Error::DockerResponseServerError { .. } | Error::DockerStreamError { .. }
            ),
            _ => false,
        }
    }

    /// Whether it found no room, as far as its words tell.
    pub fn is_without_room(&self) -> bool {
        let words = match self {
            DockerError::Failed { why, .. } => why.clone(),
            DockerError::Refused { source, .. } => source.to_string(),
            _ => return false,
        };
        words.to_lowercase().contains(NO_ROOM)
    }

    /// Whether a pull that ended with this may succeed a little later: the registry or the way to it failed. One that says
    /// that there is no such image, or that we may not have it, will say so again.
    pub fn is_passing(&self) -> bool {
        let DockerError::Refused { source, .. } = self else {
            return match self {
                DockerError::Failed { why, .. } => !is_final(why),
                DockerError::Deadline { .. } | DockerError::Connect(_) => true,
                _ => false,
            };
        };
        match source {
            Error::DockerResponseServerError {
                status_code,
                message,
            } => (*status_code >= 500 || *status_code == 429) && !is_final(message),
            Error::DockerStreamError { error } => !is_final(error),
            other => !connect::is_host_gone(other),
        }
    }
}

const NO_ROOM: &str = "no space left";

/// Whether an engine repeats a registry's last word. Engines answer 500 to most of what registries say, so that only the
/// names of the errors tell: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes>.
fn is_final(message: &str) -> bool {
    let message = message.to_lowercase();
    let last_words = [
        "not found",
        "manifest unknown",
        "name unknown",
        "name invalid",
        "unauthorized",
        "denied",
        "no basic auth credentials",
        "no matching manifest",
        NO_ROOM,
    ];
    last_words.iter().any(|word| message.contains(word))
}

/// Whether an engine's answer had this status.
fn has_status(error: &Error, status: u16) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code, .. } if *status_code == status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_that_may_succeed_later_is_told_from_one_that_cannot() {
        let answered = |status_code, message: &str| {
            let message = message.to_owned();
            DockerError::refused("pull x")(Error::DockerResponseServerError {
                status_code,
                message,
            })
        };
        for (status, message) in [
            (
                500,
                "Get \"https://registry/v2/\": dial tcp: lookup registry: Temporary failure in name resolution",
            ),
            (
                500,
                "received unexpected HTTP status: 503 Service Unavailable",
            ),
            (500, "net/http: TLS handshake timeout"),
            (429, "toomanyrequests: slow down"),
        ] {
            assert!(answered(status, message).is_passing(), "{message}");
        }
        for (status, message) in [
            (404, "manifest for names:9 not found: manifest unknown"),
            (404, "pull access denied for names"),
            (401, "no"),
            (
                500,
                "Head \"https://registry/v2/a\": unauthorized: authentication required",
            ),
        ] {
            assert!(!answered(status, message).is_passing(), "{message}");
        }
        let cut = DockerError::Failed {
            what: "pull x".into(),
            why: "unexpected EOF".into(),
        };
        assert!(cut.is_passing());
    }
}
