//! The bilateral filter (Tomasi and Manduchi, 1998): a blur that stops at edges.

use rayon::prelude::*;

/// Radius of the round window.
const RADIUS: usize = 4;
/// Spatial standard deviation in pixels.
const SIGMA_PX: f32 = 4.0;
/// Resolution of the table of range weights.
const TABLE: usize = 1024;

/// Filters an RGB picture of rows of `width` pixels; colours differ by the sum of absolute
/// differences of their channels, `range` being its standard deviation.
pub fn bilateral(pixels: &[[f32; 3]], width: usize, range: f32) -> Vec<[f32; 3]> {
    let height = pixels.len() / width;
    let padded = padded(pixels, width, height);
    let stride = width + 2 * RADIUS;
    let radius = RADIUS as isize;
    let window: Vec<(isize, f32)> = (-radius..=radius)
        .flat_map(|dy| (-radius..=radius).map(move |dx| (dx, dy)))
        .filter(|(dx, dy)| dx * dx + dy * dy <= radius * radius)
        .map(|(dx, dy)| {
            let distance = (dx * dx + dy * dy) as f32;
            let weight = (-distance / (2.0 * SIGMA_PX * SIGMA_PX)).exp();
            (dy * stride as isize + dx, weight)
        })
        .collect();
    // Differences of four standard deviations and more weigh nothing.
    let mut table: [f32; TABLE] = std::array::from_fn(|i| {
        let deviations = 4.0 * i as f32 / (TABLE - 1) as f32;
        (-0.5 * deviations * deviations).exp()
    });
    table[TABLE - 1] = 0.0;
    let steps = (TABLE - 1) as f32 / (4.0 * range);
    let mut out = vec![[0.0; 3]; pixels.len()];
    out.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
        let start = (y + RADIUS) * stride + RADIUS;
        for (x, result) in row.iter_mut().enumerate() {
            let centre = padded[start + x];
            let mut sum = [0.0; 3];
            let mut total = 0.0;
            for &(offset, spatial) in &window {
                let other = padded[(start + x).wrapping_add_signed(offset)];
                let difference = (other[0] - centre[0]).abs()
                    + (other[1] - centre[1]).abs()
                    + (other[2] - centre[2]).abs();
                let weight = spatial * table[((difference * steps + 0.5) as usize).min(TABLE - 1)];
                total += weight;
                for c in 0..3 {
                    sum[c] += weight * other[c];
                }
            }
            *result = sum.map(|v| v / total);
        }
    });
    out
}

/// The picture with its border reflected for the window's radius.
fn padded(pixels: &[[f32; 3]], width: usize, height: usize) -> Vec<[f32; 3]> {
    let reflect = |i: usize, size: usize| {
        let last = size as isize - 1;
        let i = (i as isize - RADIUS as isize).abs();
        // A picture smaller than the window is reflected once and then repeats its border.
        (if i > last { 2 * last - i } else { i }).clamp(0, last) as usize
    };
    (0..height + 2 * RADIUS)
        .flat_map(|y| {
            let row = &pixels[reflect(y, height) * width..][..width];
            (0..width + 2 * RADIUS).map(move |x| row[reflect(x, width)])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_a_step_and_removes_a_ripple() {
        let width = 40;
        let pixels: Vec<[f32; 3]> = (0..width * 20)
            .map(|i| {
                let x = i % width;
                let ripple = if (x + i / width) % 2 == 0 {
                    0.01
                } else {
                    -0.01
                };
                [if x < 20 { 0.2 } else { 0.8 } + ripple; 3]
            })
            .collect();
        let out = bilateral(&pixels, width, 0.1);
        let row = &out[10 * width..11 * width];
        // A quarter of the ripple's amplitude at most is left.
        assert!((row[10][0] - 0.2).abs() < 2.5e-3 && (row[30][0] - 0.8).abs() < 2.5e-3);
        assert!((row[19][0] - 0.2).abs() < 5e-3 && (row[20][0] - 0.8).abs() < 5e-3);
    }
}
