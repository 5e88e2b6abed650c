//! Ranges of activations that were measured on photos, for runtimes that quantise by such ranges.
//!
//! Our own engines do not use them: the CPU engine measures every pixel as it comes.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Largest stored integer of an activation; the smallest is 0.
const LIMIT: f32 = 255.0;

/// Where the values before and after one convolution lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvolutionRanges {
    /// Of what the convolution takes.
    pub input: ValueRange,
    /// Of what the convolution gives, with its bias, before normalisation.
    pub products: ValueRange,
}

/// The range of a tensor's values; as JSON `[low, high]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f32; 2]", into = "[f32; 2]")]
pub struct ValueRange {
    /// The least value.
    pub low: f32,
    /// The largest value.
    pub high: f32,
}

impl From<[f32; 2]> for ValueRange {
    fn from([low, high]: [f32; 2]) -> Self {
        Self { low, high }
    }
}

impl From<ValueRange> for [f32; 2] {
    fn from(range: ValueRange) -> Self {
        [range.low, range.high]
    }
}

/// What integers from 0 to 255 stand for: `scale * (integer - zero_point)`, the affine scheme of
/// Jacob et al., 2018, arXiv:1712.05877.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// The step between integers, above 0.
    pub scale: f32,
    /// The integer of zero.
    pub zero_point: u8,
}

impl ConvolutionRanges {
    /// Checks both ranges of the convolution with these weights.
    ///
    /// # Errors
    /// [`Error::StyleInvalid`], naming weights and range.
    pub(super) fn validate(&self, weights: &str) -> Result<()> {
        for (name, range) in [("input", self.input), ("products", self.products)] {
            if !range.is_valid() {
                return Err(Error::StyleInvalid(format!(
                    "activation_ranges of {weights}: {name} is [{}, {}], expected finite numbers, \
                     the lower one first",
                    range.low, range.high
                )));
            }
        }
        Ok(())
    }
}

impl ValueRange {
    /// Whether the ends are finite, the lower one first, and far enough apart for 255 steps.
    pub fn is_valid(&self) -> bool {
        // An infinite end, or one that is no number, makes the distance so.
        self.low < self.high && (LIMIT.recip() * (self.high - self.low)).is_normal()
    }

    /// The integers that the range is cut into. Zero gets one of its own, so a range that does not
    /// reach it is widened.
    pub fn affine(&self) -> Affine {
        let (low, high) = (self.low.min(0.0), self.high.max(0.0));
        let scale = (high - low) / LIMIT;
        Affine {
            scale,
            // Casts saturate.
            zero_point: (-low / scale).round() as u8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_exact_and_the_ends_are_reached_within_half_a_step() {
        for (range, scale, zero_point) in [
            ([-100.0, 155.0], 1.0, 100),
            ([-1.0, 4.0], 5.0 / 255.0, 51),
            ([1.0, 51.0], 0.2, 0),
            ([-51.0, -1.0], 0.2, 255),
        ] {
            let affine = ValueRange::from(range).affine();
            assert_eq!(affine, Affine { scale, zero_point }, "{range:?}");
        }
    }

    #[test]
    fn ranges_that_are_none_are_refused() {
        let valid = |low, high| ValueRange { low, high }.is_valid();
        assert!(valid(-1.0, 2.0) && valid(-5.0, -4.0));
        for (low, high) in [
            (1.0, 1.0),
            (2.0, 1.0),
            (f32::NAN, 1.0),
            (0.0, f32::NAN),
            (f32::NEG_INFINITY, 0.0),
            (0.0, f32::INFINITY),
            (f32::MIN, f32::MAX),
            (0.0, f32::MIN_POSITIVE),
        ] {
            assert!(!valid(low, high), "{low} {high}");
        }
    }
}
