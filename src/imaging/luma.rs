//! The lightness of colours in sRGB.

use crate::kernels::blend::LUMA;

/// The lightness of a colour in [0, 1], Rec. 601's luma.
pub(crate) fn luma([r, g, b]: [f32; 3]) -> f32 {
    LUMA[0] * r + LUMA[1] * g + LUMA[2] * b
}
