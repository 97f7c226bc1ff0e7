//! The highest rate that a site holds: found by asking for more until it does not, and then in between.

/// What is asked for next, from what was held and what was not. Rates are in requests a second.
#[derive(Debug, Clone)]
pub struct Search {
    next: f64,
    held: Option<f64>,
    broke: Option<f64>,
    /// How close the two must come, as a share of what was held.
    closeness: f64,
    highest: f64,
}

impl Search {
    /// Begins at `first`, doubles it while it is held, and never asks for more than `highest`.
    pub fn new(first: f64, highest: f64) -> Self {
        Self {
            next: first.min(highest),
            held: None,
            broke: None,
            closeness: 0.05,
            highest,
        }
    }

    /// The rate to try; `None` once it is known.
    pub fn next(&self) -> Option<f64> {
        let is_known = match (self.held, self.broke) {
            (Some(held), Some(broke)) => broke - held <= held * self.closeness,
            (Some(held), None) => held >= self.highest,
            (None, Some(broke)) => broke <= 1.0,
            (None, None) => false,
        };
        (!is_known).then_some(self.next)
    }

    /// What came of [`Search::next`].
    pub fn tried(&mut self, was_held: bool) {
        match was_held {
            true => self.held = Some(self.next),
            false => self.broke = Some(self.next),
        }
        let next = match (self.held, self.broke) {
            (Some(held), Some(broke)) => f64::midpoint(held, broke),
            (Some(held), None) => (held * 2.0).min(self.highest),
            (None, Some(broke)) => broke / 2.0,
            (None, None) => self.next,
        };
        // Whole requests, where they are not few.
        self.next = if next >= 20.0 { next.round() } else { next };
    }

    /// The highest that was held.
    pub fn held(&self) -> Option<f64> {
        self.held
    }

    /// The lowest that was not.
    pub fn broke(&self) -> Option<f64> {
        self.broke
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found where `limit` is held and no more, and in how many trials.
    fn found(limit: f64) -> (Option<f64>, usize) {
        let mut search = Search::new(100.0, 20_000.0);
        let mut trials = 0;
        while let Some(rate) = search.next() {
            search.tried(rate <= limit);
            trials += 1;
            assert!(trials < 30, "it comes to an end: {search:?}");
        }
        (search.held(), trials)
    }

    #[test]
    fn the_highest_rate_is_found_in_few_trials() {
        for limit in [1.0, 3.0, 42.0, 99.0, 100.0, 101.0, 730.0, 19_000.0] {
            let (held, trials) = found(limit);
            let held = held.unwrap();
            assert!(held <= limit && held >= limit * 0.94, "{limit}: {held}");
            assert!(trials <= 14, "{limit}: {trials} trials");
        }
        assert_eq!(found(1e9).0, Some(20_000.0), "no more is asked for");
        assert_eq!(found(0.0).0, None);
    }
}
