//! Geometry of faces: landmarks, the square around a face, where the features of an aligned face
//! lie, the transform that takes them there, the warp to a drawing's proportions, and the planes
//! that tell a network where the features are.

mod anime_warp;
mod displacement_grid;
#[cfg(test)]
#[path = "../../tests/example_face/mod.rs"]
pub(crate) mod example_face;
mod guides;
mod landmarks;
pub mod mesh;
mod square;
mod thin_plate_spline;

pub use anime_warp::AnimeWarp;
pub use displacement_grid::{DisplacementGrid, GRID_CELLS, GRID_NODES};
pub use guides::{GUIDE_PLANES, draw_guides};
pub use landmarks::{Features, LandmarkKind, Refusal};
pub use square::FaceSquare;
