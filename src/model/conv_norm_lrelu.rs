//! Convolution, normalisation, LeakyReLU: the unit that AnimeGANv2's generator is made of.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{GroupNorm, GroupNormConfig};
use burn::tensor::activation::leaky_relu;
use burn::tensor::ops::PadMode;
use burn::tensor::{Device, Tensor};

use super::config::{ConvSpec, NEGATIVE_SLOPE, StridePadding, Tap};
#[cfg(feature = "training")]
use super::training_ops;

/// Reflection padding, convolution, GroupNorm with one group, LeakyReLU 0.2.
#[derive(Module, Debug)]
pub struct ConvNormLrelu {
    conv: Conv2d,
    norm: GroupNorm,
    #[module(skip)]
    padding: [(usize, usize); 2],
}

impl ConvNormLrelu {
    /// A dense convolution.
    pub(super) fn dense(
        channels_in: usize,
        spec: &ConvSpec,
        stride_padding: StridePadding,
        norm_eps: f64,
        device: &Device,
    ) -> Self {
        let config = Conv2dConfig::new([channels_in, spec.channels], [spec.kernel; 2])
            .with_stride([spec.stride; 2])
            .with_bias(false);
        let half = spec.kernel / 2;
        let padding = match (spec.stride, stride_padding) {
            (2, StridePadding::RightBottom) => [(0, 1); 2],
            _ => [(half, half); 2],
        };
        Self::new(&config, padding, norm_eps, device)
    }

    /// A 3x3 convolution of each channel by itself.
    pub(super) fn depthwise(channels: usize, bias: bool, norm_eps: f64, device: &Device) -> Self {
        let config = Conv2dConfig::new([channels; 2], [3, 3])
            .with_groups(channels)
            .with_bias(bias);
        Self::new(&config, [(1, 1); 2], norm_eps, device)
    }

    fn new(
        config: &Conv2dConfig,
        padding: [(usize, usize); 2],
        norm_eps: f64,
        device: &Device,
    ) -> Self {
        Self {
            conv: config.init(device),
            norm: GroupNormConfig::new(1, config.channels[1])
                .with_epsilon(norm_eps)
                .init(device),
            padding,
        }
    }

    /// # Shapes
    /// - input: `[batch, channels_in, height, width]`
    /// - output: `[batch, channels, height / stride, width / stride]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_tapped(x, |_, x| x)
    }

    /// [`ConvNormLrelu::forward`] with what `tap` makes of the values before and after the
    /// convolution.
    pub(super) fn forward_tapped(
        &self,
        x: Tensor<4>,
        mut tap: impl FnMut(Tap, Tensor<4>) -> Tensor<4>,
    ) -> Tensor<4> {
        let x = pad_reflect(tap(Tap::Input, x), self.padding);
        self.norm_lrelu(tap(Tap::Products, self.convolve(x)))
    }

    fn convolve(&self, padded: Tensor<4>) -> Tensor<4> {
        #[cfg(feature = "training")]
        if padded.device().is_autodiff() && self.conv.groups > 1 {
            let x = training_ops::depthwise(padded, self.conv.weight.val());
            return match &self.conv.bias {
                Some(bias) => x + bias.val().reshape([1, -1, 1, 1]),
                None => x,
            };
        }
        self.conv.forward(padded)
    }

    fn norm_lrelu(&self, x: Tensor<4>) -> Tensor<4> {
        let norm = &self.norm;
        // With gradients that are cheaper than Burn's.
        #[cfg(feature = "training")]
        if let (true, Some(gamma), Some(beta)) = (x.device().is_autodiff(), &norm.gamma, &norm.beta)
        {
            return training_ops::norm_lrelu(x, gamma.val(), beta.val(), norm.epsilon);
        }
        leaky_relu(norm.forward(x), NEGATIVE_SLOPE)
    }
}

/// Pads `[(top, bottom), (left, right)]` pixels by reflection, not repeating the edge.
pub(super) fn pad_reflect(x: Tensor<4>, padding: [(usize, usize); 2]) -> Tensor<4> {
    if padding == [(0, 0); 2] {
        return x;
    }
    #[cfg(feature = "training")]
    if x.device().is_autodiff() {
        return training_ops::pad_reflect(x, padding);
    }
    x.pad(padding, PadMode::Reflect)
}
