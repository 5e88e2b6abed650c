//! Stride-1 convolutions with few multiplications (Winograd, 1980; Lavin & Gray, 2016,
//! arXiv:1509.09308).
//!
//! A tile of 4 x 4 outputs is computed from a transformed tile of inputs: per point of the
//! transform a product over the channels, 2.25 multiplications an output instead of 9 for a 3x3
//! kernel, F(4x4, 3x3).
//!
//! A 7x7 kernel is padded to 8x8 and cut into four 4x4 kernels, F(4x4, 4x4). Since their distance
//! is the tile's own side, all four read the same grid of transformed inputs, and their sum is
//! taken before the inverse transform: one product with four times the depth, 12.25
//! multiplications an output instead of 49.
//!
//! The points are 0, ±1, ±2 (and 1/2), and infinity; with noise as input the results are within
//! some 5e-6 of the direct sum.

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};

use super::matmul::{PackedWeights, Rows, multiply};
use super::{Block, load_unchecked, store_unchecked};

/// Outputs along a tile's side.
pub const TILE: usize = 4;

/// Values between one point's part of a buffer and the next: without them the parts of all points
/// fall into the same few cache lines when their length is a power of two.
const GAP: usize = 16;

/// Transformed weights of a 3x3 or 7x7 kernel.
#[derive(Clone, Debug)]
pub struct WinogradWeights {
    kernel: usize,
    channels_in: usize,
    /// One matrix for each point of the transform.
    points: Vec<PackedWeights>,
}

/// Buffers of [`convolve`], to be used again.
#[derive(Debug, Default)]
pub struct WinogradScratch {
    transformed: Vec<f32>,
    products: Vec<f32>,
    starts: Vec<usize>,
}

impl WinogradWeights {
    /// Whether kernels of this side can be transformed.
    pub fn supports(kernel: usize) -> bool {
        kernel == 3 || kernel == 7
    }

    /// Transforms `weight(channel_out, channel_in, ky, kx)`. `padded_in` is the number of
    /// channels that the input has with its padding.
    ///
    /// # Panics
    /// If the kernel is not [supported](Self::supports): a mistake of the caller.
    pub fn new(
        [channels_out, channels_in, padded_in]: [usize; 3],
        kernel: usize,
        lanes: usize,
        weight: impl Fn(usize, usize, usize, usize) -> f32,
    ) -> Self {
        assert!(Self::supports(kernel), "kernel {kernel}, expected 3 or 7");
        let (side, blocks) = (side(kernel), blocks(kernel));
        let taps = side + 1 - TILE;
        let matrix: &[&[f64]] = if kernel == 3 { &G_4_3 } else { &G_4_4 };
        // [block][in][point][out], so that packing reads neighbours.
        let mut transformed = vec![0f32; blocks * blocks * padded_in * side * side * channels_out];
        let mut half = vec![0f64; side * taps];
        for block in 0..blocks * blocks {
            let (top, left) = (block / blocks * taps, block % blocks * taps);
            for i in 0..channels_in {
                for o in 0..channels_out {
                    let tap = |y: usize, x: usize| {
                        let (y, x) = (top + y, left + x);
                        if y < kernel && x < kernel {
                            f64::from(weight(o, i, y, x))
                        } else {
                            0.0
                        }
                    };
                    for r in 0..side {
                        for x in 0..taps {
                            half[r * taps + x] = (0..taps).map(|y| matrix[r][y] * tap(y, x)).sum();
                        }
                    }
                    for (r, half) in half.chunks_exact(taps).enumerate() {
                        for (c, row) in matrix.iter().enumerate() {
                            let sum: f64 = half.iter().zip(*row).map(|(a, b)| a * b).sum();
                            let at = (block * padded_in + i) * side * side + r * side + c;
                            transformed[at * channels_out + o] = sum as f32;
                        }
                    }
                }
            }
        }
        let depth = blocks * blocks * padded_in;
        let points = (0..side * side)
            .map(|point| {
                PackedWeights::new(depth, channels_out, lanes, |k, o| {
                    transformed[(k * side * side + point) * channels_out + o]
                })
            })
            .collect();
        Self {
            kernel,
            channels_in: padded_in,
            points,
        }
    }

    /// Rows or columns of input that `tiles` tiles read.
    pub fn input_side(&self, tiles: usize) -> usize {
        (tiles + blocks(self.kernel) - 1) * TILE + side(self.kernel) - TILE
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.points.iter().map(PackedWeights::bytes).sum()
    }
}

/// Inputs along a transformed tile's side.
fn side(kernel: usize) -> usize {
    if kernel == 3 { 6 } else { 7 }
}

/// Parts that a kernel is cut into along each side.
fn blocks(kernel: usize) -> usize {
    if kernel == 3 { 1 } else { 2 }
}

/// Convolves a region without further padding.
///
/// - region: `[input_side(tiles[0])][input_side(tiles[1])][channels_in]`
/// - out: at most the tiles' outputs, of which the rest is dropped
///
/// # Panics
/// If a slice is too short: a mistake of the caller.
pub fn convolve(
    level: Level,
    weights: &WinogradWeights,
    region: &[f32],
    tiles: [usize; 2],
    scratch: &mut WinogradScratch,
    out: &mut Block,
) {
    let blocks = blocks(weights.kernel);
    let grid = tiles.map(|tiles| tiles + blocks - 1);
    let (channels_in, channels_out) = (weights.channels_in, weights.points[0].columns());
    let width = weights.input_side(tiles[1]);
    let count = tiles[0] * tiles[1];
    let points = weights.points.len();
    let transformed_len = grid[0] * grid[1] * channels_in + GAP;
    let products_len = count * channels_out + GAP;
    scratch.transformed.resize(points * transformed_len, 0.0);
    scratch.products.resize(points * products_len, 0.0);
    if weights.kernel == 3 {
        dispatch!(level, simd => transform_input::<_, F43, 6>(
            simd, region, width, channels_in, grid, &mut scratch.transformed));
    } else {
        dispatch!(level, simd => transform_input::<_, F44, 7>(
            simd, region, width, channels_in, grid, &mut scratch.transformed));
    }
    scratch.starts.clear();
    let starts = (0..count).map(|i| (i / tiles[1] * grid[1] + i % tiles[1]) * channels_in);
    scratch.starts.extend(starts);
    let segments = [0, grid[1] * channels_in];
    for (point, (weights, out)) in weights
        .points
        .iter()
        .zip(scratch.products.chunks_exact_mut(products_len))
        .enumerate()
    {
        let rows = Rows {
            data: &scratch.transformed[point * transformed_len..][..transformed_len],
            starts: &scratch.starts,
            segments: &segments[..blocks],
            segment_len: blocks * channels_in,
        };
        multiply(level, rows, weights, out, channels_out);
    }
    let products = &scratch.products;
    if weights.kernel == 3 {
        dispatch!(level, simd => transform_output::<_, F43, 6>(
            simd, products, channels_out, tiles, out));
    } else {
        dispatch!(level, simd => transform_output::<_, F44, 7>(
            simd, products, channels_out, tiles, out));
    }
}

/// One dimension of the transforms, from `N` inputs to [`TILE`] outputs.
trait Transform<const N: usize> {
    /// Whether columns are better transformed one by one in their place than all into a copy: by
    /// measurement, in WebAssembly a fifth of the layer's time for either transform.
    const IN_PLACE: bool;

    fn input<S: Simd>(d: [S::f32s; N]) -> [S::f32s; N];
    fn output<S: Simd>(m: [S::f32s; N]) -> [S::f32s; TILE];
}

/// F(4, 3) at 0, 1, -1, 2, -2, infinity.
struct F43;

/// F(4, 4) at 0, 1, -1, 2, -2, 1/2, infinity.
struct F44;

/// The kernel transform of [`F43`].
const G_4_3: [&[f64]; 6] = [
    &[1.0 / 4.0, 0.0, 0.0],
    &[-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    &[-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    &[1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    &[1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    &[0.0, 0.0, 1.0],
];

/// The kernel transform of [`F44`].
const G_4_4: [&[f64]; 7] = [
    &[-1.0 / 2.0, 0.0, 0.0, 0.0],
    &[-1.0 / 3.0, -1.0 / 3.0, -1.0 / 3.0, -1.0 / 3.0],
    &[1.0 / 9.0, -1.0 / 9.0, 1.0 / 9.0, -1.0 / 9.0],
    &[1.0 / 36.0, 1.0 / 18.0, 1.0 / 9.0, 2.0 / 9.0],
    &[-1.0 / 60.0, 1.0 / 30.0, -1.0 / 15.0, 2.0 / 15.0],
    &[32.0 / 45.0, 16.0 / 45.0, 8.0 / 45.0, 4.0 / 45.0],
    &[0.0, 0.0, 0.0, 1.0],
];

impl Transform<6> for F43 {
    const IN_PLACE: bool = false;

    #[inline(always)]
    fn input<S: Simd>(d: [S::f32s; 6]) -> [S::f32s; 6] {
        let a = d[2].mul_add(-4.0, d[4]);
        let b = d[1].mul_add(-4.0, d[3]);
        let c = d[4] - d[2];
        let e = (d[3] - d[1]) * 2.0;
        [
            d[0].mul_add(4.0, d[2].mul_add(-5.0, d[4])),
            a + b,
            a - b,
            c + e,
            c - e,
            d[1].mul_add(4.0, d[3].mul_add(-5.0, d[5])),
        ]
    }

    #[inline(always)]
    fn output<S: Simd>(m: [S::f32s; 6]) -> [S::f32s; TILE] {
        let (s1, d1) = (m[1] + m[2], m[1] - m[2]);
        let (s2, d2) = (m[3] + m[4], m[3] - m[4]);
        [
            m[0] + s1 + s2,
            d2.mul_add(2.0, d1),
            s2.mul_add(4.0, s1),
            d2.mul_add(8.0, d1 + m[5]),
        ]
    }
}

impl Transform<7> for F44 {
    const IN_PLACE: bool = true;

    #[inline(always)]
    fn input<S: Simd>(d: [S::f32s; 7]) -> [S::f32s; 7] {
        // Every polynomial but the last has the factor x - 1/2 or lacks it: h is the input times
        // x - 1/2, which leaves F(4, 3)'s own sums.
        let h: [S::f32s; 5] = std::array::from_fn(|i| d[i + 1].mul_add(1.0, d[i] * -0.5));
        // The last row: x - 1/2 times x (x² - 1)(x² - 4).
        let last = d[6].mul_add(1.0, d[5] * -0.5);
        let [r0, r1, r2, r3, r4, r6] = F43::input::<S>([h[0], h[1], h[2], h[3], h[4], last]);
        let r5 = d[1].mul_add(4.0, d[3].mul_add(-5.0, d[5]));
        [r0, r1, r2, r3, r4, r5, r6]
    }

    #[inline(always)]
    fn output<S: Simd>(m: [S::f32s; 7]) -> [S::f32s; TILE] {
        let rows = F43::output::<S>([m[0], m[1], m[2], m[3], m[4], m[6]]);
        [
            rows[0] + m[5],
            m[5].mul_add(0.5, rows[1]),
            m[5].mul_add(0.25, rows[2]),
            m[5].mul_add(0.125, rows[3]),
        ]
    }
}

/// `transformed[point][tile][channel]` from a region whose rows have `width` pixels.
#[inline(always)]
fn transform_input<S: Simd, T: Transform<N>, const N: usize>(
    simd: S,
    region: &[f32],
    width: usize,
    channels: usize,
    grid: [usize; 2],
    transformed: &mut [f32],
) {
    let lanes = S::f32s::LEN;
    let tiles = grid[0] * grid[1];
    if tiles == 0 {
        return;
    }
    let point_len = tiles * channels + GAP;
    let last = ((grid[0] - 1) * TILE + N - 1) * width + (grid[1] - 1) * TILE + N;
    assert!(channels.is_multiple_of(lanes));
    assert!(region.len() >= last * channels && transformed.len() >= N * N * point_len);
    for tile in 0..tiles {
        let (y, x) = (tile / grid[1] * TILE, tile % grid[1] * TILE);
        for c in (0..channels).step_by(lanes) {
            let mut d: [[S::f32s; N]; N] = std::array::from_fn(|row| {
                let first = ((y + row) * width + x) * channels + c;
                // SAFETY: at most the last pixel of the last tile, which is in the region, and
                // `c + lanes <= channels`, since both are multiples of `lanes`.
                std::array::from_fn(|i| unsafe {
                    load_unchecked(simd, region, first + i * channels)
                })
            });
            if T::IN_PLACE {
                #[allow(clippy::needless_range_loop, reason = "a column is no slice")]
                for i in 0..N {
                    let column = T::input::<S>(std::array::from_fn(|row| d[row][i]));
                    for (row, value) in column.into_iter().enumerate() {
                        d[row][i] = value;
                    }
                }
            } else {
                d = transposed(transposed(d).map(T::input::<S>));
            }
            for (row, d) in d.into_iter().enumerate() {
                for (i, value) in T::input::<S>(d).into_iter().enumerate() {
                    let at = (row * N + i) * point_len + tile * channels + c;
                    // SAFETY: `tile < tiles` and `c + lanes <= channels`: inside the point's part.
                    unsafe { store_unchecked::<S>(value, transformed, at) };
                }
            }
        }
    }
}

/// Outputs from `products[point][tile][channel]`.
#[inline(always)]
fn transform_output<S: Simd, T: Transform<N>, const N: usize>(
    simd: S,
    products: &[f32],
    channels: usize,
    [rows, columns]: [usize; 2],
    out: &mut Block,
) {
    let [height, width] = out.size;
    let lanes = S::f32s::LEN;
    let tiles = rows * columns;
    let point_len = tiles * channels + GAP;
    assert!(channels.is_multiple_of(lanes) && products.len() >= N * N * point_len);
    for tile in 0..tiles {
        let (y, x) = (tile / columns * TILE, tile % columns * TILE);
        for c in (0..channels).step_by(lanes) {
            let m: [[S::f32s; N]; N] = std::array::from_fn(|row| {
                let first = row * N * point_len + tile * channels + c;
                // SAFETY: `tile < tiles` and `c + lanes <= channels`, since both are multiples of
                // `lanes`: inside the point's part.
                std::array::from_fn(|i| unsafe {
                    load_unchecked(simd, products, first + i * point_len)
                })
            });
            let half: [[S::f32s; TILE]; N] = std::array::from_fn(|row| T::output::<S>(m[row]));
            let columns = transposed(half).map(T::output::<S>);
            let [rows, kept] = [height - height.min(y), width - width.min(x)].map(|n| n.min(TILE));
            for (i, column) in columns.into_iter().enumerate().take(kept) {
                for (row, value) in column.into_iter().enumerate().take(rows) {
                    let at = (y + row) * out.stride + (x + i) * channels + c;
                    value.store_slice(&mut out.values[at..][..lanes]);
                }
            }
        }
    }
}

/// Columns as rows.
#[inline(always)]
fn transposed<T: Copy, const R: usize, const C: usize>(rows: [[T; C]; R]) -> [[T; R]; C] {
    std::array::from_fn(|column| std::array::from_fn(|row| rows[row][column]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::oracle::{convolve as direct, levels, noise};
    use crate::kernels::{lanes, padded};

    #[test]
    fn agrees_with_the_direct_convolution() {
        for level in levels() {
            let lanes = lanes(level);
            for (kernel, channels_in, channels_out, tiles, size) in [
                (3, 1, 1, [1, 1], [1, 1]),
                (3, 5, 7, [1, 3], [3, 9]),
                (3, 16, 24, [2, 2], [8, 8]),
                (7, 1, 2, [1, 1], [4, 3]),
                (7, 6, 5, [2, 3], [7, 12]),
                (7, 16, 32, [1, 5], [2, 17]),
            ] {
                // Miri, which looks at what is read and written, takes a thousand times as long.
                if cfg!(miri) && channels_in > 5 {
                    continue;
                }
                let padded_in = padded(channels_in, lanes);
                let w = noise(channels_out * channels_in * kernel * kernel, 1);
                let weights = WinogradWeights::new(
                    [channels_out, channels_in, padded_in],
                    kernel,
                    lanes,
                    |o, i, y, x| w[((o * channels_in + i) * kernel + y) * kernel + x],
                );
                let (height, width) = (weights.input_side(tiles[0]), weights.input_side(tiles[1]));
                let x = noise(height * width * channels_in, 2);
                let mut region = vec![0.0; height * width * padded_in];
                for (to, from) in region.chunks_mut(padded_in).zip(x.chunks(channels_in)) {
                    to[..channels_in].copy_from_slice(from);
                }
                let padded_out = padded(channels_out, lanes);
                let stride = size[1] * padded_out + 3;
                let mut out = vec![0.0; size[0] * stride];
                let mut scratch = WinogradScratch::default();
                let mut block = Block {
                    values: &mut out,
                    size,
                    stride,
                };
                convolve(level, &weights, &region, tiles, &mut scratch, &mut block);
                let expected = direct(&x, [height, width, channels_in], &w, [channels_out, kernel]);
                for y in 0..size[0] {
                    for column in 0..size[1] {
                        for o in 0..channels_out {
                            let got = out[y * stride + column * padded_out + o];
                            let at = (y * (width + 1 - kernel) + column) * channels_out + o;
                            // The sums have a standard deviation up to 16; the transform loses
                            // some 5e-6 of it.
                            let error = (f64::from(got) - expected[at]).abs();
                            assert!(error < 3e-4, "{level:?} {kernel} {y},{column},{o}: {error}");
                        }
                    }
                }
            }
        }
    }
}
