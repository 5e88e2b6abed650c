//! A stylised part put back into the whole picture, so that nobody sees where it ends.

use std::ops::Range;

use fearless_simd::Level;

use super::surroundings::{add_skin, take_tones};
use super::{Photo, warp, zeros};
use crate::error::{Error, Result};
use crate::geometry::SimilarityTransform;
use crate::kernels::blend::{ToneChange, WeightedTone, blend_rgba8, fade_ellipse_f32};

/// The part of a patch that is seen, in units of the patch's sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FadingEllipse {
    /// Centre, from the patch's top left corner.
    pub center: [f32; 2],
    /// Half its width and height. Beyond it nothing of the patch is seen.
    pub radii: [f32; 2],
    /// Part of the radii within which only the patch is seen; less than 1.
    pub inner: f32,
}

/// The most that a patch's contrast is changed by, or its inverse.
const MAX_GAIN: f32 = 1.2;

/// Whose tone a patch has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PatchTone {
    /// The picture's mean colour inside the ellipse and, within limits, its contrast: a network that
    /// normalises over all that it sees gives them different tones.
    Picture,
    /// Its own, which was measured, for the skin of a face, which lies in this ellipse; elsewhere the picture's,
    /// place by place.
    Face(FadingEllipse),
}

/// Blends `patch` into the `columns` and `rows` of `picture`. `to_patch` takes
/// the picture's places to those of the patch.
///
/// # Errors
/// [`Error::ArgumentInvalid`] if columns or rows lie beyond the picture; those of [`warp`].
pub fn paste(
    picture: &mut Photo,
    [columns, rows]: [Range<usize>; 2],
    patch: &Photo,
    to_patch: SimilarityTransform,
    ellipse: FadingEllipse,
    tone: PatchTone,
) -> Result<()> {
    if columns.is_empty() || rows.is_empty() {
        return Ok(());
    }
    if columns.end > picture.width() || rows.end > picture.height() {
        return Err(Error::ArgumentInvalid(format!(
            "columns {columns:?} and rows {rows:?} of a picture of {} x {} pixels",
            picture.width(),
            picture.height()
        )));
    }
    let level = Level::new();
    let corner = [columns.start, rows.start].map(|v| v as f32);
    let to_patch = SimilarityTransform::new(1.0, 0.0, corner).then(&to_patch);
    let size = [columns.len(), rows.len()];
    let mut warped = warp(patch, to_patch, size)?;
    let sides = [patch.width(), patch.height()].map(|side| side as f32);
    let weights = ellipse.weights(level, to_patch, sides, size)?;

    let width = picture.width();
    let line = |y: usize| y * width + columns.start..y * width + columns.end;
    if let PatchTone::Face(face) = tone {
        let mut own = face.weights(level, to_patch, sides, size)?;
        add_skin(&mut own, warped.pixels());
        let around = rows.clone().flat_map(|y| &picture.pixels()[line(y)]);
        take_tones(&mut warped, around, &weights, own);
    }
    let lines = || {
        let patch_lines = warped.pixels().chunks_exact(columns.len());
        let lines = patch_lines.zip(weights.chunks_exact(columns.len()));
        rows.clone().zip(lines)
    };
    let tone = match tone {
        PatchTone::Picture => {
            let (mut before, mut after) = (WeightedTone::default(), WeightedTone::default());
            for (y, (patch, weights)) in lines() {
                before.add_row(level, &picture.pixels()[line(y)], weights);
                after.add_row(level, patch, weights);
            }
            matching_tone(&before, &after)
        }
        PatchTone::Face(_) => Some(ToneChange {
            gain: 1.0,
            shift: [0.0; 3],
        }),
    };
    let Some(tone) = tone else {
        return Ok(());
    };
    for (y, (patch, weights)) in lines() {
        blend_rgba8(
            level,
            &mut picture.pixels_mut()[line(y)],
            patch,
            weights,
            tone,
        );
    }
    Ok(())
}

/// What gives `patch` the tones of `picture`; `None` if nothing of it is seen.
fn matching_tone(picture: &WeightedTone, patch: &WeightedTone) -> Option<ToneChange> {
    let (wanted, mean) = (picture.mean()?, patch.mean()?);
    let ratio = picture.luma_deviation() / patch.luma_deviation();
    // A patch of one colour has no contrast to change.
    let gain = if ratio.is_finite() {
        ratio.clamp(1.0 / MAX_GAIN, MAX_GAIN)
    } else {
        1.0
    };
    let shift = [0, 1, 2].map(|c| wanted[c] - gain * mean[c]);
    Some(ToneChange { gain, shift })
}

impl FadingEllipse {
    /// Weights of the patch in a window of `[width, height]` pixels.
    fn weights(
        &self,
        level: Level,
        to_patch: SimilarityTransform,
        sides: [f32; 2],
        [width, height]: [usize; 2],
    ) -> Result<Vec<f32>> {
        let mut weights = zeros(width * height)?;
        for (y, row) in weights.chunks_exact_mut(width).enumerate() {
            let first = to_patch.apply([0.5, y as f32 + 0.5]);
            let [u, v] = [0, 1].map(|i| {
                let step = [to_patch.a, to_patch.b][i];
                let radius = self.radii[i] * sides[i];
                let from_center = first[i] - self.center[i] * sides[i];
                [from_center / radius, step / radius]
            });
            fade_ellipse_f32(level, u, v, self.inner, row);
        }
        Ok(weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::worst_difference;

    const ELLIPSE: FadingEllipse = FadingEllipse {
        center: [0.5, 0.5],
        radii: [0.5, 0.5],
        inner: 0.6,
    };

    /// A horizontal ramp, a vertical one and their sum.
    fn ramp(width: usize, height: usize, scale: f32, to: [f32; 2]) -> Photo {
        let rgba = (0..width * height).flat_map(|i| {
            let [x, y] = [i % width, i / width].map(|v| (v as f32 + 0.5) * scale);
            let [x, y] = [x + to[0], y + to[1]];
            [x, y, (x + y) / 2.0, 255.0].map(|v| v.round() as u8)
        });
        Photo::new(width, height, rgba.collect()).unwrap()
    }

    /// The patch shows places 50 to 150 of the picture at twice its size, in other tones.
    #[test]
    fn tones_are_matched() {
        let picture = ramp(200, 200, 1.0, [0.0, 0.0]);
        let mut patch = ramp(200, 200, 0.5, [50.0, 50.0]);
        for pixel in patch.pixels_mut() {
            *pixel = [
                (f32::from(pixel[0]) * 0.9 + 20.0) as u8,
                (f32::from(pixel[1]) * 0.9 + 5.0) as u8,
                (f32::from(pixel[2]) * 0.9 + 40.0) as u8,
                255,
            ];
        }
        let mut pasted = picture.clone();
        paste(
            &mut pasted,
            [50..150, 50..150],
            &patch,
            SimilarityTransform::new(2.0, 0.0, [-100.0; 2]),
            ELLIPSE,
            PatchTone::Picture,
        )
        .unwrap();
        let worst = worst_difference(&pasted, &picture);
        assert!(worst <= 2, "{worst}");

        let mut own = picture.clone();
        let to_patch = SimilarityTransform::new(2.0, 0.0, [-100.0; 2]);
        let window = [50..150, 50..150];
        // A face in the middle, whose colour the surroundings do not have.
        for (i, pixel) in patch.pixels_mut().iter_mut().enumerate() {
            let (x, y) = ((i % 200) as f32 - 100.0, (i / 200) as f32 - 100.0);
            if x.hypot(y) < 40.0 {
                *pixel = [200, 90, 40, 255];
            }
        }
        let face = FadingEllipse {
            radii: [0.2, 0.2],
            inner: 0.9,
            ..ELLIPSE
        };
        paste(
            &mut own,
            window,
            &patch,
            to_patch,
            ELLIPSE,
            PatchTone::Face(face),
        )
        .unwrap();
        for (x, y, wanted) in [
            (100, 100, [200, 90, 40, 255]),
            (130, 100, picture.pixels()[100 * 200 + 130]),
            (100, 128, picture.pixels()[128 * 200 + 100]),
        ] {
            let pixel = own.pixels()[y * 200 + x];
            for c in 0..3 {
                assert!(
                    pixel[c].abs_diff(wanted[c]) <= 11,
                    "{x} {y}: {pixel:?}, {wanted:?}"
                );
            }
        }
    }

    #[test]
    fn the_patch_is_seen_inside_and_only_there() {
        let mut picture = Photo::new(100, 80, [90, 90, 90, 7].repeat(8000)).unwrap();
        // Stripes, of which the mean is the picture's.
        let stripes: Vec<u8> = (0..10_000u32)
            .flat_map(|i| [[60, 60, 60, 255], [120, 120, 120, 255]][(i / 10 % 2) as usize])
            .collect();
        let patch = Photo::new(100, 100, stripes).unwrap();
        let before = picture.clone();
        paste(
            &mut picture,
            [30..70, 20..60],
            &patch,
            SimilarityTransform::new(2.5, 0.0, [-75.0, -50.0]),
            ELLIPSE,
            PatchTone::Picture,
        )
        .unwrap();
        for (i, (pixel, old)) in picture.pixels().iter().zip(before.pixels()).enumerate() {
            let (x, y) = ((i % 100) as f32 + 0.5 - 50.0, (i / 100) as f32 + 0.5 - 40.0);
            let radius = x.hypot(y);
            assert_eq!(pixel[3], 7);
            if radius > 20.5 {
                assert_eq!(pixel, old);
            }
            if radius < 11.0 {
                // The contrast was reduced, but no more than the limit.
                assert!(pixel[0].abs_diff(90) >= 15, "{pixel:?} at {x} {y}");
            }
        }
    }

    #[test]
    fn patches_of_one_colour_and_empty_windows_are_fine() {
        let mut picture = ramp(50, 50, 2.0, [0.0, 0.0]);
        let patch = Photo::new(4, 4, vec![255; 64]).unwrap();
        let before = picture.clone();
        let to_patch = SimilarityTransform::new(0.1, 0.0, [0.0; 2]);
        paste(
            &mut picture,
            [0..0, 0..5],
            &patch,
            to_patch,
            ELLIPSE,
            PatchTone::Picture,
        )
        .unwrap();
        assert_eq!(picture, before);
        paste(
            &mut picture,
            [0..50, 0..50],
            &patch,
            to_patch,
            ELLIPSE,
            PatchTone::Picture,
        )
        .unwrap();
        assert_ne!(picture, before);
    }
}
