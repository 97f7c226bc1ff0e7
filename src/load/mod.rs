//! Steady load on a site, and an exact account of what became of each request.
//!
//! The load is *open*: requests have times of their own, whatever the site does, and a latency is counted from the time
//! that the request was due. A site that stands still for a second therefore shows in hundreds of requests and not in
//! one (https://www.scylladb.com/2021/04/22/on-coordinated-omission/).
//!
//! Nothing is ever sent twice. A browser repeats a GET when the kept connection turns out to be closed; a script, a
//! payment or a webhook does not, so here it is a loss: [`Outcome::Stale`] when the server had closed the connection
//! without a word before the request was written, [`Outcome::Reset`] or [`Outcome::Eof`] when both happened at once
//! (the race that a client cannot win by looking first). What a server announces is no loss: after an answer with
//! `Connection: close`, which nginx gives at its `keepalive_requests` and `keepalive_time`, the next request opens a
//! connection; and one that was unused for [`UNUSED`] is replaced before a server's `keepalive_timeout` can end it.
//!
//! All of it runs on a thread of its own with a clock of its own, so that work elsewhere in this process delays nothing.

mod connection;
mod download;
mod frame;
mod record;
mod schedule;
mod search;
mod summary;
mod talk;
#[cfg(test)]
mod tests;
mod tls;
mod visit;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

pub use record::{Kind, Outcome, Record, Recording, Route, Stream, StreamEnd};
pub use search::Search;
pub use summary::{Bucket, Gaps, Summary};
pub use tls::Tls;

/// A kept connection that was unused for this long is replaced; nginx ends one after 75 s by default.
pub const UNUSED: Duration = Duration::from_secs(30);
/// How many losses are told while a load goes on.
const SHOWN: u64 = 20;

/// All that goes on at the same time.
#[derive(Debug, Clone)]
pub struct Workload {
    pub visitors: Vec<Visitors>,
    pub talkers: Vec<Talkers>,
    pub downloaders: Vec<Downloaders>,
    /// A request without a whole answer after this long is lost.
    pub timeout: Duration,
    /// The header of answers that names the version which answered.
    pub version_header: Option<String>,
    /// `{id}` in a request's body becomes this, and a number that no other request has.
    pub id_prefix: String,
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            visitors: Vec::new(),
            talkers: Vec::new(),
            downloaders: Vec::new(),
            timeout: Duration::from_secs(10),
            version_header: None,
            id_prefix: "load".to_owned(),
        }
    }
}

/// The highest rate that can be asked for, in requests a second.
pub const HIGHEST_RATE: f64 = 20_000.0;

/// Where requests go.
#[derive(Debug, Clone)]
pub struct Target {
    /// `host:port` to connect to.
    pub address: String,
    /// The `Host` header.
    pub host: String,
    /// With it, HTTPS.
    pub tls: Option<Tls>,
}

impl Target {
    /// The target of `http://host[:port][/]`.
    pub fn parse(url: &str) -> Result<Self, LoadError> {
        let (target, path) = Self::with_path(url, None)?;
        match path.as_str() == "/" && target.tls.is_none() {
            true => Ok(target),
            false => Err(LoadError::Url(url.to_owned())),
        }
    }

    /// The target of `http[s]://host[:port][/path]`, and the path with what follows it. `authorities` are certificates as PEM,
    /// which are trusted instead of this machine's.
    pub fn with_path(url: &str, authorities: Option<&[u8]>) -> Result<(Self, String), LoadError> {
        let wrong = || LoadError::Url(url.to_owned());
        let uri: hyper::Uri = url.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        // Whom to log in as is no part of a request's host.
        if authority.as_str().contains('@') {
            return Err(wrong());
        }
        let (tls, port) = match uri.scheme_str() {
            Some("http") => (None, 80),
            Some("https") => (Some(Tls::new(authority.host(), authorities)?), 443),
            _ => return Err(wrong()),
        };
        if authorities.is_some() && tls.is_none() {
            return Err(LoadError::Tls(
                "an authority is for https:// alone".to_owned(),
            ));
        }
        let port = uri.port_u16().unwrap_or(port);
        let target = Self {
            address: format!("{}:{port}", authority.host()),
            host: authority.as_str().to_owned(),
            tls,
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok((target, path.to_owned()))
    }
}

/// Requests at a steady rate.
#[derive(Debug, Clone)]
pub struct Visitors {
    pub target: Target,
    /// Requests a second.
    pub rate: f64,
    /// How many may be under way at once; with `keep_alive` so many connections, used in turn.
    pub connections: usize,
    /// Without it each request has a connection of its own and says `Connection: close`.
    pub keep_alive: bool,
    /// Taken in turn.
    pub requests: Vec<Request>,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub path: String,
    /// With a body it is a POST of JSON, else a GET.
    pub body: Option<String>,
}

impl Request {
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            body: None,
        }
    }

    pub fn post(path: impl Into<String>, body: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            body: Some(body.into()),
        }
    }

    fn method(&self) -> &'static str {
        if self.body.is_some() { "POST" } else { "GET" }
    }
}

/// WebSockets that stay open and exchange a message again and again; the server sends back what it gets.
#[derive(Debug, Clone)]
pub struct Talkers {
    pub target: Target,
    pub path: String,
    pub count: usize,
    pub every: Duration,
}

/// Answers that are read slowly; when one is whole, the next is asked for.
#[derive(Debug, Clone)]
pub struct Downloaders {
    pub target: Target,
    pub path: String,
    pub count: usize,
    /// Between two reads.
    pub pause: Duration,
}

/// A workload that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("`{0}` is not http://HOST[:PORT] or https://HOST[:PORT]")]
    Url(String),
    #[error("HTTPS cannot be spoken: {0}")]
    Tls(String),
    #[error("a rate of {0} requests/s is not between 0.1 and 20000")]
    Rate(f64),
    #[error("visitors without a {0}")]
    Nothing(&'static str),
    #[error("cannot start the load")]
    Start(#[source] std::io::Error),
}

/// What has been seen until now; the account comes with [`Load::finish`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    good: AtomicU64,
    lost: AtomicU64,
    /// The first few of them.
    losses: Mutex<Vec<String>>,
}

impl Counters {
    fn gain(&self) {
        self.good.fetch_add(1, Ordering::Relaxed);
    }

    fn lose(&self, line: impl FnOnce() -> String) {
        if self.lost.fetch_add(1, Ordering::Relaxed) < SHOWN {
            let mut losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
            losses.push(line());
        }
    }
}

/// A load that goes on; stopped when finished or dropped.
#[derive(Debug)]
pub struct Load {
    began: Instant,
    stop: watch::Sender<bool>,
    counters: Arc<Counters>,
    thread: Option<JoinHandle<Recording>>,
}

impl Load {
    /// Starts it at once.
    pub fn start(workload: Workload) -> Result<Self, LoadError> {
        for visitors in &workload.visitors {
            if !(0.1..=HIGHEST_RATE).contains(&visitors.rate) {
                return Err(LoadError::Rate(visitors.rate));
            }
            if visitors.requests.is_empty() {
                return Err(LoadError::Nothing("request"));
            }
            if visitors.connections == 0 {
                return Err(LoadError::Nothing("connection"));
            }
        }
        // One thread: a few hundred requests a second need no more, and none of them waits for another's lock.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(LoadError::Start)?;
        let (stop, stopped) = watch::channel(false);
        let counters = Arc::<Counters>::default();
        let began = Instant::now();
        let context = Context {
            began: began.into(),
            timeout: workload.timeout,
            version_header: workload.version_header.clone(),
            id_prefix: workload.id_prefix.clone(),
            counters: counters.clone(),
            stopped,
        };
        let thread = std::thread::Builder::new()
            .name("load".to_owned())
            .spawn(move || runtime.block_on(record(workload, context, began)))
            .map_err(LoadError::Start)?;
        Ok(Self {
            began,
            stop,
            counters,
            thread: Some(thread),
        })
    }

    /// The moment that all offsets count from.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Requests, messages and downloads that went well until now.
    pub fn good(&self) -> u64 {
        self.counters.good.load(Ordering::Relaxed)
    }

    /// Those that did not.
    pub fn lost(&self) -> u64 {
        self.counters.lost.load(Ordering::Relaxed)
    }

    /// The first few of those, as lines for people.
    pub fn losses(&self) -> Vec<String> {
        let losses = self.counters.losses.lock();
        losses.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends nothing new, waits for what is under way, and gives the account. Long-lived connections are closed.
    pub fn finish(mut self) -> Recording {
        self.stop.send_replace(true);
        let thread = self.thread.take().expect("finished once");
        match thread.join() {
            Ok(recording) => recording,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What every part of a load needs.
#[derive(Debug, Clone)]
struct Context {
    began: tokio::time::Instant,
    timeout: Duration,
    version_header: Option<String>,
    id_prefix: String,
    counters: Arc<Counters>,
    stopped: watch::Receiver<bool>,
}

impl Context {
    /// Microseconds since the beginning.
    fn now(&self) -> u64 {
        micros(self.began.elapsed())
    }

    fn is_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    async fn stop(&mut self) {
        // An error means that nobody is left to stop it: the same.
        let _ = self.stopped.wait_for(|stopped| *stopped).await;
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

async fn record(workload: Workload, context: Context, began: Instant) -> Recording {
    let mut recording = Recording::new(began, context.id_prefix.clone());
    let mut visits = Vec::new();
    let mut streams = Vec::new();
    for (group, visitors) in workload.visitors.into_iter().enumerate() {
        let first_route = recording.routes.len();
        let kind = if visitors.keep_alive {
            Kind::KeepAlive
        } else {
            Kind::Close
        };
        let routes: Vec<Route> = visitors
            .requests
            .iter()
            .map(|request| Route {
                kind,
                method: request.method(),
                path: request.path.clone(),
                group,
            })
            .collect();
        recording.routes.extend(routes.iter().cloned());
        let started = visit::start(visitors, routes, first_route, &context);
        visits.extend(started);
    }
    for talkers in workload.talkers {
        let route = Route {
            kind: Kind::WebSocket,
            method: "GET",
            path: talkers.path.clone(),
            group: 0,
        };
        let place = (recording.routes.len(), route.clone());
        recording.routes.push(route);
        for number in 0..talkers.count {
            let talk = talk::talk(talkers.clone(), number, place.clone(), context.clone());
            streams.push(tokio::spawn(talk));
        }
    }
    for downloaders in workload.downloaders {
        let route = Route {
            kind: Kind::Download,
            method: "GET",
            path: downloaders.path.clone(),
            group: 0,
        };
        let place = (recording.routes.len(), route.clone());
        recording.routes.push(route);
        for number in 0..downloaders.count {
            let download =
                download::download(downloaders.clone(), number, place.clone(), context.clone());
            streams.push(tokio::spawn(download));
        }
    }
    for visit in visits {
        recording.add(visit.await.expect("a visitor does not panic"));
    }
    for stream in streams {
        recording.add(stream.await.expect("a stream does not panic"));
    }
    recording.ended_at = context.now();
    recording.sort();
    recording
}
