//! A stylised part put back into the whole picture, so that nobody sees where it ends.

use std::ops::Range;

use fearless_simd::Level;

use super::{Photo, blur, warp, zeros};
use crate::error::{Error, Result};
use crate::geometry::{BilinearTap, SimilarityTransform, bilinear_taps, smoothstep};
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

/// Cells a side in which tones are compared, the standard deviation over which they are smoothed, and steps of
/// lightness that are compared by themselves.
const CELLS: usize = 24;
const CELLS_SIGMA: f32 = 1.5;
const STEPS: usize = 8;
/// Pixels of a cell below which a difference counts less.
const LEAST_COUNT: f32 = 0.05;
/// Lightness up to which a pixel keeps its tone, so that hair does over a face and beside it, and from which on it
/// takes the picture's: a glow is seen where it is light.
const DARK: [f32; 2] = [0.15, 0.35];
/// Deviation of the shares of red and blue in a colour from those of a face, at which it is hardly skin.
const SKIN_DEVIATION: f32 = 0.02;

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
        let around: Vec<[u8; 4]> = around.copied().collect();
        take_tones(&mut warped, &around, &weights, &own);
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

/// Adds to a face what has the colour of most of it, in any light: its neck and ears.
fn add_skin(face: &mut [f32], pixels: &[[u8; 4]]) {
    let shares = |[r, g, b, _]: [u8; 4]| {
        let [r, g, b] = [r, g, b].map(f32::from);
        let sum = (r + g + b).max(1.0);
        [r / sum, b / sum]
    };
    let (mut sums, mut count) = ([0f32; 2], 0f32);
    for (weight, pixel) in face.iter().zip(pixels) {
        for (sum, share) in sums.iter_mut().zip(shares(*pixel)) {
            *sum += weight * share;
        }
        count += weight;
    }
    let mean = sums.map(|sum| sum / count.max(f32::MIN_POSITIVE));
    for (weight, pixel) in face.iter_mut().zip(pixels) {
        let [red, blue] = shares(*pixel);
        let off = (red - mean[0]).hypot(blue - mean[1]) / SKIN_DEVIATION;
        *weight = weight.max((-0.5 * off * off).exp());
    }
}

/// Gives a patch the tones that `around` has in the same places, as far as it is not its `own`: what differs slowly
/// is made up for, by lightness, so that a wall keeps apart from hair before it (a bilateral grid: Chen, Paris and
/// Durand, 2007). Only what is seen, by `seen`, counts; all are of the patch's size.
fn take_tones(patch: &mut Photo, around: &[[u8; 4]], seen: &[f32], own: &[f32]) {
    let [width, height] = [patch.width(), patch.height()];
    let [across, down] = [width, height].map(|side| side.min(CELLS));
    // For each step of lightness sums of differences in three channels, and how many there are.
    let mut cells = vec![[0f32; 4 * STEPS]; across * down];
    for (i, (patch, around)) in patch.pixels().iter().zip(around).enumerate() {
        if seen[i] > 0.0 {
            let [x, y] = [i % width * across / width, i / width * down / height];
            let step = (step(*patch) + 0.5) as usize;
            let sums = &mut cells[y * across + x][4 * step..][..4];
            for c in 0..3 {
                sums[c] += f32::from(around[c]) - f32::from(patch[c]);
            }
            sums[3] += 1.0;
        }
    }
    // Sums and counts alike, so that empty cells take from their neighbours.
    blur(&mut cells, [across, down], CELLS_SIGMA);
    let columns: Vec<BilinearTap> = bilinear_taps(across, width, false).collect();
    let rows: Vec<BilinearTap> = bilinear_taps(down, height, false).collect();
    for (i, pixel) in patch.pixels_mut().iter_mut().enumerate() {
        if own[i] == 1.0 {
            continue;
        }
        let (column, row) = (columns[i % width], rows[i / width]);
        let exact = step(*pixel);
        let low = (exact as usize).min(STEPS - 2);
        let mut sums = [0f32; 4];
        for (y, of_row) in [(row.low, 1.0 - row.weight), (row.high, row.weight)] {
            for (x, of_column) in [
                (column.low, 1.0 - column.weight),
                (column.high, column.weight),
            ] {
                let cell = &cells[y * across + x];
                for (step, of_step) in [
                    (low, low as f32 + 1.0 - exact),
                    (low + 1, exact - low as f32),
                ] {
                    let weight = of_row * of_column * of_step;
                    for (sum, value) in sums.iter_mut().zip(&cell[4 * step..]) {
                        *sum += weight * value;
                    }
                }
            }
        }
        let light = smoothstep(exact / (STEPS - 1) as f32, DARK[0], DARK[1]);
        let share = light * (1.0 - own[i]) / sums[3].max(LEAST_COUNT);
        for c in 0..3 {
            pixel[c] = (f32::from(pixel[c]) + share * sums[c] + 0.5) as u8;
        }
    }
}

/// Where a pixel's lightness lies among the steps.
fn step([r, g, b, _]: [u8; 4]) -> f32 {
    let sum = f32::from(r) + 2.0 * f32::from(g) + f32::from(b);
    sum / (4.0 * 255.0) * (STEPS - 1) as f32
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
