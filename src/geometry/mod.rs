//! Where things lie in a picture: the transform between upright crops and photos, what a bilinear
//! resize mixes, and how borders fade. Knows no pixels.

mod bilinear;
mod similarity;
mod smoothstep;

pub use bilinear::{BilinearTap, bilinear_taps};
pub use similarity::SimilarityTransform;
pub use smoothstep::smoothstep;
