//! Products of feature rows and weights: the heart of every convolution here.
//!
//! A row is one output pixel; its inputs lie in the source in a few segments of equal length (a
//! kernel row each), so a convolution needs no im2col copy. Weights are packed once into panels of
//! two registers of columns. A tile of rows by one panel is accumulated in registers over the
//! whole depth. The tile's shape is a cliff: one accumulator more than fits and the compiler
//! spills them in the inner loop.

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};

use super::padded;

/// Weights `[depth][columns]`, packed for [`multiply`].
#[derive(Clone, Debug)]
pub struct PackedWeights {
    depth: usize,
    columns: usize,
    lanes: usize,
    panels: Vec<f32>,
}

impl PackedWeights {
    /// Packs the matrix `weight(row, column)`; columns are padded with zeros to whole registers.
    pub fn new(
        depth: usize,
        columns: usize,
        lanes: usize,
        weight: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let padded_columns = padded(columns, lanes);
        let mut panels = Vec::with_capacity(depth * padded_columns);
        let mut start = 0;
        while start < padded_columns {
            let width = (2 * lanes).min(padded_columns - start);
            for row in 0..depth {
                panels.extend((start..start + width).map(|column| {
                    if column < columns {
                        weight(row, column)
                    } else {
                        0.0
                    }
                }));
            }
            start += width;
        }
        Self {
            depth,
            columns: padded_columns,
            lanes,
            panels,
        }
    }

    /// Columns of the product, padded.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        size_of_val(self.panels.as_slice())
    }
}

/// Where the rows of the left matrix lie.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// The source.
    pub data: &'a [f32],
    /// Start of each row in the source.
    pub starts: &'a [usize],
    /// Offsets of a row's segments from its start.
    pub segments: &'a [usize],
    /// Length of every segment; all of them together are the depth.
    pub segment_len: usize,
}

/// `out[row * out_stride + column] = sum over k of rows[row][k] * weights[k][column]`, for all
/// padded columns.
///
/// # Panics
/// If a row reaches beyond the source, the segments do not add up to the depth, or `out` is too
/// short: mistakes of the caller.
pub fn multiply(
    level: Level,
    rows: Rows,
    weights: &PackedWeights,
    out: &mut [f32],
    out_stride: usize,
) {
    assert_eq!(
        rows.segments.len() * rows.segment_len,
        weights.depth,
        "segments are not the depth"
    );
    assert!(
        out_stride >= weights.columns,
        "output rows overlap: {out_stride}"
    );
    dispatch!(level, simd => multiply_at(simd, rows, weights, out, out_stride));
}

#[inline(always)]
fn multiply_at<S: Simd>(
    simd: S,
    rows: Rows,
    weights: &PackedWeights,
    out: &mut [f32],
    out_stride: usize,
) {
    let lanes = S::f32s::LEN;
    assert_eq!(
        weights.lanes, lanes,
        "weights were packed for another level"
    );
    let panel_len = 2 * lanes * weights.depth;
    for (i, panel) in weights.panels.chunks(panel_len).enumerate() {
        let column = 2 * lanes * i;
        let full = panel.len() == panel_len;
        // Accumulators and the panel's registers must fit into 16 (32) registers.
        match (lanes, full) {
            (4, true) => panel_at::<S, 4, 2>(simd, rows, panel, out, out_stride, column),
            (4, false) => panel_at::<S, 4, 1>(simd, rows, panel, out, out_stride, column),
            (8, true) => panel_at::<S, 6, 2>(simd, rows, panel, out, out_stride, column),
            (8, false) => panel_at::<S, 8, 1>(simd, rows, panel, out, out_stride, column),
            (_, true) => panel_at::<S, 8, 2>(simd, rows, panel, out, out_stride, column),
            (_, false) => panel_at::<S, 8, 1>(simd, rows, panel, out, out_stride, column),
        }
    }
}

/// All rows times one panel of `NV` registers, `MR` rows at a time.
#[inline(always)]
fn panel_at<S: Simd, const MR: usize, const NV: usize>(
    simd: S,
    rows: Rows,
    panel: &[f32],
    out: &mut [f32],
    out_stride: usize,
    column: usize,
) {
    let lanes = S::f32s::LEN;
    let width = NV * lanes;
    let len = rows.segment_len;
    let mut first = 0;
    while first < rows.starts.len() {
        let count = MR.min(rows.starts.len() - first);
        // A ragged last tile computes its last row several times instead of needing its own code.
        let starts: [usize; MR] = std::array::from_fn(|i| rows.starts[first + i.min(count - 1)]);
        let mut acc = [[S::f32s::splat(simd, 0.0); NV]; MR];
        for (segment, weights) in rows.segments.iter().zip(panel.chunks_exact(len * width)) {
            let x: [&[f32]; MR] = std::array::from_fn(|i| &rows.data[starts[i] + segment..][..len]);
            for (k, weights) in weights.chunks_exact(width).enumerate() {
                let w: [S::f32s; NV] = std::array::from_fn(|j| {
                    S::f32s::from_slice(simd, &weights[j * lanes..][..lanes])
                });
                for i in 0..MR {
                    let x = S::f32s::splat(simd, x[i][k]);
                    for j in 0..NV {
                        acc[i][j] = x.mul_add(w[j], acc[i][j]);
                    }
                }
            }
        }
        for (i, acc) in acc.iter().enumerate().take(count) {
            let out = &mut out[(first + i) * out_stride + column..][..width];
            for (acc, out) in acc.iter().zip(out.chunks_exact_mut(lanes)) {
                acc.store_slice(out);
            }
        }
        first += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::oracle::{levels, noise};

    #[test]
    fn products_agree_with_scalar_sums() {
        for level in levels() {
            let lanes = crate::kernels::lanes(level);
            for (count, depth, columns, segments) in [
                (1, 1, 1, 1),
                (3, 5, 3, 1),
                (4, 8, 8, 2),
                (7, 12, 24, 3),
                (13, 27, 33, 3),
                (65, 30, 48, 1),
            ] {
                let segment_len = depth / segments;
                let stride = segment_len + 3;
                let data = noise(count * segments * stride, 1);
                let starts: Vec<usize> = (0..count).map(|i| i * segments * stride).collect();
                let offsets: Vec<usize> = (0..segments).map(|i| i * stride).collect();
                let w = noise(depth * columns, 2);
                let packed = PackedWeights::new(depth, columns, lanes, |k, n| w[k * columns + n]);
                let out_stride = packed.columns() + 2;
                let mut out = vec![7.0; count * out_stride];
                let rows = Rows {
                    data: &data,
                    starts: &starts,
                    segments: &offsets,
                    segment_len,
                };
                multiply(level, rows, &packed, &mut out, out_stride);
                for row in 0..count {
                    for column in 0..out_stride {
                        let got = out[row * out_stride + column];
                        if column >= packed.columns() {
                            assert_eq!(got, 7.0, "wrote beyond a row");
                            continue;
                        }
                        let expected: f64 = (0..depth)
                            .filter(|_| column < columns)
                            .map(|k| {
                                let at = starts[row] + offsets[k / segment_len] + k % segment_len;
                                f64::from(data[at]) * f64::from(w[k * columns + column])
                            })
                            .sum();
                        // Sums of at most 30 products of numbers below 1.
                        assert!(
                            (f64::from(got) - expected).abs() < 1e-5,
                            "{level:?} {count}x{depth}x{columns} at {row},{column}: {got} {expected}"
                        );
                    }
                }
            }
        }
    }
}
