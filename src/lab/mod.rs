//! The lab: disposable hosts that look like fresh EC2 instances, on the local Docker engine.
//!
//! A host is a container whose process 1 is systemd, with sshd, an `ubuntu` user and nothing else; stackctl reaches it
//! over SSH like any other. Where no public registry answers, a registry of the lab's own stands in for docker.io.
//! Nothing outside of this module knows that a host is a lab host, or that an image is a stand-in.
//!
//! What is absent on purpose: no `docker` CLI is run, no container of others is touched (every object carries
//! [`LABEL`]), nothing listens on an address other than 127.0.0.1.

mod down;
mod engine;
mod error;
mod event;
mod fault;
mod host;
mod image;
mod machine;
mod ready;
mod recipe;
mod registry;
mod state;
mod up;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use down::{LabImage, down, images, remove_images};
pub use engine::{connect, ensure_engine};
pub use error::LabError;
pub use event::{Events, LabEvent};
pub use fault::{pause, reboot, unpause};
pub use host::{LabHost, PUBLISHED};
pub use state::{Lab, LabName, StateFolder};
pub use up::{HostState, HostStatus, LabStatus, UpOptions, network_address, status, up};

/// Label on every container, network and volume of a lab; its value is the lab's name.
pub const LABEL: &str = "stackctl.lab";

/// The distribution that lab hosts run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Base {
    /// Debian 12.
    #[default]
    Bookworm,
    /// Debian 13.
    Trixie,
    /// Debian unstable.
    Sid,
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
            Self::Sid => "sid",
        })
    }
}

impl FromStr for Base {
    type Err = LabError;

    fn from_str(name: &str) -> Result<Self, LabError> {
        [Self::Bookworm, Self::Trixie, Self::Sid]
            .into_iter()
            .find(|base| base.to_string() == name)
            .ok_or_else(|| LabError::BadBase {
                name: name.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests;
