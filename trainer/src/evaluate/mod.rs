//! Measuring stylised pictures: what `trainer evaluate` reports.
//!
//! The metrics of one photo and its output need no network ([`picture_metrics`]). Those that do
//! take features that the caller computed: content change, kernel inception distance and Gram
//! distance. None of these numbers replaces looking at the pictures.

mod canny;
mod command;
mod describe;
mod face_metrics;
mod kid;
mod picture_metrics;
mod table;

pub use command::{EvaluateArguments, run};
