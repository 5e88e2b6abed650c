//! One dense convolution with its packed weights, computed block by block.

use std::ops::Range;

use fearless_simd::Level;

use super::precision::Precision;
use super::scratch::Scratch;
use crate::kernels::int8::{self, QuantizedWeights};
use crate::kernels::matmul::{PackedWeights, Rows, multiply};
use crate::kernels::moments::Moments;
use crate::kernels::region::{self, Input};
use crate::kernels::winograd::{self, TILE, WinogradWeights};
use crate::kernels::{Block, lanes, padded};

/// A dense convolution, without what follows it.
pub(super) struct DenseConv {
    weights: DenseWeights,
    /// Output channels, padded.
    channels: usize,
    kernel: usize,
    stride: usize,
    /// Reflected pixels above and to the left.
    before: usize,
}

/// Packed for the kernel that computes the convolution.
enum DenseWeights {
    Winograd(WinogradWeights),
    Matrix(PackedWeights),
    /// Of a 1x1 kernel.
    Int8(QuantizedWeights),
}

/// Geometry of a dense convolution.
#[derive(Clone, Copy)]
pub(super) struct DenseShape {
    pub channels_in: usize,
    /// Values of a pixel of the input region: padded channels, or the picture's planes.
    pub padded_in: usize,
    pub channels_out: usize,
    pub kernel: usize,
    pub stride: usize,
    /// Reflected pixels above and to the left.
    pub before: usize,
}

impl DenseConv {
    /// From weights `[out][in][kernel][kernel]`.
    pub fn new(level: Level, precision: Precision, shape: DenseShape, weights: &[f32]) -> Self {
        let DenseShape {
            channels_in,
            padded_in,
            channels_out,
            kernel,
            stride,
            before,
        } = shape;
        let lanes = lanes(level);
        let weight = |o: usize, i: usize, y: usize, x: usize| {
            weights[((o * channels_in + i) * kernel + y) * kernel + x]
        };
        // Both take whole registers, which the picture's planes need not be.
        let is_regular = stride == 1 && padded_in.is_multiple_of(lanes);
        // A transform of 3 channels costs more than it saves.
        let winograd = is_regular && channels_in > 8 && WinogradWeights::supports(kernel);
        // Quantising a pixel of few channels costs more than it saves.
        let int8 = precision == Precision::Int8
            && is_regular
            && kernel == 1
            && channels_in.min(channels_out) >= 64;
        let weights = if winograd {
            let channels = [channels_out, channels_in, padded_in];
            DenseWeights::Winograd(WinogradWeights::new(channels, kernel, lanes, weight))
        } else if int8 {
            DenseWeights::Int8(QuantizedWeights::new(
                padded_in,
                channels_out,
                lanes,
                |i, o| {
                    if i < channels_in {
                        weight(o, i, 0, 0)
                    } else {
                        0.0
                    }
                },
            ))
        } else {
            let depth = kernel * kernel * padded_in;
            DenseWeights::Matrix(PackedWeights::new(depth, channels_out, lanes, |k, o| {
                let (tap, i) = (k / padded_in, k % padded_in);
                if i < channels_in {
                    weight(o, i, tap / kernel, tap % kernel)
                } else {
                    0.0
                }
            }))
        };
        Self {
            weights,
            channels: padded(channels_out, lanes),
            kernel,
            stride,
            before,
        }
    }

    /// Output channels, padded.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Bytes of the weights as they are kept.
    pub fn weight_bytes(&self) -> usize {
        match &self.weights {
            DenseWeights::Winograd(weights) => weights.bytes(),
            DenseWeights::Matrix(weights) => weights.bytes(),
            DenseWeights::Int8(weights) => weights.bytes(),
        }
    }

    /// Rows and columns of output that are computed together: enough to use the weights in the
    /// cache many times, not so many that the buffers leave it.
    pub fn block_size(&self, [height, width]: [usize; 2]) -> [usize; 2] {
        let [rows, columns] = match &self.weights {
            DenseWeights::Winograd(_) => {
                let most = if self.kernel == 3 { 24 } else { 16 };
                let columns = even_split(width.div_ceil(TILE), most);
                let rows = (16 / columns).max(if self.kernel == 3 { 1 } else { 2 });
                [rows * TILE, columns * TILE]
            }
            DenseWeights::Matrix(_) | DenseWeights::Int8(_) => {
                let most = if self.kernel == 1 { 128 } else { 64 };
                let rows = if self.kernel == 1 { 1 } else { 4 };
                [rows.max(64 / width), even_split(width, most)]
            }
        };
        [rows.min(height), columns]
    }

    /// Rows of the input, in its own picture's coordinates, that these rows of output are made of.
    pub fn input_rows(&self, rows: Range<usize>) -> Range<isize> {
        let first = |row: usize| (row * self.stride) as isize - self.before as isize;
        first(rows.start)..first(rows.end) - self.stride as isize + self.kernel as isize
    }

    /// Computes the block of the output that begins in row `top` and column `left`.
    pub fn run_block(
        &self,
        level: Level,
        input: &Input,
        [top, left]: [usize; 2],
        scratch: &mut Scratch,
        out: &mut Block,
    ) {
        let size = out.size;
        let tiles = size.map(|side| side.div_ceil(TILE));
        let sides = match &self.weights {
            DenseWeights::Winograd(weights) => tiles.map(|tiles| weights.input_side(tiles)),
            _ => size.map(|side| (side - 1) * self.stride + self.kernel),
        };
        let range = |first: usize, side: usize| {
            let start = (first * self.stride) as isize - self.before as isize;
            start..start + side as isize
        };
        let (y, x) = (range(top, sides[0]), range(left, sides[1]));
        let Scratch {
            region,
            upsampling,
            winograd,
            quantized,
            starts,
            ..
        } = scratch;
        region::fill(level, input, y, x, region, upsampling);
        match &self.weights {
            DenseWeights::Winograd(weights) => {
                winograd::convolve(level, weights, region, tiles, winograd, out);
            }
            DenseWeights::Matrix(weights) => {
                let row_len = sides[1] * input.channels;
                starts.clear();
                starts.extend((0..size[1]).map(|x| x * self.stride * input.channels));
                let mut segments = [0; 7];
                for (ky, segment) in segments.iter_mut().enumerate() {
                    *segment = ky * row_len;
                }
                for row in 0..size[0] {
                    let rows = Rows {
                        data: &region[row * self.stride * row_len..],
                        starts,
                        segments: &segments[..self.kernel],
                        segment_len: self.kernel * input.channels,
                    };
                    let out = &mut out.values[row * out.stride..];
                    multiply(level, rows, weights, out, self.channels);
                }
            }
            DenseWeights::Int8(weights) => {
                let rows = region.chunks_exact(size[1] * input.channels);
                for (row, pixels) in rows.take(size[0]).enumerate() {
                    let out = &mut out.values[row * out.stride..];
                    int8::multiply(level, pixels, weights, quantized, out, self.channels);
                }
            }
        }
    }

    /// Computes all rows of a band and the moments of its values. `out` holds whole rows of
    /// `width` pixels, the first of which is row `top` of the output.
    pub fn run_band(
        &self,
        level: Level,
        input: &Input,
        top: usize,
        width: usize,
        scratch: &mut Scratch,
        out: &mut [f32],
    ) -> Moments {
        let stride = width * self.channels;
        let height = out.len() / stride;
        let [_, columns] = self.block_size([height, width]);
        let mut moments = Moments::default();
        for left in (0..width).step_by(columns) {
            let mut block = Block {
                values: &mut out[left * self.channels..],
                size: [height, columns.min(width - left)],
                stride,
            };
            self.run_block(level, input, [top, left], scratch, &mut block);
            // While the block is still in the cache.
            for row in block.values.chunks(stride) {
                let row = &row[..block.size[1] * self.channels];
                moments += Moments::of(level, row);
            }
        }
        moments
    }
}

/// Length of the parts when `len` is cut into as few nearly equal ones as possible, each at most
/// `most`.
fn even_split(len: usize, most: usize) -> usize {
    len.div_ceil(len.div_ceil(most))
}
