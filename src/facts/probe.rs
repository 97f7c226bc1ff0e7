//! What services and sites answered to HTTP requests from their own host.

use crate::model::{HostName, ServiceName, SiteName};

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeFacts {
    pub host: HostName,
    pub probed: Probed,
    pub path: String,
    /// HTTP status, or why there is none.
    pub status: Result<u16, String>,
}

/// Who was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probed {
    /// An app, through the socket that nginx uses, at its health path.
    Service(ServiceName),
    /// A site, through nginx.
    Site(SiteName),
    /// An app on another host, as an edge asks for it.
    Instance(ServiceName, HostName),
}
