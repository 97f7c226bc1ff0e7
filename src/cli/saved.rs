//! `plan --out FILE` and `apply FILE`: a plan that was agreed on, carried out later as it is, or not at all.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::args::{ApplySavedArgs, Global};
use super::hooks::Hooks;
use super::journal::Identity;
use super::plan::Both;
use super::run::{self, Agreed, Ended, What};
use super::session::Loaded;
use super::{Console, Failure, Kind, session};
use crate::facts::{Facts, OwnCertificates};
use crate::observe::{Depth, Fleet};
use crate::plan::{Moved, Options, Release, SavedPart, SavedPlan};
use crate::ui::{self, printable};

/// Of what has moved on a host, this many lines are told.
const REASONS: usize = 12;

/// Both plans with all that tells later whether they still hold.
pub fn of(
    loaded: &Loaded,
    global: &Global,
    facts: &Facts,
    releases: &[Release],
    both: &Both,
    hooks: &Hooks,
    options: Options,
) -> SavedPlan {
    SavedPlan {
        schema: 1,
        stackctl: env!("CARGO_PKG_VERSION").to_owned(),
        stack: loaded.stack.name.clone(),
        config: loaded.config.clone().unwrap_or_default(),
        environment: global.environment.clone(),
        hosts: global.host.clone(),
        services: global.service.clone(),
        overwrite_drift: options.overwrite_drift,
        seed: options.seed,
        yaml: loaded.yaml.clone(),
        hooks: hooks.digest(loaded),
        no_hooks: hooks.is_off(),
        releases: SavedPlan::releases_of(releases),
        standing: SavedPlan::standing_of(facts),
        provision: SavedPart::of(&both.provision),
        deploy: SavedPart::of(&both.deploy),
    }
}

/// Writes it whole or not at all, for its owner alone: a plan shows the files of hosts.
pub fn write(saved: &SavedPlan, file: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            Kind::Usage,
            format!("cannot write {}: {error}", file.display()),
        )
        .hint("name a file in a folder that you may write to")
    };
    let mut text = serde_json::to_vec_pretty(saved).expect("a saved plan is plain data");
    text.push(b'\n');
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // Made with mode 0600.
    let mut new = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    new.write_all(&text).map_err(failed)?;
    new.as_file().sync_all().map_err(failed)?;
    new.persist(file).map_err(|error| failed(error.error))?;
    Ok(())
}

fn read(file: &Path) -> Result<SavedPlan, Failure> {
    let refuse = |why: String| {
        Failure::new(Kind::Config, format!("{}: {why}", file.display()))
            .hint("make one with `stackctl plan --out FILE`")
    };
    let text = std::fs::read(file).map_err(|error| refuse(format!("cannot be read: {error}")))?;
    let value: Value = serde_json::from_slice(&text)
        .map_err(|error| refuse(format!("is no saved plan: {error}")))?;
    let (made_by, own) = (&value["stackctl"], env!("CARGO_PKG_VERSION"));
    if value["schema"] == 1 && made_by != own {
        return Err(Failure::new(
            Kind::Refused,
            format!(
                "{} was made by stackctl {}, this is {own}: the same steps may mean something else",
                file.display(),
                made_by.as_str().unwrap_or("of no version")
            ),
        )
        .hint("make the plan again with `stackctl plan --out FILE`"));
    }
    if value["schema"] != 1 {
        return Err(refuse("is no saved plan of format 1".into()));
    }
    serde_json::from_value(value).map_err(|error| refuse(format!("is no saved plan: {error}")))
}

/// The global options as they were when the plan was made. Another choice of hosts would be another plan.
fn as_then(saved: &SavedPlan, global: &Global) -> Result<Global, Failure> {
    let other = [
        ("--host", !global.host.is_empty()),
        ("--service", !global.service.is_empty()),
        (
            "--environment",
            global.environment.is_some() && global.environment != saved.environment,
        ),
    ];
    if let Some((option, _)) = other.iter().find(|(_, given)| *given) {
        return Err(Failure::new(
            Kind::Usage,
            format!("{option} is part of the saved plan and cannot be chosen again"),
        )
        .hint("make another plan with it: `stackctl plan --out FILE`"));
    }
    let config = match &global.config {
        Some(config) => config.clone(),
        None if saved.config.is_file() => saved.config.clone(),
        None => {
            return Err(Failure::new(
                Kind::Config,
                format!(
                    "the plan was made from {}, which is not there",
                    saved.config.display()
                ),
            )
            .hint("name the stack's yaml with --config FILE"));
        }
    };
    Ok(Global {
        config: Some(config),
        environment: saved.environment.clone(),
        host: saved.hosts.clone(),
        service: saved.services.clone(),
        ..global.clone()
    })
}

/// Plans again and goes on only when it comes to the same.
pub async fn apply(
    args: &ApplySavedArgs,
    global: &Global,
    console: &Console,
    cancelled: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let started = Instant::now();
    let then = read(&args.file)?;
    let global = as_then(&then, global)?;
    let mut loaded = session::load(&global, console)?;
    if loaded.stack.name != then.stack {
        return Err(Failure::new(
            Kind::Refused,
            format!(
                "the plan is for the stack {}, the yaml describes {}",
                then.stack, loaded.stack.name
            ),
        )
        .hint("name the right yaml with --config FILE"));
    }
    let given = loaded.secrets().await?;
    let releases = loaded.releases(&given)?;
    let own = loaded.certificates()?;
    let hooks = Hooks::read(&loaded, then.no_hooks)?;
    loaded.log_in().await?;
    let fleet = loaded.connect_all(console).await?;
    let facts = if args.dry_run {
        loaded.observe(&fleet, Depth::Plan, console).await?
    } else {
        run::lock_and_observe(&loaded, &fleet, "apply", &args.lock, Depth::Plan, console).await?
    };
    let releases = loaded.pinned(releases, &given, &facts)?;
    let options = Options {
        overwrite_drift: then.overwrite_drift,
        seed: then.seed,
        // Names were looked at when the plan was made.
        ignore_dns: true,
    };
    let both = Both::make(&loaded, &facts, &releases, &own, options)?;
    let now = of(&loaded, &global, &facts, &releases, &both, &hooks, options);
    if let Some(moved) = then.moved_to(&now) {
        run::close(&fleet).await;
        let why = "the saved plan does not hold any more; nothing was changed";
        let (value, failure) = refuse(why, &moved, console);
        if console.json {
            // When stdout is gone, the exit code still tells.
            let _ = console.say(&value.to_string());
        }
        return Err(failure);
    }
    if args.dry_run || both.is_empty() {
        run::close(&fleet).await;
        return holds(&both, args.dry_run, console);
    }
    let saved = Saved {
        then: &then,
        loaded: &loaded,
        fleet: &fleet,
        releases: &releases,
        hooks: &hooks,
        options,
        started,
        console,
    };
    let (told, result) = run::uninterrupted(async {
        let ended = saved.carry_out(&both, &facts, cancelled).await;
        run::close(&fleet).await;
        ended
    })
    .await;
    if console.json {
        let mut value = json!({"schema": 1, "command": "apply"});
        for (name, part) in told {
            value[name] = part;
        }
        console.say(&value.to_string())?;
    }
    result
}

struct Saved<'a> {
    then: &'a SavedPlan,
    loaded: &'a Loaded,
    fleet: &'a Fleet,
    releases: &'a [Release],
    hooks: &'a Hooks,
    options: Options,
    started: Instant,
    console: &'a Console,
}

type Told = Vec<(&'static str, Value)>;

impl Saved<'_> {
    /// `provision`, then `deploy` when it is still the one that was saved.
    async fn carry_out(
        &self,
        both: &Both,
        facts: &Facts,
        cancelled: watch::Receiver<bool>,
    ) -> (Told, Result<(), Failure>) {
        let mut told = Vec::new();
        let deploy = async {
            if both.provision.is_empty() {
                return self
                    .part(What::Deploy, &both.deploy, facts, cancelled, &mut told)
                    .await;
            }
            self.part(
                What::Provision,
                &both.provision,
                facts,
                cancelled.clone(),
                &mut told,
            )
            .await?;
            if both.deploy.is_empty() {
                return Ok(());
            }
            // What was saved was made for hosts as provision was to leave them.
            let observed = self.loaded.observe(self.fleet, Depth::Plan, self.console);
            let facts = observed.await?;
            let deploy = run::make(
                What::Deploy,
                self.loaded,
                &facts,
                self.releases,
                &OwnCertificates::default(),
                self.options,
            )?;
            if let Some(moved) = self.then.deploy_moved_to(&SavedPart::of(&deploy)) {
                let why = "provision is done, but deploy would now do something else than was saved; \
                           nothing was deployed";
                let (value, failure) = refuse(why, &moved, self.console);
                told.push(("deploy", value));
                return Err(failure);
            }
            self.part(What::Deploy, &deploy, &facts, cancelled, &mut told)
                .await
        };
        let result = deploy.await;
        (told, result)
    }

    async fn part(
        &self,
        what: What,
        plan: &crate::plan::Plan,
        facts: &Facts,
        cancelled: watch::Receiver<bool>,
        told: &mut Told,
    ) -> Result<(), Failure> {
        let agreed = Agreed {
            what,
            loaded: self.loaded,
            fleet: self.fleet,
            facts,
            plan,
            hooks: self.hooks,
            identity: Identity::of(&self.loaded.base),
            started: self.started,
            console: self.console,
        };
        let Ended { told: part, result } = agreed.carry_out(cancelled).await;
        told.push((what.name(), part));
        result
    }
}

/// Nothing to do, or nothing that was to be done.
fn holds(both: &Both, dry_run: bool, console: &Console) -> Result<(), Failure> {
    let parts = [("provision", &both.provision), ("deploy", &both.deploy)];
    if console.json {
        let mut value = json!({"schema": 1, "command": "apply", "holds": true});
        for (name, plan) in parts {
            value[name] = ui::plan_json(plan);
        }
        return console.say(&value.to_string());
    }
    let summaries = parts.map(|(name, plan)| format!("{name}: {}", ui::summary(plan)));
    let prefix = if dry_run { "the plan holds; " } else { "" };
    console.say(&format!("{prefix}{}", summaries.join(", ")))
}

fn refuse(why: &str, moved: &Moved, console: &Console) -> (Value, Failure) {
    let mut failure = Failure::new(Kind::Refused, why);
    let value = json!({
        "schema": 1,
        "command": "apply",
        "holds": false,
        "error": why,
        "reasons": moved.reasons,
        "diff": moved.diff,
    });
    if !console.json {
        let lines = moved.diff.lines().map(|line| {
            let line = printable(line);
            match line.as_bytes().first() {
                Some(b'+') => console.paint.good(&line),
                Some(b'-') => console.paint.bad(&line),
                Some(b'@') => console.paint.faint(&line),
                _ => line,
            }
        });
        let head = "--- the saved plan\n+++ what would be done now\n".to_owned();
        failure.picture = Some(lines.fold(head, |text, line| text + &line + "\n"));
    }
    let more = moved.reasons.len().saturating_sub(REASONS);
    failure
        .chain
        .extend(moved.reasons.iter().take(REASONS).cloned());
    if more > 0 {
        failure.chain.push(format!("and {more} more"));
    }
    let failure = failure.hint("look at it, and save a new plan: `stackctl plan --out FILE`");
    (value, failure)
}
