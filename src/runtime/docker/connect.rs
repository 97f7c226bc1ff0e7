//! bollard over a [`Transport`].

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, ClientVersion, Docker};
use hyper::Uri;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection as ConnectInfo};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{DockerError, Engine};
use crate::transport::{Connection, Endpoint, Transport, TransportError};

/// Where an engine listens on its host.
pub const SOCKET: &str = "/run/docker.sock";

/// Seconds that one call may take before its answer begins; builds and pulls stream, so their answer begins at once.
const CALL_TIMEOUT: u64 = 120;

impl Engine {
    /// A client of the engine of the host behind `transport`. `offered` is the API version that the engine is known
    /// to offer; without it, it is asked: a round trip.
    pub async fn connect(
        transport: Arc<dyn Transport>,
        offered: Option<&str>,
    ) -> Result<Self, DockerError> {
        let dialer = Dialer { transport };
        let client = Client::builder(TokioExecutor::new()).build(dialer);
        let send = move |request: BollardRequest| {
            let client = client.clone();
            async move { client.request(request).await.map_err(Error::from) }
        };
        let known = offered.and_then(version);
        let docker = Docker::connect_with_custom_transport(
            send,
            Some("http://docker"),
            CALL_TIMEOUT,
            known.as_ref().unwrap_or(API_DEFAULT_VERSION),
        )
        .map_err(DockerError::Connect)?;
        let docker = match known {
            Some(_) => docker,
            None => docker
                .negotiate_version()
                .await
                .map_err(DockerError::Connect)?,
        };
        let version = docker.client_version();
        let api = format!("{}.{}", version.major_version, version.minor_version);
        Ok(Self { docker, api })
    }
}

/// The version to speak with an engine that offers `text`: its own, or ours when that is lower.
fn version(text: &str) -> Option<ClientVersion> {
    let (major, minor) = text.split_once('.')?;
    let offered = (major.parse().ok()?, minor.parse().ok()?);
    let ours = (
        API_DEFAULT_VERSION.major_version,
        API_DEFAULT_VERSION.minor_version,
    );
    let (major_version, minor_version) = offered.min(ours);
    Some(ClientVersion {
        major_version,
        minor_version,
    })
}

#[derive(Clone)]
struct Dialer {
    transport: Arc<dyn Transport>,
}

impl tower_service::Service<Uri> for Dialer {
    type Response = TokioIo<Pipe>;
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let transport = Arc::clone(&self.transport);
        Box::pin(async move {
            let connection = transport.dial(&Endpoint::Unix(SOCKET.to_owned())).await?;
            Ok(TokioIo::new(Pipe(connection)))
        })
    }
}

/// hyper-util wants to know about a connection what we do not say of ours.
struct Pipe(Box<dyn Connection>);

impl ConnectInfo for Pipe {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
