//! Backbone features of pictures, as the metrics on features compare them.

use anyhow::Result;
use burn::tensor::{Device, Tensor};
use image::RgbImage;
use image::imageops::{self, FilterType};

use crate::backbone::{Backbone, FeatureLayer};
use crate::colour::luma;
use crate::losses::gram;
use crate::picture::{picture_tensor, tensor_values};

/// Side in pixels that pictures are brought to for the kernel inception and Gram distances.
const SIDE_PX: u32 = 224;

/// A backbone and the layers that are compared.
pub struct Describer {
    backbone: Backbone,
    content: FeatureLayer,
    pooled: FeatureLayer,
    gram: FeatureLayer,
    device: Device,
}

impl Describer {
    /// Opens a backbone by name or path.
    ///
    /// # Errors
    /// If it is not there, with instructions; or damaged.
    pub fn open(name_or_path: &str, device: &Device) -> Result<Self> {
        let backbone = Backbone::open(name_or_path, device)?;
        let feature_layer = |name| FeatureLayer::parse(name, backbone.kind());
        Ok(Self {
            content: feature_layer("relu3_3")?,
            pooled: feature_layer("relu4_3")?,
            gram: feature_layer("relu2_1")?,
            backbone,
            device: device.clone(),
        })
    }

    /// Features of the picture's luma, for the content change.
    ///
    /// # Errors
    /// If the picture is empty or the device cannot be read.
    pub fn content(&self, picture: &RgbImage) -> Result<Vec<f32>> {
        tensor_values(self.features(&gray(picture), self.content))
    }

    /// Mean feature of each channel, for the kernel inception distance.
    ///
    /// # Errors
    /// If the device cannot be read.
    pub fn pooled(&self, picture: &RgbImage) -> Result<Vec<f32>> {
        let features = self.features(&squared(picture), self.pooled);
        tensor_values(features.mean_dim(2).mean_dim(3))
    }

    /// Gram matrix, for the Gram distance.
    ///
    /// # Errors
    /// If the device cannot be read.
    pub fn gram(&self, picture: &RgbImage) -> Result<Vec<f32>> {
        tensor_values(gram(self.features(&squared(picture), self.gram)))
    }

    fn features(&self, picture: &RgbImage, feature_layer: FeatureLayer) -> Tensor<4> {
        self.backbone
            .features(picture_tensor(picture, &self.device), &[feature_layer])
            .remove(0)
    }
}

/// Rec. 601 luma in all three channels.
fn gray(picture: &RgbImage) -> RgbImage {
    let mut gray = picture.clone();
    for pixel in gray.pixels_mut() {
        let luma = luma(pixel.0.map(f32::from));
        pixel.0 = [(luma + 0.5) as u8; 3];
    }
    gray
}

fn squared(picture: &RgbImage) -> RgbImage {
    imageops::resize(picture, SIDE_PX, SIDE_PX, FilterType::Triangle)
}
