//! Plans that are saved and carried out later, hooks around runs, and `doctor`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::scenario::{Lab, PATIENCE, eventually, http};

const CHECK: &str = "#!/bin/sh\nenv | grep ^STACKCTL_ | sort >seen.$STACKCTL_HOOK\n\
    pwd >>seen.$STACKCTL_HOOK\necho checked \"$@\"\n[ ! -e stop ]\n";
const THERE: &str = "#!/usr/bin/env perl\nopen my $seen, \">\", \"/run/seen.$ENV{STACKCTL_HOOK}\" or die;\n\
    print $seen \"$ENV{STACKCTL_HOST} $< @ARGV\\n\"; print \"hello from there\\n\"; exit($ARGV[0] eq \"fail\" ? 3 : 0);\n";

#[test]
#[ignore = "needs docker"]
fn a_saved_plan_holds_or_is_refused_hooks_are_seen_and_doctor_finds_what_is_broken() {
    let lab = Lab::boot("plan-files", "bookworm");
    let yaml = lab.path("stackctl.yaml");
    let page = |text: &str| {
        fs::create_dir_all(lab.path("page")).expect("a folder");
        fs::write(lab.path("page/index.html"), text).expect("write the page");
    };
    let stack = |hooks: &str| {
        let text = format!(
            "stack: page\nhosts:\n{}services: {{page: {{static: ./page}}}}\nsites: {{page: {{routes: {{/: page}}}}}}\n{hooks}",
            lab.host_yaml()
        );
        fs::write(&yaml, text).expect("write the yaml");
    };
    let served = |text: &str| {
        let url = lab.url(80);
        eventually("the page is served", PATIENCE, || {
            let (status, body) = http("GET", &url, None)?;
            (status == 200 && body == text).then_some(()).ok_or(body)
        });
    };
    page("one\n");
    stack("");

    lab.step("both plans of a bare host are saved, for their owner alone, and hold");
    lab.stackctl(["plan", "--out", "one.plan", "--exit-code"])
        .expect(7);
    let mode = fs::metadata(lab.path("one.plan"))
        .expect("the plan")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let holds = lab.stackctl(["apply", "one.plan", "--dry-run", "--json"]);
    assert_eq!(holds.expect_ok().json()["holds"], true);

    lab.step("apply does both without asking, and deploy is what was saved on assumed facts");
    let done = lab.stackctl(["apply", "one.plan", "--json"]);
    let told = done.expect_ok().json();
    assert_eq!(told["provision"]["outcome"], "done");
    assert_eq!(told["deploy"]["outcome"], "done");
    served("one\n");
    lab.stackctl(["plan", "--exit-code"]).expect_ok();

    lab.step("the same plan is refused once it is done, and changes nothing");
    let before = lab.root("find /var/lib/stackctl /etc/nginx -printf '%p %T@ %l\\n' | sort");
    let refused = lab.stackctl(["apply", "one.plan"]);
    refused
        .expect(5)
        .says("does not hold any more")
        .says("-provision: web1: install nginx");
    assert_eq!(
        before,
        lab.root("find /var/lib/stackctl /etc/nginx -printf '%p %T@ %l\\n' | sort")
    );

    lab.step("an empty plan is saved and carried out as nothing");
    lab.stackctl(["plan", "--out", "none.plan", "--exit-code"])
        .expect_ok();
    let nothing = lab.stackctl(["apply", "none.plan"]);
    assert!(
        nothing.expect_ok().stdout.contains("no changes"),
        "{nothing}"
    );

    lab.step("a host that has moved on is told by name");
    page("two\n");
    lab.stackctl(["plan", "--out", "two.plan"]).expect_ok();
    lab.root("rm /etc/nginx/sites-enabled/page.conf");
    lab.stackctl(["apply", "two.plan"])
        .expect(5)
        .says("web1: /etc/nginx/sites-enabled/page.conf was link to");
    served("one\n");
    lab.root("ln -s ../sites-available/page.conf /etc/nginx/sites-enabled/page.conf");

    lab.step("a folder that has moved on is told by release; back as it was, the plan holds");
    page("three\n");
    lab.stackctl(["apply", "two.plan"])
        .expect(5)
        .says("web1: the release of page was");
    page("two\n");
    lab.stackctl(["apply", "two.plan"]).expect_ok();
    served("two\n");

    hooks(&lab, &page, &stack, &served);
    doctor(&lab);
}

fn hooks(lab: &Lab, page: &dyn Fn(&str), stack: &dyn Fn(&str), served: &dyn Fn(&str)) {
    fs::create_dir(lab.path("hooks")).expect("a folder");
    for (name, text) in [("check", CHECK), ("there.pl", THERE)] {
        let path = lab.path("hooks").join(name);
        fs::write(&path, text).expect("write a hook");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("make it run");
    }
    stack(
        "hooks:\n  before_deploy:\n    - [hooks/check, --strict]\n    - {script: hooks/there.pl, on: all, args: [a b]}\n  \
         after_deploy: {script: hooks/there.pl, on: web1, args: [fail]}\n  on_failure: hooks/check\n",
    );

    lab.step("a run that changes nothing runs no hook");
    lab.stackctl(["deploy", "--yes"]).expect_ok();
    assert!(!lab.path("seen.before_deploy").exists());

    lab.step(
        "hooks run here and there with what they are told; one that fails afterwards is a warning",
    );
    page("hooked\n");
    let ran = lab.stackctl(["deploy", "--yes", "--json"]);
    ran.expect_ok()
        .says("warning: after_deploy on web1: there.pl fail");
    let told = ran.json();
    assert_eq!(told["outcome"], "done");
    let outcomes: Vec<&str> = told["hooks"]
        .as_array()
        .expect("hooks")
        .iter()
        .filter_map(|hook| hook["outcome"].as_str())
        .collect();
    assert_eq!(outcomes, ["done", "done", "failed"]);
    served("hooked\n");
    let seen = fs::read_to_string(lab.path("seen.before_deploy")).expect("it ran");
    for line in [
        "STACKCTL_COMMAND=deploy",
        "STACKCTL_HOSTS=web1",
        "STACKCTL_SERVICES=page",
        "STACKCTL_STACK=page",
        "STACKCTL_HOOK=before_deploy",
    ] {
        assert!(seen.lines().any(|seen| seen == line), "no {line} in {seen}");
    }
    assert!(
        seen.contains("STACKCTL_RELEASES=page=") && !seen.contains("STACKCTL_OUTCOME"),
        "{seen}"
    );
    assert!(seen.contains("STACKCTL_WHO=tester@"), "{seen}");
    assert_eq!(lab.root("cat /run/seen.before_deploy"), "web1 0 a b");
    assert_eq!(
        lab.root("cat /run/seen.after_deploy; ls /run | grep -c stackctl-hook || true"),
        "web1 0 fail\n0"
    );

    lab.step(
        "one that fails before stops the run with 5: nothing changed, and on_failure hears of it",
    );
    page("never\n");
    fs::write(lab.path("stop"), "").expect("a file");
    let before = lab.root("find /var/lib/stackctl -printf '%p %T@ %l\\n' | sort");
    let ran = lab.stackctl(["deploy", "--yes"]);
    ran.expect(5)
        .says("nothing was changed")
        .says("checked --strict");
    assert_eq!(
        before,
        lab.root("find /var/lib/stackctl -printf '%p %T@ %l\\n' | sort")
    );
    served("hooked\n");
    let seen = fs::read_to_string(lab.path("seen.on_failure")).expect("it ran");
    assert!(
        seen.contains("STACKCTL_OUTCOME=refused") && seen.contains("STACKCTL_ERROR=before_deploy"),
        "{seen}"
    );

    lab.step("a saved plan holds its hooks as well; --no-hooks leaves them out");
    lab.stackctl(["plan", "--out", "hooks.plan"]).expect_ok();
    fs::write(lab.path("hooks/there.pl"), format!("{THERE}# other\n")).expect("write a hook");
    lab.stackctl(["apply", "hooks.plan"])
        .expect(5)
        .says("a hook has changed");
    lab.stackctl(["deploy", "--yes", "--no-hooks"]).expect_ok();
    served("never\n");
    fs::remove_file(lab.path("stop")).expect("remove a file");
}

fn doctor(lab: &Lab) {
    lab.step("doctor finds nothing wrong with a healthy host");
    let level = |name: &str| {
        let told = lab.stackctl(["doctor", "--json"]).json();
        let checks = told["checks"].as_array().expect("checks").clone();
        let of_host = checks.into_iter().filter(|check| check["place"] == "web1");
        let mut levels = of_host.filter(|check| check["name"] == name);
        levels
            .next()
            .map(|check| check["level"].as_str().unwrap_or_default().to_owned())
    };
    let ran = lab.stackctl(["doctor"]);
    ran.expect_ok();
    assert!(
        ran.stdout.contains("✓ provisioned: as the yaml says"),
        "{ran}"
    );
    assert_eq!(level("nginx").as_deref(), Some("ok"));

    lab.step("on a broken host it names each thing and what repairs it");
    lab.root(
        "cp /etc/nginx/nginx.conf /root/kept; echo broken >>/etc/nginx/nginx.conf; echo linux-image >/run/reboot-required.pkgs; \
         touch /run/reboot-required; systemd-run -q --unit=page-lost false; mount -t tmpfs -o size=64m full /var/lib",
    );
    eventually("the unit has failed", PATIENCE, || {
        let said = lab.root("systemctl is-failed page-lost || true");
        (said == "failed").then_some(()).ok_or(said)
    });
    let ran = lab.stackctl(["doctor"]);
    lab.root("umount /var/lib; cp /root/kept /etc/nginx/nginx.conf; rm /run/reboot-required*; systemctl reset-failed page-lost");
    ran.expect(7);
    for part in [
        "✗ nginx: its configuration is refused",
        "✗ disk: 6",
        "✗ units: failed: page-lost.service",
        "! reboot: it waits for a reboot, for linux-image",
        "repair: on web1: sudo journalctl -u page-lost.service",
    ] {
        assert!(ran.stdout.contains(part), "no `{part}` in {ran}");
    }
    lab.stackctl(["doctor"]).expect_ok();

    lab.step("a host that cannot be reached is one failed check");
    let port = lab.host().ssh_port;
    let text = fs::read_to_string(lab.path("stackctl.yaml")).expect("the yaml");
    let gone = text.replace(&format!("port: {port}"), "port: 1");
    fs::write(lab.path("gone.yaml"), gone).expect("write the yaml");
    let ran = lab.stackctl(["doctor", "-c", "gone.yaml"]);
    ran.expect(7);
    assert!(
        ran.stdout
            .contains("✗ reachable: cannot reach 127.0.0.1 on port 1"),
        "{ran}"
    );
    assert!(ran.stdout.contains("✓ version"), "{ran}");
}
