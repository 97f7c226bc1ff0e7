//! The database is down before a deploy, or goes down during one.

use super::super::lane::Lane;
use super::super::matrix::{Bench, Cell, Place};
use super::super::scenario::{PATIENCE, eventually};
use super::Work;

pub fn cells() -> Vec<Cell> {
    let cell = |name, test| Cell {
        row: "database down",
        name,
        place: Place::Host,
        test,
    };
    vec![
        cell("before a deploy", before),
        cell("during a deploy, at each step", during),
    ]
}

/// An app that calls itself healthy only while it reaches the database, as it should before it serves.
fn needs_database(lane: &mut Lane) {
    lane.more = "  db: {mysql: {image: 'mariadb:11'}}\n".into();
    lane.app_keys = vec![
        "needs: [db]".into(),
        "env: {HEALTH_NEEDS: database}".into(),
        "health: {path: /healthz, interval: 100ms, deadline: 5s}".into(),
    ];
}

fn stop(lane: &Lane) {
    lane.host()
        .root(&format!("docker stop -t 10 {}-db", lane.stack));
}

fn start(lane: &Lane) {
    lane.host().root(&format!("docker start {}-db", lane.stack));
    eventually("the database answers", PATIENCE, || {
        let ran = lane.run(&["status"]);
        (ran.code == Some(0))
            .then_some(())
            .ok_or_else(|| ran.to_string())
    });
}

fn before(bench: &mut Bench) {
    bench.stack(needs_database);
    bench.run("deploy", |lane| {
        let versions = Work::Deploy.prepare(lane);
        stop(lane);
        let ran = lane.run(&["deploy", "--yes"]);
        ran.expect(5).says("db");
        lane.serves_whole(&[&versions[0]]);
        start(lane);
        lane.converges(&["deploy", "--yes"]);
        lane.lost_nothing();
    });
}

fn during(bench: &mut Bench) {
    bench.stack(needs_database);
    let steps: &[usize] = if bench.long {
        &[1, 2, 3, 4, 5, 6, 7]
    } else {
        &[1, 6]
    };
    for step in steps {
        bench.run(format!("n={step}"), |lane| {
            let versions = Work::Deploy.prepare(lane);
            let (running, halt) = Work::Deploy.halt_at(lane, &format!("before:{step}"));
            stop(lane);
            drop(halt);
            let ran = lane.wait(running);
            ran.expect(6);
            lane.serves_whole(&[&versions[0]]);
            start(lane);
            lane.converges(&["deploy", "--yes"]);
            lane.lost_nothing();
        });
    }
}
