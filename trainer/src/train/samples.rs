//! Grids that show how a run is doing: photo, output and target side by side.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::Result;
use burn::tensor::{Device, Tensor, TensorData};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use nijigen::model::Generator;

use crate::config::GeneratorChoice;

use super::pairs::Pair;
use crate::data::prepared::{Kind, Prepared, Split};
use crate::data::spread::spread;
use crate::picture::{bounded, given_tensor, open_rgb, tensor_picture};
use crate::procedural::ProceduralConfig;
use crate::write_file::write_file;

/// Height of a row of a grid in pixels.
const ROW_PX: u32 = 320;
/// Quality of the grids' JPEG files.
const QUALITY: u8 = 90;
/// Longer side of the photos that are shown; whole prepared photos would take long.
const LONG_SIDE_PX: u32 = 512;

/// The fixed photos of a run.
pub struct Samples {
    shown: Vec<Sample>,
}

/// A photo that is shown.
struct Sample {
    photo: RgbImage,
    target: Option<RgbImage>,
    /// Planes of the photo's size.
    guides: Option<Vec<f32>>,
}

impl Samples {
    /// Takes `count` photos spread over those held out (over all if none are), with what the
    /// procedural target makes of them where that is wanted.
    ///
    /// # Errors
    /// If a photo cannot be read.
    pub fn open(
        prepared: &Prepared,
        count: usize,
        procedural: Option<&ProceduralConfig>,
    ) -> Result<Self> {
        let of = |split| -> Vec<PathBuf> {
            let photos = prepared.entries(Kind::Photo, split);
            photos.map(|entry| prepared.path(&entry.file)).collect()
        };
        let mut all = of(Split::HeldOut);
        if all.is_empty() {
            all = of(Split::Train);
        }
        let shown = spread(all, count)
            .iter()
            .map(|path| {
                let photo = bounded(open_rgb(path)?, LONG_SIDE_PX);
                let target = procedural.map(|config| config.draw(&photo)).transpose()?;
                Ok(Sample {
                    photo,
                    target,
                    guides: None,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { shown })
    }

    /// Takes `count` of `pairs`.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn of_pairs(pairs: Vec<Pair>, count: usize) -> Result<Self> {
        let shown = spread(pairs, count)
            .iter()
            .map(|pair| {
                let (photo, target, guides) = pair.open()?;
                Ok(Sample {
                    photo,
                    target: Some(target),
                    guides,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { shown })
    }

    /// Writes a grid of what `generator` makes of the photos, as `choice` gives them to it, to `path`, a JPEG file.
    ///
    /// # Errors
    /// If the device cannot be read or the file not be written.
    pub fn write(
        &self,
        generator: &Generator,
        choice: &GeneratorChoice,
        device: &Device,
        path: &Path,
    ) -> Result<()> {
        let mut rows = Vec::new();
        for sample in &self.shown {
            let mut input = given_tensor(&sample.photo, choice.strokes, choice.guides, device)?;
            if let Some(guides) = &sample.guides {
                let [_, _, height, width] = input.dims();
                let planes = guides.len() / (height * width);
                let shape = [1, planes, height, width];
                let guides = TensorData::new(guides.clone(), shape);
                input = Tensor::cat(vec![input, Tensor::from_data(guides, device)], 1);
            }
            let output = tensor_picture(generator.forward(input))?;
            let mut pictures = vec![&sample.photo, &output];
            pictures.extend(&sample.target);
            rows.push(side_by_side(&pictures));
        }
        write_file(path, &jpeg(&stacked(&rows))?)
    }
}

fn side_by_side(pictures: &[&RgbImage]) -> RgbImage {
    let scaled: Vec<RgbImage> = pictures
        .iter()
        .map(|picture| {
            let width =
                u64::from(picture.width()) * u64::from(ROW_PX) / u64::from(picture.height());
            imageops::resize(
                *picture,
                (width as u32).max(1),
                ROW_PX,
                FilterType::CatmullRom,
            )
        })
        .collect();
    let mut row = RgbImage::new(scaled.iter().map(RgbImage::width).sum(), ROW_PX);
    let mut x = 0;
    for picture in &scaled {
        imageops::replace(&mut row, picture, x, 0);
        x += i64::from(picture.width());
    }
    row
}

fn stacked(rows: &[RgbImage]) -> RgbImage {
    let width = rows.iter().map(RgbImage::width).max().unwrap_or(1);
    let height = rows.iter().map(RgbImage::height).sum::<u32>().max(1);
    let mut grid = RgbImage::from_pixel(width, height, Rgb([255; 3]));
    let mut y = 0;
    for row in rows {
        imageops::replace(&mut grid, row, 0, y);
        y += i64::from(row.height());
    }
    grid
}

fn jpeg(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(Cursor::new(&mut bytes), QUALITY);
    picture.write_with_encoder(encoder)?;
    Ok(bytes)
}
