//! What a layer does, in Burn: padding, convolution, normalisation and activation, with gradients
//! that are cheaper than Burn's where there are gradients.

use burn::nn::GroupNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use burn::tensor::activation::leaky_relu;
use burn::tensor::ops::PadMode;

use super::config::NEGATIVE_SLOPE;
use super::layers::{Activation, Convolution};
#[cfg(feature = "training")]
use super::training_ops;

/// Pads by reflection, not repeating the edge.
pub(super) fn pad_reflect(x: Tensor<4>, convolution: Convolution) -> Tensor<4> {
    let padding = [(convolution.pad_before, convolution.pad_after); 2];
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

/// Normalises where there is a normalisation, and activates.
pub(super) fn normalise_activate(
    x: Tensor<4>,
    norm: Option<&GroupNorm>,
    activation: Activation,
) -> Tensor<4> {
    #[cfg(feature = "training")]
    if let (true, Activation::LeakyRelu, Some(norm)) = (x.device().is_autodiff(), activation, norm)
        && let (Some(gamma), Some(beta)) = (&norm.gamma, &norm.beta)
    {
        return training_ops::norm_lrelu(x, gamma.val(), beta.val(), norm.epsilon);
    }
    let x = match norm {
        Some(norm) => norm.forward(x),
        None => x,
    };
    match activation {
        Activation::Identity => x,
        Activation::LeakyRelu => leaky_relu(x, NEGATIVE_SLOPE),
        Activation::Tanh => x.tanh(),
    }
}
