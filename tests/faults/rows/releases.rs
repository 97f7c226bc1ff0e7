//! Releases that should never serve, or that misbehave while they do.

use super::super::matrix::{Bench, Cell, Place};
use super::super::scenario::Ran;
use super::Work;

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
pub(super) fn refused(bench: &mut Bench, behaviour: &str, check: impl FnOnce(&Ran)) {
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
