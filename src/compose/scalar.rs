//! What an unquoted yaml scalar is: compose's users see `1.50` in an environment become `1.5`, and so do we.

use crate::yaml::tree::{Kind, Node};

/// A scalar as yaml's core schema tells its type, with the older octal and binary forms that compose still takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Bool(bool),
    Whole(i128),
    Real(f64),
    Text(String),
}

impl Scalar {
    /// The scalar at `node`, or nothing for null, lists and maps.
    pub fn of(node: &Node) -> Option<Self> {
        let Kind::Scalar(text) = &node.kind else {
            return None;
        };
        if !node.plain {
            return Some(Self::Text(text.clone()));
        }
        Some(match text.as_str() {
            "true" | "True" | "TRUE" => Self::Bool(true),
            "false" | "False" | "FALSE" => Self::Bool(false),
            _ => number(text).unwrap_or_else(|| Self::Text(text.clone())),
        })
    }

    /// As compose writes it into an environment, a label or an argument.
    pub fn written(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Whole(value) => value.to_string(),
            Self::Real(value) => real(*value),
            Self::Text(text) => text.clone(),
        }
    }

    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Bool(value) => (*value).into(),
            Self::Whole(value) => match i64::try_from(*value) {
                Ok(value) => value.into(),
                Err(_) => u64::try_from(*value).map_or_else(|_| self.written().into(), Into::into),
            },
            Self::Real(value) => (*value).into(),
            Self::Text(text) => text.clone().into(),
        }
    }
}

fn number(text: &str) -> Option<Scalar> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    let bare = text.replace('_', "");
    if let Some(whole) = whole(&bare) {
        return Some(Scalar::Whole(whole));
    }
    let digits = bare.trim_start_matches(['+', '-']);
    if bare.len() > digits.len() + 1 {
        return None;
    }
    match digits {
        ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN" => return None,
        _ => {}
    }
    let numeric = digits
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    let mut first = digits.chars();
    let begins = first.by_ref().take(2).any(|c| c.is_ascii_digit());
    if !numeric || !begins {
        return None;
    }
    bare.parse().ok().map(Scalar::Real)
}

fn whole(bare: &str) -> Option<i128> {
    let (negative, digits) = match bare.as_bytes().first()? {
        b'-' => (true, &bare[1..]),
        b'+' => (false, &bare[1..]),
        _ => (false, bare),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    let value = if negative { -value } else { value };
    // Beyond 64 bits yaml readers turn to floating point.
    (i128::from(i64::MIN)..=i128::from(u64::MAX))
        .contains(&value)
        .then_some(value)
}

/// The shortest text that reads back, with an exponent where the number is very large or very small.
fn real(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let size = value.abs();
    if (1e-4..1e21).contains(&size) {
        return value.to_string();
    }
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::error::Span;

    fn written(text: &str) -> String {
        let node = Node {
            span: Span::new(0, 0, 0),
            kind: Kind::Scalar(text.to_owned()),
            end: 0,
            plain: true,
        };
        Scalar::of(&node).unwrap().written()
    }

    /// Each pair was printed by `docker compose config`.
    #[test]
    fn unquoted_scalars_are_written_as_compose_writes_them() {
        let pairs = [
            ("0440", "288"),
            ("0o17", "15"),
            ("0x1f", "31"),
            ("1_000", "1000"),
            ("1e3", "1000"),
            (".5", "0.5"),
            ("True", "true"),
            ("yes", "yes"),
            ("12345678901234567890", "12345678901234567890"),
            ("1e21", "1e+21"),
            ("1:30:45", "1:30:45"),
            ("1.0", "1"),
            ("-0", "0"),
            ("-é", "-é"),
            ("+–", "+–"),
            (".ä", ".ä"),
            ("-", "-"),
            ("+5", "5"),
            ("0b11", "3"),
            ("1.10", "1.1"),
            ("08", "8"),
            ("1e-7", "1e-07"),
            ("100000000000000000000000", "1e+23"),
            ("1.2.3", "1.2.3"),
            ("-", "-"),
            ("e5", "e5"),
            ("1-2", "1-2"),
        ];
        for (text, expected) in pairs {
            assert_eq!(written(text), expected, "{text}");
        }
    }
}
