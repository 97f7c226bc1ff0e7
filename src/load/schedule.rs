//! When each request is due, and who takes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};

/// The longest that a thread sleeps before it looks whether the load was stopped.
const LOOK: Duration = Duration::from_millis(50);

/// Tickets that become due one after another, at a steady rate.
#[derive(Debug)]
pub(super) struct Schedule {
    began: Instant,
    interval: Duration,
    /// The share of an interval before the first.
    phase: f64,
    due: Semaphore,
    taken: AtomicU64,
    /// How many there are; unknown until the load is stopped.
    total: AtomicU64,
}

impl Schedule {
    /// A thread lets them become due: timers of an async runtime are a millisecond coarse, which would show in every
    /// latency.
    pub fn start(
        began: Instant,
        rate: f64,
        phase: f64,
        takers: usize,
        stopped: watch::Receiver<bool>,
    ) -> Arc<Self> {
        let schedule = Arc::new(Self {
            began,
            interval: Duration::from_secs_f64(1.0 / rate),
            phase,
            due: Semaphore::new(0),
            taken: AtomicU64::new(0),
            total: AtomicU64::new(u64::MAX),
        });
        let ticking = schedule.clone();
        std::thread::spawn(move || {
            let mut next = 0;
            while !*stopped.borrow() && stopped.has_changed().is_ok() {
                let at = ticking.at(next);
                let now = Instant::now();
                if now < at {
                    std::thread::sleep((at - now).min(LOOK));
                    continue;
                }
                next += 1;
                ticking.due.add_permits(1);
            }
            ticking.total.store(next, Ordering::SeqCst);
            // Each of those who wait takes one that is none, and goes.
            ticking.due.add_permits(takers);
        });
        schedule
    }

    /// The next ticket, once it is due; all that became due before the load was stopped are given out.
    pub async fn take(&self) -> Option<(u64, Instant)> {
        self.due.acquire().await.ok()?.forget();
        let ticket = self.taken.fetch_add(1, Ordering::SeqCst);
        (ticket < self.total.load(Ordering::SeqCst)).then(|| (ticket, self.at(ticket)))
    }

    fn at(&self, ticket: u64) -> Instant {
        self.began + self.interval.mul_f64(ticket as f64 + self.phase)
    }
}
