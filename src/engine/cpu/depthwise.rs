//! The depthwise layer of a residual block, in place: its input is the network's largest map, and
//! nobody else reads it. Each row is normalised once, into a ring of three, before its place is
//! taken by output.

use fearless_simd::Level;

use super::scratch::Scratch;
use crate::kernels::depthwise::convolve3x3_row;
use crate::kernels::moments::Moments;
use crate::kernels::sum::{Affine, Term, sum_terms};
use crate::kernels::{lanes, padded};

/// A 3x3 depthwise convolution with its weights.
pub(super) struct DepthwiseConv {
    /// `[3][3][channels]`.
    weights: Vec<f32>,
    /// `[channels]`.
    bias: Vec<f32>,
}

/// Raw rows above and below a band; `None` at the picture's border, where rows are reflected.
#[derive(Clone, Copy)]
pub(super) struct Neighbours<'a> {
    pub above: Option<&'a [f32]>,
    pub below: Option<&'a [f32]>,
}

impl DepthwiseConv {
    /// From weights `[channels][1][3][3]` and a bias.
    pub fn new(level: Level, channels: usize, weights: &[f32], bias: Option<&[f32]>) -> Self {
        let width = padded(channels, lanes(level));
        let mut taps = vec![0.0; 9 * width];
        for (channel, kernel) in weights.chunks_exact(9).enumerate() {
            for (tap, weight) in kernel.iter().enumerate() {
                taps[tap * width + channel] = *weight;
            }
        }
        let mut padded_bias = bias.unwrap_or_default().to_vec();
        padded_bias.resize(width, 0.0);
        Self {
            weights: taps,
            bias: padded_bias,
        }
    }

    /// Bytes of the weights as they are kept.
    pub fn weight_bytes(&self) -> usize {
        4 * (self.weights.len() + self.bias.len())
    }

    /// Replaces a band of raw input, whole rows of `row_len` values, by the convolution of what
    /// `affine` makes of it, and sums up the moments.
    pub fn run_band(
        &self,
        level: Level,
        affine: Affine,
        neighbours: Neighbours,
        row_len: usize,
        scratch: &mut Scratch,
        band: &mut [f32],
    ) -> Moments {
        let channels = self.bias.len();
        let ring = &mut scratch.ring;
        for row in ring.iter_mut() {
            row.resize(row_len + 2 * channels, 0.0);
        }
        // One more pixel on each side, reflected.
        let activate = |raw: &[f32], row: &mut [f32]| {
            let term = Term { data: raw, affine };
            sum_terms(level, &[term], 0, &mut row[channels..][..row_len]);
            let last = row_len / channels;
            let [left, right] = if last == 1 { [1, 1] } else { [2, last - 1] };
            row.copy_within(left * channels..(left + 1) * channels, 0);
            row.copy_within(
                right * channels..(right + 1) * channels,
                (last + 1) * channels,
            );
        };
        let height = band.len() / row_len;
        let mut moments = Moments::default();
        // Row y of the band is in slot (y + 1) % 3.
        if let Some(above) = neighbours.above {
            activate(above, &mut ring[0]);
        }
        activate(&band[..row_len], &mut ring[1]);
        for y in 0..height {
            let [above, centre, below] = [y % 3, (y + 1) % 3, (y + 2) % 3];
            let has_below = match neighbours.below {
                _ if y + 1 < height => {
                    activate(&band[(y + 1) * row_len..][..row_len], &mut ring[below]);
                    true
                }
                Some(raw) => {
                    activate(raw, &mut ring[below]);
                    true
                }
                None => false,
            };
            let has_above = y > 0 || neighbours.above.is_some();
            let [above, below] = match (has_above, has_below) {
                (true, true) => [above, below],
                (true, false) => [above, above],
                (false, true) => [below, below],
                (false, false) => [centre, centre],
            };
            let rows = [above, centre, below].map(|slot| ring[slot].as_slice());
            let out = &mut band[y * row_len..][..row_len];
            convolve3x3_row(level, rows, &self.weights, &self.bias, out);
            moments += Moments::of(level, out);
        }
        moments
    }

    /// Computes a band of whole rows, the first of which is row `top` of the map, from the
    /// activated rows that `input` has, and sums up the moments.
    pub fn run_rows<'a>(
        &self,
        level: Level,
        input: impl Fn(usize) -> &'a [f32],
        [height, width]: [usize; 2],
        top: usize,
        band: &mut [f32],
    ) -> Moments {
        let mut moments = Moments::default();
        let (last, row_len) = (height - 1, width * self.bias.len());
        for (y, out) in (top..).zip(band.chunks_exact_mut(row_len)) {
            let above = y.checked_sub(1).unwrap_or(last.min(1));
            let below = if y < last { y + 1 } else { above };
            self.convolve_row(level, [above, y, below].map(&input), out);
            moments += Moments::of(level, out);
        }
        moments
    }

    /// One row of output, `[width][channels]`, from three rows of activated input.
    fn convolve_row(&self, level: Level, rows: [&[f32]; 3], out: &mut [f32]) {
        let channels = self.bias.len();
        let last = out.len() / channels - 1;
        if last > 1 {
            let inner = &mut out[channels..last * channels];
            convolve3x3_row(level, rows, &self.weights, &self.bias, inner);
        }
        // The first and the last pixel, one of whose neighbours is reflected.
        for (x, beside) in [(0, last.min(1)), (last, last.saturating_sub(1))] {
            let columns = [beside, x, beside];
            let pixels: Vec<f32> = rows
                .iter()
                .flat_map(|row| columns.map(|column| &row[column * channels..][..channels]))
                .flatten()
                .copied()
                .collect();
            let rows = [0, 3, 6].map(|first| &pixels[first * channels..][..3 * channels]);
            let out = &mut out[x * channels..][..channels];
            convolve3x3_row(level, rows, &self.weights, &self.bias, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::MAX_LANES;

    /// All bands of a picture together must give what one band gives.
    #[test]
    fn bands_meet_without_a_seam() {
        let level = Level::new();
        let (height, width, channels) = (11, 5, MAX_LANES);
        let row_len = width * channels;
        let value = |i: usize| ((i * 7919) % 1000) as f32 / 500.0 - 1.0;
        let weights: Vec<f32> = (0..9 * channels).map(value).collect();
        let layer = DepthwiseConv::new(level, channels, &weights, None);
        let picture: Vec<f32> = (0..height * row_len).map(value).collect();
        let (scale, shift) = (vec![1.5; channels], vec![0.1; channels]);
        let affine = Affine {
            scale: &scale,
            shift: &shift,
            slope: 0.2,
        };
        let mut scratch = Scratch::default();
        let mut whole = picture.clone();
        let none = Neighbours {
            above: None,
            below: None,
        };
        layer.run_band(level, affine, none, row_len, &mut scratch, &mut whole);
        for rows in [1, 2, 3, 4, 10] {
            let mut out = picture.clone();
            for (i, band) in out.chunks_mut(rows * row_len).enumerate() {
                let row = |y: usize| picture.get(y * row_len..(y + 1) * row_len);
                let neighbours = Neighbours {
                    above: (i * rows).checked_sub(1).and_then(row),
                    below: row((i + 1) * rows),
                };
                layer.run_band(level, affine, neighbours, row_len, &mut scratch, band);
            }
            assert_eq!(out, whole, "bands of {rows} rows");
        }
    }

    #[test]
    fn rows_by_themselves_are_those_of_a_band() {
        let level = Level::new();
        let channels = MAX_LANES;
        let value = |i: usize| ((i * 7919) % 1000) as f32 / 500.0 - 1.0;
        let weights: Vec<f32> = (0..9 * channels).map(value).collect();
        let bias: Vec<f32> = (7..7 + channels).map(value).collect();
        let layer = DepthwiseConv::new(level, channels, &weights, Some(&bias));
        let (ones, zeros) = (vec![1.0; channels], vec![0.0; channels]);
        let identity = Affine {
            scale: &ones,
            shift: &zeros,
            slope: 1.0,
        };
        for width in [1, 2, 3, 9] {
            let row_len = width * channels;
            let rows: Vec<f32> = (3..3 + 3 * row_len).map(value).collect();
            let mut band = rows.clone();
            let none = Neighbours {
                above: None,
                below: None,
            };
            let mut scratch = Scratch::default();
            layer.run_band(level, identity, none, row_len, &mut scratch, &mut band);
            let row = |y: usize| &rows[y * row_len..][..row_len];
            for (y, rows) in [[1, 0, 1], [0, 1, 2], [1, 2, 1]].into_iter().enumerate() {
                let mut out = vec![9.0; row_len];
                layer.convolve_row(level, rows.map(row), &mut out);
                assert_eq!(out, band[y * row_len..][..row_len], "row {y} of {width}");
            }
        }
    }
}
