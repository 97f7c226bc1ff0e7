//! Everything that must be true, judged from facts alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::composed;
use super::container::label;
use super::provision::own_server;
use super::restart::Stopped;
use super::tls;
use crate::facts::{
    CertificateFacts, DatabaseFacts, DockerFacts, Facts, FirewallFacts, HostFacts, ProbeFacts,
    Probed,
};
use crate::model::{Container, External, HostName, Layout, Service, ServiceKind, Site, Stack, Tls};

/// What `stackctl status` shows; as JSON its documented output (`schema` 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Version of this format.
    pub schema: u32,
    pub stack: String,
    pub healthy: bool,
    pub hosts: Vec<HostStatus>,
    pub services: Vec<ServiceStatus>,
    pub sites: Vec<SiteStatus>,
    /// What edges lead requests to.
    pub upstreams: Vec<UpstreamStatus>,
    /// Each thing that is not as it should be, one sentence each.
    pub problems: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HostStatus {
    pub name: String,
    pub reachable: bool,
    /// Why it is not reachable.
    pub error: Option<String>,
    pub os: Option<String>,
    pub uptime_seconds: Option<u64>,
    pub memory_mib: Option<Amount>,
    /// Of the file system below /var/lib.
    pub disk_mib: Option<Amount>,
    /// Version of Docker's engine; null when none runs or none is needed.
    pub docker: Option<String>,
    /// Version of nginx; null when it does not run.
    pub nginx: Option<String>,
    /// The TCP ports that the firewall leaves open; null when there is none.
    pub open_ports: Option<BTreeSet<u16>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Amount {
    pub total: u64,
    pub free: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceStatus {
    pub name: String,
    pub host: String,
    /// `app`, `container`, `static`, `mysql`, `mongodb` or `redis`.
    pub kind: &'static str,
    pub healthy: bool,
    /// The release that serves; null for databases and before the first deploy.
    pub release: Option<String>,
    /// RFC 3339; null when it is not running.
    pub started_at: Option<String>,
    pub restarts: Option<u32>,
    /// Who stopped it by hand; null when nobody did.
    pub stopped_by: Option<String>,
    /// What was seen, in words.
    pub detail: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteStatus {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub path: String,
    pub healthy: bool,
    /// HTTP status through nginx; null when there was no answer.
    pub http_status: Option<u16>,
    /// What visitors are shown; null without HTTPS, or when there is none.
    pub certificate: Option<CertificateStatus>,
    pub detail: String,
}

/// One app on one host, as an edge finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UpstreamStatus {
    pub service: String,
    pub edge: String,
    pub host: String,
    pub address: String,
    pub healthy: bool,
    /// HTTP status of its health path; null when there was no answer.
    pub http_status: Option<u16>,
    pub detail: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateStatus {
    pub names: BTreeSet<String>,
    pub issuer: String,
    /// RFC 3339.
    pub not_after: String,
    pub days_left: u64,
}

/// Less than this free below /var/lib is a problem, in MiB.
const LOW_DISK_MIB: u64 = 256;

/// Judges what was seen. `unreachable` holds the hosts that did not answer and why.
pub fn status(
    stack: &Stack,
    facts: &Facts,
    probes: &[ProbeFacts],
    unreachable: &BTreeMap<HostName, String>,
) -> Status {
    let mut status = Status {
        schema: 1,
        stack: stack.name.to_string(),
        healthy: true,
        hosts: Vec::new(),
        services: Vec::new(),
        sites: Vec::new(),
        upstreams: Vec::new(),
        problems: Vec::new(),
    };
    for (name, error) in unreachable {
        status
            .problems
            .push(format!("host {name} cannot be reached: {error}"));
        let host = HostStatus {
            name: name.to_string(),
            error: Some(error.clone()),
            ..HostStatus::default()
        };
        status.hosts.push(host);
    }
    for (name, facts) in facts {
        let seen = host(stack, name, facts, &mut status.problems);
        status.hosts.push(seen);
        for service in stack.services_on(name) {
            let probe = find(probes, name, &Probed::Service(service.name.clone()));
            let seen = self::service(stack, service, name, facts, probe);
            if !seen.healthy {
                let kind = if ["mysql", "mongodb", "redis"].contains(&seen.kind) {
                    "database"
                } else {
                    "service"
                };
                status
                    .problems
                    .push(format!("{kind} {} on {name}: {}", seen.name, seen.detail));
            }
            status.services.push(seen);
        }
        let layout = Layout::new(&stack.name);
        let is_out = is_site_out(&layout, facts);
        for site in stack.sites_on(name) {
            let Some(probe) = find(probes, name, &Probed::Site(site.name.clone())) else {
                continue;
            };
            let (mut healthy, mut detail) = match &probe.status {
                // A site may well answer 401 or 404 at its root; that nginx reached the service is what counts.
                Ok(code) if *code < 500 => (true, format!("HTTP {code}")),
                Ok(code) => (false, format!("HTTP {code}")),
                Err(why) => (false, why.clone()),
            };
            let port = site.tls.as_ref().map_or(site.listen, |_| Site::HTTPS);
            let certificate = tls::of_site(&Layout::new(&stack.name), site, facts);
            if let Some(tls) = &site.tls {
                let judged = self::certificate(site, tls, certificate, facts);
                healthy &= judged.is_ok();
                let told = judged.unwrap_or_else(|problem| problem);
                detail = format!("{detail}; {told}");
            }
            // Another site may answer in its place.
            if is_out {
                healthy = false;
                detail = site_out(&layout);
            }
            if !healthy {
                status.problems.push(format!(
                    "site {} on {name}, port {port}: {detail}",
                    site.name
                ));
            }
            status.sites.push(SiteStatus {
                name: site.name.to_string(),
                host: name.to_string(),
                port,
                path: probe.path.clone(),
                healthy,
                certificate: certificate.map(|there| CertificateStatus {
                    names: there.names.clone(),
                    issuer: there.issuer.clone(),
                    not_after: there.not_after_text.clone(),
                    days_left: there.days_left(facts.clock),
                }),
                http_status: probe.status.as_ref().ok().copied(),
                detail,
            });
        }
    }
    status.upstreams = upstreams(stack, probes);
    let lost = status.upstreams.iter().filter(|seen| !seen.healthy);
    let told = lost.map(|seen| {
        format!(
            "service {} on {}, asked from {}: {}",
            seen.service, seen.host, seen.edge, seen.detail
        )
    });
    status.problems.extend(told);
    status.healthy = status.problems.is_empty();
    status
}

fn upstreams(stack: &Stack, probes: &[ProbeFacts]) -> Vec<UpstreamStatus> {
    let instances = probes.iter().filter_map(|probe| match &probe.probed {
        Probed::Instance(service, host) => Some((probe, service, host)),
        Probed::Service(_) | Probed::Site(_) => None,
    });
    let judged = instances.map(|(probe, service, host)| {
        let private = stack.hosts.get(host).and_then(|host| host.private);
        let (healthy, detail) = match &probe.status {
            Ok(code) => (
                (200..300).contains(code),
                format!("{} answers HTTP {code}", probe.path),
            ),
            Err(why) => (false, why.clone()),
        };
        UpstreamStatus {
            service: service.to_string(),
            edge: probe.host.to_string(),
            host: host.to_string(),
            address: private.map_or_else(String::new, |private| private.to_string()),
            healthy,
            http_status: probe.status.as_ref().ok().copied(),
            detail,
        }
    });
    judged.collect()
}

/// Whether a site that was provisioned is not among those that nginx reads.
pub(super) fn is_site_out(layout: &Layout, facts: &HostFacts) -> bool {
    facts.files.contains_key(&layout.nginx_available())
        && facts.link(&layout.nginx_enabled()).is_none()
}

/// What is to say of it.
pub(super) fn site_out(layout: &Layout) -> String {
    format!(
        "{} is not there: somebody took it out, or nginx refused the site when it started; `stackctl provision` puts it back or says why not",
        layout.nginx_enabled()
    )
}

/// What is to say of a site's certificate, or what is wrong with it.
pub(super) fn certificate(
    site: &Site,
    tls: &Tls,
    there: Option<&CertificateFacts>,
    facts: &HostFacts,
) -> Result<String, String> {
    let now = facts.clock;
    let there = there.ok_or("there is no certificate")?;
    let lacking = there.lacks(&site.server_names);
    if !lacking.is_empty() {
        return Err(format!("its certificate is not for {}", lacking.join(", ")));
    }
    match tls::ending(there, tls, now) {
        Some(ending) => Err(ending),
        None if tls::shows_another(site, there, facts) => {
            Err("nginx shows another certificate than the one on the host; `stackctl provision` has it load that".into())
        }
        None => Ok(format!(
            "certificate valid for {} days",
            there.days_left(now)
        )),
    }
}

fn find<'a>(probes: &'a [ProbeFacts], host: &HostName, probed: &Probed) -> Option<&'a ProbeFacts> {
    probes
        .iter()
        .find(|probe| probe.host == *host && probe.probed == *probed)
}

fn host(
    stack: &Stack,
    name: &HostName,
    facts: &HostFacts,
    problems: &mut Vec<String>,
) -> HostStatus {
    let disk = facts.disk.get("/var/lib").map(|space| Amount {
        total: space.total / 1024,
        free: space.free / 1024,
    });
    if let Some(disk) = disk.filter(|disk| disk.free < LOW_DISK_MIB) {
        problems.push(format!(
            "host {name} has only {} MiB of disk left",
            disk.free
        ));
    }
    let services = stack.services_on(name);
    let needs_docker = services.iter().any(|service| service.in_container());
    if needs_docker && facts.docker.is_none() {
        problems.push(format!("host {name}: Docker's engine does not run"));
    }
    let nginx = facts
        .nginx
        .clone()
        .filter(|_| facts.is_active("nginx.service"));
    if stack.has_nginx(name) && nginx.is_none() {
        problems.push(format!("host {name}: nginx does not run"));
    }
    let firewall = facts.firewall.as_ref();
    if stack.firewall && !firewall.is_some_and(FirewallFacts::is_in_force) {
        problems.push(match firewall.and_then(FirewallFacts::changed_by_hand) {
            Some(_) => format!("host {name}: the rules of its firewall were changed by hand"),
            None => format!("host {name}: its firewall is not loaded"),
        });
    }
    HostStatus {
        name: name.to_string(),
        reachable: true,
        error: None,
        os: Some(facts.os.pretty.clone()),
        uptime_seconds: Some(facts.uptime),
        memory_mib: Some(Amount {
            total: facts.memory_total / 1024,
            free: facts.memory_available / 1024,
        }),
        disk_mib: disk,
        docker: facts.docker.as_ref().map(|docker| docker.engine.clone()),
        nginx,
        open_ports: firewall
            .filter(|firewall| firewall.live.is_some())
            .map(FirewallFacts::open_ports),
    }
}

fn service(
    stack: &Stack,
    service: &Service,
    host: &HostName,
    facts: &HostFacts,
    probe: Option<&ProbeFacts>,
) -> ServiceStatus {
    let layout = Layout::new(&stack.name);
    let mut seen = ServiceStatus {
        name: service.name.to_string(),
        host: host.to_string(),
        kind: "app",
        healthy: false,
        release: None,
        started_at: None,
        restarts: None,
        stopped_by: None,
        detail: String::new(),
    };
    match &service.kind {
        ServiceKind::Static(_) => {
            seen.kind = "static";
            let target = facts.link(&layout.current(&service.name));
            seen.release = target
                .and_then(|target| target.rsplit('/').next())
                .map(str::to_owned);
            let entries = facts.entries.get(layout.releases(&service.name).as_str());
            let whole = seen
                .release
                .as_ref()
                .is_some_and(|id| entries.is_some_and(|names| names.contains_key(id)));
            seen.healthy = whole;
            seen.detail = match (&seen.release, whole) {
                (None, _) => "never deployed".into(),
                (Some(_), true) => "served by nginx".into(),
                (Some(id), false) => format!("the files of release {id} are gone"),
            };
        }
        ServiceKind::External(external) => {
            seen.kind = external.kind();
            match facts.database(&service.name) {
                Some(DatabaseFacts::Answers(told)) => {
                    seen.healthy = told.login || external.mysql().is_none();
                    seen.detail = match external {
                        External::Mongodb { .. } | External::Redis { .. } => {
                            format!("takes connections, {}", told.version)
                        }
                        External::Mysql(server) => {
                            let (host, port) = (&server.host, server.port);
                            match told.login {
                                true => format!("{host}:{port} answers, {}", told.version),
                                false => format!(
                                    "{host}:{port} answers, but user {} cannot log in to {}",
                                    server.user, server.database
                                ),
                            }
                        }
                    };
                }
                Some(DatabaseFacts::Silent(why)) => seen.detail = why.clone(),
                None => seen.detail = format!("its {} is not on the host", external.secret()),
            }
        }
        ServiceKind::Database(database) => {
            seen.kind = database.dialect.kind();
            match service.in_container() {
                true => {
                    let name = layout.container(&service.name);
                    container_facts(&mut seen, facts.docker.as_ref(), &name);
                }
                false => unit_facts(&mut seen, facts, own_server(facts)),
            }
            stopped(&mut seen, &layout, service, facts);
            let is_flawed = !seen.detail.is_empty();
            match facts.database(&service.name) {
                Some(DatabaseFacts::Answers(schema)) => {
                    seen.healthy = schema.charset.is_some() && schema.login;
                    seen.detail = match (seen.healthy, schema.charset.is_some()) {
                        // It answers now, but its unit or its container is not as it should be.
                        (true, _) if is_flawed => {
                            seen.healthy = false;
                            seen.detail
                        }
                        (true, _) => format!("answers a query, {}", schema.version),
                        (false, true) => "its user cannot log in".into(),
                        (false, false) => "answers, but the database is missing".into(),
                    };
                }
                Some(DatabaseFacts::Silent(why)) => {
                    seen.detail = format!("does not answer a query: {why}")
                }
                None if seen.detail.is_empty() => seen.detail = "does not answer a query".into(),
                None => {}
            }
        }
        ServiceKind::Container(container) => {
            seen.kind = "container";
            in_place(&mut seen, &layout, service, container, facts);
        }
        ServiceKind::App(_) => {
            let target = facts.link(&layout.socket_link(&service.name));
            let prefix = format!("{}.", service.name);
            let id = target.and_then(|target| {
                target
                    .strip_prefix(&prefix)?
                    .split('/')
                    .next()
                    .map(str::to_owned)
            });
            seen.release.clone_from(&id);
            let Some(id) = id.and_then(|id| id.parse().ok()) else {
                seen.detail = "never deployed".into();
                return seen;
            };
            match service.unit() {
                Some(_) => unit_facts(&mut seen, facts, &layout.release_unit(&service.name, &id)),
                None => container_facts(
                    &mut seen,
                    facts.docker.as_ref(),
                    &layout.release_container(&service.name, &id),
                ),
            }
            stopped(&mut seen, &layout, service, facts);
            match probe.map(|probe| (&probe.path, &probe.status)) {
                Some((path, Ok(code))) => {
                    let runs = seen.detail.is_empty();
                    seen.healthy = runs && (200..300).contains(code);
                    if runs || !seen.healthy {
                        seen.detail = format!("{path} answers HTTP {code}");
                    }
                }
                Some((path, Err(why))) if seen.detail.is_empty() => {
                    seen.detail = format!("{path} does not answer: {why}");
                }
                _ => {}
            }
        }
    }
    seen
}

/// A container of a compose file: that it runs, and is healthy by its own check; or has done its work.
fn in_place(
    seen: &mut ServiceStatus,
    layout: &Layout,
    service: &Service,
    container: &Container,
    facts: &HostFacts,
) {
    let Some(id) = composed::standing(layout, service, facts) else {
        seen.detail = "never deployed".into();
        return;
    };
    let name = layout.release_container(&service.name, &id);
    container_facts(seen, facts.docker.as_ref(), &name);
    let docker = facts.docker.as_ref();
    let there = docker.and_then(|docker| docker.containers.get(&name));
    if container.is_job && there.is_some_and(composed::is_done) {
        seen.healthy = true;
        seen.detail = "has done its work".into();
        return;
    }
    stopped(seen, layout, service, facts);
    if !seen.detail.is_empty() {
        return;
    }
    let health = there.and_then(|there| there.details.as_ref());
    let health = health.map_or("", |details| details.health.as_str());
    seen.healthy = health != "unhealthy";
    seen.detail = match health {
        "" => "runs".into(),
        "starting" => "runs, and its health check has not passed yet".into(),
        "unhealthy" => "runs, and its health check fails".into(),
        _ => "runs, and its health check passes".into(),
    };
}

/// Says who stopped it, where that is why it does not run.
fn stopped(seen: &mut ServiceStatus, layout: &Layout, service: &Service, facts: &HostFacts) {
    let does_not_run = seen.started_at.is_none() && !seen.detail.is_empty();
    let told = Stopped::of(facts, layout, &service.name);
    if let Some(stopped) = told.filter(|_| does_not_run) {
        seen.detail = format!(
            "{}; `stackctl start {}` starts it",
            stopped.words(),
            service.name
        );
        seen.stopped_by = Some(stopped.by);
    }
}

/// Fills in what systemd says of a unit; `detail` stays empty when it runs as it should.
fn unit_facts(seen: &mut ServiceStatus, facts: &HostFacts, name: &str) {
    let there = facts.units.get(name).filter(|unit| unit.load == "loaded");
    let Some(there) = there else {
        seen.detail = format!("its unit {name} is missing");
        return;
    };
    seen.restarts = Some(there.restarts);
    if !there.is_active() {
        seen.detail = format!("its unit {name} is {} ({})", there.active, there.sub);
        return;
    }
    seen.started_at.clone_from(&there.since);
    if there.file != "enabled" {
        seen.detail = format!("its unit {name} runs, but would not after a reboot");
    }
}

/// Fills in what the container says; `detail` stays empty when it runs as it should.
fn container_facts(seen: &mut ServiceStatus, docker: Option<&DockerFacts>, name: &str) {
    let Some(there) = docker.and_then(|docker| docker.containers.get(name)) else {
        seen.detail = format!("its container {name} is missing");
        return;
    };
    if let Some(id) = there.labels.get(label::RELEASE) {
        seen.release = Some(id.clone());
    }
    if let Some(details) = &there.details {
        seen.restarts = Some(details.restarts);
        if there.is_running() {
            seen.started_at = Some(details.started_at.clone());
        } else {
            let memory = if details.out_of_memory {
                ", out of memory"
            } else {
                ""
            };
            seen.detail = format!(
                "its container {name} is {} (exit code {}{memory})",
                there.state, details.exit_code
            );
        }
    } else if !there.is_running() {
        seen.detail = format!("its container {name} is {}", there.state);
    }
}

#[cfg(test)]
mod tests;
