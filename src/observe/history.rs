//! What a host wrote down of the runs that changed it.

use std::time::Duration;

use serde_json::Value;

use super::Unobserved;
use crate::facts::HistoryFacts;
use crate::model::{Layout, Stack};
use crate::script;
use crate::transport::Transport;

const DEADLINE: Duration = Duration::from_secs(30);

/// The last `limit` runs of a host, oldest first, and the one that has not ended.
///
/// # Errors
/// When the host cannot be asked.
pub async fn history(
    stack: &Stack,
    transport: &dyn Transport,
    limit: usize,
) -> Result<HistoryFacts, Unobserved> {
    let layout = Layout::new(&stack.name);
    let script = script::history(layout.history(), layout.pending(), limit);
    let output = transport.run(&script, &[], DEADLINE).await?;
    let mut facts = HistoryFacts::default();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        match line.split_once('\t') {
            Some(("run", line)) => match serde_json::from_str::<Value>(line) {
                Ok(run) => facts.runs.push(run),
                Err(_) => facts.unreadable += 1,
            },
            Some(("open", line)) => facts.open = serde_json::from_str(line).ok(),
            _ => {}
        }
    }
    Ok(facts)
}

/// Path → SHA-256 of the files below a folder of a host.
///
/// # Errors
/// When the host cannot be asked.
pub async fn digests(
    transport: &dyn Transport,
    folder: &crate::model::HostPath,
) -> Result<std::collections::BTreeMap<String, String>, Unobserved> {
    let output = transport
        .run(&script::digests(folder), &[], DEADLINE)
        .await?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().filter_map(|line| line.split_once("  "));
    Ok(lines
        .map(|(digest, path)| (path.trim_start_matches("./").to_owned(), digest.to_owned()))
        .collect())
}
