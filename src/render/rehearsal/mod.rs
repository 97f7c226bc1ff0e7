//! The report of a rehearsal: figures, and one HTML page with the picture of them.

use std::fmt::Write as _;

use serde::Serialize;

mod numbers;
mod picture;

use super::{RenderError, Templates};

use numbers::{capital, round};
pub use numbers::{grouped, milliseconds, seconds};
use picture::{Picture, picture};

const TEMPLATE: &str = "rehearsal/report.html";

/// What was rehearsed and what visitors saw of it. Times are in seconds since the load began, latencies in
/// milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rehearsal {
    pub stack: String,
    /// What served first, in words.
    pub from: String,
    /// What was deployed over it.
    pub to: String,
    /// When, as text.
    pub date: String,
    pub hosts: Vec<String>,
    /// Requests a second.
    pub rate: f64,
    /// What was asked, such as `GET /`.
    pub asked: Vec<String>,
    pub lost: u64,
    pub requests: u64,
    pub seconds: f64,
    /// What came before the load, with its seconds.
    pub setup: Vec<Setup>,
    pub phases: Vec<Phase>,
    pub steps: Vec<Step>,
    /// When requests were sent to another release, and what visitors saw of it.
    pub switches: Vec<Switch>,
    /// The same in seconds without a switch, to compare with.
    pub other_seconds: OtherSeconds,
    pub bucket_seconds: f64,
    pub buckets: Vec<Bucket>,
    /// Each loss in words, the first of them.
    pub losses: Vec<String>,
    pub notes: Vec<String>,
    /// Why the rehearsal ended early.
    pub failure: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setup {
    pub name: String,
    pub seconds: f64,
}

/// A stretch of time: before, provision, deploy, between, rollback, after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Phase {
    pub name: String,
    pub from: f64,
    pub to: f64,
    pub figures: Figures,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Figures {
    pub requests: u64,
    pub lost: u64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub slowest: f64,
    /// The longest time without a good answer.
    pub longest_gap: f64,
}

/// One step of a deploy or rollback.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// What it is part of: site, build, start, health, switch, bake, retire.
    pub track: String,
    pub host: String,
    pub words: String,
    pub from: f64,
    pub to: f64,
    pub good: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Switch {
    pub at: f64,
    pub words: String,
    /// The longest time without a good answer in the second around it.
    pub longest_gap: f64,
}

/// The longest times without a good answer in the seconds of the load that have no switch.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct OtherSeconds {
    pub count: u64,
    pub median_gap: f64,
    pub longest_gap: f64,
}

impl OtherSeconds {
    /// In words; none when there is nothing to compare with.
    pub fn words(&self) -> Option<String> {
        (self.count > 0).then(|| {
            format!(
                "longest gap in each of {} seconds without a switch: median {}, longest {}",
                grouped(self.count),
                milliseconds(self.median_gap),
                milliseconds(self.longest_gap),
            )
        })
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bucket {
    pub at: f64,
    pub answered: u64,
    pub lost: u64,
    pub p50: f64,
    pub p99: f64,
    pub slowest: f64,
}

/// The page: one file without a script, a font or a picture of anyone else's.
pub fn rehearsal(templates: &Templates, rehearsal: &Rehearsal) -> Result<String, RenderError> {
    templates.render(TEMPLATE, page(rehearsal))
}

#[derive(Serialize)]
struct Page {
    stack: String,
    from: String,
    to: String,
    date: String,
    hosts: String,
    asked: String,
    rate: String,
    verdict: String,
    /// Class of the verdict: good or bad.
    tone: &'static str,
    /// Whether there was a rollback.
    is_back: bool,
    failure: Option<String>,
    requests: String,
    seconds: String,
    cards: Vec<Card>,
    description: String,
    picture: Picture,
    phases: Vec<PhaseRow>,
    times: Vec<TimeRow>,
    setup: String,
    switches: Vec<SwitchRow>,
    other_seconds: Option<String>,
    losses: Vec<String>,
    more_losses: u64,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Card {
    name: &'static str,
    value: String,
    hint: String,
}

#[derive(Serialize)]
struct PhaseRow {
    name: String,
    seconds: String,
    requests: String,
    lost: String,
    is_lossy: bool,
    p50: String,
    p90: String,
    p99: String,
    slowest: String,
    longest_gap: String,
}

#[derive(Serialize)]
struct TimeRow {
    phase: String,
    words: String,
    track: String,
    seconds: String,
    share: f64,
    good: bool,
}

#[derive(Serialize)]
struct SwitchRow {
    at: String,
    words: String,
    gap: String,
}

fn page(seen: &Rehearsal) -> Page {
    let deploy = seen.phases.iter().find(|phase| phase.name == "deploy");
    let before = seen.phases.iter().find(|phase| phase.name == "before");
    let rollback = seen.phases.iter().find(|phase| phase.name == "rollback");
    let mut cards = vec![Card {
        name: "lost",
        value: grouped(seen.lost),
        hint: format!("of {} requests", grouped(seen.requests)),
    }];
    if let Some(deploy) = deploy {
        cards.push(Card {
            name: "deploy",
            value: seconds(deploy.to - deploy.from),
            hint: "from Enter to its end".to_owned(),
        });
    }
    if let (Some(before), Some(deploy)) = (before, deploy) {
        cards.push(Card {
            name: "p99 while it ran",
            value: milliseconds(deploy.figures.p99),
            hint: format!("{} before", milliseconds(before.figures.p99)),
        });
    }
    if let Some(gap) = seen
        .switches
        .iter()
        .map(|switch| switch.longest_gap)
        .reduce(f64::max)
    {
        cards.push(Card {
            name: "gap at the switch",
            value: milliseconds(gap),
            hint: match seen.other_seconds.count {
                0 => "longest time without an answer".to_owned(),
                _ => format!(
                    "{} without one",
                    milliseconds(seen.other_seconds.median_gap)
                ),
            },
        });
    }
    if let Some(rollback) = rollback {
        cards.push(Card {
            name: "rollback",
            value: seconds(rollback.to - rollback.from),
            hint: "from Enter to its end".to_owned(),
        });
    }
    Page {
        stack: seen.stack.clone(),
        from: seen.from.clone(),
        to: seen.to.clone(),
        date: seen.date.clone(),
        hosts: seen.hosts.join(", "),
        asked: seen.asked.join(", "),
        rate: format!("{}", seen.rate),
        verdict: verdict(seen),
        tone: if seen.lost == 0 && seen.failure.is_none() {
            "good"
        } else {
            "bad"
        },
        is_back: rollback.is_some(),
        failure: seen.failure.clone(),
        requests: grouped(seen.requests),
        seconds: seconds(seen.seconds),
        cards,
        description: description(seen),
        picture: picture(seen),
        phases: seen.phases.iter().map(phase_row).collect(),
        times: times(seen),
        setup: seen
            .setup
            .iter()
            .map(|part| format!("{} {}", part.name, seconds(part.seconds)))
            .collect::<Vec<_>>()
            .join(", "),
        switches: seen
            .switches
            .iter()
            .map(|switch| SwitchRow {
                at: format!("{:.1} s", switch.at),
                words: switch.words.clone(),
                gap: milliseconds(switch.longest_gap),
            })
            .collect(),
        other_seconds: seen.other_seconds.words(),
        losses: seen.losses.clone(),
        more_losses: seen.lost.saturating_sub(seen.losses.len() as u64),
        notes: seen.notes.clone(),
    }
}

/// The result in one sentence.
pub fn verdict(seen: &Rehearsal) -> String {
    let requests = grouped(seen.requests);
    match (seen.lost, &seen.failure) {
        (0, None) => format!("None of {requests} requests was lost"),
        (0, Some(_)) => format!("The deploy failed; none of {requests} requests was lost"),
        (1, _) => format!("1 of {requests} requests was lost"),
        (lost, _) => format!("{} of {requests} requests were lost", grouped(lost)),
    }
}

/// What the picture shows, for those who cannot see it.
fn description(seen: &Rehearsal) -> String {
    let mut text = format!(
        "Requests a second and latency over {}.",
        seconds(seen.seconds)
    );
    for phase in &seen.phases {
        let figures = &phase.figures;
        let _ = write!(
            text,
            " {}, {} to {}: {} requests, {} lost, median {}, 99th percentile {}.",
            capital(&phase.name),
            seconds(phase.from),
            seconds(phase.to),
            figures.requests,
            figures.lost,
            milliseconds(figures.p50),
            milliseconds(figures.p99),
        );
    }
    text
}

fn phase_row(phase: &Phase) -> PhaseRow {
    let figures = &phase.figures;
    PhaseRow {
        name: phase.name.clone(),
        seconds: seconds(phase.to - phase.from),
        requests: grouped(figures.requests),
        lost: grouped(figures.lost),
        is_lossy: figures.lost > 0,
        p50: milliseconds(figures.p50),
        p90: milliseconds(figures.p90),
        p99: milliseconds(figures.p99),
        slowest: milliseconds(figures.slowest),
        longest_gap: milliseconds(figures.longest_gap),
    }
}

/// The steps that took their time, in order.
fn times(seen: &Rehearsal) -> Vec<TimeRow> {
    let longest = seen
        .steps
        .iter()
        .map(|step| step.to - step.from)
        .fold(0.1, f64::max);
    let in_phase = |at: f64| {
        let phase = seen
            .phases
            .iter()
            .find(|phase| (phase.from..=phase.to).contains(&at));
        phase.map_or_else(String::new, |phase| phase.name.clone())
    };
    seen.steps
        .iter()
        .filter(|step| step.to - step.from >= 0.2 || step.track == "switch" || !step.good)
        .map(|step| TimeRow {
            phase: in_phase(step.from),
            words: format!("{}: {}", step.host, step.words),
            track: if step.good {
                step.track.clone()
            } else {
                "failed".to_owned()
            },
            seconds: seconds(step.to - step.from),
            share: round((step.to - step.from) / longest * 100.0),
            good: step.good,
        })
        .collect()
}
