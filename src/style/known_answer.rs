//! The network's answer to a fixed input, stored in the style file. An engine that does not
//! reproduce it (a shader that was rejected, a driver bug) must not touch a photo.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::imaging::Planes;

/// Side of the fixed input, in pixels. Large enough to reach every layer of two halvings, small
/// enough to take no time.
const SIDE_PX: usize = 32;

/// Every how many values of the output one is kept.
const STRIDE: usize = 47;

/// Samples of the output for [`KnownAnswer::input`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KnownAnswer(Vec<f32>);

impl KnownAnswer {
    /// The fixed input of so many planes, at least 3: smooth waves of different lengths, with a step in
    /// the middle so that edges occur too.
    ///
    /// # Errors
    /// [`Error::ArgumentInvalid`](crate::Error::ArgumentInvalid) for fewer planes.
    pub fn input(planes: usize) -> Result<Planes> {
        let mut values = Vec::with_capacity(planes * SIDE_PX * SIDE_PX);
        for plane in 0..planes {
            let (channel, shift) = (plane % 3, plane / 3 * 11);
            for y in 0..SIDE_PX {
                for x in 0..SIDE_PX {
                    // Integer arithmetic, so that every machine makes the same numbers.
                    let wave = (x * (channel + 3) + y * (5 - channel) + shift) % 64;
                    let triangle = wave.min(64 - wave) as f32 / 16.0 - 1.0;
                    values.push(if x < SIDE_PX / 2 { triangle } else { -triangle });
                }
            }
        }
        let guides = values.split_off(values.len().min(3 * SIDE_PX * SIDE_PX));
        Planes::new(SIDE_PX, SIDE_PX, values)?.with_guides(&guides)
    }

    /// Keeps samples of `output`, the network's output for [`KnownAnswer::input`].
    pub fn of(output: &Planes) -> Self {
        Self(output.values().iter().step_by(STRIDE).copied().collect())
    }

    /// Largest absolute error of `output` at the samples; infinite if anything is not finite or
    /// not comparable.
    pub fn error(&self, output: &Planes) -> f32 {
        let samples = Self::of(output);
        if samples.0.len() != self.0.len() {
            return f32::INFINITY;
        }
        crate::imaging::max_abs_difference(&samples.0, &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_a_wrong_output() {
        let input = KnownAnswer::input(3).unwrap();
        assert_eq!(
            KnownAnswer::input(2).unwrap_err().code(),
            "argument-invalid"
        );
        let guided = KnownAnswer::input(7).unwrap();
        assert_eq!(guided.count(), 7);
        assert_eq!(guided.values()[..input.values().len()], *input.values());
        assert!(guided.values().iter().all(|v| (-1.0..=1.0).contains(v)));
        let answer = KnownAnswer::of(&input);
        assert_eq!(answer.error(&input), 0.0);
        let shifted: Vec<f32> = input.values().iter().map(|v| v + 0.25).collect();
        let shifted = Planes::new(SIDE_PX, SIDE_PX, shifted).unwrap();
        assert_eq!(answer.error(&shifted), 0.25);
        let small = Planes::new(1, 1, vec![0.0; 3]).unwrap();
        assert_eq!(answer.error(&small), f32::INFINITY);
    }
}
