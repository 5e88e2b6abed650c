//! Places as anime backgrounds paint them: flat dabs of colour with crisp edges, leaves in clumps,
//! skies on a ramp with clouds in a few tones, blue shadows and warm lights.
//!
//! The order of steps: maps of what is where ([`maps`], [`nijigen::sky`]); flattening into strokes
//! ([`abstraction`], [`foliage`]); tone and colour ([`nijigen::grade`]); the sky painted anew ([`sky`]);
//! outlines ([`lines`]); glow and sharpness ([`light`]). Colours are OKLab throughout. Lengths are
//! in pixels of a picture whose longer side is [`LONG_SIDE_PX`], and grow with the picture.
//!
//! All steps but the sky mask look at a few dozen pixels around each, and at a few figures of the
//! whole picture that amount to one curve of its colours: a convolutional network can learn them.

mod abstraction;
mod foliage;
mod light;
mod lines;
mod maps;
mod sky;

use anyhow::{Result, bail, ensure};
use image::RgbImage;
use serde::{Deserialize, Serialize};

use nijigen::filter::colours::Colours;
use nijigen::grade::{PlaceLook, grade};
use nijigen::sky::LONG_SIDE_PX;

use super::Drawn;

/// Settings of the looks for places: factors on what a look does by itself, so that 1 leaves it as
/// it is and 0 leaves the step out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlaceConfig {
    /// How far the colours are made more vivid.
    pub vibrance: f32,
    /// How far the sky is painted anew, 0 to 1.
    pub sky: f32,
    /// Strength of the flat tones.
    pub cel: f32,
    /// Strength of the outlines.
    pub lines: f32,
    /// Strength of the glow around highlights.
    pub bloom: f32,
    /// Strength of the final sharpening.
    pub sharpness: f32,
}

impl Default for PlaceConfig {
    fn default() -> Self {
        Self {
            vibrance: 1.0,
            sky: 1.0,
            cel: 1.0,
            lines: 1.0,
            bloom: 1.0,
            sharpness: 1.0,
        }
    }
}

impl PlaceConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// Names the first setting out of range, its value and the range.
    pub fn validate(&self) -> Result<()> {
        let ranges = [
            ("vibrance", self.vibrance, 2.0),
            ("sky", self.sky, 1.0),
            ("cel", self.cel, 2.0),
            ("lines", self.lines, 2.0),
            ("bloom", self.bloom, 4.0),
            ("sharpness", self.sharpness, 4.0),
        ];
        for (name, value, high) in ranges {
            if !(0.0..=high).contains(&value) {
                bail!("procedural.place.{name} is {value}, expected 0 to {high}");
            }
        }
        Ok(())
    }

    /// Draws `photo`, whose longer side should be about 512 px.
    ///
    /// # Errors
    /// If the photo has no pixels.
    pub fn draw(&self, photo: &RgbImage, look: PlaceLook) -> Result<Drawn> {
        ensure!(
            photo.width() > 0 && photo.height() > 0,
            "a photo of {} x {} pixels can't be drawn",
            photo.width(),
            photo.height()
        );
        let photo = Colours::oklab(photo);
        let scale = photo.width().max(photo.height()) as f32 / LONG_SIDE_PX as f32;
        let maps = maps::Maps::of(&photo, scale);
        let flat = abstraction::flatten(&maps, look, self.cel);
        let dabbed = foliage::dab(&flat.toned, &maps);
        let graded = grade(&dabbed, &maps.regions, look, self.vibrance);
        let painted = sky::paint(&graded, &dabbed, &maps, look, self.sky);
        let lined = lines::draw(&painted, &flat.shapes, &maps, look, self.lines);
        let lit = light::light(&lined, scale, look, self.bloom, self.sharpness);
        Ok(Drawn {
            picture: lit.to_srgb(),
            sky_confidence: maps.regions.sky_confidence,
        })
    }
}

#[cfg(test)]
mod tests {
    use image::GenericImageView;

    use super::*;

    /// A blue sky with a white cloud, over a rough green meadow with a red house.
    fn landscape() -> RgbImage {
        RgbImage::from_fn(384, 256, |x, y| {
            let (x, y) = (x / 2, y / 2);
            let noise = ((x * 7919 + y * 104_729 + x * y * 31) % 61) as u8;
            let cloud = (x as f32 - 60.0).hypot(2.0 * (y as f32 - 25.0)) < 26.0;
            let house = (110..150).contains(&x) && (55..100).contains(&y);
            let window = (122..132).contains(&x) && (65..80).contains(&y);
            image::Rgb(match y {
                _ if window => [40, 45, 60],
                _ if house => [170, 60, 45],
                0..70 if cloud => [240, 242, 246],
                0..70 => [90 + y as u8 / 2, 140 + y as u8 / 2, 215],
                _ => [60 + noise / 2, 100 + noise, 40 + noise / 3],
            })
        })
    }

    fn mean(picture: &RgbImage, x: u32, y: u32, side: u32) -> [f32; 3] {
        let mut sum = [0.0; 3];
        for (_, _, pixel) in picture.view(x, y, side, side).pixels() {
            for (sum, value) in sum.iter_mut().zip(pixel.0) {
                *sum += f32::from(value);
            }
        }
        sum.map(|v| v / (side * side) as f32)
    }

    #[test]
    fn a_landscape_is_drawn_as_before() {
        // Means of squares in the sky, the cloud, the wall, the window and the meadow, as drawn
        // when this was written.
        let places = [
            (300, 20, 40),
            (100, 40, 24),
            (224, 168, 24),
            (248, 136, 12),
            (40, 190, 48),
        ];
        let expected = [(PlaceLook::Sky, SKY_MEANS), (PlaceLook::Film, FILM_MEANS)];
        for (look, expected) in expected {
            let drawn = PlaceConfig::default().draw(&landscape(), look).unwrap();
            assert!(
                drawn.is_sure() && drawn.sky_confidence > 0.8,
                "{}",
                drawn.sky_confidence
            );
            let means = places.map(|(x, y, side)| mean(&drawn.picture, x, y, side));
            for (mean, expected) in means.iter().flatten().zip(expected.iter().flatten()) {
                // Rounding differs between machines; colours of another look differ by more.
                assert!((mean - expected).abs() < 4.0, "{look:?}: {means:?}");
            }
        }
    }

    const SKY_MEANS: [[f32; 3]; 5] = [
        [56.6, 141.0, 227.5],
        [253.5, 247.8, 239.8],
        [165.9, 29.3, 31.9],
        [5.0, 8.3, 27.1],
        [3.4, 125.8, 4.5],
    ];
    const FILM_MEANS: [[f32; 3]; 5] = [
        [85.9, 160.3, 223.6],
        [252.3, 247.4, 240.4],
        [161.9, 30.6, 29.7],
        [3.0, 4.5, 20.0],
        [2.1, 121.1, 13.9],
    ];

    #[test]
    fn the_border_of_the_house_gets_an_outline_in_film_only_if_wanted() {
        let darkest = |lines: f32| {
            let config = PlaceConfig {
                lines,
                ..Default::default()
            };
            let drawn = config.draw(&landscape(), PlaceLook::Film).unwrap();
            (290..310)
                .map(|x| mean(&drawn.picture, x, 124, 1).iter().sum::<f32>())
                .fold(f32::MAX, f32::min)
        };
        assert!(
            darkest(1.0) + 20.0 < darkest(0.0),
            "{} {}",
            darkest(1.0),
            darkest(0.0)
        );
    }

    #[test]
    fn tiny_photos_are_drawn() {
        for side in [1, 2, 5] {
            for look in [PlaceLook::Sky, PlaceLook::Film] {
                let drawn = PlaceConfig::default().draw(&RgbImage::new(side, 3), look);
                assert_eq!(drawn.unwrap().picture.dimensions(), (side, 3));
            }
        }
        assert!(
            PlaceConfig::default()
                .draw(&RgbImage::new(0, 3), PlaceLook::Sky)
                .is_err()
        );
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let config = PlaceConfig {
            sky: 1.5,
            ..Default::default()
        };
        let error = config.validate().unwrap_err().to_string();
        assert_eq!(error, "procedural.place.sky is 1.5, expected 0 to 1");
    }
}
