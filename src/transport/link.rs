//! A connection that is up, without the root shell: its channels, and how it is told that it was lost.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::Channel;
use russh::client::{Handle, Msg};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::channel::{Inbox, Outbox, pump};
use super::listener::Forwarded;
use super::reach::Handler;
use super::wire::Cut;
use super::{Endpoint, LeaseTimes, TransportError, session};

/// sshd allows 10 by default; two are left for people.
pub(super) const SESSION_CHANNELS: usize = 8;
/// For what is one or two round trips on a connection that is known to live.
pub(super) const STEP_DEADLINE: Duration = Duration::from_secs(15);

/// The connection itself, without the root shell.
pub(super) struct Link {
    pub(super) handle: Handle<Handler>,
    /// The connections this one goes through, nearest first.
    pub(super) through: Vec<Handle<Handler>>,
    /// As written in the yaml.
    pub(super) host: String,
    pub(super) user: String,
    /// The name that all its processes on the host carry.
    pub(super) connection: String,
    pub(super) times: LeaseTimes,
    pub(super) cut: Arc<Cut>,
    /// Whether a lock is held, so that the host takes back what we leave.
    pub(super) leased: AtomicBool,
    pub(super) sessions: Arc<Semaphore>,
    pub(super) lost: Arc<Mutex<Option<String>>>,
    pub(super) forwarded: Arc<Forwarded>,
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
                Endpoint::Remote(address) => {
                    let port = u32::from(address.port());
                    self.handle
                        .channel_open_direct_tcpip(address.ip().to_string(), port, "127.0.0.1", 0)
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
