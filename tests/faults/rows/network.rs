//! The network between this machine and a host goes silent, is cut, or is bad.

use std::time::{Duration, Instant};

use super::super::lane::{FREE_WITHIN, Lane, Run};
use super::super::matrix::{Bench, Cell, TOO_LATE};
use super::super::scenario::Running;
use super::super::wire::Damage;
use super::Work;

/// Both sides give up within this when nothing gets through any more.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(30);
const SILENT_FOR: Duration = Duration::from_secs(60);

pub fn cells() -> Vec<Cell> {
    let cell = |row, name: &'static str, test| Cell {
        row,
        name,
        place: super::place(name),
        test,
    };
    vec![
        cell("network silent for 60 s", "deploy: at each step", |bench| {
            silent(bench, Work::Deploy)
        }),
        cell(
            "network silent for 60 s",
            "provision: at each step",
            |bench| silent(bench, Work::Provision),
        ),
        cell(
            "network silent for 60 s",
            "rollback: at each step",
            |bench| silent(bench, Work::Rollback),
        ),
        cell(
            "SSH cut",
            "deploy: the connection is reset at each step",
            |bench| {
                cut(bench, Work::Deploy, |lane| lane.wire.reset());
            },
        ),
        cell(
            "SSH cut",
            "provision: the connection is reset at each step",
            |bench| {
                cut(bench, Work::Provision, |lane| lane.wire.reset());
            },
        ),
        cell(
            "SSH cut",
            "rollback: the connection is reset at each step",
            |bench| {
                cut(bench, Work::Rollback, |lane| lane.wire.reset());
            },
        ),
        cell(
            "SSH cut",
            "deploy: the host's sshd child is killed at each step",
            |bench| {
                cut(bench, Work::Deploy, kill_sshd);
            },
        ),
        cell(
            "SSH cut",
            "provision: the host's sshd child is killed at each step",
            |bench| {
                cut(bench, Work::Provision, kill_sshd);
            },
        ),
        cell(
            "SSH cut",
            "rollback: the host's sshd child is killed at each step",
            |bench| {
                cut(bench, Work::Rollback, kill_sshd);
            },
        ),
        cell("slow link", "deploy over 300 ms and 1 Mbit/s", slow),
        cell("upload damaged", "one bit wrong on the way", |bench| {
            damaged(bench, Damage::Flip)
        }),
        cell("upload damaged", "cut short", |bench| {
            damaged(bench, Damage::Cut)
        }),
    ]
}

/// Starts a command by way of the wire and has it wait before its n-th step, does `fault`, lets it go on.
fn start_and_harm(
    lane: &mut Lane,
    work: Work,
    number: usize,
    fault: impl FnOnce(&Lane),
) -> Option<(Running, Instant)> {
    let (running, halt) = work.halt_at(lane, &format!("before:{number}"));
    if halt.is_none() {
        lane.wait(running).expect_ok();
        return None;
    }
    fault(work.subject(lane));
    let harmed = Instant::now();
    drop(halt);
    Some((running, harmed))
}

pub(super) fn silent(bench: &mut Bench, work: Work) {
    bench.raise(6, |lane, number| {
        let versions = work.prepare(lane);
        let harmed = start_and_harm(lane, work, number, |lane| lane.wire.go_silent());
        let Some((mut running, began)) = harmed else {
            work.finish(lane, Run::Unharmed, &versions);
            return Run::Unharmed;
        };
        while !running.has_ended() && began.elapsed() < SILENT_FOR {
            std::thread::sleep(Duration::from_millis(50));
        }
        let took = began.elapsed();
        assert!(
            took < GIVEN_UP_WITHIN,
            "{TOO_LATE}the deployer gives up after {took:?}: {}",
            running.said()
        );
        work.subject(lane)
            .is_free(GIVEN_UP_WITHIN.saturating_sub(took));
        // What is known and what is not, and no word of success.
        let ran = lane.wait(running);
        assert!(matches!(ran.code, Some(4 | 6)), "{ran}");
        lane.serves_whole(&[&versions[0], &versions[1]]);
        // The next run comes after the silence; had it come earlier, it could not have connected.
        let wire = &work.subject(lane).wire;
        wire.mend();
        wire.reset();
        work.finish(lane, Run::Harmed, &versions);
        Run::Harmed
    });
}

pub(super) fn cut(bench: &mut Bench, work: Work, fault: fn(&Lane)) {
    bench.raise(4, |lane, number| {
        let versions = work.prepare(lane);
        let Some((running, began)) = start_and_harm(lane, work, number, fault) else {
            work.finish(lane, Run::Unharmed, &versions);
            return Run::Unharmed;
        };
        let ran = lane.wait(running);
        let took = began.elapsed();
        assert!(
            took < GIVEN_UP_WITHIN,
            "{TOO_LATE}the deployer sees it after {took:?}: {ran}"
        );
        // It may come back on a new connection; when it does not, it says so.
        assert!(matches!(ran.code, Some(0 | 4 | 6)), "{ran}");
        work.subject(lane).is_free(FREE_WITHIN);
        lane.serves_whole(&[&versions[0], &versions[1]]);
        work.finish(lane, Run::Harmed, &versions);
        Run::Harmed
    });
}

/// Kills the process of sshd that carries the connection which holds the lock.
pub(super) fn kill_sshd(lane: &Lane) {
    lane.host().root(&format!(
        "inode=$(stat -c %i /run/stackctl/{}.lock)
         holder=$(awk -v inode=\":$inode\" '$2 == \"FLOCK\" && index($6, inode) {{ print $5; exit }}' /proc/locks)
         while [ \"${{holder:-1}}\" -gt 1 ] && [ \"$(cat /proc/$holder/comm)\" != sshd ]; do
             holder=$(awk '{{ print $4 }}' /proc/$holder/stat)
         done
         [ \"${{holder:-1}}\" -gt 1 ] && kill -9 \"$holder\"",
        lane.stack
    ));
}

/// It takes longer, and that is all.
fn slow(bench: &mut Bench) {
    bench.run("deploy", |lane| {
        // Enough to send that the rate is felt.
        let noise: Vec<u8> = (0..512 * 1024_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        std::fs::write(lane.path("page/picture.bin"), noise).expect("write");
        lane.next_version();
        lane.wire.slow_down(Duration::from_millis(150), 125_000);
        let ran = lane.finish(lane.by_wire(&["deploy", "--yes"]));
        ran.expect_ok();
        lane.wire.mend();
        std::fs::remove_file(lane.path("page/picture.bin")).expect("remove");
        // The folder is as before, so that the host can be as well.
        for _ in 0..2 {
            lane.remember();
            lane.next_version();
            lane.run(&["deploy", "--yes"]).expect_ok();
        }
        lane.has_converged();
        lane.lost_nothing();
    });
}

fn damaged(bench: &mut Bench, damage: fn(u64) -> Damage) {
    // The build's context is sent first, then the page's files: both are damaged somewhere in the middle.
    for (what, file) in [("context", "app/ballast.bin"), ("page", "page/ballast.bin")] {
        bench.run(what, |lane| {
            let noise: Vec<u8> = (0..1024 * 1024_u32)
                .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
                .collect();
            std::fs::write(lane.path(file), noise).expect("write");
            let versions = Work::Deploy.prepare(lane);
            lane.wire.damage(damage(500_000));
            let ran = lane.finish(lane.by_wire(&["deploy", "--yes"]));
            assert!(lane.wire.is_damaged(), "the damage came to pass: {ran}");
            lane.is_free(FREE_WITHIN);
            match ran.code {
                // Sent again.
                Some(0) => drop(lane.serves_whole(&[&versions[1]])),
                Some(4 | 6) => drop(lane.serves_whole(&[&versions[0]])),
                _ => panic!("{ran}"),
            }
            lane.wire.mend();
            lane.run(&["deploy", "--yes"]).expect_ok();
            std::fs::remove_file(lane.path(file)).expect("remove");
            for _ in 0..2 {
                lane.remember();
                lane.next_version();
                lane.run(&["deploy", "--yes"]).expect_ok();
            }
            lane.has_converged();
            lane.lost_nothing();
        });
    }
}
