//! What services are given of the stack's secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{EnvName, SecretSource};

/// Where a secret of the stack comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretOrigin {
    /// The machine that deploys has it.
    Here(SecretSource),
    /// Each host makes its own of so many letters and digits, once.
    Generated(u32),
}

/// What a service is given. Values are in no yaml: these are names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceSecrets {
    /// Each in a file that the service alone reads.
    pub files: BTreeSet<EnvName>,
    /// Variable → the secret that it holds.
    pub env: BTreeMap<EnvName, EnvName>,
    /// Files of this machine with variables, absolute; later ones count more.
    pub env_files: Vec<PathBuf>,
}

impl ServiceSecrets {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && !self.has_variables()
    }

    /// Whether variables are given whose values nobody may see.
    pub fn has_variables(&self) -> bool {
        !self.env.is_empty() || !self.env_files.is_empty()
    }

    /// The secrets of the stack that are used.
    pub fn names(&self) -> impl Iterator<Item = &EnvName> {
        self.files.iter().chain(self.env.values())
    }
}
