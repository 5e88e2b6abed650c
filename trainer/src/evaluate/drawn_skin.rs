//! The skin of drawn faces: how flat it is, and how far its colour is from the target's.

use anyhow::Result;
use image::RgbImage;
use nijigen::drawing::frame::Frame;
use nijigen::drawing::palette::skin_colour;
use nijigen::drawing::pen::closed_spline;
use nijigen::face::mesh::OVAL;

use super::picture_metrics::FLAT_GRADIENT;
use crate::colour::lab::{colour_difference, lab_pixels};
use crate::colour::luma_plane;
use crate::procedural::portrait::features;

/// Farthest that lit or shaded skin of a target is from the colour of its cheeks, in CIE L*a*b*.
const SKIN_TONES: f32 = 20.0;
/// What is nearer than this to something else is not looked at, in pixels.
const MARGIN_PX: usize = 2;

/// Where a face has skin and nothing else, as its target shows it.
#[derive(Clone, Debug)]
pub struct SkinArea {
    /// Pixels, in their order.
    pixels: Vec<usize>,
    /// The target's colours there, in CIE L*a*b*.
    target: Vec<[f32; 3]>,
}

/// How skin is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DrawnSkin {
    /// Share of its pixels with a gradient below [`FLAT_GRADIENT`] in luma per pixel.
    pub flat: f64,
    /// Mean colour difference ΔE*ab from the target, pixel by pixel.
    pub difference: f64,
}

impl SkinArea {
    /// Within the outline of the face, but not the features, nor what is of another colour in the target:
    /// hair, beards, glasses, lines. `None` if nothing is left.
    pub fn of(frame: &Frame, target: &RgbImage) -> Option<Self> {
        let lab = lab_pixels(target);
        let usual = skin_colour(frame, &lab);
        let oval = frame.region(&closed_spline(&frame.at(OVAL)));
        let features = features(frame);
        let other = frame.plane(|i| {
            let skin = oval.values()[i] > 0.5
                && features.values()[i] < 0.5
                && colour_difference(lab[i], usual) < SKIN_TONES;
            f32::from(!skin)
        });
        let other = other.dilate(MARGIN_PX);
        let pixels: Vec<usize> = (0..lab.len())
            .filter(|i| other.values()[*i] == 0.0)
            .collect();
        let target = pixels.iter().map(|i| lab[*i]).collect();
        (!pixels.is_empty()).then_some(Self { pixels, target })
    }

    /// Measures a picture of the target's size.
    ///
    /// # Errors
    /// If it is empty.
    pub fn measure(&self, picture: &RgbImage) -> Result<DrawnSkin> {
        let (lab, gradient) = (lab_pixels(picture), luma_plane(picture)?.gradient());
        let count = self.pixels.len() as f64;
        let flat = self.pixels.iter();
        let flat = flat.filter(|i| gradient.values()[**i] < FLAT_GRADIENT);
        let differences = self.pixels.iter().zip(&self.target);
        let differences = differences.map(|(i, target)| colour_difference(lab[*i], *target));
        Ok(DrawnSkin {
            flat: flat.count() as f64 / count,
            difference: differences.map(f64::from).sum::<f64>() / count,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::test_face::{drawn_face, frame, paint};

    #[test]
    fn the_target_itself_is_flat_and_right() -> Result<()> {
        let target = drawn_face();
        let area = SkinArea::of(&frame(), &target).expect("there is skin");
        let skin = area.measure(&target)?;
        assert_eq!(skin.difference, 0.0);
        assert!(skin.flat > 0.98, "{skin:?}");
        // Cheeks, but neither pupils nor what is around the face.
        let has = |x: usize, y: usize| area.pixels.contains(&(y * 512 + x));
        assert!(has(190, 300) && !has(302, 239) && !has(20, 20));
        Ok(())
    }

    #[test]
    fn shifted_skin_is_off_and_noisy_skin_is_not_flat() -> Result<()> {
        let target = drawn_face();
        let area = SkinArea::of(&frame(), &target).expect("there is skin");
        let shifted = |by: u8| {
            let mut picture = target.clone();
            picture.iter_mut().for_each(|v| *v = v.saturating_sub(by));
            area.measure(&picture)
        };
        let (little, much) = (shifted(8)?, shifted(24)?);
        assert!(little.difference > 2.0, "{little:?}");
        assert!(much.difference > 2.5 * little.difference, "{much:?}");
        assert!(much.flat > 0.98);

        let mut noisy = target.clone();
        for (x, y, pixel) in noisy.enumerate_pixels_mut() {
            if (x / 2 + y / 2) % 2 == 0 {
                pixel.0 = pixel.0.map(|v| v.saturating_sub(12));
            }
        }
        let noisy = area.measure(&noisy)?;
        assert!(noisy.flat < 0.1, "{noisy:?}");
        Ok(())
    }

    #[test]
    fn what_is_beside_the_skin_does_not_count() -> Result<()> {
        let mut target = drawn_face();
        let frame = frame();
        // A fringe.
        let fringe = frame.fill(&[
            [100.0, 100.0],
            [400.0, 100.0],
            [400.0, 190.0],
            [100.0, 190.0],
        ]);
        paint(&mut target, &fringe, [40, 30, 30]);
        let area = SkinArea::of(&frame, &target).expect("there is skin");
        let mut picture = target.clone();
        paint(&mut picture, &fringe, [40, 200, 30]);
        for side in [0, 1] {
            paint(
                &mut picture,
                &frame.fill(&frame.eye_polygon(side, 1.0)),
                [0; 3],
            );
        }
        assert_eq!(area.measure(&picture)?.difference, 0.0);
        Ok(())
    }
}
