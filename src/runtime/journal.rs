//! What units say, by the host's journal.

use std::time::Duration;

use serde::Deserialize;

use crate::model::time;
use crate::script;
use crate::transport::{Source, Transport, TransportError};

/// One line that a unit said, or systemd of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalLine {
    /// As [`super::docker::LogLine::time`].
    pub time: String,
    /// With `.service`.
    pub unit: String,
    pub text: String,
}

/// Which lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalQuery {
    /// As journalctl(1) takes them.
    pub matches: Vec<String>,
    /// Seconds since the epoch; 0 for all.
    pub since: u64,
    pub lines: Lines,
}

/// How many lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    All,
    Last(u32),
    /// Also those that come from now on.
    Follow,
}

/// What one unit said, and systemd of it.
pub fn of_unit(unit: &str) -> Vec<String> {
    vec![format!("--unit={unit}")]
}

/// What all units of a template said, also those that are yet to come, and what systemd says of `unit`. `units` is what
/// their names begin with, up to the `@`.
pub fn of_template(units: &str, unit: Option<&str>) -> Vec<String> {
    // systemd gives them a slice of their own: see systemd.slice(5) and systemd-escape(1).
    let prefix = units.trim_end_matches('@').replace('-', "\\x2d");
    let mut matches = vec![format!("_SYSTEMD_SLICE=system-{prefix}.slice")];
    if let Some(unit) = unit {
        matches.extend(["+".to_owned(), "_PID=1".to_owned(), format!("UNIT={unit}")]);
    }
    matches
}

/// Tells each line until there is no more, which with [`Lines::Follow`] is when the journal ends it.
pub async fn read(
    transport: &dyn Transport,
    query: &JournalQuery,
    deadline: Duration,
    line: &mut (dyn FnMut(JournalLine) + Send),
) -> Result<(), TransportError> {
    let lines = match query.lines {
        Lines::All => "all".to_owned(),
        Lines::Last(lines) => lines.to_string(),
        Lines::Follow => "follow".to_owned(),
    };
    let script = script::unit_logs(lines, query.since).with(&query.matches);
    let mut told = |source: Source, text: &str| {
        if source == Source::Stdout {
            parse(text).into_iter().for_each(&mut *line);
        }
    };
    let read = transport.stream(&script, None, &mut told, deadline).await;
    read.map(drop)
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    time: String,
    #[serde(rename = "MESSAGE")]
    message: Option<Message>,
    /// The unit that systemd speaks of.
    #[serde(rename = "UNIT")]
    about: Option<String>,
    #[serde(rename = "_SYSTEMD_UNIT")]
    unit: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    Text(String),
    /// What is no UTF-8, or has control characters in it.
    Bytes(Vec<u8>),
}

/// The lines of one object; none where it is not one of the journal's.
fn parse(text: &str) -> Vec<JournalLine> {
    let Ok(entry) = serde_json::from_str::<Entry>(text) else {
        return Vec::new();
    };
    let Ok(microseconds) = entry.time.parse::<u64>() else {
        return Vec::new();
    };
    let second = time::rfc3339(microseconds / 1_000_000);
    let time = format!(
        "{}.{:06}000Z",
        second.trim_end_matches('Z'),
        microseconds % 1_000_000
    );
    let message = match entry.message {
        Some(Message::Text(text)) => text,
        Some(Message::Bytes(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        None => String::new(),
    };
    let unit = entry.about.or(entry.unit).unwrap_or_default();
    let line = |text: &str| JournalLine {
        time: time.clone(),
        unit: unit.clone(),
        text: text.trim_end_matches('\r').to_owned(),
    };
    message.split('\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_time_and_the_unit_of_its_entry() {
        let said = r#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1763721361000042","MESSAGE":"GET / 200",
            "_SYSTEMD_UNIT":"names-api@790bee8b207b.service"}"#;
        let line = JournalLine {
            time: "2025-11-21T10:36:01.000042000Z".into(),
            unit: "names-api@790bee8b207b.service".into(),
            text: "GET / 200".into(),
        };
        assert_eq!(parse(said), [line]);
    }

    #[test]
    fn bytes_several_lines_and_words_of_systemd_are_read() {
        let texts = |said: &str| -> Vec<(String, String)> {
            let lines = parse(said).into_iter();
            lines.map(|line| (line.unit, line.text)).collect()
        };
        let said =
            r#"{"__REALTIME_TIMESTAMP":"1","MESSAGE":[27,91,255],"_SYSTEMD_UNIT":"a.service"}"#;
        assert_eq!(
            texts(said),
            [("a.service".into(), "\u{1b}[\u{fffd}".into())]
        );
        let said = r#"{"__REALTIME_TIMESTAMP":"1","MESSAGE":"a\nb","UNIT":"a.service","_SYSTEMD_UNIT":"init.scope"}"#;
        assert_eq!(
            texts(said),
            [
                ("a.service".into(), "a".into()),
                ("a.service".into(), "b".into())
            ]
        );
        for other in ["", "no json", "{}", r#"{"__REALTIME_TIMESTAMP":"x"}"#] {
            assert_eq!(texts(other), []);
        }
    }

    #[test]
    fn units_of_a_template_are_found_by_their_slice() {
        assert_eq!(
            of_template("names-api@", None),
            ["_SYSTEMD_SLICE=system-names\\x2dapi.slice"]
        );
    }
}
