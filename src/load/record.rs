//! What became of each request: small values, kept in memory until the end.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// 2xx or 3xx with a whole body; for WebSockets 101, or the message that was sent.
    Ok,
    /// A whole answer with another status.
    Status,
    /// The connection was reset.
    Reset,
    /// The connection ended before the answer did.
    Eof,
    /// The server had closed the kept connection, without announcing it, before this request was written.
    Stale,
    /// No whole answer in time.
    Timeout,
    /// No connection could be made.
    Refused,
    /// What came was no HTTP, or not what was asked for.
    Malformed,
    /// HTTPS could not be agreed on: a certificate that is not for this name, is not trusted, or has ended.
    Tls,
}

impl Outcome {
    pub fn is_ok(self) -> bool {
        self == Self::Ok
    }

    /// One word, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Status => "status",
            Self::Reset => "reset",
            Self::Eof => "eof",
            Self::Stale => "stale",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Malformed => "malformed",
            Self::Tls => "tls",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "answered",
            Self::Status => "error status",
            Self::Reset => "connection reset",
            Self::Eof => "answer cut short",
            Self::Stale => "kept connection was closed unannounced",
            Self::Timeout => "no answer in time",
            Self::Refused => "no connection",
            Self::Malformed => "malformed answer",
            Self::Tls => "certificate or TLS refused",
        })
    }
}

/// What sort of connection a request uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    KeepAlive,
    Close,
    WebSocket,
    Download,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::KeepAlive => "keep-alive",
            Self::Close => "close",
            Self::WebSocket => "websocket",
            Self::Download => "download",
        }
    }
}

/// One sort of request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub kind: Kind,
    pub method: &'static str,
    pub path: String,
    /// Which visitors ask it.
    pub group: usize,
}

/// One request, or one message of a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// When it was due, in microseconds since the load began.
    pub at: u64,
    /// From when it was due until its outcome was known, in microseconds.
    pub took: u32,
    /// Its number among those of its visitors; for WebSockets, which of them.
    pub ticket: u32,
    /// Index into [`Recording::routes`].
    pub route: u16,
    /// 0 without an answer.
    pub status: u16,
    /// Index into [`Recording::versions`]; 0 is none.
    pub version: u16,
    pub outcome: Outcome,
}

// Half an hour at 700 requests a second is 1.26 million of them.
const _: () = assert!(size_of::<Record>() <= 32);

impl Record {
    /// When its outcome was known.
    pub fn done(&self) -> u64 {
        self.at + u64::from(self.took)
    }
}

/// How a long-lived connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    /// A download that came to its end.
    Whole,
    /// It was open when the load was stopped.
    Open,
    /// The server said good-bye with this code of RFC 6455; 1005 is none.
    Closed(u16),
    /// Ended without one, or never began.
    Cut(Outcome),
}

/// A long-lived connection: a WebSocket or a slow download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    /// Index into [`Recording::routes`].
    pub route: u16,
    /// Which of those at the same time.
    pub number: u32,
    /// Microseconds since the load began.
    pub began: u64,
    pub ended: u64,
    /// Messages that came back, or bytes that were read.
    pub amount: u64,
    pub status: u16,
    pub version: u16,
    pub end: StreamEnd,
}

/// The account of a load.
#[derive(Debug)]
pub struct Recording {
    /// The moment that all offsets count from.
    pub began: Instant,
    /// When the last of it ended.
    pub ended_at: u64,
    pub routes: Vec<Route>,
    /// In the order in which they were due.
    pub records: Vec<Record>,
    /// In the order in which they began.
    pub streams: Vec<Stream>,
    /// What the version header said; the first is for answers without one.
    pub versions: Vec<String>,
    id_prefix: String,
}

/// What one visitor or stream saw; its versions are its own.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub records: Vec<Record>,
    pub streams: Vec<Stream>,
    versions: Vec<String>,
}

impl Part {
    /// The number of a version, 0 for none.
    pub fn version(&mut self, name: Option<&str>) -> u16 {
        let Some(name) = name else { return 0 };
        let known = self.versions.iter().position(|known| known == name);
        let index = known.unwrap_or_else(|| {
            self.versions.push(name.to_owned());
            self.versions.len() - 1
        });
        u16::try_from(index + 1).unwrap_or(0)
    }
}

impl Recording {
    pub(super) fn new(began: Instant, id_prefix: String) -> Self {
        Self {
            began,
            ended_at: 0,
            routes: Vec::new(),
            records: Vec::new(),
            streams: Vec::new(),
            versions: vec![String::new()],
            id_prefix,
        }
    }

    pub(super) fn add(&mut self, part: Part) {
        let Part {
            mut records,
            mut streams,
            versions,
        } = part;
        let mut numbers = BTreeMap::from([(0, 0)]);
        for (index, name) in versions.into_iter().enumerate() {
            let known = self.versions.iter().position(|known| *known == name);
            let ours = known.unwrap_or_else(|| {
                self.versions.push(name);
                self.versions.len() - 1
            });
            numbers.insert(index as u16 + 1, u16::try_from(ours).unwrap_or(0));
        }
        for record in &mut records {
            record.version = numbers[&record.version];
        }
        for stream in &mut streams {
            stream.version = numbers[&stream.version];
        }
        self.records.append(&mut records);
        self.streams.append(&mut streams);
    }

    pub(super) fn sort(&mut self) {
        self.records.sort_by_key(|record| (record.at, record.route));
        self.streams
            .sort_by_key(|stream| (stream.began, stream.number));
    }

    /// A moment as an offset; one before the load is its beginning.
    pub fn offset(&self, moment: Instant) -> u64 {
        super::micros(moment.saturating_duration_since(self.began))
    }

    /// Each POST with the id that it carried, to compare with what the app has kept.
    pub fn posts(&self) -> impl Iterator<Item = (String, &Record)> {
        self.records.iter().filter_map(|record| {
            let route = &self.routes[usize::from(record.route)];
            let id = || super::visit::id(&self.id_prefix, route.group, record.ticket);
            (route.method == "POST").then(|| (id(), record))
        })
    }

    /// Each loss as a line for people; as many as [`Recording::lost`] counts.
    pub fn losses(&self) -> Vec<String> {
        let records = self.records.iter().filter_map(|record| {
            let route = &self.routes[usize::from(record.route)];
            let is_lost = !record.outcome.is_ok() && route.kind != Kind::WebSocket;
            is_lost.then(|| (record.at, lost_request(route, record)))
        });
        let streams = self.streams.iter().filter_map(|stream| {
            let route = &self.routes[usize::from(stream.route)];
            let is_cut = matches!(stream.end, StreamEnd::Cut(_));
            is_cut.then(|| (stream.ended, lost_stream(route, stream)))
        });
        let mut lines: Vec<(u64, String)> = records.chain(streams).collect();
        lines.sort();
        lines.into_iter().map(|(_, line)| line).collect()
    }
}

/// What became of a request, for people.
pub(super) fn lost_request(route: &Route, record: &Record) -> String {
    let status = match record.status {
        0 => String::new(),
        status => format!(" {status}"),
    };
    format!(
        "{:.3} s: {} {} ({}): {}{status} after {:.3} s",
        seconds(record.at),
        route.method,
        route.path,
        route.kind.name(),
        record.outcome,
        seconds(record.took.into()),
    )
}

/// How a long-lived connection ended, for people.
pub(super) fn lost_stream(route: &Route, stream: &Stream) -> String {
    let how = match stream.end {
        StreamEnd::Cut(outcome) => outcome.to_string(),
        end => format!("{end:?}"),
    };
    format!(
        "{:.3} s: {} {} number {}: {how} after {:.3} s",
        seconds(stream.ended),
        route.kind.name(),
        route.path,
        stream.number,
        seconds(stream.ended.saturating_sub(stream.began)),
    )
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}
