//! 3x3 convolution of each channel by itself.

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};

use super::{load_unchecked, store_unchecked};

/// `out[y][x][c] = bias[c] + sum over ky, kx of region[y + ky][x + kx][c] * weights[ky][kx][c]`.
///
/// - region: `[height + 2][width + 2][channels]`
/// - weights: `[3][3][channels]`; bias: `[channels]`
/// - out: `height` rows of `width` pixels, `out_stride` values from row to row
///
/// `channels` is a whole number of registers.
///
/// # Panics
/// If a slice is too short: a mistake of the caller.
pub fn convolve3x3(
    level: Level,
    region: &[f32],
    [height, width]: [usize; 2],
    weights: &[f32],
    bias: &[f32],
    out: &mut [f32],
    out_stride: usize,
) {
    dispatch!(level, simd => {
        for y in 0..height {
            let row = (width + 2) * bias.len();
            let region = &region[y * row..][..3 * row];
            let out = &mut out[y * out_stride..][..width * bias.len()];
            let mut x = 0;
            while x + 4 <= width {
                pixels_at::<_, 4, 6>(simd, region, width, x, weights, bias, out);
                x += 4;
            }
            while x < width {
                pixels_at::<_, 1, 3>(simd, region, width, x, weights, bias, out);
                x += 1;
            }
        }
    });
}

/// `PX` neighbouring pixels of a row from `NX = PX + 2` columns: each weight and each input is
/// loaded once for all of them. `region` has three rows of `width + 2` pixels.
#[inline(always)]
fn pixels_at<S: Simd, const PX: usize, const NX: usize>(
    simd: S,
    region: &[f32],
    width: usize,
    x: usize,
    weights: &[f32],
    bias: &[f32],
    out: &mut [f32],
) {
    let (lanes, channels) = (S::f32s::LEN, bias.len());
    let row = (width + 2) * channels;
    assert!(NX == PX + 2 && x + PX <= width && channels.is_multiple_of(lanes));
    assert!(region.len() == 3 * row && weights.len() == 9 * channels);
    assert_eq!(out.len(), width * channels);
    for c in (0..channels).step_by(lanes) {
        // SAFETY: `c + lanes <= channels`, since both are multiples of `lanes`; so with `ky` and
        // `kx` below 3, `i < NX` and `x + NX <= width + 2` every load ends within three rows,
        // nine taps or the bias, and every store within `width` pixels.
        unsafe {
            let mut acc = [load_unchecked(simd, bias, c); PX];
            for ky in 0..3 {
                let first = ky * row + x * channels + c;
                let inputs: [S::f32s; NX] =
                    std::array::from_fn(|i| load_unchecked(simd, region, first + i * channels));
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
            for (height, width, channels) in [(1, 1, 16), (2, 3, 32), (3, 4, 16), (5, 9, 48)] {
                let region = noise((height + 2) * (width + 2) * channels, 1);
                let weights = noise(9 * channels, 2);
                let bias = noise(channels, 3);
                let stride = width * channels + 5;
                let mut out = vec![0.0; height * stride];
                convolve3x3(
                    level,
                    &region,
                    [height, width],
                    &weights,
                    &bias,
                    &mut out,
                    stride,
                );
                for y in 0..height {
                    for x in 0..width {
                        for c in 0..channels {
                            let mut sum = f64::from(bias[c]);
                            for k in 0..9 {
                                let at = (y + k / 3) * (width + 2) + x + k % 3;
                                sum += f64::from(region[at * channels + c])
                                    * f64::from(weights[k * channels + c]);
                            }
                            let got = f64::from(out[y * stride + x * channels + c]);
                            assert!(
                                (got - sum).abs() < 2e-6,
                                "{level:?} {y},{x},{c}: {got} {sum}"
                            );
                        }
                    }
                }
            }
        }
    }
}
