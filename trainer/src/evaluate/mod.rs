//! Measuring stylised pictures: what `nijigen evaluate` reports.
//!
//! The metrics of one photo and its output need no network ([`picture_metrics`]). Those that do
//! take features that the caller computed: content change, kernel inception distance and Gram
//! distance. Faces that a portrait style draws have figures of their own ([`portrait_metrics`]). None of these numbers replaces looking at the pictures.

mod canny;
mod command;
mod describe;
mod drawn_eyes;
mod drawn_skin;
mod face_metrics;
mod faces;
mod kid;
mod mesh_displacement;
mod picture_metrics;
mod portrait_metrics;
mod table;
#[cfg(test)]
mod test_face;

pub use command::{EvaluateArguments, run};
