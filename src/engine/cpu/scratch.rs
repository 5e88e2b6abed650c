//! The buffers that a thread computes in.

use crate::kernels::int8::Quantized;
use crate::kernels::winograd::WinogradScratch;

/// Pixels that a thread's buffers hold at most, of the network's widest map: a block of 3x3 Winograd
/// tiles has 588 of input, 306 before it is upsampled, and 864 each of transformed and multiplied.
const PIXELS: u64 = 2700;

/// Buffers of one thread, small enough for its caches. What is in them is left from other blocks.
#[derive(Default)]
pub(super) struct Scratch {
    /// A dense convolution's input.
    pub region: Vec<f32>,
    /// That input before it is upsampled.
    pub upsampling: Vec<f32>,
    pub winograd: WinogradScratch,
    pub quantized: Quantized,
    /// Where the pixels begin that a row of products takes.
    pub starts: Vec<usize>,
    /// Rows of a depthwise convolution's input.
    pub ring: [Vec<f32>; 3],
}

impl Scratch {
    /// Bytes that a thread's buffers take at most, for a network whose widest map has so many padded
    /// channels.
    pub fn most_bytes(widest: usize) -> u64 {
        4 * PIXELS * widest as u64
    }
}
