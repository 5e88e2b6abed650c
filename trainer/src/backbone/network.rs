//! The convolutional base of VGG16 and VGG19 in Burn.

use std::f64::consts::TAU;

use anyhow::Result;
use burn::module::{Module, Param, ParamId};
use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2d;
use burn::tensor::activation::relu;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::feature_layer::FeatureLayer;
use super::vgg::{CAFFE_MEAN, Vgg, VggConfig, VggConv};
use super::weights::{BackboneWeights, LayerWeights};

/// The convolutional base of VGG16 or VGG19 with frozen weights.
///
/// The weights take no gradients; gradients flow to the input. Make it on the device (with or
/// without autodiff) that its inputs are on.
#[derive(Module, Debug)]
pub struct Backbone {
    convs: Vec<Conv2d>,
    #[module(skip)]
    config: VggConfig,
    /// Mean of red, green and blue in [0, 255] that the weights expect to be subtracted.
    #[module(skip)]
    mean: [f32; 3],
}

impl Backbone {
    /// The network with converted weights.
    pub fn from_weights(weights: BackboneWeights, device: &Device) -> Self {
        let (config, mean, layers) = weights.into_parts();
        Self::build(config, mean, layers, device)
    }

    /// The network with He-normal weights (He et al. 2015) and biases of zero, the same for the
    /// same seed on every machine; for tests and smoke runs. Only the published weights are of
    /// use for training.
    ///
    /// # Errors
    /// If the width divisor is not a power of two from 1 to 64.
    pub fn random(config: &VggConfig, seed: u64, device: &Device) -> Result<Self> {
        config.validate()?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let layers = config
            .layers()
            .iter()
            .map(|layer| {
                let [out, inputs, height, width] = layer.weight_shape();
                let fan_in = inputs * height * width;
                let deviation = (2.0 / fan_in as f64).sqrt();
                LayerWeights {
                    weight: (0..out * fan_in)
                        .map(|_| (deviation * standard_normal(&mut rng)) as f32)
                        .collect(),
                    bias: vec![0.0; out],
                }
            })
            .collect();
        Ok(Self::build(*config, CAFFE_MEAN, layers, device))
    }

    /// `layers` has the weights of `config.layers()`.
    fn build(
        config: VggConfig,
        mean: [f32; 3],
        layers: Vec<LayerWeights>,
        device: &Device,
    ) -> Self {
        let convs = config
            .layers()
            .iter()
            .zip(layers)
            .map(|(layer, values)| {
                let weight = TensorData::new(values.weight, layer.weight_shape());
                let bias = TensorData::new(values.bias, layer.bias_shape());
                Conv2d {
                    weight: Param::initialized(ParamId::new(), Tensor::from_data(weight, device)),
                    bias: Some(Param::initialized(
                        ParamId::new(),
                        Tensor::from_data(bias, device),
                    )),
                    stride: [1, 1],
                    kernel_size: [3, 3],
                    dilation: [1, 1],
                    groups: 1,
                    padding: PaddingConfig2d::Explicit(1, 1, 1, 1),
                }
            })
            .collect();
        Self {
            convs,
            config,
            mean,
        }
        .no_grad()
    }

    /// Which network this is, for [`FeatureLayer::parse`].
    pub fn kind(&self) -> Vgg {
        self.config.kind
    }

    /// The features of a picture at each of `feature_layers`, in their order. Runs no deeper than the
    /// deepest of them.
    ///
    /// The picture is brought to the scale that the weights are for: [0, 255], less the mean of
    /// each channel, blue first. The mean is that of the weights' file (see
    /// [`BackboneWeights`]), so padding with zeros is padding with the mean colour in every case,
    /// as it was when they were trained.
    ///
    /// # Shapes
    /// - `x`: `[batch, 3, height, width]`, RGB in [-1, 1], sides of at least 2^(block - 1) pixels
    /// - features in block b: `[batch, channels, height / 2^(b - 1), width / 2^(b - 1)]`, rounded
    ///   down
    ///
    /// # Panics
    /// If a feature layer was parsed for a network that has more layers than this one, or if the picture is
    /// smaller than stated.
    pub fn features(&self, x: Tensor<4>, feature_layers: &[FeatureLayer]) -> Vec<Tensor<4>> {
        let layers = self.config.layers();
        let last = feature_layers
            .iter()
            .map(|feature_layer| {
                layers
                    .iter()
                    .position(|layer| (layer.block, layer.number) == feature_layer.layer())
                    .unwrap_or_else(|| panic!("{} has no layer {feature_layer}", self.config.kind))
            })
            .max();
        let Some(last) = last else {
            return Vec::new();
        };
        let [_, _, height, width] = x.dims();
        let shortest = 1 << (layers[last].block - 1);
        assert!(
            height.min(width) >= shortest,
            "the picture has {width} x {height} pixels, expected sides of at least {shortest}"
        );
        let mut found: Vec<(FeatureLayer, Tensor<4>)> = Vec::new();
        let mut keep = |x: &Tensor<4>, layer: &VggConv, rectified| {
            if let Some(feature_layer) = feature_layers.iter().find(|feature_layer| {
                feature_layer.layer() == (layer.block, layer.number)
                    && feature_layer.is_rectified() == rectified
            }) {
                found.push((*feature_layer, x.clone()));
            }
        };
        // In the weights' precision, which is the features' too.
        let mut x = self.caffe_scale(x).cast(self.convs[0].weight.val().dtype());
        for (layer, conv) in layers.iter().zip(&self.convs).take(last + 1) {
            if layer.block > 1 && layer.number == 1 {
                x = max_pool2d(x, MaxPoolOptions::new([2, 2]));
            }
            x = conv.forward(x);
            keep(&x, layer, false);
            x = relu(x);
            keep(&x, layer, true);
        }
        feature_layers
            .iter()
            .filter_map(|feature_layer| found.iter().find(|(of, _)| of == feature_layer))
            .map(|(_, features)| features.clone())
            .collect()
    }

    /// Mean absolute activation at each of `feature_layers` over some photos: what to divide features by so
    /// that layers weigh alike in a loss. The published weights' means span two orders of
    /// magnitude, and differ between files, which is why they are measured.
    ///
    /// # Shapes
    /// - `photos`: `[batch, 3, height, width]`, RGB in [-1, 1]
    ///
    /// # Panics
    /// As [`Backbone::features`].
    pub fn measure_scales(&self, photos: Tensor<4>, feature_layers: &[FeatureLayer]) -> Vec<f32> {
        self.features(photos.detach(), feature_layers)
            .into_iter()
            .map(|features| features.abs().mean().into_scalar::<f32>())
            .collect()
    }

    /// RGB in [-1, 1] to BGR in [0, 255] less the mean.
    fn caffe_scale(&self, x: Tensor<4>) -> Tensor<4> {
        let shift = self.mean.map(|mean| 127.5 - mean);
        let shift = Tensor::<1>::from_floats(shift, &x.device()).reshape([1, 3, 1, 1]);
        (x * 127.5 + shift).flip([1])
    }
}

/// A standard normal number, by the Box-Muller transform.
fn standard_normal(rng: &mut ChaCha8Rng) -> f64 {
    // The generator's range is [0, 1), the logarithm's is (0, 1].
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (TAU * rng.random::<f64>()).cos()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    const NARROW: VggConfig = VggConfig {
        kind: Vgg::Vgg16,
        width_divisor: 16,
    };

    /// What PyTorch makes of [`formula_backbone`] and [`formula_picture`].
    const GOLDEN: &str = include_str!("../../tests/golden/backbone/vgg16_narrow.json");

    /// Largest difference to PyTorch in units of a tensor's mean magnitude.
    const TOLERANCE: f64 = 1e-4;

    const SIDE_PX: usize = 32;

    #[derive(Deserialize)]
    struct Summary {
        shape: Vec<usize>,
        sum: f64,
        magnitude: f64,
        samples: Vec<f64>,
    }

    impl Summary {
        fn check(&self, name: &str, tensor: Tensor<4>) {
            assert_eq!(tensor.dims().to_vec(), self.shape, "{name}");
            let values = values(tensor);
            let (count, step) = (values.len(), values.len() / self.samples.len());
            let sum: f64 = values.iter().map(|v| f64::from(*v)).sum();
            let off = (sum - self.sum).abs() / count as f64;
            assert!(off < TOLERANCE * self.magnitude, "mean of {name}: {off}");
            for (k, expected) in self.samples.iter().enumerate() {
                let off = (f64::from(values[step * k + k]) - expected).abs();
                assert!(off < TOLERANCE * self.magnitude, "{name} at {k}: {off}");
            }
        }
    }

    fn golden() -> BTreeMap<String, Summary> {
        serde_json::from_str(GOLDEN).expect("the golden file is sound")
    }

    fn values(tensor: Tensor<4>) -> Vec<f32> {
        tensor.into_data().try_into_vec().expect("it holds f32")
    }

    fn noise(tensor: usize, count: usize) -> impl Iterator<Item = f64> {
        (0..count).map(move |i| ((31 * i * i + 17 * i + 101 * tensor) % 1009) as f64 / 1008.0 - 0.5)
    }

    fn formula_backbone(device: &Device) -> Backbone {
        let layers = NARROW.layers();
        let weights = layers.iter().enumerate().map(|(number, layer)| {
            let [out, inputs, ..] = layer.weight_shape();
            let deviation = (24.0 / (9 * inputs) as f64).sqrt();
            LayerWeights {
                weight: noise(2 * number, out * inputs * 9)
                    .map(|v| (v * deviation) as f32)
                    .collect(),
                bias: noise(2 * number + 1, out)
                    .map(|v| (v * 20.0) as f32)
                    .collect(),
            }
        });
        Backbone::build(NARROW, CAFFE_MEAN, weights.collect(), device)
    }

    fn formula_picture(device: &Device) -> Tensor<4> {
        let mut values = Vec::new();
        for c in 0..3 {
            for y in 0..SIDE_PX {
                for x in 0..SIDE_PX {
                    let byte = (7 * x + 13 * y + 29 * c + 5 * (x * y % 11)) % 256;
                    values.push((byte as f64 / 127.5 - 1.0) as f32);
                }
            }
        }
        Tensor::from_data(TensorData::new(values, [1, 3, SIDE_PX, SIDE_PX]), device)
    }

    fn feature_layers(names: &[&str]) -> Vec<FeatureLayer> {
        names
            .iter()
            .map(|name| FeatureLayer::parse(name, Vgg::Vgg16).expect("VGG16 has it"))
            .collect()
    }

    #[test]
    fn features_are_those_of_pytorch() {
        let device = Device::flex();
        // Neither in the network's order nor each once.
        let names = ["conv4_1", "relu1_2", "relu3_3", "relu1_2"];
        let features =
            formula_backbone(&device).features(formula_picture(&device), &feature_layers(&names));
        assert_eq!(features.len(), names.len());
        let golden = golden();
        for (name, features) in names.into_iter().zip(features) {
            golden[name].check(name, features);
        }
    }

    #[test]
    fn gradients_reach_the_picture_and_not_the_weights() {
        let device = Device::flex().autodiff();
        let backbone = formula_backbone(&device);
        let picture = formula_picture(&device).require_grad();
        let features = backbone.features(picture.clone(), &feature_layers(&["relu3_3"]));
        let loss = features[0].clone().mean();
        let grads = loss.backward();
        let gradient = picture.grad(&grads).expect("the picture takes gradients");
        golden()["gradient"].check("gradient", gradient);
        for conv in &backbone.convs {
            assert!(conv.weight.val().grad(&grads).is_none());
            let bias = conv.bias.as_ref().expect("every convolution has one");
            assert!(bias.val().grad(&grads).is_none());
        }
    }

    #[test]
    fn runs_no_deeper_than_needed() {
        let device = Device::flex();
        // Two pixels cannot be pooled four times, but relu2_2 takes only one pooling.
        let x = Tensor::zeros([1, 3, 2, 2], &device);
        let backbone = formula_backbone(&device);
        let features = backbone.features(x.clone(), &feature_layers(&["relu2_2"]));
        assert_eq!(features[0].dims(), [1, 8, 1, 1]);
        assert!(backbone.features(x, &[]).is_empty());
    }

    #[test]
    #[should_panic(expected = "2 x 2 pixels, expected sides of at least 4")]
    fn pictures_that_are_too_small_are_told() {
        let device = Device::flex();
        let x = Tensor::zeros([1, 3, 2, 2], &device);
        formula_backbone(&device).features(x, &feature_layers(&["relu3_1"]));
    }

    #[test]
    fn scales_are_mean_magnitudes() {
        let device = Device::flex();
        let names = ["relu1_2", "conv4_1"];
        let photos = Tensor::cat(vec![formula_picture(&device); 2], 0);
        let scales = formula_backbone(&device).measure_scales(photos, &feature_layers(&names));
        for (name, scale) in names.into_iter().zip(scales) {
            let expected = golden()[name].magnitude;
            assert!((f64::from(scale) / expected - 1.0).abs() < TOLERANCE);
        }
    }

    #[test]
    fn random_weights_follow_the_seed() -> Result<()> {
        let device = Device::flex();
        let features = |config: VggConfig, seed| -> Result<Vec<f32>> {
            let backbone = Backbone::random(&config, seed, &device)?;
            let feature_layer = FeatureLayer::parse("relu5_3", config.kind)?;
            let mut features = backbone.features(formula_picture(&device), &[feature_layer]);
            Ok(values(features.remove(0)))
        };
        let first = features(NARROW, 1)?;
        assert_eq!(first, features(NARROW, 1)?);
        assert_ne!(first, features(NARROW, 2)?);
        // He's scaling keeps the magnitude of the input, about 70 here, through all layers.
        let magnitude = first.iter().sum::<f32>() / first.len() as f32;
        assert!((5.0..500.0).contains(&magnitude), "{magnitude}");
        let vgg19 = VggConfig {
            kind: Vgg::Vgg19,
            ..NARROW
        };
        assert_eq!(Backbone::random(&vgg19, 1, &device)?.convs.len(), 16);
        for width_divisor in [0, 3, 128] {
            let config = VggConfig {
                width_divisor,
                ..NARROW
            };
            let error = Backbone::random(&config, 1, &device).expect_err("no width");
            assert!(
                error
                    .to_string()
                    .contains(&format!("divisor is {width_divisor}"))
            );
        }
        Ok(())
    }
}
