//! `manifest.json` on a host: every file that is ours, so that drift, orphans and removal are exact.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::HostPath;

/// What the last run left on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format's version; 1.
    pub schema: u32,
    pub files: BTreeMap<HostPath, Owned>,
}

/// A file as we wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// SHA-256, hex.
    pub digest: String,
    /// Octal permission bits as text, `0644`.
    pub mode: String,
}

impl Manifest {
    /// The bytes of `manifest.json`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a map of strings is JSON");
        bytes.push(b'\n');
        bytes
    }
}
