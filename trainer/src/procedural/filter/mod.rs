//! Filters that the drawn targets are made of. Pictures of several channels are [`Colours`], those
//! of one are [`Plane`](crate::plane::Plane); lengths are in pixels.

pub mod colours;
pub mod components;
pub mod flow;
pub mod gaussian;
pub mod guided;
pub mod kuwahara;
pub mod morphology;
pub mod quantile;
pub mod resize;
pub mod rolling_guidance;
pub mod shock;
pub mod structure_tensor;
pub mod thresholds;
