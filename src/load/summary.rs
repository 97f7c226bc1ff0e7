//! Figures of a recording: exact, from the records themselves.

use std::collections::BTreeMap;

use serde::Serialize;

use super::record::{Kind, Outcome, Record, Recording, Stream, StreamEnd};

/// What happened to the requests that were due in some stretch of time. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    pub seconds: f64,
    pub requests: u64,
    pub lost: u64,
    /// By the name of the outcome, only those that occurred.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// By status, without 2xx and 3xx.
    pub statuses: BTreeMap<u16, u64>,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p99_9: f64,
    pub slowest: f64,
    /// The longest time in which no request was answered well, and how long after the beginning of the stretch it began.
    pub longest_gap: f64,
    pub longest_gap_at: f64,
}

/// Some of the requests, for a picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bucket {
    /// Seconds since the load began.
    pub at: f64,
    pub answered: u64,
    pub lost: u64,
    pub p50: f64,
    pub p99: f64,
    pub slowest: f64,
}

impl Recording {
    /// The requests of visitors that were due from `from` to before `to`, in microseconds since the load began.
    pub fn summary(&self, from: u64, to: u64) -> Summary {
        self.summary_of(from, to, |kind| {
            matches!(kind, Kind::KeepAlive | Kind::Close)
        })
    }

    /// The same of chosen kinds.
    pub fn summary_of(&self, from: u64, to: u64, wanted: impl Fn(Kind) -> bool) -> Summary {
        let mut outcomes = BTreeMap::new();
        let mut statuses = BTreeMap::new();
        let mut latencies = Vec::new();
        let mut done = Vec::new();
        let mut requests = 0;
        for record in self.chosen(from, to, &wanted) {
            requests += 1;
            *outcomes.entry(record.outcome.name()).or_default() += 1;
            match record.outcome {
                Outcome::Ok => {
                    latencies.push(record.took);
                    done.push(record.done());
                }
                Outcome::Status => *statuses.entry(record.status).or_default() += 1,
                _ => {}
            }
        }
        latencies.sort_unstable();
        let (gap, gap_at) = longest_gap(from, to, done);
        let at = |share| milliseconds(percentile(&latencies, share).into());
        Summary {
            seconds: (to.saturating_sub(from)) as f64 / 1e6,
            requests,
            lost: requests - latencies.len() as u64,
            outcomes,
            statuses,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            slowest: at(1.0),
            longest_gap: milliseconds(gap),
            longest_gap_at: milliseconds(gap_at),
        }
    }

    /// Equal stretches of the visitors' requests, those without any left out.
    pub fn buckets(&self, width: u64) -> Vec<Bucket> {
        let width = width.max(1);
        let mut grouped: BTreeMap<u64, (Vec<u32>, u64)> = BTreeMap::new();
        for record in self.chosen(0, u64::MAX, &|kind| {
            matches!(kind, Kind::KeepAlive | Kind::Close)
        }) {
            let (latencies, lost) = grouped.entry(record.at / width).or_default();
            match record.outcome {
                Outcome::Ok => latencies.push(record.took),
                _ => *lost += 1,
            }
        }
        let bucket = |(index, (mut latencies, lost)): (u64, (Vec<u32>, u64))| {
            latencies.sort_unstable();
            let at = |share| milliseconds(percentile(&latencies, share).into());
            Bucket {
                at: (index * width) as f64 / 1e6,
                answered: latencies.len() as u64,
                lost,
                p50: at(0.5),
                p99: at(0.99),
                slowest: at(1.0),
            }
        };
        grouped.into_iter().map(bucket).collect()
    }

    /// Everything that was lost: requests, and long-lived connections that were cut, with what was on its way there.
    pub fn lost(&self) -> u64 {
        let records = self.records.iter().filter(|record| {
            let is_message = self.routes[usize::from(record.route)].kind == Kind::WebSocket;
            !is_message && !record.outcome.is_ok()
        });
        let cut = |stream: &&Stream| matches!(stream.end, StreamEnd::Cut(_));
        (records.count() + self.streams.iter().filter(cut).count()) as u64
    }

    fn chosen<'a>(
        &'a self,
        from: u64,
        to: u64,
        wanted: &'a impl Fn(Kind) -> bool,
    ) -> impl Iterator<Item = &'a Record> {
        let first = self.records.partition_point(|record| record.at < from);
        self.records[first..]
            .iter()
            .take_while(move |record| record.at < to)
            .filter(|record| wanted(self.routes[usize::from(record.route)].kind))
    }
}

/// The smallest value that at least this share of the sorted values does not exceed; 0 without any.
pub(super) fn percentile(sorted: &[u32], share: f64) -> u32 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted
        .get(rank.clamp(1, sorted.len().max(1)) - 1)
        .copied()
        .unwrap_or(0)
}

/// The longest time between two of these moments, or between one and an end, and when it began after `from`.
pub(super) fn longest_gap(from: u64, to: u64, mut moments: Vec<u64>) -> (u64, u64) {
    moments.sort_unstable();
    let mut longest = (0, 0);
    let mut before = from;
    for moment in moments.into_iter().chain([to]) {
        let gap = moment.saturating_sub(before);
        if gap > longest.0 {
            longest = (gap, before - from);
        }
        before = before.max(moment);
    }
    longest
}

fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1e3
}
