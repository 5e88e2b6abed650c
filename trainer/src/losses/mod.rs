//! The losses of the trainer: plain, differentiable functions on tensors.
//!
//! Images are `[batch, 3, height, width]`, RGB in [-1, 1]; features are
//! `[batch, channels, height, width]`; every loss is a scalar `[1]`. All means run over the batch
//! too, so a loss does not depend on the batch size.

mod adversarial;
mod colour;
mod content;
#[cfg(test)]
pub mod finite_difference;
mod landmark;
mod regression;
mod style;
mod total_variation;

pub use adversarial::{fake_loss, generator_loss, real_loss};
pub use colour::{lab_ab_l1, lab_l1, yuv_huber};
pub use content::content_loss;
pub use landmark::{Region, landmark_boxes, landmark_loss};
pub use regression::{gradient_loss, l1_loss, weighted_l1_loss};
pub use style::{gram, grayscale, mean_gram, style_loss};
pub use total_variation::total_variation;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// How far apart two numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distance {
    /// |a - b|
    L1,
    /// (a - b)²
    L2,
}

impl Distance {
    /// The distance for each element a - b of `difference`, in its shape.
    pub fn of_difference<const D: usize>(self, difference: Tensor<D>) -> Tensor<D> {
        match self {
            Self::L1 => difference.abs(),
            Self::L2 => difference.square(),
        }
    }

    /// The mean distance of the elements of `a` and `b`, whose shapes agree or broadcast.
    pub fn mean_distance<const D: usize>(self, a: Tensor<D>, b: Tensor<D>) -> Tensor<1> {
        self.of_difference(a - b).mean()
    }
}

#[cfg(test)]
mod tests {
    use super::finite_difference::{assert_gradient, sample};
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn mean_distances_by_hand() {
        let device = Device::flex();
        let a = Tensor::<1>::from_floats([1.0, -2.0, 0.5], &device);
        let b = Tensor::<1>::from_floats([0.0, 1.0, 0.5], &device);
        let l1 = Distance::L1.mean_distance(a.clone(), b.clone());
        let l2 = Distance::L2.mean_distance(a, b);
        assert!((l1.into_scalar::<f32>() - 4.0 / 3.0).abs() < 1e-6);
        assert!((l2.into_scalar::<f32>() - 10.0 / 3.0).abs() < 1e-6);
    }

    #[test]
    fn gradients() {
        for distance in [Distance::L1, Distance::L2] {
            assert_gradient([2, 5], 1.0, |a| {
                let b = sample([2, 5], 2.0, &a.device());
                distance.mean_distance(a, b)
            });
        }
    }

    #[test]
    fn names_in_files() {
        let names = serde_json::to_string(&[Distance::L1, Distance::L2]).expect("plain names");
        assert_eq!(names, r#"["l1","l2"]"#);
        assert!(serde_json::from_str::<Distance>(r#""L3""#).is_err());
    }
}
