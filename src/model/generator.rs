//! The generator: photo planes in, anime planes out.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
#[cfg(feature = "training")]
use burn::tensor::TensorData;
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Tensor};

use super::config::{ConvSpec, GeneratorConfig, Layer, Tap, Upsampling};
use super::conv_norm_lrelu::{ConvNormLrelu, pad_reflect};
use super::inverted_residual::InvertedResidual;
use crate::error::Result;

/// AnimeGANv2's generator and its relatives; see [`GeneratorConfig`].
#[derive(Module, Debug)]
pub struct Generator {
    encoder: Vec<ConvNormLrelu>,
    residuals: Vec<InvertedResidual>,
    bridge: Vec<ConvNormLrelu>,
    decoder: Vec<Stage>,
    head: Conv2d,
    #[module(skip)]
    config: GeneratorConfig,
}

/// One upsampling and its layers.
#[derive(Module, Debug)]
struct Stage {
    convs: Vec<ConvNormLrelu>,
}

impl GeneratorConfig {
    /// Builds the network with random weights.
    ///
    /// # Errors
    /// [`crate::Error::ConfigInvalid`] if the configuration is.
    pub fn init(&self, device: &Device) -> Result<Generator> {
        self.validate()?;
        let mut channels = 3;
        let dense = |channels: &mut usize, spec: &ConvSpec| {
            let layer =
                ConvNormLrelu::dense(*channels, spec, self.stride_padding, self.norm_eps, device);
            *channels = spec.channels;
            layer
        };
        let encoder = self
            .encoder
            .iter()
            .map(|spec| dense(&mut channels, spec))
            .collect();
        let residuals = self
            .residuals
            .iter()
            .map(|spec| {
                let block = InvertedResidual::new(channels, spec, self, device);
                channels = spec.channels;
                block
            })
            .collect();
        let bridge = self
            .bridge
            .iter()
            .map(|spec| dense(&mut channels, spec))
            .collect();
        let decoder = self
            .decoder
            .iter()
            .map(|stage| Stage {
                convs: stage
                    .convs
                    .iter()
                    .map(|spec| dense(&mut channels, spec))
                    .collect(),
            })
            .collect();
        Ok(Generator {
            encoder,
            residuals,
            bridge,
            decoder,
            head: Conv2dConfig::new([channels, 3], [self.head.kernel; 2])
                .with_padding(PaddingConfig2d::Valid)
                .with_bias(self.head.bias)
                .init(device),
            config: self.clone(),
        })
    }
}

impl Generator {
    /// The configuration the network was built from.
    pub fn config(&self) -> &GeneratorConfig {
        &self.config
    }

    /// # Shapes
    /// - input: `[batch, 3, height, width]`, values in [-1, 1], sides at least 16
    /// - output: the same shape, values in (-1, 1)
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_observed(x, |_, _| {})
    }

    /// [`Generator::forward`], calling `observe(step, activation)` after each of the
    /// [`GeneratorConfig::step_count`] steps: an encoder, bridge or decoder layer (the last of a
    /// decoder stage with its skip), an inverted residual, or the head.
    pub fn forward_observed(
        &self,
        x: Tensor<4>,
        mut observe: impl FnMut(usize, &Tensor<4>),
    ) -> Tensor<4> {
        let mut step = 0;
        self.forward_layers(x, |layer, x| {
            if !matches!(layer, Layer::Expand(_) | Layer::Depthwise(_)) {
                observe(step, x);
                step += 1;
            }
        })
    }

    /// [`Generator::forward`], calling `observe(layer, activation)` after each layer, those inside
    /// of inverted residuals included.
    pub fn forward_layers(
        &self,
        x: Tensor<4>,
        mut observe: impl FnMut(Layer, &Tensor<4>),
    ) -> Tensor<4> {
        self.forward_tapped(x, |layer, tap, x| {
            if tap == Tap::Activation {
                observe(layer, &x);
            }
            x
        })
    }

    /// [`Generator::forward`] going on, at every [`Tap`] of every layer, with what `tap` makes of the
    /// values there; it must keep their shape.
    pub fn forward_tapped(
        &self,
        x: Tensor<4>,
        mut tap: impl FnMut(Layer, Tap, Tensor<4>) -> Tensor<4>,
    ) -> Tensor<4> {
        // What the decoder comes back to: the encoder's last activation of each resolution. Only
        // its size is needed where no skip is added, so the tensor is not kept alive then.
        let mut levels = Vec::new();
        let mut x = x;
        for (i, (conv, spec)) in self.encoder.iter().zip(&self.config.encoder).enumerate() {
            if spec.stride == 2 {
                let [_, _, height, width] = x.dims();
                let stage = self.config.decoder.len() - 1 - levels.len();
                let skip = self.config.decoder[stage].skip.then(|| x.clone());
                levels.push(([height, width], skip));
            }
            let layer = Layer::Encoder(i);
            x = conv.forward_tapped(x, |at, x| tap(layer, at, x));
            x = tap(layer, Tap::Activation, x);
        }
        for (i, block) in self.residuals.iter().enumerate() {
            x = block.forward_tapped(x, |layer, at, x| tap(layer(i), at, x));
        }
        for (i, conv) in self.bridge.iter().enumerate() {
            let layer = Layer::Bridge(i);
            x = conv.forward_tapped(x, |at, x| tap(layer, at, x));
            x = tap(layer, Tap::Activation, x);
        }
        for (s, stage) in self.decoder.iter().enumerate() {
            // One level was pushed for each stage: `validate` counted them.
            let Some((size, mut skip)) = levels.pop() else {
                break;
            };
            x = upsample(x, size, self.config.upsampling);
            for (i, conv) in stage.convs.iter().enumerate() {
                let layer = Layer::Decoder(s, i);
                x = conv.forward_tapped(x, |at, x| tap(layer, at, x));
                if i + 1 == stage.convs.len()
                    && let Some(skip) = skip.take()
                {
                    x = x + skip;
                }
                x = tap(layer, Tap::Activation, x);
            }
        }
        let half = self.config.head.kernel / 2;
        x = pad_reflect(tap(Layer::Head, Tap::Input, x), [(half, half); 2]);
        x = tap(Layer::Head, Tap::Products, self.head.forward(x)).tanh();
        tap(Layer::Head, Tap::Activation, x)
    }
}

/// Bilinear resize to `[height, width]`.
fn upsample(x: Tensor<4>, [height, width]: [usize; 2], upsampling: Upsampling) -> Tensor<4> {
    let align_corners = upsampling == Upsampling::AlignCorners;
    #[cfg(feature = "training")]
    if x.device().is_autodiff() {
        return upsample_by_products(x, [height, width], align_corners);
    }
    interpolate(
        x,
        InterpolateOptions::new(InterpolateMode::Bilinear)
            .with_align_corners(align_corners)
            .with_output_size([height, width]),
    )
}

/// The same as two matrix products: Burn's GPU backends have no gradient of bilinear
/// interpolation.
#[cfg(feature = "training")]
fn upsample_by_products(
    x: Tensor<4>,
    [height, width]: [usize; 2],
    align_corners: bool,
) -> Tensor<4> {
    let [batch, channels, height_in, width_in] = x.dims();
    let device = x.device();
    let rows = interpolation_matrix(height_in, height, align_corners, &device);
    let columns = interpolation_matrix(width_in, width, align_corners, &device);
    x.reshape([batch * channels * height_in, width_in])
        .matmul(columns.transpose())
        .reshape([batch * channels, height_in, width])
        .swap_dims(1, 2)
        .reshape([batch * channels * width, height_in])
        .matmul(rows.transpose())
        .reshape([batch * channels, width, height])
        .swap_dims(1, 2)
        .reshape([batch, channels, height, width])
}

/// The matrix `[to, from]` of linear interpolation from `from` to `to` values.
#[cfg(feature = "training")]
fn interpolation_matrix(from: usize, to: usize, align_corners: bool, device: &Device) -> Tensor<2> {
    let mut values = vec![0.0f32; to * from];
    for i in 0..to {
        let at = if align_corners && to > 1 {
            i as f32 * (from - 1) as f32 / (to - 1) as f32
        } else {
            (i as f32 + 0.5) * from as f32 / to as f32 - 0.5
        };
        let at = at.clamp(0.0, (from - 1) as f32);
        let low = at as usize;
        values[i * from + low] += 1.0 - (at - low as f32);
        values[i * from + (low + 1).min(from - 1)] += at - low as f32;
    }
    Tensor::from_data(TensorData::new(values, [to, from]), device)
}
