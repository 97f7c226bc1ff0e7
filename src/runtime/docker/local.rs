//! The engine of this machine, which builds for hosts.

use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};

use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use futures_util::future::BoxFuture;
use hyper::Uri;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixStream;

use super::{DockerError, Engine};

const SOCKET: &str = "/var/run/docker.sock";
/// Seconds until an answer begins.
const TIMEOUT: u64 = 600;

impl Engine {
    /// The engine of this machine: at the socket that `docker_host` names as DOCKER_HOST does, or at the usual one.
    ///
    /// # Errors
    /// When none answers, or the name leads to another machine.
    pub async fn local(docker_host: Option<&str>) -> Result<Self, DockerError> {
        let socket = socket(docker_host)?;
        let shown = socket.display().to_string();
        let absent = |source| DockerError::NoLocal {
            socket: shown.clone(),
            source,
        };
        let client = Client::builder(TokioExecutor::new()).build(Connector(socket));
        let send = move |request: BollardRequest| {
            let client = client.clone();
            async move { client.request(request).await.map_err(Into::into) }
        };
        let docker = Docker::connect_with_custom_transport(
            send,
            Some("http://docker"),
            TIMEOUT,
            API_DEFAULT_VERSION,
        );
        let docker = docker.map_err(absent)?;
        let docker = docker.negotiate_version().await.map_err(absent)?;
        let version = docker.client_version();
        Ok(Self {
            docker,
            api: format!("{}.{}", version.major_version, version.minor_version),
            logins: Arc::default(),
        })
    }
}

fn socket(docker_host: Option<&str>) -> Result<PathBuf, DockerError> {
    match docker_host {
        None | Some("") => Ok(SOCKET.into()),
        Some(value) => match value.strip_prefix("unix://") {
            Some(path) => Ok(path.into()),
            None => Err(DockerError::Elsewhere(value.to_owned())),
        },
    }
}

/// Connects to one Unix socket, whatever the address of the request.
#[derive(Clone)]
struct Connector(PathBuf);

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<UnixStream>;
    type Error = std::io::Error;
    type Future = BoxFuture<'static, Result<Self::Response, std::io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let path = self.0.clone();
        Box::pin(async move { Ok(TokioIo::new(UnixStream::connect(path).await?)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_engine_that_is_not_there_is_told_by_its_socket() {
        let said = |error: Result<Engine, DockerError>| error.err().unwrap().to_string();
        assert_eq!(
            said(Engine::local(Some("unix:///nowhere/docker.sock")).await),
            "no Docker engine answers on this machine, at /nowhere/docker.sock"
        );
        let elsewhere = said(Engine::local(Some("ssh://build.example.com")).await);
        assert!(elsewhere.contains("ssh://build.example.com"), "{elsewhere}");
    }
}
