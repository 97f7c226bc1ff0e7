//! Lines of logs, for people and for programs.

use serde_json::{Value, json};

use super::Paint;
use super::paint::printable;
use crate::model::time;

/// Where a line comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    Service {
        service: String,
        /// `None` for what has no releases.
        release: Option<String>,
    },
    Nginx {
        site: String,
        /// `access` or `error`.
        log: &'static str,
    },
}

/// A line that something said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// RFC 3339 in UTC; empty when it is not known.
    pub time: String,
    pub host: String,
    pub origin: Origin,
    /// `stdout` or `stderr`; none of a file.
    pub stream: Option<&'static str>,
    pub text: String,
}

/// How lines are shown.
#[derive(Debug, Clone, Copy)]
pub struct LogStyle {
    pub paint: Paint,
    /// Whether lines of several hosts are among them.
    pub hosts: bool,
    pub times: bool,
    /// How wide what stands before a line is, at least.
    pub width: usize,
}

impl Origin {
    /// `backend.0123456789ab`, `db`, or `nginx.names.access`.
    pub fn name(&self) -> String {
        match self {
            Origin::Service {
                service,
                release: Some(release),
            } => format!("{service}.{release}"),
            Origin::Service {
                service,
                release: None,
            } => service.clone(),
            Origin::Nginx { site, log } => format!("nginx.{site}.{log}"),
        }
    }

    /// Lines of one service have one colour, whatever its release.
    fn tone(&self) -> usize {
        let name = match self {
            Origin::Service { service, .. } => service,
            Origin::Nginx { site, .. } => site,
        };
        name.bytes().map(usize::from).sum()
    }
}

/// `web1 backend.0123456789ab | what it said`.
pub fn log_text(entry: &LogEntry, style: LogStyle) -> String {
    let mut name = entry.origin.name();
    if style.hosts {
        name = format!("{} {name}", entry.host);
    }
    let prefix = style
        .paint
        .tone(entry.origin.tone(), &format!("{name:<0$}|", style.width));
    let time = match (style.times, entry.time.as_str()) {
        (false, _) => String::new(),
        (true, time) => format!("{} ", style.paint.faint(time)),
    };
    format!("{prefix} {time}{}", printable(&entry.text))
}

/// One object a line: `time`, `host`, `service` and `release` or `site` and `log`, `stream`, `line`.
pub fn log_json(entry: &LogEntry) -> Value {
    let time = Some(&entry.time).filter(|time| !time.is_empty());
    let mut value = json!({"time": time, "host": entry.host});
    match &entry.origin {
        Origin::Service { service, release } => {
            value["service"] = json!(service);
            value["release"] = json!(release);
        }
        Origin::Nginx { site, log } => {
            value["site"] = json!(site);
            value["log"] = json!(log);
        }
    }
    value["stream"] = json!(entry.stream);
    value["line"] = json!(entry.text);
    value
}

/// The time of a line of nginx's access or error log, as containers' lines have theirs. Error logs are written in the
/// host's `zone`, such as `+0200`.
pub fn nginx_time(line: &str, zone: &str) -> Option<String> {
    access_time(line)
        .or_else(|| error_time(line, zone))
        .map(|seconds| {
            let text = time::rfc3339(seconds);
            format!("{}.000000000Z", text.trim_end_matches('Z'))
        })
}

/// `203.0.113.9 - - [21/Nov/2026:10:36:01 +0000] "GET …`.
fn access_time(line: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, rest) = line.split_once('[')?;
    let (stamp, _) = rest.split_once(']')?;
    let (date, zone) = stamp.split_once(' ')?;
    let (date, clock) = date.split_once(':')?;
    let mut parts = date.split('/');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    time::seconds_of(&format!("{year}-{month}-{day}T{clock}{zone}"))
}

/// `2026/11/21 10:36:01 [error] …`.
fn error_time(line: &str, zone: &str) -> Option<u64> {
    let stamp = line.get(..19)?;
    let (date, clock) = stamp.split_once(' ')?;
    time::seconds_of(&format!("{}T{clock}{zone}", date.replace('/', "-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(origin: Origin) -> LogEntry {
        LogEntry {
            time: "2026-11-21T10:36:01.000000000Z".into(),
            host: "web1".into(),
            origin,
            stream: Some("stdout"),
            text: "a\x1b[31mb\x07".into(),
        }
    }

    fn backend() -> Origin {
        Origin::Service {
            service: "backend".into(),
            release: Some("0123456789ab".into()),
        }
    }

    #[test]
    fn a_line_says_where_it_comes_from() {
        let plain = LogStyle {
            paint: Paint(false),
            hosts: false,
            times: false,
            width: 0,
        };
        assert_eq!(
            log_text(&entry(backend()), plain),
            "backend.0123456789ab| ab\\u{7}"
        );
        let all = LogStyle {
            hosts: true,
            times: true,
            width: 10,
            ..plain
        };
        let db = Origin::Service {
            service: "db".into(),
            release: None,
        };
        assert_eq!(
            log_text(&entry(db), all),
            "web1 db   | 2026-11-21T10:36:01.000000000Z ab\\u{7}"
        );
        let painted = LogStyle {
            paint: Paint(true),
            ..plain
        };
        assert!(log_text(&entry(backend()), painted).starts_with("\x1b["));
    }

    #[test]
    fn a_program_gets_the_line_as_it_was() {
        let told = log_json(&entry(backend()));
        assert_eq!(told["service"], "backend");
        assert_eq!(told["release"], "0123456789ab");
        assert_eq!(told["line"], "a\u{1b}[31mb\u{7}");
        let site = Origin::Nginx {
            site: "names".into(),
            log: "access",
        };
        assert_eq!(log_json(&entry(site))["site"], "names");
    }

    #[test]
    fn nginx_tells_its_times_in_two_ways() {
        let at = Some("2026-11-21T10:36:01.000000000Z".to_owned());
        let access = "203.0.113.9 - - [21/Nov/2026:12:36:01 +0200] \"GET / HTTP/1.1\" 200 5";
        assert_eq!(nginx_time(access, "+0000"), at);
        let error = "2026/11/21 11:36:01 [error] 7#7: *1 connect() failed";
        assert_eq!(nginx_time(error, "+0100"), at);
        assert_eq!(nginx_time("something else", "+0000"), None);
        assert_eq!(nginx_time("", ""), None);
    }
}
