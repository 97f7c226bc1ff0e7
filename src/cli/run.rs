//! `provision` and `deploy`: read → observe → plan → show → ask → apply.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::args::{ApplyArgs, Global, LockArgs};
use super::confirm::confirm;
use super::hooks::Hooks;
use super::journal::{Identity, Written};
use super::lock::take_locks;
use super::progress::Progress;
use super::session::{self, Loaded};
use super::{Console, Failure, Kind};
use crate::apply::{self, ApplyError};
use crate::facts::{Facts, GivenSecrets, OwnCertificates};
use crate::model::Moment;
use crate::observe::{Depth, Fleet};
use crate::plan::{self, Options, Outcome, Plan, PlanError, Release, StepState, Target, Wish};
use crate::transport::TransportError;
use crate::ui;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Provision,
    Deploy,
    Rollback,
    Stop,
    Start,
    Restart,
    Destroy,
}

impl What {
    pub fn name(self) -> &'static str {
        match self {
            What::Provision => "provision",
            What::Deploy => "deploy",
            What::Rollback => "rollback",
            What::Stop => "stop",
            What::Start => "start",
            What::Restart => "restart",
            What::Destroy => "destroy",
        }
    }

    /// When its hooks run that may stop it.
    pub fn before(self) -> Option<Moment> {
        match self {
            What::Provision => Some(Moment::BeforeProvision),
            What::Deploy => Some(Moment::BeforeDeploy),
            What::Rollback => Some(Moment::BeforeRollback),
            What::Stop | What::Start | What::Restart | What::Destroy => None,
        }
    }

    /// When its hooks run that hear that it is done.
    pub fn after(self) -> Option<Moment> {
        match self {
            What::Provision => Some(Moment::AfterProvision),
            What::Deploy => Some(Moment::AfterDeploy),
            What::Rollback => Some(Moment::AfterRollback),
            What::Stop | What::Start | What::Restart | What::Destroy => None,
        }
    }

    /// What a person wants of services that are deployed already.
    fn wish(self) -> Option<Wish> {
        match self {
            What::Stop => Some(Wish::Stop),
            What::Start => Some(Wish::Start),
            What::Restart => Some(Wish::Restart),
            What::Provision | What::Deploy | What::Rollback | What::Destroy => None,
        }
    }
}

/// While a plan is applied, Ctrl-C is `apply`'s: it takes back what was begun.
static APPLYING: AtomicBool = AtomicBool::new(false);

/// Resolves when the person wants to stop and nothing is being applied.
pub async fn interrupted_outside_apply(cancelled: &mut watch::Receiver<bool>) {
    if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
        std::future::pending::<()>().await;
    }
    while APPLYING.load(Ordering::SeqCst) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // The command itself ends now, with its own report.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
}

/// Runs the whole pipeline once.
pub async fn run(
    what: What,
    args: &ApplyArgs,
    target: &Target,
    global: &Global,
    console: &Console,
    cancelled: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let started = Instant::now();
    let mut loaded = session::load(global, console)?;
    if matches!(what, What::Provision | What::Deploy) {
        loaded.warn(console);
    }
    if what == What::Provision && !global.service.is_empty() {
        return Err(Failure::new(
            Kind::Usage,
            "provision works on whole hosts; --service is for deploy and status",
        ));
    }
    let given = match what {
        What::Deploy => loaded.secrets().await?,
        _ => GivenSecrets::new(),
    };
    let releases = match what {
        What::Deploy => loaded.releases(&given)?,
        _ => Vec::new(),
    };
    let own = match what {
        What::Provision => loaded.certificates()?,
        _ => OwnCertificates::default(),
    };
    let depth = match what {
        What::Provision | What::Deploy => Depth::Plan,
        _ => Depth::Records,
    };
    let hooks = Hooks::read(&loaded, args.no_hooks)?;
    if depth == Depth::Plan {
        loaded.log_in().await?;
    }
    let fleet = loaded.connect_all(console).await?;
    let facts = if args.dry_run {
        loaded.observe(&fleet, depth, console).await?
    } else {
        lock_and_observe(&loaded, &fleet, what.name(), &args.lock, depth, console).await?
    };
    let releases = match what {
        What::Deploy => loaded.pinned(releases, &given, &facts)?,
        _ => releases,
    };
    let options = Options {
        overwrite_drift: args.overwrite_drift,
        seed: args.seed,
        ignore_dns: args.ignore_dns,
    };
    let identity = Identity::of(&loaded.base);
    let plan = match (what, what.wish()) {
        (_, Some(wish)) => {
            let wish = (wish, &loaded.services);
            let (stack, templates) = (&loaded.stack, &loaded.templates);
            plan::control(stack, &facts, wish, &identity.who, templates)
                .map_err(|error| Failure::plan(&error))?
        }
        (What::Rollback, _) => plan::rollback(&loaded.stack, &facts, target, options)
            .map_err(|error| Failure::plan(&error))?,
        _ => make(what, &loaded, &facts, &releases, &own, options)?,
    };
    if plan.is_empty() || args.dry_run {
        show(&plan, what, console)?;
        close(&fleet).await;
        return Ok(());
    }
    if !global.yes {
        console.tell(&ui::plan_pretty(&plan, console.paint));
    }
    confirm(
        &format!("{}: {}?", what.name(), ui::summary(&plan)),
        global.yes,
        console,
    )?;

    let agreed = Agreed {
        what,
        loaded: &loaded,
        fleet: &fleet,
        facts: &facts,
        plan: &plan,
        hooks: &hooks,
        identity,
        started,
        console,
    };
    let ended = uninterrupted(async {
        let ended = agreed.carry_out(cancelled).await;
        close(&fleet).await;
        ended
    });
    let Ended { told, result } = ended.await;
    if console.json {
        console.say(&told.to_string())?;
    }
    result
}

/// Lets `work` answer Ctrl-C by itself: it takes back what was begun.
pub(super) async fn uninterrupted<T>(work: impl Future<Output = T>) -> T {
    APPLYING.store(true, Ordering::SeqCst);
    let done = work.await;
    APPLYING.store(false, Ordering::SeqCst);
    done
}

/// Takes the lock of every host, and asks them what they have.
pub(super) async fn lock_and_observe(
    loaded: &Loaded,
    fleet: &Fleet,
    command: &str,
    args: &LockArgs,
    depth: Depth,
    console: &Console,
) -> Result<Facts, Failure> {
    if fleet.len() == 1 {
        // Both go out at once; the host takes the lock before it says what it has.
        let observed = loaded.observe(fleet, depth, console);
        let locked = take_locks(loaded, fleet, command, args, console);
        let (locked, facts) = tokio::join!(locked, observed);
        locked?;
        facts
    } else {
        take_locks(loaded, fleet, command, args, console).await?;
        loaded.observe(fleet, depth, console).await
    }
}

/// A plan that a person has agreed to, with all that carrying it out needs.
pub(super) struct Agreed<'a> {
    pub what: What,
    pub loaded: &'a Loaded,
    pub fleet: &'a Fleet,
    pub facts: &'a Facts,
    pub plan: &'a Plan,
    pub hooks: &'a Hooks,
    pub identity: Identity,
    pub started: Instant,
    pub console: &'a Console,
}

/// How carrying a plan out has ended.
pub(super) struct Ended {
    /// For `--json`.
    pub told: Value,
    pub result: Result<(), Failure>,
}

impl Agreed<'_> {
    /// Applies the plan between its hooks, and keeps what was done in the hosts' history. Says on stdout how it went,
    /// but for `--json`.
    pub async fn carry_out(&self, cancelled: watch::Receiver<bool>) -> Ended {
        let Self {
            what, plan, hooks, ..
        } = *self;
        let before = match self.loaded.engine_for(plan).await {
            Ok(()) => hooks.before(self, cancelled.clone()).await,
            refused => refused,
        };
        if let Err(failure) = before {
            let mut told = ui::plan_json(plan);
            let stopped = failure.kind == Kind::Interrupted;
            told["command"] = json!(what.name());
            told["outcome"] = json!(if stopped { "interrupted" } else { "refused" });
            told["hooks"] = hooks.told();
            return Ended {
                told,
                result: Err(failure),
            };
        }
        let mut ended = self.apply(cancelled.clone()).await;
        match &ended.result {
            Ok(()) => hooks.done(self, cancelled).await,
            // There is no time then: CI systems kill soon after.
            Err(failure) if failure.kind == Kind::Interrupted => {}
            Err(failure) => hooks.failed(self, "failed", failure, cancelled).await,
        }
        ended.told["hooks"] = hooks.told();
        ended
    }

    async fn apply(&self, cancelled: watch::Receiver<bool>) -> Ended {
        let Self {
            what, plan, fleet, ..
        } = *self;
        let progress = Progress::new(plan, self.console);
        let stack = &self.loaded.stack;
        let about = what.wish().map(|_| &self.loaded.services);
        let written = Written::begin(what.name(), about, stack, &self.identity, self.facts, plan);
        let tell = |event| progress.tell(event);
        let outcome = apply::apply(
            plan,
            fleet,
            &self.loaded.here(),
            &written.journal,
            &tell,
            cancelled,
        )
        .await;
        let broken: Vec<TransportError> = fleet.values().filter_map(|host| host.broken()).collect();
        // What they still do would wait for a good-bye, and end with it.
        let left = fleet
            .iter()
            .filter(|(host, _)| outcome.left.contains(*host));
        join_all(left.map(|(_, host)| host.leave())).await;
        // The history of a stack that was taken away went with it.
        if what != What::Destroy || !outcome.is_success() {
            written.end(fleet, plan, &outcome, self.console).await;
        }
        let told = outcome_json(what, plan, &outcome, self.started);
        let result = finish(what, plan, outcome, self.started, self.console);
        // A step may only know that nobody answered it.
        let result = result.map_err(|failure| {
            let also =
                |failure: Failure, error: &TransportError| failure.also(error, &error.hints());
            broken.iter().fold(failure, also)
        });
        let result = result.map_err(|failure| {
            let logs = progress.logs();
            logs.into_iter().fold(failure, |failure, path| {
                failure.hint(format!("all that it said is in {}", path.display()))
            })
        });
        Ended { told, result }
    }
}

/// The plan of one of the two commands.
pub fn make(
    what: What,
    loaded: &Loaded,
    facts: &Facts,
    releases: &[Release],
    own: &OwnCertificates,
    options: Options,
) -> Result<Plan, Failure> {
    planned(what, loaded, facts, releases, own, options).map_err(|error| Failure::plan(&error))
}

/// The same with what was seen where it is refused.
pub fn planned(
    what: What,
    loaded: &Loaded,
    facts: &Facts,
    releases: &[Release],
    own: &OwnCertificates,
    options: Options,
) -> Result<Plan, PlanError> {
    match what {
        What::Provision => plan::provision(&loaded.stack, facts, &loaded.templates, own, options),
        _ => plan::deploy(&loaded.stack, facts, releases, &loaded.templates, options),
    }
}

pub(super) fn show(plan: &Plan, what: What, console: &Console) -> Result<(), Failure> {
    if console.json {
        let mut value = ui::plan_json(plan);
        value["command"] = json!(what.name());
        return console.say(&value.to_string());
    }
    let text = ui::plan_pretty(plan, console.paint_out);
    console.say(&format!("{text}{}: {}", what.name(), ui::summary(plan)))
}

pub(super) async fn close(fleet: &Fleet) {
    join_all(fleet.values().map(|transport| transport.close())).await;
}

fn finish(
    what: What,
    plan: &Plan,
    outcome: Outcome<ApplyError>,
    started: Instant,
    console: &Console,
) -> Result<(), Failure> {
    if outcome.is_success() {
        if !console.json {
            for drift in plan.drift.iter().filter(|drift| drift.is_left) {
                let told = ui::drift_pretty(drift, console.paint);
                console.tell(told.trim_end());
            }
            for note in &plan.notes {
                console.tell(&format!(
                    "{} {}: {}",
                    console.paint.warn("note"),
                    note.host,
                    note.text
                ));
            }
            let took = ui::seconds(started.elapsed());
            console.say(&format!("{}: {} in {took}", what.name(), ui::summary(plan)))?;
        }
        return Ok(());
    }
    let count = |state: StepState| outcome.states.iter().filter(|seen| **seen == state).count();
    let told = format!(
        "{} steps done, {} failed, {} never started{}",
        count(StepState::Done),
        count(StepState::Failed),
        count(StepState::NotStarted),
        if outcome.undone.is_empty() {
            String::new()
        } else {
            format!(", {} things taken back", outcome.undone.len())
        }
    );
    if outcome.cancelled {
        return Err(Failure::new(Kind::Interrupted, format!("stopped: {told}"))
            .hint("run the command again; it goes on where this run ended"));
    }
    let mut failure = None;
    for (host, error) in &outcome.unarmed {
        let told = Failure::step(host.as_str(), "write down what is about to be done", error);
        if let Some(earlier) = failure.replace(told) {
            console.tell(&Failure::text(&earlier, console.paint));
        }
    }
    for (step, error) in outcome
        .errors
        .iter()
        .filter(|(_, error)| !matches!(error, ApplyError::Cancelled))
    {
        let step = &plan.steps[*step];
        let told = Failure::step(step.host.as_str(), &step.action.words(), error);
        if let Some(earlier) = failure.replace(told) {
            console.tell(&Failure::text(&earlier, console.paint));
        }
    }
    let failure = failure.unwrap_or_else(|| Failure::new(Kind::Step, "a step failed"));
    Err(failure.hint(told).hint(match what {
        What::Deploy | What::Rollback | What::Restart if outcome.is_confirmed(plan) => {
            "the switch is done and stays; mend the cause and run the command again: it does what comes after"
        }
        _ if !outcome.not_undone.is_empty() => {
            "`stackctl status` tells what serves now; mend the cause and run the command again: it first takes back what is left"
        }
        What::Deploy | What::Rollback | What::Restart => {
            "what served before still serves; mend the cause and run the command again"
        }
        What::Provision | What::Stop | What::Start | What::Destroy => {
            "mend the cause and run the command again; it goes on where this run ended"
        }
    }))
}

fn outcome_json(what: What, plan: &Plan, outcome: &Outcome<ApplyError>, started: Instant) -> Value {
    let mut value = ui::plan_json(plan);
    let states = outcome.states.iter().map(|state| match state {
        StepState::Done => "done",
        StepState::Failed => "failed",
        StepState::NotStarted => "not started",
    });
    if let Some(steps) = value["steps"].as_array_mut() {
        for (step, state) in steps.iter_mut().zip(states) {
            step["state"] = json!(state);
        }
    }
    let errors: Vec<Value> = outcome
        .errors
        .iter()
        .map(|(step, error)| json!({"step": step + 1, "error": error.to_string(), "tail": error.tail()}))
        .collect();
    value["command"] = json!(what.name());
    value["outcome"] = json!(outcome.name());
    value["seconds"] = json!(started.elapsed().as_secs_f64());
    value["errors"] = json!(errors);
    value["undone"] = json!(outcome.undone);
    value["not_undone"] = json!(outcome.not_undone);
    value
}
