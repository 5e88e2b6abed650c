//! From a style's layers and weights to the steps that compute them.

use fearless_simd::Level;

use super::dense::{DenseConv, DenseShape};
use super::depthwise::DepthwiseConv;
use super::network::{Head, InputSpec, MapSpec, Network, Norm, Operation, Step};
use super::precision::Precision;
use crate::kernels::{lanes, padded};
use crate::model::{
    Activation, Convolution, GeneratorConfig, Layer, LayerKind, NEGATIVE_SLOPE, Weights,
};

impl Network {
    /// Packs the weights, which [`GeneratorConfig::check_weights`] has accepted, for `level`.
    pub fn new(
        config: &GeneratorConfig,
        weights: &Weights,
        level: Level,
        precision: Precision,
    ) -> Self {
        let layers = config.layers();
        let (head, layers) = layers.split_last().expect("a network has a head");
        let lowest = layers.iter().map(|layer| layer.level).max();
        let mut builder = Builder {
            weights,
            level,
            precision,
            steps: Vec::new(),
            outputs: Vec::new(),
        };
        for layer in layers {
            let mut maps = match layer.kind {
                // Not a map: whoever reads nothing else reads the picture.
                LayerKind::Picture => Vec::new(),
                LayerKind::Dense(convolution) => builder.dense(layer, convolution),
                LayerKind::Depthwise(_) => builder.depthwise(layer),
            };
            if let Some(added) = layer.adds {
                maps.extend(&builder.outputs[added]);
                // There the next block reads the sum twice, and a streamed run keeps it. Others are
                // added up on the way, by their only reader.
                if Some(layer.level) == lowest {
                    maps = builder.sum(layer, maps);
                }
            }
            builder.outputs.push(maps);
        }
        Self {
            level,
            planes: config.input_channels,
            head: builder.head(head),
            steps: builder.steps,
            stride_padding: config.stride_padding,
        }
    }
}

/// Makes the steps.
struct Builder<'a> {
    weights: &'a Weights,
    level: Level,
    precision: Precision,
    steps: Vec<Step>,
    /// Of each layer so far, the maps whose sum is its output.
    outputs: Vec<Vec<usize>>,
}

impl Builder<'_> {
    /// A tensor that `check_weights` has found.
    fn tensor(&self, name: &str) -> &[f32] {
        &self.weights[name].values
    }

    /// The bias of a layer, if it has one.
    fn bias(&self, layer: &Layer) -> Option<&[f32]> {
        let tensor = self.weights.get(&layer.path.bias())?;
        Some(&tensor.values)
    }

    fn padded(&self, channels: usize) -> usize {
        padded(channels, lanes(self.level))
    }

    fn input(&self, layer: &Layer) -> InputSpec {
        let maps = self.outputs[layer.input].clone();
        let channels = layer.channels_in;
        InputSpec {
            padded: if maps.is_empty() {
                channels
            } else {
                self.padded(channels)
            },
            maps,
            resize: layer.resize,
            channels,
        }
    }

    fn dense_conv(&self, layer: &Layer, convolution: Convolution) -> DenseConv {
        let shape = DenseShape {
            channels_in: layer.channels_in,
            padded_in: self.input(layer).padded,
            channels_out: layer.channels,
            kernel: convolution.kernel,
            stride: convolution.stride,
            before: convolution.pad_before,
        };
        let weights = self.tensor(&layer.path.weight());
        DenseConv::new(self.level, self.precision, shape, weights)
    }

    fn dense(&mut self, layer: &Layer, convolution: Convolution) -> Vec<usize> {
        let conv = self.dense_conv(layer, convolution);
        self.push(layer, Operation::Dense(conv))
    }

    fn depthwise(&mut self, layer: &Layer) -> Vec<usize> {
        let weights = self.tensor(&layer.path.weight());
        let conv = DepthwiseConv::new(self.level, layer.channels, weights, self.bias(layer));
        self.push(layer, Operation::Depthwise(conv))
    }

    /// A layer's map, raw.
    fn push(&mut self, layer: &Layer, operation: Operation) -> Vec<usize> {
        let norm = layer.norm_eps.map(|eps| {
            let tensor = |name| {
                self.tensor(&format!("{}.{name}", layer.path.norm()))
                    .to_vec()
            };
            Norm {
                gamma: tensor("gamma"),
                beta: tensor("beta"),
                eps,
            }
        });
        self.steps.push(Step {
            name: layer.path.to_string(),
            operation,
            input: self.input(layer),
            output: MapSpec {
                channels: self.padded(layer.channels),
                halvings: layer.level,
                norm,
                slope: match layer.activation {
                    Activation::LeakyRelu => NEGATIVE_SLOPE as f32,
                    // The hyperbolic tangent is the head's.
                    Activation::Identity | Activation::Tanh => 1.0,
                },
            },
            macs: layer.macs_per_pixel(),
        });
        vec![self.steps.len() - 1]
    }

    /// What a layer puts out, as one map.
    fn sum(&mut self, layer: &Layer, maps: Vec<usize>) -> Vec<usize> {
        let channels = self.padded(layer.channels);
        self.steps.push(Step {
            name: format!("{}.sum", layer.path),
            operation: Operation::Add,
            input: InputSpec {
                maps,
                resize: None,
                channels: layer.channels,
                padded: channels,
            },
            output: MapSpec {
                channels,
                halvings: layer.level,
                norm: None,
                slope: 1.0,
            },
            macs: 0.0,
        });
        vec![self.steps.len() - 1]
    }

    fn head(&self, layer: &Layer) -> Head {
        let convolution = layer.convolution().expect("the head is a convolution");
        let mut bias = [0.0; 3];
        if let Some(values) = self.bias(layer) {
            bias.copy_from_slice(values);
        }
        Head {
            conv: self.dense_conv(layer, convolution),
            input: self.input(layer),
            bias,
            macs: layer.macs_per_pixel(),
        }
    }
}
