//! Hooks around a run: read before anything else, run when the plan is agreed on, shown and told like steps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::journal;
use super::run::Agreed;
use super::session::Loaded;
use super::{Console, Failure, Kind};
use crate::apply::{HookError, HookPlaces, run_hook};
use crate::facts;
use crate::model::{HookWork, Moment};
use crate::plan::{self, HookCommand, HookEnd, HookRun, HookView};
use crate::transport::Transport;
use crate::ui::{printable, seconds};

/// The hooks of a stack with the texts of their scripts.
pub struct Hooks {
    is_off: bool,
    scripts: BTreeMap<PathBuf, Vec<u8>>,
    /// What ran, for `--json`.
    told: Mutex<Vec<Value>>,
}

impl Hooks {
    /// Reads every script, so that one that is missing is found before anything begins.
    pub fn read(loaded: &Loaded, is_off: bool) -> Result<Self, Failure> {
        let mut scripts = BTreeMap::new();
        let all = loaded.stack.hooks.values().flatten();
        for hook in all.filter(|_| !is_off) {
            if let HookWork::OnHosts { script, .. } = &hook.work {
                let text = std::fs::read(script).map_err(|error| {
                    Failure::new(
                        Kind::Config,
                        format!("cannot read the hook {}: {error}", script.display()),
                    )
                    .hint("`script` below `hooks:` is a file, relative to the yaml's folder")
                })?;
                scripts.insert(script.clone(), text);
            }
        }
        Ok(Self {
            is_off,
            scripts,
            told: Mutex::default(),
        })
    }

    pub fn is_off(&self) -> bool {
        self.is_off
    }

    /// Stands for what would run: no step of a plan holds it.
    pub fn digest(&self, loaded: &Loaded) -> String {
        if self.is_off {
            return "off".to_owned();
        }
        let mut text = String::new();
        for (moment, hooks) in &loaded.stack.hooks {
            for hook in hooks {
                let work = match &hook.work {
                    HookWork::Here(argv) => format!("{argv:?}"),
                    // By what it says and not by where it lies.
                    HookWork::OnHosts {
                        script,
                        args,
                        hosts,
                    } => {
                        let bytes = self.scripts.get(script).map(Vec::as_slice);
                        let digest = facts::sha256(bytes.unwrap_or_default());
                        format!("{digest} {args:?} {hosts:?}")
                    }
                };
                text.push_str(&format!("{} {work} {}\n", moment.name(), hook.timeout));
            }
        }
        facts::sha256(text.as_bytes())
    }

    /// Before anything is changed: the first that fails stops the run.
    pub async fn before(
        &self,
        agreed: &Agreed<'_>,
        cancelled: watch::Receiver<bool>,
    ) -> Result<(), Failure> {
        let Some(moment) = agreed.what.before() else {
            return Ok(());
        };
        for hook in self.at(agreed, moment) {
            let Err(error) = self.one(&hook, agreed, None, cancelled.clone()).await else {
                continue;
            };
            let words = hook.words();
            if matches!(error, HookError::Cancelled) {
                let why = format!("stopped during {words}; nothing was changed");
                return Err(Failure::new(Kind::Interrupted, why));
            }
            let mut failure = Failure::of(Kind::Refused, &error);
            failure.chain.insert(
                0,
                format!("{words}: the run was stopped, nothing was changed"),
            );
            failure.tail = error.tail().to_vec();
            let failure = failure.hint("mend what it found, or leave hooks out with --no-hooks");
            self.failed(agreed, "refused", &failure, cancelled).await;
            return Err(failure);
        }
        Ok(())
    }

    /// After a run that is done. What fails is told and changes nothing of that.
    pub async fn done(&self, agreed: &Agreed<'_>, cancelled: watch::Receiver<bool>) {
        let end = HookEnd {
            outcome: "done",
            seconds: agreed.started.elapsed().as_secs(),
            error: "",
        };
        if let Some(moment) = agreed.what.after() {
            self.all(agreed, moment, end, cancelled).await;
        }
    }

    /// After a run that failed.
    pub async fn failed(
        &self,
        agreed: &Agreed<'_>,
        outcome: &str,
        failure: &Failure,
        cancelled: watch::Receiver<bool>,
    ) {
        let end = HookEnd {
            outcome,
            seconds: agreed.started.elapsed().as_secs(),
            error: &failure.chain.join(": "),
        };
        self.all(agreed, Moment::OnFailure, end, cancelled).await;
    }

    /// What ran: `[{"hook", "host", "outcome", "error", "seconds", "tail"}]`.
    pub fn told(&self) -> Value {
        let told = self.told.lock().map(|mut told| std::mem::take(&mut *told));
        Value::Array(told.unwrap_or_default())
    }

    fn at(&self, agreed: &Agreed<'_>, moment: Moment) -> Vec<HookRun> {
        if self.is_off {
            return Vec::new();
        }
        plan::hooks(&agreed.loaded.stack, moment, &agreed.loaded.hosts)
    }

    async fn all(
        &self,
        agreed: &Agreed<'_>,
        moment: Moment,
        end: HookEnd<'_>,
        cancelled: watch::Receiver<bool>,
    ) {
        for hook in self.at(agreed, moment) {
            let Err(error) = self.one(&hook, agreed, Some(end), cancelled.clone()).await else {
                continue;
            };
            let console = agreed.console;
            let chain = Failure::of(Kind::Step, &error).chain.join(": ");
            console.tell(&format!(
                "{} {}: {}",
                console.paint.warn("warning:"),
                hook.words(),
                printable(&chain)
            ));
            for line in error.tail() {
                console.tell(&format!(
                    "    {} {}",
                    console.paint.faint("|"),
                    printable(line)
                ));
            }
            if matches!(error, HookError::Cancelled) {
                return;
            }
        }
    }

    async fn one(
        &self,
        hook: &HookRun,
        agreed: &Agreed<'_>,
        end: Option<HookEnd<'_>>,
        cancelled: watch::Receiver<bool>,
    ) -> Result<(), HookError> {
        let variables = self.variables(hook, agreed, end);
        let on_host = match &hook.command {
            HookCommand::Here(_) => None,
            HookCommand::OnHost { host, script, .. } => {
                let transport = agreed.fleet.get(host).map(AsRef::as_ref);
                transport.zip(self.scripts.get(script).map(Vec::as_slice))
            }
        };
        let on_host: Option<(&dyn Transport, &[u8])> = on_host;
        let places = HookPlaces {
            folder: &agreed.loaded.base,
            on_host,
        };
        let shown = Shown::begin(agreed.console, hook);
        let mut line = |text: &str| shown.line(text);
        let ended = run_hook(hook, &places, &variables, &mut line, cancelled).await;
        self.keep(hook, &ended, shown.end(ended.is_ok()));
        ended
    }

    fn variables(
        &self,
        hook: &HookRun,
        agreed: &Agreed<'_>,
        end: Option<HookEnd<'_>>,
    ) -> BTreeMap<&'static str, String> {
        let loaded = agreed.loaded;
        let identity = &agreed.identity;
        let git = identity.git.as_ref();
        let view = HookView {
            command: agreed.what.name(),
            run: &identity.run,
            who: &identity.who,
            git: git.map(|(commit, dirty)| (commit.as_str(), *dirty)),
            hosts: loaded.hosts.iter().collect(),
            services: loaded.services.iter().collect(),
            releases: journal::releases(agreed.plan),
            changes: agreed.plan.steps.len(),
            end,
        };
        let mut variables = plan::hook_environment(&loaded.stack, hook.moment, &view);
        match &hook.command {
            // So that `stackctl` in a hook means the same stack.
            HookCommand::Here(_) => {
                if let Some(config) = loaded.config.as_deref().and_then(Path::to_str) {
                    variables.insert("STACKCTL_CONFIG", config.to_owned());
                }
                if let Some(environment) = &loaded.environment {
                    variables.insert("STACKCTL_ENVIRONMENT", environment.clone());
                }
            }
            HookCommand::OnHost { host, .. } => {
                variables.insert("STACKCTL_HOST", host.to_string());
            }
        }
        variables
    }

    fn keep(&self, hook: &HookRun, ended: &Result<(), HookError>, took: f64) {
        let error = ended.as_ref().err();
        let host = match &hook.command {
            HookCommand::Here(_) => None,
            HookCommand::OnHost { host, .. } => Some(host.as_str()),
        };
        let value = json!({
            "hook": hook.moment.name(),
            "words": hook.words(),
            "host": host,
            "outcome": if error.is_none() { "done" } else { "failed" },
            "error": error.map(|error| Failure::of(Kind::Step, error).chain.join(": ")),
            "tail": error.map(HookError::tail).unwrap_or_default(),
            "seconds": took,
        });
        if let Ok(mut told) = self.told.lock() {
            told.push(value);
        }
    }
}

/// One hook on the terminal: as a step that takes long.
struct Shown<'a> {
    console: &'a Console,
    words: String,
    spinner: indicatif::ProgressBar,
    started: Instant,
}

impl<'a> Shown<'a> {
    fn begin(console: &'a Console, hook: &HookRun) -> Self {
        let spinner = console.spinner();
        let words = printable(&hook.words());
        if spinner.is_hidden() {
            console.tell(&format!("  {words} …"));
        } else {
            spinner.set_message(words.clone());
        }
        Self {
            console,
            words,
            spinner,
            started: Instant::now(),
        }
    }

    fn line(&self, text: &str) {
        let text = printable(text);
        if self.console.verbose {
            self.console
                .tell(&format!("    {} {text}", self.console.paint.faint("|")));
        } else {
            self.spinner.set_message(format!("{} {text}", self.words));
        }
    }

    /// Seconds that it took.
    fn end(self, good: bool) -> f64 {
        self.spinner.finish_and_clear();
        let took = self.started.elapsed();
        let paint = self.console.paint;
        let mark = if good {
            paint.good("✓")
        } else {
            paint.bad("✗")
        };
        let took_text = paint.faint(&format!(" ({})", seconds(took)));
        self.console
            .tell(&format!("{mark} {}{took_text}", self.words));
        took.as_secs_f64()
    }
}
