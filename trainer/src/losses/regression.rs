//! Regression to a target picture: L1 of the pixels and of their first differences.
//!
//! - L1: mean|o − t|
//! - weighted L1: mean(w |o − t|), for a weight w of each pixel
//! - gradient: mean|Δy(o − t)| + mean|Δx(o − t)|
//!
//! Used for the warm start, where the target is the photo drawn by a procedure, and for training
//! on pairs or on a teacher network's outputs. The gradient term (Mathieu et al. 2016, "Deep
//! Multi-Scale Video Prediction Beyond Mean Square Error") keeps flat areas flat and edges sharp,
//! where L1 alone blurs.

use burn::tensor::Tensor;

use super::Distance;
use super::total_variation::neighbour_differences;

/// Mean distance of outputs and targets, both `[batch, 3, height, width]`.
pub fn l1_loss(output: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
    Distance::L1.mean_distance(output, target)
}

/// [`l1_loss`] with pixels that count by `weights`, `[batch, 1, height, width]`.
pub fn weighted_l1_loss(output: Tensor<4>, target: Tensor<4>, weights: Tensor<4>) -> Tensor<1> {
    ((output - target).abs() * weights).mean()
}

/// Mean distance of the vertical and of the horizontal first differences of outputs and targets,
/// both `[batch, 3, height, width]` with sides of at least 2.
pub fn gradient_loss(output: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
    // Differences are linear: those of the error are the error of those.
    let [dy, dx] =
        neighbour_differences(output - target).map(|d| Distance::L1.of_difference(d).mean());
    dy + dx
}

#[cfg(test)]
mod tests {
    use super::super::finite_difference::{assert_gradient, sample};
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn by_hand() {
        let device = Device::flex();
        let tensor =
            |values: [f32; 4]| Tensor::<1>::from_floats(values, &device).reshape([1, 1, 2, 2]);
        let output = tensor([1.0, 0.0, 0.5, 0.5]);
        let target = tensor([0.0, 0.0, 0.5, -0.5]);
        // Error 1, 0, 0, 1: Δy -1, 1; Δx -1, 1.
        let l1 = l1_loss(output.clone(), target.clone()).into_scalar::<f32>();
        assert!((l1 - 0.5).abs() < 1e-6);
        let weights = tensor([3.0, 7.0, 7.0, 1.0]);
        let weighted = weighted_l1_loss(output.clone(), target.clone(), weights);
        assert!((weighted.into_scalar::<f32>() - 1.0).abs() < 1e-6);
        let gradient = gradient_loss(output, target).into_scalar::<f32>();
        assert!((gradient - 2.0).abs() < 1e-6);
    }

    #[test]
    fn constant_error_has_no_gradient_term() {
        let target = sample([1, 3, 4, 4], 1.0, &Device::flex());
        let output = target.clone().add_scalar(0.25);
        let loss = gradient_loss(output, target).into_scalar::<f32>();
        assert!(loss < 1e-6, "{loss}");
    }

    #[test]
    fn gradients() {
        for loss in [l1_loss, gradient_loss] {
            assert_gradient([1, 3, 3, 4], 1.0, |x| {
                let target = sample([1, 3, 3, 4], 2.0, &x.device());
                loss(x, target)
            });
        }
    }
}
