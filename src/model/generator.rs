//! The generator in Burn: photo planes in, anime planes out.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{GroupNorm, GroupNormConfig};
use burn::tensor::activation::leaky_relu;
use burn::tensor::{Device, Tensor};

use super::config::{GeneratorConfig, NEGATIVE_SLOPE};
use super::layers::{Activation, Convolution, Layer, Resize};
use super::module_path::ModulePath;
use super::resize::resize;
#[cfg(feature = "training")]
use super::training_ops;
use crate::error::Result;

/// AnimeGANv2's generator and its relatives; see [`GeneratorConfig`].
///
/// Its fields hold the weights, under the paths that they are named by; what is computed with them
/// is the list of [`GeneratorConfig::layers`].
#[derive(Module, Debug)]
pub struct Generator {
    encoder: Vec<ConvNorm>,
    residuals: Vec<InvertedResidual>,
    bridge: Vec<ConvNorm>,
    decoder: Vec<Stage>,
    head: Conv2d,
    #[module(skip)]
    config: GeneratorConfig,
    #[module(skip)]
    layers: Vec<Layer>,
    /// How often each layer's output is read.
    #[module(skip)]
    reads: Vec<usize>,
}

/// Weights of a convolution and its normalisation.
#[derive(Module, Debug)]
struct ConvNorm {
    conv: Conv2d,
    norm: GroupNorm,
}

/// Weights of the inverted residual block of MobileNetV2 as AnimeGANv2 uses it (Sandler et al., 2018,
/// arXiv:1801.04381), with LeakyReLU in place of ReLU6.
#[derive(Module, Debug)]
struct InvertedResidual {
    expand: ConvNorm,
    depthwise: ConvNorm,
    project: Conv2d,
    project_norm: GroupNorm,
}

/// Weights of the layers after an upsampling.
#[derive(Module, Debug)]
struct Stage {
    convs: Vec<ConvNorm>,
}

/// Where [`Generator::forward_tapped`] shows a layer's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tap {
    /// What the layer's kind is given, resized, before padding.
    Input,
    /// What its kind gives, with its bias, before normalisation and activation.
    Products,
    /// What the layer gives, with what it adds.
    Activation,
}

impl GeneratorConfig {
    /// Builds the network with random weights.
    ///
    /// # Errors
    /// [`crate::Error::ConfigInvalid`] if the configuration is.
    pub fn init(&self, device: &Device) -> Result<Generator> {
        self.validate()?;
        let layers = self.layers();
        let mut encoder = Vec::new();
        let mut residuals = Vec::new();
        let mut bridge = Vec::new();
        let mut decoder: Vec<Stage> = Vec::new();
        let mut reads = vec![0; layers.len()];
        // By the caller.
        reads[layers.len() - 1] = 1;
        for (i, layer) in layers.iter().enumerate() {
            match layer.path {
                ModulePath::Picture => continue,
                ModulePath::Encoder(_) => encoder.push(ConvNorm::new(layer, device)),
                ModulePath::Expand(_) => {
                    residuals.push(InvertedResidual {
                        expand: ConvNorm::new(layer, device),
                        depthwise: ConvNorm::new(&layers[i + 1], device),
                        project: conv2d(&layers[i + 2], device),
                        project_norm: group_norm(&layers[i + 2], device),
                    });
                }
                // Made with the expansion.
                ModulePath::Depthwise(_) | ModulePath::Project(_) => {}
                ModulePath::Bridge(_) => bridge.push(ConvNorm::new(layer, device)),
                ModulePath::Decoder(stage, _) => {
                    if stage == decoder.len() {
                        decoder.push(Stage { convs: Vec::new() });
                    }
                    decoder[stage].convs.push(ConvNorm::new(layer, device));
                }
                // The last one, made below.
                ModulePath::Head => {}
            }
            for read in [layer.input].into_iter().chain(layer.adds) {
                reads[read] += 1;
            }
        }
        Ok(Generator {
            encoder,
            residuals,
            bridge,
            decoder,
            head: conv2d(&layers[layers.len() - 1], device),
            config: self.clone(),
            layers,
            reads,
        })
    }
}

impl ConvNorm {
    fn new(layer: &Layer, device: &Device) -> Self {
        Self {
            conv: conv2d(layer, device),
            norm: group_norm(layer, device),
        }
    }
}

fn conv2d(layer: &Layer, device: &Device) -> Conv2d {
    let convolution = layer.convolution().expect("a layer with weights");
    let Convolution {
        kernel,
        stride,
        bias,
        ..
    } = convolution;
    Conv2dConfig::new([layer.channels_in, layer.channels], [kernel; 2])
        .with_stride([stride; 2])
        .with_groups(layer.groups())
        .with_bias(bias)
        .init(device)
}

fn group_norm(layer: &Layer, device: &Device) -> GroupNorm {
    let eps = layer.norm_eps.expect("a layer with a normalisation");
    GroupNormConfig::new(1, layer.channels)
        .with_epsilon(eps)
        .init(device)
}

impl Generator {
    /// The configuration the network was built from.
    pub fn config(&self) -> &GeneratorConfig {
        &self.config
    }

    /// # Shapes
    /// - input: `[batch, input_channels, height, width]`, values in [-1, 1], sides at least
    ///   [`GeneratorConfig::min_side_px`]
    /// - output: `[batch, 3, height, width]`, values in (-1, 1)
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_tapped(x, |_, _, x| x)
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
            if layer.path.ends_step() {
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
        mut observe: impl FnMut(&Layer, &Tensor<4>),
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
        mut tap: impl FnMut(&Layer, Tap, Tensor<4>) -> Tensor<4>,
    ) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let mut outputs = Outputs {
            reads: self.reads.clone(),
            tensors: vec![Some(x)],
        };
        for layer in &self.layers[1..] {
            let mut x = outputs.read(layer.input);
            if let Some(Resize { level, by }) = layer.resize {
                x = resize(x, self.config.size_at([height, width], level), by);
            }
            x = tap(layer, Tap::Input, x);
            let (conv, norm) = self.weights_at(layer.path);
            x = layer.compute(x, conv);
            x = tap(layer, Tap::Products, x);
            x = normalise_activate(x, norm, layer.activation);
            if let Some(added) = layer.adds {
                x = x + outputs.read(added);
            }
            outputs.push(tap(layer, Tap::Activation, x));
        }
        outputs.read(self.layers.len() - 1)
    }

    fn weights_at(&self, path: ModulePath) -> (&Conv2d, Option<&GroupNorm>) {
        fn of(ConvNorm { conv, norm }: &ConvNorm) -> (&Conv2d, Option<&GroupNorm>) {
            (conv, Some(norm))
        }
        match path {
            ModulePath::Encoder(i) => of(&self.encoder[i]),
            ModulePath::Expand(i) => of(&self.residuals[i].expand),
            ModulePath::Depthwise(i) => of(&self.residuals[i].depthwise),
            ModulePath::Project(i) => {
                let InvertedResidual {
                    project,
                    project_norm,
                    ..
                } = &self.residuals[i];
                (project, Some(project_norm))
            }
            ModulePath::Bridge(i) => of(&self.bridge[i]),
            ModulePath::Decoder(stage, i) => of(&self.decoder[stage].convs[i]),
            ModulePath::Head => (&self.head, None),
            ModulePath::Picture => unreachable!("the picture has no weights"),
        }
    }
}

/// Normalises where there is a normalisation, and activates.
fn normalise_activate(x: Tensor<4>, norm: Option<&GroupNorm>, activation: Activation) -> Tensor<4> {
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

/// Outputs of the layers so far, each kept until it is read for the last time.
struct Outputs {
    /// How often each will still be read.
    reads: Vec<usize>,
    tensors: Vec<Option<Tensor<4>>>,
}

impl Outputs {
    fn push(&mut self, x: Tensor<4>) {
        self.tensors.push(Some(x));
    }

    fn read(&mut self, index: usize) -> Tensor<4> {
        self.reads[index] -= 1;
        let tensor = &mut self.tensors[index];
        let x = match self.reads[index] {
            0 => tensor.take(),
            _ => tensor.clone(),
        };
        x.expect("an output is read as often as was counted")
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::TensorData;

    use super::super::config::{ConvSpec, Upsampling};
    use super::*;

    #[test]
    fn networks_run_at_their_shortest_side() {
        let device = Device::flex();
        let mut deep = GeneratorConfig::deep();
        deep.residuals.truncate(1);
        let mut guided = deep.clone();
        guided.input_channels = 7;
        guided.bridge.push(ConvSpec {
            channels: 160,
            kernel: 7,
            stride: 1,
        });
        let by_depth = deep.clone().with_upsampling(Upsampling::DepthToSpace);
        for (config, expected) in [(deep, 16), (guided, 25), (by_depth, 16)] {
            let side = config.min_side_px();
            assert_eq!(side, expected);
            let generator = config.init(&device).expect("valid");
            // One side that no halving divides.
            let shape = [2, config.input_channels, side, side + 3];
            let values = (0..shape.iter().product()).map(|i: usize| (i as f32 * 0.7).sin());
            let x = TensorData::new(values.collect(), shape);
            let output = generator.forward(Tensor::from_data(x, &device));
            assert_eq!(output.dims(), [2, 3, side, side + 3]);
            let values = output.into_data().try_into_vec::<f32>().expect("f32");
            assert!(values.iter().all(|value| value.abs() <= 1.0));
        }
    }
}
