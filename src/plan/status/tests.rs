use super::*;
use crate::config::{self, SourceText, Surroundings};
use crate::facts::{
    ContainerDetails, ContainerFacts, FileFacts, FileKind, SchemaFacts, Space, UnitFacts,
};
use crate::model::{Acme, CertificateSource};

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
fn check(change: impl FnOnce(&mut HostFacts), probes: &[ProbeFacts], problems: &[&str]) -> Status {
    let mut facts = healthy();
    change(&mut facts);
    let facts = BTreeMap::from([("web1".parse().unwrap(), facts)]);
    let status = status(&stack(), &facts, probes, &BTreeMap::new());
    assert_eq!(status.problems, problems);
    assert_eq!(status.healthy, problems.is_empty());
    status
}

const CERTIFICATE: &str = "/etc/letsencrypt/live/stackctl.names.names/fullchain.pem";

/// What is told of a site whose certificate is for these names and ends at a day of the epoch, 100 days after it began;
/// on day 100.
fn told_of(names: &[&str], last_day: u64) -> (bool, String) {
    let mut stack = stack();
    let site = stack.sites.values_mut().next().unwrap();
    site.server_names = vec!["shop.example.com".parse().unwrap()];
    site.tls = Some(Tls {
        source: CertificateSource::Acme(Acme::default()),
        redirect: true,
        hsts: false,
        alert_days: 14,
    });
    let mut facts = healthy();
    facts.clock = 100 * 86_400;
    let certificate = CertificateFacts {
        not_before: last_day.saturating_sub(100) * 86_400,
        not_after: last_day * 86_400,
        not_after_text: format!("day {last_day}"),
        issuer: "CN = R3".into(),
        names: names.iter().map(ToString::to_string).collect(),
        fingerprint: "AA".into(),
    };
    if !names.is_empty() {
        facts
            .certificates
            .insert(CERTIFICATE.parse().unwrap(), certificate);
    }
    let facts = BTreeMap::from([("web1".parse().unwrap(), facts)]);
    let status = status(&stack, &facts, &probes(Ok(200), Ok(200)), &BTreeMap::new());
    let site = &status.sites[0];
    assert_eq!(site.port, 443);
    assert_eq!(status.healthy, site.healthy);
    (site.healthy, site.detail.clone())
}

#[test]
fn what_nginx_shows_is_compared_with_what_is_there() {
    let mut stack = stack();
    let site = stack.sites.values_mut().next().unwrap();
    site.server_names = vec!["*.example.com".parse().unwrap()];
    assert_eq!(tls::asked_for(site), None);
    site.server_names.push("shop.example.com".parse().unwrap());
    assert_eq!(tls::asked_for(site), Some("shop.example.com"));
    let there = CertificateFacts {
        fingerprint: "AA".into(),
        ..CertificateFacts::default()
    };
    let mut facts = healthy();
    assert!(!tls::shows_another(site, &there, &facts));
    for (shown, another) in [("AA", false), ("BB", true)] {
        facts.shown.insert("shop.example.com".into(), shown.into());
        assert_eq!(tls::shows_another(site, &there, &facts), another);
    }
}

#[test]
fn a_site_that_nginx_does_not_read_is_not_healthy() {
    let link = "/etc/nginx/sites-enabled/names.conf";
    let change = |facts: &mut HostFacts| {
        let file = FileFacts {
            kind: FileKind::File,
            mode: 0o644,
            user: 0,
            group: 0,
            digest: None,
            contents: None,
        };
        let path = "/etc/nginx/sites-available/names.conf";
        facts.files.insert(path.parse().unwrap(), file);
    };
    let problem = format!(
        "site names on web1, port 80: {link} is not there: somebody took it out, or nginx refused the site when it \
         started; `stackctl provision` puts it back or says why not"
    );
    check(change, &probes(Ok(200), Ok(200)), &[&problem]);
}

#[test]
fn a_certificate_is_judged() {
    let shop = ["shop.example.com"];
    let told = |names: &[&str], day, healthy, text: &str| {
        assert_eq!(told_of(names, day), (healthy, format!("HTTP 200; {text}")));
    };
    told(&shop, 160, true, "certificate valid for 60 days");
    told(&shop, 113, false, "the certificate expires in 13 days");
    told(&shop, 99, false, "expired certificate: it ended day 99");
    told(
        &["example.com"],
        160,
        false,
        "its certificate is not for shop.example.com",
    );
    told(&[], 160, false, "there is no certificate");
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

#[test]
fn a_container_of_a_compose_file_runs_is_healthy_or_has_done_its_work() {
    let text = "stack: shop\nhosts: {web1: 203.0.113.10}\ncompose: compose.yaml\n";
    let compose = "services: {cache: {image: 'redis:7', restart: always}, app: {image: x, restart: always, \
        depends_on: {setup: {condition: service_completed_successfully}}}, setup: {image: x}}";
    let files = BTreeMap::from([("/src/compose.yaml".into(), compose.to_owned())]);
    let elsewhere = config::Elsewhere {
        files: &files,
        variables: BTreeMap::new(),
    };
    let around = Surroundings {
        base: "/src".into(),
        home: None,
    };
    let source = SourceText { name: "test", text };
    let stack = config::read(&source, None, &around, &elsewhere)
        .unwrap()
        .stack;
    let told = |name: &str, state: &str, exit_code: i64, health: &str| {
        let mut there = container(state);
        there.labels = [(label::RELEASE.to_owned(), ID.to_owned())].into();
        let details = there.details.as_mut().unwrap();
        details.exit_code = exit_code;
        details.health = health.into();
        let mut docker = DockerFacts::default();
        docker.containers.insert(format!("shop-{name}-{ID}"), there);
        let facts = HostFacts {
            docker: Some(docker),
            ..HostFacts::default()
        };
        let host = "web1".parse().unwrap();
        let seen = &stack.services[&name.parse().unwrap()];
        let seen = service(&stack, seen, &host, &facts, None);
        (seen.healthy, seen.detail)
    };
    let is = |healthy: bool, detail: &str| (healthy, detail.to_owned());
    assert_eq!(told("cache", "running", 0, ""), is(true, "runs"));
    assert_eq!(
        told("cache", "running", 0, "unhealthy"),
        is(false, "runs, and its health check fails")
    );
    assert_eq!(
        told("cache", "running", 0, "healthy"),
        is(true, "runs, and its health check passes")
    );
    assert!(!told("cache", "exited", 0, "").0, "it should run");
    assert_eq!(
        told("setup", "exited", 0, ""),
        is(true, "has done its work")
    );
    assert!(!told("setup", "exited", 1, "").0, "its work was not done");
    assert!(told("app", "dead", 1, "").1.contains("is dead"));
}
