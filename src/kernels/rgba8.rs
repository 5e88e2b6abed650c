//! Registers of RGBA pixels: a 32-bit word a pixel, red in the lowest byte.
//!
//! Neither these functions nor those that call them pass closures to `map` and the like: what is not
//! inlined is compiled without the instructions of the level that it is dispatched to.

use fearless_simd::{Bytes, Simd, SimdBase, SimdFloat, SimdInt};

use super::MAX_LANES;

/// The pixels as words. There are as many as a register holds `f32`.
#[inline(always)]
pub fn load<S: Simd>(simd: S, pixels: &[[u8; 4]]) -> S::u32s {
    S::u8s::from_slice(simd, pixels.as_flattened()).bitcast()
}

/// The reverse of [`load`].
#[inline(always)]
pub fn store<S: Simd>(words: S::u32s, pixels: &mut [[u8; 4]]) {
    words
        .bitcast::<S::u8s>()
        .store_slice(pixels.as_flattened_mut());
}

/// Channel 0 to 3 of words, 0 to 255.
#[inline(always)]
pub fn channel<S: Simd>(words: S::u32s, channel: u32) -> S::f32s {
    // Signed integers convert faster.
    ((words >> (8 * channel)) & 255)
        .bitcast::<S::i32s>()
        .to_float()
}

/// Channels rounded to bytes, as words. What is below 0 or above 255 becomes that, NaN 0.
#[inline(always)]
pub fn pack<S: Simd>([r, g, b, a]: [S::f32s; 4]) -> S::u32s {
    let (r, g) = (to_byte::<S>(r), to_byte::<S>(g));
    let (b, a) = (to_byte::<S>(b), to_byte::<S>(a));
    r | (g << 8) | (b << 16) | (a << 24)
}

#[inline(always)]
fn to_byte<S: Simd>(values: S::f32s) -> S::u32s {
    // Positive, so that truncation rounds halves up. The maximum comes last: it drops NaN.
    let rounded = (values + 0.5).min_precise(255.0).max_precise(0.0);
    rounded.to_int::<S::i32s>().bitcast()
}

/// Stores the first pixels of a register, as many as `out` has: at most all.
#[inline(always)]
pub fn store_start<S: Simd>(words: S::u32s, out: &mut [[u8; 4]]) {
    let lanes = S::f32s::LEN;
    if out.len() == lanes {
        store::<S>(words, out);
    } else {
        let mut last = [[0; 4]; MAX_LANES];
        store::<S>(words, &mut last[..lanes]);
        out.copy_from_slice(&last[..out.len()]);
    }
}
