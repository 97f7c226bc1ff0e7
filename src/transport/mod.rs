//! Moves bytes to and from a host. It knows no Docker, no nginx, no systemd units.
//!
//! One connection per host carries everything: a root shell that answers framed requests ([`Transport::run`]),
//! channels of their own for what is long or large ([`Transport::stream`]), connections to sockets on the
//! host ([`Transport::dial`]), and connections from there ([`Transport::listen`]).

mod auth;
mod channel;
mod dial;
mod error;
mod fake;
mod hop;
pub mod known_hosts;
mod lease;
mod link;
mod listener;
mod program;
mod reach;
mod session;
mod settings;
mod ssh;
pub mod ssh_config;
mod stream;
#[cfg(test)]
mod tests;
mod wire;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::script::Script;

pub use error::TransportError;
pub use fake::{Call, FakeTransport};
pub use lease::random_name;
pub use listener::Listener;
pub use program::{Program, ShellOf, Terminal, Window};
pub use settings::DEFAULT_IDENTITIES;
pub use ssh::{ConnectOptions, Prompt, SshConnection, connect};

/// What a script left behind when it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Exit status; 128 + n when a signal n ended it.
    pub status: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// Which of a program's outputs a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Stdout,
    Stderr,
}

/// A socket on the host, dialled with root's rights.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A Unix socket's path.
    Unix(String),
    /// A TCP port on the host's loopback address.
    Loopback(u16),
    /// A TCP port of another host, as this one reaches it.
    Remote(SocketAddr),
}

/// A two-way connection to an [`Endpoint`].
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// Bytes to send, produced as they are needed.
pub type Upload = futures_util::stream::BoxStream<'static, std::io::Result<Bytes>>;

/// A lock to take, and what the host needs to take a run back that it no longer hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRequest {
    /// Held with flock(2); says who holds it.
    pub lock: String,
    /// While this file is there, nobody gets the lock.
    pub hold: String,
    /// What `recover.sh` takes back, and where it writes that it did.
    pub pending: String,
    pub history: String,
    /// Who we are, for whoever finds it taken: a JSON object in one line.
    pub owner: String,
    /// How long to wait while another holds it.
    pub wait: Duration,
}

/// What comes before the answer. Owners are JSON objects, as they wrote them, with what their host added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseEvent {
    /// Another run holds the lock, for so many seconds; told again when it is another one.
    Busy {
        holder: String,
        seconds: u64,
    },
    /// An earlier run was left unfinished; it is taken back first.
    Recovering {
        run: String,
    },
    /// A line of `recover.sh`.
    Recovered {
        line: String,
    },
    RecoveryEnded {
        complete: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseAnswer {
    /// It is ours. Every holder of a lock has a higher number than those before.
    Held { generation: u64 },
    /// Another run had it for as long as was waited, and for so many seconds when it was first met.
    Busy { holder: String, seconds: u64 },
    /// A person has put the stack on hold.
    OnHold { hold: String },
    /// There can be no lock.
    Broken { reason: String },
}

/// When who is taken for gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTimes {
    /// Between two heartbeats of ours; after three without an answer, the host is.
    pub beat: Duration,
    /// When nothing was heard for this long on the host, we are.
    pub silence: Duration,
}

impl Default for LeaseTimes {
    fn default() -> Self {
        Self {
            beat: Duration::from_secs(5),
            silence: Duration::from_secs(20),
        }
    }
}

/// A way to one host. Everything runs as root there.
pub trait Transport: Send + Sync {
    /// Runs a short script with `input` on its stdin; buffered.
    fn run<'a>(
        &'a self,
        script: &'a Script,
        input: &'a [u8],
        deadline: Duration,
    ) -> BoxFuture<'a, Result<Output, TransportError>>;

    /// Runs a long or large script: `input` is streamed to its stdin, each line of output goes to `line` as it comes.
    /// When the returned future is dropped, the script is ended on the host. The returned `Output` holds the
    /// last 64 KiB of each stream. When we die in the middle of an upload the script sees its stdin end before it is
    /// ended itself, so it has to know from the data, as `tar` does, that there is more to come.
    fn stream<'a>(
        &'a self,
        script: &'a Script,
        input: Option<Upload>,
        line: &'a mut (dyn FnMut(Source, &str) + Send),
        deadline: Duration,
    ) -> BoxFuture<'a, Result<Output, TransportError>>;

    /// Takes a lock on the host. It is free after [`Transport::close`]; when we are gone without that, the host first
    /// ends what this connection runs and takes back what was not confirmed. What is asked of the transport while the
    /// lock is being taken is done once it is held.
    fn lock<'a>(
        &'a self,
        request: &'a LeaseRequest,
        tell: &'a (dyn Fn(LeaseEvent) + Send + Sync),
    ) -> BoxFuture<'a, Result<LeaseAnswer, TransportError>>;

    /// Makes ready to dial, so that the first [`Transport::dial`] is as quick as later ones. Whether there was something to
    /// make ready and it is; what fails here will fail there, and is told there.
    fn prepare<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, bool>;

    /// Connects to a socket on the host.
    fn dial<'a>(
        &'a self,
        endpoint: &'a Endpoint,
    ) -> BoxFuture<'a, Result<Box<dyn Connection>, TransportError>>;

    /// Has a free port of the host's loopback address lead here.
    fn listen(&self) -> BoxFuture<'_, Result<Listener, TransportError>>;

    /// Starts a login shell; with a terminal, where there is one.
    fn shell<'a>(
        &'a self,
        whose: ShellOf,
        terminal: Option<&'a Terminal>,
    ) -> BoxFuture<'a, Result<Program, TransportError>>;

    /// Starts a script that a person talks to, in a channel of its own; with a terminal, where there is one.
    fn program<'a>(
        &'a self,
        script: &'a Script,
        terminal: Option<&'a Terminal>,
    ) -> BoxFuture<'a, Result<Program, TransportError>>;

    /// Makes a new connection of its own to the same host, as this one was made, and ends it: proof that the way in is
    /// still open.
    fn probe(&self) -> BoxFuture<'_, Result<(), TransportError>>;

    /// Why the lock that was taken is lost, and the connection with it: nothing can be changed any more.
    fn broken(&self) -> Option<TransportError>;

    /// Ends the connection in good order.
    fn close(&self) -> BoxFuture<'_, ()>;

    /// Ends it as if it had been lost: the host ends what still runs, takes back what was not confirmed, and frees the lock.
    fn leave(&self) -> BoxFuture<'_, ()>;
}
