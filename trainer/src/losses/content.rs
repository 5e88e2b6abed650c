//! Content loss: the output keeps what the photo shows, as a backbone sees it.
//!
//! mean d(F(output), F(photo)) over the features F of one layer: squared error in Gatys et al.
//! 2016, "Image Style Transfer Using Convolutional Neural Networks"; L1 in AnimeGANv2's reference
//! implementation.

use burn::tensor::Tensor;

use super::Distance;

/// Mean distance of the features of outputs and their photos, both
/// `[batch, channels, height, width]`.
pub fn content_loss(
    output_features: Tensor<4>,
    photo_features: Tensor<4>,
    distance: Distance,
) -> Tensor<1> {
    distance.mean_distance(output_features, photo_features)
}

#[cfg(test)]
mod tests {
    use super::super::finite_difference::{assert_gradient, sample};
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn by_hand() {
        let device = Device::flex();
        let a = Tensor::<1>::from_floats([1.0, 2.0, 3.0, 4.0], &device).reshape([1, 2, 1, 2]);
        let b = Tensor::<1>::from_floats([1.0, 0.0, 3.0, 1.0], &device).reshape([1, 2, 1, 2]);
        let l1 = content_loss(a.clone(), b.clone(), Distance::L1).into_scalar::<f32>();
        let l2 = content_loss(a, b, Distance::L2).into_scalar::<f32>();
        assert!((l1 - 5.0 / 4.0).abs() < 1e-6);
        assert!((l2 - 13.0 / 4.0).abs() < 1e-6);
    }

    #[test]
    fn gradients() {
        for distance in [Distance::L1, Distance::L2] {
            assert_gradient([2, 3, 2, 2], 1.0, |x| {
                let photo = sample([2, 3, 2, 2], 2.0, &x.device());
                content_loss(x, photo, distance)
            });
        }
    }
}
