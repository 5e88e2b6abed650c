//! Arithmetic on plain slices: the CPU engine's on feature maps, without knowledge of networks, and
//! that on the RGBA pixels of pictures.
//!
//! A feature map is channels-last, `[height][width][channels]`, and its channels are padded with
//! zeros to a multiple of the [`lanes`] of a SIMD register, so that a register always holds
//! channels of one pixel and no kernel has a ragged end. A convolution never sees the border of a
//! picture: [`region`] first writes the pixels that it needs, normalised, activated, upsampled and
//! reflected, into a small buffer that stays in the cache.
//!
//! Every kernel is written once over `fearless_simd`'s vectors: AVX-512, AVX2 and SSE natively,
//! NEON, and WebAssembly's SIMD, where `mul_add` is one instruction if the module is built with
//! `relaxed-simd`. The tests hold each kernel against a scalar version at every level that the
//! machine has.

pub mod blend;
pub mod depthwise;
pub mod displace;
pub mod f16;
pub mod halve;
pub mod int8;
pub mod kuwahara;
pub mod matmul;
pub mod moments;
pub mod region;
mod rgba8;
pub mod sum;
pub mod tanh;
pub mod upsample;
pub mod warp;
pub mod winograd;

#[cfg(test)]
pub(crate) mod oracle;

use fearless_simd::{Level, Simd, SimdBase, dispatch};

/// The most `f32` that a register holds.
pub const MAX_LANES: usize = 16;

/// Number of `f32` in a register of this level: 4, 8 or 16.
pub fn lanes(level: Level) -> usize {
    #[inline(always)]
    fn of<S: Simd>(_: S) -> usize {
        S::f32s::LEN
    }
    dispatch!(level, simd => of(simd))
}

/// Where a kernel writes a block of pixels: rows of all padded channels in a larger map.
#[derive(Debug)]
pub struct Block<'a> {
    /// From the block's first value on.
    pub values: &'a mut [f32],
    /// Height and width in pixels.
    pub size: [usize; 2],
    /// Values from the start of one row to that of the next.
    pub stride: usize,
}

/// The register that begins at `at`.
///
/// # Safety
/// `at + S::f32s::LEN` must be at most `values.len()`.
#[inline(always)]
unsafe fn load_unchecked<S: Simd>(simd: S, values: &[f32], at: usize) -> S::f32s {
    debug_assert!(at + S::f32s::LEN <= values.len());
    // SAFETY: the caller's promise.
    let values = unsafe { values.get_unchecked(at..at + S::f32s::LEN) };
    S::f32s::from_slice(simd, values)
}

/// Stores a register from `at` on.
///
/// # Safety
/// `at + S::f32s::LEN` must be at most `values.len()`.
#[inline(always)]
unsafe fn store_unchecked<S: Simd>(register: S::f32s, values: &mut [f32], at: usize) {
    debug_assert!(at + S::f32s::LEN <= values.len());
    // SAFETY: the caller's promise.
    let values = unsafe { values.get_unchecked_mut(at..at + S::f32s::LEN) };
    register.store_slice(values);
}

/// `channels` rounded up to a multiple of `lanes`.
pub fn padded(channels: usize, lanes: usize) -> usize {
    channels.next_multiple_of(lanes)
}
