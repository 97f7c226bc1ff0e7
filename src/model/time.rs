//! Times as people and logs write them, without a clock: seconds since the epoch and back. Always UTC.

const DAY: u64 = 24 * 3600;

/// `2026-11-21T10:36:01Z`.
pub fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The beginning of a second, for comparing texts: neither it nor a fraction of it, such as `…:01.5Z`, is before it.
pub fn beginning(seconds: u64) -> String {
    rfc3339(seconds).trim_end_matches('Z').to_owned()
}

/// Reads a date, a date with a time, or RFC 3339; without a zone it is UTC. Fractions of a second are left out.
pub fn seconds_of(text: &str) -> Option<u64> {
    let text = text.trim();
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, time),
        None => (text, "00:00"),
    };
    let mut parts = date.split('-').map(number);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() {
        return None;
    }
    let end = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (time, zone) = time.split_at(end);
    let time = time.split('.').next().unwrap_or(time);
    let mut parts = time.split(':').map(number);
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = match parts.next() {
        None => 0,
        Some(second) => second?,
    };
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days(year, month, day)?;
    let seconds = days * DAY + hour * 3600 + minute * 60 + second;
    in_zone(seconds, zone)
}

/// Seconds that a clock in `zone` shows, as UTC; `zone` is empty, `Z`, `+02:00` or `+0200`.
pub fn in_zone(seconds: u64, zone: &str) -> Option<u64> {
    let (sign, rest) = match zone.split_at_checked(1) {
        None | Some(("Z" | "z", "")) => return Some(seconds),
        Some((sign, rest)) => (sign, rest.replace(':', "")),
    };
    let (hours, minutes) = rest.split_at_checked(2)?;
    let ahead = number(hours)? * 3600 + number(minutes)? * 60;
    match sign {
        "+" => seconds.checked_sub(ahead),
        "-" => seconds.checked_add(ahead),
        _ => None,
    }
}

fn number(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Days since the epoch, by the civil calendar: <https://howardhinnant.github.io/date_algorithms.html>.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if year < 1970 || day == 0 || day > length {
        return None;
    }
    // Years begin in March, so that the leap day comes last.
    let shifted = if month > 2 { year } else { year - 1 };
    let (era, of_era) = (shifted / 400, shifted % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        // date -u -d 2026-11-21T10:36:01Z +%s
        let told = 1_795_257_361;
        assert_eq!(rfc3339(told), "2026-11-21T10:36:01Z");
        for text in [
            "2026-11-21T10:36:01Z",
            "2026-11-21 10:36:01",
            "2026-11-21T12:36:01.5+02:00",
            "2026-11-21T05:06:01-0530",
        ] {
            assert_eq!(seconds_of(text), Some(told), "{text}");
        }
        assert_eq!(seconds_of("1970-01-02"), Some(DAY));
        let second = beginning(told);
        assert_eq!(seconds_of(&second), Some(told));
        for text in ["2026-11-21T10:36:01Z", "2026-11-21T10:36:01.000000001Z"] {
            assert!(second.as_str() < text, "{second} {text}");
        }
        assert!(second.as_str() > "2026-11-21T10:36:00.999999999Z");
        for day in [0, 59, 365, 11_016, 19_782, 19_783, 40_000] {
            assert_eq!(seconds_of(&rfc3339(day * DAY + 5)), Some(day * DAY + 5));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-13-01",
            "2026-02-29",
            "2026-11-21T25:00",
            "2026-11-21T10",
            "2026-11-21T10:00+2",
            "1-1-1-1",
            "2026-11-21T10:00:00:00",
        ] {
            assert_eq!(seconds_of(text), None, "{text}");
        }
    }
}
