//! Docker's engine restarts while it does something long: what can be done again is, and the rest is told.

use std::fs;

use super::scenario::{Lab, PATIENCE, eventually, http};

#[test]
#[ignore = "needs docker"]
fn a_build_is_repeated_when_the_engine_restarts_and_a_release_phase_is_not() {
    let lab = Lab::ready("engine-restart", "bookworm");
    fs::create_dir_all(lab.path("api")).expect("a folder");
    let dockerfile = "FROM python:3.12-slim\nRUN sleep 21\nCMD [\"python\", \"-m\", \"http.server\", \"8080\"]\n";
    fs::write(lab.path("api/Dockerfile"), dockerfile).expect("a file");
    let write = |release: &str| {
        let text = format!(
            "stack: slow\nhosts:\n{}services:\n  api:\n    build: {{context: api, dockerfile: Dockerfile}}\n    \
             listen: 8080\n    health: /\n{release}sites:\n  slow: {{routes: {{/: api}}}}\n",
            lab.host_yaml()
        );
        fs::write(lab.path("stackctl.yaml"), text).expect("write the yaml");
    };
    let restart_while = |sleeps: &str| {
        let deploy = lab.start(["deploy", "--yes"]);
        eventually("it is in the middle", PATIENCE, || {
            let ran = lab.try_root(&format!("pgrep -xf '(/bin/sh -c )?sleep {sleeps}'"));
            (ran.code == Some(0)).then_some(()).ok_or(deploy.said())
        });
        lab.root("systemctl restart docker.service");
        deploy.wait(&lab)
    };
    let serves = || {
        let (status, page) = http("GET", &lab.url(80), None)?;
        (status == 200)
            .then_some(())
            .ok_or(format!("{status} {page}"))
    };

    lab.step("a build in whose middle the engine restarts is done again");
    write("");
    lab.stackctl(["provision", "--yes"]).expect_ok();
    let ran = restart_while("21");
    ran.expect_ok();
    let said = ran.stdout + &ran.stderr;
    assert!(said.contains("building again"), "{said}");
    serves().expect("it serves");

    lab.step("a release phase in whose middle it restarts is told, and what served serves on");
    write("    release: [sleep, \"22\"]\n");
    let ran = restart_while("22");
    ran.expect(6)
        .says("Docker's engine restarted while `sleep 22` ran")
        .says("look at what it did");
    eventually("what served serves", PATIENCE, serves);
    lab.stackctl(["deploy", "--yes"]).expect_ok();
    serves().expect("it serves");
}
