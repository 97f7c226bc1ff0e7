//! The fault matrix: everything that can break while stacks change, and what must hold all the same. `tests/README.md`
//! says how to run it; `tests/faults/run` does.
//!
//! A table of cells, each a fault at one place of one command. Each is judged from outside, by requests that never stop
//! and by the next run's plan, never by what a run said of itself. A cell of "each step" raises a number until a run ends
//! unharmed, so the table knows nothing of plans; see `src/apply/failpoint.rs`.
//!
//! One line is printed for each cell, and the counts at the end. With a test harness of its own, since cells share hosts.

mod host;
mod lane;
mod load;
mod matrix;
mod rows;
/// Shared with the scenarios, which use all of it.
#[allow(dead_code)]
#[path = "../lab/scenario.rs"]
mod scenario;
#[path = "../lab/stolen.rs"]
mod stolen;
mod wire;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use lane::Lane;
use matrix::{Cell, Place, Queue, Report};

/// Stacks side by side on one host, and hosts side by side. More of them are not sooner done on two cores: each has its
/// visitors, and a machine that is behind with all of them is late with what a cell times.
const LANES: [&str; 2] = ["red", "green"];
const HOSTS: [&str; 2] = ["one", "two"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let long = std::env::var("FAULTS").is_ok_and(|form| form == "long");
    let words: Vec<&String> = arguments
        .iter()
        .filter(|word| !word.starts_with('-'))
        .collect();
    let mut cells = rows::cells();
    cells.retain(|cell| {
        let title = format!("{} · {}", cell.row, cell.name);
        let is_short = rows::SHORT.iter().any(|short| title.starts_with(short));
        let is_meant = words.iter().all(|word| title.contains(word.as_str()));
        is_meant && (is_short || !words.is_empty() || has("--all") || long)
    });
    if has("--list") {
        for cell in &cells {
            println!("{} · {}: test", cell.row, cell.name);
        }
        return ExitCode::SUCCESS;
    }
    if !has("--ignored") && !has("--include-ignored") {
        println!(
            "fault matrix: {} cells ignored: they need docker, see tests/faults/run",
            cells.len()
        );
        return ExitCode::SUCCESS;
    }
    match run(cells, long) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Runs all cells, those of different places side by side; whether all are green.
fn run(cells: Vec<Cell>, long: bool) -> bool {
    matrix::keep_panics();
    let report = Report::default();
    let mut places: BTreeMap<Place, Vec<Cell>> = BTreeMap::new();
    for cell in cells {
        places.entry(cell.place).or_default().push(cell);
    }
    let mut queue = |place| Queue::new(places.remove(&place).unwrap_or_default());
    let (lanes, own, fleet) = (queue(Place::Lane), queue(Place::Host), queue(Place::Fleet));
    let (bare, here) = (queue(Place::Bare), queue(Place::Here));
    let report = &report;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            if lanes.is_empty() {
                return;
            }
            let hosts = matrix::hosts("lanes", 1);
            std::thread::scope(|scope| {
                for name in LANES {
                    let lane = Lane::new(hosts.clone(), name);
                    scope.spawn(|| matrix::work(&lanes, report, long, Some(lane)));
                }
            });
            hosts[0].lab.save_artifacts();
        });
        scope.spawn(|| {
            if own.is_empty() && fleet.is_empty() {
                return;
            }
            let hosts = matrix::hosts("hosts", if fleet.is_empty() { 1 } else { 3 });
            std::thread::scope(|scope| {
                for (host, name) in hosts.iter().zip(HOSTS) {
                    let mut lane = Lane::new(vec![Arc::clone(host)], name);
                    lane.keeps_connections = false;
                    scope.spawn(|| matrix::work(&own, report, long, Some(lane)));
                }
            });
            if !fleet.is_empty() {
                let mut lane = Lane::new(hosts.clone(), "fleet");
                lane.keeps_connections = false;
                matrix::work(&fleet, report, long, Some(lane));
            }
            hosts[0].lab.save_artifacts();
        });
        scope.spawn(|| {
            matrix::work(&here, report, long, None);
            if bare.is_empty() {
                return;
            }
            let hosts = matrix::hosts(matrix::BARE, 1);
            matrix::work(&bare, report, long, Some(Lane::new(hosts, "bare")));
        });
    });
    report.close()
}
