//! The part of a layer's input that a block of its output needs, made ready: what the previous
//! layer stored raw is normalised and activated, a skip is added, the result is upsampled, and
//! pixels beyond the border are reflected.

use std::ops::Range;

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};

use crate::geometry::{BilinearTap, bilinear_taps};

/// One stored feature map of which an input is the sum: `max(v, slope * v)` of
/// `v = data * scale + shift`.
#[derive(Clone, Copy, Debug)]
pub struct Term<'a> {
    /// `[rows][width][channels]`.
    pub data: &'a [f32],
    /// A factor for each channel.
    pub scale: &'a [f32],
    /// Added to each channel.
    pub shift: &'a [f32],
    /// Slope below zero: 1 for no activation.
    pub slope: f32,
}

impl<'a> Term<'a> {
    /// Scale and shift, register by register.
    #[inline(always)]
    fn registers(&self, lanes: usize) -> impl Iterator<Item = (&'a [f32], &'a [f32])> {
        let scale = self.scale.chunks_exact(lanes);
        scale.zip(self.shift.chunks_exact(lanes))
    }
}

/// What a layer reads.
#[derive(Clone, Copy, Debug)]
pub enum Pixels<'a> {
    /// The picture, three planes of `[rows][width]`; a region of it has exactly 3 channels.
    Planes([&'a [f32]; 3]),
    /// The sum of one or more terms.
    Terms(&'a [Term<'a>]),
}

/// A layer's input.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// Where it comes from.
    pub pixels: Pixels<'a>,
    /// Stored height and width.
    pub size: [usize; 2],
    /// The stored rows that `pixels` begins with and has: all of them, or a window.
    pub rows: Range<usize>,
    /// Channels of a pixel, padded.
    pub channels: usize,
    /// Bilinear resize after everything else.
    pub upsample: Option<&'a Upsample>,
}

/// Bilinear resize: for each row and each column what to mix.
#[derive(Clone, Debug)]
pub struct Upsample {
    rows: Vec<BilinearTap>,
    columns: Vec<BilinearTap>,
}

impl Upsample {
    /// From `from` to `to` (height, width); see [`bilinear_taps`].
    pub fn new(from: [usize; 2], to: [usize; 2], align_corners: bool) -> Self {
        let taps = |axis: usize| bilinear_taps(from[axis], to[axis], align_corners).collect();
        Self {
            rows: taps(0),
            columns: taps(1),
        }
    }

    /// The source's rows that these rows are mixed from.
    pub fn source_rows(&self, rows: Range<usize>) -> Range<usize> {
        match self.rows.get(rows) {
            Some([first, .., last]) => first.low..last.high + 1,
            Some([only]) => only.low..only.high + 1,
            _ => 0..0,
        }
    }

    /// The rows for which these rows of the source are enough.
    fn rows_from(&self, source: &Range<usize>) -> Range<usize> {
        self.rows.partition_point(|tap| tap.low < source.start)
            ..self.rows.partition_point(|tap| tap.high < source.end)
    }
}

impl Input<'_> {
    /// Height and width as the layer sees them.
    pub fn logical_size(&self) -> [usize; 2] {
        match self.upsample {
            Some(upsample) => [upsample.rows.len(), upsample.columns.len()],
            None => self.size,
        }
    }

    /// The rows, as the layer sees them, that there are.
    fn logical_rows(&self) -> Range<usize> {
        match self.upsample {
            Some(upsample) => upsample.rows_from(&self.rows),
            None => self.rows.clone(),
        }
    }
}

/// Writes the region of rows `y` and columns `x`, in pixels of the logical size, to `region` as
/// `[rows][columns][channels]`. Coordinates below zero or beyond the size are reflected without
/// repeating the border; those that would need a pixel outside the region or the window, which a
/// block of tiles may ask for at the right and the bottom, are zero.
pub fn fill(
    level: Level,
    input: &Input,
    y: Range<isize>,
    x: Range<isize>,
    region: &mut Vec<f32>,
    scratch: &mut Vec<f32>,
) {
    let [height, width] = input.logical_size();
    let inside = |range: &Range<isize>, available: Range<usize>| {
        let clamp = |at: isize| at.clamp(available.start as isize, available.end as isize) as usize;
        clamp(range.start)..clamp(range.end)
    };
    let (rows, columns) = (inside(&y, input.logical_rows()), inside(&x, 0..width));
    let channels = input.channels;
    let stride = x.len() * channels;
    region.resize(y.len() * stride, 0.0);
    let top = (rows.start as isize - y.start) as usize;
    let left = (columns.start as isize - x.start) as usize;
    let inner = &mut region[top * stride + left * channels..];
    match (input.pixels, input.upsample) {
        (Pixels::Planes(planes), _) => {
            let first = rows.start - input.rows.start;
            let rows = first..first + rows.len();
            interleave(planes, width, rows, columns.clone(), inner, stride);
        }
        (Pixels::Terms(terms), None) => {
            for (i, row) in rows.clone().enumerate() {
                let first = ((row - input.rows.start) * width + columns.start) * channels;
                let out = &mut inner[i * stride..][..columns.len() * channels];
                sum_terms(level, terms, first, out);
            }
        }
        (Pixels::Terms(terms), Some(upsample)) => {
            let taps = [
                &upsample.rows[rows.clone()],
                &upsample.columns[columns.clone()],
            ];
            dispatch!(level, simd => resize(simd, terms, input, taps, scratch, inner, stride));
        }
    }
    // The border, from pixels of the region.
    for row in top..top + rows.len() {
        for column in (0..left).chain(left + columns.len()..x.len()) {
            let to = row * stride + column * channels;
            match reflect(x.start + column as isize, width, &columns) {
                Some(from) => {
                    let from = row * stride + (from as isize - x.start) as usize * channels;
                    region.copy_within(from..from + channels, to);
                }
                None => region[to..to + channels].fill(0.0),
            }
        }
    }
    for row in (0..top).chain(top + rows.len()..y.len()) {
        match reflect(y.start + row as isize, height, &rows) {
            Some(from) => {
                let from = (from as isize - y.start) as usize * stride;
                region.copy_within(from..from + stride, row * stride);
            }
            None => region[row * stride..][..stride].fill(0.0),
        }
    }
}

/// The coordinate that `at` is a reflection of, if it is among `available`.
fn reflect(at: isize, len: usize, available: &Range<usize>) -> Option<usize> {
    let last = len as isize - 1;
    let reflected = if at < 0 { -at } else { 2 * last - at };
    usize::try_from(reflected)
        .ok()
        .filter(|at| available.contains(at))
}

/// Pixels of three planes side by side.
fn interleave(
    planes: [&[f32]; 3],
    width: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    out: &mut [f32],
    out_stride: usize,
) {
    for (i, row) in rows.enumerate() {
        let out = &mut out[i * out_stride..];
        for (channel, plane) in planes.into_iter().enumerate() {
            let values = &plane[row * width..][columns.clone()];
            for (pixel, value) in out.chunks_exact_mut(3).zip(values) {
                pixel[channel] = *value;
            }
        }
    }
}

/// `out`, whole pixels, is the sum of the terms from their value `first` on.
pub fn sum_terms(level: Level, terms: &[Term], first: usize, out: &mut [f32]) {
    dispatch!(level, simd => sum_terms_at(simd, terms, first, out));
}

/// `out`, whole pixels, becomes what `own` makes of it (its data are not looked at), plus the terms
/// from their value `first` on.
pub fn add_terms(level: Level, own: Term, terms: &[Term], first: usize, out: &mut [f32]) {
    dispatch!(level, simd => {
        activate_in_place(simd, own, out);
        for term in terms {
            activate(simd, term, first, out, true);
        }
    });
}

#[inline(always)]
fn sum_terms_at<S: Simd>(simd: S, terms: &[Term], first: usize, out: &mut [f32]) {
    for (i, term) in terms.iter().enumerate() {
        activate(simd, term, first, out, i > 0);
    }
}

/// Writes a term from its value `first` on to `out`, or adds it.
#[inline(always)]
fn activate<S: Simd>(simd: S, term: &Term, first: usize, out: &mut [f32], add: bool) {
    let (lanes, channels) = (S::f32s::LEN, term.scale.len());
    let data = term.data[first..][..out.len()].chunks_exact(channels);
    for (out, data) in out.chunks_exact_mut(channels).zip(data) {
        let registers = out.chunks_exact_mut(lanes).zip(data.chunks_exact(lanes));
        for ((out, data), affine) in registers.zip(term.registers(lanes)) {
            let value = activated(simd, data, affine, term.slope);
            let value = if add {
                value + S::f32s::from_slice(simd, out)
            } else {
                value
            };
            value.store_slice(out);
        }
    }
}

#[inline(always)]
fn activate_in_place<S: Simd>(simd: S, term: Term, out: &mut [f32]) {
    let (lanes, channels) = (S::f32s::LEN, term.scale.len());
    for out in out.chunks_exact_mut(channels) {
        for (out, affine) in out.chunks_exact_mut(lanes).zip(term.registers(lanes)) {
            activated(simd, out, affine, term.slope).store_slice(out);
        }
    }
}

/// One register of a term's values.
#[inline(always)]
fn activated<S: Simd>(simd: S, data: &[f32], affine: (&[f32], &[f32]), slope: f32) -> S::f32s {
    let load = |slice| S::f32s::from_slice(simd, slice);
    let value = load(data).mul_add(load(affine.0), load(affine.1));
    value.max(value * slope)
}

/// Bilinear resize of the activated terms. `taps` are those of the wanted rows and columns.
#[inline(always)]
fn resize<S: Simd>(
    simd: S,
    terms: &[Term],
    input: &Input,
    [rows, columns]: [&[BilinearTap]; 2],
    scratch: &mut Vec<f32>,
    out: &mut [f32],
    out_stride: usize,
) {
    let (Some(bottom), Some(right)) = (rows.last(), columns.last()) else {
        return;
    };
    let channels = input.channels;
    let (top, left) = (rows[0].low, columns[0].low);
    let low_rows = bottom.high + 1 - top;
    let low_stride = (right.high + 1 - left) * channels;
    // The activated source, and one row mixed vertically.
    scratch.resize((low_rows + 1) * low_stride, 0.0);
    let (low, mixed) = scratch.split_at_mut(low_rows * low_stride);
    for (i, low) in low.chunks_exact_mut(low_stride).enumerate() {
        let first = ((top + i - input.rows.start) * input.size[1] + left) * channels;
        sum_terms_at(simd, terms, first, low);
    }
    for (i, row) in rows.iter().enumerate() {
        let upper = &low[(row.low - top) * low_stride..][..low_stride];
        let lower = &low[(row.high - top) * low_stride..][..low_stride];
        mix(simd, upper, lower, row.weight, mixed);
        let out = &mut out[i * out_stride..][..columns.len() * channels];
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::oracle::{levels, noise};

    /// The input's logical pixels, one at a time.
    fn expected(input: &Input, y: usize, x: usize, c: usize) -> f64 {
        let stored = |y: usize, x: usize| -> f64 {
            let width = input.size[1];
            let y = y - input.rows.start;
            match input.pixels {
                Pixels::Planes(planes) => f64::from(planes[c][y * width + x]),
                Pixels::Terms(terms) => terms
                    .iter()
                    .map(|term| {
                        let v = term.data[(y * width + x) * input.channels + c];
                        let v = f64::from(v) * f64::from(term.scale[c]) + f64::from(term.shift[c]);
                        if v < 0.0 {
                            v * f64::from(term.slope)
                        } else {
                            v
                        }
                    })
                    .sum(),
            }
        };
        let Some(upsample) = input.upsample else {
            return stored(y, x);
        };
        let (row, column) = (upsample.rows[y], upsample.columns[x]);
        let mix = |a: f64, b: f64, weight: f32| a + (b - a) * f64::from(weight);
        mix(
            mix(
                stored(row.low, column.low),
                stored(row.low, column.high),
                column.weight,
            ),
            mix(
                stored(row.high, column.low),
                stored(row.high, column.high),
                column.weight,
            ),
            row.weight,
        )
    }

    fn check(level: Level, input: &Input, y: Range<isize>, x: Range<isize>) {
        let (mut region, mut scratch) = (vec![9.0; 3], Vec::new());
        fill(
            level,
            input,
            y.clone(),
            x.clone(),
            &mut region,
            &mut scratch,
        );
        let [height, width] = input.logical_size();
        let reflect = |at: isize, len: usize| {
            let at = if at < 0 { -at } else { at };
            let last = len as isize - 1;
            (if at > last { 2 * last - at } else { at }) as usize
        };
        for (i, row) in y.enumerate() {
            for (j, column) in x.clone().enumerate() {
                for c in 0..input.channels {
                    let got = region[(i * x.len() + j) * input.channels + c];
                    let want = expected(input, reflect(row, height), reflect(column, width), c);
                    assert!(
                        (f64::from(got) - want).abs() < 1e-5,
                        "{level:?} {row},{column},{c}: {got} {want}"
                    );
                }
            }
        }
    }

    #[test]
    fn regions_are_normalised_upsampled_and_reflected() {
        for level in levels() {
            let channels = 16;
            let size = [5, 7];
            let data = [noise(5 * 7 * channels, 1), noise(5 * 7 * channels, 2)];
            let affine = [noise(channels, 3), noise(channels, 4)];
            let terms = [0, 1].map(|i| Term {
                data: &data[i],
                scale: &affine[i],
                shift: &affine[1 - i],
                slope: [0.2, 1.0][i],
            });
            for upsample in [
                None,
                Some(Upsample::new(size, [10, 14], true)),
                Some(Upsample::new(size, [9, 13], false)),
            ] {
                for terms in [&terms[..1], &terms[..]] {
                    let input = Input {
                        pixels: Pixels::Terms(terms),
                        size,
                        rows: 0..size[0],
                        channels,
                        upsample: upsample.as_ref(),
                    };
                    let [height, width] = input.logical_size().map(|side| side as isize);
                    check(level, &input, 0..height, 0..width);
                    check(level, &input, -1..4, 2..width + 1);
                    check(level, &input, 1..height + 3, -3..5);
                }
            }
            let planes = [5, 6, 7].map(|seed| noise(5 * 7, seed));
            let input = Input {
                pixels: Pixels::Planes([0, 1, 2].map(|i| planes[i].as_slice())),
                size,
                rows: 0..size[0],
                channels: 3,
                upsample: None,
            };
            check(level, &input, -3..8, -3..10);
        }
    }

    /// Every region gives the same from the rows that it needs as from all rows.
    #[test]
    fn windows_are_enough() {
        let level = Level::new();
        let (size, channels) = ([9, 4], 16);
        let data = noise(9 * 4 * channels, 1);
        let planes = [2, 3, 4].map(|seed| noise(9 * 4, seed));
        let (scale, shift) = (noise(channels, 5), noise(channels, 6));
        let taps = [
            None,
            Some(Upsample::new(size, [17, 8], false)),
            Some(Upsample::new(size, [18, 8], true)),
        ];
        for (upsample, is_picture) in [(&taps[0], true), (&taps[0], false)]
            .into_iter()
            .chain(taps[1..].iter().map(|taps| (taps, false)))
        {
            let region = |rows: Range<usize>, y: Range<isize>| {
                let stride = 4 * channels;
                let term = Term {
                    data: &data[rows.start * stride..rows.end * stride],
                    scale: &scale,
                    shift: &shift,
                    slope: 0.2,
                };
                let planes = [0, 1, 2].map(|i| &planes[i][rows.start * 4..rows.end * 4]);
                let input = Input {
                    pixels: if is_picture {
                        Pixels::Planes(planes)
                    } else {
                        Pixels::Terms(&[term])
                    },
                    size,
                    rows,
                    channels: if is_picture { 3 } else { channels },
                    upsample: upsample.as_ref(),
                };
                let mut region = vec![f32::NAN; 5];
                fill(level, &input, y, -1..7, &mut region, &mut Vec::new());
                region
            };
            let height = upsample.as_ref().map_or(9, |taps| taps.rows.len());
            for (top, bottom) in [(0, 1), (0, 4), (2, 5), (height - 3, height), (3, 4)] {
                let y = top as isize - 1..bottom as isize + 1;
                let inside = top.saturating_sub(1)..(bottom + 1).min(height);
                let needed = match upsample {
                    Some(taps) => taps.source_rows(inside),
                    None => inside,
                };
                let expected = region(0..9, y.clone());
                assert_eq!(region(needed.clone(), y.clone()), expected, "{y:?}");
                // What a block of tiles reads beyond its output must not reach out of the window.
                let more = region(needed, y.start..y.end + 4);
                assert_eq!(more[..expected.len()], expected, "{y:?}");
                assert!(more.iter().all(|value| value.is_finite()), "{y:?}");
            }
        }
    }

    #[test]
    fn adding_in_place_is_summing() {
        for level in levels() {
            let channels = 32;
            let data = [1, 2, 3].map(|seed| noise(9 * channels, seed));
            let affine = [noise(channels, 4), noise(channels, 5)];
            let terms = [0, 1, 2].map(|i| Term {
                data: &data[i],
                scale: &affine[i % 2],
                shift: &affine[1 - i % 2],
                slope: [1.0, 0.2, 1.0][i],
            });
            // The last four pixels.
            let first = 5 * channels;
            let mut expected = vec![0.0; 4 * channels];
            sum_terms(level, &terms, first, &mut expected);
            let mut out = data[0][first..].to_vec();
            add_terms(level, terms[0], &terms[1..], first, &mut out);
            assert_eq!(out, expected, "{level:?}");
        }
    }
}
