//! What is going on while a plan is applied: bars where somebody watches, plain lines elsewhere.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use etcetera::BaseStrategy as _;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::Console;
use crate::plan::{Action, Event, Plan};
use crate::ui::{printable, seconds};

/// Shows the events of one plan.
pub struct Progress<'a> {
    plan: &'a Plan,
    console: &'a Console,
    bars: Option<MultiProgress>,
    running: Mutex<BTreeMap<usize, (Instant, ProgressBar)>>,
    /// All that the running steps said, for the log of one that fails.
    said: Mutex<BTreeMap<usize, Vec<String>>>,
    logs: Mutex<Vec<PathBuf>>,
}

/// A log keeps this many of a step's last lines.
const LOG_LINES: usize = 20_000;

impl<'a> Progress<'a> {
    pub fn new(plan: &'a Plan, console: &'a Console) -> Self {
        // With -v lines stream by, and bars between them would only flicker.
        let drawn = console.is_watched && !console.quiet && !console.verbose;
        Self {
            plan,
            console,
            bars: drawn.then(MultiProgress::new),
            running: Mutex::default(),
            said: Mutex::default(),
            logs: Mutex::default(),
        }
    }

    pub fn tell(&self, event: Event) {
        match event {
            Event::Started { step } => self.started(step),
            Event::Line { step, text } => self.line(step, &printable(&text)),
            Event::Notice { step, text } => {
                let text = printable(&text);
                self.line(step, &text);
                if !self.console.verbose {
                    self.print(&format!("    {}", self.console.paint.warn(&text)));
                }
            }
            Event::Progress { step, done, total } => {
                let text = self.amount(step, done, total);
                self.with(step, |_, bar| bar.set_message(text));
            }
            Event::Done { step } => self.ended(step, true),
            Event::Failed { step } => self.ended(step, false),
            Event::Undoing { host, words } => self.print(&format!(
                "{} {host}: {words}",
                self.console.paint.warn("undo")
            )),
            Event::UndoFailed { host, words, error } => {
                let what = self.console.paint.bad("could not undo");
                self.print(&format!("{what} {host}: {words}: {}", printable(&error)));
            }
        }
    }

    fn title(&self, step: usize) -> String {
        let step = &self.plan.steps[step];
        format!("{}: {}", step.host, step.action.words())
    }

    fn started(&self, step: usize) {
        let bar = match &self.bars {
            Some(bars) => {
                let style = ProgressStyle::with_template(
                    "{spinner} {prefix} {elapsed:.dim} {wide_msg:.dim}",
                );
                let bar = bars.add(ProgressBar::new_spinner());
                bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
                bar.set_prefix(self.title(step));
                bar.enable_steady_tick(Duration::from_millis(120));
                bar
            }
            None => ProgressBar::hidden(),
        };
        // Long steps are announced when nobody sees a spinner, so that a log shows where it waits.
        if self.bars.is_none() && is_long(&self.plan.steps[step].action) {
            self.print(&format!("  {} …", self.title(step)));
        }
        if let Ok(mut running) = self.running.lock() {
            running.insert(step, (Instant::now(), bar));
        }
    }

    fn line(&self, step: usize, text: &str) {
        if let Ok(mut said) = self.said.lock() {
            let lines = said.entry(step).or_default();
            if lines.len() < LOG_LINES {
                lines.push(text.to_owned());
            }
        }
        if self.console.verbose {
            self.print(&format!("    {} {text}", self.console.paint.faint("|")));
        } else {
            self.with(step, |_, bar| bar.set_message(text.to_owned()));
        }
    }

    fn amount(&self, step: usize, done: u64, total: u64) -> String {
        match self.plan.steps.get(step).map(|step| &step.action) {
            Some(Action::PullImage(_) | Action::BuildImageHere(_)) => {
                format!("{} of {} MB", done / 1_000_000, total / 1_000_000)
            }
            Some(Action::WaitDatabase(_)) => format!("{done} s"),
            _ => format!("{done} of {total}"),
        }
    }

    fn ended(&self, step: usize, good: bool) {
        let ended = self
            .running
            .lock()
            .ok()
            .and_then(|mut running| running.remove(&step));
        let Some((started, bar)) = ended else { return };
        if let Some(timeline) = &self.console.timeline {
            timeline.add(&self.plan.steps[step], started, good);
        }
        bar.finish_and_clear();
        let said = self
            .said
            .lock()
            .ok()
            .and_then(|mut said| said.remove(&step));
        if !good && let Some(lines) = said {
            self.keep(step, &lines);
        }
        let paint = self.console.paint;
        let mark = if good {
            paint.good("✓")
        } else {
            paint.bad("✗")
        };
        let took = started.elapsed();
        let took = if took > Duration::from_secs(1) {
            paint.faint(&format!(" ({})", seconds(took)))
        } else {
            String::new()
        };
        self.print(&format!("{mark} {}{took}", self.title(step)));
    }

    /// Where the whole output of steps that failed is.
    pub fn logs(&self) -> Vec<PathBuf> {
        self.logs
            .lock()
            .map(|logs| logs.clone())
            .unwrap_or_default()
    }

    /// Keeps what a failed step said in a file of the person's own. Not being able to is no further failure.
    fn keep(&self, step: usize, lines: &[String]) {
        let Some(folder) = state_folder() else { return };
        let name = format!("{}-{}.log", std::process::id(), step + 1);
        let path = folder.join(name);
        let text = format!("{}\n{}\n", self.title(step), lines.join("\n"));
        let written = std::fs::create_dir_all(&folder).and_then(|()| {
            let mut options = std::fs::OpenOptions::new();
            let mut file = options
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&path)?;
            file.write_all(text.as_bytes())
        });
        if written.is_ok()
            && let Ok(mut logs) = self.logs.lock()
        {
            logs.push(path);
        }
    }

    fn with(&self, step: usize, act: impl FnOnce(&Instant, &ProgressBar)) {
        if let Ok(running) = self.running.lock()
            && let Some((started, bar)) = running.get(&step)
        {
            act(started, bar);
        }
    }

    fn print(&self, text: &str) {
        match &self.bars {
            Some(bars) => {
                let _ = bars.println(text);
            }
            None => self.console.tell(text),
        }
    }
}

/// `$XDG_STATE_HOME/stackctl/logs`.
fn state_folder() -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.state_dir()?.join("stackctl/logs"))
}

fn is_long(action: &Action) -> bool {
    matches!(
        action,
        Action::RefreshPackageIndex
            | Action::InstallPackages(_)
            | Action::PullImage(_)
            | Action::BuildImage(_)
            | Action::BuildImageHere(_)
            | Action::RunOnce { .. }
            | Action::RunUnitOnce(_)
            | Action::Install(_)
            | Action::BuildOnHost(_)
            | Action::BuildHere(_)
            | Action::Bake { .. }
            | Action::InitDatabase(_)
            | Action::WaitDatabase(_)
            | Action::WaitHealthy { .. }
            | Action::PushTree { .. }
    )
}
