//! The report of a rehearsal: figures, and one HTML page with the picture of them.

use std::fmt::Write as _;

use serde::Serialize;

use super::{RenderError, Templates};

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

// Lanes of the picture, in its own units.
const LEFT: f64 = 64.0;
const WIDTH: f64 = 1000.0;
const RIGHT: f64 = 16.0;
const PHASES_TOP: f64 = 34.0;
const TRACK: f64 = 18.0;
const LANE_GAP: f64 = 34.0;
const RATE_HEIGHT: f64 = 110.0;
const LATENCY_HEIGHT: f64 = 190.0;

/// The order of the rows; those that did not occur are left out.
const TRACKS: [&str; 9] = [
    "site", "build", "release", "start", "health", "switch", "bake", "retire", "other",
];

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
struct Picture {
    height: f64,
    left: f64,
    right: f64,
    /// Where the lanes begin and end.
    top: f64,
    bottom: f64,
    phases: Vec<Band>,
    tracks: Vec<TrackRow>,
    rate_top: f64,
    rate_bottom: f64,
    rate_grid: Vec<Line>,
    answered: Vec<Bar>,
    lost: Vec<Bar>,
    latency_top: f64,
    latency_bottom: f64,
    latency_grid: Vec<Line>,
    band: String,
    median: String,
    dots: Vec<Dot>,
    losses: Vec<Dot>,
    switches: Vec<f64>,
    axis: Vec<Tick>,
}

#[derive(Serialize)]
struct Band {
    class: String,
    name: String,
    x: f64,
    middle: f64,
    width: f64,
    /// Whether the name is written.
    fits: bool,
    words: String,
}

#[derive(Serialize)]
struct TrackRow {
    name: String,
    y: f64,
    text_y: f64,
    bars: Vec<TrackBar>,
}

#[derive(Serialize)]
struct TrackBar {
    x: f64,
    width: f64,
    class: String,
    words: String,
}

#[derive(Serialize)]
struct Line {
    y: f64,
    text_y: f64,
    label: String,
}

#[derive(Serialize)]
struct Bar {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

#[derive(Serialize)]
struct Dot {
    x: f64,
    y: f64,
}

#[derive(Serialize)]
struct Tick {
    x: f64,
    label: String,
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
            hint: "longest time without an answer".to_owned(),
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

fn picture(seen: &Rehearsal) -> Picture {
    let span = seen.seconds.max(1.0);
    let right = WIDTH - RIGHT;
    let x = |at: f64| round(LEFT + at.clamp(0.0, span) / span * (right - LEFT));
    let phases = seen
        .phases
        .iter()
        .map(|phase| {
            let (from, to) = (x(phase.from), x(phase.to));
            Band {
                class: phase.name.clone(),
                name: phase.name.clone(),
                x: from,
                middle: round((from + to) / 2.0),
                width: round((to - from).max(1.0)),
                // The short ones in the middle are what people look for: their names may stand over.
                fits: matches!(phase.name.as_str(), "provision" | "deploy" | "rollback")
                    || to - from > 7.5 * phase.name.len() as f64,
                words: format!("{}: {}", phase.name, seconds(phase.to - phase.from)),
            }
        })
        .collect();
    let mut tracks = Vec::new();
    for name in TRACKS {
        let bars: Vec<TrackBar> = seen
            .steps
            .iter()
            .filter(|step| step.track == name)
            .map(|step| TrackBar {
                x: x(step.from),
                width: round((x(step.to) - x(step.from)).max(1.5)),
                class: if step.good { name } else { "failed" }.to_owned(),
                words: format!(
                    "{}: {} ({})",
                    step.host,
                    step.words,
                    seconds(step.to - step.from)
                ),
            })
            .collect();
        // Steps that are no part of the story only count when they take time.
        let is_told = name != "other" || bars.iter().any(|bar| bar.width > 4.0);
        if bars.is_empty() || !is_told {
            continue;
        }
        let y = PHASES_TOP + 8.0 + tracks.len() as f64 * TRACK;
        tracks.push(TrackRow {
            name: name.to_owned(),
            y: round(y),
            text_y: round(y + 9.0),
            bars,
        });
    }
    let rate_top = PHASES_TOP + 8.0 + tracks.len() as f64 * TRACK + LANE_GAP;
    let rate_bottom = rate_top + RATE_HEIGHT;
    let latency_top = rate_bottom + LANE_GAP;
    let latency_bottom = latency_top + LATENCY_HEIGHT;

    let width = seen.bucket_seconds.max(0.001);
    let per_second = |count: u64| count as f64 / width;
    let most = seen
        .buckets
        .iter()
        .map(|bucket| per_second(bucket.answered + bucket.lost))
        .fold(seen.rate.max(1.0), f64::max);
    let ceiling = nice(most * 1.05, &[1.2, 1.6, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0]);
    let rate_y = |rate: f64| round(rate_bottom - rate / ceiling * RATE_HEIGHT);
    let rate_grid = [0.0, 0.5, 1.0]
        .map(|share| Line {
            y: rate_y(ceiling * share),
            text_y: round(rate_y(ceiling * share) + 4.0),
            label: format!("{}", ceiling * share),
        })
        .into();
    let bar = |bucket: &Bucket, from: f64, to: f64| Bar {
        x: x(bucket.at),
        y: rate_y(to),
        width: round((x(bucket.at + width) - x(bucket.at)).max(0.5)),
        height: round(rate_y(from) - rate_y(to)),
    };
    let answered = seen
        .buckets
        .iter()
        .map(|bucket| bar(bucket, 0.0, per_second(bucket.answered)))
        .collect();
    let lost = seen
        .buckets
        .iter()
        .filter(|bucket| bucket.lost > 0)
        .map(|bucket| {
            let answered = per_second(bucket.answered);
            // Two units at least: a single loss must be seen.
            let height = per_second(bucket.lost).max(ceiling * 2.0 / RATE_HEIGHT);
            bar(bucket, answered, answered + height)
        })
        .collect();

    let slowest = seen
        .buckets
        .iter()
        .map(|bucket| bucket.slowest)
        .fold(10.0, f64::max);
    // Whole decades: 1 ms below, as much as is needed above.
    let decades = slowest.log10().ceil().max(1.0);
    let latency_y = |ms: f64| {
        round(latency_bottom - ms.max(1.0).log10().min(decades) / decades * LATENCY_HEIGHT)
    };
    let latency_grid = (0..=decades as i32)
        .map(|decade| {
            let y = latency_y(10f64.powi(decade));
            Line {
                y,
                text_y: round(y + 4.0),
                label: milliseconds(10f64.powi(decade)),
            }
        })
        .collect();
    let good: Vec<&Bucket> = seen
        .buckets
        .iter()
        .filter(|bucket| bucket.answered > 0)
        .collect();
    let middle = |bucket: &Bucket| x(bucket.at + width / 2.0);
    let mut band = String::new();
    let mut median = String::new();
    for (index, bucket) in good.iter().enumerate() {
        let begin = if index == 0 { 'M' } else { 'L' };
        let _ = write!(band, "{begin}{} {}", middle(bucket), latency_y(bucket.p99));
        let _ = write!(
            median,
            "{begin}{} {}",
            middle(bucket),
            latency_y(bucket.p50)
        );
    }
    for bucket in good.iter().rev() {
        let _ = write!(band, "L{} {}", middle(bucket), latency_y(bucket.p50));
    }
    if !band.is_empty() {
        band.push('Z');
    }
    let dots = good
        .iter()
        .map(|bucket| Dot {
            x: middle(bucket),
            y: latency_y(bucket.slowest),
        })
        .collect();
    let losses = seen
        .buckets
        .iter()
        .filter(|bucket| bucket.lost > 0)
        .map(|bucket| Dot {
            x: middle(bucket),
            y: round(latency_top + 8.0),
        })
        .collect();

    let every = nice(span / 8.0, &[1.0, 2.0, 5.0]);
    let axis = (0..=(span / every) as u32)
        .map(|number| {
            let at = f64::from(number) * every;
            Tick {
                x: x(at),
                label: if at >= 120.0 {
                    format!("{}:{:02}", at as u64 / 60, at as u64 % 60)
                } else {
                    format!("{at} s")
                },
            }
        })
        .collect();
    Picture {
        height: round(latency_bottom + 30.0),
        left: LEFT,
        right,
        top: PHASES_TOP,
        bottom: round(latency_bottom),
        phases,
        tracks,
        rate_top: round(rate_top),
        rate_bottom: round(rate_bottom),
        rate_grid,
        answered,
        lost,
        latency_top: round(latency_top),
        latency_bottom: round(latency_bottom),
        latency_grid,
        band,
        median,
        dots,
        losses,
        switches: seen.switches.iter().map(|switch| x(switch.at)).collect(),
        axis,
    }
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

/// The next of these steps, or of them times a power of ten.
fn nice(value: f64, steps: &[f64]) -> f64 {
    let power = 10f64.powf(value.max(1.0).log10().floor());
    let all = steps.iter().map(|step| step * power);
    let mut all = all.chain(steps.first().map(|step| step * power * 10.0));
    all.find(|step| *step >= value).unwrap_or(value)
}

/// A tenth of a unit is finer than any screen.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// `2.3 ms`, `230 ms`, `2.3 s`.
pub fn milliseconds(value: f64) -> String {
    match value {
        ..10.0 => format!("{} ms", round(value)),
        10.0..1000.0 => format!("{value:.0} ms"),
        _ => format!("{} s", round(value / 1000.0)),
    }
}

/// `0.03 s`, `2.3 s`, `23 s`, `2 min 3 s`.
pub fn seconds(value: f64) -> String {
    match value {
        ..0.995 => format!("{value:.2} s"),
        ..9.95 => format!("{value:.1} s"),
        ..119.5 => format!("{value:.0} s"),
        _ => format!(
            "{} min {} s",
            value.round() as u64 / 60,
            value.round() as u64 % 60
        ),
    }
}

/// `12,345`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
