//! What kinds of layers compute, in Burn, with gradients that are cheaper than Burn's where there are
//! gradients.

use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use burn::tensor::ops::PadMode;

#[cfg(feature = "training")]
use super::training_ops;

/// Pads by reflection, not repeating the edge, `before` pixels above and on the left, `after` below and
/// on the right.
pub(super) fn pad_reflect(x: Tensor<4>, [before, after]: [usize; 2]) -> Tensor<4> {
    let padding = [(before, after); 2];
    if padding == [(0, 0); 2] {
        return x;
    }
    #[cfg(feature = "training")]
    if x.device().is_autodiff() {
        return training_ops::pad_reflect(x, padding);
    }
    x.pad(padding, PadMode::Reflect)
}

/// A convolution of each channel by itself.
pub(super) fn convolve_channels(padded: Tensor<4>, conv: &Conv2d) -> Tensor<4> {
    #[cfg(feature = "training")]
    if padded.device().is_autodiff() {
        let x = training_ops::depthwise(padded, conv.weight.val());
        return match &conv.bias {
            Some(bias) => x + bias.val().reshape([1, -1, 1, 1]),
            None => x,
        };
    }
    conv.forward(padded)
}
