//! Places as anime backgrounds paint them: flat dabs of colour with crisp edges, leaves in clumps,
//! skies on a ramp with clouds in a few tones, blue shadows and warm lights.
//!
//! The order of steps: maps of what is where ([`maps`], [`sky_mask`]); flattening into strokes
//! ([`abstraction`], [`foliage`]); tone and colour ([`grade`]); the sky painted anew ([`sky`]);
//! outlines ([`lines`]); glow and sharpness ([`light`]). Colours are OKLab throughout. Lengths are
//! in pixels of a picture whose longer side is 512, and grow with the picture.
//!
//! All steps but the sky mask look at a few dozen pixels around each, and at a few figures of the
//! whole picture that amount to one curve of its colours: a convolutional network can learn them.

mod abstraction;
mod foliage;
mod grade;
mod light;
mod lines;
mod maps;
mod quantile;
mod sky;
mod sky_mask;

use anyhow::{Result, bail, ensure};
use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::filter::colours::Colours;

/// Which of the looks for places a picture gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceLook {
    /// Luminous: saturated skies, glow, hardly any lines.
    Sky,
    /// Flat cel areas inside coloured outlines, milder colours.
    Film,
}

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

/// A place, drawn.
#[derive(Clone, Debug)]
pub struct DrawnPlace {
    /// The picture, of the photo's size.
    pub picture: RgbImage,
    /// How surely the sky was told from the rest: 0 (there is none) to 1 (there is one, and it is
    /// where it was painted). In between it is painted in part, which is best not learnt from.
    pub sky_confidence: f32,
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
    pub fn draw(&self, photo: &RgbImage, look: PlaceLook) -> Result<DrawnPlace> {
        ensure!(
            photo.width() > 0 && photo.height() > 0,
            "a photo of {} x {} pixels can't be drawn",
            photo.width(),
            photo.height()
        );
        let photo = Colours::oklab(photo);
        let scale = photo.width().max(photo.height()) as f32 / 512.0;
        let maps = maps::Maps::of(&photo, scale);
        let flat = abstraction::flatten(&maps, look, self.cel);
        let dabbed = foliage::dab(&flat.toned, &maps);
        let graded = grade::grade(&dabbed, &maps, look, self.vibrance);
        let painted = sky::paint(&graded, &dabbed, &maps, look, self.sky);
        let lined = lines::draw(&painted, &flat.shapes, &maps, look, self.lines);
        let lit = light::light(&lined, scale, look, self.bloom, self.sharpness);
        Ok(DrawnPlace {
            picture: lit.to_srgb(),
            sky_confidence: maps.sky_confidence,
        })
    }
}
