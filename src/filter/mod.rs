//! Filters of pictures in f32. Pictures of three channels are [`Colours`](colours::Colours), those of one are
//! [`Plane`](plane::Plane); lengths are in pixels.

pub mod colours;
pub mod components;
pub mod gaussian;
pub mod guided;
pub mod morphology;
pub mod plane;
pub mod quantile;
pub mod resize;
pub mod thresholds;
