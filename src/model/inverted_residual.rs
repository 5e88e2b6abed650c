//! The inverted residual block of MobileNetV2 as AnimeGANv2 uses it (Sandler et al., 2018,
//! arXiv:1801.04381), with LeakyReLU in place of ReLU6.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{GroupNorm, GroupNormConfig};
use burn::tensor::{Device, Tensor};

use super::config::{ConvSpec, GeneratorConfig, Layer, ResidualSpec, Tap};
use super::conv_norm_lrelu::ConvNormLrelu;

/// Expand (1x1), depthwise (3x3), project (1x1, no activation), plus the input where the number
/// of channels stays the same.
#[derive(Module, Debug)]
pub struct InvertedResidual {
    expand: ConvNormLrelu,
    depthwise: ConvNormLrelu,
    project: Conv2d,
    project_norm: GroupNorm,
    #[module(skip)]
    residual: bool,
}

impl InvertedResidual {
    pub(super) fn new(
        channels_in: usize,
        spec: &ResidualSpec,
        config: &GeneratorConfig,
        device: &Device,
    ) -> Self {
        let expand = ConvSpec {
            channels: spec.hidden,
            kernel: 1,
            stride: 1,
        };
        let eps = config.norm_eps;
        Self {
            expand: ConvNormLrelu::dense(channels_in, &expand, config.stride_padding, eps, device),
            depthwise: ConvNormLrelu::depthwise(spec.hidden, config.depthwise_bias, eps, device),
            project: Conv2dConfig::new([spec.hidden, spec.channels], [1, 1])
                .with_bias(false)
                .init(device),
            project_norm: GroupNormConfig::new(1, spec.channels)
                .with_epsilon(eps)
                .init(device),
            residual: channels_in == spec.channels,
        }
    }

    /// # Shapes
    /// - input: `[batch, channels_in, height, width]`
    /// - output: `[batch, channels, height, width]`
    ///
    /// `tap` is as in [`Generator::forward_tapped`](super::Generator::forward_tapped); block and
    /// projection are one layer.
    pub(super) fn forward_tapped(
        &self,
        x: Tensor<4>,
        mut tap: impl FnMut(fn(usize) -> Layer, Tap, Tensor<4>) -> Tensor<4>,
    ) -> Tensor<4> {
        let y = self
            .expand
            .forward_tapped(x.clone(), |at, x| tap(Layer::Expand, at, x));
        let y = tap(Layer::Expand, Tap::Activation, y);
        let y = self
            .depthwise
            .forward_tapped(y, |at, x| tap(Layer::Depthwise, at, x));
        let y = tap(Layer::Depthwise, Tap::Activation, y);
        let y = self.project.forward(tap(Layer::Residual, Tap::Input, y));
        let y = self
            .project_norm
            .forward(tap(Layer::Residual, Tap::Products, y));
        let y = if self.residual { x + y } else { y };
        tap(Layer::Residual, Tap::Activation, y)
    }
}
