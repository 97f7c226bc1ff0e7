//! One connection and one exchange on it; what went wrong, as an [`Outcome`].

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST};
use hyper::{Request, Response, Version};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::Target;
use super::record::Outcome;

/// A connection that speaks HTTP/1.1.
#[derive(Debug)]
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
}

/// An answer whose body came to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub version: Option<String>,
    /// Whether the connection may be used again, as both sides said.
    pub keeps: bool,
}

impl Answer {
    pub fn is_ok(&self) -> bool {
        (200..400).contains(&self.status)
    }
}

/// No whole answer.
#[derive(Debug)]
pub(super) struct Failed {
    pub outcome: Outcome,
    /// 0 when not even the head came.
    pub status: u16,
}

impl From<Outcome> for Failed {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, status: 0 }
    }
}

impl Connection {
    pub async fn open(target: &Target) -> Result<Self, Failed> {
        let stream = TcpStream::connect(&target.address)
            .await
            .map_err(|_| Outcome::Refused)?;
        // As browsers do: a small request does not wait for the acknowledgement of the one before it.
        let _ = stream.set_nodelay(true);
        match &target.tls {
            None => Self::speak(stream).await,
            Some(tls) => {
                let stream = tls.connect(stream).await.map_err(|_| Outcome::Tls)?;
                Self::speak(stream).await
            }
        }
    }

    async fn speak<S>(stream: S) -> Result<Self, Failed>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| outcome_of(&error))?;
        // What goes wrong on it is told to whoever waits for the answer.
        tokio::spawn(connection.with_upgrades());
        Ok(Self { sender })
    }

    /// Sends one request and reads all of its answer.
    pub async fn exchange(
        &mut self,
        target: &Target,
        path: &str,
        body: Option<Bytes>,
        keep_alive: bool,
        version_header: Option<&str>,
    ) -> Result<Answer, Failed> {
        let mut request = Request::builder().uri(path).header(HOST, &target.host);
        if !keep_alive {
            request = request.header(CONNECTION, "close");
        }
        if body.is_some() {
            request = request
                .method("POST")
                .header(CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::new(body.unwrap_or_default()));
        let response = self.send(request.map_err(|_| Outcome::Malformed)?).await?;
        let status = response.status().as_u16();
        let version = version_header.and_then(|name| {
            let value = response.headers().get(name)?;
            Some(value.to_str().ok()?.to_owned())
        });
        let closes = response.headers().get_all(CONNECTION).iter().any(|value| {
            let value = value.to_str().unwrap_or_default();
            value
                .split(',')
                .any(|word| word.trim().eq_ignore_ascii_case("close"))
        });
        let keeps = keep_alive && !closes && response.version() == Version::HTTP_11;
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            frame.map_err(|error| Failed {
                outcome: outcome_of(&error),
                status,
            })?;
        }
        Ok(Answer {
            status,
            version,
            keeps,
        })
    }

    /// Sends a request; the answer's head, with its body still to be read.
    pub async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Failed> {
        self.sender.ready().await.map_err(|_| Outcome::Stale)?;
        let sent = self.sender.send_request(request).await;
        sent.map_err(|error| outcome_of(&error).into())
    }
}

/// What an error of the protocol means for the one who asked.
pub(super) fn outcome_of(error: &hyper::Error) -> Outcome {
    use std::error::Error as _;
    use std::io::ErrorKind;
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<std::io::Error>() {
            match cause.kind() {
                ErrorKind::UnexpectedEof => return Outcome::Eof,
                ErrorKind::ConnectionReset
                | ErrorKind::BrokenPipe
                | ErrorKind::ConnectionAborted
                | ErrorKind::NotConnected => return Outcome::Reset,
                _ => {}
            }
        }
        source = cause.source();
    }
    if error.is_canceled() || error.is_closed() {
        // The request was never written.
        Outcome::Stale
    } else if error.is_incomplete_message() {
        Outcome::Eof
    } else {
        Outcome::Malformed
    }
}
