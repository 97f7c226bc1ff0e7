//! Which lines of a log are shown, and in which order.

use std::collections::VecDeque;

use super::source::Lines;
use crate::model::time;
use crate::ui::LogEntry;

/// What is kept of what one container or file said.
pub(super) struct Kept {
    limits: Limits,
    last: VecDeque<LogEntry>,
    since: String,
    /// Of a line that has no time of its own: that of the one before it.
    time: String,
    lines: Lines,
}

pub(super) struct Limits {
    pub(super) grep: Option<Grep>,
    pub(super) since: u64,
    pub(super) tail: Option<u32>,
}

impl Kept {
    pub(super) fn new(limits: Limits, lines: Lines) -> Self {
        let since = match limits.since {
            0 => String::new(),
            since => time::beginning(since),
        };
        Self {
            limits,
            last: VecDeque::new(),
            since,
            time: String::new(),
            lines,
        }
    }

    /// Whether more is wanted.
    pub(super) fn add(&mut self, mut entry: LogEntry) -> bool {
        if entry.time.is_empty() {
            entry.time.clone_from(&self.time);
        } else {
            self.time.clone_from(&entry.time);
        }
        let grep = self.limits.grep.as_ref();
        if entry.time < self.since || grep.is_some_and(|grep| !grep.finds(&entry.text)) {
            return true;
        }
        let Some(tail) = self.limits.tail else {
            return self.lines.send(Ok(entry)).is_ok();
        };
        if self.last.len() >= tail as usize {
            self.last.pop_front();
        }
        if tail > 0 {
            self.last.push_back(entry);
        }
        true
    }

    pub(super) fn end(self) {
        for entry in self.last {
            let _ = self.lines.send(Ok(entry));
        }
    }
}

/// Text to look for. With a capital letter in it, it means exactly that; else letters of both kinds.
#[derive(Debug, Clone)]
pub(super) struct Grep {
    text: String,
    is_exact: bool,
}

impl Grep {
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            is_exact: text.chars().any(char::is_uppercase),
        }
    }

    pub(super) fn finds(&self, line: &str) -> bool {
        if self.is_exact {
            line.contains(&self.text)
        } else {
            line.to_lowercase().contains(&self.text)
        }
    }
}

/// The queue whose line comes first; lines without a time come before others.
pub(super) fn earliest(heads: &[Option<LogEntry>]) -> Option<usize> {
    let there = heads.iter().enumerate();
    let there = there.filter_map(|(at, head)| head.as_ref().map(|head| (head.time.as_str(), at)));
    there.min().map(|(_, at)| at)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::ui::Origin;

    fn line(time: &str, text: &str) -> LogEntry {
        LogEntry {
            time: time.into(),
            host: "web1".into(),
            origin: Origin::Service {
                service: "db".into(),
                release: None,
            },
            stream: None,
            text: text.into(),
        }
    }

    fn kept(limits: Limits, lines: &[(&str, &str)]) -> Vec<String> {
        let (sender, mut queue) = mpsc::unbounded_channel();
        let mut kept = Kept::new(limits, sender);
        for (time, text) in lines {
            assert!(kept.add(line(time, text)));
        }
        kept.end();
        std::iter::from_fn(|| queue.try_recv().ok())
            .map(|entry| entry.map_err(drop).unwrap().text)
            .collect()
    }

    #[test]
    fn the_last_lines_are_the_last_of_those_that_are_looked_for() {
        let lines = [
            ("2026-11-21T10:00:00.5Z", "GET /a"),
            ("2026-11-21T10:00:01.0Z", "post /b"),
            ("2026-11-21T10:00:02.0Z", "get /c"),
            ("", "get /d, without a time"),
        ];
        let limits = |grep: Option<&str>, since, tail| Limits {
            grep: grep.map(Grep::new),
            since,
            tail,
        };
        let since = time::seconds_of("2026-11-21T10:00:00Z").unwrap();
        assert_eq!(kept(limits(None, since, None), &lines).len(), 4);
        assert_eq!(kept(limits(None, since + 1, None), &lines).len(), 3);
        assert_eq!(
            kept(limits(Some("get"), 0, Some(2)), &lines),
            ["get /c", "get /d, without a time"]
        );
        assert_eq!(kept(limits(Some("GET"), 0, Some(2)), &lines), ["GET /a"]);
        assert_eq!(kept(limits(None, 0, Some(0)), &lines), [""; 0]);
    }

    #[test]
    fn lines_come_in_the_order_of_their_times() {
        let heads = [
            Some(line("2026-11-21T10:00:02.000000000Z", "b")),
            None,
            Some(line("2026-11-21T10:00:01.900000000Z", "a")),
        ];
        assert_eq!(earliest(&heads), Some(2));
        assert_eq!(earliest(&[None]), None);
    }
}
