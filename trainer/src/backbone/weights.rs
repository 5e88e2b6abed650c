//! A backbone's weights on the host, and the file that they are kept in.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use nijigen::model::TensorValues;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::vgg::{VggConfig, VggConv};
use crate::write_file::write_file;

/// Weights in this project's convention, whatever file they came from: the first convolution
/// takes blue, green, red in [0, 255] less `mean`.
///
/// The file is a safetensors file: f32 tensors `block1.conv1.weight`, `block1.conv1.bias` and so
/// on; metadata `kind`, `width_divisor`, `mean` (JSON: red, green, blue in [0, 255]) and
/// `source_sha256`. The mean belongs to the weights: Caffe's and torchvision's differ.
pub struct BackboneWeights {
    /// The network that they belong to.
    pub config: VggConfig,
    /// Mean of red, green and blue in [0, 255], to be subtracted from pictures.
    pub mean: [f32; 3],
    /// SHA-256 of the file they were converted from, in hexadecimal.
    pub source_sha256: String,
    /// As [`VggConfig::layers`], in their shapes.
    layers: Vec<LayerWeights>,
}

/// Weights of one convolution, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LayerWeights {
    /// `[out, in, 3, 3]`.
    pub weight: Vec<f32>,
    /// `[out]`.
    pub bias: Vec<f32>,
}

/// The two tensors of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Weight,
    Bias,
}

impl Part {
    /// `weight` or `bias`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::Bias => "bias",
        }
    }
}

impl BackboneWeights {
    /// Collects the tensors of a network from a file that calls them by `key` and gives them by
    /// `take`.
    ///
    /// # Errors
    /// If the width divisor is not a power of two from 1 to 64; if a tensor is missing, of a
    /// wrong shape or not finite, naming it.
    pub(super) fn gather(
        config: VggConfig,
        mean: [f32; 3],
        source_sha256: String,
        key: impl Fn(&VggConv, Part) -> String,
        mut take: impl FnMut(&str) -> Result<Option<TensorValues>>,
    ) -> Result<Self> {
        config.validate()?;
        let mut values = |layer: &VggConv, part, shape: &[usize]| {
            let key = key(layer, part);
            let Some(tensor) = take(&key)? else {
                bail!("tensor {key} is missing, expected one of shape {shape:?}");
            };
            ensure!(
                tensor.shape == shape,
                "tensor {key} has the shape {:?}, expected {shape:?}",
                tensor.shape
            );
            let count: usize = shape.iter().product();
            ensure!(
                tensor.values.len() == count,
                "tensor {key} has {} values, expected {count}",
                tensor.values.len()
            );
            if let Some(value) = tensor.values.iter().find(|value| !value.is_finite()) {
                bail!("tensor {key} has the value {value}, expected finite numbers");
            }
            Ok(tensor.values)
        };
        let layers = config
            .layers()
            .iter()
            .map(|layer| {
                Ok(LayerWeights {
                    weight: values(layer, Part::Weight, &layer.weight_shape())?,
                    bias: values(layer, Part::Bias, &layer.bias_shape())?,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            config,
            mean,
            source_sha256,
            layers,
        })
    }

    /// Weight of the first convolution, `[out, 3, 3, 3]`.
    pub(super) fn first_weight_mut(&mut self) -> &mut [f32] {
        &mut self.layers[0].weight
    }

    /// The network, the mean and the weights of its layers.
    pub(super) fn into_parts(self) -> (VggConfig, [f32; 3], Vec<LayerWeights>) {
        (self.config, self.mean, self.layers)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let metadata = HashMap::from([
            ("kind".to_owned(), self.config.kind.to_string()),
            (
                "width_divisor".to_owned(),
                self.config.width_divisor.to_string(),
            ),
            ("mean".to_owned(), serde_json::to_string(&self.mean)?),
            ("source_sha256".to_owned(), self.source_sha256.clone()),
        ]);
        let mut tensors = Vec::new();
        for (layer, values) in self.config.layers().iter().zip(&self.layers) {
            for (part, shape, values) in [
                (Part::Weight, layer.weight_shape().to_vec(), &values.weight),
                (Part::Bias, layer.bias_shape().to_vec(), &values.bias),
            ] {
                let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                tensors.push((tensor_name(layer, part), shape, bytes));
            }
        }
        let views = tensors
            .iter()
            .map(|(name, shape, bytes)| {
                Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?))
            })
            .collect::<Result<Vec<_>>>()?;
        write_file(path, &safetensors::serialize(views, Some(metadata))?)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// If it cannot be read, is not such a file, or has tensors missing, of a wrong type or shape
    /// or not finite, naming the first.
    pub fn read(path: &Path) -> Result<Self> {
        let named = || format!("cannot read the backbone {}", path.display());
        let bytes = std::fs::read(path).with_context(named)?;
        Self::from_bytes(&bytes).with_context(named)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (_, header) = SafeTensors::read_metadata(bytes)?;
        let metadata = header.metadata().as_ref();
        let field =
            |name: &str| {
                metadata.and_then(|fields| fields.get(name)).with_context(|| {
                format!(
                    "the metadata has no {name:?}: the file was not made by `nijigen backbone`"
                )
            })
            };
        let (width_divisor, mean) = (field("width_divisor")?, field("mean")?);
        let config = VggConfig {
            kind: field("kind")?.parse()?,
            width_divisor: width_divisor.parse().with_context(|| {
                format!("the width divisor is {width_divisor:?}, expected a whole number")
            })?,
        };
        let mean: [f32; 3] = serde_json::from_str(mean)
            .with_context(|| format!("the mean is {mean:?}, expected [red, green, blue]"))?;
        ensure!(
            mean.iter().all(|value| (0.0..=255.0).contains(value)),
            "the mean is {mean:?}, expected values in [0, 255]"
        );
        let source_sha256 = field("source_sha256")?.clone();
        let file = SafeTensors::deserialize(bytes)?;
        Self::gather(config, mean, source_sha256, tensor_name, |key| {
            let Ok(view) = file.tensor(key) else {
                return Ok(None);
            };
            ensure!(
                view.dtype() == Dtype::F32,
                "tensor {key} is stored as {:?}, expected F32",
                view.dtype()
            );
            let chunks = view.data().as_chunks().0;
            Ok(Some(TensorValues {
                shape: view.shape().to_vec(),
                values: chunks.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            }))
        })
    }
}

/// Name of a tensor in the file, such as `block1.conv1.weight`.
fn tensor_name(layer: &VggConv, part: Part) -> String {
    format!("block{}.conv{}.{}", layer.block, layer.number, part.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backbone::vgg::{CAFFE_MEAN, Vgg};

    const NARROW: VggConfig = VggConfig {
        kind: Vgg::Vgg19,
        width_divisor: 64,
    };

    /// Narrow weights, one tensor of them changed.
    fn changed(
        changed: &str,
        change: impl Fn(TensorValues) -> Option<TensorValues>,
    ) -> Result<BackboneWeights> {
        let layers = NARROW.layers();
        let shapes = layers
            .iter()
            .flat_map(|layer| [layer.weight_shape().to_vec(), layer.bias_shape().to_vec()]);
        let mut shapes = shapes.enumerate();
        BackboneWeights::gather(NARROW, CAFFE_MEAN, "ab".into(), tensor_name, |key| {
            let (number, shape) = shapes.next().expect("the network has no more tensors");
            let count: usize = shape.iter().product();
            let values = (0..count).map(|i| (number * 1000 + i) as f32).collect();
            let tensor = TensorValues { shape, values };
            Ok(if key == changed {
                change(tensor)
            } else {
                Some(tensor)
            })
        })
    }

    fn error(result: Result<BackboneWeights>) -> String {
        format!("{:#}", result.err().expect("it should have failed"))
    }

    #[test]
    fn files_keep_everything() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("vgg19.safetensors");
        let written = changed("", Some)?;
        written.write(&path)?;
        let read = BackboneWeights::read(&path)?;
        assert_eq!(read.config, NARROW);
        assert_eq!(read.mean, CAFFE_MEAN);
        assert_eq!(read.source_sha256, "ab");
        assert_eq!(read.layers, written.layers);
        assert_eq!(read.layers[15].bias[7], 31_007.0);
        Ok(())
    }

    #[test]
    fn wrong_tensors_are_named() {
        let name = "block3.conv4.weight";
        let missing = error(changed(name, |_| None));
        assert_eq!(
            missing,
            "tensor block3.conv4.weight is missing, expected one of shape [4, 4, 3, 3]"
        );
        let reshaped = error(changed(name, |tensor| {
            Some(TensorValues {
                shape: vec![4, 4, 9],
                ..tensor
            })
        }));
        assert_eq!(
            reshaped,
            "tensor block3.conv4.weight has the shape [4, 4, 9], expected [4, 4, 3, 3]"
        );
        let infinite = error(changed(name, |mut tensor| {
            tensor.values[5] = f32::INFINITY;
            Some(tensor)
        }));
        assert!(infinite.contains("block3.conv4.weight has the value inf"));
    }

    #[test]
    fn files_of_another_network_are_refused() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("wrong.safetensors");
        let write = |metadata: &[(&str, &str)]| -> Result<()> {
            let bytes = [0u8; 4];
            let view = TensorView::new(Dtype::F32, vec![1], &bytes)?;
            let metadata = metadata
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            let file = safetensors::serialize([("block1.conv1.weight", view)], Some(metadata))?;
            write_file(&path, &file)
        };
        let sound = [
            ("kind", "vgg16"),
            ("width_divisor", "16"),
            ("mean", "[1, 2, 3]"),
            ("source_sha256", "ab"),
        ];
        write(&sound)?;
        let expected = "block1.conv1.weight has the shape [1], expected [4, 3, 3, 3]";
        let message = error(BackboneWeights::read(&path));
        assert!(message.contains(expected), "{message}");
        assert!(message.contains("wrong.safetensors"), "{message}");
        for (field, wrong, expected) in [
            (0, ("kind", "vgg11"), "\"vgg11\" is not a backbone"),
            (1, ("width_divisor", "0"), "width divisor is 0"),
            (1, ("width_divisor", "x"), "width divisor is \"x\""),
            (2, ("mean", "[1, 2]"), "the mean is \"[1, 2]\""),
            (2, ("mean", "[1, 2, 256]"), "the mean is [1.0, 2.0, 256.0]"),
            (3, ("source", "ab"), "no \"source_sha256\""),
        ] {
            let mut metadata = sound;
            metadata[field] = wrong;
            write(&metadata)?;
            let message = error(BackboneWeights::read(&path));
            assert!(message.contains(expected), "{message}");
        }
        Ok(())
    }
}
