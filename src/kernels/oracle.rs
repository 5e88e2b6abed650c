//! What the tests of the kernels share: SIMD levels, noise, and a scalar convolution.

use fearless_simd::Level;

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
