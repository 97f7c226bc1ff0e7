//! What hosts said of themselves, as data. Parsers are pure: text in, facts out.

mod certificate;
mod docker;
mod firewall;
mod given;
mod health;
mod history;
mod host;
mod manifest;
mod probe;
mod source;

use std::collections::BTreeMap;

pub use certificate::{CertificateFacts, Leaf, OwnCertificate, OwnCertificates};
pub use docker::{
    ContainerDetails, ContainerFacts, ContainerSettings, DatabaseFacts, DockerFacts, ImageFacts,
    MountFacts, NetworkFacts, RegistryFacts, SchemaFacts, by_digest, is_bare,
};
pub use firewall::FirewallFacts;
pub use given::{GivenSecrets, GivenToService};
pub use health::{ConfigFacts, HostHealth, MachineFacts};
pub use history::HistoryFacts;
pub use host::{FactsError, FileFacts, FileKind, HostFacts, Listener, Os, Space, UnitFacts};
pub use manifest::{Manifest, Owned};
pub use probe::{ProbeFacts, Probed};
pub use source::{SourceEntry, SourceFile, SourceTree, hex, sha256};

use crate::model::HostName;

/// What each host that answered said.
pub type Facts = BTreeMap<HostName, HostFacts>;
