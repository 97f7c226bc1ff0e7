//! `$NAME`, `${NAME}` and the forms with a default, a replacement or an error; `$$` is a dollar.

/// Why a text cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// `${NAME:?reason}` of a variable without a value.
    Required {
        name: String,
        reason: String,
    },
    /// `${` that is no variable; holds what was found.
    Malformed(String),
    TooDeep,
}

/// Deep enough for every file that was seen (2), and small enough for the stack.
const DEPTH_LIMIT: usize = 16;

/// `text` with its variables filled in. `missing` gets the names that have neither value nor default.
pub(super) fn substitute(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    missing: &mut Vec<String>,
) -> Result<String, Fault> {
    fill(text, lookup, missing, 0)
}

fn fill(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    missing: &mut Vec<String>,
    depth: usize,
) -> Result<String, Fault> {
    if depth > DEPTH_LIMIT {
        return Err(Fault::TooDeep);
    }
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        filled.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(left) = after.strip_prefix('$') {
            filled.push('$');
            rest = left;
        } else if after.starts_with('{') {
            let end =
                closing(after).ok_or_else(|| Fault::Malformed(format!("${}", line(after))))?;
            filled.push_str(&braced(&after[1..end], lookup, missing, depth)?);
            rest = &after[end + 1..];
        } else {
            let name = &after[..name_length(after)];
            if name.is_empty() {
                // A shell's `$1` or `$(…)` is text.
                filled.push('$');
            } else {
                filled.push_str(&value(name, lookup, missing));
            }
            rest = &after[name.len()..];
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

/// What stands for `inner` of `${inner}`.
fn braced(
    inner: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    missing: &mut Vec<String>,
    depth: usize,
) -> Result<String, Fault> {
    let malformed = || Fault::Malformed(format!("${{{}}}", line(inner)));
    let name = &inner[..name_length(inner)];
    if name.is_empty() {
        return Err(malformed());
    }
    let rest = &inner[name.len()..];
    if rest.is_empty() {
        return Ok(value(name, lookup, missing));
    }
    let (empty_counts, rest) = match rest.strip_prefix(':') {
        Some(rest) => (false, rest),
        None => (true, rest),
    };
    let found = lookup(name).filter(|value| empty_counts || !value.is_empty());
    let mut given = |text: &str| fill(text, lookup, missing, depth + 1);
    match (rest.chars().next(), found) {
        (Some('-'), None) => given(&rest[1..]),
        (Some('-' | '?'), Some(value)) => Ok(value),
        (Some('?'), None) => Err(Fault::Required {
            name: name.to_owned(),
            reason: given(&rest[1..])?,
        }),
        (Some('+'), Some(_)) => given(&rest[1..]),
        (Some('+'), None) => Ok(String::new()),
        _ => Err(malformed()),
    }
}

fn value(name: &str, lookup: &dyn Fn(&str) -> Option<String>, missing: &mut Vec<String>) -> String {
    lookup(name).unwrap_or_else(|| {
        missing.push(name.to_owned());
        String::new()
    })
}

fn name_length(text: &str) -> usize {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.find(|c| !inner(c)).unwrap_or(text.len())
}

/// Where the brace closes that `text` begins with; braces inside (other variables, JSON) are counted.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => open += 1,
            '}' if open == 1 => return Some(at),
            '}' => open -= 1,
            _ => {}
        }
    }
    None
}

fn line(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    first.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<String, Fault> {
        let lookup = |name: &str| match name {
            "A" => Some("a".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        substitute(text, &lookup, &mut Vec::new())
    }

    #[test]
    fn every_form_is_filled_in() {
        let pairs = [
            ("$A-$A", "a-a"),
            ("${A}b", "ab"),
            ("$$A $${A}", "$A ${A}"),
            ("cost $5 $(x) $", "cost $5 $(x) $"),
            ("[$NONE]", "[]"),
            ("${NONE:-d}${EMPTY:-d}${A:-d}", "dda"),
            ("${NONE-d}${EMPTY-d}${A-d}", "da"),
            ("${NONE:+r}${EMPTY:+r}${A:+r}", "r"),
            ("${NONE+r}${EMPTY+r}${A+r}", "rr"),
            ("${A:?no}${EMPTY?no}", "a"),
            ("${NONE:-${NONE:-${A}}x}", "ax"),
            ("${NONE:-{\"k\": {}}}", "{\"k\": {}}"),
            ("${NONE:-http://h:80/?a=b}", "http://h:80/?a=b"),
            ("${NONE:-}", ""),
            ("é$A", "éa"),
        ];
        for (text, expected) in pairs {
            assert_eq!(filled(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_filled_in_says_why() {
        let required = |name: &str, reason: &str| {
            Err(Fault::Required {
                name: name.into(),
                reason: reason.into(),
            })
        };
        assert_eq!(filled("${NONE:?set $A}"), required("NONE", "set a"));
        assert_eq!(filled("${EMPTY:?}"), required("EMPTY", ""));
        for bad in ["${", "${A", "${}", "${1}", "${A!}", "${A:}", "${A b}"] {
            assert!(matches!(filled(bad), Err(Fault::Malformed(_))), "{bad}");
        }
        let deep = format!("{}{}", "${N:-".repeat(40), "}".repeat(40));
        assert_eq!(filled(&deep), Err(Fault::TooDeep));
    }

    #[test]
    fn a_variable_without_value_is_told() {
        let mut missing = Vec::new();
        let lookup = |_: &str| None;
        substitute("$A ${B} ${C:-} ${D:-$E}", &lookup, &mut missing).unwrap();
        assert_eq!(missing, ["A", "B", "E"]);
    }
}
