//! The rows of the table, each the faults of one kind.

pub mod database;
pub mod files;
pub mod fleet;
pub mod killed;
pub mod machine;
pub mod memory;
pub mod network;
pub mod releases;
pub mod supply;
pub mod together;
pub mod units;

use std::process::Command;

use super::lane::{Lane, Run};
use super::matrix::{Cell, Place};
use super::scenario::Running;

/// The cells of the short form: one place of each kind of fault.
pub const SHORT: &[&str] = &[
    "power cut, as the disk sees it · ",
    "deployer killed · deploy: SIGKILL before each step",
    "deployer killed · deploy: SIGINT, SIGTERM, SIGKILL at each step",
    "network silent for 60 s · deploy",
    "SSH cut · deploy: the connection is reset",
    "power cut · deploy",
    "daemons · ",
    "bad release · never gets healthy",
    "bad release · gets unhealthy during bake",
    "deployers at once · another stack",
    "deployer killed · unit, deploy: SIGKILL before each step",
    "power cut · unit, deploy: at each step",
];

/// All cells of the matrix.
pub fn cells() -> Vec<Cell> {
    [
        killed::cells(),
        network::cells(),
        machine::cells(),
        releases::cells(),
        together::cells(),
        fleet::cells(),
        database::cells(),
        supply::cells(),
        memory::cells(),
        files::cells(),
        units::cells(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Where a cell runs whose name begins with a command: provisioning reloads nginx, so it has hosts for itself.
fn place(name: &str) -> Place {
    match name.starts_with("provision") {
        true => Place::Host,
        false => Place::Lane,
    }
}

/// A command that changes hosts, with what it needs before and how it is finished after a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Deploy,
    /// Of a new stack, beside one that serves.
    Provision,
    Rollback,
}

impl Work {
    pub fn arguments(self) -> &'static [&'static str] {
        match self {
            Work::Deploy => &["deploy", "--yes"],
            Work::Provision => &["provision", "--yes"],
            Work::Rollback => &["rollback", "--yes"],
        }
    }

    /// Makes something to do. The versions that may serve until it is done: what serves now, and what will.
    pub fn prepare(self, lane: &mut Lane) -> [String; 2] {
        let now = lane.served();
        match self {
            Work::Deploy => [now, lane.next_version()],
            Work::Rollback => [now, lane.served_before()],
            Work::Provision => {
                lane.invite();
                [now.clone(), now]
            }
        }
    }

    /// The stack that it works on.
    pub fn subject(self, lane: &mut Lane) -> &mut Lane {
        match self {
            Work::Provision => lane.guest(),
            _ => lane,
        }
    }

    /// The command.
    pub fn command(self, lane: &mut Lane) -> Command {
        self.subject(lane).command(self.arguments())
    }

    /// The command by way of the wire, waiting before (or after) its n-th step; see [`Lane::halt_at`].
    pub fn halt_at(self, lane: &mut Lane, point: &str) -> (Running, Option<super::lane::Halt>) {
        let subject = self.subject(lane);
        subject.halt_at(subject.by_wire(self.arguments()), point)
    }

    /// The fault is over: one whole release serves, the next run converges without anybody's help, and no visitor has
    /// noticed any of it.
    #[track_caller]
    pub fn finish(self, lane: &mut Lane, run: Run, [before, after]: &[String; 2]) {
        let serves = match run {
            Run::Harmed => lane.serves_whole(&[before, after]),
            Run::Unharmed => lane.serves_whole(&[after]),
        };
        match self {
            Work::Deploy => lane.converges(self.arguments()),
            Work::Provision => {
                let guest = lane.guest();
                guest.run(self.arguments()).expect_ok();
                guest.converges(&["deploy", "--yes"]);
                guest.wipe();
                lane.is_clean();
            }
            // On to the next version, by a deploy like any other.
            Work::Rollback => {
                if serves == *after {
                    lane.rolled_back();
                }
                lane.next_version();
                lane.converges(&["deploy", "--yes"]);
            }
        }
        lane.lost_nothing();
    }
}
