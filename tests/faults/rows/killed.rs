//! The deployer is killed.

use std::time::{Duration, Instant};

use super::super::lane::{FREE_WITHIN, Lane, Run};
use super::super::matrix::{Bench, Cell};
use super::super::scenario::Ran;
use super::Work;

const ROW: &str = "deployer killed";

/// GitHub's way to end a job that was cancelled.
const TERM_AFTER: Duration = Duration::from_millis(7500);
const KILL_AFTER: Duration = Duration::from_millis(2500);
/// The lock is free after the first signal within this, since the last of them comes soon.
const STOPPED_WITHIN: Duration = Duration::from_secs(7);

/// System calls with which something leaves this process.
const CALLS: &str =
    "connect,sendto,write,rename,renameat,renameat2,fsync,fdatasync,unlink,unlinkat";

pub fn cells() -> Vec<Cell> {
    let cell = |name: &'static str, test| Cell {
        row: ROW,
        name,
        place: super::place(name),
        test,
    };
    vec![
        cell("deploy: SIGKILL before each step", |bench| {
            killed(bench, Work::Deploy, "before")
        }),
        cell("deploy: SIGKILL after each step", |bench| {
            killed(bench, Work::Deploy, "after")
        }),
        cell("deploy: SIGKILL at the n-th system call", |bench| {
            traced(bench, Work::Deploy)
        }),
        cell("deploy: SIGINT, SIGTERM, SIGKILL at each step", |bench| {
            cancelled(bench, Work::Deploy)
        }),
        cell("provision: SIGKILL before each step", |bench| {
            killed(bench, Work::Provision, "before")
        }),
        cell("provision: SIGKILL after each step", |bench| {
            killed(bench, Work::Provision, "after")
        }),
        cell("provision: SIGKILL at the n-th system call", |bench| {
            traced(bench, Work::Provision)
        }),
        cell(
            "provision: SIGINT, SIGTERM, SIGKILL at each step",
            |bench| cancelled(bench, Work::Provision),
        ),
        cell("rollback: SIGKILL before each step", |bench| {
            killed(bench, Work::Rollback, "before")
        }),
        cell("rollback: SIGKILL after each step", |bench| {
            killed(bench, Work::Rollback, "after")
        }),
        cell("rollback: SIGKILL at the n-th system call", |bench| {
            traced(bench, Work::Rollback)
        }),
        cell("rollback: SIGINT, SIGTERM, SIGKILL at each step", |bench| {
            cancelled(bench, Work::Rollback)
        }),
    ]
}

/// What every killed run is held to.
#[track_caller]
fn survives(lane: &mut Lane, work: Work, run: Run, versions: &[String; 2]) {
    work.subject(lane).is_free(FREE_WITHIN);
    work.finish(lane, run, versions);
}

/// A run that was not killed came to its end, and all was well.
#[track_caller]
fn outcome(ran: &Ran) -> Run {
    if ran.code.is_none() {
        return Run::Harmed;
    }
    ran.expect_ok();
    Run::Unharmed
}

pub(super) fn killed(bench: &mut Bench, work: Work, when: &str) {
    bench.raise(4, |lane, number| {
        let versions = work.prepare(lane);
        let mut command = work.command(lane);
        command.env("STACKCTL_FAILPOINT", format!("{when}:{number}:kill"));
        let ran = lane.finish(command);
        let run = outcome(&ran);
        survives(lane, work, run, &versions);
        run
    });
}

/// Killed by strace(1) as the n-th of the calls is made, wherever that is.
pub(super) fn traced(bench: &mut Bench, work: Work) {
    bench.raise(23, |lane, number| {
        let versions = work.prepare(lane);
        let plain = work.command(lane);
        let mut command = std::process::Command::new("strace");
        command
            .args([
                "-f",
                "-qqq",
                "-o",
                "/dev/null",
                "-e",
                &format!("trace={CALLS}"),
            ])
            .args([
                "-e",
                &format!("inject={CALLS}:signal=SIGKILL:when={number}"),
            ])
            .arg(plain.get_program())
            .args(plain.get_args())
            .current_dir(plain.get_current_dir().expect("a folder"));
        for (name, value) in plain.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let ran = lane.finish(command);
        let run = outcome(&ran);
        survives(lane, work, run, &versions);
        run
    });
}

/// At an odd step the signal comes while nothing is under way, at an even one while the step is.
pub(super) fn cancelled(bench: &mut Bench, work: Work) {
    bench.raise(5, |lane, number| {
        let versions = work.prepare(lane);
        let (mut running, halt) = work.halt_at(lane, &format!("before:{number}"));
        let Some(halt) = halt else {
            lane.wait(running).expect_ok();
            survives(lane, work, Run::Unharmed, &versions);
            return Run::Unharmed;
        };
        let halt = (number % 2 == 1).then_some(halt);
        let signalled = Instant::now();
        running.signal("INT");
        for (signal, after) in [("TERM", TERM_AFTER), ("KILL", TERM_AFTER + KILL_AFTER)] {
            while !running.has_ended() && signalled.elapsed() < after {
                std::thread::sleep(Duration::from_millis(20));
            }
            if running.has_ended() {
                break;
            }
            running.signal(signal);
        }
        work.subject(lane)
            .is_free(STOPPED_WITHIN.saturating_sub(signalled.elapsed()));
        drop(halt);
        let ran = lane.wait(running);
        // The step that was under way may have been the last.
        assert!(
            matches!(ran.code, Some(130 | 0)),
            "it stops by itself: {ran}"
        );
        survives(lane, work, Run::Harmed, &versions);
        Run::Harmed
    });
}
