//! How far outputs of the network are from what they should be.

use std::fmt;

use anyhow::Result;
use futures_lite::future::block_on;
use nijigen::engine::Engine;
use nijigen::imaging::Planes;

/// Side of [`formula_photo`] in pixels.
const SIDE_PX: usize = 256;

/// Largest and mean absolute difference of two outputs, in units of the network's [-1, 1] range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    max: f64,
    mean: f64,
}

impl Difference {
    /// Compares two pictures; infinite where sizes differ or a value is not finite.
    pub fn between(a: &Planes, b: &Planes) -> Self {
        let max = f64::from(a.max_abs_difference(b));
        if !max.is_finite() {
            return Self { max, mean: max };
        }
        let sum: f64 = a
            .values()
            .iter()
            .zip(b.values())
            .map(|(a, b)| f64::from((a - b).abs()))
            .sum();
        Self {
            max,
            mean: sum / a.values().len().max(1) as f64,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "max {:.3e}, mean {:.3e}", self.max, self.mean)
    }
}

/// Runs the network on `input`, waiting for the result.
///
/// # Errors
/// If the engine fails.
pub fn output(engine: &impl Engine, input: &Planes) -> Result<Planes> {
    Ok(block_on(engine.stylize(input, &mut |_: f32| {}))?)
}

/// A picture with slopes, edges and fine texture that needs no file: 256 x 256.
///
/// # Errors
/// None in practice; the size is right by construction.
pub fn formula_photo() -> Result<Planes> {
    let mut values = Vec::with_capacity(3 * SIDE_PX * SIDE_PX);
    for channel in 0..3 {
        for y in 0..SIDE_PX {
            for x in 0..SIDE_PX {
                let slope = (x + y * (channel + 1)) as f32 / 512.0 - 0.8;
                let (dx, dy) = (x as f32 - 128.0, y as f32 - 110.0);
                let disc = if dx * dx + dy * dy < 3600.0 { 0.6 } else { 0.0 };
                let texture = ((x * 7 + y * 13 + channel * 5) % 17) as f32 / 17.0 - 0.5;
                values.push((slope * 0.5 + disc + texture * 0.2).clamp(-1.0, 1.0));
            }
        }
    }
    Ok(Planes::new(SIDE_PX, SIDE_PX, values)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn difference_of_known_pictures() {
        let a = Planes::new(1, 1, vec![0.0, 0.5, 1.0]).unwrap();
        let b = Planes::new(1, 1, vec![0.0, 0.5, 0.25]).unwrap();
        let difference = Difference::between(&a, &b);
        assert_eq!((difference.max, difference.mean), (0.75, 0.25));
        let wrong_size = Planes::new(2, 1, vec![0.0; 6]).unwrap();
        assert!(Difference::between(&a, &wrong_size).mean.is_infinite());
    }

    #[test]
    fn formula_photo_is_in_range() {
        let photo = formula_photo().unwrap();
        assert!(photo.values().iter().all(|v| (-1.0..=1.0).contains(v)));
    }
}
