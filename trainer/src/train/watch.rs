//! Notices when a training run goes wrong.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

/// A term this many times its running mean has exploded.
const EXPLOSION: f64 = 100.0;
/// Terms below this are never called exploded, however small their mean.
const SMALL: f64 = 0.1;
/// Steps before the running means say anything.
const SETTLED: usize = 50;
/// Decay of the running means.
const DECAY: f64 = 0.98;
/// A discriminator below this loss for this many steps in a row has won.
const WON: f64 = 0.02;
const WON_STEPS: usize = 200;

/// Running means of the loss terms.
#[derive(Default)]
pub struct Watch {
    means: BTreeMap<&'static str, (f64, usize)>,
    won: usize,
}

impl Watch {
    /// Looks at the terms of a step.
    ///
    /// # Errors
    /// If a term is not finite or has exploded, naming it, its value and the step.
    pub fn check(&mut self, step: usize, terms: &[(&'static str, f64)]) -> Result<()> {
        for &(name, value) in terms {
            if !value.is_finite() {
                bail!("{name} is {value} at step {step}");
            }
            let (mean, count) = self.means.entry(name).or_insert((value, 0));
            if *count >= SETTLED && value > SMALL && value > EXPLOSION * *mean {
                bail!("{name} has exploded at step {step}: {value:.4} after a mean of {mean:.4}");
            }
            *mean = DECAY * *mean + (1.0 - DECAY) * value;
            *count += 1;
        }
        Ok(())
    }

    /// Counts steps in which the discriminator tells real from fake without effort; true once,
    /// when the run deserves a warning.
    pub fn discriminator_has_won(&mut self, loss: f64) -> bool {
        self.won = if loss < WON { self.won + 1 } else { 0 };
        self.won == WON_STEPS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_is_not_finite_and_what_explodes() {
        let mut watch = Watch::default();
        for step in 0..100 {
            watch
                .check(step, &[("content", 1.0), ("style", 0.001)])
                .expect("all is well");
        }
        // Large against its mean, but still nothing.
        watch.check(100, &[("style", 0.09)]).expect("still small");
        let error = watch
            .check(101, &[("content", 500.0)])
            .expect_err("it exploded");
        assert!(
            error
                .to_string()
                .contains("content has exploded at step 101")
        );
        let error = watch.check(102, &[("style", f64::NAN)]).expect_err("NaN");
        assert_eq!(error.to_string(), "style is NaN at step 102");
    }

    #[test]
    fn warns_once_of_a_discriminator_that_has_won() {
        let mut watch = Watch::default();
        let warnings = (0..1000)
            .filter(|_| watch.discriminator_has_won(0.001))
            .count();
        assert_eq!(warnings, 1);
        assert!(!watch.discriminator_has_won(0.5));
    }
}
