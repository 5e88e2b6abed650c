//! Geometry of faces: landmarks, the square around a face, where the features of an aligned face
//! lie, the transform that takes them there, the warp to a drawing's proportions, and the planes
//! that tell a network where the features are.

mod anime_warp;
mod displacement_grid;
#[cfg(test)]
#[path = "../../tests/example_face/mod.rs"]
mod example_face;
mod guides;
mod landmarks;
pub mod mesh;
mod similarity;
mod square;
mod thin_plate_spline;

pub use anime_warp::AnimeWarp;
pub use displacement_grid::{DisplacementGrid, GRID_CELLS, GRID_NODES};
pub use guides::{GUIDE_PLANES, draw_guides};
pub use landmarks::{Features, LandmarkKind, Refusal};
pub use similarity::SimilarityTransform;
pub use square::FaceSquare;

/// Side in pixels of the square that [`TEMPLATE`] is given for.
const TEMPLATE_SIDE_PX: f32 = 512.0;

/// The usual five landmarks of FFHQ's aligned faces (Karras et al. 2019, arXiv:1812.04948).
const TEMPLATE: [[f32; 2]; 5] = [
    [192.98, 239.95],
    [318.90, 240.19],
    [256.63, 314.02],
    [201.26, 371.41],
    [313.09, 371.15],
];

/// Where the landmarks of an aligned face lie in a square picture of `side_px` pixels: `[x, y]` in
/// pixels from the top left corner (the first pixel's centre is at 0.5), in the order left eye,
/// right eye, nose, left and right corner of the mouth. Left and right are the viewer's.
pub fn aligned_landmarks(side_px: f32) -> [[f32; 2]; 5] {
    TEMPLATE.map(|point| point.map(|v| v * side_px / TEMPLATE_SIDE_PX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn landmarks_scale_with_the_side() {
        assert_eq!(aligned_landmarks(512.0), TEMPLATE);
        assert_eq!(aligned_landmarks(128.0)[2], [256.63 / 4.0, 314.02 / 4.0]);
    }

    #[test]
    fn landmarks_are_in_the_documented_order() {
        let [left_eye, right_eye, nose, left_mouth, right_mouth] = aligned_landmarks(1.0);
        assert!(left_eye[0] < nose[0] && nose[0] < right_eye[0]);
        assert!(left_mouth[0] < nose[0] && nose[0] < right_mouth[0]);
        assert!(left_eye[1].max(right_eye[1]) < nose[1]);
        assert!(nose[1] < left_mouth[1].min(right_mouth[1]));
    }
}
