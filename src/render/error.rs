//! What can go wrong while a file is made.

use std::fmt::Write as _;
use std::ops::Range;

/// A file that could not be made: where, why, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot render {place}{}: {reason}", at(*line))]
pub struct RenderError {
    /// The template or the file, relative to the folder it belongs to.
    pub place: String,
    /// Line in it, from 1.
    pub line: Option<usize>,
    /// Bytes in it, for a marker.
    pub range: Option<Range<usize>>,
    pub reason: String,
    /// What to do.
    pub help: String,
}

fn at(line: Option<usize>) -> String {
    line.map(|line| format!(", line {line}"))
        .unwrap_or_default()
}

impl RenderError {
    pub(crate) fn new(
        place: impl Into<String>,
        reason: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            place: place.into(),
            line: None,
            range: None,
            reason: reason.into(),
            help: help.into(),
        }
    }

    // Never the error's own debug information: it prints every variable in reach.
    pub(super) fn from_engine(error: &minijinja::Error, template: &str) -> Self {
        let mut reason = error.kind().to_string();
        if let Some(detail) = error.detail() {
            let _ = write!(reason, ": {detail}");
        }
        let help = match error.kind() {
            minijinja::ErrorKind::UndefinedError => {
                "the template may only name what stackctl gives it; compare with the one it replaces"
            }
            minijinja::ErrorKind::BadEscape => {
                "use the filter for that place, or a value that the place can hold"
            }
            _ => {
                "correct the template in the folder `templates`, or remove it to get stackctl's own"
            }
        };
        Self {
            place: error.name().unwrap_or(template).to_owned(),
            line: error.line(),
            range: error.range(),
            reason,
            help: help.to_owned(),
        }
    }
}
