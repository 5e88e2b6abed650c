//! Changes to a sample: flip, brightness, contrast and noise, nothing more.

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use crate::config::AugmentConfig;

/// What is done to one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Augmentation {
    /// Mirrored left to right.
    pub flip: bool,
    /// Added to all values, in units of the full range.
    pub brightness: f32,
    /// Factor on the distance from middle gray.
    pub contrast: f32,
}

impl Augmentation {
    /// Draws one. Always takes the same count of random numbers.
    pub fn draw(config: &AugmentConfig, rng: &mut impl Rng) -> Self {
        let flip = rng.random_bool(config.flip);
        let mut symmetric = |limit: f32| limit * (2.0 * rng.random::<f32>() - 1.0);
        Self {
            flip,
            brightness: symmetric(config.brightness),
            contrast: 1.0 + symmetric(config.contrast),
        }
    }

    /// Changes brightness and contrast of values in [-1, 1], which they stay in.
    pub fn tone(&self, values: &mut [f32]) {
        for value in values {
            *value = (*value * self.contrast + 2.0 * self.brightness).clamp(-1.0, 1.0);
        }
    }
}

/// Adds Gaussian noise of standard deviation `sigma` (in units of the full range) to values in
/// [-1, 1], which they stay in.
pub fn add_noise(values: &mut [f32], sigma: f32, rng: &mut impl Rng) {
    if sigma == 0.0 {
        return;
    }
    for value in values {
        let normal: f32 = rng.sample(StandardNormal);
        *value = (*value + 2.0 * sigma * normal).clamp(-1.0, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn draws_stay_in_their_ranges_and_use_them() {
        let config = AugmentConfig::default();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let all: Vec<_> = (0..2000)
            .map(|_| Augmentation::draw(&config, &mut rng))
            .collect();
        let flips = all.iter().filter(|a| a.flip).count();
        assert!((900..1100).contains(&flips), "{flips}");
        assert!(all.iter().all(|a| a.brightness.abs() <= 0.1));
        assert!(all.iter().all(|a| (a.contrast - 1.0).abs() <= 0.1 + 1e-6));
        assert!(all.iter().any(|a| a.brightness > 0.09) && all.iter().any(|a| a.contrast < 0.91));
    }

    #[test]
    fn the_same_seed_gives_the_same_noise_of_the_right_size() {
        let noise = |seed| {
            let mut values = vec![0.0; 10_000];
            add_noise(&mut values, 0.01, &mut ChaCha8Rng::seed_from_u64(seed));
            values
        };
        assert_eq!(noise(3), noise(3));
        assert_ne!(noise(3), noise(4));
        let variance = noise(3).iter().map(|v| v * v).sum::<f32>() / 10_000.0;
        // Values span 2, so 0.01 of the full range is 0.02.
        assert!((variance.sqrt() - 0.02).abs() < 1e-3, "{variance}");
    }

    #[test]
    fn tone_moves_and_clamps() {
        let mut values = [0.5, -0.9];
        let augmentation = Augmentation {
            flip: false,
            brightness: -0.1,
            contrast: 1.1,
        };
        augmentation.tone(&mut values);
        assert!((values[0] - 0.35).abs() < 1e-6);
        assert_eq!(values[1], -1.0);
    }
}
