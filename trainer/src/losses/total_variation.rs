//! Total variation: keeps outputs free of speckle (Rudin, Osher & Fatemi 1992, "Nonlinear Total
//! Variation Based Noise Removal Algorithms").
//!
//! ½·mean d(Δy) + ½·mean d(Δx) of the differences of vertical and horizontal neighbours: with
//! d(x) = x² AnimeGANv2's loss, with d(x) = |x| the anisotropic total variation, which spares edges.

use burn::tensor::Tensor;

use super::Distance;

/// Half the mean distance of vertical plus half that of horizontal neighbours. Sides are at least
/// 2.
pub fn total_variation(x: Tensor<4>, distance: Distance) -> Tensor<1> {
    let [dy, dx] = neighbour_differences(x).map(|d| distance.of_difference(d).mean());
    (dy + dx).div_scalar(2.0)
}

/// Each pixel's lower and right neighbour minus itself:
/// `[batch, channels, height - 1, width]` and `[batch, channels, height, width - 1]`.
pub(super) fn neighbour_differences(x: Tensor<4>) -> [Tensor<4>; 2] {
    [2, 3].map(|dim| {
        let count = x.dims()[dim] - 1;
        x.clone().narrow(dim, 1, count) - x.clone().narrow(dim, 0, count)
    })
}

#[cfg(test)]
mod tests {
    use super::super::finite_difference::assert_gradient;
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn by_hand() {
        let x = Tensor::<1>::from_floats([0.0, 1.0, 0.5, 3.0, 0.0, 0.5], &Device::flex())
            .reshape([1, 1, 2, 3]);
        // Δy: 3, -1, 0. Δx: 1, -0.5, -3, 0.5.
        let l1 = total_variation(x.clone(), Distance::L1).into_scalar::<f32>();
        let l2 = total_variation(x, Distance::L2).into_scalar::<f32>();
        assert!((l1 - (4.0 / 3.0 + 5.0 / 4.0) / 2.0).abs() < 1e-6);
        assert!((l2 - (10.0 / 3.0 + 10.5 / 4.0) / 2.0).abs() < 1e-6);
    }

    #[test]
    fn gradients() {
        for distance in [Distance::L1, Distance::L2] {
            assert_gradient([2, 3, 3, 4], 1.0, |x| total_variation(x, distance));
        }
    }
}
