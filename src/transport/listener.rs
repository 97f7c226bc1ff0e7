//! Ports of the host that lead here: sshd listens there, and each connection is a channel.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use russh::Channel;
use russh::client::Msg;
use tokio::sync::mpsc;

use super::channel::{Duplex, pump};
use super::link::{Link, STEP_DEADLINE};
use super::{Connection, TransportError};

const LOOPBACK: &str = "127.0.0.1";

/// Who takes the connections to which port of the host.
#[derive(Default)]
pub(super) struct Forwarded(Mutex<HashMap<u32, mpsc::UnboundedSender<Channel<Msg>>>>);

impl Forwarded {
    /// Who takes the connections to a port; none that was not asked for leads anywhere.
    pub(super) fn taker(&self, port: u32) -> Option<mpsc::UnboundedSender<Channel<Msg>>> {
        let takers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        takers.get(&port).cloned()
    }

    fn begin(&self, port: u32) -> mpsc::UnboundedReceiver<Channel<Msg>> {
        let (sender, channels) = mpsc::unbounded_channel();
        let mut takers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        takers.insert(port, sender);
        channels
    }

    fn end(&self, port: u32) {
        let mut takers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        takers.remove(&port);
    }
}

/// A port of a host's loopback address whose connections come here.
pub struct Listener {
    pub port: u16,
    connections: mpsc::UnboundedReceiver<Box<dyn Connection>>,
    end: BoxFuture<'static, ()>,
}

impl Listener {
    /// `end` frees the port.
    pub(super) fn new(
        port: u16,
        connections: mpsc::UnboundedReceiver<Box<dyn Connection>>,
        end: BoxFuture<'static, ()>,
    ) -> Self {
        Self {
            port,
            connections,
            end,
        }
    }

    /// The next connection; none when there will be no more.
    pub async fn accept(&mut self) -> Option<Box<dyn Connection>> {
        self.connections.recv().await
    }

    /// Frees the port. Without it, sshd keeps it until the host is left.
    pub async fn close(self) {
        self.end.await;
    }
}

pub(super) async fn listen(link: &Arc<Link>) -> Result<Listener, TransportError> {
    let asked = async {
        match link.handle.tcpip_forward(LOOPBACK, 0).await {
            Ok(port) => Ok(u16::try_from(port).ok().filter(|port| *port > 0)),
            Err(russh::Error::RequestDenied) => Ok(None),
            Err(error) => Err(error),
        }
    };
    let asked = link
        .within(STEP_DEADLINE, "forwarding a port", asked)
        .await?;
    let port = asked.ok_or_else(|| TransportError::NotForwarded {
        host: link.host.clone(),
    })?;
    let mut channels = link.forwarded.begin(u32::from(port));
    let (sender, connections) = mpsc::unbounded_channel();
    let cut = link.cut.clone();
    tokio::spawn(async move {
        while let Some(channel) = channels.recv().await {
            let (inbox, outbox) = pump(channel, None);
            let duplex = Duplex::new(inbox, &outbox, Bytes::new(), cut.clone());
            if sender
                .send(Box::new(duplex) as Box<dyn Connection>)
                .is_err()
            {
                return;
            }
        }
    });
    let link = Arc::clone(link);
    let end = async move {
        link.forwarded.end(u32::from(port));
        let cancel = link.handle.cancel_tcpip_forward(LOOPBACK, u32::from(port));
        let freed = link.within(STEP_DEADLINE, "freeing a port", cancel).await;
        // It is freed with the connection at the latest.
        let _ = freed.inspect_err(|error| tracing::debug!(port, %error, "not freed"));
    };
    Ok(Listener::new(port, connections, Box::pin(end)))
}
