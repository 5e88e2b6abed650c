//! Along what and how straight the edges run: the smoothed structure tensor of the colours.

use super::windows::{DIRECTIONS, LENGTHS, PADDING};

/// Standard deviation in pixels over which the tensor is smoothed.
const SIGMA_PX: f32 = 2.0;
/// Square of a slope a pixel, below which a picture counts as flat.
const FLAT: f32 = 1e-5;

/// The window for each pixel of a padded picture of `[width, height]` without its padding.
pub(super) fn choose_windows(
    padded: &[[f32; 4]],
    stride: usize,
    [width, height]: [usize; 2],
) -> Vec<u8> {
    let mut products = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let at = (y + PADDING) * stride + x + PADDING;
            let slope = |before: usize, after: usize| {
                [0, 1, 2].map(|c| 0.5 * (padded[after][c] - padded[before][c]))
            };
            let (in_x, in_y) = (slope(at - 1, at + 1), slope(at - stride, at + stride));
            let dot = |a: [f32; 3], b: [f32; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
            products.push([dot(in_x, in_x), dot(in_x, in_y), dot(in_y, in_y)]);
        }
    }
    blur(&mut products, [width, height]);
    products.into_iter().map(window_of).collect()
}

/// The window along the edges of a tensor: mean of the squared derivative in x, of the product of both, of
/// that in y.
fn window_of([xx, xy, yy]: [f32; 3]) -> u8 {
    let (difference, twice) = (xx - yy, 2.0 * xy);
    let anisotropy = difference.hypot(twice) / (xx + yy + FLAT);
    let length = (anisotropy * (LENGTHS - 1) as f32 + 0.5) as usize;
    // Edges run at right angles to the direction of most change.
    let along = 0.5 * twice.atan2(difference) / std::f32::consts::PI + 0.5;
    let direction = (along * DIRECTIONS as f32 + 0.5) as usize % DIRECTIONS;
    (direction * LENGTHS + length.min(LENGTHS - 1)) as u8
}

/// Smooths with a Gaussian, whose weights are those of what lies in the picture.
fn blur(values: &mut [[f32; 3]], [width, height]: [usize; 2]) {
    let radius = (2.5 * SIGMA_PX) as usize;
    let kernel: Vec<f32> = (0..=radius)
        .map(|i| (-0.5 * (i as f32 / SIGMA_PX).powi(2)).exp())
        .collect();
    let smooth = |line: &[[f32; 3]], at: usize| {
        let (mut sum, mut total) = ([0.0; 3], 0.0);
        for i in at.saturating_sub(radius)..(at + radius + 1).min(line.len()) {
            let weight = kernel[i.abs_diff(at)];
            for (sum, value) in sum.iter_mut().zip(line[i]) {
                *sum += weight * value;
            }
            total += weight;
        }
        sum.map(|sum| sum / total)
    };
    let mut line = vec![[0.0; 3]; width.max(height)];
    for row in values.chunks_exact_mut(width) {
        line[..width].copy_from_slice(row);
        for (x, value) in row.iter_mut().enumerate() {
            *value = smooth(&line[..width], x);
        }
    }
    for x in 0..width {
        for (y, value) in line[..height].iter_mut().enumerate() {
            *value = values[y * width + x];
        }
        for y in 0..height {
            values[y * width + x] = smooth(&line[..height], y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_get_long_windows_along_their_crests_and_noise_round_ones() {
        for step in 0..DIRECTIONS {
            // Across the crests, in the order of the windows' directions.
            let across = (step as f32 / DIRECTIONS as f32 + 0.5) * std::f32::consts::PI;
            let (sin, cos) = across.sin_cos();
            let [xx, xy, yy] = [cos * cos, cos * sin, sin * sin];
            let window = usize::from(window_of([xx, xy, yy]));
            assert_eq!([window / LENGTHS, window % LENGTHS], [step, LENGTHS - 1]);
        }
        assert_eq!(usize::from(window_of([0.3, 0.0, 0.3])) % LENGTHS, 0);
        assert_eq!(usize::from(window_of([1e-7, 0.0, 0.0])) % LENGTHS, 0);
    }
}
