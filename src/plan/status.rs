//! Everything that must be true, judged from facts alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::container::label;
use super::provision::MARIADB;
use super::restart::Stopped;
use crate::facts::{
    DatabaseFacts, DockerFacts, Facts, FirewallFacts, HostFacts, ProbeFacts, Probed,
};
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
    /// `app`, `static` or `mysql`.
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
    let needs_docker = services.iter().any(|service| service.in_container());
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
        ServiceKind::Mysql(_) => {
            seen.kind = "mysql";
            match service.in_container() {
                true => {
                    let name = layout.container(&service.name);
                    container_facts(&mut seen, facts.docker.as_ref(), &name);
                }
                false => unit_facts(&mut seen, facts, MARIADB),
            }
            stopped(&mut seen, &layout, service, facts);
            match facts.database(&service.name) {
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
mod tests {
    use super::*;
    use crate::config::{self, SourceText, Surroundings};
    use crate::facts::{
        ContainerDetails, ContainerFacts, FileFacts, FileKind, SchemaFacts, Space, UnitFacts,
    };

    const ID: &str = "0123456789ab";

    fn stack() -> Stack {
        let text = "stack: names\nhosts: {web1: 203.0.113.10}\nservices:\n  \
            db: {mysql: {image: 'mysql:8.4'}}\n  \
            backend: {build: ., listen: socket, health: /healthz, needs: [db]}\n  \
            page: {static: .}\n\
            sites: {names: {routes: {/: page, /api: backend}}}\n";
        let source = SourceText { name: "test", text };
        let around = Surroundings {
            base: "/src".into(),
            home: None,
        };
        config::parse(&source, &around).unwrap()
    }

    fn container(state: &str) -> ContainerFacts {
        ContainerFacts {
            state: state.into(),
            details: Some(ContainerDetails {
                started_at: "2026-11-21T05:00:00Z".into(),
                exit_code: 137,
                ..ContainerDetails::default()
            }),
            ..ContainerFacts::default()
        }
    }

    /// A host on which all is well.
    fn healthy() -> HostFacts {
        let mut facts = HostFacts {
            nginx: Some("1.22.1".into()),
            memory_total: 2048 * 1024,
            memory_available: 1024 * 1024,
            uptime: 60,
            ..HostFacts::default()
        };
        let (total, free) = (20 * 1024 * 1024, 10 * 1024 * 1024);
        facts.disk.insert("/var/lib".into(), Space { total, free });
        let nginx = UnitFacts {
            active: "active".into(),
            ..UnitFacts::default()
        };
        facts.units.insert("nginx.service".into(), nginx);
        for (path, target) in [
            (
                "/run/stackctl/names/backend.sock",
                format!("backend.{ID}/app.sock"),
            ),
            (
                "/var/lib/stackctl/names/current/page",
                format!("../releases/page/{ID}"),
            ),
        ] {
            let link = FileFacts {
                kind: FileKind::Link(target),
                mode: 0o777,
                user: 0,
                group: 0,
                digest: None,
                contents: None,
            };
            facts.files.insert(path.parse().unwrap(), link);
        }
        let releases = "/var/lib/stackctl/names/releases/page";
        let names = BTreeMap::from([(ID.to_owned(), 1)]);
        facts.entries.insert(releases.into(), names);
        let schema = SchemaFacts {
            version: "8.4.3".into(),
            charset: Some("utf8mb4".into()),
            login: true,
            ..SchemaFacts::default()
        };
        facts.docker = Some(DockerFacts {
            engine: "20.10.24".into(),
            containers: ["names-db".to_owned(), format!("names-backend-{ID}")]
                .map(|name| (name, container("running")))
                .into(),
            databases: BTreeMap::from([("db".parse().unwrap(), DatabaseFacts::Answers(schema))]),
            ..DockerFacts::default()
        });
        facts
    }

    fn probes(backend: Result<u16, &str>, site: Result<u16, &str>) -> Vec<ProbeFacts> {
        let probe = |probed, path: &str, status: Result<u16, &str>| ProbeFacts {
            host: "web1".parse().unwrap(),
            probed,
            path: path.into(),
            status: status.map_err(str::to_owned),
        };
        vec![
            probe(
                Probed::Service("backend".parse().unwrap()),
                "/healthz",
                backend,
            ),
            probe(Probed::Site("names".parse().unwrap()), "/", site),
        ]
    }

    /// Changes a healthy host and holds what `status` complains of to `problems`.
    #[track_caller]
    fn check(
        change: impl FnOnce(&mut HostFacts),
        probes: &[ProbeFacts],
        problems: &[&str],
    ) -> Status {
        let mut facts = healthy();
        change(&mut facts);
        let facts = BTreeMap::from([("web1".parse().unwrap(), facts)]);
        let status = status(&stack(), &facts, probes, &BTreeMap::new());
        assert_eq!(status.problems, problems);
        assert_eq!(status.healthy, problems.is_empty());
        status
    }

    fn docker(facts: &mut HostFacts) -> &mut DockerFacts {
        facts.docker.as_mut().unwrap()
    }

    #[test]
    fn all_is_well() {
        let status = check(|_| {}, &probes(Ok(200), Ok(404)), &[]);
        let told: Vec<_> = status
            .services
            .iter()
            .map(|seen| {
                (
                    seen.name.as_str(),
                    seen.kind,
                    seen.release.as_deref(),
                    seen.detail.as_str(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("db", "mysql", None, "answers a query, 8.4.3"),
                ("backend", "app", Some(ID), "/healthz answers HTTP 200"),
                ("page", "static", Some(ID), "served by nginx"),
            ]
        );
        assert_eq!(status.sites[0].http_status, Some(404));
        assert_eq!(
            status.hosts[0].memory_mib.map(|memory| memory.free),
            Some(1024)
        );
    }

    #[test]
    fn a_stopped_database_is_named() {
        let stopped = |facts: &mut HostFacts| {
            docker(facts).databases.clear();
            docker(facts)
                .containers
                .insert("names-db".into(), container("exited"));
        };
        check(
            stopped,
            &probes(Ok(503), Ok(200)),
            &[
                "database db on web1: its container names-db is exited (exit code 137)",
                "service backend on web1: /healthz answers HTTP 503",
            ],
        );
    }

    #[test]
    fn a_database_that_runs_but_does_not_serve_is_named() {
        let silent = |facts: &mut HostFacts| {
            let why = DatabaseFacts::Silent("too many connections".into());
            docker(facts).databases.insert("db".parse().unwrap(), why);
        };
        let problem = "database db on web1: does not answer a query: too many connections";
        check(silent, &probes(Ok(200), Ok(200)), &[problem]);
        let schema = |schema: SchemaFacts| {
            move |facts: &mut HostFacts| {
                let answers = DatabaseFacts::Answers(schema);
                docker(facts)
                    .databases
                    .insert("db".parse().unwrap(), answers);
            }
        };
        let missing = schema(SchemaFacts::default());
        let problem = "database db on web1: answers, but the database is missing";
        check(missing, &probes(Ok(200), Ok(200)), &[problem]);
        let locked_out = schema(SchemaFacts {
            charset: Some("utf8mb4".into()),
            ..SchemaFacts::default()
        });
        let problem = "database db on web1: its user cannot log in";
        check(locked_out, &probes(Ok(200), Ok(200)), &[problem]);
    }

    #[test]
    fn an_app_is_judged_by_its_container_and_its_answer() {
        let name = format!("names-backend-{ID}");
        check(
            |facts| drop(docker(facts).containers.remove(&name)),
            &probes(Err("no such file"), Ok(502)),
            &[
                &format!("service backend on web1: its container {name} is missing"),
                "site names on web1, port 80: HTTP 502",
            ],
        );
        let mut killed = container("exited");
        killed.details.as_mut().unwrap().out_of_memory = true;
        check(
            |facts| drop(docker(facts).containers.insert(name.clone(), killed)),
            &probes(Err("no such file"), Ok(200)),
            &[&format!(
                "service backend on web1: its container {name} is exited (exit code 137, out of memory)"
            )],
        );
        check(
            |_| {},
            &probes(Err("timed out"), Err("refused")),
            &[
                "service backend on web1: /healthz does not answer: timed out",
                "site names on web1, port 80: refused",
            ],
        );
        check(
            |facts| {
                facts.files.clear();
                facts.entries.clear();
            },
            &probes(Err("no such file"), Ok(200)),
            &[
                "service backend on web1: never deployed",
                "service page on web1: never deployed",
            ],
        );
        check(
            |facts| facts.entries.clear(),
            &probes(Ok(200), Ok(200)),
            &[&format!(
                "service page on web1: the files of release {ID} are gone"
            )],
        );
    }

    #[test]
    fn a_hosts_own_troubles_are_problems() {
        check(
            |facts| {
                facts.units.clear();
                facts.disk.get_mut("/var/lib").unwrap().free = 100 * 1024;
            },
            &probes(Ok(200), Ok(200)),
            &[
                "host web1 has only 100 MiB of disk left",
                "host web1: nginx does not run",
            ],
        );
    }

    #[test]
    fn an_unreachable_host_is_a_problem_and_tells_why() {
        let why = BTreeMap::from([("web1".parse().unwrap(), "connection refused".to_owned())]);
        let status = status(&stack(), &BTreeMap::new(), &[], &why);
        assert!(!status.healthy);
        assert_eq!(
            status.problems,
            ["host web1 cannot be reached: connection refused"]
        );
        assert_eq!(status.hosts[0].error.as_deref(), Some("connection refused"));
        assert!(status.services.is_empty());
    }
}
