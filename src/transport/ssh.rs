//! Connecting: settings, jump hosts, host keys, authentication. One russh connection per host.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use russh::client::{self, DisconnectReason, Handle, Msg};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKeyOrCertificate};
use russh::{Channel, Disconnect, Preferred, cipher, compression};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use super::channel::{Inbox, Outbox, pump};
use super::known_hosts::{HostName, KnownHosts, Refusal, fingerprint};
use super::lease::{self, Lease};
use super::session::{self, Session};
use super::ssh_config::Settings;
use super::wire::{Cut, Wire};
use super::{
    Connection, Endpoint, LeaseAnswer, LeaseEvent, LeaseRequest, LeaseTimes, Output, Program,
    ShellOf, Source, Terminal, Transport, TransportError, Upload, auth, dial, settings, stream,
};
use crate::model::{Fingerprint, SshTarget};
use crate::script::Script;

const FENCE: &str = include_str!("fence.sh");
const KEEPALIVE: Duration = Duration::from_secs(5);
const KEEPALIVES_MISSED: usize = 3;
/// What the kernel may hold of an upload, in bytes. Heartbeats come after it: on a slow link, the megabytes that it would
/// hold otherwise look like silence. More than what 20 Mbit/s need over 100 ms.
const SEND_BUFFER: u32 = 256 << 10;
/// sshd allows 10 by default; two are left for people.
const SESSION_CHANNELS: usize = 8;
/// Longer chains are loops.
const MAX_HOPS: usize = 8;
/// For what is one or two round trips on a connection that is known to live.
pub(super) const STEP_DEADLINE: Duration = Duration::from_secs(15);

/// Asks a person for the passphrase of a key file. Only given when there is a terminal.
pub trait Prompt: Send + Sync {
    /// `attempt` counts from 1; `None` when the person gives up.
    fn passphrase(&self, key_file: &Path, attempt: u32) -> Option<Zeroizing<String>>;
}

/// What of this machine matters for connecting.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// For reaching one host and agreeing on keys.
    pub deadline: Duration,
    /// Where `.ssh` is.
    pub home: Option<PathBuf>,
    /// `/etc/ssh`: `ssh_config` and `ssh_known_hosts`.
    pub system: PathBuf,
    /// The agent's socket.
    pub agent: Option<PathBuf>,
    pub local_user: String,
    pub lease: LeaseTimes,
}

impl ConnectOptions {
    /// As `ssh` would see them from this process.
    pub fn from_environment() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let local_user = ["USER", "LOGNAME"].into_iter().find_map(variable);
        Self {
            deadline: Duration::from_secs(10),
            home: variable("HOME").map(PathBuf::from),
            system: PathBuf::from("/etc/ssh"),
            agent: variable("SSH_AUTH_SOCK").map(PathBuf::from),
            local_user: local_user.map_or_else(
                || "root".to_owned(),
                |user| user.to_string_lossy().into_owned(),
            ),
            lease: LeaseTimes::default(),
        }
    }
}

/// One connection to a host, shared by all that talk to it.
pub struct SshConnection {
    link: Arc<Link>,
    session: Mutex<Arc<Session>>,
    /// Set when a lock was asked for.
    locked: OnceLock<Locked>,
    lease: Mutex<Option<Lease>>,
    /// For another connection like this one.
    again: (SshTarget, ConnectOptions, Option<Arc<dyn Prompt>>),
}

/// Asks a person for each passphrase only once.
struct Remembering {
    prompt: Arc<dyn Prompt>,
    told: Mutex<HashMap<PathBuf, Zeroizing<String>>>,
}

impl Prompt for Remembering {
    fn passphrase(&self, key_file: &Path, attempt: u32) -> Option<Zeroizing<String>> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if attempt == 1
            && let Some(known) = told.get(key_file)
        {
            return Some(known.clone());
        }
        let passphrase = self.prompt.passphrase(key_file, attempt)?;
        told.insert(key_file.to_owned(), passphrase.clone());
        Some(passphrase)
    }
}

/// What shows that the lock is ours.
struct Locked {
    file: String,
    token: String,
}

/// The connection itself, without the root shell.
pub(super) struct Link {
    handle: Handle<Handler>,
    /// The connections this one goes through, nearest first.
    through: Vec<Handle<Handler>>,
    /// As written in the yaml.
    pub(super) host: String,
    pub(super) user: String,
    /// The name that all its processes on the host carry.
    pub(super) connection: String,
    pub(super) times: LeaseTimes,
    pub(super) cut: Arc<Cut>,
    /// Whether a lock is held, so that the host takes back what we leave.
    leased: AtomicBool,
    sessions: Arc<Semaphore>,
    lost: Arc<Mutex<Option<String>>>,
}

impl fmt::Debug for SshConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SshConnection")
            .field("host", &self.link.host)
            .finish_non_exhaustive()
    }
}

/// Connects and authenticates; the root shell is started but not waited for.
pub async fn connect(
    target: &SshTarget,
    options: &ConnectOptions,
    prompt: Option<Arc<dyn Prompt>>,
) -> Result<SshConnection, TransportError> {
    let prompt = prompt.map(|prompt| {
        let told = Mutex::default();
        Arc::new(Remembering { prompt, told }) as Arc<dyn Prompt>
    });
    let hops = hops(target, options)?;
    let name = lease::random_name().map_err(|error| TransportError::Settings {
        host: target.address.clone(),
        reason: format!("no random numbers: {error}"),
    })?;
    let mut through: Vec<Handle<Handler>> = Vec::new();
    let mut below: Option<Arc<Cut>> = None;
    let mut reached = None;
    let count = hops.len();
    for (index, hop) in hops.iter().enumerate() {
        let cut = Arc::new(Cut::default());
        let (mut handle, lost) = reach(hop, through.last().zip(below.as_ref()), &cut).await?;
        auth::authenticate(&mut handle, hop, prompt.as_ref()).await?;
        tracing::debug!(
            host = hop.label,
            port = hop.port,
            user = hop.user,
            "connected"
        );
        if index + 1 == count {
            reached = Some((handle, lost, cut));
        } else {
            through.push(handle);
            below = Some(cut);
        }
    }
    let Some((handle, lost, cut)) = reached else {
        return Err(TransportError::Settings {
            host: target.address.clone(),
            reason: "there is no host to connect to".to_owned(),
        });
    };
    let user = hops.last().map_or_else(String::new, |hop| hop.user.clone());
    let link = Arc::new(Link {
        handle,
        through,
        host: target.address.clone(),
        user,
        connection: format!("stackctl-{name}"),
        times: options.lease,
        cut,
        leased: AtomicBool::new(false),
        sessions: Arc::new(Semaphore::new(SESSION_CHANNELS)),
        lost,
    });
    let session = Mutex::new(session::start(&link));
    Ok(SshConnection {
        link,
        session,
        locked: OnceLock::new(),
        lease: Mutex::default(),
        again: (target.clone(), options.clone(), prompt),
    })
}

/// One host on the way, its settings made up of the yaml, the config files and the defaults.
#[derive(Debug)]
pub(super) struct Hop {
    /// As written.
    pub(super) label: String,
    pub(super) address: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) identities: Vec<Identity>,
    /// Offer nothing but `identities`.
    pub(super) identities_only: bool,
    pub(super) agent: Option<PathBuf>,
    pub(super) deadline: Duration,
    name: HostName,
    pinned: Option<Fingerprint>,
    known: KnownHosts,
    /// Where a new key would be recorded.
    known_file: Option<PathBuf>,
}

#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) file: PathBuf,
    /// Somebody named it, so that it is a mistake if it cannot be used.
    pub(super) required: bool,
    /// Named in a config file.
    pub(super) named: bool,
}

fn hops(target: &SshTarget, options: &ConnectOptions) -> Result<Vec<Hop>, TransportError> {
    let mut hops = Vec::new();
    let mut wanted = target.clone();
    let mut jumped = false;
    loop {
        let read = settings::read(&wanted, options)?;
        let jump = wanted.jump.clone().or(read.proxy_jump.clone());
        let jump = jump.filter(|jump| jump != "none" && !jump.is_empty());
        if jump.is_none() && read.proxy_command.as_deref().is_some_and(|c| c != "none") {
            return Err(TransportError::Settings {
                host: wanted.address,
                reason: "`ProxyCommand` is not supported: use `ProxyJump`".to_owned(),
            });
        }
        hops.push(hop(&wanted, read, options, jumped)?);
        let Some(jump) = jump else { break };
        let refuse = |reason: String| TransportError::Settings {
            host: target.address.clone(),
            reason,
        };
        if hops.len() > MAX_HOPS {
            return Err(refuse(
                "more than 8 jump hosts, or a loop of them".to_owned(),
            ));
        }
        // The last one named is the nearest to the host; those before it are how to get there.
        let (before, last) = match jump.rsplit_once(',') {
            Some((before, last)) => (Some(before.to_owned()), last),
            None => (None, jump.as_str()),
        };
        let mut next = settings::parse_jump(last).map_err(refuse)?;
        next.jump = before;
        next.known_hosts = target.known_hosts.clone();
        next.identity = target.identity.clone();
        wanted = next;
        jumped = true;
    }
    hops.reverse();
    Ok(hops)
}

fn hop(
    target: &SshTarget,
    read: Settings,
    options: &ConnectOptions,
    jumped: bool,
) -> Result<Hop, TransportError> {
    let refuse = |reason: String| TransportError::Settings {
        host: target.address.clone(),
        reason,
    };
    let user = target.user.clone().or(read.user.clone());
    let user = user.unwrap_or_else(|| options.local_user.clone());
    let port = target.port.or(read.port).unwrap_or(22);
    let mut tokens = settings::tokens(target, options, port, &user);
    let address = match &read.host_name {
        Some(name) => tokens.expand(name).map_err(refuse)?,
        None => target.address.clone(),
    };
    tokens.host = &address;
    tokens.host_key_alias = read.host_key_alias.as_deref();
    let name = match &read.host_key_alias {
        Some(alias) => HostName::alias(alias),
        None => HostName::new(&address, port),
    };
    let files = settings::known_hosts_files(target, &read, options, &tokens).map_err(refuse)?;
    let mut known = KnownHosts::default();
    for file in &files {
        match std::fs::read(file) {
            Ok(bytes) => known.add(file, &String::from_utf8_lossy(&bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(refuse(format!("cannot read {}: {error}", file.display()))),
        }
    }
    let identities =
        settings::identities(target, &read, options, &tokens, jumped).map_err(refuse)?;
    let agent = settings::agent(&read, options, &tokens).map_err(refuse)?;
    let alias = read.host_key_alias.is_some();
    Ok(Hop {
        label: target.address.clone(),
        identities_only: (target.identity.is_some() && !jumped)
            || read.identities_only.unwrap_or(false),
        identities,
        agent,
        deadline: read
            .connect_timeout
            .filter(|&seconds| seconds > 0)
            .map_or(options.deadline, Duration::from_secs),
        name,
        pinned: target.host_key.clone(),
        known,
        known_file: files.into_iter().next().filter(|_| !alias),
        address,
        port,
        user,
    })
}

/// Reaches one host, directly or through the last one, and checks its key.
async fn reach(
    hop: &Hop,
    through: Option<(&Handle<Handler>, &Arc<Cut>)>,
    cut: &Arc<Cut>,
) -> Result<(Handle<Handler>, Arc<Mutex<Option<String>>>), TransportError> {
    let lost = Arc::new(Mutex::new(None));
    let handler = Handler {
        check: Check::of(hop, through.is_some()),
        lost: lost.clone(),
    };
    let unreachable =
        |source: Box<dyn std::error::Error + Send + Sync>| TransportError::Unreachable {
            host: hop.label.clone(),
            port: hop.port,
            source,
        };
    let config = Arc::new(config(hop));
    let attempt = async {
        match through {
            None => {
                let socket = dial_tcp(hop)
                    .await
                    .map_err(|error| unreachable(error.into()))?;
                // Without it each request waits 40 ms for an acknowledgement.
                socket
                    .set_nodelay(true)
                    .map_err(|error| unreachable(error.into()))?;
                client::connect_stream(config, Wire::new(socket, cut.clone()), handler).await
            }
            Some((jump, below)) => {
                let channel = jump
                    .channel_open_direct_tcpip(
                        hop.address.as_str(),
                        u32::from(hop.port),
                        "127.0.0.1",
                        0,
                    )
                    .await
                    .map_err(|error| unreachable(error.into()))?;
                let (inbox, outbox) = pump(channel, None);
                let duplex =
                    super::channel::Duplex::new(inbox, &outbox, bytes::Bytes::new(), below.clone());
                client::connect_stream(config, Wire::new(duplex, cut.clone()), handler).await
            }
        }
        .map_err(|failure| match failure {
            Failure::Protocol(source) => unreachable(source.into()),
            Failure::Refused(error) => *error,
        })
    };
    match tokio::time::timeout(hop.deadline, attempt).await {
        Ok(result) => result.map(|handle| (handle, lost)),
        Err(_) => Err(TransportError::Deadline {
            host: hop.label.clone(),
            what: format!("connecting to port {}", hop.port),
            after: hop.deadline,
        }),
    }
}

/// As `TcpStream::connect`, with a bounded queue.
async fn dial_tcp(hop: &Hop) -> std::io::Result<TcpStream> {
    let mut failed = None;
    for address in tokio::net::lookup_host((hop.address.as_str(), hop.port)).await? {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_send_buffer_size(SEND_BUFFER)?;
        match socket.connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(|| std::io::Error::other("the name has no address")))
}

fn config(hop: &Hop) -> client::Config {
    let rsa = |hash| Algorithm::Rsa { hash: Some(hash) };
    let ecdsa = |curve| Algorithm::Ecdsa { curve };
    let mut keys = vec![
        Algorithm::Ed25519,
        ecdsa(EcdsaCurve::NistP256),
        ecdsa(EcdsaCurve::NistP384),
        ecdsa(EcdsaCurve::NistP521),
        rsa(HashAlg::Sha512),
        rsa(HashAlg::Sha256),
    ];
    let certificates = if hop.pinned.is_none() && hop.known.has_authority(&hop.name) {
        keys.clone()
    } else {
        Vec::new()
    };
    // What is recorded first, or a host known by its RSA key only would look unknown. The sort is stable.
    let recorded = hop.known.algorithms(&hop.name);
    keys.sort_by_key(|key| !recorded.iter().any(|known| same_kind(known, key)));
    client::Config {
        nodelay: true,
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: KEEPALIVES_MISSED,
        preferred: Preferred {
            key: Cow::Owned(keys),
            host_key_certificates: Cow::Owned(certificates),
            // aes128-gcm is the fastest by far wherever there is AES in hardware.
            cipher: Cow::Borrowed(&[
                cipher::AES_128_GCM,
                cipher::AES_256_GCM,
                cipher::CHACHA20_POLY1305,
                cipher::AES_256_CTR,
                cipher::AES_192_CTR,
                cipher::AES_128_CTR,
            ]),
            compression: Cow::Borrowed(&[compression::NONE]),
            ..Preferred::default()
        },
        ..client::Config::default()
    }
}

/// An RSA key is recorded without the hash its signatures are made with.
fn same_kind(recorded: &Algorithm, offered: &Algorithm) -> bool {
    match (recorded, offered) {
        (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => true,
        _ => recorded == offered,
    }
}

/// Decides on host keys; hears why a connection ended.
pub(super) struct Handler {
    check: Check,
    lost: Arc<Mutex<Option<String>>>,
}

struct Check {
    name: HostName,
    label: String,
    address: String,
    port: u16,
    pinned: Option<Fingerprint>,
    known: KnownHosts,
    file: Option<PathBuf>,
    behind_jump: bool,
}

impl Check {
    fn of(hop: &Hop, behind_jump: bool) -> Self {
        Self {
            name: hop.name.clone(),
            label: hop.label.clone(),
            address: hop.address.clone(),
            port: hop.port,
            pinned: hop.pinned.clone(),
            known: hop.known.clone(),
            file: hop.known_file.clone(),
            behind_jump,
        }
    }

    fn decide(&self, shown: &PublicKeyOrCertificate) -> Result<(), TransportError> {
        let key = shown.public_key();
        let shown_fingerprint = fingerprint(&key);
        if let Some(pinned) = &self.pinned {
            if pinned.as_str() == shown_fingerprint {
                return Ok(());
            }
            return Err(TransportError::HostKeyNotPinned {
                name: self.name.to_string(),
                fingerprint: shown_fingerprint,
                pinned: pinned.to_string(),
            });
        }
        let verdict = match shown.certificate() {
            Some(certificate) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                let now = now.map_or(0, |now| now.as_secs());
                self.known.check_certificate(&self.name, certificate, now)
            }
            None => self.known.check(&self.name, &key),
        };
        let name = self.name.to_string();
        verdict.map_err(|refusal| match refusal {
            Refusal::Unknown => TransportError::HostKeyUnknown {
                name,
                host: self.address.clone(),
                port: self.port,
                algorithm: key.algorithm().as_str().to_owned(),
                fingerprint: shown_fingerprint,
                file: self.file.clone(),
                behind_jump: self.behind_jump,
            },
            Refusal::Changed { recorded, place } => TransportError::HostKeyChanged {
                name,
                fingerprint: shown_fingerprint,
                recorded,
                place,
            },
            Refusal::Revoked { place } => TransportError::HostKeyRevoked {
                name,
                fingerprint: shown_fingerprint,
                place,
            },
            Refusal::Certificate { reason } => TransportError::HostCertificate { name, reason },
        })
    }
}

/// What ends a connection's task.
#[derive(Debug)]
pub(super) enum Failure {
    Protocol(russh::Error),
    Refused(Box<TransportError>),
}

impl From<russh::Error> for Failure {
    fn from(error: russh::Error) -> Self {
        Self::Protocol(error)
    }
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        Self::Refused(Box::new(error))
    }
}

impl client::Handler for Handler {
    type Error = Failure;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Failure> {
        self.check.decide(shown)?;
        tracing::debug!(host = self.check.label, "host key accepted");
        Ok(true)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Failure>) -> Result<(), Failure> {
        let text = match &reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                format!("the host ended it: {}", info.message)
            }
            DisconnectReason::Error(Failure::Protocol(error)) => error.to_string(),
            DisconnectReason::Error(Failure::Refused(error)) => error.to_string(),
        };
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        match reason {
            DisconnectReason::ReceivedDisconnect(_) => Ok(()),
            DisconnectReason::Error(error) => Err(error),
        }
    }
}

impl Link {
    /// Opens a channel, starts a root shell in it and gives it `text` to run.
    pub(super) async fn open_root(&self, text: &str) -> Result<(Inbox, Outbox), TransportError> {
        let permit = self.session_permit().await?;
        let open = async {
            let channel = self.open_session().await?;
            let (inbox, outbox) = pump(channel, Some(permit));
            // sshd lets us send only once it has the command, so this is one more round trip that no order saves.
            outbox
                .exec(false, session::command_line(&self.connection))
                .await?;
            outbox.data_bytes(session::frame(text)).await?;
            Ok((inbox, outbox))
        };
        self.within(STEP_DEADLINE, "opening a channel", open).await
    }

    /// One of the channels that sshd allows.
    pub(super) async fn session_permit(&self) -> Result<OwnedSemaphorePermit, TransportError> {
        let permit = self.sessions.clone().acquire_owned().await;
        permit.map_err(|_| self.lost())
    }

    pub(super) async fn open_session(&self) -> Result<Channel<Msg>, russh::Error> {
        self.handle.channel_open_session().await
    }

    /// Opens a forwarded connection. `Ok(None)` when the host refuses to, or cannot.
    pub(super) async fn open_forwarded(
        &self,
        endpoint: &Endpoint,
    ) -> Result<Option<(Inbox, Outbox)>, TransportError> {
        let open = async {
            let opened = match endpoint {
                Endpoint::Unix(path) => {
                    self.handle
                        .channel_open_direct_streamlocal(path.as_str())
                        .await
                }
                Endpoint::Loopback(port) => {
                    self.handle
                        .channel_open_direct_tcpip("127.0.0.1", u32::from(*port), "127.0.0.1", 0)
                        .await
                }
            };
            match opened {
                Ok(channel) => Ok(Some(pump(channel, None))),
                Err(russh::Error::ChannelOpenFailure(reason)) => {
                    tracing::debug!(%endpoint, ?reason, "not forwarded");
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        };
        self.within(STEP_DEADLINE, "forwarding a connection", open)
            .await
    }

    pub(super) async fn within<T>(
        &self,
        deadline: Duration,
        what: &str,
        work: impl Future<Output = Result<T, russh::Error>>,
    ) -> Result<T, TransportError> {
        match tokio::time::timeout(deadline, work).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(russh::Error::ChannelOpenFailure(reason))) => Err(TransportError::Protocol {
                host: self.host.clone(),
                what: what.to_owned(),
                reason: format!("{reason:?}"),
            }),
            Ok(Err(error)) if self.handle.is_closed() => {
                tracing::debug!(%error, "connection lost");
                Err(self.lost())
            }
            Ok(Err(error)) => Err(self.lost_by(Some(error.into()))),
            Err(_) => Err(self.late(what, deadline)),
        }
    }

    pub(super) fn late(&self, what: &str, after: Duration) -> TransportError {
        TransportError::Deadline {
            host: self.host.clone(),
            what: what.to_owned(),
            after,
        }
    }

    pub(super) fn lost(&self) -> TransportError {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        self.lost_by(self.cut.reason().or_else(|| lost.clone()).map(Into::into))
    }

    pub(super) fn lost_by(
        &self,
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    ) -> TransportError {
        let host = self.host.clone();
        match self.leased.load(Ordering::SeqCst) {
            true => TransportError::LostInRun { host, source },
            false => TransportError::Lost { host, source },
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }
}

impl SshConnection {
    /// The root shell; a new one when the last has ended for a reason of its own. One that held a lock is not
    /// replaced: the lock is gone with it, and nothing may be changed any more.
    pub(super) fn session(&self) -> Arc<Session> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let locked = self.locked.get().is_some();
        if session.can_be_replaced() && !locked && !self.link.is_closed() {
            tracing::debug!(host = self.link.host, "starting another root shell");
            *session = session::start(&self.link);
        }
        session.clone()
    }

    /// What a script in a channel of its own begins with, once there is a lock.
    pub(super) fn fence(&self) -> Option<Script> {
        let locked = self.locked.get()?;
        Some(Script {
            name: "fence",
            body: FENCE,
            args: vec![locked.file.clone(), locked.token.clone()],
        })
    }

    async fn take_lock(
        &self,
        request: &LeaseRequest,
        tell: &(dyn Fn(LeaseEvent) + Send + Sync),
    ) -> Result<LeaseAnswer, TransportError> {
        let broken = |reason: String| TransportError::Protocol {
            host: self.link.host.clone(),
            what: "lock".to_owned(),
            reason,
        };
        let token = lease::random_name().map_err(|error| broken(error.to_string()))?;
        let session = self.session();
        let locked = Locked {
            file: request.lock.clone(),
            token: token.clone(),
        };
        if self.locked.set(locked).is_err() {
            return Err(broken("this connection has one already".to_owned()));
        }
        // Submitted before anything is waited for: what is asked next has to come after it.
        let waiting = session.lock(&self.link, &request.lock, &token, request.wait);
        let leased = lease::take(&self.link, request, &token, tell).await;
        let (answer, lease) = match leased {
            Ok(leased) => leased,
            Err(error) => {
                session.lock_decided();
                // When nobody can be root there, the shell knows why.
                session.ready(&self.link).await?;
                return Err(error);
            }
        };
        *self.lease.lock().unwrap_or_else(PoisonError::into_inner) = lease;
        if let LeaseAnswer::Held { .. } = answer {
            self.link.leased.store(true, Ordering::SeqCst);
            let told = tokio::time::timeout(STEP_DEADLINE, waiting).await;
            session.lock_decided();
            match told {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => {
                    return Err(broken("the root shell knows nothing of it".to_owned()));
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(self.link.late("taking the lock", STEP_DEADLINE)),
            }
        }
        session.lock_decided();
        Ok(answer)
    }

    pub(super) fn link(&self) -> &Arc<Link> {
        &self.link
    }
}

impl Transport for SshConnection {
    fn run<'a>(
        &'a self,
        script: &'a Script,
        input: &'a [u8],
        deadline: Duration,
    ) -> BoxFuture<'a, Result<Output, TransportError>> {
        Box::pin(async move {
            tracing::debug!(host = self.link.host, script = script.name, args = ?script.args, "run");
            self.session()
                .run(&self.link, script, input, deadline)
                .await
        })
    }

    fn stream<'a>(
        &'a self,
        script: &'a Script,
        input: Option<Upload>,
        line: &'a mut (dyn FnMut(Source, &str) + Send),
        deadline: Duration,
    ) -> BoxFuture<'a, Result<Output, TransportError>> {
        Box::pin(async move {
            tracing::debug!(host = self.link.host, script = script.name, args = ?script.args, "stream");
            let work = stream::stream(self, script, input, line);
            match tokio::time::timeout(deadline, work).await {
                Ok(result) => result,
                Err(_) => Err(self.link.late(&format!("`{}`", script.name), deadline)),
            }
        })
    }

    fn lock<'a>(
        &'a self,
        request: &'a LeaseRequest,
        tell: &'a (dyn Fn(LeaseEvent) + Send + Sync),
    ) -> BoxFuture<'a, Result<LeaseAnswer, TransportError>> {
        Box::pin(async move {
            tracing::debug!(host = self.link.host, lock = request.lock, "lock");
            self.take_lock(request, tell).await
        })
    }

    fn prepare<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, ()> {
        Box::pin(dial::prepare(self, endpoint))
    }

    fn dial<'a>(
        &'a self,
        endpoint: &'a Endpoint,
    ) -> BoxFuture<'a, Result<Box<dyn Connection>, TransportError>> {
        Box::pin(async move {
            tracing::debug!(host = self.link.host, %endpoint, "dial");
            dial::dial(self, endpoint).await
        })
    }

    fn shell<'a>(
        &'a self,
        whose: ShellOf,
        terminal: Option<&'a Terminal>,
    ) -> BoxFuture<'a, Result<Program, TransportError>> {
        Box::pin(async move {
            tracing::debug!(host = self.link.host, ?whose, "shell");
            self.link.open_shell(whose, terminal).await
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), TransportError>> {
        Box::pin(async move {
            let (target, options, prompt) = &self.again;
            let new = connect(target, options, prompt.clone()).await?;
            let ready = new.session().ready(&new.link).await;
            new.close().await;
            ready
        })
    }

    fn broken(&self) -> Option<TransportError> {
        let leased = self.link.leased.load(Ordering::SeqCst);
        (leased && self.link.is_closed()).then(|| self.link.lost())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let session = self
                .session
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            let lease = self
                .lease
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            let leaving = async {
                if let Some(lease) = lease
                    && !self.link.is_closed()
                {
                    lease.end().await;
                }
            };
            // The lock is free once the session has ended; the host sees to that.
            tokio::join!(session.close(), leaving);
            let all = std::iter::once(&self.link.handle).chain(self.link.through.iter().rev());
            for handle in all {
                // An error means that it is closed already.
                let _ = handle.disconnect(Disconnect::ByApplication, "", "en").await;
            }
        })
    }
}
