//! How much work a device is given at a time: browsers take a GPU away from whom it answers too late, and nothing can be
//! told or stopped while it works.

/// Milliseconds of a submission; at most twice as many are right.
const SUBMIT_MS: f64 = 90.0;
/// Milliseconds of a dispatch; at most twice as many are right.
const DISPATCH_MS: f64 = 25.0;
/// Below so many milliseconds, how long the work took is lost in how long the answer took.
const LEAST_MS: f64 = 5.0;
/// What the first dispatch of a device may cost: some milliseconds of the slowest.
const FIRST_COST_PER_MS: f64 = 2e5;

/// The work that a device does in a millisecond, as measured last. Work is in multiply-accumulate operations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    cost_per_ms: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            cost_per_ms: FIRST_COST_PER_MS,
        }
    }
}

impl Pace {
    /// Work of one dispatch.
    pub fn dispatch(self) -> f64 {
        DISPATCH_MS * self.cost_per_ms
    }

    /// Work of one submission.
    pub fn submission(self) -> f64 {
        SUBMIT_MS * self.cost_per_ms
    }

    /// After work of `cost` took `ms`. A fast answer says little, and a single one no more than a factor of four.
    pub fn learned(self, cost: f64, ms: f64) -> Self {
        let measured = cost / ms.max(LEAST_MS);
        let slowest = if ms < LEAST_MS {
            self.cost_per_ms
        } else {
            self.cost_per_ms / 4.0
        };
        let cost_per_ms = measured.clamp(slowest, 4.0 * self.cost_per_ms);
        Self { cost_per_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_becomes_what_takes_the_wanted_time() {
        // From much too little and from much too much to 3e7 a millisecond.
        for start in [1e4, 1e11] {
            let mut pace = Pace { cost_per_ms: start };
            for _ in 0..20 {
                let cost = pace.submission();
                pace = pace.learned(cost, cost / 3e7);
            }
            let ms = pace.submission() / 3e7;
            assert!((80.0..100.0).contains(&ms), "{start}: {ms}");
        }
    }

    #[test]
    fn small_pictures_teach_nothing_of_large_ones() {
        let pace = Pace::default();
        assert_eq!(pace.learned(1.0, 0.5), pace);
        assert_eq!(pace.learned(0.0, 0.0), pace);
    }
}
