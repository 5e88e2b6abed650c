//! Along what and how straight the edges run: the smoothed structure tensor of the colours.

use crate::imaging::structure_tensor;

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
    let colour = |[x, y]: [isize; 2]| {
        let [x, y] = [x, y].map(|v| v.wrapping_add_unsigned(PADDING) as usize);
        let [r, g, b, _] = padded[y * stride + x];
        [r, g, b]
    };
    let tensor = structure_tensor([width, height], SIGMA_PX, colour);
    tensor.into_iter().map(window_of).collect()
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
