//! Three hosts, of which one fails: no host is left on another release than the others.

use std::time::Duration;

use super::super::lane::Run;
use super::super::matrix::{Bench, Cell, Place};
use super::super::scenario::{PATIENCE, eventually};
use super::Work;

pub fn cells() -> Vec<Cell> {
    let cell = |name, test| Cell {
        row: "one of three hosts fails",
        name,
        place: Place::Fleet,
        test,
    };
    vec![
        cell("any step, of prepare, switch, bake or commit", any_step),
        cell("prepare: a folder that cannot be written", prepare),
        cell("loses its power at each step", power),
        cell("deployer killed at each step", killed),
    ]
}

fn any_step(bench: &mut Bench) {
    bench.raise(6, |lane, number| {
        let versions = Work::Deploy.prepare(lane);
        let mut command = lane.command(&["deploy", "--yes"]);
        command.env("STACKCTL_FAILPOINT", format!("before:{number}:error"));
        let ran = lane.finish(command);
        let run = match ran.code {
            Some(0) => Run::Unharmed,
            _ => Run::Harmed,
        };
        if run == Run::Harmed {
            ran.expect(6);
        }
        lane.is_free(Duration::from_secs(5));
        Work::Deploy.finish(lane, run, &versions);
        run
    });
}

fn prepare(bench: &mut Bench) {
    bench.run("deploy", |lane| {
        let versions = Work::Deploy.prepare(lane);
        let second = lane.hosts[1].clone();
        let folder = format!("/var/lib/stackctl/{}/releases/app", lane.stack);
        second.root(&format!(
            "mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}"
        ));
        let ran = lane.run(&["deploy", "--yes"]);
        second.root(&format!("umount {folder}"));
        ran.expect(6).says(second.name());
        lane.serves_whole(&[&versions[0]]);
        lane.lost_nothing();
        lane.converges(&["deploy", "--yes"]);
        lane.lost_nothing();
    });
}

fn power(bench: &mut Bench) {
    bench.raise(14, |lane, number| {
        let versions = Work::Deploy.prepare(lane);
        let (running, halt) = Work::Deploy.halt_at(lane, &format!("before:{number}"));
        let Some(halt) = halt else {
            lane.wait(running).expect_ok();
            Work::Deploy.finish(lane, Run::Unharmed, &versions);
            return Run::Unharmed;
        };
        let third = lane.hosts[2].clone();
        lane.excuse_one(2, true);
        third.cut_power();
        drop(halt);
        let ran = lane.wait_within(running, Duration::from_secs(40));
        third.boot_again();
        // That host may have had nothing left to do.
        assert!(matches!(ran.code, Some(0 | 4 | 6)), "{ran}");
        if ran.code == Some(0) {
            ran.says("its history has no line of this run");
        }
        eventually("all serve the same release", PATIENCE, || {
            let seen = lane.ask();
            let good = seen.len() == 1 && seen.iter().all(|seen| versions.contains(seen));
            good.then_some(()).ok_or_else(|| format!("{seen:?}"))
        });
        lane.lost_nothing();
        lane.excuse_one(2, false);
        Work::Deploy.finish(lane, Run::Harmed, &versions);
        Run::Harmed
    });
}

fn killed(bench: &mut Bench) {
    bench.raise(10, |lane, number| {
        let versions = Work::Deploy.prepare(lane);
        let mut command = lane.command(&["deploy", "--yes"]);
        command.env("STACKCTL_FAILPOINT", format!("after:{number}:kill"));
        let run = match lane.finish(command).code {
            None => Run::Harmed,
            Some(_) => Run::Unharmed,
        };
        lane.is_free(super::super::lane::FREE_WITHIN);
        Work::Deploy.finish(lane, run, &versions);
        run
    });
}
