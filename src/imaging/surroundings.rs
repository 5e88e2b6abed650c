//! The tones of a patch outside of the face that it shows: those of the picture that it is put into. Two networks paint
//! one wall differently, and a glow would be left around the head.
//!
//! What differs slowly is made up for, by lightness, so that a wall keeps apart from hair before it: a bilateral grid
//! (Chen, Paris and Durand, "Real-time edge-aware image processing with the bilateral grid", 2007).

use super::{Photo, blur};
use crate::geometry::{BilinearTap, bilinear_taps, smoothstep};

/// Cells a side in which tones are compared, the standard deviation over which they are smoothed, and steps of
/// lightness that are compared by themselves.
const CELLS: usize = 24;
const CELLS_SIGMA: f32 = 1.5;
const STEPS: usize = 8;
/// For each step of lightness the sums of the differences in three channels, and how many there are.
type Cell = [f32; 4 * STEPS];
/// Pixels of a cell below which a difference counts less.
const LEAST_COUNT: f32 = 0.05;
/// Lightness up to which a pixel keeps its tone, so that hair does over a face and beside it, and from which on it
/// takes the picture's: a glow is seen where it is light.
const DARK: [f32; 2] = [0.15, 0.35];
/// Half the width of lines, in parts of the longer side: they go with what they are drawn on.
const LINE: f32 = 0.006;
/// Deviation of the shares of red and blue in a colour from those of a face, at which it is hardly skin.
const SKIN_DEVIATION: f32 = 0.02;

/// Adds to the weights of a face those of what has the colour of most of it, in any light: its neck and ears.
pub(super) fn add_skin(face: &mut [f32], pixels: &[[u8; 4]]) {
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

/// Gives a patch the tones that `around` has in the same places, as far as it is not its `own`. Only what is seen, by
/// `seen`, counts; all are of the patch's size.
pub(super) fn take_tones<'a>(
    patch: &mut Photo,
    around: impl Iterator<Item = &'a [u8; 4]>,
    seen: &[f32],
    mut own: Vec<f32>,
) {
    let [width, height] = [patch.width(), patch.height()];
    let mut steps: Vec<f32> = patch.pixels().iter().map(step).collect();
    let reach = (LINE * width.max(height) as f32).ceil() as usize;
    for plane in [&mut steps, &mut own] {
        close(plane, width, reach);
    }
    let grid = Grid::of(patch, around, seen, &steps);
    let [across, down] = grid.size;
    let columns: Vec<BilinearTap> = bilinear_taps(across, width, false).collect();
    let rows: Vec<BilinearTap> = bilinear_taps(down, height, false).collect();
    for (i, pixel) in patch.pixels_mut().iter_mut().enumerate() {
        if own[i] == 1.0 {
            continue;
        }
        let step = steps[i];
        let [r, g, b, count] = grid.at(columns[i % width], rows[i / width], step);
        let light = smoothstep(step / (STEPS - 1) as f32, DARK[0], DARK[1]);
        let share = light * (1.0 - own[i]) / count.max(LEAST_COUNT);
        for (value, sum) in pixel.iter_mut().zip([r, g, b]) {
            *value = (f32::from(*value) + share * sum + 0.5) as u8;
        }
    }
}

/// Where a pixel's lightness lies among the steps.
fn step([r, g, b, _]: &[u8; 4]) -> f32 {
    let sum = f32::from(*r) + 2.0 * f32::from(*g) + f32::from(*b);
    sum / (4.0 * 255.0) * (STEPS - 1) as f32
}

/// Fills what is darker than its surroundings and at most twice `reach` pixels wide: a morphological closing by a square.
fn close(plane: &mut [f32], width: usize, reach: usize) {
    pick_within(plane, width, reach, f32::max);
    pick_within(plane, width, reach, f32::min);
}

/// The largest or least value within `reach` pixels to all sides.
fn pick_within(plane: &mut [f32], width: usize, reach: usize, pick: impl Fn(f32, f32) -> f32) {
    let mut padded = vec![0.0; width + 2 * reach];
    for row in plane.chunks_exact_mut(width) {
        padded[reach..reach + width].copy_from_slice(row);
        padded[..reach].fill(row[0]);
        padded[reach + width..].fill(row[width - 1]);
        for shift in 0..=2 * reach {
            for (value, other) in row.iter_mut().zip(&padded[shift..]) {
                *value = pick(*value, *other);
            }
        }
    }
    let before = plane.to_vec();
    let rows = before.len() / width;
    for (y, row) in plane.chunks_exact_mut(width).enumerate() {
        for near in y.saturating_sub(reach)..(y + reach + 1).min(rows) {
            for (value, other) in row.iter_mut().zip(&before[near * width..]) {
                *value = pick(*value, *other);
            }
        }
    }
}

/// How what is around differs from a patch, by place and lightness.
struct Grid {
    /// Cells across and down.
    size: [usize; 2],
    cells: Vec<Cell>,
}

impl Grid {
    fn of<'a>(
        patch: &Photo,
        around: impl Iterator<Item = &'a [u8; 4]>,
        seen: &[f32],
        steps: &[f32],
    ) -> Self {
        let [width, height] = [patch.width(), patch.height()];
        let size @ [across, down] = [width, height].map(|side| side.min(CELLS));
        let mut cells = vec![[0.0; 4 * STEPS]; across * down];
        for (i, (patch, around)) in patch.pixels().iter().zip(around).enumerate() {
            if seen[i] > 0.0 {
                let [x, y] = [i % width * across / width, i / width * down / height];
                let step = (steps[i] + 0.5) as usize;
                let sums = &mut cells[y * across + x][4 * step..][..4];
                for c in 0..3 {
                    sums[c] += f32::from(around[c]) - f32::from(patch[c]);
                }
                sums[3] += 1.0;
            }
        }
        // Sums and counts alike, so that empty cells take from their neighbours.
        blur(&mut cells, size, CELLS_SIGMA);
        Self { size, cells }
    }

    /// The sums between the cells and steps around a place and lightness.
    fn at(&self, column: BilinearTap, row: BilinearTap, step: f32) -> [f32; 4] {
        let low = (step as usize).min(STEPS - 2);
        let of_high = step - low as f32;
        let mut sums = [0.0; 4];
        let mut add = |x: usize, y: usize, weight: f32| {
            let cell = &self.cells[y * self.size[0] + x];
            for (i, sum) in sums.iter_mut().enumerate() {
                let [below, above] = [low, low + 1].map(|step| cell[4 * step + i]);
                *sum += weight * (below + of_high * (above - below));
            }
        };
        add(
            column.low,
            row.low,
            (1.0 - column.weight) * (1.0 - row.weight),
        );
        add(column.high, row.low, column.weight * (1.0 - row.weight));
        add(column.low, row.high, (1.0 - column.weight) * row.weight);
        add(column.high, row.high, column.weight * row.weight);
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_takes_the_tones_around_it_and_a_line_on_it_stays_a_line() {
        const SIDE: usize = 200;
        let is_line = |i: usize| (100..102).contains(&(i % SIDE));
        let wall = |i: usize| {
            if is_line(i) {
                [60, 40, 40, 255]
            } else {
                [180, 160, 150, 255]
            }
        };
        let rgba = (0..SIDE * SIDE).flat_map(wall).collect();
        let mut patch = Photo::new(SIDE, SIDE, rgba).expect("a patch");
        // The picture has the wall in another tone, and no line.
        let around = [[200, 180, 170, 255]; SIDE * SIDE];
        let own = vec![0.0; SIDE * SIDE];
        take_tones(&mut patch, around.iter(), &vec![1.0; SIDE * SIDE], own);
        let row = &patch.pixels()[100 * SIDE..];
        assert!(row[50][0].abs_diff(200) < 4, "{:?}", row[50]);
        assert!(row[100][0] < 90, "{:?}", row[100]);
    }

    #[test]
    fn what_is_narrow_and_dark_is_filled() {
        let mut plane: Vec<f32> = (0..20 * 9)
            .map(|i| if i % 20 == 9 || i % 20 > 14 { 0.0 } else { 1.0 })
            .collect();
        close(&mut plane, 20, 2);
        for y in 0..9 {
            assert_eq!(plane[y * 20 + 9], 1.0);
            assert_eq!(plane[y * 20 + 18], 0.0);
        }
    }
}
