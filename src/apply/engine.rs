//! What takes the host's Docker engine long: pulls, builds and release phases, also when it restarts in the middle.

use std::collections::VecDeque;
use std::time::Duration;

use super::action::{SHORT, Target, keep, report};
use super::{ApplyError, Tell, archive};
use crate::plan::container::ContainerSpec;
use crate::plan::{Event, ImageBuild};
use crate::runtime::docker::{DockerError, Engine, Progress};
use crate::runtime::variables;
use crate::script;

/// One try at an image; what came before stays where it is going, so that the next try goes on from there.
pub(super) const MOVED: Duration = Duration::from_secs(30 * 60);
/// Before each further try at an image.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(16),
];
/// How long an engine that restarts may take until it is known which run of it this is.
const RESTARTED: Duration = Duration::from_secs(30);

/// Tries again while it fails for a reason that may pass.
pub(super) async fn tried<T>(
    step: usize,
    tell: Tell<'_>,
    what: impl AsyncFn() -> Result<T, DockerError>,
) -> Result<T, DockerError> {
    let mut pauses = PAUSES.iter();
    loop {
        let error = match what().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let Some(pause) = pauses.next().filter(|_| error.is_passing()) else {
            return Err(error);
        };
        let text = format!(
            "{:#}; trying again in {} s",
            anyhow::Error::new(error),
            pause.as_secs()
        );
        tell(Event::Notice { step, text });
        tokio::time::sleep(*pause).await;
    }
}

impl Target {
    /// Tries again when the registry or the way to it failed.
    pub(super) async fn pull(
        &self,
        image: &str,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<(), ApplyError> {
        let pulled = tried(step, tell, async || self.pull_once(image, step, tell).await);
        Ok(pulled.await?)
    }

    pub(super) async fn pull_once(
        &self,
        image: &str,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<(), DockerError> {
        let engine = self.engine().await?;
        let mut told = |progress: Progress<'_>| report(progress, step, tell);
        let pulling = engine.pull_image(image, &mut told);
        let ended = tokio::time::timeout(MOVED, pulling).await;
        ended.unwrap_or_else(|_| {
            Err(DockerError::Deadline {
                what: format!("pull {image}"),
                deadline: MOVED,
            })
        })
    }

    /// Builds an image, and once more when the engine restarted meanwhile: a build leaves nothing half done.
    pub(super) async fn build(
        &self,
        build: &ImageBuild,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<(), ApplyError> {
        let run = self.engine_run().await;
        let Err(error) = self.build_once(build, step, tell).await else {
            return Ok(());
        };
        if !self.has_restarted(run).await {
            return Err(error);
        }
        let text =
            "Docker's engine restarted in the middle of the build; building again".to_owned();
        tell(Event::Notice { step, text });
        let run = self.engine_run().await;
        let Err(error) = self.build_once(build, step, tell).await else {
            return Ok(());
        };
        if !self.has_restarted(run).await {
            return Err(error);
        }
        Err(ApplyError::EngineRestarted {
            what: "twice in the middle of the build; look at why: `journalctl -u docker`".into(),
            tail: error.tail().to_vec(),
            source: Box::new(error),
        })
    }

    async fn build_once(
        &self,
        build: &ImageBuild,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<(), ApplyError> {
        build_with(self.engine().await?, build, step, tell).await
    }

    /// A release phase. It may have done anything when the engine restarts, so it is not run again by itself.
    pub(super) async fn run_once(
        &self,
        spec: &ContainerSpec,
        deadline: Duration,
        step: usize,
        tell: Tell<'_>,
    ) -> Result<(), ApplyError> {
        let run = self.engine_run().await;
        let mut tail = VecDeque::new();
        let ended = self.run_to_end(spec, deadline, step, tell, &mut tail).await;
        let Err(error) = ended else {
            return Ok(());
        };
        if !self.has_restarted(run).await {
            return Err(error);
        }
        let command = spec.command.as_deref().unwrap_or_default().join(" ");
        Err(ApplyError::EngineRestarted {
            what: format!(
                "while `{command}` ran, so it may have done a part of its work; look at what it did, then run the command again"
            ),
            tail: tail.into(),
            source: Box::new(error),
        })
    }

    async fn run_to_end(
        &self,
        spec: &ContainerSpec,
        deadline: Duration,
        step: usize,
        tell: Tell<'_>,
        tail: &mut VecDeque<String>,
    ) -> Result<(), ApplyError> {
        let engine = self.engine().await?;
        let mut line = |text: &str| {
            keep(tail, text);
            tell(Event::Line {
                step,
                text: text.to_owned(),
            });
        };
        let command = spec.command.as_deref().unwrap_or_default().join(" ");
        let spec = variables::complete(self.transport.as_ref(), spec).await?;
        let running = engine.run_once(&spec, &mut line);
        let Ok(ended) = tokio::time::timeout(deadline, running).await else {
            return Err(ApplyError::OneOffLate {
                command,
                deadline,
                tail: tail.drain(..).collect(),
            });
        };
        let ended = ended?;
        if ended.exit_code == 0 {
            return Ok(());
        }
        Err(ApplyError::OneOff {
            command,
            status: ended.exit_code,
            tail: std::mem::take(tail).into(),
        })
    }

    /// Which run of the engine this is; `None` when the host cannot tell.
    async fn engine_run(&self) -> Option<String> {
        let said = self.transport.run(&script::engine_run(), &[], SHORT).await;
        let said = said.ok().filter(|output| output.status == 0)?;
        let run = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        Some(run).filter(|run| !run.is_empty())
    }

    /// Whether another run of the engine than `before` answers now. While it stops, systemd tells of the one before, so it
    /// is asked until the engine answers.
    async fn has_restarted(&self, before: Option<String>) -> bool {
        let Some(before) = before else { return false };
        if let Ok(engine) = self.engine().await {
            let _ = tokio::time::timeout(RESTARTED, engine.answers()).await;
        }
        self.engine_run().await.is_some_and(|now| now != before)
    }
}

/// Has an engine build an image.
pub(super) async fn build_with(
    engine: &Engine,
    build: &ImageBuild,
    step: usize,
    tell: Tell<'_>,
) -> Result<(), ApplyError> {
    let mut tail = VecDeque::new();
    let mut told = |progress: Progress<'_>| {
        if let Progress::Line(line) = &progress {
            keep(&mut tail, line);
        }
        report(progress, step, tell);
    };
    let rendered = build.rendered.as_deref();
    let rendered = rendered.map(|text| (build.dockerfile.as_str(), text));
    let context = archive::tar(&build.context, rendered);
    let built = engine.build_image(build, context, &mut told).await;
    built.map_err(|source| ApplyError::Build {
        tail: tail.into(),
        source,
    })
}
