//! A plan for people and for scripts.

use serde_json::{Value, json};

use super::Paint;
use crate::plan::Plan;

/// Each step with host, cause and the diff of its file.
pub fn plan_pretty(plan: &Plan, paint: Paint) -> String {
    let mut text = String::new();
    let host_width = plan
        .steps
        .iter()
        .map(|step| step.host.as_str().len())
        .max()
        .unwrap_or(0);
    let number_width = plan.steps.len().to_string().len();
    for (index, step) in plan.steps.iter().enumerate() {
        text.push_str(&format!(
            "{:>number_width$}  {:<host_width$}  {}  {}\n",
            index + 1,
            step.host.as_str(),
            paint.strong(&step.action.words()),
            paint.faint(&format!("({})", step.cause)),
        ));
        let Some(change) = step.action.change() else {
            continue;
        };
        for line in change.lines() {
            text.push_str(&format!("      {}\n", paint.diff(line)));
        }
    }
    for note in &plan.notes {
        text.push_str(&format!(
            "{} {}: {}\n",
            paint.warn("note"),
            note.host,
            note.text
        ));
    }
    text
}

/// The plan as data: `{"schema":1,"steps":[{host, action, cause, diff}],"notes":[…]}`.
pub fn plan_json(plan: &Plan) -> Value {
    let steps: Vec<Value> = plan
        .steps
        .iter()
        .map(|step| {
            json!({
                "host": step.host.as_str(),
                "phase": step.phase,
                "action": step.action.words(),
                "cause": step.cause,
                "diff": step.action.change(),
            })
        })
        .collect();
    let notes: Vec<Value> = plan
        .notes
        .iter()
        .map(|note| json!({"host": note.host.as_str(), "text": note.text}))
        .collect();
    json!({"schema": 1, "changes": plan.steps.len(), "steps": steps, "notes": notes})
}

/// `3 changes on 1 host` or `no changes`.
pub fn summary(plan: &Plan) -> String {
    let steps = plan.steps.len();
    let mut hosts: Vec<&str> = plan.steps.iter().map(|step| step.host.as_str()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    let plural =
        |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    if steps == 0 {
        "no changes".into()
    } else {
        format!(
            "{} on {}",
            plural(steps, "change"),
            plural(hosts.len(), "host")
        )
    }
}
