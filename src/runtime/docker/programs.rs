//! Programs in containers that a person talks to.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use bollard::query_parameters::{
    AttachContainerOptions, EventsOptions, ResizeContainerTTYOptions, ResizeExecOptions,
    StartContainerOptions,
};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::sync::mpsc;

use super::{DockerError, Engine};
use crate::plan::container::ContainerSpec;
use crate::transport::{Program, Source, Terminal, Window};

/// What is to be run in a container that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec<'a> {
    pub container: &'a str,
    pub argv: Vec<String>,
    /// `None` for the container's own.
    pub user: Option<String>,
    pub terminal: Option<Terminal>,
}

/// The engine's own exit codes, which shells have as well.
const NOT_EXECUTABLE: i32 = 126;
const NOT_FOUND: i32 = 127;
/// A terminal can be given its size only once the program runs, which the engine says too early.
const RESIZE_PAUSE: Duration = Duration::from_millis(50);
const RESIZE_TRIES: u32 = 20;
/// The engine tells how a program ended a little later than that it did.
const ENDED_PAUSE: Duration = Duration::from_millis(50);
const ENDED: Duration = Duration::from_secs(30);

impl Engine {
    /// Starts a program in a container. Its id is what the engine knows it by.
    pub async fn start_program(&self, exec: &Exec<'_>) -> Result<(String, Program), DockerError> {
        let what = format!("run `{}` in {}", exec.argv.join(" "), exec.container);
        let tty = exec.terminal.is_some();
        let config = ExecConfig {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(tty),
            cmd: Some(exec.argv.clone()),
            user: exec.user.clone(),
            ..Default::default()
        };
        let created = self.docker.create_exec(exec.container, config).await;
        let id = created.map_err(DockerError::refused(&what))?.id;
        let options = StartExecOptions {
            tty,
            ..Default::default()
        };
        let started = self.docker.start_exec(&id, Some(options)).await;
        let StartExecResults::Attached { output, input } =
            started.map_err(DockerError::refused(&what))?
        else {
            let why = "it did not hand over its ends".to_owned();
            return Err(DockerError::Failed { what, why });
        };
        let (engine, name) = (self.docker.clone(), id.clone());
        let window = resizing(exec.terminal.as_ref(), move |Window { columns, rows }| {
            let (engine, name) = (engine.clone(), name.clone());
            async move {
                let size = ResizeExecOptions {
                    h: i32::from(rows),
                    w: i32::from(columns),
                };
                engine.resize_exec(&name, size).await
            }
        });
        let (engine, name) = (self.clone(), id.clone());
        let program = Program {
            output: said(output),
            input,
            window,
            ended: Box::pin(async move { engine.program_status(&name).await }),
        };
        Ok((id, program))
    }

    /// The process id on the host of a program in a container, while it runs.
    pub async fn program_pid(&self, id: &str) -> Option<i64> {
        let there = self.docker.inspect_exec(id).await.ok()?;
        let runs = there.running.unwrap_or(false);
        there.pid.filter(|pid| runs && *pid > 0)
    }

    async fn program_status(&self, id: &str) -> io::Result<i32> {
        let started = tokio::time::Instant::now();
        loop {
            let there = self.docker.inspect_exec(id).await;
            let there = there.map_err(|error| {
                io::Error::other(DockerError::refused("say how a program ended")(error))
            })?;
            if let (false, Some(code)) = (there.running.unwrap_or(false), there.exit_code) {
                return Ok(i32::try_from(code).unwrap_or(255));
            }
            if started.elapsed() > ENDED {
                let why = "its output has ended, and it still runs";
                return Err(io::Error::other(why));
            }
            tokio::time::sleep(ENDED_PAUSE).await;
        }
    }

    /// Makes a container for one program and starts it. The engine removes it when it ends. `now` is the host's clock.
    pub async fn start_one_off(
        &self,
        spec: &ContainerSpec,
        terminal: Option<&Terminal>,
        now: u64,
    ) -> Result<Program, DockerError> {
        let what = format!("run a program in {}", spec.name);
        let mut body = super::containers::body(spec);
        body.attach_stdin = Some(true);
        body.attach_stdout = Some(true);
        body.attach_stderr = Some(true);
        body.open_stdin = Some(true);
        body.stdin_once = Some(true);
        body.tty = Some(terminal.is_some());
        if let Some(host) = &mut body.host_config {
            host.auto_remove = Some(true);
        }
        self.create_container(spec, body).await?;
        let options = AttachContainerOptions {
            stream: true,
            stdin: true,
            stdout: true,
            stderr: true,
            ..Default::default()
        };
        // Before it starts, so that nothing is missed.
        let attached = self
            .docker
            .attach_container(&spec.name, Some(options))
            .await;
        let attached = attached.map_err(DockerError::refused(&what))?;
        let started = self
            .docker
            .start_container(&spec.name, None::<StartContainerOptions>)
            .await;
        if let Err(error) = started {
            // One that never ran is not removed by itself.
            self.remove_container(&spec.name).await?;
            return Err(DockerError::refused(what)(error));
        }
        let (engine, name) = (self.docker.clone(), spec.name.clone());
        let window = resizing(terminal, move |Window { columns, rows }| {
            let (engine, name) = (engine.clone(), name.clone());
            async move {
                let size = ResizeContainerTTYOptions {
                    h: i32::from(rows),
                    w: i32::from(columns),
                };
                engine.resize_container_tty(&name, size).await
            }
        });
        let (engine, name) = (self.clone(), spec.name.clone());
        Ok(Program {
            output: said(attached.output),
            input: attached.input,
            window,
            ended: Box::pin(async move { engine.one_off_status(&name, now).await }),
        })
    }

    /// How a container ended that is gone by now: the engine remembers it for a while.
    async fn one_off_status(&self, name: &str, since: u64) -> io::Result<i32> {
        let filters = [("container", name), ("event", "die")];
        let filters: HashMap<String, Vec<String>> = filters
            .map(|(key, value)| (key.to_owned(), vec![value.to_owned()]))
            .into();
        let options = EventsOptions {
            since: Some(since.saturating_sub(1).to_string()),
            until: None,
            filters: Some(filters),
        };
        let mut events = self.docker.events(Some(options));
        let event = tokio::time::timeout(ENDED, events.next()).await;
        let failed = |why: &str| {
            io::Error::other(format!(
                "Docker's engine did not say how {name} ended: {why}"
            ))
        };
        let event = match event {
            Ok(Some(event)) => event.map_err(|error| failed(&error.to_string()))?,
            Ok(None) => return Err(failed("it ended its answer")),
            Err(_) => return Err(failed("no answer")),
        };
        let attributes = event.actor.and_then(|actor| actor.attributes);
        let code = attributes.and_then(|attributes| attributes.get("exitCode")?.parse().ok());
        code.ok_or_else(|| failed("no exit code"))
    }
}

impl DockerError {
    /// The exit code that shells have for a program that cannot be started, when that is what is wrong. The engine tells
    /// it in the words of what it is made of alone.
    pub fn status(&self) -> Option<i32> {
        let DockerError::Refused { source, .. } = self else {
            return None;
        };
        let Error::DockerResponseServerError { message, .. } = source else {
            return None;
        };
        unstartable(message)
    }
}

/// What the words of an engine's runtime mean that could not start a program.
pub fn unstartable(words: &str) -> Option<i32> {
    if !words.contains("OCI runtime") {
        return None;
    }
    let absent = ["executable file not found", "no such file or directory"];
    if absent.iter().any(|text| words.contains(text)) {
        return Some(NOT_FOUND);
    }
    words
        .contains("permission denied")
        .then_some(NOT_EXECUTABLE)
}

/// Passes each new size on. Those that are refused are sent again for a while.
fn resizing<F>(
    terminal: Option<&Terminal>,
    resize: impl Fn(Window) -> F + Send + 'static,
) -> mpsc::UnboundedSender<Window>
where
    F: Future<Output = Result<(), Error>> + Send,
{
    let (window, mut windows) = mpsc::unbounded_channel();
    if let Some(terminal) = terminal {
        // It is open: the other end is here.
        let _ = window.send(terminal.window);
    }
    tokio::spawn(async move {
        while let Some(size) = windows.recv().await {
            for _ in 0..RESIZE_TRIES {
                if resize(size).await.is_ok() || !windows.is_empty() {
                    break;
                }
                tokio::time::sleep(RESIZE_PAUSE).await;
            }
        }
    });
    window
}

fn said(
    output: impl futures_util::Stream<Item = Result<LogOutput, Error>> + Send + 'static,
) -> BoxStream<'static, io::Result<(Source, bytes::Bytes)>> {
    output
        .map_ok(|said| match said {
            LogOutput::StdErr { message } => (Source::Stderr, message),
            other => (Source::Stdout, other.into_bytes()),
        })
        .map_err(io::Error::other)
        .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_cannot_be_started_has_the_shells_code() {
        let absent = "OCI runtime exec failed: exec failed: unable to start container process: exec: \"nosuch\": \
            executable file not found in $PATH: unknown";
        assert_eq!(unstartable(absent), Some(127));
        let denied = "OCI runtime exec failed: exec failed: container_linux.go:380: starting container process caused: \
            exec: \"/etc\": permission denied: unknown";
        assert_eq!(unstartable(denied), Some(126));
        assert_eq!(unstartable("executable file not found"), None);
        assert_eq!(unstartable("OCI runtime exec failed: no space left"), None);
    }
}
