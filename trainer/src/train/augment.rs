//! Changes to a sample. What changes its colours changes those of its target too: a target that
//! contradicts the photo teaches pale faces.

use std::io::Cursor;

use anyhow::Result;
use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, RgbImage};
use nijigen::filter::plane::Plane;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use crate::config::AugmentConfig;
use crate::picture::crop_planes;

/// What is done to one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Augmentation {
    /// Mirrored left to right.
    pub flip: bool,
    /// Added to all values, in units of the full range.
    pub brightness: f32,
    /// Factor on the distance from middle gray.
    pub contrast: f32,
    /// Factor on red, green and blue, counted from black.
    pub cast: [f32; 3],
    /// Turned clockwise, in radians.
    pub turn: f32,
    /// Standard deviation of the photo's blur in pixels, 0 for none.
    pub blur_px: f32,
    /// Quality of the JPEG file that the photo has been through.
    pub jpeg_quality: Option<u8>,
}

/// Worst quality of a JPEG file that a photo goes through, and best.
const JPEG_QUALITY: [f32; 2] = [35.0, 90.0];

impl Augmentation {
    /// Draws one. Always takes the same count of random numbers.
    pub fn draw(config: &AugmentConfig, rng: &mut impl Rng) -> Self {
        let flip = rng.random_bool(config.flip);
        let mut symmetric = |limit: f32| limit * (2.0 * rng.random::<f32>() - 1.0);
        let [brightness, contrast] = [config.brightness, config.contrast].map(&mut symmetric);
        let cast = [0; 3].map(|_| 1.0 + symmetric(config.cast));
        let turn = symmetric(config.turn_degrees).to_radians();
        let blurred = rng.random_bool(config.degraded);
        let [blur, quality] = [rng.random::<f32>(), rng.random::<f32>()];
        let compressed = rng.random_bool(config.degraded);
        Self {
            flip,
            brightness,
            contrast: 1.0 + contrast,
            cast,
            turn,
            blur_px: if blurred { 0.3 + blur } else { 0.0 },
            jpeg_quality: compressed.then(|| {
                let [worst, best] = JPEG_QUALITY;
                (worst + quality * (best - worst)) as u8
            }),
        }
    }

    /// Changes contrast, brightness and colour cast of a picture's planes in [-1, 1], which they stay
    /// in.
    pub fn tone(&self, values: &mut [f32]) {
        let plane = values.len().div_ceil(3).max(1);
        for (plane, cast) in values.chunks_mut(plane).zip(self.cast) {
            for value in plane {
                let toned = *value * self.contrast + 2.0 * self.brightness;
                *value = ((toned + 1.0) * cast - 1.0).clamp(-1.0, 1.0);
            }
        }
    }

    /// Blurs and compresses a photo's planes `[3, side, side]` in [-1, 1].
    ///
    /// # Errors
    /// None in practice; the encoder's.
    pub fn degrade(&self, values: &mut [f32], side: usize) -> Result<()> {
        if self.blur_px > 0.0 {
            for plane in values.chunks_exact_mut(side * side) {
                let blurred =
                    Plane::new(side, side, plane.to_vec())?.gaussian_blur(self.blur_px)?;
                plane.copy_from_slice(blurred.values());
            }
        }
        let Some(quality) = self.jpeg_quality else {
            return Ok(());
        };
        let level = |value: f32| ((value + 1.0) * 127.5).round() as u8;
        let photo = RgbImage::from_fn(side as u32, side as u32, |x, y| {
            let at = y as usize * side + x as usize;
            image::Rgb([0, 1, 2].map(|channel| level(values[channel * side * side + at])))
        });
        let mut file = Vec::new();
        photo.write_with_encoder(JpegEncoder::new_with_quality(&mut file, quality))?;
        let photo = image::load(Cursor::new(&file), ImageFormat::Jpeg)?.to_rgb8();
        values.copy_from_slice(&crop_planes(&photo, 0, 0, side as u32, false));
        Ok(())
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
            cast: [1.0; 3],
            turn: 0.0,
            blur_px: 0.0,
            jpeg_quality: None,
        };
        augmentation.tone(&mut values);
        assert!((values[0] - 0.35).abs() < 1e-6);
        assert_eq!(values[1], -1.0);

        let mut values = [-1.0, 0.0, 0.0];
        let augmentation = Augmentation {
            brightness: 0.0,
            contrast: 1.0,
            cast: [2.0, 1.0, 0.8],
            ..augmentation
        };
        augmentation.tone(&mut values);
        assert_eq!(values[..2], [-1.0, 0.0]);
        assert!((values[2] + 0.2).abs() < 1e-6, "black stays black");
    }

    #[test]
    fn degrading_loses_detail_and_keeps_the_colours() -> Result<()> {
        let side = 32;
        let photo: Vec<f32> = (0..3 * side * side)
            .map(|i| {
                if (i % side + i / side) % 2 == 0 {
                    0.5
                } else {
                    0.1
                }
            })
            .collect();
        let augmentation = Augmentation {
            flip: false,
            brightness: 0.0,
            contrast: 1.0,
            cast: [1.0; 3],
            turn: 0.0,
            blur_px: 1.0,
            jpeg_quality: Some(60),
        };
        let mut degraded = photo.clone();
        augmentation.degrade(&mut degraded, side)?;
        let spread = |values: &[f32]| values.iter().map(|v| (v - 0.3).abs()).sum::<f32>();
        assert!(spread(&degraded) < 0.3 * spread(&photo));
        let mean = degraded.iter().sum::<f32>() / degraded.len() as f32;
        assert!((mean - 0.3).abs() < 0.01, "{mean}");
        Ok(())
    }
}
