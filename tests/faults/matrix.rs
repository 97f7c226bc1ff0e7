//! The table's machinery: cells, where they run, and what is told about them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::host::{self, Host};
use super::lane::{Lane, Run};
use super::stolen::{self, Ticks};

/// What a run says that held to all but its time.
pub const TOO_LATE: &str = "too late: ";
/// A run that was too late, on a machine that could not be in time, is done again so often at most.
const AGAIN: usize = 2;

/// What a cell needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A stack of its own on a host which others share.
    Lane,
    /// A host for itself.
    Host,
    /// Three hosts.
    Fleet,
    /// A host that nothing was done to yet.
    Bare,
    /// This machine.
    Here,
}

/// One fault, at one place of one command.
pub struct Cell {
    /// Which row of the table it is of.
    pub row: &'static str,
    pub name: &'static str,
    pub place: Place,
    pub test: fn(&mut Bench),
}

/// How a cell ended.
struct Ended {
    runs: usize,
    failures: Vec<String>,
}

/// What a cell works with.
pub struct Bench {
    cell: String,
    /// Every step, not some of them; each cell three times.
    pub long: bool,
    /// Empty where the cell's place is this machine.
    lane: Option<Lane>,
    hosts: Vec<Arc<Host>>,
    runs: usize,
    failures: Vec<String>,
}

/// A cell in which so many runs failed says enough.
const ENOUGH: usize = 3;

thread_local! {
    /// What the last panic of this thread said.
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

impl Bench {
    /// One run: a fault, and what must hold after it. The stack is a new one when the run before has failed.
    pub fn run<T>(
        &mut self,
        what: impl Display,
        mut test: impl FnMut(&mut Lane) -> T,
    ) -> Option<T> {
        let mut lane = self.lane.take().expect("a cell that has a host");
        let host = Arc::clone(lane.host());
        let mut again = AGAIN;
        let value = loop {
            let began = Ticks::now();
            let value = self.attempt(&what, || {
                if lane.stack.is_empty() {
                    let _alone = host.reloads.write().unwrap_or_else(PoisonError::into_inner);
                    lane.renew();
                }
                let _together = host.reloads.read().unwrap_or_else(PoisonError::into_inner);
                lane.forgive();
                test(&mut lane)
            });
            if value.is_some() {
                break value;
            }
            // What it leaves must not fail the runs after it.
            lane.wipe();
            for host in &self.hosts {
                host.heal();
            }
            if again == 0 || !self.is_excused(&began) {
                break None;
            }
            again -= 1;
        };
        self.lane = Some(lane);
        value
    }

    /// Whether the last run was only too late, while the machine had no time to be in time: it is no failure then, and this
    /// returns when the machine has time again.
    fn is_excused(&mut self, began: &Ticks) -> bool {
        let Some(share) = began.starved_since() else {
            return false;
        };
        let is_late = |failure: &mut String| failure.contains(TOO_LATE);
        let Some(failure) = self.failures.pop_if(is_late) else {
            return false;
        };
        println!(
            "     {}: again, since {:.0} % of the processors' time was stolen: {failure}",
            self.cell,
            share * 100.0
        );
        stolen::wait();
        true
    }

    /// One run on hosts to which nothing was done yet.
    pub fn bare<T>(&mut self, what: impl Display, test: impl FnOnce(&mut Lane) -> T) -> Option<T> {
        let mut lane = self.lane.take().expect("a cell that has a host");
        let value = self.attempt(what, || test(&mut lane));
        lane.wipe();
        self.lane = Some(lane);
        value
    }

    /// One run on this machine.
    pub fn here<T>(&mut self, what: impl Display, test: impl FnOnce() -> T) -> Option<T> {
        self.attempt(what, test)
    }

    fn attempt<T>(&mut self, what: impl Display, test: impl FnOnce() -> T) -> Option<T> {
        self.runs += 1;
        match catch_unwind(AssertUnwindSafe(test)) {
            Ok(value) => Some(value),
            Err(_) => {
                let said = SAID.with_borrow(Clone::clone);
                println!("     {} {what}: {said}", self.cell);
                self.failures.push(format!("{what}: {said}"));
                None
            }
        }
    }

    /// The runs that follow need a stack with other keys in its yaml.
    pub fn stack(&mut self, edit: impl FnOnce(&mut Lane)) {
        let lane = self.lane.as_mut().expect("a cell that has a host");
        lane.wipe();
        edit(lane);
    }

    /// Raises n until a run ends unharmed: all of a command's steps, without knowledge of how many there are. The short
    /// form takes `stride` steps at a time.
    pub fn raise(&mut self, stride: usize, mut test: impl FnMut(&mut Lane, usize) -> Run) {
        let stride = if self.long { 1 } else { stride };
        let mut number = 1;
        let mut harmed = 0;
        while self.failures.len() < ENOUGH {
            match self.run(format!("n={number}"), |lane| test(lane, number)) {
                Some(Run::Unharmed) => break,
                Some(Run::Harmed) => harmed += 1,
                None => {}
            }
            number += stride;
        }
        if harmed == 0 && self.failures.is_empty() {
            self.failures
                .push("no run was harmed: nothing was tested".into());
        }
    }
}

/// Where cells of one place wait for one of its workers.
pub struct Queue(Mutex<VecDeque<Cell>>);

impl Queue {
    pub fn new(cells: Vec<Cell>) -> Self {
        Self(Mutex::new(cells.into()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.lock().expect("no worker panics").is_empty()
    }

    fn take(&self) -> Option<Cell> {
        self.0.lock().expect("no worker panics").pop_front()
    }
}

/// What all workers add to.
#[derive(Default)]
pub struct Report(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    cells: usize,
    runs: usize,
    red: usize,
    failed: Vec<String>,
}

impl Report {
    /// Tells how one cell ended, on one line.
    fn add(&self, cell: &Cell, ended: Ended, seconds: u64) {
        let mut counts = self.0.lock().expect("no worker panics");
        counts.cells += 1;
        counts.runs += ended.runs;
        let colour = if ended.failures.is_empty() {
            "green"
        } else {
            "RED  "
        };
        counts.red += usize::from(!ended.failures.is_empty());
        let title = format!("{} · {}", cell.row, cell.name);
        println!("{colour} {title:<78} {:>3} runs {seconds:>4} s", ended.runs);
        for failure in &ended.failures {
            counts.failed.push(format!("{title}: {failure}"));
        }
        if !ended.failures.is_empty() && ended.runs == 0 {
            counts.runs += 1;
        }
    }

    /// The last lines: what failed and why, and the counts. Whether all is well.
    pub fn close(&self) -> bool {
        let counts = self.0.lock().expect("no worker panics");
        for failure in &counts.failed {
            println!("\n{failure}");
        }
        println!(
            "\nfault matrix: {} cells, {} runs, {} failed",
            counts.cells, counts.runs, counts.red
        );
        counts.red == 0
    }
}

/// Takes cells until there are none. `lane` is the stack that they happen to.
pub fn work(queue: &Queue, report: &Report, long: bool, lane: Option<Lane>) {
    let hosts = lane
        .as_ref()
        .map(|lane| lane.hosts.clone())
        .unwrap_or_default();
    let mut lane = lane;
    while let Some(cell) = queue.take() {
        let started = Instant::now();
        let mut bench = Bench {
            cell: format!("{} · {}", cell.row, cell.name),
            long,
            lane: lane.take(),
            hosts: hosts.clone(),
            runs: 0,
            failures: Vec::new(),
        };
        for _ in 0..if long { 3 } else { 1 } {
            if !bench.failures.is_empty() {
                break;
            }
            let ran = catch_unwind(AssertUnwindSafe(|| (cell.test)(&mut bench)));
            if ran.is_err() {
                let said = SAID.with_borrow(Clone::clone);
                println!("     {}: {said}", bench.cell);
                bench.failures.push(said);
            }
            // Cells may change the stack's yaml; those after it begin with a plain one.
            if let Some(lane) = &mut bench.lane {
                lane.restore(!bench.failures.is_empty());
            }
        }
        lane = bench.lane.take();
        let ended = Ended {
            runs: bench.runs,
            failures: bench.failures,
        };
        report.add(&cell, ended, started.elapsed().as_secs());
    }
    if let Some(mut lane) = lane {
        lane.wipe();
    }
}

/// Keeps what a panic says for the report, instead of printing it among other cells' lines.
pub fn keep_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| {
            payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
        });
        let text = text.unwrap_or_else(|| "a panic that says nothing".to_owned());
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        SAID.set(format!("{text}\n     at {place}"));
    }));
}

/// The lab whose hosts nothing was done to.
pub const BARE: &str = "bare";

/// Boots hosts, or says in the report's place why no cell of theirs could run.
pub fn hosts(name: &'static str, count: usize) -> Vec<Arc<Host>> {
    host::boot(name, count, name != BARE)
}
