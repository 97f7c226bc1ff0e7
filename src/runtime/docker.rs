//! Docker's Engine API over a transport: the socket on the host, no CLI, nothing published.
//!
//! The API version is negotiated, so engines from 20.10 (API 1.41) to 29 (whose lowest is 1.44) are served.

mod connect;
mod containers;
mod images;
mod observe;

use std::time::Duration;

pub use connect::SOCKET;
pub use images::Progress;

use bollard::Docker;
use bollard::errors::Error;

/// A connected engine.
#[derive(Clone)]
pub struct Engine {
    docker: Docker,
    /// `1.44`.
    pub api: String,
}

/// Something that an engine did not do.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    #[error("cannot talk to Docker's engine on the host")]
    Connect(#[source] Error),
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

impl DockerError {
    fn refused(what: impl Into<String>) -> impl FnOnce(Error) -> DockerError {
        let what = what.into();
        move |source| DockerError::Refused { what, source }
    }
}

/// Whether an engine's answer had this status.
fn has_status(error: &Error, status: u16) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code, .. } if *status_code == status)
}
