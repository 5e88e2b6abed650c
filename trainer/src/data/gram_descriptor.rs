//! What a style image looks like by the Gram matrices of backbone features (Gatys et al., 2016).

use anyhow::Result;
use burn::tensor::Device;
use image::RgbImage;
use image::imageops::{self, FilterType};

use super::clusters::{StyleDescriptor, project_gram};
use crate::backbone::{Backbone, FeatureLayer};
use crate::losses::gram;
use crate::picture::{picture_tensor, tensor_values};

/// Side in pixels that images are brought to: strokes are compared at the same scale.
const SIDE_PX: u32 = 224;
/// Layers, from strokes to motifs.
const LAYERS: [&str; 3] = ["relu1_1", "relu2_1", "relu3_1"];

/// Gram matrices of a backbone's features.
pub struct GramDescriptor {
    backbone: Backbone,
    feature_layers: Vec<FeatureLayer>,
    seed: u64,
    device: Device,
}

impl GramDescriptor {
    /// With the VGG16 of the cache folder, on the CPU.
    ///
    /// # Errors
    /// If it is not there, or damaged.
    pub fn open(seed: u64) -> Result<Self> {
        let device = Device::flex();
        let backbone = Backbone::open("vgg16", &device)?;
        let feature_layers = LAYERS
            .iter()
            .map(|name| FeatureLayer::parse(name, backbone.kind()))
            .collect::<Result<_>>()?;
        Ok(Self {
            backbone,
            feature_layers,
            seed,
            device,
        })
    }
}

impl StyleDescriptor for GramDescriptor {
    fn name(&self) -> &'static str {
        "Gram matrices of VGG16 features"
    }

    fn describe(&self, image: &RgbImage) -> Result<Vec<f32>> {
        let image = imageops::resize(image, SIDE_PX, SIDE_PX, FilterType::Triangle);
        let features = self
            .backbone
            .features(picture_tensor(&image, &self.device), &self.feature_layers);
        let mut vector = Vec::new();
        for features in features {
            let channels = features.dims()[1];
            let values = tensor_values(gram(features))?;
            vector.extend(project_gram(&values, channels, self.seed)?);
        }
        Ok(vector)
    }
}
