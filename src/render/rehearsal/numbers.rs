//! Numbers for people and for the picture.

/// The next of these steps, or of them times a power of ten.
pub(super) fn nice(value: f64, steps: &[f64]) -> f64 {
    let power = 10f64.powf(value.max(1.0).log10().floor());
    let all = steps.iter().map(|step| step * power);
    let mut all = all.chain(steps.first().map(|step| step * power * 10.0));
    all.find(|step| *step >= value).unwrap_or(value)
}

/// A tenth of a unit is finer than any screen.
pub(super) fn round(value: f64) -> f64 {
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

pub(super) fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
