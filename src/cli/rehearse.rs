//! `rehearse`: what a deploy does to visitors, seen on disposable hosts before production sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::args::{ApplyArgs, Global, LockArgs, RehearseArgs};
use super::revision::{self, Revision};
use super::session::{self, Loaded};
use super::timeline::{Timed, Timeline};
use super::{Console, Failure, Kind, lab, load, run};
use crate::lab::{LabHost, LabName, UpOptions};
use crate::load::{Load, Outcome, Recording, Request, Target, Visitors, Workload};
use crate::model::{Host, HostName, ServiceKind, Site, SshTarget, Stack};
use crate::plan;
use crate::render::{self, Bucket, Figures, Phase, Rehearsal, Setup, Step, Switch};
use crate::ui;

/// As many hosts as a lab has.
const MOST_HOSTS: usize = 9;
/// Losses that the report shows one by one.
const SHOWN: usize = 30;
/// Requests to `/` for each to a health path, which often asks the database and so is dearer than a page.
const PAGES: f64 = 4.0;
/// Milliseconds. A 99th percentile over it, before anything was deployed, is the load's fault or the machine's.
const SLOW: f64 = 1000.0;
/// Visitors with a connection of their own for each request; the others keep theirs.
const CLOSING: f64 = 0.2;

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
    crate::lab::down(&name)
        .await
        .map_err(|error| lab::failure(&error))?;

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
            Kind::Ours,
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
            may_install: true,
        };
        let booted = lab::up(options, self.console).await?;
        self.setup("lab", started);
        let stand_ins: BTreeMap<HostName, Host> = names
            .iter()
            .zip(&booted.hosts)
            .map(|(name, host)| (name.clone(), stand_in(name, host)))
            .collect();
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
fn stand_in(name: &HostName, host: &LabHost) -> Host {
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
    }
}

/// What is asked, and how it is told.
struct Asked {
    workload: Workload,
    words: Vec<String>,
}

impl Rehearsing<'_> {
    /// Visitors for each site on each host. What does not answer well before anything is deployed says nothing about the
    /// deploy, and is left out.
    async fn workload(
        &mut self,
        stack: &Stack,
        hosts: &BTreeMap<HostName, LabHost>,
    ) -> Result<Asked, Failure> {
        let posts: Vec<Request> = self
            .args
            .post
            .iter()
            .map(|text| load::parse_post(text))
            .collect::<Result<_, _>>()?;
        let mut groups: Vec<(Target, Vec<(Request, f64)>)> = Vec::new();
        let mut words: BTreeSet<String> = BTreeSet::new();
        let mut unpublished: BTreeSet<u16> = BTreeSet::new();
        for site in stack.sites.values() {
            let mut paths = if self.args.path.is_empty() {
                usual_paths(stack, site)
            } else {
                self.args.path.clone()
            };
            paths.retain(|path| is_routed(site, path));
            for name in &site.hosts {
                let Some(host) = hosts.get(name) else {
                    continue;
                };
                if !host.ports.contains_key(&site.listen) {
                    unpublished.insert(site.listen);
                    continue;
                }
                let target = Target {
                    address: lab::public(host, site.listen),
                    host: site_name(site, host),
                };
                let mut requests = Vec::new();
                let pages = match self.args.path.is_empty() {
                    true => PAGES * paths.len().saturating_sub(1).max(1) as f64,
                    false => 1.0,
                };
                for path in &paths {
                    let weight = if path == "/" { pages } else { 1.0 };
                    match answers(&target, path).await {
                        Ok(()) => requests.push((Request::get(path), weight)),
                        Err(why) => self.notes.push(format!(
                            "GET {path} of site {} is left out: it {why} before the deploy",
                            site.name
                        )),
                    }
                }
                let posted = posts.iter().filter(|post| is_routed(site, &post.path));
                requests.extend(posted.map(|post| (post.clone(), 1.0)));
                for (request, _) in &requests {
                    let method = if request.body.is_some() {
                        "POST"
                    } else {
                        "GET"
                    };
                    words.insert(format!("{method} {}", request.path));
                }
                if !requests.is_empty() {
                    groups.push((target, requests));
                }
            }
        }
        for port in unpublished {
            self.notes.push(format!(
                "sites on port {port} are not asked: lab hosts publish {}",
                crate::lab::PUBLISHED
                    .map(|port| port.to_string())
                    .join(", ")
            ));
        }
        if groups.is_empty() {
            let mut failure = Failure::new(Kind::Refused, "there is nothing to put load on")
                .hint("name paths that answer 200 with --path, or a --post PATH=JSON");
            for note in &self.notes {
                failure = failure.hint(note);
            }
            return Err(failure);
        }
        let share = self.args.rate / groups.len() as f64;
        let mut visitors = Vec::new();
        for (target, requests) in groups {
            let all: f64 = requests.iter().map(|(_, weight)| weight).sum();
            for (request, weight) in requests {
                // Each path has visitors of its own: those of a slow one must not keep others waiting.
                for (part, keep_alive) in [(1.0 - CLOSING, true), (CLOSING, false)] {
                    let rate = (share * weight / all * part).max(0.1);
                    visitors.push(Visitors {
                        target: target.clone(),
                        rate,
                        // As many as are under way when an answer takes two seconds.
                        connections: ((rate * 2.0).ceil() as usize).clamp(2, 200),
                        keep_alive,
                        requests: vec![request.clone()],
                    });
                }
            }
        }
        let workload = Workload {
            visitors,
            id_prefix: "rehearsal".to_owned(),
            ..Workload::default()
        };
        Ok(Asked {
            workload,
            words: words.into_iter().collect(),
        })
    }
}

/// `/`, and the health path of each app whose route leads there.
fn usual_paths(stack: &Stack, site: &Site) -> Vec<String> {
    let mut paths = vec!["/".to_owned()];
    for route in &site.routes {
        let Some(service) = stack.services.get(&route.service) else {
            continue;
        };
        if let ServiceKind::App(app) = &service.kind
            && leads_to(site, &app.health.path) == Some(&route.service)
            && !paths.contains(&app.health.path)
        {
            paths.push(app.health.path.clone());
        }
    }
    paths
}

/// The service that answers a path: the longest prefix wins.
fn leads_to<'a>(site: &'a Site, path: &str) -> Option<&'a crate::model::ServiceName> {
    let routes = site.routes.iter();
    routes
        .filter(|route| path.starts_with(route.prefix.as_str()))
        .max_by_key(|route| route.prefix.as_str().len())
        .map(|route| &route.service)
}

fn is_routed(site: &Site, path: &str) -> bool {
    leads_to(site, path).is_some()
}

/// A name that the site answers to.
fn site_name(site: &Site, host: &LabHost) -> String {
    match site.server_names.first() {
        // Any name below it will do.
        Some(name) => name.as_str().replacen("*.", "rehearsal.", 1),
        None => lab::public(host, site.listen),
    }
}

/// Whether a path answers well now.
async fn answers(target: &Target, path: &str) -> Result<(), String> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10))
        .build()
        .map_err(|error| format!("cannot be asked: {error}"))?;
    let url = format!("http://{}{path}", target.address);
    let asked = client.get(url).header("host", &target.host).send().await;
    match asked {
        Ok(answer) if answer.status().is_success() || answer.status().is_redirection() => Ok(()),
        Ok(answer) => Err(format!("answers {}", answer.status().as_u16())),
        Err(_) => Err("does not answer".to_owned()),
    }
}

/// From what was recorded to what is reported.
struct Report<'a> {
    recording: &'a Recording,
    moments: &'a Moments,
    /// Microseconds since the load began.
    end: u64,
    steps: &'a [Timed],
}

impl Report<'_> {
    fn make(
        &self,
        rehearsing: &Rehearsing,
        loaded: &Loaded,
        (from, to): (String, String),
        asked: Vec<String>,
        failure: Option<String>,
    ) -> Rehearsal {
        let recording = self.recording;
        let end = self.end as f64;
        let phases = self.phases();
        let mut notes = rehearsing.notes.clone();
        if let Some(before) = phases.first()
            && (before.figures.lost > 0 || before.figures.p99 > SLOW)
        {
            notes.push(format!(
                "this machine was busy, or {} requests/s are too many for it: before the deploy {} were lost and 1 in 100 took longer than {}; the figures are then of little worth",
                rehearsing.args.rate,
                before.figures.lost,
                render::milliseconds(before.figures.p99),
            ));
        }
        let stale = recording
            .records
            .iter()
            .filter(|record| record.outcome == Outcome::Stale)
            .count();
        if stale > 0 {
            notes.push(format!(
                "{stale} of those lost were on kept connections that the server had closed without announcing it, as nginx does when it is reloaded; browsers repeat a GET then, other clients do not"
            ));
        }
        let wide = (end / 1e6 / 240.0).max(0.5);
        Rehearsal {
            stack: loaded.stack.name.to_string(),
            from,
            to,
            date: date(),
            hosts: loaded.hosts.iter().map(ToString::to_string).collect(),
            rate: rehearsing.args.rate,
            asked,
            lost: recording.lost(),
            requests: recording.records.len() as u64,
            seconds: end / 1e6,
            setup: rehearsing.setup.clone(),
            switches: self.switches(),
            phases,
            steps: self
                .steps
                .iter()
                .map(|step| Step {
                    track: step.track.to_owned(),
                    host: step.host.clone(),
                    words: step.words.clone(),
                    from: self.at(step.began) / 1e6,
                    to: self.at(step.ended) / 1e6,
                    good: step.good,
                })
                .collect(),
            bucket_seconds: wide,
            buckets: recording
                .buckets((wide * 1e6) as u64)
                .into_iter()
                // Half a bucket would look as if half of it were missing.
                .filter(|bucket| (bucket.at + wide) * 1e6 <= end || bucket.lost > 0)
                .map(|bucket| Bucket {
                    at: bucket.at,
                    answered: bucket.answered,
                    lost: bucket.lost,
                    p50: bucket.p50,
                    p99: bucket.p99,
                    slowest: bucket.slowest,
                })
                .collect(),
            losses: recording.losses().into_iter().take(SHOWN).collect(),
            notes,
            failure,
        }
    }

    /// Microseconds since the load began.
    fn at(&self, moment: Instant) -> f64 {
        self.recording.offset(moment) as f64
    }

    fn phases(&self) -> Vec<Phase> {
        let moments = self.moments;
        let mut stretches: Vec<(&str, u64, u64)> = Vec::new();
        let mut until = 0;
        for (name, calm, span) in [
            ("provision", "before", moments.provision),
            ("deploy", "before", moments.deploy),
            ("rollback", "between", moments.rollback),
        ] {
            let Some((began, ended)) = span else { continue };
            let (began, ended) = (self.recording.offset(began), self.recording.offset(ended));
            // Between provision and deploy is no time worth a name.
            if stretches
                .last()
                .is_some_and(|(last, _, _)| *last == "provision")
            {
                stretches.push((name, until, ended));
            } else {
                stretches.extend([(calm, until, began), (name, began, ended)]);
            }
            until = ended;
        }
        // What was due until the load was stopped belongs to the last.
        stretches.push(("after", until, u64::MAX));
        stretches
            .into_iter()
            .map(|(name, from, to)| {
                let seen = self
                    .recording
                    .summary(from, to.min(self.recording.ended_at + 1));
                Phase {
                    name: name.to_owned(),
                    from: from as f64 / 1e6,
                    to: to.min(self.end) as f64 / 1e6,
                    figures: Figures {
                        requests: seen.requests,
                        lost: seen.lost,
                        p50: seen.p50,
                        p90: seen.p90,
                        p99: seen.p99,
                        slowest: seen.slowest,
                        longest_gap: seen.longest_gap,
                    },
                }
            })
            .collect()
    }

    fn switches(&self) -> Vec<Switch> {
        let switches = self.steps.iter().filter(|step| step.track == "switch");
        switches
            .map(|step| {
                let at = self.recording.offset(step.ended);
                let around = self
                    .recording
                    .summary(at.saturating_sub(500_000), at + 500_000);
                Switch {
                    at: at as f64 / 1e6,
                    words: format!("{}: {}", step.host, step.words),
                    longest_gap: around.longest_gap,
                }
            })
            .collect()
    }
}

/// Now, in UTC, to the minute: `2026-03-14 09:26 UTC`.
fn date() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let minutes = now.unwrap_or_default().as_secs() / 60;
    let (year, month, day) = civil(minutes / 1440);
    format!(
        "{year}-{month:02}-{day:02} {:02}:{:02} UTC",
        minutes / 60 % 24,
        minutes % 60
    )
}

/// Year, month and day of a number of days since 1970-01-01
/// (https://howardhinnant.github.io/date_algorithms.html#civil_from_days).
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn days_have_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_778), (2026, 11, 21));
    }
}
