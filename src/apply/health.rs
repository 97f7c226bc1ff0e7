//! Waiting until a release is healthy: checked from the host, through the socket that nginx will use.

use std::time::Duration;

use tokio::time::Instant;

use super::action::Target;
use super::{ApplyError, Tell};
use crate::model::{Health, HostPath, Layout};
use crate::plan::{Awaited, BakeTarget, Event, Process};
use crate::runtime::docker::Engine;
use crate::runtime::{State, http, systemd};
use crate::script;
use crate::transport::{Endpoint, Transport};

/// One check may take this long.
const CHECK: Duration = Duration::from_secs(5);

/// What is watched, and those who know how it is.
#[derive(Clone, Copy)]
pub(super) struct Watched<'a> {
    pub transport: &'a dyn Transport,
    /// Of a container.
    pub engine: Option<&'a Engine>,
    pub process: &'a Process,
}

impl Watched<'_> {
    /// How it is; of what is not there, nothing.
    pub async fn state(&self) -> Result<State, ApplyError> {
        match (self.process, self.engine) {
            (Process::Container(name), Some(engine)) => {
                Ok(engine.state(name).await?.unwrap_or_default())
            }
            (Process::Container(_), None) => Ok(State::default()),
            (Process::Unit(name), _) => Ok(systemd::state(self.transport, name).await?),
        }
    }

    /// What it said last.
    pub async fn last_lines(&self, lines: u32) -> Vec<String> {
        match (self.process, self.engine) {
            (Process::Container(name), Some(engine)) => engine.last_lines(name, lines).await,
            (Process::Container(_), None) => Vec::new(),
            (Process::Unit(name), _) => systemd::last_lines(self.transport, name, lines).await,
        }
    }
}

pub(super) async fn wait(
    watched: Watched<'_>,
    socket: &HostPath,
    health: &Health,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<(), ApplyError> {
    let endpoint = Endpoint::Unix(socket.to_string());
    let deadline = Duration::from_secs(u64::from(health.deadline));
    let started = Instant::now();
    let mut passes = 0;
    let mut restarts = None;
    let unhealthy = async |why: String| ApplyError::Unhealthy {
        container: watched.process.name().to_owned(),
        why,
        // A traceback of gunicorn's own, thirty lines long, comes after the one that says what is wrong.
        tail: watched.last_lines(80).await,
    };
    loop {
        // A container that ends and is started again looks alive between two crashes.
        let state = watched.state().await?;
        let first = *restarts.get_or_insert(state.restarts);
        if state.restarts > first || (!state.running && started.elapsed() > Duration::from_secs(1))
        {
            let memory = if state.out_of_memory {
                ", out of memory"
            } else {
                ""
            };
            let why = if state.running {
                // Of the run that ended, nothing but its log is known any more.
                format!("ended and was started again{memory}")
            } else {
                format!("ended with exit code {}{memory}", state.exit_code)
            };
            return Err(unhealthy(why).await);
        }
        let seen = match http::get(
            watched.transport,
            &endpoint,
            "localhost",
            &health.path,
            CHECK,
        )
        .await
        {
            Ok(answer) if answer.is_success() => {
                passes += 1;
                progress(u64::from(passes), u64::from(health.passes));
                if passes < health.passes {
                    String::new()
                } else {
                    match closed_to_nginx(watched.transport, socket).await? {
                        None => return Ok(()),
                        Some(why) => {
                            passes = 0;
                            format!("answers, but nginx may not open its socket: {why}{OPEN_IT}")
                        }
                    }
                }
            }
            Ok(answer) => {
                passes = 0;
                let body = String::from_utf8_lossy(&answer.body);
                let body: String = body.chars().filter(|c| !c.is_control()).take(200).collect();
                format!("answers {} with HTTP {} {body}", health.path, answer.status)
            }
            Err(error) => {
                passes = 0;
                format!(
                    "does not answer {}: {:#}",
                    health.path,
                    anyhow::Error::new(error)
                )
            }
        };
        if started.elapsed() > deadline {
            let why = format!(
                "did not get healthy within {} s: it {seen}",
                health.deadline
            );
            return Err(unhealthy(why).await);
        }
        tokio::time::sleep(Duration::from_millis(u64::from(health.interval))).await;
    }
}

/// Between two looks at a container that nobody asks by HTTP.
const LOOK: Duration = Duration::from_millis(250);

impl Target {
    /// Waits for a container that says itself how it is. What keeps ending is told at once.
    pub(super) async fn await_container(
        &self,
        name: &str,
        until: Awaited,
        deadline: Duration,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<(), ApplyError> {
        let engine = self.engine().await?;
        let started = Instant::now();
        let mut restarts = None;
        loop {
            let state = engine.state(name).await?.unwrap_or_default();
            let first = *restarts.get_or_insert(state.restarts);
            let is_over = started.elapsed() > deadline;
            let has_ended = !state.running && started.elapsed() > Duration::from_secs(1);
            // What does its work may be given several tries.
            let tries_again = until == Awaited::Completed && state.restarting;
            let ended = has_ended && !tries_again;
            let memory = if state.out_of_memory {
                ", out of memory"
            } else {
                ""
            };
            let why = match until {
                Awaited::Completed if !state.running && state.exit_code == 0 && ended => {
                    return Ok(());
                }
                Awaited::Running if is_over && state.running => return Ok(()),
                Awaited::Healthy if state.health == "healthy" => return Ok(()),
                _ if ended || until != Awaited::Completed && state.restarts > first => {
                    Some(format!("ended with exit code {}{memory}", state.exit_code))
                }
                Awaited::Healthy if state.health == "unhealthy" => {
                    Some("runs, and its health check fails".to_owned())
                }
                Awaited::Healthy if state.health.is_empty() && state.running => {
                    Some("has no health check, and others wait until it is healthy: write one in the compose file".to_owned())
                }
                Awaited::Healthy if is_over => Some(format!(
                    "did not get healthy within {} s",
                    deadline.as_secs()
                )),
                Awaited::Completed if is_over => Some(format!(
                    "had not done its work after {} s",
                    deadline.as_secs()
                )),
                _ => None,
            };
            if let Some(why) = why {
                return Err(ApplyError::Unhealthy {
                    container: name.to_owned(),
                    why,
                    tail: engine.last_lines(name, 80).await,
                });
            }
            tell(Event::Progress {
                step,
                done: started.elapsed().as_secs(),
                total: deadline.as_secs(),
            });
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// We ask as root, for whom every door is open.
const OPEN_IT: &str = " (make the socket writable for all, with gunicorn's `--umask 0111`; the folder around it lets only nginx in)";

/// Why nginx cannot connect to a socket; `None` when it can.
async fn closed_to_nginx(
    transport: &dyn Transport,
    socket: &HostPath,
) -> Result<Option<String>, ApplyError> {
    let script = script::open_to(Layout::NGINX_USER, socket);
    let output = transport.run(&script, &[], CHECK).await?;
    let why = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok((output.status == 1).then_some(why))
}

/// Checks in a row that must fail before what serves counts as unwell: a busy host may be slow for a moment.
const FAILURES: u32 = 3;
const BETWEEN: Duration = Duration::from_millis(500);

/// Keeps checking for `seconds` what has just begun to serve, through the link that nginx follows.
pub(super) async fn bake(
    watched: Watched<'_>,
    target: &BakeTarget,
    seconds: u64,
    progress: impl Fn(u64),
) -> Result<(), ApplyError> {
    let endpoint = Endpoint::Unix(target.link.to_string());
    let started = Instant::now();
    let first = watched.state().await?;
    let mut failures = 0;
    loop {
        let answer = http::get(
            watched.transport,
            &endpoint,
            "localhost",
            &target.health.path,
            CHECK,
        )
        .await;
        let state = watched.state().await?;
        let why = match answer {
            _ if !state.running || state.restarts > first.restarts => {
                failures = FAILURES;
                "ended while it was watched".to_owned()
            }
            Ok(answer) if answer.is_success() => {
                failures = 0;
                String::new()
            }
            Ok(answer) => {
                failures += 1;
                format!(
                    "answers {} with HTTP {} after the switch",
                    target.health.path, answer.status
                )
            }
            Err(error) => {
                failures += 1;
                format!(
                    "does not answer {} after the switch: {:#}",
                    target.health.path,
                    anyhow::Error::new(error)
                )
            }
        };
        if failures >= FAILURES {
            return Err(ApplyError::Unhealthy {
                container: watched.process.name().to_owned(),
                why,
                tail: watched.last_lines(80).await,
            });
        }
        let passed = started.elapsed().as_secs();
        progress(passed.min(seconds));
        if passed >= seconds && failures == 0 {
            return Ok(());
        }
        tokio::time::sleep(BETWEEN).await;
    }
}
