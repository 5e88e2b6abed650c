//! Style loss: outputs have the texture statistics of style pictures (Gatys et al. 2016, "Image
//! Style Transfer Using Convolutional Neural Networks").
//!
//! Gram matrix of one layer's features F, a `[channels, height · width]` matrix:
//! G = F·Fᵀ / (height · width · channels), AnimeGANv2's normalisation. Loss: mean d(G(output),
//! G(style)). AnimeGANv2 takes the style's features from gray pictures, so that texture is learnt
//! and colour is not; see [`grayscale`].

use burn::tensor::Tensor;

use super::Distance;
use crate::colour::LUMA;

/// Gram matrices of features.
///
/// # Shapes
/// - features: `[batch, channels, height, width]`
/// - output: `[batch, channels, channels]`
pub fn gram(features: Tensor<4>) -> Tensor<3> {
    let [batch, channels, height, width] = features.dims();
    let rows = features.reshape([batch, channels, height * width]);
    rows.clone()
        .matmul(rows.transpose())
        .div_scalar((height * width * channels) as f32)
}

/// The mean of Gram matrices, `[batch, channels, channels]` to `[1, channels, channels]`: one
/// target for a whole set of style pictures.
pub fn mean_gram(grams: Tensor<3>) -> Tensor<3> {
    grams.mean_dim(0)
}

/// Mean distance of Gram matrices.
///
/// # Shapes
/// - gram_output: `[batch, channels, channels]`
/// - gram_target: the same, or `[1, channels, channels]` for one target for all
/// - weights: `[batch]`, a factor for each sample, such as the weight of its target's style
///   cluster; without them every sample counts 1
pub fn style_loss(
    gram_output: Tensor<3>,
    gram_target: Tensor<3>,
    distance: Distance,
    weights: Option<Tensor<1>>,
) -> Tensor<1> {
    let distances = distance.of_difference(gram_output - gram_target);
    match weights {
        Some(weights) => (distances * weights.reshape([-1, 1, 1])).mean(),
        None => distances.mean(),
    }
}

/// Luma of RGB images, repeated to three channels; values stay in [-1, 1].
///
/// # Shapes
/// `[batch, 3, height, width]` to the same.
pub fn grayscale(x: Tensor<4>) -> Tensor<4> {
    let [red, green, blue] = [0, 1, 2].map(|i| x.clone().narrow(1, i, 1).mul_scalar(LUMA[i]));
    (red + green + blue).repeat_dim(1, 3)
}

#[cfg(test)]
mod tests {
    use super::super::finite_difference::{assert_gradient, sample, to_vec};
    use super::*;
    use burn::tensor::Device;

    fn tensor<const D: usize>(values: &[f32], shape: [usize; D]) -> Tensor<D> {
        Tensor::<1>::from_floats(values, &Device::flex()).reshape(shape)
    }

    fn assert_close(values: Vec<f32>, expected: &[f32]) {
        let close = values
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(
            close && values.len() == expected.len(),
            "{values:?}, expected {expected:?}"
        );
    }

    #[test]
    fn gram_by_hand() {
        let features = tensor(&[1.0, 2.0, 3.0, -1.0], [1, 2, 1, 2]);
        // Rows (1, 2) and (3, -1); height · width · channels = 4.
        let expected = [5.0 / 4.0, 1.0 / 4.0, 1.0 / 4.0, 10.0 / 4.0];
        assert_close(to_vec(gram(features)), &expected);
    }

    #[test]
    fn mean_gram_by_hand() {
        let mean = mean_gram(tensor(&[1.0, 2.0, 3.0, 4.0, 3.0, 2.0, 1.0, 0.0], [2, 2, 2]));
        assert_eq!(mean.dims(), [1, 2, 2]);
        assert_close(to_vec(mean), &[2.0; 4]);
    }

    #[test]
    fn one_target_for_the_batch_and_weights() {
        let output = tensor(&[1.0, 3.0], [2, 1, 1]);
        let target = tensor(&[0.0], [1, 1, 1]);
        let loss = |distance, weights: Option<[f32; 2]>| {
            let weights = weights.map(|w| tensor(&w, [2]));
            style_loss(output.clone(), target.clone(), distance, weights).into_scalar::<f32>()
        };
        assert_eq!(loss(Distance::L1, None), 2.0);
        assert_eq!(loss(Distance::L2, None), 5.0);
        assert_eq!(loss(Distance::L1, Some([1.0, 1.0])), 2.0);
        assert_eq!(loss(Distance::L2, Some([2.0, 0.5])), (2.0 + 4.5) / 2.0);
    }

    #[test]
    fn luma_by_hand() {
        let gray = grayscale(tensor(&[1.0, -1.0, 1.0, -1.0, 1.0, -1.0], [1, 3, 1, 2]));
        assert_close(to_vec(gray), &[1.0, -1.0, 1.0, -1.0, 1.0, -1.0]);
        let gray = grayscale(tensor(&[1.0, -1.0, -1.0], [1, 3, 1, 1]));
        assert_close(to_vec(gray), &[0.299 - 0.587 - 0.114; 3]);
    }

    #[test]
    fn gradients() {
        for distance in [Distance::L1, Distance::L2] {
            assert_gradient([2, 3, 2, 3], 1.0, |x| {
                let device = x.device();
                let target = mean_gram(gram(sample([4, 3, 2, 3], 3.0, &device)));
                let weights = Tensor::from_floats([0.5, 2.0], &device);
                style_loss(gram(x), target, distance, Some(weights))
            });
        }
        assert_gradient([1, 3, 2, 2], 1.0, |x| grayscale(x).square().mean());
    }
}
