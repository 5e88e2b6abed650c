//! 3x3 convolution of each channel by itself.

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};

use super::{load_unchecked, store_unchecked};

/// One row: `out[x][c] = bias[c] + sum over ky, kx of rows[ky][x + kx][c] * weights[ky][kx][c]`.
///
/// - rows: each `[width + 2][channels]`
/// - weights: `[3][3][channels]`; bias: `[channels]`
/// - out: `[width][channels]`
///
/// `channels` is a whole number of registers.
///
/// # Panics
/// If the lengths do not fit: a mistake of the caller.
pub fn convolve3x3_row(
    level: Level,
    rows: [&[f32]; 3],
    weights: &[f32],
    bias: &[f32],
    out: &mut [f32],
) {
    let channels = bias.len();
    let width = out.len() / channels;
    assert!(channels.is_multiple_of(super::lanes(level)) && out.len() == width * channels);
    assert!(weights.len() == 9 * channels);
    assert!(rows.iter().all(|row| row.len() == (width + 2) * channels));
    dispatch!(level, simd => {
        let mut x = 0;
        while x + 4 <= width {
            pixels_at::<_, 4, 6>(simd, rows, x, weights, bias, out);
            x += 4;
        }
        while x < width {
            pixels_at::<_, 1, 3>(simd, rows, x, weights, bias, out);
            x += 1;
        }
    });
}

/// `PX` neighbouring pixels from `x` on, from `NX = PX + 2` columns: each weight and each input is
/// loaded once for all of them.
#[inline(always)]
fn pixels_at<S: Simd, const PX: usize, const NX: usize>(
    simd: S,
    rows: [&[f32]; 3],
    x: usize,
    weights: &[f32],
    bias: &[f32],
    out: &mut [f32],
) {
    let (lanes, channels) = (S::f32s::LEN, bias.len());
    assert!(NX == PX + 2 && channels.is_multiple_of(lanes) && weights.len() == 9 * channels);
    assert!((x + PX) * channels <= out.len());
    assert!(rows.iter().all(|row| (x + NX) * channels <= row.len()));
    for c in (0..channels).step_by(lanes) {
        // SAFETY: `c + lanes <= channels`, since both are multiples of `lanes`; so with `ky` and
        // `kx` below 3, `i < NX` and `px < PX` every access ends within the lengths asserted above.
        unsafe {
            let mut acc = [load_unchecked(simd, bias, c); PX];
            for (ky, row) in rows.into_iter().enumerate() {
                let inputs: [S::f32s; NX] =
                    std::array::from_fn(|i| load_unchecked(simd, row, (x + i) * channels + c));
                for kx in 0..3 {
                    let w = load_unchecked(simd, weights, (ky * 3 + kx) * channels + c);
                    for (px, acc) in acc.iter_mut().enumerate() {
                        *acc = inputs[px + kx].mul_add(w, *acc);
                    }
                }
            }
            for (px, acc) in acc.into_iter().enumerate() {
                store_unchecked::<S>(acc, out, (x + px) * channels + c);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::oracle::{levels, noise};

    #[test]
    fn agrees_with_the_scalar_sum() {
        for level in levels() {
            for (width, channels) in [(1, 16), (3, 32), (4, 16), (9, 48)] {
                let rows = [1, 2, 3].map(|seed| noise((width + 2) * channels, seed));
                let weights = noise(9 * channels, 4);
                let bias = noise(channels, 5);
                let mut out = vec![0.0; width * channels];
                let slices = [0, 1, 2].map(|i| rows[i].as_slice());
                convolve3x3_row(level, slices, &weights, &bias, &mut out);
                for x in 0..width {
                    for c in 0..channels {
                        let mut sum = f64::from(bias[c]);
                        for k in 0..9 {
                            let input = rows[k / 3][(x + k % 3) * channels + c];
                            sum += f64::from(input) * f64::from(weights[k * channels + c]);
                        }
                        let got = f64::from(out[x * channels + c]);
                        assert!((got - sum).abs() < 2e-6, "{level:?} {x},{c}: {got} {sum}");
                    }
                }
            }
        }
    }
}
