//! The lab itself: several hosts, side by side with other labs, that come, vanish, and go without a trace.

use std::fs;

use stackctl::lab::{HostState, LabName, pause, status, unpause};

use super::scenario::{Lab, PATIENCE, block_on, eventually, objects_of};

#[test]
#[ignore = "needs docker"]
fn a_lab_of_two_hosts_boots_is_told_when_one_vanishes_and_leaves_nothing() {
    let lab = Lab::boot("lab-hosts", "trixie");
    let name: LabName = lab.name.parse().expect("a lab's name");

    lab.step("a second host joins, the first stays as it is");
    let grow = [
        "lab", "up", "--hosts", "2", "--base", "trixie", "--yes", "--json", "--name", &lab.name,
    ];
    let grown = lab.stackctl(grow);
    let told = grown.expect_ok().json();
    assert_eq!(
        told["lab"]["hosts"].as_array().map(Vec::len),
        Some(2),
        "{told}"
    );
    assert_eq!(told["lab"]["hosts"][0]["ssh_port"], lab.host().ssh_port);
    let again = lab.stackctl([
        "lab",
        "ssh",
        "--name",
        &lab.name,
        "web2",
        "--",
        "cat",
        "/etc/hostname",
    ]);
    assert_eq!(again.expect_ok().stdout, "web2\n");

    lab.step("a host is fresh: systemd runs, and nothing is there that provision installs");
    let state = lab.ssh("systemctl is-system-running");
    assert_eq!(state.stdout, "running\n", "{state}");
    for program in ["dockerd", "nginx", "mysqld", "python3"] {
        let found = lab.try_root(&format!("command -v {program}"));
        assert_ne!(found.code, Some(0), "{program} is there already");
    }

    lab.step("images say what they really are");
    let images = lab.stackctl(["lab", "images", "--json"]);
    let told = images.expect_ok().json();
    let stand_in = told["images"]
        .as_array()
        .and_then(|images| {
            images
                .iter()
                .find(|image| image["stands_in_for"] == "mysql:8.4")
        })
        .unwrap_or_else(|| panic!("mysql:8.4 is among {told}"));
    let really = stand_in["really"].as_str().unwrap_or_default();
    assert!(really.contains("MySQL"), "{stand_in}");

    lab.step("a host that vanishes is told as unreachable, soon");
    let text = format!(
        "stack: page\nhosts:\n{}services:\n  page: {{static: site}}\nsites:\n  page:\n    routes: {{/: page}}\n",
        lab.host_yaml()
    );
    fs::create_dir(lab.path("site")).expect("a folder");
    fs::write(lab.path("site/index.html"), "here").expect("write");
    fs::write(lab.path("stackctl.yaml"), text).expect("write");
    lab.stackctl(["provision", "--yes"]).expect_ok();
    lab.stackctl(["deploy", "--yes"]).expect_ok();
    lab.stackctl(["status"]).expect_ok();
    block_on(pause(lab.host())).expect("pauses");
    let seen = block_on(status(&name)).expect("a status");
    assert_eq!(seen.hosts[0].state, HostState::Paused);
    let gone = lab.stackctl(["status", "--json"]);
    let told = gone.expect(4).json();
    assert_eq!(told["hosts"][0]["reachable"], false, "{told}");
    block_on(unpause(lab.host())).expect("goes on");
    eventually("the host is healthy again", PATIENCE, || {
        let ran = lab.stackctl(["status"]);
        (ran.code == Some(0)).then_some(()).ok_or(ran.stderr)
    });

    lab.step("down leaves nothing, and down again is no error");
    for _ in 0..2 {
        lab.stackctl(["lab", "down", "--yes", "--name", &lab.name])
            .expect_ok();
    }
    let left = objects_of(&lab.name);
    assert!(left.is_empty(), "left behind: {left:?}");
    assert!(block_on(status(&name)).is_err());
}
