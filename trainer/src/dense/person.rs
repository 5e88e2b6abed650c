//! Pixels of people by MediaPipe's selfie segmentation.

use anyhow::{Context, Result};
use burn::tensor::Device;
use image::RgbImage;
use image::imageops::{FilterType, resize};
use nijigen::filter::plane::Plane;
use nijigen::filter::{guided::guided_filter, resize::resize as resize_plane};

use super::models::Models;
use crate::colour::luma_plane;
use crate::tflite::{Network, Values};

/// Side of the picture that the network takes.
const SIDE_PX: usize = 256;
/// Radius of the guided filter as a part of the picture's width, and its epsilon for values in
/// [0, 1].
const GUIDED_RADIUS: f32 = 0.025;
const GUIDED_EPSILON: f32 = 9e-4;
/// How much steeper the borders become.
const STEEPER: f32 = 1.8;

/// Tells people from what is behind them.
pub struct PersonSegmentation(Network);

impl PersonSegmentation {
    /// The network, on the CPU.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn new(models: &Models) -> Result<Self> {
        let network = Network::read(&models.person, &Device::flex());
        Ok(Self(network.context("the network of people")?))
    }

    /// The share of a person at each pixel, 0 to 1, with borders along those of the picture.
    ///
    /// # Errors
    /// If the picture is empty or the network cannot be run.
    pub fn find(&self, picture: &RgbImage) -> Result<Plane> {
        let side = SIDE_PX as u32;
        let small = resize(picture, side, side, FilterType::Triangle);
        let outputs = self.0.run(&Values {
            shape: [SIDE_PX, SIDE_PX, 3],
            values: small
                .as_raw()
                .iter()
                .map(|v| f32::from(*v) / 255.0)
                .collect(),
        })?;
        let values = outputs
            .into_iter()
            .next()
            .context("it has no output")?
            .values;
        let coarse = Plane::new(SIDE_PX, SIDE_PX, values)?;
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let shares = resize_plane(&coarse, width, height);
        let guide = luma_plane(picture)?.map(|v| v / 255.0);
        let radius = ((GUIDED_RADIUS * width as f32) as usize).max(4);
        Ok(guided_filter(&guide, &shares, radius, GUIDED_EPSILON)
            .map(|v| ((v - 0.5) * STEEPER + 0.5).clamp(0.0, 1.0)))
    }
}
