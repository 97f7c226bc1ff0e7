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
    /// The longest time without a good answer that the stretch has a part of, and how long after its beginning it began;
    /// 0 when it began before.
    pub longest_gap: f64,
    pub longest_gap_at: f64,
}

/// The longest times without a good answer in stretches of one length, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Gaps {
    pub stretches: u64,
    pub p50: f64,
    pub p90: f64,
    pub longest: f64,
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
        self.summary_of(from, to, is_visit)
    }

    /// The same of chosen kinds.
    pub fn summary_of(&self, from: u64, to: u64, wanted: impl Fn(Kind) -> bool) -> Summary {
        let mut outcomes = BTreeMap::new();
        let mut statuses = BTreeMap::new();
        let mut latencies = Vec::new();
        let mut requests = 0;
        for record in self.chosen(from, to, &wanted) {
            requests += 1;
            *outcomes.entry(record.outcome.name()).or_default() += 1;
            match record.outcome {
                Outcome::Ok => latencies.push(record.took),
                Outcome::Status => *statuses.entry(record.status).or_default() += 1,
                _ => {}
            }
        }
        latencies.sort_unstable();
        let (gap, gap_at) = longest_gap(from, to, &self.answered(&wanted));
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

    /// Visitors' gaps in the stretches of `width` microseconds that have one of these moments in their middle.
    pub fn gaps_around(&self, moments: &[u64], width: u64) -> Gaps {
        self.gaps(
            moments
                .iter()
                .map(|moment| moment.saturating_sub(width / 2)),
            width,
        )
    }

    /// Those in stretches as long, one after another from `from` to `to`, that have no part of the former: what the machine
    /// and the load do by themselves, to compare with.
    pub fn gaps_beside(&self, moments: &[u64], width: u64, (from, to): (u64, u64)) -> Gaps {
        let width = width.max(1);
        let is_apart = |begin: &u64| {
            let middle = begin + width / 2;
            moments
                .iter()
                .all(|moment| moment.abs_diff(middle) >= width)
        };
        let begins = (0..to.saturating_sub(from) / width).map(|number| from + number * width);
        self.gaps(begins.filter(is_apart), width)
    }

    fn gaps(&self, begins: impl Iterator<Item = u64>, width: u64) -> Gaps {
        let answered = self.answered(&is_visit);
        let mut gaps: Vec<u64> = begins
            .map(|begin| longest_gap(begin, begin + width, &answered).0)
            .collect();
        gaps.sort_unstable();
        Gaps {
            stretches: gaps.len() as u64,
            p50: milliseconds(percentile(&gaps, 0.5)),
            p90: milliseconds(percentile(&gaps, 0.9)),
            longest: milliseconds(percentile(&gaps, 1.0)),
        }
    }

    /// When each good answer of the chosen kinds was there, in order.
    fn answered(&self, wanted: &impl Fn(Kind) -> bool) -> Vec<u64> {
        let good = self
            .chosen(0, u64::MAX, wanted)
            .filter(|record| record.outcome.is_ok());
        let mut answered: Vec<u64> = good.map(Record::done).collect();
        answered.sort_unstable();
        answered
    }

    /// Equal stretches of the visitors' requests, those without any left out.
    pub fn buckets(&self, width: u64) -> Vec<Bucket> {
        let width = width.max(1);
        let mut grouped: BTreeMap<u64, (Vec<u32>, u64)> = BTreeMap::new();
        for record in self.chosen(0, u64::MAX, &is_visit) {
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

fn is_visit(kind: Kind) -> bool {
    matches!(kind, Kind::KeepAlive | Kind::Close)
}

/// The smallest value that at least this share of the sorted values does not exceed; 0 without any.
pub(super) fn percentile<T: Copy + Default>(sorted: &[T], share: f64) -> T {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted
        .get(rank.clamp(1, sorted.len().max(1)) - 1)
        .copied()
        .unwrap_or_default()
}

/// The longest time between two answers that has a part in `from` to `to`, and when it began after `from`. Before the first
/// answer and after the last one, an end of the stretch bounds it.
pub(super) fn longest_gap(from: u64, to: u64, answered: &[u64]) -> (u64, u64) {
    let first = answered.partition_point(|&moment| moment <= from);
    let last = answered.partition_point(|&moment| moment < to).max(first);
    let mut before = first.checked_sub(1).map_or(from, |index| answered[index]);
    let end = answered.get(last).copied().unwrap_or(to.max(before));
    let mut longest = (0, 0);
    for &moment in answered[first..last].iter().chain([&end]) {
        let gap = moment - before;
        if gap > longest.0 {
            longest = (gap, before.saturating_sub(from));
        }
        before = moment;
    }
    longest
}

fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1e3
}
