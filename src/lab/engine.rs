//! The local Docker engine: a connection to its socket, and getting one where there is none.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bollard::{BollardRequest, Docker};
use futures_util::future::BoxFuture;
use hyper::Uri;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::UnixStream;

use super::error::LabError;
use super::event::{Events, LabEvent, lines};
use super::state::{Alone, alone};

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
const INSTALL_PACKAGES: &str = include_str!("install-packages.sh");
const START_ENGINE: &str = include_str!("start-engine.sh");

/// Commands that the engine and the lab take, each with the package that has it.
const PACKAGES: [&str; 4] = [
    "dockerd:docker.io",
    "iptables:iptables",
    MMDEBSTRAP,
    "ssh:openssh-client",
];
const MMDEBSTRAP: &str = "mmdebstrap:mmdebstrap";
const ENGINE_LOG: &str = "/var/log/dockerd.log";

/// Seconds for one answer: loading a root file system answers only after the last byte of it.
const TIMEOUT: u64 = 600;

/// How long an engine may take from its start to its first answer; one that clears away containers of a crash is slow.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_secs(10);
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// A connection to an engine that answers; never installs anything.
pub async fn connect() -> Result<Docker, LabError> {
    let socket = socket_path(std::env::var("DOCKER_HOST").ok().as_deref())?;
    let no_engine = |source| LabError::NoEngine {
        socket: socket.display().to_string(),
        source,
    };
    if !socket.exists() {
        return Err(no_engine(None));
    }
    let client =
        Arc::new(Client::builder(TokioExecutor::new()).build(SocketConnector(socket.clone())));
    let transport = move |request: BollardRequest| {
        let client = Arc::clone(&client);
        async move { client.request(request).await.map_err(Into::into) }
    };
    Docker::connect_with_custom_transport(
        transport,
        Some("http://engine"),
        TIMEOUT,
        bollard::API_DEFAULT_VERSION,
    )
    .map_err(|error| no_engine(Some(Box::new(error))))?
    // Every other call with a version that the engine does not speak is refused.
    .negotiate_version()
    .await
    .map_err(|error| no_engine(Some(Box::new(error))))
}

/// A connection to the local engine. Where none answers and `may_install` allows it, installs and starts one, which
/// takes root on a machine with apt.
pub async fn ensure_engine(may_install: bool, events: Events<'_>) -> Result<Docker, LabError> {
    let refused = match connect().await {
        Ok(docker) => return Ok(docker),
        Err(refused) => refused,
    };
    if !may_install || !can_install() {
        return Err(refused);
    }
    events(LabEvent::Phase {
        name: "Docker engine".to_owned(),
    });
    let _lock = alone(Alone::InstallEngine).await?;
    // Whoever was before us has installed it.
    if let Ok(docker) = connect().await {
        return Ok(docker);
    }
    install("installing the Docker engine", &PACKAGES, &mut *events).await?;
    let until = Instant::now() + STARTS_WITHIN;
    loop {
        // Again each time: an engine that was about to end when we looked is no reason not to start one.
        let (code, tail) = run_script(START_ENGINE, &[ENGINE_LOG.as_ref()], events).await?;
        if code != 0 {
            let what = "starting the Docker engine";
            return Err(LabError::Script { what, code, tail });
        }
        if let Some(docker) = answers_within(LOOK_AGAIN).await {
            return Ok(docker);
        }
        if Instant::now() >= until {
            let mut tail = Tail::default();
            // Where systemd runs there is no such file, and its journal has the reason.
            tail.push(&std::fs::read_to_string(ENGINE_LOG).unwrap_or_default());
            return Err(LabError::EngineSilent {
                seconds: STARTS_WITHIN.as_secs(),
                log: ENGINE_LOG.to_owned(),
                tail: tail.text(),
            });
        }
    }
}

/// Installs mmdebstrap where it is not and may be; else says how to come by it.
pub(super) async fn ensure_mmdebstrap(
    suite: &str,
    may_install: bool,
    events: Events<'_>,
) -> Result<(), LabError> {
    if Path::new("/usr/bin/mmdebstrap").exists() {
        return Ok(());
    }
    if !may_install || !can_install() {
        return Err(LabError::NoBootstrap {
            suite: suite.to_owned(),
        });
    }
    install("installing mmdebstrap", &[MMDEBSTRAP], events).await
}

async fn install(
    what: &'static str,
    packages: &[&str],
    events: Events<'_>,
) -> Result<(), LabError> {
    let packages: Vec<&OsStr> = packages.iter().map(AsRef::as_ref).collect();
    match run_script(INSTALL_PACKAGES, &packages, events).await? {
        (0, _) => Ok(()),
        (code, tail) => Err(LabError::Script { what, code, tail }),
    }
}

/// A connection to an engine that was started a moment ago, as soon as it answers. That its socket is there says nothing:
/// an engine that was killed leaves the file behind.
async fn answers_within(time: Duration) -> Option<Docker> {
    let until = Instant::now() + time;
    loop {
        match connect().await {
            Ok(docker) => return Some(docker),
            Err(_) if Instant::now() < until => tokio::time::sleep(ASK_AGAIN).await,
            Err(_) => return None,
        }
    }
}

/// Runs an embedded script on this machine, its lines as events; returns its exit code and last lines.
pub(super) async fn run_script(
    script: &str,
    arguments: &[&OsStr],
    events: Events<'_>,
) -> Result<(i32, String), LabError> {
    // As a file and not on stdin: a program that the script starts could read the rest of it.
    let dir = tempfile::tempdir().map_err(LabError::file("make", "a temporary folder"))?;
    let path = dir.path().join("script.sh");
    std::fs::write(&path, script).map_err(LabError::file("write", &path))?;
    let output = dir.path().join("output");
    let file = std::fs::File::create(&output).map_err(LabError::file("write", &output))?;
    let copy = file.try_clone().map_err(LabError::file("write", &output))?;
    // Output goes to a file, not a pipe: a daemon that outlives the script would keep a pipe open for ever.
    let mut child = tokio::process::Command::new("sh")
        .arg(&path)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(copy)
        .spawn()
        .map_err(LabError::file("run", "sh"))?;
    let reader = tokio::fs::File::open(&output)
        .await
        .map_err(LabError::file("read", &output))?;
    let mut reader = BufReader::new(reader);
    let mut tail = Tail::default();
    let mut status = None;
    let mut line = String::new();
    loop {
        match reader.read_line(&mut line).await {
            Ok(0) if status.is_some() => break,
            // Read once more after the end, for what came between the last read and the exit.
            Ok(0) => {
                let wait =
                    tokio::time::timeout(std::time::Duration::from_millis(200), child.wait());
                if let Ok(exit) = wait.await {
                    status = Some(exit.map_err(LabError::file("wait for", "sh"))?);
                }
            }
            Ok(_) => {
                lines(events, &line);
                tail.push(&line);
                line.clear();
            }
            Err(error) => return Err(LabError::file("read", &output)(error)),
        }
    }
    let code = status.and_then(|status| status.code()).unwrap_or(-1);
    Ok((code, tail.text()))
}

/// The last lines of some output, for an error.
#[derive(Default)]
pub(super) struct Tail(std::collections::VecDeque<String>);

impl Tail {
    const KEPT: usize = 15;

    pub(super) fn push(&mut self, text: &str) {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            if self.0.len() == Self::KEPT {
                self.0.pop_front();
            }
            self.0.push_back(line.trim_end().to_owned());
        }
    }

    pub(super) fn text(&self) -> String {
        self.0.iter().cloned().collect::<Vec<_>>().join("\n")
    }
}

/// As root, on a machine with apt.
fn can_install() -> bool {
    use std::os::unix::fs::MetadataExt;
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    is_root && Path::new("/usr/bin/apt-get").exists()
}

fn socket_path(docker_host: Option<&str>) -> Result<PathBuf, LabError> {
    match docker_host {
        None | Some("") => Ok(DEFAULT_SOCKET.into()),
        Some(value) => match value.strip_prefix("unix://") {
            Some(path) => Ok(path.into()),
            None => Err(LabError::RemoteEngine {
                value: value.to_owned(),
            }),
        },
    }
}

/// Connects to one Unix socket, whatever the address of the request.
#[derive(Clone)]
struct SocketConnector(PathBuf);

impl tower_service::Service<Uri> for SocketConnector {
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

    #[test]
    fn only_a_local_engine_will_do() {
        assert_eq!(socket_path(None).unwrap(), Path::new(DEFAULT_SOCKET));
        assert_eq!(
            socket_path(Some("unix:///a/b.sock")).unwrap(),
            Path::new("/a/b.sock")
        );
        assert!(socket_path(Some("tcp://10.0.0.1:2375")).is_err());
    }
}
