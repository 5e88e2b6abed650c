//! What the tests of the kernels share: SIMD levels, noise, scalar sums and a scalar convolution.

use fearless_simd::Level;

use super::sum::{Affine, Term};

/// Every SIMD level that this machine can run.
pub fn levels() -> Vec<Level> {
    let best = Level::new();
    #[cfg(target_arch = "x86_64")]
    let narrower = [
        best.as_avx2().map(Level::Avx2),
        best.as_sse4_2().map(Level::Sse4_2),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let narrower: [Option<Level>; 0] = [];
    [best]
        .into_iter()
        .chain(narrower.into_iter().flatten())
        .collect()
}

/// Reproducible numbers in [-1, 1).
pub fn noise(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// Terms of data, whose scales and shifts are those of one another.
pub fn terms<'a, const N: usize>(
    data: &'a [Vec<f32>; N],
    affine: &'a [Vec<f32>; 2],
    slopes: [f32; N],
) -> [Term<'a>; N] {
    std::array::from_fn(|i| Term {
        data: &data[i],
        affine: Affine {
            scale: &affine[i % 2],
            shift: &affine[1 - i % 2],
            slope: slopes[i],
        },
    })
}

/// The value at `index` of what the terms add up to, in f64.
pub fn sum(terms: &[Term], index: usize) -> f64 {
    let value = |term: &Term| {
        let affine = term.affine;
        let channel = index % affine.scale.len();
        let [scale, shift] = [affine.scale, affine.shift].map(|values| f64::from(values[channel]));
        let value = f64::from(term.data[index]) * scale + shift;
        if value < 0.0 {
            value * f64::from(affine.slope)
        } else {
            value
        }
    };
    terms.iter().map(value).sum()
}

/// A convolution without padding, stride 1, in f64: `x` is `[height][width][channels_in]`, `w` is
/// `[channels_out][channels_in][kernel][kernel]`; the result `[rows][columns][channels_out]`.
pub fn convolve(
    x: &[f32],
    [height, width, channels_in]: [usize; 3],
    w: &[f32],
    [channels_out, kernel]: [usize; 2],
) -> Vec<f64> {
    let (rows, columns) = (height + 1 - kernel, width + 1 - kernel);
    let mut out = Vec::with_capacity(rows * columns * channels_out);
    for y in 0..rows {
        for column in 0..columns {
            for o in 0..channels_out {
                let mut sum = 0.0;
                for i in 0..channels_in {
                    for ky in 0..kernel {
                        for kx in 0..kernel {
                            let x = x[((y + ky) * width + column + kx) * channels_in + i];
                            let w = w[((o * channels_in + i) * kernel + ky) * kernel + kx];
                            sum += f64::from(x) * f64::from(w);
                        }
                    }
                }
                out.push(sum);
            }
        }
    }
    out
}
