//! The perceptual backbone as losses use it.

use anyhow::{Context, Result};
use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::backbone::{Backbone, FeatureLayer, VggConfig};
use crate::config::TrainConfig;
use crate::precision::in_f32;

/// A frozen backbone, the layers that losses compare, and their scales.
pub struct Features {
    backbone: Backbone,
    content: ScaledLayers,
    style: ScaledLayers,
    landmark: ScaledLayers,
}

/// Layers, each with the number its features are divided by.
struct ScaledLayers {
    feature_layers: Vec<FeatureLayer>,
    scales: Vec<f32>,
}

impl Features {
    /// Opens the configured backbone if any stage needs it. Layers are scaled by their mean
    /// activation on `photos`, `[batch, 3, h, w]` in [-1, 1].
    ///
    /// # Errors
    /// If it is not in the cache, with instructions; if it is damaged or lacks a layer.
    pub fn open(config: &TrainConfig, photos: Tensor<4>, device: &Device) -> Result<Option<Self>> {
        if !config.uses(|w| w.content) && !config.uses(|w| w.style) && !config.uses(|w| w.landmark)
        {
            return Ok(None);
        }
        let choice = &config.backbone;
        let backbone = match (choice.random_width_divisor, &choice.path) {
            (Some(width_divisor), _) => {
                let vgg = VggConfig {
                    kind: choice.kind,
                    width_divisor,
                };
                Backbone::random(&vgg, config.seed, device)?
            }
            (None, Some(path)) => Backbone::open(&path.to_string_lossy(), device)?,
            (None, None) => Backbone::open(&choice.kind.to_string(), device)?,
        };
        let backbone = backbone.no_grad();
        let losses = &config.losses;
        let layers = |names: &[String]| -> Result<ScaledLayers> {
            let feature_layers: Vec<FeatureLayer> = names
                .iter()
                .map(|name| FeatureLayer::parse(name, backbone.kind()).context("in losses"))
                .collect::<Result<_>>()?;
            let scales = if losses.normalise_features {
                backbone.measure_scales(photos.clone(), &feature_layers)
            } else {
                vec![1.0; feature_layers.len()]
            };
            Ok(ScaledLayers {
                feature_layers,
                scales,
            })
        };
        Ok(Some(Self {
            content: layers(std::slice::from_ref(&losses.content_tap))?,
            style: layers(&losses.style_taps)?,
            landmark: layers(std::slice::from_ref(&losses.landmark_tap))?,
            backbone: config.precision.of_module(&backbone),
        }))
    }

    /// Features of pictures `[batch, 3, h, w]` in [-1, 1] that the content loss compares.
    pub fn content(&self, x: Tensor<4>) -> Tensor<4> {
        self.of(x, &self.content).remove(0)
    }

    /// Features that the style loss compares, by layer.
    pub fn style(&self, x: Tensor<4>) -> Vec<Tensor<4>> {
        self.of(x, &self.style)
    }

    /// Features that the landmark-local loss compares.
    pub fn landmark(&self, x: Tensor<4>) -> Tensor<4> {
        self.of(x, &self.landmark).remove(0)
    }

    fn of(&self, x: Tensor<4>, layers: &ScaledLayers) -> Vec<Tensor<4>> {
        let features = self.backbone.features(x, &layers.feature_layers);
        features
            .into_iter()
            .zip(&layers.scales)
            .map(|(features, &scale)| in_f32(features) / scale.max(f32::MIN_POSITIVE))
            .collect()
    }
}
