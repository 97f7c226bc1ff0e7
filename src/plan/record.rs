//! What a release was, written beside it: all that a rollback needs when nothing else of it is left, and what `diff`
//! compares.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::container::ContainerSpec;
use super::secret::RecordedSecrets;
use crate::facts::HostFacts;
use crate::model::{HostPath, Layout, Owner, ReleaseId, RemoteFile, ServiceName};

/// The contents of a release's `release.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub schema: u32,
    pub service: ServiceName,
    pub id: ReleaseId,
    /// Its container; a release that a unit runs has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<ContainerSpec>,
    /// What else it is made of: what a boot makes its link from, its units, their variables.
    pub files: Vec<RecordedFile>,
    /// The files that it was made from: path below the build context → SHA-256.
    pub sources: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "RecordedSecrets::is_empty")]
    pub secrets: RecordedSecrets,
}

/// A text file of root's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedFile {
    pub path: HostPath,
    pub mode: u32,
    pub text: String,
}

impl RecordedFile {
    pub(super) fn of(file: &RemoteFile) -> Self {
        Self {
            path: file.path.clone(),
            mode: file.mode,
            text: String::from_utf8_lossy(&file.contents).into_owned(),
        }
    }

    pub(super) fn file(&self) -> RemoteFile {
        RemoteFile {
            path: self.path.clone(),
            mode: self.mode,
            owner: Owner::ROOT,
            contents: self.text.clone().into_bytes(),
        }
    }
}

impl Record {
    /// The path of a release's record.
    pub fn path(layout: &Layout, service: &ServiceName, id: &ReleaseId) -> HostPath {
        format!("{}/release.json", layout.release(service, id))
            .parse()
            .expect("a plain path")
    }

    /// The record of a release, when the host showed it and it can be read.
    pub fn of(
        facts: &HostFacts,
        layout: &Layout,
        service: &ServiceName,
        id: &ReleaseId,
    ) -> Option<Self> {
        let file = facts.files.get(&Self::path(layout, service, id))?;
        serde_json::from_slice(file.contents.as_deref()?).ok()
    }

    /// As it stands beside the release.
    pub(super) fn file(&self, layout: &Layout) -> RemoteFile {
        RemoteFile {
            path: Self::path(layout, &self.service, &self.id),
            mode: 0o600,
            owner: Owner::ROOT,
            contents: self.to_bytes(),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("a record is plain data")
    }
}
