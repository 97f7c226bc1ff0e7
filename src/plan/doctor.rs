//! Judges this machine and the hosts: what is well, what is not, and what repairs it. Facts in, checks out.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::host::{Finding, PlanError};
use super::step::Plan;
use crate::facts::{ConfigFacts, HostFacts, HostHealth, MachineFacts};
use crate::model::{Host, Layout, ServiceKind, Stack};

/// Programs that every host must have: ours to run scripts there, or what they call.
pub const PROGRAMS: &[&str] = &[
    "base64",
    "find",
    "flock",
    "mktemp",
    "perl",
    "sha256sum",
    "ss",
    "stat",
    "systemctl",
    "tar",
    "timeout",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Ok,
    /// It works, but it is worth a look.
    Warn,
    /// A run would fail, or does not hold what it promises.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// `this machine`, or a host's name.
    pub place: String,
    pub name: &'static str,
    pub level: Level,
    pub text: String,
    /// What mends it, in one line.
    pub repair: Option<String>,
}

/// What `stackctl doctor` shows; as JSON its documented output (`schema` 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// Version of this format.
    pub schema: u32,
    /// No check failed.
    pub healthy: bool,
    pub checks: Vec<Check>,
}

impl Diagnosis {
    pub fn of(checks: Vec<Check>) -> Self {
        Self {
            schema: 1,
            healthy: checks.iter().all(|check| check.level != Level::Fail),
            checks,
        }
    }
}

/// The checks of one place as they come together.
struct Checks {
    place: String,
    list: Vec<Check>,
}

impl Checks {
    fn of(place: &str) -> Self {
        Self {
            place: place.to_owned(),
            list: Vec::new(),
        }
    }

    fn add(
        &mut self,
        level: Level,
        name: &'static str,
        text: impl Into<String>,
        repair: Option<String>,
    ) {
        self.list.push(Check {
            place: self.place.clone(),
            name,
            level,
            text: text.into(),
            repair,
        });
    }

    fn good(&mut self, name: &'static str, text: impl Into<String>) {
        self.add(Level::Ok, name, text, None);
    }

    fn warn(&mut self, name: &'static str, text: impl Into<String>, repair: impl Into<String>) {
        self.add(Level::Warn, name, text, Some(repair.into()));
    }

    fn bad(&mut self, name: &'static str, text: impl Into<String>, repair: impl Into<String>) {
        self.add(Level::Fail, name, text, Some(repair.into()));
    }
}

const HERE: &str = "this machine";

/// Judges the machine that we run on.
pub fn judge_machine(facts: &MachineFacts) -> Vec<Check> {
    let mut checks = Checks::of(HERE);
    checks.good("version", format!("stackctl {}", facts.version));
    match &facts.config {
        ConfigFacts::None => checks.warn(
            "config",
            "there is no stackctl.yaml here or in a folder above: no host is looked at",
            "stackctl init",
        ),
        ConfigFacts::Good {
            stack,
            hosts,
            services,
        } => checks.good(
            "config",
            format!("stack {stack}; hosts: {hosts}, services: {services}"),
        ),
        ConfigFacts::Bad(why) => {
            checks.bad(
                "config",
                why.clone(),
                "stackctl plan   # shows each error with its place",
            );
        }
    }
    for (name, error) in &facts.overlays {
        match error {
            None => checks.good(
                "overlay",
                format!("stackctl.{name}.yaml can be laid over it"),
            ),
            Some(why) => checks.bad(
                "overlay",
                format!("stackctl.{name}.yaml: {why}"),
                format!("stackctl plan --environment {name}   # shows each error with its place"),
            ),
        }
    }
    keys(&mut checks, facts);
    match (&facts.git, facts.in_repository) {
        (Some(git), true) => checks.good("git", git.clone()),
        (Some(_), false) => checks.warn(
            "git",
            "the folder is in no git repository: histories cannot say which commit was deployed",
            "git init",
        ),
        (None, _) => checks.warn(
            "git",
            "there is no git: histories cannot say which commit was deployed",
            "apt-get install git   # or your system's way",
        ),
    }
    if !facts.exposed.is_empty() {
        checks.warn(
            "secrets",
            format!("these look like secrets, and git has or would take them: {}", facts.exposed.join(", ")),
            format!(
                "printf '%s\\n' {} >> .gitignore   # and git rm --cached what is committed; then change those secrets",
                facts.exposed.join(" ")
            ),
        );
    } else if facts.in_repository {
        checks.good("secrets", "git has no file that looks like a secret");
    }
    match &facts.state_folder {
        None => checks.good("logs", "the folder for logs can be written to"),
        Some(why) => checks.warn(
            "logs",
            why.clone(),
            "set XDG_STATE_HOME to a folder of yours",
        ),
    }
    let terminal = match facts.has_terminal {
        true => "there is one: commands ask before they change something",
        false => "there is none: commands need --yes",
    };
    checks.good("terminal", terminal);
    let engine = match facts.engine {
        true => "a Docker engine answers: labs and `stackctl demo` can run here",
        false => "no Docker engine answers here; only labs and `stackctl demo` need one",
    };
    checks.good("lab", engine);
    checks.list
}

fn keys(checks: &mut Checks, facts: &MachineFacts) {
    for (key, mode) in facts.keys.iter().filter(|(_, mode)| *mode & 0o077 != 0) {
        checks.warn(
            "ssh",
            format!(
                "others may read the private key {key} ({:04o})",
                mode & 0o7777
            ),
            format!("chmod 600 {key}"),
        );
    }
    match facts.agent {
        Some(true) => checks.good("ssh", "an agent answers"),
        Some(false) => checks.warn(
            "ssh",
            "SSH_AUTH_SOCK names an agent that does not answer",
            "eval \"$(ssh-agent)\" && ssh-add   # or unset SSH_AUTH_SOCK",
        ),
        None => {}
    }
    if !facts.keys.is_empty() {
        let names: Vec<&str> = facts.keys.keys().map(String::as_str).collect();
        checks.good("ssh", format!("keys: {}", names.join(", ")));
    } else if facts.agent != Some(true) && !facts.reached {
        checks.bad(
            "ssh",
            "there is no key to log in with: no agent, no file",
            "ssh-keygen -t ed25519   # then ssh-copy-id USER@HOST",
        );
    }
}

/// A host that could not be reached, with what its connection's error says and advises.
pub fn unreachable(host: &str, why: &str, hints: &[String]) -> Check {
    Check {
        place: host.to_owned(),
        name: "reachable",
        level: Level::Fail,
        text: why.to_owned(),
        repair: (!hints.is_empty()).then(|| hints.join("; or ")),
    }
}

/// What is known of a host that answers.
#[derive(Debug)]
pub struct HostView<'a> {
    pub stack: &'a Stack,
    pub host: &'a Host,
    pub health: &'a HostHealth,
    /// What plans are made from, or why the host could not say it.
    pub facts: Result<&'a HostFacts, String>,
    /// What `provision` would do there.
    pub provision: Option<&'a Result<Plan, PlanError>>,
    /// Milliseconds of a round trip.
    pub round_trip: u64,
    /// This machine's clock when the host told its own, seconds since the epoch.
    pub clock: u64,
    /// Site name → its addresses as this machine finds them, or why it finds none.
    pub names: &'a BTreeMap<String, Result<BTreeSet<String>, String>>,
    /// Addresses by which the host is reached.
    pub reached_at: &'a BTreeSet<String>,
}

/// A clock that is off by more than this spoils certificates, tokens and histories.
const SKEW_WARN: u64 = 5;
const SKEW_FAIL: u64 = 300;
const SLOW: u64 = 300;
/// KiB.
const DISK_FAIL: u64 = 256 * 1024;
const DISK_WARN: u64 = 1024 * 1024;
const MEMORY_FAIL: u64 = 64 * 1024;
const MEMORY_WARN: u64 = 200 * 1024;
const SMALL: u64 = 1024 * 1024;
/// Percent of all inodes that must be free.
const INODES: u64 = 5;

/// Judges one host.
pub fn judge_host(view: &HostView<'_>) -> Vec<Check> {
    let mut checks = Checks::of(view.host.name.as_str());
    let trip = format!("root by SSH, {} ms for a round trip", view.round_trip);
    if view.round_trip > SLOW {
        checks.warn(
            "reachable",
            trip,
            "look at the way there: mtr, or a nearer machine to deploy from",
        );
    } else {
        checks.good("reachable", trip);
    }
    programs(&mut checks, view);
    clock(&mut checks, view);
    match &view.facts {
        Ok(facts) => resources(&mut checks, view, facts),
        Err(why) => checks.bad(
            "facts",
            why.clone(),
            on(view, "systemctl status docker; journalctl -u docker -n 50"),
        ),
    }
    units(&mut checks, view);
    left_behind(&mut checks, view);
    upkeep(&mut checks, view);
    names(&mut checks, view);
    if let Some(plan) = view.provision {
        provisioned(&mut checks, view, plan);
    }
    checks.list
}

/// A command to be run on the host.
fn on(view: &HostView<'_>, command: &str) -> String {
    format!("on {}: {command}", view.host.name)
}

fn programs(checks: &mut Checks, view: &HostView<'_>) {
    let told = &view.health.programs;
    let missing: Vec<&str> = told
        .iter()
        .filter(|(_, there)| !**there)
        .map(|(name, _)| name.as_str())
        .collect();
    if missing.is_empty() {
        checks.good("programs", format!("all {} are there", told.len()));
        return;
    }
    let packages: BTreeSet<&str> = missing.iter().map(|name| package(name)).collect();
    let packages: Vec<&str> = packages.into_iter().collect();
    checks.bad(
        "programs",
        format!("missing: {}", missing.join(", ")),
        on(
            view,
            &format!("sudo apt-get install {}", packages.join(" ")),
        ),
    );
}

/// What brings a program on Debian and Ubuntu.
fn package(program: &str) -> &'static str {
    match program {
        "perl" => "perl-base",
        "flock" => "util-linux",
        "ss" => "iproute2",
        "systemctl" => "systemd-sysv",
        "tar" => "tar",
        "find" => "findutils",
        _ => "coreutils",
    }
}

fn clock(checks: &mut Checks, view: &HostView<'_>) {
    let off = view.health.clock.abs_diff(view.clock);
    let text = format!("{off} s from this machine's");
    let repair = on(
        view,
        "sudo timedatectl set-ntp true   # or look at this machine's clock",
    );
    match (off, view.health.synchronized) {
        (SKEW_FAIL.., _) => checks.bad("clock", text, repair),
        (SKEW_WARN.., _) => checks.warn("clock", text, repair),
        (_, Some(false)) => checks.warn(
            "clock",
            format!("{text}, but nothing keeps it in time"),
            repair,
        ),
        (_, _) => checks.good("clock", text),
    }
}

fn resources(checks: &mut Checks, view: &HostView<'_>, facts: &HostFacts) {
    let system = format!("{} on {}", facts.os.pretty, facts.architecture);
    let known = |id: &str| id == "debian" || id == "ubuntu";
    let is_known = known(&facts.os.id) || facts.os.like.split(' ').any(known);
    if !facts.has_systemd {
        checks.bad(
            "system",
            format!("{system}, without systemd as process 1"),
            "use a host that runs systemd",
        );
    } else if is_known {
        checks.good("system", system);
    } else {
        checks.bad("system", system, "use a host with Debian or Ubuntu");
    }
    for (folder, space) in &facts.disk {
        // What is below /run is memory; it needs little.
        let (fail, warn) = match folder.as_str() {
            "/run" => (8 * 1024, 16 * 1024),
            _ => (DISK_FAIL, DISK_WARN),
        };
        let text = format!("{} MiB are free below {folder}", space.free / 1024);
        let repair = on(
            view,
            &format!("sudo du -xh --max-depth=2 {folder} | sort -h | tail; sudo docker system df"),
        );
        match space.free {
            free if free < fail => checks.bad("disk", text, repair),
            free if free < warn => checks.warn("disk", text, repair),
            _ => checks.good("disk", text),
        }
    }
    for (folder, inodes) in &facts.inodes {
        if inodes.total > 0 && inodes.free * 100 < inodes.total * INODES {
            checks.bad(
                "inodes",
                format!(
                    "{} of {} inodes are free below {folder}",
                    inodes.free, inodes.total
                ),
                on(
                    view,
                    &format!("sudo du -x --inodes --max-depth=3 {folder} | sort -n | tail"),
                ),
            );
        }
    }
    memory(checks, view, facts);
    engine(checks, view, facts);
    nginx(checks, view, facts);
}

fn memory(checks: &mut Checks, view: &HostView<'_>, facts: &HostFacts) {
    let text = format!(
        "{} of {} MiB are free",
        facts.memory_available / 1024,
        facts.memory_total / 1024
    );
    let repair = on(
        view,
        "ps aux --sort=-rss | head   # then set `memory:` for the services, or take a larger host",
    );
    match facts.memory_available {
        free if free < MEMORY_FAIL => checks.bad("memory", text, repair),
        free if free < MEMORY_WARN => checks.warn("memory", text, repair),
        _ if facts.memory_total < SMALL && view.health.swap == 0 => checks.warn(
            "memory",
            format!("{text}, and there is no swap: a build may be killed"),
            on(view, "sudo fallocate -l 1G /swap && sudo chmod 600 /swap && sudo mkswap /swap && sudo swapon /swap"),
        ),
        _ => checks.good("memory", text),
    }
}

fn engine(checks: &mut Checks, view: &HostView<'_>, facts: &HostFacts) {
    let is_needed = view
        .stack
        .services_on(&view.host.name)
        .iter()
        .any(|service| !matches!(service.kind, ServiceKind::Static(_)));
    if !is_needed {
        return;
    }
    let is_installed = facts.docker_socket
        || facts
            .units
            .get("docker.service")
            .is_some_and(|unit| unit.load == "loaded");
    match &facts.docker {
        Some(docker) => checks.good(
            "engine",
            format!("Docker {}, API {}", docker.engine, docker.api),
        ),
        None if is_installed => checks.bad(
            "engine",
            "Docker's engine is installed but does not run",
            on(
                view,
                "sudo systemctl restart docker; sudo journalctl -u docker -n 50",
            ),
        ),
        None => checks.warn(
            "engine",
            "there is no Docker engine yet",
            "stackctl provision",
        ),
    }
}

fn nginx(checks: &mut Checks, view: &HostView<'_>, facts: &HostFacts) {
    if view.stack.sites_on(&view.host.name).next().is_none() {
        return;
    }
    match (&view.health.nginx, facts.is_active("nginx.service")) {
        (Some(Err(said)), _) => checks.bad(
            "nginx",
            format!("its configuration is refused, so it will not come up again: {said}"),
            on(view, "sudo nginx -t   # mend the file it names; one of ours: stackctl provision --overwrite-drift"),
        ),
        (Some(Ok(())), false) => checks.bad(
            "nginx",
            "it is installed but does not run",
            on(view, "sudo systemctl restart nginx; sudo journalctl -u nginx -n 50"),
        ),
        (Some(Ok(())), true) => checks.good(
            "nginx",
            format!("{} runs, its configuration is valid", facts.nginx.as_deref().unwrap_or("it")),
        ),
        (None, _) => checks.warn("nginx", "there is no nginx yet", "stackctl provision"),
    }
}

fn units(checks: &mut Checks, view: &HostView<'_>) {
    let failed = &view.health.failed_units;
    if failed.is_empty() {
        checks.good("units", "none has failed");
        return;
    }
    let prefix = format!("{}-", view.stack.name);
    let own = format!("stackctl-{}", view.stack.name);
    let is_ours = |unit: &str| {
        unit.starts_with(&prefix)
            || unit.starts_with(&own)
            || ["docker.service", "nginx.service"].contains(&unit)
    };
    let text = format!("failed: {}", failed.join(", "));
    let first = &failed[0];
    let repair = on(
        view,
        &format!("sudo journalctl -u {first} -n 50; then sudo systemctl restart {first}"),
    );
    if failed.iter().any(|unit| is_ours(unit)) {
        checks.bad("units", text, repair);
    } else {
        checks.warn("units", text, repair);
    }
}

fn left_behind(checks: &mut Checks, view: &HostView<'_>) {
    let health = view.health;
    if let Some(who) = &health.hold {
        checks.warn(
            "hold",
            format!("every run is kept off by {}", who_of(who)),
            "stackctl lock release",
        );
    }
    if let Some(who) = &health.locked {
        checks.warn(
            "lock",
            format!("a run is under way, of {}", who_of(who)),
            "wait until it has ended; `stackctl lock status` says more",
        );
    } else if let Some(run) = &health.pending {
        let layout = Layout::new(&view.stack.name);
        checks.bad(
            "pending",
            format!(
                "a run of {} ended in the middle, and what it began was not taken back ({})",
                who_of(run),
                layout.pending()
            ),
            "stackctl provision   # or any other run: it takes that back first",
        );
    }
}

/// From the JSON line that a run leaves of itself.
fn who_of(line: &str) -> String {
    let told: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
    let Some(who) = told["who"].as_str().filter(|who| !who.is_empty()) else {
        return "somebody unknown".to_owned();
    };
    let mut text = who.to_owned();
    for (key, before) in [
        ("command", " running "),
        ("reason", ": "),
        ("since", ", since "),
        ("began", ", begun "),
    ] {
        if let Some(value) = told[key].as_str().filter(|value| !value.is_empty()) {
            text.push_str(before);
            text.push_str(value);
        }
    }
    text
}

fn upkeep(checks: &mut Checks, view: &HostView<'_>) {
    let health = view.health;
    if let Some(packages) = &health.reboot {
        let packages = if packages.is_empty() {
            "packages"
        } else {
            packages
        };
        checks.warn(
            "reboot",
            format!("it waits for a reboot, for {packages}"),
            on(view, "sudo systemctl reboot"),
        );
    }
    let has_engine = view
        .facts
        .as_ref()
        .is_ok_and(|facts| facts.docker.is_some());
    if has_engine && health.upgrades && !health.live_restore {
        checks.warn(
            "upgrades",
            "unattended upgrades may restart Docker's engine, and all containers with it, at any time",
            on(view, "sudo apt-mark hold docker.io docker-ce containerd containerd.io   # and upgrade them when it suits you"),
        );
    }
}

fn names(checks: &mut Checks, view: &HostView<'_>) {
    let own: BTreeSet<&String> = view
        .health
        .addresses
        .iter()
        .chain(view.reached_at)
        .collect();
    for site in view.stack.sites_on(&view.host.name) {
        for name in &site.server_names {
            let Some(found) = view.names.get(name.as_str()) else {
                continue;
            };
            let repair = format!(
                "point {name}'s A and AAAA records to this host, if visitors are to reach it directly"
            );
            match found {
                Err(why) => checks.warn("dns", format!("{name} has no address: {why}"), repair),
                Ok(found) if found.iter().any(|address| own.contains(address)) => {
                    checks.good("dns", format!("{name} leads here"));
                }
                Ok(found) => {
                    let found: Vec<&str> = found.iter().map(String::as_str).collect();
                    let text = format!(
                        "{name} leads to {}, which is not this host",
                        found.join(", ")
                    );
                    checks.warn("dns", text, repair);
                }
            }
        }
    }
}

fn provisioned(checks: &mut Checks, view: &HostView<'_>, plan: &Result<Plan, PlanError>) {
    let mine = |finding: &&Finding| finding.host == view.host.name;
    match plan {
        Err(PlanError::Refused(findings)) => {
            for finding in findings.iter().filter(mine) {
                // What was told above is not told twice.
                let told =
                    |check: &Check| check.level == Level::Fail && check.name == finding.check;
                if !checks.list.iter().any(told) {
                    checks.bad("preflight", finding.text.clone(), finding.hint.clone());
                }
            }
        }
        Err(error) => checks.bad(
            "preflight",
            error.to_string(),
            "stackctl plan   # says more",
        ),
        Ok(plan) => {
            let steps = plan.steps.iter();
            let count = steps.filter(|step| step.host == view.host.name).count();
            if count == 0 {
                checks.good("provisioned", "as the yaml says");
            } else {
                let text = format!("`provision` would change it in {count} steps");
                checks.warn(
                    "provisioned",
                    text,
                    "stackctl plan   # shows them; stackctl provision makes them",
                );
            }
            let notes = plan.notes.iter();
            for note in notes.filter(|note| note.host == view.host.name) {
                let first = note.text.lines().next().unwrap_or_default();
                checks.warn(
                    "drift",
                    first.trim_end_matches(':').to_owned(),
                    "stackctl plan   # shows the difference",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SourceText, Surroundings, parse};
    use crate::facts::{DockerFacts, Space, UnitFacts};
    use crate::plan::{Action, Note, Step};

    /// The checks that are not well, as `LEVEL NAME: TEXT`.
    fn bad(checks: &[Check]) -> Vec<String> {
        let bad = checks.iter().filter(|check| check.level != Level::Ok);
        bad.map(|check| {
            assert!(
                check
                    .repair
                    .as_ref()
                    .is_some_and(|repair| !repair.contains('\n'))
            );
            format!("{:?} {}: {}", check.level, check.name, check.text)
        })
        .collect()
    }

    fn machine() -> MachineFacts {
        MachineFacts {
            version: "0.1.0".into(),
            config: ConfigFacts::Good {
                stack: "names".into(),
                hosts: 1,
                services: 2,
            },
            keys: BTreeMap::from([("/home/ada/.ssh/id_ed25519".to_owned(), 0o600)]),
            git: Some("git version 2.47.3".into()),
            in_repository: true,
            ..MachineFacts::default()
        }
    }

    #[test]
    fn a_good_machine_has_nothing_to_repair() {
        assert_eq!(bad(&judge_machine(&machine())), Vec::<String>::new());
    }

    #[test]
    fn each_thing_that_is_wrong_with_a_machine_is_told() {
        let facts = MachineFacts {
            config: ConfigFacts::Bad("stackctl.yaml:3:5: unknown key `helth`".into()),
            overlays: BTreeMap::from([
                ("live".into(), None),
                ("test".into(), Some("no yaml".into())),
            ]),
            keys: BTreeMap::from([("/k".to_owned(), 0o644)]),
            agent: Some(false),
            git: None,
            exposed: vec![".env".into(), "live.pem".into()],
            state_folder: Some("/x cannot be written to: read-only".into()),
            ..machine()
        };
        let checks = judge_machine(&facts);
        assert_eq!(
            bad(&checks),
            [
                "Fail config: stackctl.yaml:3:5: unknown key `helth`",
                "Fail overlay: stackctl.test.yaml: no yaml",
                "Warn ssh: others may read the private key /k (0644)",
                "Warn ssh: SSH_AUTH_SOCK names an agent that does not answer",
                "Warn git: there is no git: histories cannot say which commit was deployed",
                "Warn secrets: these look like secrets, and git has or would take them: .env, live.pem",
                "Warn logs: /x cannot be written to: read-only",
            ]
        );
        assert!(!Diagnosis::of(checks).healthy);
        let keyless = MachineFacts {
            keys: BTreeMap::new(),
            ..machine()
        };
        assert_eq!(
            bad(&judge_machine(&keyless)),
            ["Fail ssh: there is no key to log in with: no agent, no file"]
        );
        // It was reached by a key that only ~/.ssh/config knows.
        let reached = MachineFacts {
            reached: true,
            ..keyless
        };
        assert!(bad(&judge_machine(&reached)).is_empty());
    }

    fn stack() -> Stack {
        let text = "stack: names\nhosts: {web1: 203.0.113.10}\nservices: {app: {image: 'a:1', listen: 80}}\n\
            sites: {s: {names: [names.example.com], routes: {/: app}}}\n";
        let around = Surroundings {
            base: "/srv".into(),
            home: None,
        };
        let name = "stackctl.yaml";
        parse(&SourceText { name, text }, &around).unwrap()
    }

    fn health() -> HostHealth {
        HostHealth {
            clock: 1000,
            programs: BTreeMap::from([("perl".to_owned(), true)]),
            nginx: Some(Ok(())),
            addresses: BTreeSet::from(["10.0.0.5".to_owned()]),
            ..HostHealth::default()
        }
    }

    fn facts() -> HostFacts {
        let mut facts = HostFacts {
            has_systemd: true,
            memory_total: 4 << 20,
            memory_available: 2 << 20,
            docker_socket: true,
            docker: Some(DockerFacts::default()),
            nginx: Some("1.22.1".into()),
            ..HostFacts::default()
        };
        facts.os.id = "debian".into();
        facts.os.pretty = "Debian GNU/Linux 12".into();
        let gib = |free: u64| Space {
            total: 40 << 20,
            free: free << 20,
        };
        facts.disk.insert("/var/lib".into(), gib(20));
        let unit = UnitFacts {
            load: "loaded".into(),
            active: "active".into(),
            ..UnitFacts::default()
        };
        facts.units.insert("nginx.service".into(), unit);
        facts
    }

    fn judge(
        health: &HostHealth,
        facts: Result<&HostFacts, String>,
        provision: &Result<Plan, PlanError>,
        found: &[&str],
    ) -> Vec<Check> {
        let stack = stack();
        let found = found.iter().map(|address| (*address).to_owned()).collect();
        let names = BTreeMap::from([("names.example.com".to_owned(), Ok(found))]);
        judge_host(&HostView {
            stack: &stack,
            host: stack.hosts.values().next().unwrap(),
            health,
            facts,
            provision: Some(provision),
            round_trip: 20,
            clock: 1001,
            names: &names,
            reached_at: &BTreeSet::from(["203.0.113.10".to_owned()]),
        })
    }

    #[test]
    fn a_good_host_has_nothing_to_repair() {
        let checks = judge(
            &health(),
            Ok(&facts()),
            &Ok(Plan::default()),
            &["203.0.113.10"],
        );
        assert_eq!(bad(&checks), Vec::<String>::new());
        assert!(checks.len() > 8 && Diagnosis::of(checks).healthy);
    }

    #[test]
    fn each_thing_that_is_wrong_with_a_host_is_told() {
        let health = HostHealth {
            clock: 90_000,
            programs: BTreeMap::from([
                ("perl".into(), false),
                ("flock".into(), false),
                ("tar".into(), true),
            ]),
            failed_units: vec!["names-app-proxy-1.socket".into()],
            reboot: Some("linux-image".into()),
            nginx: Some(Err("unexpected \"}\"".into())),
            pending: Some(
                r#"{"run":"1","who":"ada@desk","command":"deploy","began":"2026-11-21T08:00:00Z"}"#
                    .into(),
            ),
            hold: Some(r#"{"who":"ada@desk","reason":"moving"}"#.into()),
            upgrades: true,
            ..health()
        };
        let mut facts = facts();
        facts.disk.get_mut("/var/lib").unwrap().free = 100 * 1024;
        let inodes = Space {
            total: 1000,
            free: 10,
        };
        facts.inodes.insert("/var/lib".into(), inodes);
        facts.memory_available = 10 * 1024;
        let finding = |check, text: &str| Finding {
            host: "web1".parse().unwrap(),
            check,
            text: text.into(),
            hint: "stop it".into(),
        };
        let refused = Err(PlanError::Refused(vec![
            finding("ports", "port 80 is held by apache2"),
            finding("disk", "told above already"),
        ]));
        let checks = judge(&health, Ok(&facts), &refused, &["198.51.100.7"]);
        assert_eq!(
            bad(&checks),
            [
                "Fail programs: missing: flock, perl",
                "Fail clock: 88999 s from this machine's",
                "Fail disk: 100 MiB are free below /var/lib",
                "Fail inodes: 10 of 1000 inodes are free below /var/lib",
                "Fail memory: 10 of 4096 MiB are free",
                "Fail nginx: its configuration is refused, so it will not come up again: unexpected \"}\"",
                "Fail units: failed: names-app-proxy-1.socket",
                "Warn hold: every run is kept off by ada@desk: moving",
                "Fail pending: a run of ada@desk running deploy, begun 2026-11-21T08:00:00Z ended in the middle, and what it began was not taken back (/var/lib/stackctl/names/pending)",
                "Warn reboot: it waits for a reboot, for linux-image",
                "Warn upgrades: unattended upgrades may restart Docker's engine, and all containers with it, at any time",
                "Warn dns: names.example.com leads to 198.51.100.7, which is not this host",
                "Fail preflight: port 80 is held by apache2",
            ]
        );
        let repair = &checks
            .iter()
            .find(|check| check.name == "programs")
            .unwrap()
            .repair;
        assert_eq!(
            repair.as_deref(),
            Some("on web1: sudo apt-get install perl-base util-linux")
        );
    }

    #[test]
    fn a_host_that_stopped_its_engine_or_drifted_is_told() {
        let mut stopped = facts();
        stopped.docker = None;
        stopped.memory_total = 512 * 1024;
        let host: crate::model::HostName = "web1".parse().unwrap();
        let plan = Plan {
            steps: vec![Step {
                host: host.clone(),
                phase: 0,
                action: Action::ReloadUnits,
                cause: "a test".into(),
                undo: Vec::new(),
            }],
            notes: vec![Note {
                host,
                text: "/etc/x was edited on the host:\n@@".into(),
            }],
        };
        let checks = judge(&health(), Ok(&stopped), &Ok(plan), &["10.0.0.5"]);
        assert_eq!(
            bad(&checks),
            [
                "Warn memory: 2048 of 512 MiB are free, and there is no swap: a build may be killed",
                "Fail engine: Docker's engine is installed but does not run",
                "Warn provisioned: `provision` would change it in 1 steps",
                "Warn drift: /etc/x was edited on the host",
            ]
        );
        let wedged = Err("Docker's engine did not answer".to_owned());
        let checks = judge(&health(), wedged, &Ok(Plan::default()), &["10.0.0.5"]);
        assert_eq!(bad(&checks), ["Fail facts: Docker's engine did not answer"]);
    }

    #[test]
    fn what_the_script_prints_is_read() {
        let health = HostHealth::parse(
            "clock\t12\nprogram\tperl\tyes\nprogram\tss\tno\nfailed\tx.service\nswap\t0\nsynchronized\tno\n\
             reboot\t\nnginx\tno\toops\naddress\t10.0.0.5\npending\t{}\nlocked\tada\nupgrades\tyes\nlive-restore\tyes\n",
        )
        .unwrap();
        assert_eq!((health.clock, health.synchronized), (12, Some(false)));
        assert!(!health.programs["ss"] && health.programs["perl"]);
        assert_eq!(health.nginx, Some(Err("oops".into())));
        assert!(health.upgrades && health.live_restore && health.reboot.is_some());
        assert_eq!(HostHealth::parse("clock\t1\nwat\n").unwrap_err().line, 2);
    }
}
