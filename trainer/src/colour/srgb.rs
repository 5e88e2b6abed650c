//! The curve between sRGB's values and linear light.

pub use nijigen::drawing::colour::{EXPONENT, KNEE, LINE, OFFSET, linear_light, srgb_value};
