//! Colours of sRGB pictures in other spaces, a file each. Losses compute the same on tensors, with the
//! numbers of these files.

pub mod lab;
mod luma;
pub mod oklab;
pub mod srgb;

pub use luma::{LUMA, luma};
