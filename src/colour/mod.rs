//! Colours of sRGB pictures in other spaces, a file each.

pub mod lab;
pub mod oklab;
pub mod srgb;
