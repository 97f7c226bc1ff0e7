//! What a host wrote down of the runs that changed it.

use serde_json::Value;

/// A host's history, as JSON objects: `run`, `command`, `who`, `outcome`, … as `stackctl history --json` shows them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HistoryFacts {
    /// Oldest first.
    pub runs: Vec<Value>,
    /// The run that is under way, or that ended without a word and is not taken back yet.
    pub open: Option<Value>,
    /// Lines that are no JSON.
    pub unreadable: usize,
}
