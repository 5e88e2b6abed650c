//! A generator as a list of steps over feature maps, made once of the list of layers and the weights.
//!
//! A step stores what it computes raw, with its moments; what follows (normalisation and activation, an addition, the
//! upsampling) is done by the step that reads it.

use super::failed;
use super::kernel::{GROUP, Kernel};
use super::weights;
use crate::error::Result;
use crate::model::{
    Activation, GeneratorConfig, Layer, LayerKind, NEGATIVE_SLOPE, Resize, StridePadding, Weights,
};

/// A network, for pictures of any size.
pub struct Network {
    /// The picture first.
    pub maps: Vec<Map>,
    /// In the order of execution; the last makes the picture.
    pub steps: Vec<Step>,
    pub stride_padding: StridePadding,
}

/// A feature map.
pub struct Map {
    pub channels: usize,
    /// How often the picture's sides were halved.
    pub level: usize,
    /// Whether its values are raw, and a merge of its moments makes its affine.
    pub is_raw: bool,
    /// Of the activation after the normalisation, below zero: 1 for none.
    pub slope: f32,
}

impl Map {
    /// Groups of channels.
    pub fn groups(&self) -> usize {
        self.channels.div_ceil(GROUP)
    }
}

/// A convolution with all that is done to its input.
pub struct Step {
    /// Of the layer.
    pub name: String,
    pub kernel: Kernel,
    /// The maps whose sum is its input: one or two.
    pub terms: Vec<usize>,
    pub resize: Option<Resize>,
    /// The map in which that sum is stored, for those that read it later.
    pub stores_sum: Option<usize>,
    /// Channels of the input after the resize.
    pub channels_in: usize,
    pub channels_out: usize,
    /// The map that it makes; the last step makes the picture.
    pub output: Option<usize>,
    /// How often the picture's sides are halved at the output.
    pub level: usize,
    pub side: usize,
    pub stride: usize,
    pub pad: usize,
    /// As the shaders read them.
    pub weights: weights::Packed,
    /// Added to the variance.
    pub eps: f32,
    /// Multiply-accumulate operations for one pixel of the picture.
    pub macs: f64,
}

impl Network {
    /// Packs the weights, which [`GeneratorConfig::check_weights`] has accepted.
    ///
    /// # Errors
    /// [`crate::Error::EngineFailed`] for a network that adds up more than two maps at once, as none does whose residual
    /// blocks begin with a 1 x 1 convolution.
    pub fn new(config: &GeneratorConfig, weights: &Weights) -> Result<Self> {
        let layers = config.layers();
        let mut maps = vec![Map {
            channels: config.input_channels,
            level: 0,
            is_raw: false,
            slope: 1.0,
        }];
        let mut steps = Vec::new();
        // Of each layer so far, the maps whose sum is its output.
        let mut outputs: Vec<Vec<usize>> = vec![vec![0]];
        for (i, layer) in layers.iter().enumerate().skip(1) {
            let mut step = step(layer, weights)?;
            step.terms = outputs[layer.input].clone();
            if step.terms.len() > 2 {
                let count = step.terms.len();
                return Err(failed(format!(
                    "{} reads the sum of {count} maps, expected at most 2",
                    layer.path
                )));
            }
            let is_read_later = layers[i + 1..]
                .iter()
                .any(|later| later.input == layer.input)
                || layers[i..]
                    .iter()
                    .any(|later| later.adds == Some(layer.input));
            if step.terms.len() == 2 && is_read_later && step.kernel == Kernel::Point {
                maps.push(Map {
                    channels: layers[layer.input].channels,
                    level: layers[layer.input].level,
                    is_raw: false,
                    slope: 1.0,
                });
                step.stores_sum = Some(maps.len() - 1);
                outputs[layer.input] = vec![maps.len() - 1];
            }
            if layer.activation != Activation::Tanh {
                maps.push(Map {
                    channels: layer.channels,
                    level: layer.level,
                    is_raw: layer.norm_eps.is_some(),
                    slope: match layer.activation {
                        Activation::LeakyRelu => NEGATIVE_SLOPE as f32,
                        Activation::Identity | Activation::Tanh => 1.0,
                    },
                });
                step.output = Some(maps.len() - 1);
                let mut output = vec![maps.len() - 1];
                if let Some(added) = layer.adds {
                    output.extend(&outputs[added]);
                }
                outputs.push(output);
            }
            steps.push(step);
        }
        Ok(Self {
            maps,
            steps,
            stride_padding: config.stride_padding,
        })
    }

    /// Width and height of a picture of such a size after `level` halvings.
    pub fn size_at(&self, size: [usize; 2], level: usize) -> [usize; 2] {
        let halved = |side, _| self.stride_padding.halved(side);
        size.map(|side| (0..level).fold(side, halved))
    }
}

/// What computes a layer that is a convolution.
pub fn kernel(layer: &Layer) -> Kernel {
    let (side, stride) = layer.convolution().map_or((1, 1), |convolution| {
        (convolution.kernel, convolution.stride)
    });
    let resizes = layer.resize.is_some();
    match (layer.kind, layer.activation) {
        (LayerKind::Depthwise(_), _) => Kernel::Depthwise { side },
        (_, Activation::Tanh) => Kernel::Head { side, resizes },
        _ if (side, stride, resizes) == (1, 1, false) => Kernel::Point,
        _ => Kernel::Dense {
            side,
            stride,
            resizes,
        },
    }
}

/// What a layer computes, without what it reads and makes.
fn step(layer: &Layer, weights: &Weights) -> Result<Step> {
    let kind = || failed(format!("{} is no convolution", layer.path));
    let convolution = layer.convolution().ok_or_else(kind)?;
    let kernel = kernel(layer);
    Ok(Step {
        name: layer.path.to_string(),
        kernel,
        terms: Vec::new(),
        resize: layer.resize,
        stores_sum: None,
        channels_in: layer.channels_in,
        channels_out: layer.channels,
        output: None,
        level: layer.level,
        side: convolution.kernel,
        stride: convolution.stride,
        pad: convolution.pad_before,
        weights: weights::Packed::new(layer, kernel, weights),
        eps: layer.norm_eps.unwrap_or_default() as f32,
        macs: layer.macs_per_pixel(),
    })
}
