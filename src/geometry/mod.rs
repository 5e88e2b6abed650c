//! Where things lie in a picture: the transform between upright crops and photos, and what a
//! bilinear resize mixes. Knows no pixels.

mod bilinear;
mod similarity;

pub use bilinear::{BilinearTap, bilinear_taps};
pub use similarity::SimilarityTransform;
