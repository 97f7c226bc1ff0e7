//! A plan for people and for scripts.

use serde_json::{Value, json};

use super::Paint;
use crate::plan::{Drift, Finding, Plan};

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
        text.push_str(&diff_pretty(&change, paint));
    }
    for drift in &plan.drift {
        text.push_str(&drift_pretty(drift, paint));
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

/// What somebody changed, with the diff of a file.
pub fn drift_pretty(drift: &Drift, paint: Paint) -> String {
    let change = drift.diff.as_deref().unwrap_or_default();
    format!(
        "{} {}: {}\n{}",
        paint.warn("drift"),
        drift.host,
        drift.words(),
        diff_pretty(change, paint)
    )
}

fn diff_pretty(change: &str, paint: Paint) -> String {
    let mut text = String::new();
    for line in change.lines() {
        text.push_str(&format!("      {}\n", paint.diff(line)));
    }
    text
}

/// Reasons to refuse, as data.
pub fn findings_json(findings: &[Finding]) -> Value {
    let findings = findings.iter();
    findings
        .map(|finding| {
            json!({
                "host": finding.host.as_str(),
                "check": finding.check,
                "text": finding.text,
                "hint": finding.hint,
            })
        })
        .collect()
}

/// The plan as data: `{"schema":1,"steps":[{host, action, cause, diff}],"drift":[{host, what, was, is, would, left, diff}],"notes":[…]}`.
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
    let drift: Vec<Value> = plan
        .drift
        .iter()
        .map(|drift| {
            json!({
                "host": drift.host.as_str(),
                "what": drift.what,
                "was": drift.was,
                "is": drift.is,
                "would": drift.would,
                "left": drift.is_left,
                "diff": drift.diff,
            })
        })
        .collect();
    let notes: Vec<Value> = plan
        .notes
        .iter()
        .map(|note| json!({"host": note.host.as_str(), "text": note.text}))
        .collect();
    json!({"schema": 1, "changes": plan.steps.len(), "steps": steps, "drift": drift, "notes": notes})
}

/// `refused, for 2 reasons`; the failure tells them.
pub fn refused(findings: &[Finding]) -> String {
    match findings.len() {
        1 => "refused, for a reason told below".into(),
        count => format!("refused, for {count} reasons told below"),
    }
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
