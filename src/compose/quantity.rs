//! Sizes and durations: read as compose reads them, written as it writes them.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// A number of bytes; -1 is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bytes(pub i64);

/// A duration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Time(pub Duration);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// As compose writes it: `1m30s`, `1.5s`, `0s`.
impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let nanoseconds = self.0.as_nanos();
        let with = |f: &mut std::fmt::Formatter<'_>, unit: u128, name: &str| {
            let part = nanoseconds as f64 / unit as f64;
            write!(f, "{part}{name}")
        };
        match nanoseconds {
            0 => return f.write_str("0s"),
            1..1_000 => return with(f, 1, "ns"),
            1_000..1_000_000 => return with(f, 1_000, "µs"),
            1_000_000..1_000_000_000 => return with(f, 1_000_000, "ms"),
            _ => {}
        }
        let whole = self.0.as_secs();
        let (hours, minutes) = (whole / 3600, whole / 60 % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        let fraction = format!("{:09}", self.0.subsec_nanos());
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{}{point}{fraction}s", whole % 60)
    }
}

/// `64m`, `1.5g`, `100`: in steps of 1024.
pub(crate) fn bytes(text: &str) -> Option<Bytes> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-'))
        .unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let unit = text[end..].trim_start().to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let unit = unit.strip_suffix('i').unwrap_or(unit);
    let power = match unit {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    let bytes = number * 1024_f64.powi(power);
    // What is not a whole number of bytes loses its fraction.
    (bytes.abs() < 9.0e18).then_some(Bytes(bytes as i64))
}

/// `1m30s`, `500ms`.
pub(super) fn time(text: &str) -> Option<Time> {
    if text == "0" {
        return Some(Time::default());
    }
    let mut rest = text;
    let mut whole = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let nanoseconds = match &rest[..end] {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 6e10,
            "h" => 3.6e12,
            _ => return None,
        };
        let part = (number * nanoseconds).round();
        if !(0.0..9.2e18).contains(&part) {
            return None;
        }
        whole = whole.checked_add(Duration::from_nanos(part as u64))?;
        rest = &rest[end..];
    }
    Some(Time(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read() {
        let sizes = [
            ("64m", 67_108_864),
            ("1.5G", 1_610_612_736),
            ("10 MiB", 10_485_760),
            ("100kb", 102_400),
            ("100", 100),
            ("-1", -1),
            ("1b", 1),
        ];
        for (text, expected) in sizes {
            assert_eq!(bytes(text), Some(Bytes(expected)), "{text}");
        }
        for bad in ["", "m", "10x", "1.2.3m", "--1"] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
        let times = [
            ("1m30s", 90_000),
            ("1.5s", 1_500),
            ("500ms", 500),
            ("0", 0),
            ("2h", 7_200_000),
        ];
        for (text, expected) in times {
            assert_eq!(
                time(text),
                Some(Time(Duration::from_millis(expected))),
                "{text}"
            );
        }
        for bad in ["", "10", "s", "10 s", "1d", "-1s"] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_are_written_as_compose_writes_them() {
        let milliseconds = [
            (0, "0s"),
            (1, "1ms"),
            (1_500, "1.5s"),
            (60_000, "1m0s"),
            (90_000, "1m30s"),
            (3_600_000, "1h0m0s"),
            (3_661_001, "1h1m1.001s"),
        ];
        for (time, expected) in milliseconds {
            assert_eq!(Time(Duration::from_millis(time)).to_string(), expected);
        }
        assert_eq!(Time(Duration::from_nanos(1_500)).to_string(), "1.5µs");
    }
}
