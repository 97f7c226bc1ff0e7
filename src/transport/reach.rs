//! Reaching one hop: the TCP connection or the channel of a jump host, what is agreed on, and whether the host's key is
//! the one that is known.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use russh::client::{self, ChannelOpenHandle, DisconnectReason, Handle, Msg, Session};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelOpenFailure, Preferred, cipher, compression};
use tokio::net::{TcpSocket, TcpStream};

use super::TransportError;
use super::channel::{Duplex, pump};
use super::hop::Hop;
use super::known_hosts::{HostName, KnownHosts, Refusal, fingerprint};
use super::listener::Forwarded;
use super::wire::{Cut, Wire};
use crate::model::Fingerprint;

const KEEPALIVE: Duration = Duration::from_secs(5);
const KEEPALIVES_MISSED: usize = 3;
/// What the kernel may hold of an upload, in bytes. Heartbeats come after it: on a slow link, the megabytes that it would
/// hold otherwise look like silence. More than what 20 Mbit/s need over 100 ms.
const SEND_BUFFER: u32 = 256 << 10;

/// A connection before anybody has logged in.
pub(super) struct Reached {
    pub(super) handle: Handle<Handler>,
    /// Why it ended, once it has.
    pub(super) lost: Arc<Mutex<Option<String>>>,
    pub(super) forwarded: Arc<Forwarded>,
}

/// Reaches one host, directly or through the last one, and checks its key.
pub(super) async fn reach(
    hop: &Hop,
    through: Option<(&Handle<Handler>, &Arc<Cut>)>,
    cut: &Arc<Cut>,
) -> Result<Reached, TransportError> {
    let lost = Arc::new(Mutex::new(None));
    let forwarded = Arc::new(Forwarded::default());
    let handler = Handler {
        check: Check::of(hop, through.is_some()),
        lost: lost.clone(),
        forwarded: forwarded.clone(),
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
                let duplex = Duplex::new(inbox, &outbox, bytes::Bytes::new(), below.clone());
                client::connect_stream(config, Wire::new(duplex, cut.clone()), handler).await
            }
        }
        .map_err(|failure| match failure {
            Failure::Protocol(source) => unreachable(source.into()),
            Failure::Refused(error) => *error,
        })
    };
    match tokio::time::timeout(hop.deadline, attempt).await {
        Ok(result) => result.map(|handle| Reached {
            handle,
            lost,
            forwarded,
        }),
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
    let found = tokio::net::lookup_host((hop.address.as_str(), hop.port)).await?;
    let addresses: Vec<SocketAddr> = found.collect();
    // One that answers nothing leaves the others their share of the time; the last has what there is.
    let share = hop.deadline / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let last = addresses.last().copied();
    for address in addresses {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_send_buffer_size(SEND_BUFFER)?;
        let connect = socket.connect(address);
        let connected = match Some(address) == last {
            true => connect.await,
            false => {
                let timed_out = |_| Err(std::io::ErrorKind::TimedOut.into());
                tokio::time::timeout(share, connect)
                    .await
                    .unwrap_or_else(timed_out)
            }
        };
        match connected {
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

/// Decides on host keys, hands on what the host connects, and hears why a connection ended.
pub(super) struct Handler {
    check: Check,
    lost: Arc<Mutex<Option<String>>>,
    forwarded: Arc<Forwarded>,
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

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        channel: Channel<Msg>,
        _: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Failure> {
        let Some(taker) = self.forwarded.taker(port) else {
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
            return Ok(());
        };
        reply.accept().await;
        // One that nobody takes any more is closed by that.
        let _ = taker.send(channel);
        Ok(())
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
