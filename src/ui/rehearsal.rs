//! A rehearsal's report for terminals and programs.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets::NOTHING};
use serde_json::{Value, json};

use super::{Paint, printable};
use crate::render::{Rehearsal, grouped, milliseconds, seconds, verdict};

/// The figures of each phase, where the time went, and what was lost.
pub fn rehearsal_text(seen: &Rehearsal, paint: Paint) -> String {
    let mut text = format!(
        "rehearsal of {}: from {} to {}\n{} requests/s on {}: {}\n\n",
        seen.stack,
        printable(&seen.from),
        printable(&seen.to),
        seen.rate,
        seen.hosts.join(", "),
        seen.asked.join(", "),
    );
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "", "time", "requests", "lost", "p50", "p90", "p99", "slowest", "gap",
    ]);
    for phase in &seen.phases {
        let figures = &phase.figures;
        let lost = match figures.lost {
            0 => "0".to_owned(),
            lost => paint.bad(&grouped(lost)),
        };
        table.add_row([
            phase.name.clone(),
            seconds(phase.to - phase.from),
            grouped(figures.requests),
            lost,
            milliseconds(figures.p50),
            milliseconds(figures.p90),
            milliseconds(figures.p99),
            milliseconds(figures.slowest),
            milliseconds(figures.longest_gap),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    text.push_str(&format!("{table}\n\n"));
    for phase in ["provision", "deploy", "rollback"] {
        if let Some(parts) = parts(seen, phase) {
            text.push_str(&format!("{phase}: {parts}\n"));
        }
    }
    let setup: Vec<String> = seen
        .setup
        .iter()
        .map(|part| format!("{} {}", part.name, seconds(part.seconds)))
        .collect();
    text.push_str(&format!("before the load: {}\n", setup.join(", ")));
    for switch in &seen.switches {
        text.push_str(&format!(
            "at {:.1} s {}: longest gap {}\n",
            switch.at,
            printable(&switch.words),
            milliseconds(switch.longest_gap)
        ));
    }
    if !seen.switches.is_empty()
        && let Some(words) = seen.other_seconds.words()
    {
        text.push_str(&format!("{words}\n"));
    }
    for note in &seen.notes {
        text.push_str(&format!("{} {}\n", paint.warn("note"), printable(note)));
    }
    for loss in &seen.losses {
        text.push_str(&format!("{} {}\n", paint.bad("lost"), printable(loss)));
    }
    let verdict = verdict(seen);
    let mark = if seen.lost == 0 && seen.failure.is_none() {
        paint.good("✓")
    } else {
        paint.bad("✗")
    };
    text.push_str(&format!("{mark} {verdict}\n"));
    text
}

/// The same as one JSON object.
pub fn rehearsal_json(seen: &Rehearsal) -> Value {
    let mut value = serde_json::to_value(seen).expect("a rehearsal is plain data");
    value["schema"] = json!(1);
    value["verdict"] = json!(verdict(seen));
    value
}

/// The seconds of each kind of step of a phase; the longest of hosts that worked at once.
fn parts(seen: &Rehearsal, phase: &str) -> Option<String> {
    let phase = seen.phases.iter().find(|seen| seen.name == phase)?;
    let mut parts: Vec<(&str, f64)> = Vec::new();
    let within = |at: f64| (phase.from..=phase.to).contains(&at);
    for step in seen.steps.iter().filter(|step| within(step.from)) {
        let of_track: f64 = seen
            .steps
            .iter()
            .filter(|other| {
                within(other.from) && other.track == step.track && other.host == step.host
            })
            .map(|other| other.to - other.from)
            .sum();
        match parts.iter_mut().find(|(track, _)| *track == step.track) {
            Some((_, longest)) => *longest = longest.max(of_track),
            None => parts.push((&step.track, of_track)),
        }
    }
    let words: Vec<String> = parts
        .iter()
        .map(|(track, took)| format!("{track} {}", seconds(*took)))
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}
