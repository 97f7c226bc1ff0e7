//! Time of which the machine's processors were kept, as happens to virtual machines whose neighbours are busy.
//!
//! Bounds of the tests, deadlines of health checks among them, are of wall-clock time. A machine that stands still for most
//! of it says little about them, so it is told; only runs of the matrix that were late and nothing else are done again, to the
//! same bounds.

use std::fs;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// From this share on, a machine is not fit to time anything.
const STARVED: f64 = 0.2;
/// From this share on, whatever went wrong may be the machine's.
const STOOD_STILL: f64 = 0.4;
/// About as long as what scenarios wait for.
const SPELL: Duration = Duration::from_secs(30);
const SAMPLED_EVERY: Duration = Duration::from_secs(2);
/// It may be the neighbours' last minute, or not.
const PATIENCE: usize = 40;

/// The processors' time since the machine booted, in ticks.
#[derive(Clone, Copy)]
pub struct Ticks {
    all: u64,
    stolen: u64,
}

impl Ticks {
    pub fn now() -> Self {
        read(&fs::read_to_string("/proc/stat").unwrap_or_default())
    }

    /// How much of the time since then was stolen, when it was too much to time anything.
    pub fn starved_since(&self) -> Option<f64> {
        let share = self.stolen_until(Self::now());
        (share > STARVED).then_some(share)
    }

    fn stolen_until(&self, then: Self) -> f64 {
        let (stolen, all) = (then.stolen - self.stolen, then.all - self.all);
        stolen as f64 / all.max(1) as f64
    }
}

type Samples = Vec<(Instant, Ticks)>;

/// From the first time that it is asked for, while the process lives.
static SAMPLES: LazyLock<&'static Mutex<Samples>> = LazyLock::new(|| {
    let samples: &'static Mutex<Samples> = Box::leak(Box::default());
    let sample = || (Instant::now(), Ticks::now());
    samples.lock().expect("nobody has it yet").push(sample());
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(SAMPLED_EVERY);
            let mut samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
            samples.push(sample());
        }
    });
    samples
});

/// Begins to look at how much is stolen.
pub fn watch() {
    LazyLock::force(&SAMPLES);
}

/// The most that was stolen in any [`SPELL`] since then, when the machine [`STOOD_STILL`].
pub fn stood_still_since(then: Instant) -> Option<f64> {
    let samples = SAMPLES.lock().unwrap_or_else(PoisonError::into_inner);
    let from = samples.partition_point(|(at, _)| *at < then);
    let samples = &samples[from..];
    let spells = samples.iter().filter_map(|(began, before)| {
        let end = samples.partition_point(|(at, _)| *at < *began + SPELL);
        samples
            .get(end)
            .map(|(_, after)| before.stolen_until(*after))
    });
    spells.reduce(f64::max).filter(|share| *share > STOOD_STILL)
}

/// `cpu user nice system idle iowait irq softirq steal guest guest_nice`, of which the last two are in the first; see
/// `man 5 proc_stat`.
fn read(stat: &str) -> Ticks {
    let line = stat.lines().next().unwrap_or_default();
    let numbers: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .take(8)
        .map(|number| number.parse().unwrap_or(0))
        .collect();
    Ticks {
        all: numbers.iter().sum(),
        stolen: numbers.get(7).copied().unwrap_or(0),
    }
}

/// Waits for a while until the machine has its time again.
pub fn wait() {
    for _ in 0..PATIENCE {
        let began = Ticks::now();
        std::thread::sleep(Duration::from_secs(3));
        if began.starved_since().is_none() {
            return;
        }
    }
}
