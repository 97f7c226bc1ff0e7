//! What this machine has for a service that nobody may see.

use std::collections::BTreeMap;

use crate::model::{EnvName, Secret, ServiceName};

/// Each service that is given secrets of this machine → what.
pub type GivenSecrets = BTreeMap<ServiceName, GivenToService>;

/// Values that are sent to a service's hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenToService {
    /// Secrets that are files.
    pub files: BTreeMap<EnvName, Secret>,
    /// Variables, those of its `env_file` among them.
    pub variables: BTreeMap<EnvName, Secret>,
}
