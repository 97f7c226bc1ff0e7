//! Everything that must be true, judged from facts alone.

use std::collections::BTreeMap;

use serde::Serialize;

use super::container::label;
use crate::facts::{DatabaseFacts, DockerFacts, Facts, HostFacts, ProbeFacts, Probed};
use crate::model::{HostName, Layout, Service, ServiceKind, Stack};

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
    /// `app`, `static` or `mysql`.
    pub kind: &'static str,
    pub healthy: bool,
    /// The release that serves; null for databases and before the first deploy.
    pub release: Option<String>,
    /// RFC 3339; null when it is not running.
    pub started_at: Option<String>,
    pub restarts: Option<u32>,
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
    pub detail: String,
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
                let kind = if seen.kind == "mysql" {
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
        for site in stack.sites_on(name) {
            let Some(probe) = find(probes, name, &Probed::Site(site.name.clone())) else {
                continue;
            };
            let (healthy, detail) = match &probe.status {
                // A site may well answer 401 or 404 at its root; that nginx reached the service is what counts.
                Ok(code) if *code < 500 => (true, format!("HTTP {code}")),
                Ok(code) => (false, format!("HTTP {code}")),
                Err(why) => (false, why.clone()),
            };
            if !healthy {
                status.problems.push(format!(
                    "site {} on {name}, port {}: {detail}",
                    site.name, site.listen
                ));
            }
            status.sites.push(SiteStatus {
                name: site.name.to_string(),
                host: name.to_string(),
                port: site.listen,
                path: probe.path.clone(),
                healthy,
                http_status: probe.status.as_ref().ok().copied(),
                detail,
            });
        }
    }
    status.healthy = status.problems.is_empty();
    status
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
    let needs_docker = services
        .iter()
        .any(|service| !matches!(service.kind, ServiceKind::Static(_)));
    if needs_docker && facts.docker.is_none() {
        problems.push(format!("host {name}: Docker's engine does not run"));
    }
    let nginx = facts
        .nginx
        .clone()
        .filter(|_| facts.is_active("nginx.service"));
    if stack.sites_on(name).next().is_some() && nginx.is_none() {
        problems.push(format!("host {name}: nginx does not run"));
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
        ServiceKind::Mysql(_) => {
            seen.kind = "mysql";
            let name = layout.container(&service.name);
            container_facts(&mut seen, facts.docker.as_ref(), &name);
            let told = facts
                .docker
                .as_ref()
                .and_then(|docker| docker.databases.get(&service.name));
            match told {
                Some(DatabaseFacts::Answers(schema)) => {
                    seen.healthy = schema.charset.is_some() && schema.login;
                    seen.detail = match (seen.healthy, schema.charset.is_some()) {
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
            container_facts(
                &mut seen,
                facts.docker.as_ref(),
                &layout.release_container(&service.name, &id),
            );
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
