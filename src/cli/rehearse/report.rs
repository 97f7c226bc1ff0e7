//! From what was recorded to what is reported.

use std::time::Instant;

use super::{Moments, Rehearsing};
use crate::cli::session::Loaded;
use crate::cli::timeline::Timed;
use crate::load::{Outcome, Recording};
use crate::render::{self, Bucket, Figures, OtherSeconds, Phase, Rehearsal, Step, Switch};

/// Losses that the report shows one by one.
const SHOWN: usize = 30;
/// Milliseconds. A 99th percentile over it, before anything was deployed, is the load's fault or the machine's.
const SLOW: f64 = 1000.0;
/// What is looked at around a switch, in microseconds.
const SECOND: u64 = 1_000_000;

/// From what was recorded to what is reported.
pub(super) struct Report<'a> {
    pub recording: &'a Recording,
    pub moments: &'a Moments,
    /// Microseconds since the load began.
    pub end: u64,
    pub steps: &'a [Timed],
}

impl Report<'_> {
    pub fn make(
        &self,
        rehearsing: &Rehearsing,
        loaded: &Loaded,
        (from, to): (String, String),
        asked: Vec<String>,
        failure: Option<String>,
    ) -> Rehearsal {
        let recording = self.recording;
        let end = self.end as f64;
        let phases = self.phases();
        let mut notes = rehearsing.notes.clone();
        if let Some(before) = phases.first()
            && (before.figures.lost > 0 || before.figures.p99 > SLOW)
        {
            notes.push(format!(
                "this machine was busy, or {} requests/s are too many for it: before the deploy {} were lost and 1 in 100 took longer than {}; the figures are then of little worth",
                rehearsing.args.rate,
                before.figures.lost,
                render::milliseconds(before.figures.p99),
            ));
        }
        let stale = recording
            .records
            .iter()
            .filter(|record| record.outcome == Outcome::Stale)
            .count();
        if stale > 0 {
            notes.push(format!(
                "{stale} of those lost were on kept connections that the server had closed without announcing it, as nginx does when it is reloaded; browsers repeat a GET then, other clients do not"
            ));
        }
        let wide = (end / 1e6 / 240.0).max(0.5);
        Rehearsal {
            stack: loaded.stack.name.to_string(),
            from,
            to,
            date: date(),
            hosts: loaded.hosts.iter().map(ToString::to_string).collect(),
            rate: rehearsing.args.rate,
            asked,
            lost: recording.lost(),
            requests: recording.records.len() as u64,
            seconds: end / 1e6,
            setup: rehearsing.setup.clone(),
            switches: self.switches(),
            other_seconds: self.other_seconds(),
            phases,
            steps: self
                .steps
                .iter()
                .map(|step| Step {
                    track: step.track.to_owned(),
                    host: step.host.clone(),
                    words: step.words.clone(),
                    from: self.at(step.began) / 1e6,
                    to: self.at(step.ended) / 1e6,
                    good: step.good,
                })
                .collect(),
            bucket_seconds: wide,
            buckets: recording
                .buckets((wide * 1e6) as u64)
                .into_iter()
                // Half a bucket would look as if half of it were missing.
                .filter(|bucket| (bucket.at + wide) * 1e6 <= end || bucket.lost > 0)
                .map(|bucket| Bucket {
                    at: bucket.at,
                    answered: bucket.answered,
                    lost: bucket.lost,
                    p50: bucket.p50,
                    p99: bucket.p99,
                    slowest: bucket.slowest,
                })
                .collect(),
            losses: recording.losses().into_iter().take(SHOWN).collect(),
            notes,
            failure,
        }
    }

    /// Microseconds since the load began.
    fn at(&self, moment: Instant) -> f64 {
        self.recording.offset(moment) as f64
    }

    fn phases(&self) -> Vec<Phase> {
        let moments = self.moments;
        let mut stretches: Vec<(&str, u64, u64)> = Vec::new();
        let mut until = 0;
        for (name, calm, span) in [
            ("provision", "before", moments.provision),
            ("deploy", "before", moments.deploy),
            ("rollback", "between", moments.rollback),
        ] {
            let Some((began, ended)) = span else { continue };
            let (began, ended) = (self.recording.offset(began), self.recording.offset(ended));
            // Between provision and deploy is no time worth a name.
            if stretches
                .last()
                .is_some_and(|(last, _, _)| *last == "provision")
            {
                stretches.push((name, until, ended));
            } else {
                stretches.extend([(calm, until, began), (name, began, ended)]);
            }
            until = ended;
        }
        // What was due until the load was stopped belongs to the last.
        stretches.push(("after", until, u64::MAX));
        stretches
            .into_iter()
            .map(|(name, from, to)| {
                let seen = self
                    .recording
                    .summary(from, to.min(self.recording.ended_at + 1));
                Phase {
                    name: name.to_owned(),
                    from: from as f64 / 1e6,
                    to: to.min(self.end) as f64 / 1e6,
                    figures: Figures {
                        requests: seen.requests,
                        lost: seen.lost,
                        p50: seen.p50,
                        p90: seen.p90,
                        p99: seen.p99,
                        slowest: seen.slowest,
                        longest_gap: seen.longest_gap,
                    },
                }
            })
            .collect()
    }

    fn switches(&self) -> Vec<Switch> {
        self.switched()
            .map(|(step, at)| Switch {
                at: at as f64 / 1e6,
                words: format!("{}: {}", step.host, step.words),
                longest_gap: self.recording.gaps_around(&[at], SECOND).longest,
            })
            .collect()
    }

    fn other_seconds(&self) -> OtherSeconds {
        let moments: Vec<u64> = self.switched().map(|(_, at)| at).collect();
        let gaps = self.recording.gaps_beside(&moments, SECOND, (0, self.end));
        OtherSeconds {
            count: gaps.stretches,
            median_gap: gaps.p50,
            longest_gap: gaps.longest,
        }
    }

    /// Each switch, and when it was made.
    fn switched(&self) -> impl Iterator<Item = (&Timed, u64)> {
        let switches = self.steps.iter().filter(|step| step.track == "switch");
        switches.map(|step| (step, self.recording.offset(step.ended)))
    }
}

/// Now, in UTC, to the minute: `2026-03-14 09:26 UTC`.
fn date() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let minutes = now.unwrap_or_default().as_secs() / 60;
    let (year, month, day) = civil(minutes / 1440);
    format!(
        "{year}-{month:02}-{day:02} {:02}:{:02} UTC",
        minutes / 60 % 24,
        minutes % 60
    )
}

/// Year, month and day of a number of days since 1970-01-01
/// (https://howardhinnant.github.io/date_algorithms.html#civil_from_days).
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn days_have_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_778), (2026, 11, 21));
    }
}
