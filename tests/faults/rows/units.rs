//! The same faults while systemd runs the app. What is the same for both runtimes, such as provisioning and files, is left
//! to the other rows.

use super::super::matrix::{Bench, Cell, Place};
use super::{Work, killed, machine, network, releases};

pub fn cells() -> Vec<Cell> {
    let cell = |row, name, place, test| Cell {
        row,
        name,
        place,
        test,
    };
    let lane = |row, name, test| cell(row, name, Place::Lane, test);
    let host = |row, name, test| cell(row, name, Place::Host, test);
    vec![
        lane(
            "deployer killed",
            "unit, deploy: SIGKILL before each step",
            |bench| killed::killed(in_unit(bench), Work::Deploy, "before"),
        ),
        lane(
            "deployer killed",
            "unit, deploy: SIGKILL after each step",
            |bench| killed::killed(in_unit(bench), Work::Deploy, "after"),
        ),
        lane(
            "deployer killed",
            "unit, deploy: SIGKILL at the n-th system call",
            |bench| killed::traced(in_unit(bench), Work::Deploy),
        ),
        lane(
            "deployer killed",
            "unit, deploy: SIGINT, SIGTERM, SIGKILL at each step",
            |bench| killed::cancelled(in_unit(bench), Work::Deploy),
        ),
        lane(
            "deployer killed",
            "unit, rollback: SIGKILL before each step",
            |bench| killed::killed(in_unit(bench), Work::Rollback, "before"),
        ),
        lane(
            "network silent for 60 s",
            "unit, deploy: at each step",
            |bench| network::silent(in_unit(bench), Work::Deploy),
        ),
        lane(
            "SSH cut",
            "unit, deploy: the connection is reset at each step",
            |bench| network::cut(in_unit(bench), Work::Deploy, |lane| lane.wire.reset()),
        ),
        lane(
            "SSH cut",
            "unit, deploy: the host's sshd child is killed at each step",
            |bench| network::cut(in_unit(bench), Work::Deploy, network::kill_sshd),
        ),
        host("power cut", "unit, deploy: at each step", |bench| {
            machine::power(in_unit(bench), Work::Deploy);
        }),
        host("power cut", "unit, rollback: at each step", |bench| {
            machine::power(in_unit(bench), Work::Rollback);
        }),
        host(
            "host rebooted",
            "unit, in the middle of a deploy",
            |bench| machine::rebooted(in_unit(bench)),
        ),
        host(
            "disk full",
            "unit, deploy: at each write to the state folder",
            |bench| machine::state_full(in_unit(bench)),
        ),
        host(
            "disk full",
            "unit, deploy: at each write below /run",
            |bench| machine::run_full_for_units(in_unit(bench)),
        ),
        lane("bad release", "unit, never gets healthy", |bench| {
            releases::refused(in_unit(bench), "sick", |ran| {
                ran.says("did not get healthy").says("not well, on purpose");
            });
        }),
        lane("bad release", "unit, ends at once", |bench| {
            releases::refused(in_unit(bench), "ends", |ran| {
                ran.says("ends at once, on purpose");
            });
        }),
        lane(
            "bad release",
            "unit, flaps: well for an instant at each start",
            |bench| {
                releases::refused(in_unit(bench), "flaps", |ran| {
                    ran.says("ends after it was well, on purpose");
                });
            },
        ),
        lane("bad release", "unit, gets unhealthy during bake", |bench| {
            releases::refused(in_unit(bench), "sours", |ran| {
                ran.says("not well, on purpose");
            });
        }),
        lane("bad release", "unit, ignores SIGTERM", |bench| {
            releases::stubborn(in_unit(bench));
        }),
        lane(
            "bad release",
            "unit, ignores SIGTERM, and its run is stopped",
            |bench| {
                releases::stubborn_and_stopped(in_unit(bench));
            },
        ),
        lane("release phase", "unit, fails", |bench| {
            releases::phase(
                in_unit(bench),
                "raise SystemExit('no tables, on purpose')",
                "no tables, on purpose",
            );
        }),
        lane("release phase", "unit, takes too long", |bench| {
            releases::phase(
                in_unit(bench),
                "import time; print('still at it', flush=True); time.sleep(600)",
                "still at it",
            );
        }),
    ]
}

/// The stack of the runs that follow has a unit in place of a container.
fn in_unit(bench: &mut Bench) -> &mut Bench {
    bench.stack(|lane| lane.is_unit = true);
    bench
}
