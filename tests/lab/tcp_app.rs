//! An app that only speaks TCP, with a Dockerfile of its own.

use std::fs;

use super::scenario::{Lab, PATIENCE, block_on, eventually, http};

const DOCKERFILE: &str = "\
FROM python:3.12-slim
WORKDIR /srv
COPY . .
USER 65534
EXPOSE 8080
CMD [\"python\", \"-m\", \"http.server\", \"8080\"]
";

#[test]
#[ignore = "needs docker"]
fn an_app_that_only_speaks_tcp_is_switched_through_a_socket_proxy_and_survives_a_reboot() {
    let lab = Lab::ready("tcp-app", "bookworm");
    let yaml = lab.path("stackctl.yaml");
    fs::create_dir(lab.path("web")).expect("a folder");
    fs::write(lab.path("web/Dockerfile"), DOCKERFILE).expect("write");
    let text = format!(
        "stack: hello\nhosts:\n{}services:\n  web:\n    build: {{context: web, dockerfile: Dockerfile}}\n    \
         listen: 8080\n    health: /version.txt\nsites:\n  main:\n    routes: {{/: web}}\n",
        lab.host_yaml()
    );
    fs::write(&yaml, text).expect("write");
    let version = |version: &str| {
        fs::write(lab.path("web/version.txt"), version).expect("write");
        lab.stackctl(["deploy", "--yes"]).expect_ok();
        serves(&lab, version);
        let ran = lab.stackctl(["deploy", "--yes"]);
        assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
    };

    lab.step("the first release serves");
    fs::write(lab.path("web/version.txt"), "none").expect("write");
    lab.stackctl(["provision", "--yes"]).expect_ok();
    version("one");
    let first = units(&lab);
    assert_eq!(first.len(), 2, "a socket and its service: {first:?}");
    // Words of warning count as well.
    let verified = lab.root("systemd-analyze verify /etc/systemd/system/hello-web-proxy-* 2>&1");
    assert_eq!(verified, "", "systemd takes the units as they are");
    let open = lab.root("ss -Hltn | awk '{print $4}' | grep ':2[0-9][0-9][0-9][0-9]$'");
    assert!(
        open.lines().all(|local| local.starts_with("127.0.0.1:")),
        "only on loopback: {open}"
    );

    lab.step("the second release takes its place, with units of its own");
    version("two");
    let second = units(&lab);
    assert_eq!(
        second.len(),
        4,
        "those of the release before are kept with it: {second:?}"
    );
    assert!(first.iter().all(|unit| second.contains(unit)));
    let active = || {
        lab.root(
            "systemctl list-units --plain --no-legend 'hello-web-proxy-*.socket' | awk '{print $1}'",
        )
    };
    assert_eq!(
        active().lines().count(),
        2,
        "the release before is warm: {}",
        active()
    );

    lab.step("back to the release before, and forth again");
    lab.stackctl(["rollback", "--yes"]).expect_ok();
    serves(&lab, "one");
    lab.stackctl(["deploy", "--yes"]).expect_ok();
    serves(&lab, "two");

    lab.step("a release that never gets healthy leaves nothing");
    let look = "docker ps -a --format '{{.Names}} {{.State}}'; find /etc/systemd /run/stackctl -not -name '*.lock' -printf '%p %l\\n'; \
        systemctl list-units --all --plain --no-legend 'hello-*' | awk '{print $1, $3}' | grep socket";
    let state = lab.root(look);
    fs::rename(lab.path("web/version.txt"), lab.path("kept")).expect("rename");
    let text = fs::read_to_string(&yaml).expect("the yaml");
    let hasty = text.replace(
        "health: /version.txt",
        "health: {path: /version.txt, deadline: 3s}",
    );
    fs::write(&yaml, hasty).expect("write");
    lab.stackctl(["deploy", "--yes"])
        .expect(6)
        .says("did not get healthy");
    super::scenario::same(&state, &lab.root(look));
    fs::write(&yaml, text).expect("write");
    fs::rename(lab.path("kept"), lab.path("web/version.txt")).expect("rename");
    serves(&lab, "two");
    // Its image goes with the next deploy.
    lab.stackctl(["deploy", "--yes"]).expect_ok();

    lab.step("it serves again after a reboot");
    block_on(stackctl::lab::reboot(lab.host())).expect("the host comes back");
    eventually("it serves", PATIENCE, || {
        let (status, text) = http("GET", &format!("{}/version.txt", lab.url(80)), None)?;
        (status == 200 && text == "two")
            .then_some(())
            .ok_or(format!("{status} {text}"))
    });
    let ran = lab.stackctl(["deploy", "--yes"]);
    assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
    lab.stackctl(["status"]).expect_ok();
}

fn serves(lab: &Lab, version: &str) {
    let url = format!("{}/version.txt", lab.url(80));
    let (status, text) = http("GET", &url, None).expect("an answer");
    assert_eq!((status, text.as_str()), (200, version));
}

fn units(lab: &Lab) -> Vec<String> {
    let all = lab.root("ls /etc/systemd/system | grep '^hello-web-proxy-' || true");
    all.lines().map(str::to_owned).collect()
}
