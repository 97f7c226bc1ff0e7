//! Runs one hook: a program on this machine, or a script of the project on a host.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsStr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::action::keep;
use crate::plan::{HookCommand, HookRun};
use crate::script;
use crate::transport::{Source, Transport, TransportError};

/// Why a hook did not do what it was to do.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    #[error("it cannot be started")]
    Start(#[source] std::io::Error),
    #[error("it ended with exit code {status}")]
    Status {
        status: i32,
        /// The last lines it said.
        tail: Vec<String>,
    },
    #[error("it did not end within {seconds} s")]
    Deadline { seconds: u32, tail: Vec<String> },
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error("stopped before it was done")]
    Cancelled,
}

impl HookError {
    /// The last lines that it said.
    pub fn tail(&self) -> &[String] {
        match self {
            HookError::Status { tail, .. } | HookError::Deadline { tail, .. } => tail,
            _ => &[],
        }
    }
}

/// Where hooks run.
pub struct HookPlaces<'a> {
    /// The folder of those on this machine.
    pub folder: &'a Path,
    /// For one on a host: its transport, and its script's text.
    pub on_host: Option<(&'a dyn Transport, &'a [u8])>,
}

/// How long a program of this machine has between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);
/// What a program that ended has still written; a process that it left behind may hold the pipe open for ever.
const REST: Duration = Duration::from_millis(500);

/// Runs `hook` to its end, with `variables` in its environment; `line` gets each line of its output.
pub async fn run_hook(
    hook: &HookRun,
    places: &HookPlaces<'_>,
    variables: &BTreeMap<&'static str, String>,
    line: &mut (dyn FnMut(&str) + Send),
    mut cancelled: watch::Receiver<bool>,
) -> Result<(), HookError> {
    let mut tail = VecDeque::new();
    let mut told = |text: &str| {
        keep(&mut tail, text);
        line(text);
    };
    let ended = match (&hook.command, places.on_host) {
        (HookCommand::Here(argv), _) => {
            here(
                argv,
                places.folder,
                variables,
                hook.timeout,
                &mut told,
                cancelled,
            )
            .await
        }
        (HookCommand::OnHost { args, .. }, Some((transport, text))) => {
            let work = there(transport, text, args, variables, hook.timeout, &mut told);
            tokio::select! {
                ended = work => ended,
                Ok(_) = cancelled.wait_for(|cancelled| *cancelled) => Err(HookError::Cancelled),
            }
        }
        (HookCommand::OnHost { host, .. }, None) => {
            let why = format!("there is no connection to {host}");
            Err(HookError::Start(std::io::Error::other(why)))
        }
    };
    let tail: Vec<String> = tail.into();
    match ended? {
        Some(0) => Ok(()),
        Some(status) => Err(HookError::Status { status, tail }),
        None => Err(HookError::Deadline {
            seconds: hook.timeout,
            tail,
        }),
    }
}

/// The exit code; `None` when the time was over.
async fn there(
    transport: &dyn Transport,
    text: &[u8],
    args: &[String],
    variables: &BTreeMap<&'static str, String>,
    timeout: u32,
    told: &mut (dyn FnMut(&str) + Send),
) -> Result<Option<i32>, HookError> {
    let pairs = variables
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let script = script::hook(text.len()).with(pairs).with(["--"]).with(args);
    let bytes = Bytes::copy_from_slice(text);
    let upload = futures_util::stream::iter([Ok(bytes)]).boxed();
    let mut line = |_: Source, text: &str| told(text);
    let deadline = Duration::from_secs(timeout.into());
    let output = transport.stream(&script, Some(upload), &mut line, deadline);
    match output.await {
        Ok(output) => Ok(Some(output.status)),
        Err(TransportError::Deadline { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The exit code; `None` when the time was over.
pub(super) async fn here<K: AsRef<OsStr>>(
    argv: &[String],
    folder: &Path,
    variables: &BTreeMap<K, String>,
    timeout: u32,
    told: &mut (dyn FnMut(&str) + Send),
    mut cancelled: watch::Receiver<bool>,
) -> Result<Option<i32>, HookError> {
    let mut command = Command::new(program(&argv[0], folder));
    command.args(&argv[1..]).current_dir(folder).envs(variables);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // Of its own, so that Ctrl-C at the terminal is told to us alone, and so that all of it can be ended.
    command.process_group(0);
    let mut group = Group::of(command.spawn().map_err(HookError::Start)?);
    let (sender, mut lines) = mpsc::channel(64);
    read(group.child.stdout.take(), sender.clone());
    read(group.child.stderr.take(), sender);
    let deadline = Instant::now() + Duration::from_secs(timeout.into());
    let status = loop {
        tokio::select! {
            Some(line) = lines.recv() => told(&line),
            status = group.child.wait() => break status.map_err(HookError::Start)?,
            () = tokio::time::sleep_until(deadline) => {
                group.end().await;
                return Ok(None);
            }
            Ok(_) = cancelled.wait_for(|cancelled| *cancelled) => {
                group.end().await;
                return Err(HookError::Cancelled);
            }
        }
    };
    group.id = None;
    let until = Instant::now() + REST;
    while let Ok(Some(line)) = tokio::time::timeout_at(until, lines.recv()).await {
        told(&line);
    }
    Ok(Some(code(status)))
}

/// A path is relative to the yaml's folder, as everything in it; a bare name is looked up in PATH.
fn program(name: &str, folder: &Path) -> std::path::PathBuf {
    if name.contains('/') {
        folder.join(name)
    } else {
        name.into()
    }
}

/// 128 + n when a signal n ended it.
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    let signal = status.signal().unwrap_or_default();
    status.code().unwrap_or(128 + signal)
}

fn read(pipe: Option<impl AsyncRead + Send + Unpin + 'static>, sender: mpsc::Sender<String>) {
    let Some(pipe) = pipe else { return };
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let line = String::from_utf8_lossy(&line).into_owned();
            if sender.send(line).await.is_err() {
                break;
            }
        }
    });
}

/// A program with all that it has started; ended when dropped before its end.
struct Group {
    child: Child,
    /// None once it has ended by itself: what it left behind then was meant to stay.
    id: Option<Pid>,
}

impl Group {
    fn of(child: Child) -> Self {
        let id = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        Self { child, id }
    }

    fn signal(&self, signal: Signal) {
        if let Some(id) = self.id {
            // Nobody is left: as it should be.
            let _ = kill_process_group(id, signal);
        }
    }

    async fn end(&mut self) {
        self.signal(Signal::TERM);
        let _ = tokio::time::timeout(GRACE, self.child.wait()).await;
        self.signal(Signal::KILL);
        let _ = tokio::time::timeout(GRACE, self.child.wait()).await;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Moment;
    use crate::transport::{Call, FakeTransport, Output};

    async fn run(argv: &[&str], timeout: u32, stop: bool) -> (Result<(), HookError>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let hook = HookRun {
            moment: Moment::BeforeDeploy,
            command: HookCommand::Here(argv.iter().map(|word| (*word).to_owned()).collect()),
            timeout,
        };
        let places = HookPlaces {
            folder: folder.path(),
            on_host: None,
        };
        let (_sender, cancelled) = watch::channel(stop);
        let variables = BTreeMap::from([("STACKCTL_STACK", "it's $HOME".to_owned())]);
        let mut lines = Vec::new();
        let mut line = |text: &str| lines.push(text.to_owned());
        let ended = run_hook(&hook, &places, &variables, &mut line, cancelled).await;
        (ended, lines)
    }

    #[tokio::test]
    async fn a_program_has_its_variables_and_says_its_lines() {
        let script = "printf '%s\\n' \"$STACKCTL_STACK\"; echo oops >&2; exit 3";
        let (ended, mut lines) = run(&["sh", "-c", script], 20, false).await;
        lines.sort();
        assert_eq!(lines, ["it's $HOME", "oops"]);
        let HookError::Status { status: 3, tail } = ended.unwrap_err() else {
            panic!("another end")
        };
        assert_eq!(tail.len(), 2);
        assert!(run(&["true"], 20, false).await.0.is_ok());
        let (gone, _) = run(&["./gone"], 20, false).await;
        assert!(matches!(gone, Err(HookError::Start(_))), "{gone:?}");
    }

    #[tokio::test]
    async fn what_takes_too_long_is_ended_with_all_that_it_started() {
        let started = Instant::now();
        let script = "sleep 600 & echo $!; sleep 600";
        let (ended, lines) = run(&["sh", "-c", script], 1, false).await;
        assert!(
            matches!(ended, Err(HookError::Deadline { seconds: 1, .. })),
            "{ended:?}"
        );
        assert!(started.elapsed() < Duration::from_secs(10));
        // Gone, or dead with nobody there to hear of it.
        let stat = format!("/proc/{}/stat", lines[0]);
        let lives = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
        while lives() {
            assert!(started.elapsed() < Duration::from_secs(20), "{lines:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let (ended, _) = run(&["sleep", "600"], 600, true).await;
        assert!(matches!(ended, Err(HookError::Cancelled)), "{ended:?}");
    }

    #[tokio::test]
    async fn one_that_leaves_a_process_behind_ends_all_the_same() {
        let started = Instant::now();
        let (ended, lines) = run(&["sh", "-c", "sleep 20 & echo done"], 60, false).await;
        assert!(ended.is_ok(), "{ended:?}");
        assert_eq!(lines, ["done"]);
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test]
    async fn a_script_goes_to_its_host_whole_with_variables_as_arguments() {
        let transport = FakeTransport::new(|_, _| {
            Ok(Output {
                status: 4,
                stdout: b"hello\n".to_vec(),
                stderr: Vec::new(),
            })
        });
        let hook = HookRun {
            moment: Moment::AfterDeploy,
            command: HookCommand::OnHost {
                host: "web1".parse().unwrap(),
                script: "/srv/x.sh".into(),
                args: vec!["a b".into()],
            },
            timeout: 9,
        };
        let places = HookPlaces {
            folder: Path::new("/"),
            on_host: Some((&transport, b"echo hello\n")),
        };
        let (_sender, cancelled) = watch::channel(false);
        let variables = BTreeMap::from([("STACKCTL_HOOK", "after_deploy".to_owned())]);
        let mut lines = Vec::new();
        let mut line = |text: &str| lines.push(text.to_owned());
        let ended = run_hook(&hook, &places, &variables, &mut line, cancelled).await;
        assert!(
            matches!(ended, Err(HookError::Status { status: 4, .. })),
            "{ended:?}"
        );
        let calls = transport.calls();
        let [Call::Stream { script, input }] = &calls[..] else {
            panic!("{calls:?}")
        };
        assert_eq!(
            script.args,
            ["11", "STACKCTL_HOOK=after_deploy", "--", "a b"]
        );
        assert_eq!(input, b"echo hello\n");
    }
}
