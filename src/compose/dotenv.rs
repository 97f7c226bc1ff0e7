//! `.env` and `env_file` texts, as compose v2 reads them.

use std::collections::BTreeMap;

use super::interpolate::{Fault, substitute};

/// What is wrong, and at which byte of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DotenvError {
    pub at: usize,
    pub message: String,
    pub hint: String,
}

/// The variables of `text`. Values may name variables: `outer` is asked first, then the lines above.
pub(super) fn parse(
    text: &str,
    outer: &dyn Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, String>, DotenvError> {
    let mut variables = BTreeMap::new();
    let mut at = if text.starts_with('\u{feff}') { 3 } else { 0 };
    while let Some(start) = statement(text, at) {
        at = start;
        let mut line = &text[at..];
        if let Some(rest) = line.strip_prefix("export") {
            let trimmed = rest.trim_start_matches(is_blank);
            if trimmed.len() < rest.len() {
                at += line.len() - trimmed.len();
                line = trimmed;
            }
        }
        let end = key_end(line).map_err(|bad| malformed(at, line, bad))?;
        let key = line[..end].trim_end();
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(malformed(at, line, 0));
        }
        match line[end..].chars().next() {
            Some('=' | ':') => {
                let after = line[end + 1..].trim_start_matches(is_blank);
                let from = at + line.len() - after.len();
                let (value, length) = value(after, from, outer, &variables)?;
                // Names that begin with a digit are no variables; compose passes over them.
                if !key.starts_with(|c: char| c.is_ascii_digit()) {
                    variables.insert(key.to_owned(), value);
                }
                at = from + length;
            }
            _ => {
                // A bare name is passed on from outside.
                if let Some(value) = outer(key) {
                    variables.insert(key.to_owned(), value);
                }
                at += end;
            }
        }
    }
    Ok(variables)
}

/// Where the next statement begins: past blank lines and comments.
fn statement(text: &str, mut at: usize) -> Option<usize> {
    loop {
        let rest = text[at..].trim_start();
        at = text.len() - rest.len();
        if rest.is_empty() {
            return None;
        }
        if !rest.starts_with('#') {
            return Some(at);
        }
        at += rest.find('\n')?;
    }
}

/// Where the name ends that `line` begins with, or the byte that no name may hold.
fn key_end(line: &str) -> Result<usize, usize> {
    for (at, c) in line.char_indices() {
        match c {
            '=' | ':' | '\n' => return Ok(at),
            '_' | '.' | '-' | '[' | ']' => {}
            _ if is_blank(c) || c.is_alphanumeric() => {}
            _ => return Err(at),
        }
    }
    Ok(line.len())
}

/// The value that `text` begins with, and how many bytes it takes.
fn value(
    text: &str,
    from: usize,
    outer: &dyn Fn(&str) -> Option<String>,
    variables: &BTreeMap<String, String>,
) -> Result<(String, usize), DotenvError> {
    let lookup = |name: &str| outer(name).or_else(|| variables.get(name).cloned());
    let fill = |text: &str| {
        substitute(text, &lookup, &mut Vec::new()).map_err(|fault| unfilled(from, fault))
    };
    let quote = match text.chars().next() {
        Some(quote @ ('"' | '\'')) => quote,
        _ => {
            let line = text.split('\n').next().unwrap_or_default();
            let bare = line.split(" #").next().unwrap_or_default().trim_end();
            return Ok((fill(bare)?, line.len()));
        }
    };
    let mut inner = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            let value = if quote == '"' {
                fill(&unescape(&inner))?
            } else {
                inner
            };
            return Ok((value, at + 1));
        }
        if c == '\\' && !escaped {
            escaped = true;
            continue;
        }
        if escaped && c != quote {
            inner.push('\\');
        }
        escaped = false;
        inner.push(c);
    }
    Err(DotenvError {
        at: from,
        message: "the quote that begins this value is not closed".to_owned(),
        hint: format!("end the value with {quote}, or write it without quotes"),
    })
}

/// What double quotes give a meaning to; `\$` becomes the `$$` that is no variable.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let Some(c) = after.chars().next() else {
            rest = &rest[at..];
            break;
        };
        let mut length = c.len_utf8();
        match c {
            'a' => plain.push('\u{7}'),
            'b' => plain.push('\u{8}'),
            'f' => plain.push('\u{c}'),
            'n' => plain.push('\n'),
            'r' => plain.push('\r'),
            't' => plain.push('\t'),
            'v' => plain.push('\u{b}'),
            '"' | '\\' => plain.push(c),
            '$' => plain.push_str("$$"),
            '0' => match octal(&after[1..]) {
                Some(letter) => {
                    plain.push(letter);
                    length = 4;
                }
                None => plain.push_str("\\0"),
            },
            _ => {
                plain.push('\\');
                plain.push(c);
            }
        }
        rest = &after[length..];
    }
    plain.push_str(rest);
    plain
}

/// The letter of exactly three octal digits.
fn octal(text: &str) -> Option<char> {
    let digits = text.get(..3)?;
    if !digits.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
        return None;
    }
    let code = u32::from_str_radix(digits, 8).ok()?;
    char::from_u32(code).filter(|_| code < 256)
}

fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}'
    )
}

fn malformed(at: usize, line: &str, bad: usize) -> DotenvError {
    let message = match line[bad..].chars().next() {
        Some(c) if !c.is_whitespace() && bad > 0 => {
            format!("`{c}` cannot stand in the name of a variable")
        }
        _ => "this is no variable".to_owned(),
    };
    DotenvError {
        at: at + bad,
        message,
        hint: "write `NAME=value`, one on each line; a comment begins with `#`".to_owned(),
    }
}

fn unfilled(at: usize, fault: Fault) -> DotenvError {
    let (mut message, hint) = super::describe(&fault);
    // What was found there may be a part of a password.
    if matches!(fault, Fault::Malformed(_)) {
        "`${` begins no variable here".clone_into(&mut message);
    }
    DotenvError { at, message, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> BTreeMap<String, String> {
        let outer = |name: &str| (name == "OUTER").then(|| "outside".to_owned());
        parse(text, &outer).unwrap()
    }

    fn one(line: &str) -> String {
        read(&format!("{line}\n"))
            .remove("A")
            .unwrap_or_else(|| panic!("no A in {line}"))
    }

    #[test]
    fn every_form_of_a_line_is_read() {
        let pairs = [
            ("A=b", "b"),
            ("  A = b  ", "b"),
            ("export A=b", "b"),
            ("export\tA=b", "b"),
            ("A: b", "b"),
            ("A=", ""),
            ("A=b c # comment", "b c"),
            ("A=b#c", "b#c"),
            ("A='b $OUTER \\n'", "b $OUTER \\n"),
            ("A='it\\'s'", "it's"),
            ("A=\"b\\n\\\"c\\\" $OUTER\"", "b\n\"c\" outside"),
            ("A=\"\\$OUTER $$OUTER\"", "$OUTER $OUTER"),
            ("A=\"two\nlines\"", "two\nlines"),
            ("A=\"\\0101\\x\"", "A\\x"),
            ("A=${NONE:-d}$OUTER", "doutside"),
            ("B=1\nA=$B${B}", "11"),
            ("OUTER=inside\nA=$OUTER", "outside"),
            ("# c\n\n#A=no\nA=b\r", "b"),
            ("A=\"b\" # comment", "b"),
            ("A=b=c:d", "b=c:d"),
        ];
        for (line, expected) in pairs {
            assert_eq!(one(line), expected, "{line}");
        }
    }

    #[test]
    fn names_without_value_come_from_outside() {
        let expected = [("OUTER".to_owned(), "outside".to_owned())];
        assert_eq!(read("OUTER\nNONE\n1A=x\n"), BTreeMap::from(expected));
    }

    #[test]
    fn a_wrong_line_is_told_with_its_place() {
        let error = |text: &str| parse(text, &|_| None).unwrap_err();
        assert_eq!(error("A=1\nB%=2\n").at, 5);
        assert_eq!(error("A=1\nB='2\n").at, 6);
        assert_eq!(error("A=1\n=2\n").at, 4);
        assert_eq!(error("A B=2").at, 0);
        assert!(error("A=${B:?set B}").message.contains("set B"));
    }
}
