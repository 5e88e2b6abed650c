//! A feature map at a higher resolution: bilinearly, or with channels taken apart to pixels.

use std::ops::Range;

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};

use super::sum::{Term, sum_terms_at};
use super::{Block, padded};
use crate::geometry::{BilinearTap, bilinear_taps};

/// How a map of one size becomes one of another.
#[derive(Clone, Debug)]
pub enum Upsample {
    /// Weighted means of neighbouring pixels.
    Bilinear {
        /// For each row what to mix.
        rows: Vec<BilinearTap>,
        /// For each column what to mix.
        columns: Vec<BilinearTap>,
    },
    /// Each pixel becomes four, of four neighbouring channels each (PyTorch's `PixelShuffle`): row
    /// `2 y + i` and column `2 x + j` of channel `c` is channel `4 c + 2 i + j` at `y` and `x`.
    DepthToSpace {
        /// Height and width, at most twice those of the source.
        size: [usize; 2],
        /// Channels of the result, not padded.
        channels: usize,
    },
}

/// A source's stored rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoredRows<'a> {
    pub terms: &'a [Term<'a>],
    /// Pixels of a row.
    pub width: usize,
    /// The row that the terms begin with.
    pub first: usize,
}

impl Upsample {
    /// Bilinear, from `from` to `to` (height, width); see [`bilinear_taps`].
    pub fn bilinear(from: [usize; 2], to: [usize; 2], align_corners: bool) -> Self {
        let [rows, columns] =
            [0, 1].map(|axis| bilinear_taps(from[axis], to[axis], align_corners).collect());
        Self::Bilinear { rows, columns }
    }

    /// Height and width of the result.
    pub fn size(&self) -> [usize; 2] {
        match self {
            Self::Bilinear { rows, columns } => [rows.len(), columns.len()],
            Self::DepthToSpace { size, .. } => *size,
        }
    }

    /// The source's rows that these rows are made from.
    pub fn source_rows(&self, rows: Range<usize>) -> Range<usize> {
        match self {
            Self::Bilinear { rows: all, .. } => match all.get(rows) {
                Some([first, .., last]) => first.low..last.high + 1,
                Some([only]) => only.low..only.high + 1,
                _ => 0..0,
            },
            Self::DepthToSpace { .. } => rows.start / 2..rows.end.div_ceil(2),
        }
    }

    /// The rows for which these rows of the source are enough.
    pub(super) fn rows_from(&self, source: &Range<usize>) -> Range<usize> {
        match self {
            Self::Bilinear { rows, .. } => {
                rows.partition_point(|row| row.low < source.start)
                    ..rows.partition_point(|row| row.high < source.end)
            }
            Self::DepthToSpace {
                size: [height, _], ..
            } => {
                let end = (2 * source.end).min(*height);
                (2 * source.start).min(end)..end
            }
        }
    }

    /// Writes the result's pixels from row `top` and column `left` on to `out`.
    pub(super) fn fill(
        &self,
        level: Level,
        source: StoredRows,
        [top, left]: [usize; 2],
        scratch: &mut Vec<f32>,
        out: &mut Block,
    ) {
        let [height, width] = out.size;
        if height == 0 || width == 0 {
            return;
        }
        dispatch!(level, simd => match self {
            Self::Bilinear { rows, columns } => {
                let (rows, columns) = (&rows[top..top + height], &columns[left..left + width]);
                interpolate(simd, source, [rows, columns], scratch, out);
            }
            Self::DepthToSpace { channels, .. } => {
                take_apart(simd, source, [top, left], *channels, scratch, out);
            }
        });
    }
}

impl StoredRows<'_> {
    /// Sums up these pixels of the terms into `scratch`, and returns the length of its rows. There is
    /// room for another `more` rows behind.
    #[inline(always)]
    fn sum<S: Simd>(
        self,
        simd: S,
        [y, x]: [Range<usize>; 2],
        more: usize,
        scratch: &mut Vec<f32>,
    ) -> usize {
        let channels = self.terms[0].affine.scale.len();
        let row_len = x.len() * channels;
        scratch.resize((y.len() + more) * row_len, 0.0);
        for (y, row) in y.zip(scratch.chunks_exact_mut(row_len)) {
            let first = ((y - self.first) * self.width + x.start) * channels;
            sum_terms_at(simd, self.terms, first, row);
        }
        row_len
    }
}

/// Bilinear resize of the activated terms, for the wanted rows and columns.
#[inline(always)]
fn interpolate<S: Simd>(
    simd: S,
    source: StoredRows,
    [rows, columns]: [&[BilinearTap]; 2],
    scratch: &mut Vec<f32>,
    out: &mut Block,
) {
    let channels = source.terms[0].affine.scale.len();
    let span = |taps: &[BilinearTap]| taps[0].low..taps[taps.len() - 1].high + 1;
    let (y, x) = (span(rows), span(columns));
    let (top, left) = (y.start, x.start);
    let low_rows = y.len();
    // The activated source, and one row mixed vertically.
    let low_stride = source.sum(simd, [y, x], 1, scratch);
    let (low, mixed) = scratch.split_at_mut(low_rows * low_stride);
    for (i, row) in rows.iter().enumerate() {
        let upper = &low[(row.low - top) * low_stride..][..low_stride];
        let lower = &low[(row.high - top) * low_stride..][..low_stride];
        mix(simd, upper, lower, row.weight, mixed);
        let out = &mut out.values[i * out.stride..][..columns.len() * channels];
        for (out, column) in out.chunks_exact_mut(channels).zip(columns) {
            let before = &mixed[(column.low - left) * channels..][..channels];
            let after = &mixed[(column.high - left) * channels..][..channels];
            mix(simd, before, after, column.weight, out);
        }
    }
}

/// `out = a + weight * (b - a)`, whole registers.
#[inline(always)]
fn mix<S: Simd>(simd: S, a: &[f32], b: &[f32], weight: f32, out: &mut [f32]) {
    let lanes = S::f32s::LEN;
    let sources = a.chunks_exact(lanes).zip(b.chunks_exact(lanes));
    for (out, (a, b)) in out.chunks_exact_mut(lanes).zip(sources) {
        let (a, b) = (S::f32s::from_slice(simd, a), S::f32s::from_slice(simd, b));
        (b - a).mul_add(weight, a).store_slice(out);
    }
}

/// Depth to space of the activated terms, from row `top` and column `left` of the result on.
#[inline(always)]
fn take_apart<S: Simd>(
    simd: S,
    source: StoredRows,
    [top, left]: [usize; 2],
    channels: usize,
    scratch: &mut Vec<f32>,
    out: &mut Block,
) {
    let [height, width] = out.size;
    let stored = source.terms[0].affine.scale.len();
    let halved = |first: usize, len: usize| first / 2..(first + len).div_ceil(2);
    let low_stride = source.sum(simd, [halved(top, height), halved(left, width)], 0, scratch);
    let pixel_len = padded(channels, S::f32s::LEN);
    for y in 0..height {
        let low = &scratch[((top + y) / 2 - top / 2) * low_stride..][..low_stride];
        let row = &mut out.values[y * out.stride..][..width * pixel_len];
        for (x, pixel) in row.chunks_exact_mut(pixel_len).enumerate() {
            let (low, _) = low[((left + x) / 2 - left / 2) * stored..][..stored].as_chunks::<4>();
            let part = (top + y) % 2 * 2 + (left + x) % 2;
            let (values, padding) = pixel.split_at_mut(channels);
            for (value, parts) in values.iter_mut().zip(low) {
                *value = parts[part];
            }
            padding.fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_what_they_are_made_from_agree() {
        for upsample in [
            Upsample::bilinear([9, 4], [17, 8], false),
            Upsample::bilinear([9, 4], [18, 8], true),
            Upsample::DepthToSpace {
                size: [17, 7],
                channels: 3,
            },
        ] {
            let [height, _] = upsample.size();
            for start in 0..height {
                for end in start + 1..=height {
                    let source = upsample.source_rows(start..end);
                    assert!(source.end <= 9, "{upsample:?} {start}..{end}");
                    let enough = upsample.rows_from(&source);
                    assert!(
                        enough.start <= start && end <= enough.end && enough.end <= height,
                        "{upsample:?} {start}..{end}: {enough:?}"
                    );
                }
            }
        }
    }
}
