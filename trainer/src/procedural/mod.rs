//! A drawn-looking picture made from a photo by filters alone: what a generator is regressed to
//! before any adversarial training, and a baseline that every trained style is compared with.
//!
//! There are three looks: `ink`, a comic with dark lines, which is described here, and `sky` and
//! `film`, anime backgrounds ([`place`]).
//!
//! Flat regions come from repeated bilateral filtering, ink from differences of Gaussians that
//! are smoothed along the flow of the edges, colour from a grade in Lab. Every filter is local (a
//! few dozen pixels), unlike L0 smoothing, whose global thresholds a convolutional network cannot
//! see: that is what makes the target learnable.

mod bilateral;
pub mod filter;
mod grade;
mod ink;
mod place;
pub mod portrait;

pub use place::PlaceConfig;

use anyhow::{Result, bail};
use clap::ValueEnum;
use image::RgbImage;
use nijigen::filter::plane::Plane;
use serde::{Deserialize, Serialize};

use crate::colour::luma;
use nijigen::grade::PlaceLook;

/// How a procedural target looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// A comic: dark lines around flat regions.
    #[default]
    Ink,
    /// A luminous anime background: painted skies, glow, hardly any lines.
    Sky,
    /// An anime background as cel: flat areas inside coloured outlines.
    Film,
}

/// A procedural target.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// The picture, of the photo's size.
    pub picture: RgbImage,
    /// For the looks of places, how surely the sky was told from the rest: 0 (there is none) to 1
    /// (it is where it was painted). In between it is painted in part. 0 for `ink`, which paints
    /// none.
    pub sky_confidence: f32,
}

impl Drawn {
    /// Whether the target can be learnt from: there is either no sky, or surely one.
    pub fn is_sure(&self) -> bool {
        !(0.05..0.8).contains(&self.sky_confidence)
    }
}

/// Settings of the procedural target. Lengths are in pixels of a picture whose longer side is
/// about 512; other values are for images in [0, 1].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProceduralConfig {
    /// Which look. The settings below are those of `ink`, but for `place`.
    pub look: Look,
    /// Settings of the looks `sky` and `film`.
    pub place: PlaceConfig,
    /// Median luma that dark photos are lifted to, in [0, 1].
    pub exposure: f32,
    /// Passes of the bilateral filter: more make larger flat regions.
    pub flatten_passes: usize,
    /// Colour difference (L1 over RGB) that the bilateral filter smooths over.
    pub flatten_range: f32,
    /// Edge response at which a line begins to show.
    pub ink_low: f32,
    /// Edge response at which a line is full.
    pub ink_high: f32,
    /// Darkness of lines, 0 (none) to 1 (ink colour only).
    pub ink_strength: f32,
    /// Number of soft luma steps between black and white.
    pub tone_levels: f32,
    /// Share of the stepped luma in the result, 0 to 1.
    pub tone_blend: f32,
    /// Factor on the chroma of colours.
    pub chroma: f32,
    /// Factor on the chroma of skin tones.
    pub skin_chroma: f32,
    /// How far skin tones are pulled to one colour, and spared from luma steps, 0 to 1.
    pub skin_unity: f32,
    /// Lift of the luma of skin tones.
    pub skin_lift: f32,
    /// Strength of the violet shadows and warm lights, 0 to 1.
    pub split_tone: f32,
}

impl Default for ProceduralConfig {
    fn default() -> Self {
        Self {
            look: Look::Ink,
            place: PlaceConfig::default(),
            exposure: 0.46,
            flatten_passes: 6,
            flatten_range: 0.07,
            ink_low: 0.005,
            ink_high: 0.03,
            ink_strength: 0.85,
            tone_levels: 6.0,
            tone_blend: 0.75,
            chroma: 1.45,
            skin_chroma: 1.0,
            skin_unity: 0.4,
            skin_lift: 0.09,
            split_tone: 0.6,
        }
    }
}

impl ProceduralConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// Names the first setting out of range, its value and the range.
    pub fn validate(&self) -> Result<()> {
        let ranges = [
            ("exposure", self.exposure, 0.1, 0.9),
            ("flatten_passes", self.flatten_passes as f32, 0.0, 32.0),
            ("flatten_range", self.flatten_range, 0.001, 1.0),
            ("ink_low", self.ink_low, 0.0, 1.0),
            ("ink_strength", self.ink_strength, 0.0, 1.0),
            ("tone_levels", self.tone_levels, 1.0, 256.0),
            ("tone_blend", self.tone_blend, 0.0, 1.0),
            ("chroma", self.chroma, 0.0, 4.0),
            ("skin_chroma", self.skin_chroma, 0.0, 4.0),
            ("skin_unity", self.skin_unity, 0.0, 1.0),
            ("skin_lift", self.skin_lift, -0.5, 0.5),
            ("split_tone", self.split_tone, 0.0, 1.0),
        ];
        for (name, value, low, high) in ranges {
            if !(low..=high).contains(&value) {
                bail!("procedural.{name} is {value}, expected {low} to {high}");
            }
        }
        if !(self.ink_high > self.ink_low && self.ink_high <= 1.0) {
            bail!(
                "procedural.ink_high is {}, expected above ink_low ({}) and at most 1",
                self.ink_high,
                self.ink_low
            );
        }
        self.place.validate()
    }

    /// Draws `photo`, whose longer side should be about 512 px.
    ///
    /// # Errors
    /// If the photo has no pixels.
    pub fn draw(&self, photo: &RgbImage) -> Result<RgbImage> {
        Ok(self.draw_target(photo)?.picture)
    }

    /// Draws `photo` as [`ProceduralConfig::draw`] and tells how far that can be learnt from.
    ///
    /// # Errors
    /// If the photo has no pixels.
    pub fn draw_target(&self, photo: &RgbImage) -> Result<Drawn> {
        let look = match self.look {
            Look::Ink => {
                return Ok(Drawn {
                    picture: self.draw_ink(photo)?,
                    sky_confidence: 0.0,
                });
            }
            Look::Sky => PlaceLook::Sky,
            Look::Film => PlaceLook::Film,
        };
        self.place.draw(photo, look)
    }

    fn draw_ink(&self, photo: &RgbImage) -> Result<RgbImage> {
        let (width, height) = (photo.width() as usize, photo.height() as usize);
        let mut pixels: Vec<[f32; 3]> = photo
            .pixels()
            .map(|p| p.0.map(|v| f32::from(v) / 255.0))
            .collect();
        grade::lift_exposure(&mut pixels, width, height, self.exposure)?;
        // Lines are looked for at two depths: detail in the lightly filtered photo, outlines of
        // regions in the flattened one.
        let detail = bilateral::bilateral(&pixels, width, 0.10);
        let mut flat = pixels;
        for _ in 0..self.flatten_passes {
            flat = bilateral::bilateral(&flat, width, self.flatten_range);
        }
        let plane = |pixels: &[[f32; 3]]| {
            Plane::new(width, height, pixels.iter().copied().map(luma).collect())
        };
        let thresholds = [self.ink_low, self.ink_high];
        let fine = ink::lines(&plane(&detail)?, 1.0, thresholds)?;
        let outlines = ink::lines(&plane(&flat)?, 1.5, thresholds)?;
        let mut out = RgbImage::new(photo.width(), photo.height());
        for (i, pixel) in out.pixels_mut().enumerate() {
            // Detail lines are drawn thinner than outlines.
            let ink = self.ink_strength * (0.75 * fine[i]).max(outlines[i]);
            let rgb = grade::grade(flat[i], self);
            pixel.0 = std::array::from_fn(|c| {
                let inked = rgb[c] + ink * (rgb[c].min(ink::COLOUR[c]) - rgb[c]);
                (inked.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
            });
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A noisy picture of two colours with a vertical border in the middle.
    fn two_regions() -> RgbImage {
        RgbImage::from_fn(96, 96, |x, y| {
            let noise = ((x * 7 + y * 13) % 5) as i16 - 2;
            let base = if x < 48 {
                [60, 90, 160]
            } else {
                [200, 180, 90]
            };
            image::Rgb(base.map(|v: i16| (v + noise) as u8))
        })
    }

    #[test]
    fn regions_become_flat_and_the_border_gets_ink() {
        let photo = two_regions();
        let drawn = ProceduralConfig::default()
            .draw(&photo)
            .expect("it has pixels");
        let luma_at = |image: &RgbImage, x, y| luma(image.get_pixel(x, y).0.map(f32::from));
        let spread = |image: &RgbImage| {
            let values: Vec<f32> = (10..30).map(|y| luma_at(image, 20, y)).collect();
            values.iter().fold(f32::MIN, |a, &b| a.max(b))
                - values.iter().fold(f32::MAX, |a, &b| a.min(b))
        };
        assert!(spread(&photo) > 3.0);
        assert!(spread(&drawn) < 1.0, "{}", spread(&drawn));
        // The line is darker than both sides of it.
        let darkest = (44..52)
            .map(|x| luma_at(&drawn, x, 48))
            .fold(f32::MAX, f32::min);
        assert!(darkest + 15.0 < luma_at(&drawn, 30, 48), "{darkest}");
        assert!(darkest + 60.0 < luma_at(&drawn, 70, 48), "{darkest}");
    }

    #[test]
    fn the_same_photo_gives_the_same_picture_and_tiny_photos_work() {
        let draw = |photo: &RgbImage| {
            ProceduralConfig::default()
                .draw(photo)
                .expect("it has pixels")
        };
        assert_eq!(draw(&two_regions()), draw(&two_regions()));
        for side in [1, 2, 5] {
            assert_eq!(draw(&RgbImage::new(side, side)).width(), side);
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let config = ProceduralConfig {
            chroma: 9.0,
            ..Default::default()
        };
        let error = config.validate().expect_err("9 is too much").to_string();
        assert_eq!(error, "procedural.chroma is 9, expected 0 to 4");
        ProceduralConfig::default()
            .validate()
            .expect("defaults are valid");
    }
}
