//! Luma of sRGB colours.

pub use nijigen::kernels::blend::LUMA;

/// Luma by ITU-R BT.601, in the unit of the channels.
pub fn luma(rgb: [f32; 3]) -> f32 {
    LUMA[0] * rgb[0] + LUMA[1] * rgb[1] + LUMA[2] * rgb[2]
}
