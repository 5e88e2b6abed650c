//! The part of a layer's input that a block of its output needs, made ready: what the previous
//! layer stored raw is normalised and activated, a skip is added, the result is upsampled, and
//! pixels beyond the border are reflected.

use std::ops::Range;

use fearless_simd::Level;

use super::Block;
use super::sum::{Term, sum_terms};
use super::upsample::{StoredRows, Upsample};

/// What a layer reads.
#[derive(Clone, Copy, Debug)]
pub enum Pixels<'a> {
    /// The picture, planes of `[rows][width]`: a channel each, without padding.
    Planes(&'a [&'a [f32]]),
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
    /// Channels of a pixel as the layer sees them, padded.
    pub channels: usize,
    /// What the sum is upsampled by; a picture is not.
    pub upsample: Option<&'a Upsample>,
}

impl Input<'_> {
    /// Height and width as the layer sees them.
    pub fn logical_size(&self) -> [usize; 2] {
        self.upsample.map_or(self.size, Upsample::size)
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
            let source = StoredRows {
                terms,
                width: input.size[1],
                first: input.rows.start,
            };
            let mut block = Block {
                values: inner,
                size: [rows.len(), columns.len()],
                stride,
            };
            let first = [rows.start, columns.start];
            upsample.fill(level, source, first, scratch, &mut block);
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

/// Pixels of the planes side by side.
fn interleave(
    planes: &[&[f32]],
    width: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    out: &mut [f32],
    out_stride: usize,
) {
    for (i, row) in rows.enumerate() {
        let out = &mut out[i * out_stride..];
        for (channel, plane) in planes.iter().enumerate() {
            let values = &plane[row * width..][columns.clone()];
            for (pixel, value) in out.chunks_exact_mut(planes.len()).zip(values) {
                pixel[channel] = *value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::oracle::{levels, noise, sum, terms};
    use crate::kernels::sum::Affine;
    use crate::kernels::{lanes, padded};

    /// The input's logical pixels, one at a time.
    fn expected(input: &Input, y: usize, x: usize, c: usize) -> f64 {
        let stored = |y: usize, x: usize, c: usize| -> f64 {
            let at = (y - input.rows.start) * input.size[1] + x;
            match input.pixels {
                Pixels::Planes(planes) => f64::from(planes[c][at]),
                Pixels::Terms(terms) => sum(terms, at * terms[0].affine.scale.len() + c),
            }
        };
        match input.upsample {
            None => stored(y, x, c),
            Some(Upsample::Bilinear { rows, columns }) => {
                let (row, column) = (rows[y], columns[x]);
                let mix = |a: f64, b: f64, weight: f32| a + (b - a) * f64::from(weight);
                let of_row = |y| {
                    let [low, high] = [column.low, column.high].map(|x| stored(y, x, c));
                    mix(low, high, column.weight)
                };
                mix(of_row(row.low), of_row(row.high), row.weight)
            }
            Some(Upsample::DepthToSpace { channels, .. }) if c < *channels => {
                stored(y / 2, x / 2, 4 * c + 2 * (y % 2) + x % 2)
            }
            Some(Upsample::DepthToSpace { .. }) => 0.0,
        }
    }

    fn check(level: Level, input: &Input, y: Range<isize>, x: Range<isize>) {
        // What is left of another region must not show.
        let (mut region, mut scratch) = (vec![9.0; 9999], Vec::new());
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
            // Of the second, depth to space makes 7, padded.
            let (size, channels) = ([5, 7], [16, 32]);
            for (upsample, channels, stored) in [
                (None, channels[0], channels[0]),
                (
                    Some(Upsample::bilinear(size, [10, 14], true)),
                    channels[0],
                    channels[0],
                ),
                (
                    Some(Upsample::bilinear(size, [9, 13], false)),
                    channels[0],
                    channels[0],
                ),
                (
                    Some(Upsample::DepthToSpace {
                        size: [9, 14],
                        channels: 7,
                    }),
                    padded(7, lanes(level)),
                    channels[1],
                ),
            ] {
                let data = [1, 2].map(|seed| noise(5 * 7 * stored, seed));
                let affine = [3, 4].map(|seed| noise(stored, seed));
                let terms = terms(&data, &affine, [0.2, 1.0]);
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
                    check(level, &input, 3..4, 5..6);
                }
            }
            for count in [3, 5] {
                let planes: Vec<_> = (0..count).map(|i| noise(5 * 7, 5 + i)).collect();
                let planes: Vec<_> = planes.iter().map(Vec::as_slice).collect();
                let input = Input {
                    pixels: Pixels::Planes(&planes),
                    size,
                    rows: 0..size[0],
                    channels: planes.len(),
                    upsample: None,
                };
                check(level, &input, -3..8, -3..10);
            }
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
        let upsamplings = [
            None,
            Some(Upsample::bilinear(size, [17, 8], false)),
            Some(Upsample::bilinear(size, [18, 8], true)),
            Some(Upsample::DepthToSpace {
                size: [17, 8],
                channels: 4,
            }),
        ];
        for (upsample, is_picture) in [(&upsamplings[0], true), (&upsamplings[0], false)]
            .into_iter()
            .chain(upsamplings[1..].iter().map(|upsample| (upsample, false)))
        {
            let region = |rows: Range<usize>, y: Range<isize>| {
                let stride = 4 * channels;
                let term = Term {
                    data: &data[rows.start * stride..rows.end * stride],
                    affine: Affine {
                        scale: &scale,
                        shift: &shift,
                        slope: 0.2,
                    },
                };
                let planes = [0, 1, 2].map(|i| &planes[i][rows.start * 4..rows.end * 4]);
                let input = Input {
                    pixels: if is_picture {
                        Pixels::Planes(&planes)
                    } else {
                        Pixels::Terms(&[term])
                    },
                    size,
                    rows,
                    channels: match upsample {
                        _ if is_picture => 3,
                        Some(Upsample::DepthToSpace { channels, .. }) => {
                            padded(*channels, lanes(level))
                        }
                        _ => channels,
                    },
                    upsample: upsample.as_ref(),
                };
                let mut region = vec![f32::NAN; 5];
                fill(level, &input, y, -1..7, &mut region, &mut Vec::new());
                region
            };
            let height = upsample.as_ref().map_or(9, |upsample| upsample.size()[0]);
            for (top, bottom) in [(0, 1), (0, 4), (2, 5), (height - 3, height), (3, 4)] {
                let y = top as isize - 1..bottom as isize + 1;
                let inside = top.saturating_sub(1)..(bottom + 1).min(height);
                let needed = match upsample {
                    Some(upsample) => upsample.source_rows(inside),
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
}
