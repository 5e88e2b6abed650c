//! Products of pixels and weights in 8-bit integers: a quarter of the weights' bytes to read, and
//! several products an instruction.
//!
//! Weights are quantised symmetrically for each output channel, activations for each pixel to 7
//! bits above its smallest value (the affine scheme of Jacob et al., 2018, arXiv:1712.05877); 7,
//! because the second operand of relaxed SIMD's dot product must not be negative. Sums of products
//! are exact, so every machine computes the same integers.
//!
//! A 32-bit word holds the values of a few channels, which one instruction multiplies and sums:
//! four bytes with relaxed SIMD, else two 16-bit halves. The channels of a word are a quarter (a
//! half) of the depth apart, so that packing them takes no shuffles.

#[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
use fearless_simd::{Bytes, SimdIntWiden, dispatch};
use fearless_simd::{Level, Simd, SimdBase, SimdFloat, SimdInt};

use super::padded;

/// Values in a word.
const GROUP: usize = if cfg!(all(target_arch = "wasm32", target_feature = "relaxed-simd")) {
    4
} else {
    2
};
const BITS: u32 = 32 / GROUP as u32;
/// Rows of a tile; with two registers of columns its accumulators stay in registers everywhere.
const TILE: usize = 4;

/// Largest value of a weight.
const WEIGHT_LIMIT: f32 = 127.0;
/// Largest value of an activation.
const ACTIVATION_LIMIT: f32 = 127.0;

/// Weights `[depth][columns]`, quantised and packed for [`multiply`].
#[derive(Clone, Debug)]
pub struct QuantizedWeights {
    depth: usize,
    lanes: usize,
    /// Words of a row of activations, and distance of the channels in a word.
    span: usize,
    /// Panels of two registers of columns, `[span][columns of the panel]` each.
    words: Vec<i32>,
    /// What a column's integers are multiples of.
    scales: Vec<f32>,
    /// Sum of a column's quantised weights.
    sums: Vec<f32>,
}

impl QuantizedWeights {
    /// Quantises the matrix `weight(row, column)`. `depth` is a multiple of `lanes`; columns are
    /// padded with zeros to whole registers.
    pub fn new(
        depth: usize,
        columns: usize,
        lanes: usize,
        weight: impl Fn(usize, usize) -> f32,
    ) -> Self {
        assert_eq!(depth % lanes, 0, "pixels are not whole registers");
        let padded_columns = padded(columns, lanes);
        let span = padded(depth.div_ceil(GROUP), lanes);
        let mut scales = vec![0.0; padded_columns];
        for (column, scale) in scales.iter_mut().enumerate().take(columns) {
            let largest = (0..depth)
                .map(|k| weight(k, column).abs())
                .fold(0.0, f32::max);
            *scale = largest / WEIGHT_LIMIT;
        }
        let quantized = |k: usize, column: usize| {
            if k < depth && column < columns && scales[column] > 0.0 {
                (weight(k, column) / scales[column]).round() as i32
            } else {
                0
            }
        };
        let sum = |column: usize| {
            let sum: i32 = (0..depth).map(|k| quantized(k, column)).sum();
            sum as f32 * scales[column]
        };
        let sums = (0..padded_columns).map(sum).collect();
        let mut words = Vec::with_capacity(span * padded_columns);
        let mut start = 0;
        while start < padded_columns {
            let width = (2 * lanes).min(padded_columns - start);
            for word in 0..span {
                words.extend((start..start + width).map(|column| {
                    let mask = u32::MAX >> (32 - BITS);
                    let part = |g: usize| {
                        (quantized(g * span + word, column) as u32 & mask) << (g as u32 * BITS)
                    };
                    (0..GROUP).map(part).fold(0, |all, part| all | part) as i32
                }));
            }
            start += width;
        }
        Self {
            depth,
            lanes,
            span,
            words,
            scales,
            sums,
        }
    }

    /// Columns of the product, padded.
    pub fn columns(&self) -> usize {
        self.scales.len()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        size_of_val(self.words.as_slice()) + 2 * size_of_val(self.scales.as_slice())
    }
}

/// Pixels as [`multiply`] quantised them; kept for its memory only.
#[derive(Debug, Default)]
pub struct Quantized {
    words: Vec<i32>,
    /// Of each pixel, its smallest value and what its integers are multiples of.
    affine: Vec<[f32; 2]>,
}

/// `out[pixel * out_stride + column] = sum over k of pixels[pixel][k] * weights[k][column]`, up to
/// quantisation, for all padded columns. `pixels` are rows of the weights' depth, one after the
/// other.
///
/// # Panics
/// If `pixels` is not whole rows or `out` is too short: mistakes of the caller.
pub fn multiply(
    level: Level,
    pixels: &[f32],
    weights: &QuantizedWeights,
    scratch: &mut Quantized,
    out: &mut [f32],
    out_stride: usize,
) {
    assert_eq!(pixels.len() % weights.depth, 0, "pixels are not whole rows");
    assert!(
        out_stride >= weights.columns(),
        "output rows overlap: {out_stride}"
    );
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    if let Some(simd) = level.as_wasm_simd128() {
        multiply_at::<_, FourBytes>(simd, pixels, weights, scratch, out, out_stride);
    }
    #[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
    dispatch!(level, simd => multiply_at::<_, TwoHalves>(simd, pixels, weights, scratch, out, out_stride));
}

/// Whether this machine computes the products that are meant. Browsers from before relaxed SIMD was
/// a standard take the operands of its dot product the other way round.
pub fn is_exact(level: Level) -> bool {
    let lanes = super::lanes(level);
    let weights = QuantizedWeights::new(lanes, 1, lanes, |k, _| if k == 0 { -1.0 } else { 0.0 });
    let mut pixel = vec![0.0; lanes];
    pixel[0] = 1.0;
    let mut out = vec![0.0; weights.columns()];
    let stride = weights.columns();
    multiply(
        level,
        &pixel,
        &weights,
        &mut Quantized::default(),
        &mut out,
        stride,
    );
    (out[0] + 1.0).abs() < 1e-3
}

/// How the products of a word are summed.
trait Dot<S: Simd> {
    /// `sums` plus, in each lane, the products of the values in a word of weights and of
    /// activations.
    fn dot(weights: S::i32s, activations: S::i32s, sums: S::i32s) -> S::i32s;
}

/// Sixteen bits a value.
#[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
struct TwoHalves;

#[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
impl<S: Simd> Dot<S> for TwoHalves {
    #[inline(always)]
    fn dot(weights: S::i32s, activations: S::i32s, sums: S::i32s) -> S::i32s {
        let weights: S::i16s = weights.bitcast();
        sums + weights.pairwise_dot_product(activations.bitcast::<S::i16s>())
    }
}

/// Eight bits a value.
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
struct FourBytes;

#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
impl Dot<fearless_simd::WasmSimd128> for FourBytes {
    #[inline(always)]
    fn dot(
        weights: fearless_simd::i32x4<fearless_simd::WasmSimd128>,
        activations: fearless_simd::i32x4<fearless_simd::WasmSimd128>,
        sums: fearless_simd::i32x4<fearless_simd::WasmSimd128>,
    ) -> fearless_simd::i32x4<fearless_simd::WasmSimd128> {
        use core::arch::wasm32::i32x4_relaxed_dot_i8x16_i7x16_add;
        use fearless_simd::SimdInto;
        let simd = sums.simd;
        i32x4_relaxed_dot_i8x16_i7x16_add(weights.into(), activations.into(), sums.into())
            .simd_into(simd)
    }
}

#[inline(always)]
fn multiply_at<S: Simd, D: Dot<S>>(
    simd: S,
    pixels: &[f32],
    weights: &QuantizedWeights,
    scratch: &mut Quantized,
    out: &mut [f32],
    out_stride: usize,
) {
    let lanes = S::f32s::LEN;
    assert_eq!(
        weights.lanes, lanes,
        "weights were packed for another level"
    );
    let Quantized { words, affine } = scratch;
    let count = pixels.len() / weights.depth;
    words.resize(count * weights.span, 0);
    affine.clear();
    let rows = words.chunks_exact_mut(weights.span);
    for (pixel, row) in pixels.chunks_exact(weights.depth).zip(rows) {
        affine.push(quantize(simd, pixel, row));
    }
    let panel_len = 2 * lanes * weights.span;
    for (i, panel) in weights.words.chunks(panel_len).enumerate() {
        let column = 2 * lanes * i;
        let columns = Columns {
            panel,
            scales: &weights.scales[column..],
            sums: &weights.sums[column..],
            span: weights.span,
        };
        let out = &mut out[column..];
        if panel.len() == panel_len {
            panel_at::<S, D, 2>(simd, words, affine, columns, out, out_stride);
        } else {
            panel_at::<S, D, 1>(simd, words, affine, columns, out, out_stride);
        }
    }
}

/// Packs a pixel's values into `words`; its smallest value and the step between integers.
#[inline(always)]
fn quantize<S: Simd>(simd: S, pixel: &[f32], words: &mut [i32]) -> [f32; 2] {
    let lanes = S::f32s::LEN;
    let mut low = S::f32s::splat(simd, f32::INFINITY);
    let mut high = S::f32s::splat(simd, f32::NEG_INFINITY);
    for values in pixel.chunks_exact(lanes) {
        let x = S::f32s::from_slice(simd, values);
        (low, high) = (low.min(x), high.max(x));
    }
    let low = low.as_slice().iter().copied().fold(f32::INFINITY, f32::min);
    let high = high
        .as_slice()
        .iter()
        .copied()
        .fold(f32::NEG_INFINITY, f32::max);
    let range = high - low;
    let per_value = if range > 0.0 {
        ACTIVATION_LIMIT / range
    } else {
        0.0
    };
    let span = words.len();
    for (at, word) in (0..span).step_by(lanes).zip(words.chunks_exact_mut(lanes)) {
        let mut packed = S::i32s::splat(simd, 0);
        for g in 0..GROUP {
            let Some(values) = pixel.get(g * span + at..g * span + at + lanes) else {
                break;
            };
            let x = (S::f32s::from_slice(simd, values) - low) * per_value + 0.5;
            packed |= x.to_int::<S::i32s>() << (g as u32 * BITS);
        }
        packed.store_slice(word);
    }
    [low, range / ACTIVATION_LIMIT]
}

/// One panel of the weights.
#[derive(Clone, Copy)]
struct Columns<'a> {
    panel: &'a [i32],
    scales: &'a [f32],
    sums: &'a [f32],
    span: usize,
}

/// All rows of words times one panel of `NV` registers.
#[inline(always)]
fn panel_at<S: Simd, D: Dot<S>, const NV: usize>(
    simd: S,
    words: &[i32],
    affine: &[[f32; 2]],
    columns: Columns,
    out: &mut [f32],
    out_stride: usize,
) {
    let lanes = S::f32s::LEN;
    let width = NV * lanes;
    let span = columns.span;
    let register =
        |values: &[f32], j: usize| S::f32s::from_slice(simd, &values[j * lanes..][..lanes]);
    for first in (0..affine.len()).step_by(TILE) {
        let count = TILE.min(affine.len() - first);
        // A ragged last tile computes its last row several times instead of needing its own code.
        let rows: [&[i32]; TILE] =
            std::array::from_fn(|i| &words[(first + i.min(count - 1)) * span..][..span]);
        let mut acc = [[S::i32s::splat(simd, 0); NV]; TILE];
        for (k, weights) in columns.panel.chunks_exact(width).enumerate() {
            let w: [S::i32s; NV] =
                std::array::from_fn(|j| S::i32s::from_slice(simd, &weights[j * lanes..][..lanes]));
            for i in 0..TILE {
                let x = S::i32s::splat(simd, rows[i][k]);
                for j in 0..NV {
                    acc[i][j] = D::dot(w[j], x, acc[i][j]);
                }
            }
        }
        for (i, acc) in acc.iter().enumerate().take(count) {
            let [low, step] = affine[first + i];
            let out = &mut out[(first + i) * out_stride..][..width];
            for (j, (acc, out)) in acc.iter().zip(out.chunks_exact_mut(lanes)).enumerate() {
                let scale = register(columns.scales, j) * step;
                let offset = register(columns.sums, j) * low;
                let sum: S::f32s = acc.to_float();
                sum.mul_add(scale, offset).store_slice(out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::oracle::{levels, noise};

    /// The same scheme one value at a time.
    fn oracle(pixel: &[f32], weights: &[f32], columns: usize, column: usize) -> f64 {
        let weight = |k: usize| weights[k * columns + column];
        let largest = (0..pixel.len())
            .map(|k| weight(k).abs())
            .fold(0.0, f32::max);
        let scale = largest / 127.0;
        let low = pixel.iter().copied().fold(f32::INFINITY, f32::min);
        let high = pixel.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let value = |k: usize, x: f32| {
            let q = ((x - low) * (127.0 / (high - low)) + 0.5).floor();
            let x = f64::from(low) + f64::from(q) * f64::from((high - low) / 127.0);
            x * f64::from((weight(k) / scale).round()) * f64::from(scale)
        };
        pixel.iter().enumerate().map(|(k, x)| value(k, *x)).sum()
    }

    #[test]
    fn products_agree_with_a_scalar_version_and_are_close_to_the_exact_ones() {
        // Node 20 has the old instruction; the tests in a browser have the new one.
        for level in levels().into_iter().filter(|level| is_exact(*level)) {
            let lanes = crate::kernels::lanes(level);
            for (count, registers, columns) in
                [(1, 1, 1), (3, 3, 5), (4, 8, 24), (9, 5, 33), (65, 32, 48)]
            {
                let depth = registers * lanes;
                let (x, w) = (noise(count * depth, 1), noise(depth * columns, 2));
                let packed =
                    QuantizedWeights::new(depth, columns, lanes, |k, n| w[k * columns + n]);
                let out_stride = packed.columns() + 2;
                let mut out = vec![7.0; count * out_stride];
                // A scratch that other pixels have used.
                let mut scratch = Quantized {
                    words: vec![-1; 10_000],
                    affine: vec![[0.0; 2]; 3],
                };
                multiply(level, &x, &packed, &mut scratch, &mut out, out_stride);
                let (mut noise, mut energy) = (0.0, 0.0);
                for (row, pixel) in x.chunks_exact(depth).enumerate() {
                    for (column, got) in out[row * out_stride..][..out_stride].iter().enumerate() {
                        if column >= packed.columns() {
                            assert_eq!(*got, 7.0, "wrote beyond a row");
                            continue;
                        }
                        if column >= columns {
                            assert_eq!(*got, 0.0, "a padded column is not zero");
                            continue;
                        }
                        let got = f64::from(*got);
                        let expected = oracle(pixel, &w, columns, column);
                        // Values at the edge between two integers may be rounded either way by
                        // fused and separate operations: one step of one product.
                        assert!(
                            (got - expected).abs() < 0.02,
                            "{level:?} {count}x{depth}x{columns} at {row},{column}: {got} {expected}"
                        );
                        let products = pixel.iter().enumerate();
                        let products = products
                            .map(|(k, x)| f64::from(*x) * f64::from(w[k * columns + column]));
                        noise += (got - products.clone().sum::<f64>()).powi(2);
                        energy += products.map(|product| product.powi(2)).sum::<f64>();
                    }
                }
                assert!(
                    noise < 2e-3 * energy,
                    "{level:?} {depth}: {noise} of {energy}"
                );
            }
        }
    }

    #[test]
    fn flat_pixels_and_zero_weights_are_exact() {
        let level = Level::new();
        let lanes = crate::kernels::lanes(level);
        let packed = QuantizedWeights::new(lanes, 2, lanes, |_, column| column as f32);
        let mut out = vec![0.0; packed.columns()];
        let x = vec![-0.75; lanes];
        multiply(
            level,
            &x,
            &packed,
            &mut Quantized::default(),
            &mut out,
            packed.columns(),
        );
        assert_eq!(out[0], 0.0);
        assert!((out[1] + 0.75 * lanes as f32).abs() < 1e-5, "{}", out[1]);
    }
}
