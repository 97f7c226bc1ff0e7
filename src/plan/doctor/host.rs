//! Judges the hosts.

use std::collections::{BTreeMap, BTreeSet};

use super::super::host::{Finding, PlanError};
use super::super::step::Plan;
use super::super::{mend_site, stack_in, status, tls};
use super::{Check, Checks, Level};
use crate::facts::{HostFacts, HostHealth};
use crate::model::{Host, Layout, Stack};

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
    /// Why a certificate of this machine cannot be used.
    pub unread: Option<&'a str>,
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
    certificates(checks, view, facts);
}

fn certificates(checks: &mut Checks, view: &HostView<'_>, facts: &HostFacts) {
    let layout = Layout::new(&view.stack.name);
    for site in view.stack.sites_on(&view.host.name) {
        let Some(tls) = &site.tls else { continue };
        let there = tls::of_site(&layout, site, facts);
        let told = status::certificate(site, tls, there, facts);
        let text = |told: &str| format!("site {}: {told}", site.name);
        match told {
            Ok(told) => checks.good("tls", text(&told)),
            // It is not there yet.
            Err(problem) if there.is_none() => {
                checks.warn("tls", text(&problem), "stackctl provision");
            }
            Err(problem) => {
                let repair = match site.acme() {
                    Some(_) => on(view, "sudo systemctl status certbot.timer; sudo certbot renew --dry-run   # says why it was not renewed; then stackctl provision"),
                    None => "put a newer certificate and its key in the files that `tls` names; then stackctl provision".to_owned(),
                };
                checks.bad("tls", text(&problem), repair);
            }
        }
    }
    if let Some(why) = view.unread {
        checks.bad("tls", why, "mend the file, or name another in the yaml");
    }
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
        .any(|service| service.in_container());
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
    if !view.stack.has_nginx(&view.host.name) {
        return;
    }
    let own = view.stack.name.as_str();
    let layout = Layout::new(&view.stack.name);
    let is_out = status::is_site_out(&layout, facts);
    match (&view.health.nginx, facts.is_active("nginx.service")) {
        (Some(Err(said)), _) if let Some(stack) = stack_in(said).filter(|stack| *stack != own) => {
            checks.bad(
                "nginx",
                format!("it refuses the site of stack `{stack}`, so no site's change is loaded, and its next start leaves that one out: {said}"),
                mend_site(said).unwrap_or_default(),
            );
        }
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
        (Some(Ok(())), true) if is_out => checks.bad(
            "nginx",
            format!("it runs without the site of this stack: {}", status::site_out(&layout)),
            format!("stackctl provision; {}", on(view, &format!("sudo journalctl -u {}", layout.admit_unit()))),
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
        Err(PlanError::Refused(refusal)) => {
            for finding in refusal.findings.iter().filter(mine) {
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
            let drift = plan.drift.iter();
            for drift in drift.filter(|drift| drift.host == view.host.name) {
                checks.warn(
                    "drift",
                    drift.words(),
                    "stackctl plan   # shows the difference",
                );
            }
            for note in plan.notes.iter().filter(|note| note.host == view.host.name) {
                let first = note.text.lines().next().unwrap_or_default();
                checks.warn(
                    "note",
                    first.trim_end_matches(':').to_owned(),
                    "stackctl plan   # says more",
                );
            }
        }
    }
}
