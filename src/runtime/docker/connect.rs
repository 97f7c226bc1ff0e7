//! bollard over a [`Transport`].

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, ClientVersion, Docker};
use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::{Either, Full};
use hyper::body::{Body, Incoming};
use hyper::{Method, Request, Response, Uri};
use hyper_util::client::legacy::connect::{Connect, Connected, Connection as ConnectInfo};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::{DockerError, Engine};
use crate::transport::{Connection, Endpoint, Transport, TransportError};

/// Where an engine listens on its host.
pub const SOCKET: &str = "/run/docker.sock";

/// Seconds that one call may take before its answer begins; builds and pulls stream, so their answer begins at once.
const CALL_TIMEOUT: u64 = 120;

/// How long an engine that is being restarted is waited for.
const RESTART: Duration = Duration::from_secs(20);
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// As many as are asked at once for what an engine has.
const AHEAD: usize = 6;

/// Connections to an engine that were made before it was known whether there is one, and what to ask it.
#[derive(Default)]
pub struct Ahead(Vec<Box<dyn Connection>>);

impl Ahead {
    /// Connects while something else is waited for; none where no engine answers, which is told where one is needed, and none
    /// for root, who could not tell beforehand.
    pub async fn dial(transport: &dyn Transport) -> Self {
        let socket = Endpoint::Unix(SOCKET.to_owned());
        if !transport.prepare(&socket).await {
            return Self::default();
        }
        let dialled = join_all((0..AHEAD).map(|_| transport.dial(&socket))).await;
        Self(dialled.into_iter().flatten().collect())
    }
}

impl Engine {
    /// A client of the engine of the host behind `transport`. `offered` is the API version that the engine is known
    /// to offer; without it, it is asked: a round trip.
    pub async fn connect(
        transport: Arc<dyn Transport>,
        offered: Option<&str>,
    ) -> Result<Self, DockerError> {
        Self::over(transport, Ahead::default(), offered).await
    }

    /// The same, beginning with connections that are there.
    pub async fn over(
        transport: Arc<dyn Transport>,
        ahead: Ahead,
        offered: Option<&str>,
    ) -> Result<Self, DockerError> {
        let dialer = Dialer {
            transport,
            ahead: Arc::new(Mutex::new(ahead)),
        };
        let client = Client::builder(TokioExecutor::new()).build(dialer);
        let send = move |request: BollardRequest| {
            let client = client.clone();
            async move { patiently(&client, request).await.map_err(Error::from) }
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
        let logins = Arc::default();
        Ok(Self {
            docker,
            api,
            logins,
        })
    }
}

/// Sends a request, and sends it again while the engine is not there, as when it is being restarted: one that never reached
/// it, or one that may reach it twice. What is streamed to it cannot be sent again.
async fn patiently<C, S>(
    client: &Client<C, Either<Full<Bytes>, S>>,
    request: Request<Either<Full<Bytes>, S>>,
) -> Result<Response<Incoming>, legacy::Error>
where
    C: Connect + Clone + Send + Sync + 'static,
    S: Body<Data = Bytes> + Send + Unpin + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (head, body) = request.into_parts();
    let Either::Left(body) = body else {
        return client.request(Request::from_parts(head, body)).await;
    };
    let may_repeat = may_repeat(&head.method, head.uri.path());
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let request = Request::from_parts(head.clone(), Either::Left(body.clone()));
        let error = match client.request(request).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        let useless = !(may_repeat || error.is_connect()) || is_host_gone(&error);
        if useless || started.elapsed() + pause > RESTART {
            return Err(error);
        }
        tracing::debug!(%error, path = head.uri.path(), "the engine is asked again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

/// Whether a request may reach an engine twice, since the second time changes nothing or is refused in a way that its
/// caller takes for done.
fn may_repeat(method: &Method, path: &str) -> bool {
    if method == Method::GET || method == Method::HEAD || method == Method::DELETE {
        return true;
    }
    // `/v1.41` comes first in a path, the operation last. A program that is run in a container is run once.
    let is_exec = path.contains("/exec");
    let last = path.rsplit('/').next().unwrap_or_default();
    !is_exec && matches!(last, "create" | "start" | "stop" | "update" | "connect")
}

/// Whether the way to the host is gone, and not only its engine.
pub(super) fn is_host_gone(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<TransportError>() {
            return !matches!(error, TransportError::Dial { .. });
        }
        next = error.source();
    }
    false
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
    ahead: Arc<Mutex<Ahead>>,
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
        let there = self
            .ahead
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .pop();
        Box::pin(async move {
            let connection = match there {
                Some(connection) => connection,
                None => transport.dial(&Endpoint::Unix(SOCKET.to_owned())).await?,
            };
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::transport::FakeTransport;

    const NONE: Option<bollard::query_parameters::StartContainerOptions> = None;

    /// What comes of each connection in turn.
    #[derive(Clone, Copy, PartialEq)]
    enum Meets {
        Nobody,
        /// It takes the request and ends.
        Ending,
        Engine,
        HostGone,
    }

    /// An engine that is reached as `meets` says, and how often one tried.
    async fn engine(meets: &'static [Meets]) -> (Engine, Arc<Mutex<usize>>) {
        let tries = Arc::new(Mutex::new(0));
        let count = Arc::clone(&tries);
        let dial = move |endpoint: &Endpoint| {
            let mut count = count.lock().unwrap();
            let now = meets[*count];
            *count += 1;
            match now {
                Meets::Nobody => {
                    return Err(TransportError::Dial {
                        host: "web1".into(),
                        endpoint: endpoint.clone(),
                        reason: "connection refused".into(),
                    });
                }
                Meets::HostGone => {
                    return Err(TransportError::Lost {
                        host: "web1".into(),
                        source: None,
                    });
                }
                Meets::Ending | Meets::Engine => {}
            }
            let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
            tokio::spawn(async move {
                let mut asked = [0; 16 * 1024];
                let _ = theirs.read(&mut asked).await;
                if now == Meets::Engine {
                    let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
                    theirs.write_all(answer).await.unwrap();
                }
            });
            Ok(Box::new(ours) as Box<dyn Connection>)
        };
        let transport = FakeTransport::answering([""; 0]).dialling(dial);
        let engine = Engine::connect(Arc::new(transport), Some("1.44")).await;
        (engine.unwrap(), tries)
    }

    #[tokio::test]
    async fn an_engine_that_is_being_restarted_is_waited_for() {
        let (restarting, tries) =
            engine(&[Meets::Ending, Meets::Nobody, Meets::Nobody, Meets::Engine]).await;
        restarting
            .docker
            .start_container("names", NONE)
            .await
            .unwrap();
        assert_eq!(*tries.lock().unwrap(), 4);
    }

    #[tokio::test]
    async fn a_host_that_is_gone_is_not_waited_for() {
        let (gone, tries) = engine(&[Meets::Ending, Meets::HostGone]).await;
        assert!(gone.docker.start_container("names", NONE).await.is_err());
        assert_eq!(*tries.lock().unwrap(), 2);
    }

    #[tokio::test]
    async fn a_program_may_have_run_when_there_is_no_answer() {
        let (restarting, tries) = engine(&[Meets::Nobody, Meets::Ending]).await;
        assert!(restarting.exec("names", vec!["true".into()]).await.is_err());
        assert_eq!(*tries.lock().unwrap(), 2);
    }

    #[test]
    fn only_what_can_be_done_twice_is_sent_twice() {
        let may = |path: &str| may_repeat(&Method::POST, path);
        for path in [
            "/v1.44/containers/create",
            "/containers/a/start",
            "/networks/n/connect",
        ] {
            assert!(may(path), "{path}");
        }
        for path in ["/v1.44/exec/12/start", "/containers/a/exec", "/build"] {
            assert!(!may(path), "{path}");
        }
        assert!(may_repeat(&Method::DELETE, "/images/a"));
    }
}
