//! The discriminator: a PatchGAN (Isola et al. 2017, "Image-to-Image Translation with Conditional
//! Adversarial Networks") whose convolutions are spectrally normalised (Miyato et al. 2018,
//! "Spectral Normalization for Generative Adversarial Networks").
//!
//! Each convolution uses W/σ with σ = uᵀ·W·v, W as the matrix `[out, in · kernel · kernel]`. The
//! unit vectors u and v approach W's first singular vectors by one power iteration per training
//! step; σ is then W's largest singular value. Gradients flow through W in σ, not through u and v.

use anyhow::{Result, ensure};
use burn::module::{Initializer, Module, Param, ParamId};
use burn::nn::{GroupNorm, GroupNormConfig};
use burn::tensor::activation::leaky_relu;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{DType, Device, Distribution, Tensor};
use serde::{Deserialize, Serialize};

/// Slope of LeakyReLU below zero.
const NEGATIVE_SLOPE: f64 = 0.2;
/// Standard deviation of fresh weights, AnimeGANv2's.
const INITIAL_DEVIATION: f64 = 0.02;
/// Power iterations on fresh weights, so that σ fits from the first step on.
const INITIAL_ITERATIONS: usize = 15;
/// Added to lengths before dividing by them.
const LENGTH_EPS: f64 = 1e-12;
/// Base channels of the full layouts.
const FULL_WIDTH: usize = 32;
/// Most base channels a configuration may ask for; guards against absurd files.
const MAX_WIDTH: usize = 512;
/// Kernel of the last convolution, to the logits.
const HEAD_KERNEL: usize = 3;

/// Configuration of a [`Discriminator`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscriminatorConfig {
    /// The layers.
    pub layout: DiscriminatorLayout,
    /// Channels of the first layer, to which all others are proportional: 32, fewer in smoke
    /// tests, 1 to 512.
    pub width: usize,
}

/// The layers of a discriminator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiscriminatorLayout {
    /// AnimeGANv2's: 3x3 without biases, some layers normalised; receptive field of 37 pixels.
    Animegan2,
    /// Cheaper: two 4x4 layers with stride 2 first; biases, no normalisation.
    Light,
}

/// A hidden convolution; LeakyReLU 0.2 follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct HiddenSpec {
    /// Output channels in multiples of the width.
    widths: usize,
    /// Side of the square kernel.
    kernel: usize,
    /// 1 or 2.
    stride: usize,
    /// Whether a normalisation over the whole image, with a scale and a shift for each channel,
    /// comes before LeakyReLU.
    norm: bool,
}

impl DiscriminatorLayout {
    /// The hidden layers; a 3x3 convolution to one channel follows.
    fn layers(self) -> &'static [HiddenSpec] {
        const fn layer(widths: usize, kernel: usize, stride: usize, norm: bool) -> HiddenSpec {
            HiddenSpec {
                widths,
                kernel,
                stride,
                norm,
            }
        }
        match self {
            Self::Animegan2 => {
                const {
                    &[
                        layer(1, 3, 1, false),
                        layer(2, 3, 2, false),
                        layer(4, 3, 1, true),
                        layer(4, 3, 2, false),
                        layer(8, 3, 1, true),
                        layer(8, 3, 1, true),
                    ]
                }
            }
            Self::Light => {
                const {
                    &[
                        layer(1, 4, 2, false),
                        layer(2, 4, 2, false),
                        layer(4, 3, 1, false),
                        layer(4, 3, 1, false),
                    ]
                }
            }
        }
    }

    /// Whether the convolutions have biases.
    fn bias(self) -> bool {
        self == Self::Light
    }
}

impl DiscriminatorConfig {
    /// The discriminator in its usual width.
    pub fn full(layout: DiscriminatorLayout) -> Self {
        Self {
            layout,
            width: FULL_WIDTH,
        }
    }

    /// Builds the network with random weights from the device's random numbers.
    ///
    /// # Errors
    /// If the width is out of range.
    pub fn init(&self, device: &Device) -> Result<Discriminator> {
        ensure!(
            (1..=MAX_WIDTH).contains(&self.width),
            "the discriminator's width is {}, expected 1 to {MAX_WIDTH}",
            self.width
        );
        let bias = self.layout.bias();
        let mut channels = 3;
        let layers = self
            .layout
            .layers()
            .iter()
            .map(|spec| {
                let channels_out = spec.widths * self.width;
                let layer = HiddenLayer {
                    conv: SpectralConv::new(
                        [channels, channels_out],
                        spec.kernel,
                        spec.stride,
                        bias,
                        device,
                    ),
                    norm: spec
                        .norm
                        .then(|| GroupNormConfig::new(1, channels_out).init(device)),
                };
                channels = channels_out;
                layer
            })
            .collect();
        Ok(Discriminator {
            layers,
            head: SpectralConv::new([channels, 1], HEAD_KERNEL, 1, bias, device),
        })
    }
}

/// Tells style pictures from the generator's, patch by patch.
///
/// Its persistent state is all visited by Burn's module visitors: weights, and the vectors `u` and
/// `v` of each convolution, which take no gradients and which no optimiser changes.
#[derive(Module, Debug)]
pub struct Discriminator {
    layers: Vec<HiddenLayer>,
    head: SpectralConv,
}

/// A hidden layer.
#[derive(Module, Debug)]
struct HiddenLayer {
    conv: SpectralConv,
    norm: Option<GroupNorm>,
}

impl Discriminator {
    /// # Shapes
    /// - input: `[batch, 3, height, width]`, RGB in [-1, 1], gray repeated to three channels;
    ///   sides at least 4
    /// - output: logits `[batch, 1, height / 4, width / 4]`, for sides that are multiples of 4
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut x = x;
        for layer in &self.layers {
            x = layer.conv.forward(x);
            if let Some(norm) = &layer.norm {
                let precision = x.dtype();
                x = norm.forward(x.cast(DType::F32)).cast(precision);
            }
            x = leaky_relu(x, NEGATIVE_SLOPE);
        }
        self.head.forward(x)
    }

    /// Moves `u` and `v` of each convolution one power iteration towards its weights' first
    /// singular vectors. To be called once before each training step of the discriminator.
    pub fn power_iteration(self) -> Self {
        Self {
            layers: self
                .layers
                .into_iter()
                .map(|layer| HiddenLayer {
                    conv: layer.conv.power_iteration(),
                    ..layer
                })
                .collect(),
            head: self.head.power_iteration(),
        }
    }
}

/// A convolution with zero padding whose weight has a spectral norm of about 1.
#[derive(Module, Debug)]
struct SpectralConv {
    /// `[out, in, kernel, kernel]`, before normalisation.
    weight: Param<Tensor<4>>,
    /// `[out]`
    bias: Option<Param<Tensor<1>>>,
    /// Estimate of the first left singular vector, `[out]`.
    u: Param<Tensor<1>>,
    /// Estimate of the first right singular vector, `[in · kernel · kernel]`.
    v: Param<Tensor<1>>,
    #[module(skip)]
    stride: usize,
}

impl SpectralConv {
    fn new(
        [channels_in, channels_out]: [usize; 2],
        kernel: usize,
        stride: usize,
        bias: bool,
        device: &Device,
    ) -> Self {
        let weight = Initializer::Normal {
            mean: 0.0,
            std: INITIAL_DEVIATION,
        }
        .init([channels_out, channels_in, kernel, kernel], device);
        let random =
            |length: usize| Tensor::random([length], Distribution::Normal(0.0, 1.0), device);
        let fresh = Self {
            weight,
            bias: bias.then(|| Initializer::Zeros.init([channels_out], device)),
            u: buffer(ParamId::new(), unit(random(channels_out))),
            v: buffer(ParamId::new(), unit(random(channels_in * kernel * kernel))),
            stride,
        };
        (0..INITIAL_ITERATIONS).fold(fresh, |conv, _| conv.power_iteration())
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let kernel = self.weight.dims()[2];
        let precision = x.dtype();
        conv2d(
            x,
            self.normalised_weight().cast(precision),
            self.bias.as_ref().map(|bias| bias.val().cast(precision)),
            // Half of the kernel on each side; a 4x4 kernel with stride 2 then halves even sides.
            ConvOptions::new([self.stride; 2], [(kernel - 1) / 2; 2], [1; 2], 1),
        )
    }

    /// W/σ, `[out, in, kernel, kernel]`.
    fn normalised_weight(&self) -> Tensor<4> {
        self.weight.val() / self.sigma().reshape([1, 1, 1, 1])
    }

    /// σ = uᵀ·W·v, `[1]`.
    fn sigma(&self) -> Tensor<1> {
        let u = self.u.val().detach();
        let v = self.v.val().detach();
        (product(matrix(self.weight.val()), v) * u).sum()
    }

    fn power_iteration(self) -> Self {
        let matrix = matrix(self.weight.val().detach());
        let v = unit(product(matrix.clone().transpose(), self.u.val().detach()));
        let u = unit(product(matrix, v.clone()));
        Self {
            u: buffer(self.u.id, u),
            v: buffer(self.v.id, v),
            ..self
        }
    }
}

/// A tensor that is saved with the module but not trained.
fn buffer(id: ParamId, values: Tensor<1>) -> Param<Tensor<1>> {
    Param::initialized(id, values.set_require_grad(false))
}

/// Weights as a matrix, `[out, in · kernel · kernel]`.
fn matrix(weight: Tensor<4>) -> Tensor<2> {
    weight.flatten(1, 3)
}

/// Matrix times vector.
fn product(matrix: Tensor<2>, vector: Tensor<1>) -> Tensor<1> {
    matrix.matmul(vector.unsqueeze_dim(1)).squeeze_dim(1)
}

/// A vector scaled to the length 1.
fn unit(vector: Tensor<1>) -> Tensor<1> {
    let length = vector.clone().square().sum().sqrt();
    vector / length.add_scalar(LENGTH_EPS)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use burn::optim::{AdamConfig, GradientsParams};

    use nijigen::model::{ParameterVisitor, visit_parameters};

    use super::*;
    use crate::losses::finite_difference::{assert_gradient, sample, to_vec};

    /// All persistent tensors by path, as a checkpoint stores them.
    #[derive(Default)]
    struct State {
        tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
        trained: Vec<String>,
    }

    impl State {
        fn of(discriminator: &Discriminator) -> Self {
            let mut state = Self::default();
            visit_parameters(discriminator, &mut state);
            state
        }

        fn is_vector(name: &str) -> bool {
            name.ends_with(".u") || name.ends_with(".v")
        }
    }

    impl ParameterVisitor for State {
        fn visit<const D: usize>(&mut self, path: &str, parameter: &Param<Tensor<D>>) {
            if parameter.val().is_require_grad() {
                self.trained.push(path.to_owned());
            }
            let shape = parameter.dims().to_vec();
            let values = to_vec(parameter.val());
            self.tensors.insert(path.to_owned(), (shape, values));
        }
    }

    fn narrow(config: DiscriminatorConfig, width: usize, device: &Device) -> Discriminator {
        DiscriminatorConfig { width, ..config }
            .init(device)
            .expect("a width in range")
    }

    /// The largest singular value of a row-major matrix with `rows` rows, by many power iterations
    /// in f64 on the host.
    fn spectral_norm(values: &[f32], rows: usize) -> f64 {
        let columns = values.len() / rows;
        let at = |row: usize, column: usize| f64::from(values[row * columns + column]);
        let mut u: Vec<f64> = (0..rows).map(|i| 1.0 + i as f64 * 0.1).collect();
        let mut norm = 0.0;
        for _ in 0..3000 {
            let v: Vec<f64> = (0..columns)
                .map(|c| (0..rows).map(|r| at(r, c) * u[r]).sum())
                .collect();
            let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
            u = (0..rows)
                .map(|r| (0..columns).map(|c| at(r, c) * v[c] / length).sum())
                .collect();
            norm = u.iter().map(|x| x * x).sum::<f64>().sqrt();
            u.iter_mut().for_each(|x| *x /= norm);
        }
        norm
    }

    #[test]
    fn logits_have_a_quarter_of_the_resolution() {
        let device = Device::flex();
        let animegan2 = narrow(
            DiscriminatorConfig::full(DiscriminatorLayout::Animegan2),
            2,
            &device,
        );
        let x = sample([1, 3, 256, 256], 1.0, &device);
        assert_eq!(animegan2.forward(x.clone()).dims(), [1, 1, 64, 64]);
        let light = narrow(
            DiscriminatorConfig::full(DiscriminatorLayout::Light),
            2,
            &device,
        );
        assert_eq!(light.forward(x).dims(), [1, 1, 64, 64]);
        let x = sample([2, 3, 4, 12], 1.0, &device);
        assert_eq!(light.forward(x.clone()).dims(), [2, 1, 1, 3]);
        assert_eq!(animegan2.forward(x).dims(), [2, 1, 1, 3]);
    }

    #[test]
    fn state_of_the_full_layouts() {
        let device = Device::flex();
        let full = DiscriminatorConfig::full(DiscriminatorLayout::Animegan2)
            .init(&device)
            .expect("valid");
        let state = State::of(&full);
        let trained = |state: &State| -> usize {
            let trained = state
                .tensors
                .iter()
                .filter(|(name, _)| !State::is_vector(name));
            trained.map(|(_, (_, values))| values.len()).sum()
        };
        // Seven weights without biases, three norms.
        assert_eq!(trained(&state), 1_127_520 + 2 * (128 + 256 + 256));
        assert_eq!(state.tensors["layers.2.conv.weight"].0, [128, 64, 3, 3]);
        assert_eq!(state.tensors["layers.2.conv.u"].0, [128]);
        assert_eq!(state.tensors["layers.2.conv.v"].0, [64 * 9]);
        assert_eq!(state.tensors["layers.2.norm.gamma"].0, [128]);
        assert_eq!(state.tensors["head.weight"].0, [1, 256, 3, 3]);
        assert_eq!(state.tensors.len(), 7 * 3 + 3 * 2);

        let light = DiscriminatorConfig::full(DiscriminatorLayout::Light)
            .init(&device)
            .expect("valid");
        let state = State::of(&light);
        let weights = 48 * 32 + 32 * 64 * 16 + 64 * 128 * 9 + 128 * 128 * 9 + 128 * 9;
        assert_eq!(trained(&state), weights + 32 + 64 + 128 + 128 + 1);
        assert_eq!(state.tensors["layers.1.conv.bias"].0, [64]);
        assert_eq!(state.tensors.len(), 5 * 4);
    }

    #[test]
    fn sigma_is_the_largest_singular_value() {
        let device = Device::flex();
        let mut conv = SpectralConv::new([3, 3], 1, 1, false, &device);
        let weight = [0.5, 0.0, 0.0, 0.0, -4.0, 0.0, 0.0, 0.0, 3.0];
        let weight = Tensor::<1>::from_floats(weight, &device).reshape([3, 3, 1, 1]);
        conv.weight = Param::initialized(ParamId::new(), weight);
        // The other components shrink by (3/4)² or more each iteration.
        conv = (0..60).fold(conv, |conv, _| conv.power_iteration());
        let sigma = conv.sigma().into_scalar::<f32>();
        assert!((sigma - 4.0).abs() < 1e-4, "{sigma}");
        let u = to_vec(conv.u.val());
        assert!((u[1].abs() - 1.0).abs() < 1e-4, "{u:?}");
    }

    #[test]
    fn normalised_weights_have_spectral_norm_one() {
        let device = Device::flex();
        let conv = SpectralConv::new([4, 8], 3, 1, false, &device);
        let raw = spectral_norm(&to_vec(conv.weight.val()), 8);
        assert!(raw < 0.5, "{raw}");
        // Enough even if the two largest singular values happen to be close.
        let conv = (0..2000).fold(conv, |conv, _| conv.power_iteration());
        let normalised = spectral_norm(&to_vec(conv.normalised_weight()), 8);
        assert!((normalised - 1.0).abs() < 1e-3, "{normalised}");
    }

    /// A loss of the discriminator with one convolution's weight replaced.
    fn loss_with(
        discriminator: &mut Discriminator,
        conv: impl Fn(&mut Discriminator) -> &mut SpectralConv,
        weight: Tensor<4>,
    ) -> Tensor<1> {
        let x = sample([1, 3, 8, 8], 1.0, &weight.device());
        let conv = conv(discriminator);
        conv.weight = Param::initialized(conv.weight.id, weight);
        discriminator.forward(x).square().mean()
    }

    #[test]
    fn gradients_of_images_and_weights() {
        for config in [
            DiscriminatorConfig::full(DiscriminatorLayout::Animegan2),
            DiscriminatorConfig::full(DiscriminatorLayout::Light),
        ] {
            let build = |device: &Device| {
                // The same values on the plain and on the autodiff device.
                let mut phase = 0.0;
                let mut discriminator = narrow(config.clone(), 1, device);
                let mut convs: Vec<&mut SpectralConv> = discriminator
                    .layers
                    .iter_mut()
                    .map(|l| &mut l.conv)
                    .collect();
                convs.push(&mut discriminator.head);
                for conv in convs {
                    phase += 1.0;
                    let weight = sample(conv.weight.dims(), phase, device);
                    conv.weight = Param::initialized(conv.weight.id, weight);
                    conv.u = buffer(conv.u.id, unit(sample(conv.u.dims(), phase, device)));
                    conv.v = buffer(conv.v.id, unit(sample(conv.v.dims(), phase, device)));
                    // Far from converged, but with a σ that is not close to zero.
                    let iterated = conv.clone().power_iteration();
                    *conv = iterated;
                }
                discriminator
            };
            assert_gradient([1, 3, 8, 8], 1.0, |x| {
                build(&x.device()).forward(x).square().mean()
            });
            // A hidden layer, and the head, whose scale no normalisation undoes.
            let shape = build(&Device::flex()).layers[1].conv.weight.dims();
            assert_gradient(shape, 2.0, |weight| {
                let mut discriminator = build(&weight.device());
                loss_with(&mut discriminator, |d| &mut d.layers[1].conv, weight)
            });
            let shape = build(&Device::flex()).head.weight.dims();
            assert_gradient(shape, 2.0, |weight| {
                let mut discriminator = build(&weight.device());
                loss_with(&mut discriminator, |d| &mut d.head, weight)
            });
        }
    }

    #[test]
    fn adam_trains_weights_only() {
        let device = Device::flex().autodiff();
        for config in [
            DiscriminatorConfig::full(DiscriminatorLayout::Animegan2),
            DiscriminatorConfig::full(DiscriminatorLayout::Light),
        ] {
            let discriminator = narrow(config, 2, &device).power_iteration();
            // What the trainer does between evaluations.
            let discriminator = discriminator.valid().train();
            let before = State::of(&discriminator);
            let trained = |name: &&String| !State::is_vector(name);
            let names: Vec<_> = before.tensors.keys().filter(trained).cloned().collect();
            let mut requiring = before.trained.clone();
            requiring.sort();
            assert_eq!(requiring, names);

            let x = sample([2, 3, 16, 16], 1.0, &device);
            let loss = discriminator.forward(x).sub_scalar(1.0).square().mean();
            let grads = GradientsParams::from_grads(loss.backward(), &discriminator);
            assert_eq!(grads.len(), names.len());
            let mut adam = AdamConfig::new().init();
            let discriminator = adam.step(1e-3, discriminator, grads);

            let after = State::of(&discriminator);
            for (name, (_, values)) in &before.tensors {
                let changed = &after.tensors[name].1 != values;
                assert_eq!(changed, !State::is_vector(name), "{name}");
            }
            let moved = State::of(&discriminator.power_iteration());
            assert_ne!(moved.tensors["head.v"], after.tensors["head.v"]);
            assert_eq!(moved.tensors["head.weight"], after.tensors["head.weight"]);
            assert_eq!(moved.trained, after.trained);
        }
    }

    #[test]
    fn configuration_in_files() {
        let config: DiscriminatorConfig =
            toml::from_str("layout = \"animegan2\"\nwidth = 32\n").expect("a valid file");
        assert_eq!(
            config,
            DiscriminatorConfig::full(DiscriminatorLayout::Animegan2)
        );
        assert!(
            toml::from_str::<DiscriminatorConfig>("layout = \"light\"\nwidth = 32\ndepth = 3\n")
                .is_err()
        );
        let written = toml::to_string(&DiscriminatorConfig::full(DiscriminatorLayout::Light))
            .expect("plain data");
        assert_eq!(written, "layout = \"light\"\nwidth = 32\n");
        for width in [0, 513] {
            let config = DiscriminatorConfig {
                width,
                ..config.clone()
            };
            let error = config.init(&Device::flex()).expect_err("a bad width");
            assert!(error.to_string().contains(&width.to_string()), "{error}");
        }
    }
}
