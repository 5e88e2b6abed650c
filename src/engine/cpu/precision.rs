//! The numbers that products are made of.

/// Numbers that the products of wide 1x1 layers are made of, which are most of a compact network's
/// work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floating point.
    #[default]
    F32,
    /// 8-bit integers, see [`crate::kernels::int8`]: faster where the processor multiplies bytes.
    /// Pictures of the shipped compact style keep a PSNR of about 60 dB.
    Int8,
}
