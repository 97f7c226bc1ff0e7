//! `rehearse`: what a deploy does to visitors, seen on disposable hosts before production sees it.

mod report;
mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use report::Report;

use super::args::{ApplyArgs, Global, LockArgs, RehearseArgs};
use super::revision::{self, Revision};
use super::session;
use super::timeline::Timeline;
use super::{Console, Failure, Kind, lab, load, run};
use crate::lab::{LabHost, LabName, UpOptions};
use crate::load::Load;
use crate::model::{Host, HostName, PrivateAddress, SshTarget};
use crate::plan;
use crate::render::{self, Rehearsal, Setup};
use crate::ui;

/// As many hosts as a lab has.
const MOST_HOSTS: usize = 9;

pub async fn rehearse(
    args: &RehearseArgs,
    global: &Global,
    console: &Console,
    cancelled: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let config = config_file(global)?;
    let revision = revision::check_out(&config, args.from.as_deref())?;
    let name = match &args.name {
        Some(name) => lab::name(Some(name))?,
        None => format!("rehearse-{}", lab::name(None)?.as_str())
            .parse()
            .map_err(|error| lab::failure(&error))?,
    };
    let question = "boot disposable hosts on this machine's Docker engine, and install an engine if there is none?";
    super::confirm::confirm(question, global.yes, console)?;
    // Hosts of a rehearsal that was cut short are not fresh.
    match crate::lab::down(&name).await {
        // It is installed with the first host.
        Ok(()) | Err(crate::lab::LabError::NoEngine { .. }) => {}
        Err(error) => return Err(lab::failure(&error)),
    }

    let rehearsal = Rehearsing {
        args,
        global,
        console,
        name: &name,
        config: &config,
        revision: &revision,
        setup: Vec::new(),
        notes: Vec::new(),
    };
    let mut interrupted = cancelled.clone();
    let ended = tokio::select! {
        ended = rehearsal.run(cancelled) => ended,
        () = run::interrupted_outside_apply(&mut interrupted) => {
            Err(Failure::new(Kind::Interrupted, "stopped"))
        }
    };
    if args.keep {
        console.tell(&format!(
            "the hosts are kept: stackctl lab ssh --name {0}, stackctl lab down --name {0}",
            name.as_str()
        ));
    } else {
        let gone = crate::lab::down(&name).await;
        gone.map_err(|error| lab::failure(&error))?;
    }
    let seen = ended?;
    finish(&seen, args, console)
}

/// Writes and says the report; its exit code.
fn finish(seen: &Seen, args: &RehearseArgs, console: &Console) -> Result<(), Failure> {
    let report = &seen.report;
    let page =
        render::rehearsal(&seen.templates, report).map_err(|error| Failure::of_render(&error))?;
    std::fs::write(&args.out, page).map_err(|error| {
        Failure::new(
            Kind::Usage,
            format!("cannot write {}: {error}", args.out.display()),
        )
    })?;
    if console.json {
        let mut value = ui::rehearsal_json(report);
        value["page"] = serde_json::json!(args.out);
        console.say(&value.to_string())?;
    } else {
        console.say(&ui::rehearsal_text(report, console.paint_out))?;
        console.tell(&format!("the picture is in {}", args.out.display()));
    }
    if report.lost > 0 {
        return Err(Failure::silent(Kind::Unhealthy));
    }
    match &report.failure {
        None => Ok(()),
        Some(why) => Err(Failure::new(
            Kind::Step,
            format!("the rehearsal failed: {why}"),
        )),
    }
}

/// What a rehearsal has come to.
struct Seen {
    report: Rehearsal,
    templates: render::Templates,
}

struct Rehearsing<'a> {
    args: &'a RehearseArgs,
    global: &'a Global,
    console: &'a Console,
    name: &'a LabName,
    config: &'a Path,
    revision: &'a Result<Revision, String>,
    setup: Vec<Setup>,
    notes: Vec<String>,
}

/// The moments between the phases.
#[derive(Default)]
struct Moments {
    /// Only when the hosts themselves had to change.
    provision: Option<(Instant, Instant)>,
    deploy: Option<(Instant, Instant)>,
    rollback: Option<(Instant, Instant)>,
}

impl Rehearsing<'_> {
    async fn run(mut self, cancelled: watch::Receiver<bool>) -> Result<Seen, Failure> {
        let (from, to) = self.words();
        // Both are read before anything is booted: what is wrong with them costs no minutes.
        let mut new = self.global_for(self.config, BTreeMap::new());
        let mut old = match self.revision {
            Ok(revision) => self.global_for(&revision.config, BTreeMap::new()),
            Err(why) => {
                self.notes.push(format!(
                    "{why}: what is deployed first is this folder as it is, so the deploy ships nothing new"
                ));
                self.global_for(self.config, BTreeMap::new())
            }
        };
        let loaded = session::load(&new, self.console)?;
        let before = session::load(&old, self.console)?;
        before.bring_secrets(&loaded.base)?;
        if before.stack.name != loaded.stack.name {
            return Err(Failure::new(
                Kind::Usage,
                format!(
                    "{from} is another stack: `{}`, not `{}`",
                    before.stack.name, loaded.stack.name
                ),
            ));
        }
        let names: BTreeSet<HostName> = before.hosts.union(&loaded.hosts).cloned().collect();
        if names.len() > MOST_HOSTS {
            return Err(Failure::new(
                Kind::Refused,
                format!(
                    "the stack has {} hosts, and a rehearsal boots at most {MOST_HOSTS}",
                    names.len()
                ),
            )
            .hint("choose some of them with --host"));
        }

        if !loaded.stack.hooks.is_empty() {
            self.notes.push("hooks were left out".to_owned());
        }

        let quiet = self.quiet();
        let started = Instant::now();
        self.title(&format!("lab: {} fresh hosts", names.len()));
        let options = UpOptions {
            name: self.name.clone(),
            hosts: u8::try_from(names.len()).unwrap_or(u8::MAX),
            base: self
                .args
                .base
                .parse()
                .map_err(|error| lab::failure(&error))?,
            // What is rehearsed comes after; production has its packages, too.
            ready: true,
            may_install: true,
        };
        let booted = lab::up(options, self.console).await?;
        self.setup("lab", started);
        let mut stand_ins: BTreeMap<HostName, Host> = BTreeMap::new();
        for (name, host) in names.iter().zip(&booted.hosts) {
            let ip = crate::lab::network_address(host).await;
            let ip = ip.map_err(|error| lab::failure(&error))?;
            stand_ins.insert(name.clone(), stand_in(name, host, ip));
        }
        let lab_hosts: BTreeMap<HostName, LabHost> =
            names.iter().cloned().zip(booted.hosts).collect();
        old.stand_ins.clone_from(&stand_ins);
        new.stand_ins = stand_ins;

        let started = Instant::now();
        self.title(&format!("provision: {from}"));
        apply(run::What::Provision, &old, &quiet, cancelled.clone()).await?;
        self.setup("provision", started);
        let started = Instant::now();
        self.title(&format!("deploy: {from}"));
        apply(run::What::Deploy, &old, &quiet, cancelled.clone()).await?;
        self.setup("first deploy", started);

        let asked = self.workload(&before.stack, &lab_hosts).await?;
        self.title(&format!("load: {} requests/s", self.args.rate));
        let load = Load::start(asked.workload.clone()).map_err(|error| load::failure(&error))?;
        let timeline = Timeline::default();
        let watched = Console {
            timeline: Some(timeline.clone()),
            ..quiet
        };
        tokio::time::sleep(self.args.calm).await;

        let mut moments = Moments::default();
        let run = |what, global| timed(apply(what, global, &watched, cancelled.clone()));
        // What a person would run as well, when the yaml changed; else it does nothing.
        self.title(&format!("provision: {to}"));
        let (mut result, span) = run(run::What::Provision, &new).await;
        let mut steps = timeline.take();
        if result.is_err() || !steps.is_empty() {
            moments.provision = Some(span);
        }
        let mut ships = false;
        if result.is_ok() {
            self.title(&format!("deploy: {to}"));
            let (deployed, span) = run(run::What::Deploy, &new).await;
            result = deployed;
            moments.deploy = Some(span);
            let deploy = timeline.take();
            ships = deploy.iter().any(|step| step.track == "switch");
            steps.extend(deploy);
        }
        tokio::time::sleep(self.args.calm).await;
        if result.is_ok() && ships {
            self.title("rollback");
            let (back, span) = run(run::What::Rollback, &new).await;
            result = back;
            moments.rollback = Some(span);
            steps.extend(timeline.take());
            tokio::time::sleep(self.args.calm).await;
        } else if result.is_ok() {
            self.notes.push(format!(
                "no release of {to} differs from those of {from}: there was no switch to rehearse"
            ));
        }
        let end = Instant::now();
        // It waits for what is under way.
        let recording = tokio::task::spawn_blocking(move || load.finish())
            .await
            .map_err(|error| Failure::of(Kind::Ours, &error))?;

        let failure = match result {
            Ok(()) => None,
            Err(failure) if failure.kind == Kind::Interrupted => {
                return Err(Failure::new(Kind::Interrupted, "stopped"));
            }
            Err(failure) => {
                self.console.tell(&failure.text(self.console.paint));
                Some(failure.chain.join(": "))
            }
        };
        let report = Report {
            recording: &recording,
            moments: &moments,
            end: recording.offset(end),
            steps: &steps,
        };
        let report = report.make(&self, &loaded, (from, to), asked.words, failure);
        Ok(Seen {
            report,
            templates: loaded.templates,
        })
    }

    /// What serves first and what is deployed, for people.
    fn words(&self) -> (String, String) {
        match self.revision {
            Err(_) => ("this folder".to_owned(), "this folder".to_owned()),
            Ok(revision) => {
                let to = match revision.changed {
                    0 => "this folder".to_owned(),
                    1 => "this folder (1 file changed)".to_owned(),
                    changed => format!("this folder ({changed} files changed)"),
                };
                (revision.words.clone(), to)
            }
        }
    }

    fn title(&self, text: &str) {
        self.console.tell(&self.console.paint.strong(text));
    }

    fn setup(&mut self, name: &str, started: Instant) {
        self.setup.push(Setup {
            name: name.to_owned(),
            seconds: started.elapsed().as_secs_f64(),
        });
    }

    /// As the person would run it, with lab hosts instead of the stack's.
    fn global_for(&self, config: &Path, stand_ins: BTreeMap<HostName, Host>) -> Global {
        Global {
            config: Some(config.to_owned()),
            environment: self.global.environment.clone(),
            host: self.global.host.clone(),
            service: Vec::new(),
            stand_ins,
            yes: true,
            json: false,
            ..*self.global
        }
    }

    /// Results of the single runs are progress of the rehearsal.
    fn quiet(&self) -> Console {
        let mut quiet = self.console.clone();
        quiet.json = false;
        quiet.results_to_stderr = true;
        quiet
    }
}

/// When it began and ended.
async fn timed<T>(work: impl Future<Output = T>) -> (T, (Instant, Instant)) {
    let began = Instant::now();
    let result = work.await;
    (result, (began, Instant::now()))
}

async fn apply(
    what: run::What,
    global: &Global,
    console: &Console,
    cancelled: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let apply = ApplyArgs {
        dry_run: false,
        overwrite_drift: false,
        seed: false,
        ignore_dns: false,
        // They tell people and other systems of what happened, and this did not.
        no_hooks: true,
        lock: LockArgs {
            // Nobody else is there, but the host itself may be stopping an old release.
            lock_wait: Duration::from_secs(120),
            reason: None,
        },
    };
    run::run(
        what,
        &apply,
        &plan::Target::default(),
        global,
        console,
        cancelled,
    )
    .await
}

/// The stack's yaml, absolute.
fn config_file(global: &Global) -> Result<PathBuf, Failure> {
    if global.config.as_deref() == Some(Path::new("-")) {
        return Err(Failure::new(
            Kind::Usage,
            "a rehearsal needs the stack's yaml as a file, since git has its earlier version",
        ));
    }
    if !global.service.is_empty() {
        return Err(Failure::new(
            Kind::Usage,
            "a rehearsal is of whole hosts: --service is for deploy and status",
        ));
    }
    let path = session::config_path(global)?;
    path.canonicalize().map_err(|error| {
        Failure::new(
            Kind::Config,
            format!("cannot read {}: {error}", path.display()),
        )
    })
}

/// A lab host under the name of one of the stack's.
fn stand_in(name: &HostName, host: &LabHost, ip: Option<IpAddr>) -> Host {
    Host {
        name: name.clone(),
        ssh: SshTarget {
            address: host.address.clone(),
            port: Some(host.ssh_port),
            user: Some(host.user.clone()),
            identity: Some(host.identity.clone()),
            known_hosts: Some(host.known_hosts.clone()),
            jump: None,
            host_key: None,
        },
        public: lab::public(host, 80),
        private: ip.map(|ip| PrivateAddress {
            ip,
            port: PrivateAddress::PORT,
        }),
    }
}
