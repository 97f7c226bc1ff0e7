//! The picture of a rehearsal: what was done, requests, latencies, on one line of time.

use std::fmt::Write as _;

use serde::Serialize;

use super::numbers::{milliseconds, nice, round, seconds};
use super::{Bucket, Rehearsal};

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
pub(super) struct Picture {
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

pub(super) fn picture(seen: &Rehearsal) -> Picture {
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
