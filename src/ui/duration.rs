//! Durations for people.

use std::time::Duration;

/// `0.4 s`, `12 s`, `3 min 5 s`, `2 h 4 min`, `3 d 2 h`.
pub fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    match whole {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..120 => format!("{whole} s"),
        120..7200 => format!("{} min {} s", whole / 60, whole % 60),
        7200..172_800 => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {} h", whole / 86400, whole % 86400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_has_its_unit() {
        let text = |secs| seconds(Duration::from_secs(secs));
        assert_eq!(
            [text(3), text(59), text(185), text(7500), text(180_000)],
            ["3.0 s", "59 s", "3 min 5 s", "2 h 5 min", "2 d 2 h"]
        );
    }
}
