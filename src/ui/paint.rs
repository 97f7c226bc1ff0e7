//! Colours, only where they are wanted, and text that cannot take over a terminal.

/// Whether to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint(pub bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    pub fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    pub fn bad(self, text: &str) -> String {
        self.with("31", text)
    }

    pub fn warn(self, text: &str) -> String {
        self.with("33", text)
    }

    pub fn strong(self, text: &str) -> String {
        self.with("1", text)
    }

    /// One of a few colours that can be told from each other; a number has always the same.
    pub fn tone(self, number: usize, text: &str) -> String {
        const TONES: [&str; 6] = ["36", "33", "32", "35", "34", "31"];
        self.with(TONES[number % TONES.len()], text)
    }

    pub fn faint(self, text: &str) -> String {
        self.with("2", text)
    }

    /// A line of a unified diff.
    pub fn diff(self, line: &str) -> String {
        match line.as_bytes().first() {
            Some(b'+') => self.good(line),
            Some(b'-') => self.bad(line),
            Some(b'@') => self.faint(line),
            _ => line.to_owned(),
        }
    }
}

/// A host's words without their colours, other control characters shown and not obeyed: a build log must not rewrite
/// the terminal.
pub fn printable(text: &str) -> String {
    console::strip_ansi_codes(text)
        .chars()
        .filter(|c| *c != '\r')
        .map(|c| match c {
            '\t' => "    ".to_owned(),
            c if c.is_control() => c.escape_default().to_string(),
            c => c.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_shown_not_obeyed() {
        assert_eq!(printable("a\x1b[31mb\tc\r"), "ab    c");
        assert_eq!(printable("a\x07b\x1b"), "a\\u{7}b\\u{1b}");
    }

    #[test]
    fn no_colour_means_none() {
        assert_eq!(Paint(false).bad("x"), "x");
        assert!(Paint(true).bad("x").contains("31"));
    }
}
