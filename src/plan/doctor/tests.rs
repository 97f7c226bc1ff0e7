use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::config::{SourceText, Surroundings, parse};
use crate::facts::{
    ConfigFacts, DockerFacts, FileFacts, FileKind, HostFacts, HostHealth, MachineFacts, Space,
    UnitFacts,
};
use crate::model::Stack;
use crate::plan::{Action, Drift, Finding, Plan, PlanError, Refusal, Step};

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
fn a_site_that_nginx_refuses_is_told_with_its_stack() {
    let said = "unknown directive \"x\" in /etc/nginx/sites-enabled/shop.conf:7";
    let health = HostHealth {
        nginx: Some(Err(said.into())),
        ..health()
    };
    let found = ["203.0.113.10"];
    let checks = judge(&health, Ok(&facts()), &Ok(Plan::default()), &found);
    let text = "Fail nginx: it refuses the site of stack `shop`, so no site's change is loaded, and its next start leaves \
                that one out: unknown directive \"x\" in /etc/nginx/sites-enabled/shop.conf:7";
    assert_eq!(bad(&checks), [text]);
    let repair = checks.iter().find_map(|check| check.repair.as_deref());
    assert!(
        repair
            .unwrap()
            .contains("stack `shop`'s: `stackctl provision --overwrite-drift`")
    );
}

#[test]
fn a_site_that_was_taken_out_is_told() {
    let mut facts = facts();
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
    let found = ["203.0.113.10"];
    let checks = judge(&self::health(), Ok(&facts), &Ok(Plan::default()), &found);
    let bad = bad(&checks);
    assert_eq!(bad.len(), 1);
    assert!(bad[0].starts_with(
        "Fail nginx: it runs without the site of this stack: /etc/nginx/sites-enabled/names.conf is not there"
    ));
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
        unread: None,
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
    let refused = Err(PlanError::Refused(Box::new(Refusal {
        findings: vec![
            finding("ports", "port 80 is held by apache2"),
            finding("disk", "told above already"),
        ],
        ..Refusal::default()
    })));
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
        notes: Vec::new(),
        drift: vec![Drift {
            host,
            what: "/etc/x".into(),
            was: "one".into(),
            is: "another".into(),
            would: "write it again".into(),
            is_left: true,
            diff: None,
        }],
    };
    let checks = judge(&health(), Ok(&stopped), &Ok(plan), &["10.0.0.5"]);
    assert_eq!(
        bad(&checks),
        [
            "Warn memory: 2048 of 512 MiB are free, and there is no swap: a build may be killed",
            "Fail engine: Docker's engine is installed but does not run",
            "Warn provisioned: `provision` would change it in 1 steps",
            "Warn drift: /etc/x was one, is another, and is left as it is; --overwrite-drift would write it again",
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
