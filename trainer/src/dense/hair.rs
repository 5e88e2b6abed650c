//! Pixels of hair by MediaPipe's hair segmentation.

use std::path::Path;

use anyhow::{Context, Result};
use burn::tensor::Device;
use image::RgbImage;
use image::imageops::{FilterType, crop_imm, resize};
use nijigen::filter::plane::Plane;
use nijigen::filter::resize::resize as resize_plane;

use super::models::read_checked;
use crate::tflite::{Network, Values};

/// The file's SHA-256.
const SHA256: &str = "d2c940c4fd80edeaf38f5d7387d1b4235ee320ed120080df67c663e749e77633";
/// Side of the picture that the network takes, whose fourth channel is the answer to the frame before: here there is none.
const SIDE_PX: usize = 512;
/// Squares in which it is asked: their sides and their middles from the top, in parts of that of the whole square, and how much each
/// counts. The network was made for heads that fill the picture; long hair reaches out of the smaller ones.
const VIEWS: [(f32, f32, f32); 3] = [(1.0, 0.5, 0.4), (0.75, 0.4375, 1.0), (0.59375, 0.4375, 1.2)];
/// What is added to its mean answer in logits: it misses short hair more often than it invents some.
const BIAS: f32 = 0.4;
/// Answers are limited to so much before the sigmoid.
const MOST_LOGIT: f32 = 20.0;

/// Tells hair of the head from all else, hats and beards too.
pub struct HairSegmentation(Network);

impl HairSegmentation {
    /// The network in MediaPipe's file `hair_segmentation.tflite`, on the CPU.
    ///
    /// # Errors
    /// If it cannot be read or is another one.
    pub fn new(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(anyhow::Error::from);
        let network = bytes
            .and_then(|bytes| read_checked("hair_segmentation.tflite", bytes, SHA256))
            .and_then(|bytes| Network::read(&bytes, &Device::flex()));
        Ok(Self(network.with_context(|| {
            format!("cannot read the network of hair {}", path.display())
        })?))
    }

    /// The share of hair at each pixel of a square picture in which the head is as large as in FFHQ's square enlarged by 2.
    ///
    /// # Errors
    /// If the picture is empty or the network cannot be run.
    pub fn find(&self, picture: &RgbImage) -> Result<Plane> {
        let side = picture.width();
        let mut sum = vec![0.0; (side * side) as usize];
        let mut weights = sum.clone();
        for (part, middle, weight) in VIEWS {
            let view = (part * side as f32).round() as u32;
            let left = (side - view) / 2;
            let top = (middle * side as f32 - 0.5 * view as f32).round() as u32;
            let crop = crop_imm(picture, left, top, view, view).to_image();
            let logits = self.logits(&crop)?;
            let mirrored = self.logits(&image::imageops::flip_horizontal(&crop))?;
            for y in 0..view {
                for x in 0..view {
                    let at = |x: u32| (y * view + x) as usize;
                    let both = logits.values()[at(x)] + mirrored.values()[at(view - 1 - x)];
                    let to = ((top + y) * side + left + x) as usize;
                    sum[to] += weight * 0.5 * both;
                    weights[to] += weight;
                }
            }
        }
        let share = |i: usize| {
            let logit = (sum[i] / weights[i] + BIAS).clamp(-MOST_LOGIT, MOST_LOGIT);
            1.0 / (1.0 + (-logit).exp())
        };
        Ok(Plane::from_index(side as usize, side as usize, share))
    }

    /// How much more likely hair is than none, as a logarithm.
    fn logits(&self, picture: &RgbImage) -> Result<Plane> {
        let side = SIDE_PX as u32;
        let shown = resize(picture, side, side, FilterType::CatmullRom);
        let values = shown
            .pixels()
            .flat_map(|pixel| {
                let [r, g, b] = pixel.0.map(|v| f32::from(v) / 255.0);
                [r, g, b, 0.0]
            })
            .collect();
        let outputs = self.0.run(&Values {
            shape: [SIDE_PX, SIDE_PX, 4],
            values,
        })?;
        let classes = outputs.into_iter().next().context("it has no output")?;
        let (classes, rest) = classes.values.as_chunks::<2>();
        anyhow::ensure!(rest.is_empty(), "it has no two classes");
        let logits = classes.iter().map(|[none, hair]| hair - none).collect();
        let logits = Plane::new(SIDE_PX, SIDE_PX, logits)?;
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        Ok(resize_plane(&logits, width, height))
    }
}
