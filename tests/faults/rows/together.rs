//! Several deployers at once, and one that was paused and wakes up late.

use std::time::Duration;

use super::super::matrix::{Bench, Cell, Place};
use super::Work;

/// A deployer that is silent for this long has lost its lease, with some time to take things back.
const LEASE_ENDS_WITHIN: Duration = Duration::from_secs(30);

pub fn cells() -> Vec<Cell> {
    let cell = |name, place, test| Cell {
        row: "deployers at once",
        name,
        place,
        test,
    };
    vec![
        cell(
            "the second is told who holds the lock",
            Place::Lane,
            refused,
        ),
        cell("the second waits for the first", Place::Lane, waits),
        cell("eight: each is done or refused", Place::Lane, eight),
        cell(
            "another stack on the same host is not held up",
            Place::Host,
            another_stack,
        ),
        cell(
            "paused at each step, and woken up late",
            Place::Lane,
            paused,
        ),
    ]
}

fn refused(bench: &mut Bench) {
    bench.run("deploy", |lane| {
        let versions = Work::Deploy.prepare(lane);
        let (running, halt) = Work::Deploy.halt_at(lane, "before:3");
        for command in ["deploy", "provision", "rollback"] {
            let ran = lane.run(&[command, "--yes", "--lock-wait", "0s"]);
            ran.expect(8).says("tester@").says("deploy");
        }
        lane.run(&["plan"]).expect_ok();
        drop(halt);
        lane.wait(running).expect_ok();
        lane.serves_whole(&[&versions[1]]);
        lane.has_converged();
        lane.lost_nothing();
    });
}

fn waits(bench: &mut Bench) {
    bench.run("deploy", |lane| {
        let versions = Work::Deploy.prepare(lane);
        let (running, halt) = Work::Deploy.halt_at(lane, "before:3");
        let mut second = lane.start(lane.command(&["deploy", "--yes", "--lock-wait", "60s"]));
        std::thread::sleep(Duration::from_secs(2));
        assert!(!second.has_ended(), "it waits: {}", second.said());
        assert!(
            second.said().contains("tester@"),
            "it says for whom: {}",
            second.said()
        );
        drop(halt);
        lane.wait(running).expect_ok();
        let ran = lane.wait(second);
        assert!(ran.expect_ok().stdout.contains("no changes"), "{ran}");
        lane.serves_whole(&[&versions[1]]);
        lane.has_converged();
        lane.lost_nothing();
    });
}

fn eight(bench: &mut Bench) {
    let rounds = if bench.long { 10 } else { 2 };
    for round in 1..=rounds {
        bench.run(format!("round {round}"), |lane| {
            let versions = Work::Deploy.prepare(lane);
            let start = |_| lane.start(lane.command(&["deploy", "--yes", "--lock-wait", "0s"]));
            let all: Vec<_> = (0..8).map(start).collect();
            let codes: Vec<_> = all.into_iter().map(|one| lane.wait(one).code).collect();
            assert!(
                codes.iter().all(|code| matches!(code, Some(0 | 8))),
                "{codes:?}"
            );
            assert!(codes.contains(&Some(0)), "one of them did it: {codes:?}");
            lane.serves_whole(&[&versions[1]]);
            lane.has_converged();
            lane.lost_nothing();
        });
    }
}

fn another_stack(bench: &mut Bench) {
    bench.run("provision and deploy", |lane| {
        let versions = Work::Deploy.prepare(lane);
        lane.invite();
        let (running, halt) = Work::Deploy.halt_at(lane, "before:3");
        let guest = lane.guest();
        guest
            .run(&["provision", "--yes", "--lock-wait", "0s"])
            .expect_ok();
        guest.converges(&["deploy", "--yes", "--lock-wait", "0s"]);
        guest.wipe();
        drop(halt);
        lane.wait(running).expect_ok();
        Work::Deploy.finish(lane, super::super::lane::Run::Unharmed, &versions);
    });
}

/// The host gives up on it, another run goes through, and what the first one does after it wakes up changes nothing.
fn paused(bench: &mut Bench) {
    bench.raise(7, |lane, number| {
        use super::super::lane::Run;
        let versions = Work::Deploy.prepare(lane);
        let mut command = lane.command(&["deploy", "--yes"]);
        command.env("STACKCTL_FAILPOINT", format!("before:{number}:stop"));
        let mut first = lane.start(command);
        while !first.has_ended() && !first.is_stopped() {
            std::thread::sleep(Duration::from_millis(20));
        }
        if first.has_ended() {
            lane.wait(first).expect_ok();
            Work::Deploy.finish(lane, Run::Unharmed, &versions);
            return Run::Unharmed;
        }
        lane.is_free(LEASE_ENDS_WITHIN);
        if lane.serves_whole(&[&versions[0], &versions[1]]) == versions[1] {
            // It was paused after all was confirmed.
            lane.remember();
        }
        // Something else is deployed meanwhile.
        let third = lane.next_version();
        lane.run(&["deploy", "--yes"]).expect_ok();
        lane.remember();
        first.signal("CONT");
        let ran = lane.wait_within(first, LEASE_ENDS_WITHIN);
        assert!(
            !matches!(ran.code, Some(0) | None),
            "it is told that its time is over: {ran}"
        );
        lane.serves_whole(&[&third]);
        lane.has_converged();
        lane.lost_nothing();
        Run::Harmed
    });
}
