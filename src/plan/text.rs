//! A plan as text: for people, tests and reviews alike.

use similar::TextDiff;

use super::step::{Action, Plan};

/// A unified diff with three lines of context, without the file header.
pub fn diff(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    diff.unified_diff().context_radius(3).to_string()
}

/// The plan, a line a step with host and cause, and the diff of each file below its step.
pub fn plan_text(plan: &Plan, diffs: bool) -> String {
    let mut text = String::new();
    for (index, step) in plan.steps.iter().enumerate() {
        text.push_str(&format!(
            "#{} {}: {} ({})\n",
            index + 1,
            step.host,
            step.action.words(),
            step.cause
        ));
        if diffs && let Some(change) = step.action.change() {
            for line in change.lines() {
                text.push_str("    ");
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    for note in &plan.notes {
        text.push_str(&format!("note {}: {}\n", note.host, note.text));
    }
    text
}

impl Action {
    /// The unified diff of the file that this step writes.
    pub fn change(&self) -> Option<String> {
        let (file, before) = match self {
            Action::PutFile { file, .. } if is_record(file.path.as_str()) => return None,
            Action::PutFile { file, before } => (file, before),
            Action::InstallSite(site) => (&site.file, &site.before),
            _ => return None,
        };
        let before = before.as_deref().unwrap_or_default();
        Some(diff(
            &String::from_utf8_lossy(before),
            &String::from_utf8_lossy(&file.contents),
        ))
    }
}

/// Records of ours that repeat what the steps themselves say.
fn is_record(path: &str) -> bool {
    path.ends_with("/manifest.json") || path.ends_with("/release.json")
}
