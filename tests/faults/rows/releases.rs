//! Releases that should never serve, or that misbehave while they do.

use std::time::{Duration, Instant};

use super::super::lane::Lane;
use super::super::matrix::{Bench, Cell, Place};
use super::super::scenario::Ran;
use super::Work;

/// A deploy comes to its switch.
const SWITCHED_WITHIN: Duration = Duration::from_secs(120);
/// After Ctrl-C; CI systems kill after ten seconds.
const ENDED_WITHIN: Duration = Duration::from_secs(10);
/// A unit that ignores SIGTERM is killed after 20 s.
const TAKEN_BACK_WITHIN: Duration = Duration::from_secs(40);

pub fn cells() -> Vec<Cell> {
    let cell = |row, name, test| Cell {
        row,
        name,
        place: Place::Lane,
        test,
    };
    const BAD: &str = "bad release";
    const PHASE: &str = "release phase";
    vec![
        cell(BAD, "never gets healthy", |bench| {
            refused(bench, "sick", |ran| {
                ran.says("did not get healthy").says("not well, on purpose");
            });
        }),
        cell(BAD, "ends at once", |bench| {
            refused(bench, "ends", |ran| {
                ran.says("ends at once, on purpose");
            });
        }),
        cell(BAD, "flaps: well for an instant at each start", |bench| {
            refused(bench, "flaps", |ran| {
                ran.says("ends after it was well, on purpose");
            });
        }),
        cell(BAD, "gets unhealthy during bake", |bench| {
            refused(bench, "sours", |ran| {
                ran.says("not well, on purpose");
            });
        }),
        cell(BAD, "ignores SIGTERM", stubborn),
        cell(BAD, "is slow to start", slow),
        cell(PHASE, "fails", |bench| {
            phase(
                bench,
                "raise SystemExit('no tables, on purpose')",
                "no tables, on purpose",
            );
        }),
        cell(PHASE, "takes too long", |bench| {
            phase(
                bench,
                "import time; print('still at it', flush=True); time.sleep(600)",
                "still at it",
            );
        }),
    ]
}

/// The old release serves throughout, the run ends with 6 and says why, and nothing of the new one is left.
pub(super) fn refused(bench: &mut Bench, behaviour: &str, check: impl Fn(&Ran)) {
    bench.stack(|lane| {
        lane.app_keys = vec![
            "health: {path: /healthz, interval: 100ms, deadline: 5s}".into(),
            "bake: 3s".into(),
        ];
    });
    bench.run("deploy", |lane| {
        let versions = Work::Deploy.prepare(lane);
        lane.behaves(behaviour);
        let ran = lane.run(&["deploy", "--yes"]);
        check(ran.expect(6));
        lane.serves_whole(&[&versions[0]]);
        lane.lost_nothing();
        assert_eq!(lane.app_releases(), 2, "what serves and what served before");
        lane.behaves("good");
        lane.next_version();
        lane.converges(&["deploy", "--yes"]);
        lane.lost_nothing();
    });
}

/// It serves well; when it is its turn to go, it is killed after its grace, and nobody notices.
pub(super) fn stubborn(bench: &mut Bench) {
    bench.stack(|lane| lane.app_keys = vec!["warm: 0s".into()]);
    bench.run("deploy", |lane| {
        lane.behaves("stubborn");
        lane.next_version();
        lane.run(&["deploy", "--yes"]).expect_ok();
        lane.remember();
        lane.behaves("good");
        lane.next_version();
        lane.converges(&["deploy", "--yes"]);
        lane.lost_nothing();
    });
}

/// What takes it back lasts longer than a run has that was stopped: the host goes on by itself, until nothing of it is left.
pub(super) fn stubborn_and_stopped(bench: &mut Bench) {
    bench.stack(|lane| lane.app_keys = vec!["bake: 60s".into()]);
    bench.run("deploy", |lane| {
        let versions = Work::Deploy.prepare(lane);
        lane.behaves("stubborn");
        let history = format!("/var/lib/stackctl/{}/history.jsonl", lane.stack);
        let runs = |lane: &Lane| {
            let count = lane.host().root(&format!("grep -c . {history}"));
            count.trim().parse::<u32>().expect("a number")
        };
        let before = runs(lane);
        let mut running = lane.start(lane.command(&["deploy", "--yes"]));
        let began = Instant::now();
        while lane.ask().iter().any(|seen| *seen != versions[1]) {
            let is_lively = !running.has_ended() && began.elapsed() < SWITCHED_WITHIN;
            assert!(is_lively, "{}", running.said());
            std::thread::sleep(Duration::from_millis(200));
        }
        running.signal("INT");
        let ran = lane.wait_within(running, ENDED_WITHIN);
        ran.expect(130).says("the host goes on by itself");
        lane.serves_whole(&[&versions[0]]);
        lane.is_free(TAKEN_BACK_WITHIN);
        assert_eq!(lane.app_releases(), 2, "what serves and what served before");
        assert_eq!(runs(lane), before + 1, "it is told once");
        let last = lane.host().root(&format!("tail -n 1 {history}"));
        assert!(last.contains(r#""outcome":"interrupted""#), "{last}");
        lane.behaves("good");
        lane.next_version();
        lane.converges(&["deploy", "--yes"]);
        lane.lost_nothing();
    });
}

fn slow(bench: &mut Bench) {
    bench.run("deploy", |lane| {
        lane.behaves("slow");
        lane.next_version();
        lane.run(&["deploy", "--yes"]).expect_ok();
        lane.remember();
        lane.behaves("good");
        lane.next_version();
        lane.converges(&["deploy", "--yes"]);
        lane.lost_nothing();
    });
}

/// Nothing is switched, and nothing is left.
pub(super) fn phase(bench: &mut Bench, program: &str, says: &str) {
    bench.stack(|lane| {
        lane.app_keys = vec![
            "release: [python, phase.py]".into(),
            "release_deadline: 4s".into(),
        ];
    });
    bench.run("deploy", |lane| {
        let versions = Work::Deploy.prepare(lane);
        std::fs::write(lane.path("app/phase.py"), program).expect("write");
        lane.run(&["deploy", "--yes"]).expect(6).says(says);
        lane.serves_whole(&[&versions[0]]);
        lane.lost_nothing();
        let one_offs = lane.host().root(&format!(
            "docker ps --filter label=stackctl.stack={0} --format '{{{{.Command}}}}' | grep phase; \
             systemctl list-units --plain --no-legend '*{0}*release*'; true",
            lane.stack
        ));
        assert_eq!(one_offs, "", "what took too long is ended");
        lane.behaves("good");
        lane.next_version();
        lane.converges(&["deploy", "--yes"]);
        lane.lost_nothing();
    });
}
