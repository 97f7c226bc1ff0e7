//! One HTTP request from the host itself: to a release's socket or to nginx on the loopback address.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;

use crate::transport::{Endpoint, Transport, TransportError};

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The first 64 KiB.
    pub body: Bytes,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("cannot connect")]
    Connect(#[source] TransportError),
    #[error("no answer within {0:?}")]
    Deadline(Duration),
    #[error("the answer is not HTTP")]
    Protocol(#[source] hyper::Error),
    #[error("`{0}` cannot be asked for")]
    Request(String),
}

const BODY_LIMIT: usize = 64 * 1024;

/// `GET path` on its own connection.
pub async fn get(
    transport: &dyn Transport,
    endpoint: &Endpoint,
    host: &str,
    path: &str,
    deadline: Duration,
) -> Result<Answer, HttpError> {
    let asked = async {
        let stream = transport.dial(endpoint).await.map_err(HttpError::Connect)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(HttpError::Protocol)?;
        let request = Request::get(path)
            .header(header::HOST, host)
            .header(
                header::USER_AGENT,
                concat!("stackctl/", env!("CARGO_PKG_VERSION")),
            )
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|_| HttpError::Request(path.to_owned()))?;
        let driver = tokio::spawn(connection);
        let answered = async {
            let response = sender
                .send_request(request)
                .await
                .map_err(HttpError::Protocol)?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), BODY_LIMIT)
                .collect()
                .await;
            let body = body.map(|body| body.to_bytes()).unwrap_or_default();
            Ok(Answer { status, body })
        };
        let answer = answered.await;
        driver.abort();
        answer
    };
    tokio::time::timeout(deadline, asked)
        .await
        .unwrap_or(Err(HttpError::Deadline(deadline)))
}
