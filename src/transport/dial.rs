//! Connections to sockets on the host, with root's rights.
//!
//! Three ways, the best first: sshd forwards, as the user that logged in; when that is not root, a *relay* that the
//! root shell runs lets this user, and nobody else, reach a socket of root's; where sshd forwards nothing, a channel
//! of its own with a program that joins stdin and stdout with the socket.

use bytes::{Bytes, BytesMut};

use super::channel::{Duplex, Event};
use super::link::{Link, STEP_DEADLINE};
use super::session::{READY, find};
use super::ssh::SshConnection;
use super::stream::PERL;
use super::{Connection, Endpoint, TransportError};
use crate::script::Script;

const DIAL: &str = include_str!("dial.pl");
const RELAY: &str = include_str!("relay.sh");

/// Exit statuses of `dial.pl`.
const NO_SOCKET: i32 = 66;
const NOBODY_LISTENS: i32 = 69;

pub(super) async fn dial(
    connection: &SshConnection,
    endpoint: &Endpoint,
) -> Result<Box<dyn Connection>, TransportError> {
    let link = connection.link();
    let forwarded = match endpoint {
        Endpoint::Unix(path) if link.user != "root" => {
            let socket = relay(connection, endpoint, path).await?;
            link.open_forwarded(&Endpoint::Unix(socket)).await?
        }
        _ => link.open_forwarded(endpoint).await?,
    };
    if let Some((inbox, outbox)) = forwarded {
        return Ok(Box::new(Duplex::new(
            inbox,
            &outbox,
            Bytes::new(),
            link.cut.clone(),
        )));
    }
    // sshd does not tell a refusal from a socket that nobody listens on; this finds out.
    bridge(connection, endpoint).await
}

/// Makes the relay that later dials will want; root needs none.
pub(super) async fn prepare(connection: &SshConnection, endpoint: &Endpoint) -> bool {
    let Endpoint::Unix(path) = endpoint else {
        return false;
    };
    if connection.link().user == "root" {
        return false;
    }
    let made = relay(connection, endpoint, path).await;
    made.inspect_err(|error| tracing::debug!(%endpoint, %error, "no relay yet"))
        .is_ok()
}

/// The path of a socket that the user that logged in can connect to, and that leads to `path`.
async fn relay(
    connection: &SshConnection,
    endpoint: &Endpoint,
    path: &str,
) -> Result<String, TransportError> {
    let session = connection.session();
    // Held while a relay is made, so that there is one for each target.
    let mut relays = session.relays.lock().await;
    if let Some(socket) = relays.get(path) {
        return Ok(socket.clone());
    }
    let link = connection.link();
    let script = Script {
        name: "relay",
        body: RELAY,
        args: vec![path.to_owned(), DIAL.to_owned()],
    };
    let output = session.run(link, &script, b"", STEP_DEADLINE).await?;
    if output.status != 0 {
        return Err(refused(link, endpoint, output.status, &output.stderr));
    }
    let socket = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    tracing::debug!(target = path, socket, "relay");
    relays.insert(path.to_owned(), socket.clone());
    Ok(socket)
}

async fn bridge(
    connection: &SshConnection,
    endpoint: &Endpoint,
) -> Result<Box<dyn Connection>, TransportError> {
    let link = connection.link();
    connection.session().ready(link).await?;
    let (kind, place) = match endpoint {
        Endpoint::Unix(path) => ("unix", path.clone()),
        Endpoint::Loopback(port) => ("tcp", format!("127.0.0.1:{port}")),
        Endpoint::Remote(address) => ("tcp", address.to_string()),
    };
    let script = Script {
        name: "dial",
        body: PERL,
        args: vec![DIAL.to_owned(), "stdio".to_owned(), kind.to_owned(), place],
    };
    let connect = async {
        let (mut inbox, outbox) = link.open_root(&script.text()).await?;
        let mut said = BytesMut::new();
        let mut errors = Vec::new();
        let mut status = None;
        while let Some(event) = inbox.next().await {
            match event {
                Event::Stdout(data) => said.extend_from_slice(&data),
                Event::Stderr(data) => errors.extend_from_slice(&data),
                Event::Exit(code) => status = Some(code),
                Event::Eof => {}
            }
            if let Some(at) = find(&said, READY) {
                let rest = said.split_off(at + READY.len()).freeze();
                return Ok(
                    Box::new(Duplex::new(inbox, &outbox, rest, link.cut.clone()))
                        as Box<dyn Connection>,
                );
            }
        }
        Err(match status {
            Some(status) => refused(link, endpoint, status, &errors),
            None => link.lost(),
        })
    };
    match tokio::time::timeout(STEP_DEADLINE, connect).await {
        Ok(result) => result,
        Err(_) => Err(link.late(&format!("connecting to {endpoint}"), STEP_DEADLINE)),
    }
}

fn refused(link: &Link, endpoint: &Endpoint, status: i32, errors: &[u8]) -> TransportError {
    let reason = match status {
        NO_SOCKET => "there is no such socket".to_owned(),
        NOBODY_LISTENS => "nobody listens there".to_owned(),
        status => {
            let errors = String::from_utf8_lossy(errors);
            format!("status {status}: {}", errors.trim())
        }
    };
    TransportError::Dial {
        host: link.host.clone(),
        endpoint: endpoint.clone(),
        reason,
    }
}
