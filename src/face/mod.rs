//! Geometry of faces: landmarks, and the square around a face.

mod landmarks;
mod square;

pub use landmarks::{Features, LandmarkKind, Refusal};
pub use square::FaceSquare;
