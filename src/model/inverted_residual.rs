//! The inverted residual block of MobileNetV2 as AnimeGANv2 uses it (Sandler et al., 2018,
//! arXiv:1801.04381), with LeakyReLU in place of ReLU6.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{GroupNorm, GroupNormConfig};
use burn::tensor::{Device, Tensor};

use super::config::{ConvSpec, GeneratorConfig, Layer, ResidualSpec};
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
    /// `inside` sees the activations `[batch, hidden, height, width]` of the first two layers.
    pub(super) fn forward_observed(
        &self,
        x: Tensor<4>,
        mut inside: impl FnMut(fn(usize) -> Layer, &Tensor<4>),
    ) -> Tensor<4> {
        let y = self.expand.forward(x.clone());
        inside(Layer::Expand, &y);
        let y = self.depthwise.forward(y);
        inside(Layer::Depthwise, &y);
        let y = self.project_norm.forward(self.project.forward(y));
        if self.residual { x + y } else { y }
    }
}
