//! One row of the anisotropic Kuwahara filter: each pixel takes the mean of the calmest sectors of the
//! window around it.

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch, f32x8};

/// Sectors of a window.
pub const SECTORS: usize = 8;

/// A pixel of a window.
#[derive(Clone, Debug)]
pub struct Tap {
    /// How far it is from the window's top left corner, in pixels of the padded picture.
    pub offset: usize,
    /// Its share in the mean of each sector.
    pub weights: [f32; SECTORS],
}

/// A padded picture: three channels and the sum of their squares, row by row.
#[derive(Clone, Copy, Debug)]
pub struct Padded<'a> {
    /// The pixels.
    pub pixels: &'a [[f32; 4]],
    /// Their number in a row.
    pub stride: usize,
}

/// The colours of row `y` of the picture without its padding, of as many pixels as `choices`, which tell the
/// window of each. Sectors lose weight with the fifth power of `hardness` times their variance.
///
/// # Panics
/// If there is no such row or window: a mistake of the caller.
pub fn kuwahara_row(
    level: Level,
    picture: Padded,
    y: usize,
    windows: &[Vec<Tap>],
    choices: &[u8],
    hardness: f32,
    mut give: impl FnMut(usize, [f32; 3]),
) {
    let from = &picture.pixels[y * picture.stride..];
    dispatch!(level, simd => {
        for (x, choice) in choices.iter().enumerate() {
            let window = &windows[usize::from(*choice)];
            give(x, calmest(simd, &from[x..], window, hardness));
        }
    });
}

/// The mean of a window's sectors, those of little variance weighing most.
#[inline(always)]
fn calmest<S: Simd>(simd: S, from: &[[f32; 4]], window: &[Tap], hardness: f32) -> [f32; 3] {
    let zero = f32x8::splat(simd, 0.0);
    let mut means = [zero; 3];
    let mut squares = zero;
    for tap in window {
        let weights = f32x8::from_slice(simd, &tap.weights);
        let [r, g, b, square] = from[tap.offset];
        for (mean, value) in means.iter_mut().zip([r, g, b]) {
            *mean = weights.mul_add(f32x8::splat(simd, value), *mean);
        }
        squares = weights.mul_add(f32x8::splat(simd, square), squares);
    }
    let [r, g, b] = means;
    let variance = (squares - r * r - g * g - b * b).max(zero) * hardness;
    let square = variance * variance;
    let weights = f32x8::splat(simd, 1.0) / (square * square * variance + 1.0);
    let sum = |values: f32x8<S>| -> f32 { <[f32; 8]>::from(values).iter().sum() };
    let total = sum(weights);
    means.map(|mean| sum(mean * weights) / total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::oracle::{levels, noise};

    #[test]
    fn agrees_with_sums_in_double_precision() {
        let stride = 9;
        let values = noise(4 * stride * 7, 3);
        let pixels: Vec<[f32; 4]> = values
            .as_chunks::<4>()
            .0
            .iter()
            .map(|[r, g, b, _]| [*r, *g, *b, r * r + g * g + b * b])
            .collect();
        let weights = noise(5 * SECTORS, 9);
        let window: Vec<Tap> = [0, 2, 10, 19, 20]
            .into_iter()
            .zip(weights.as_chunks().0)
            .map(|(offset, weights)| Tap {
                offset,
                weights: weights.map(f32::abs),
            })
            .collect();
        let expected = |x: usize| {
            let (mut sum, mut total) = ([0.0; 3], 0.0);
            for sector in 0..SECTORS {
                let mean = |c: usize| -> f64 {
                    let terms = window.iter().map(|tap| {
                        f64::from(tap.weights[sector])
                            * f64::from(pixels[2 * stride + x + tap.offset][c])
                    });
                    terms.sum()
                };
                let [r, g, b, square] = [0, 1, 2, 3].map(mean);
                let variance = 2.0 * (square - r * r - g * g - b * b).max(0.0);
                let weight = 1.0 / (1.0 + variance.powi(5));
                for (sum, mean) in sum.iter_mut().zip([r, g, b]) {
                    *sum += weight * mean;
                }
                total += weight;
            }
            sum.map(|sum| sum / total)
        };
        let picture = Padded {
            pixels: &pixels,
            stride,
        };
        for level in levels() {
            let mut seen = 0;
            let windows = [window.clone()];
            kuwahara_row(level, picture, 2, &windows, &[0; 6], 2.0, |x, colour| {
                seen += 1;
                for (value, expected) in colour.into_iter().zip(expected(x)) {
                    assert!((f64::from(value) - expected).abs() < 1e-5);
                }
            });
            assert_eq!(seen, 6);
        }
    }
}
