//! Colours of sRGB pictures, a file each. Losses compute the same on tensors, with the numbers of these
//! files and of [`nijigen::colour`].

pub mod lab;
mod luma;

pub use luma::{LUMA, luma, luma_plane};
