//! Filters that the drawn targets are made of, besides those of [`nijigen::filter`].

pub mod flow;
pub mod kuwahara;
pub mod rolling_guidance;
pub mod shock;
pub mod structure_tensor;
