//! `nijigen evaluate`: styles against the untouched photos and the procedural target, in one table; or
//! portrait styles on [faces].

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use image::RgbImage;
use nijigen::model::Generator;
use nijigen::style::Style;

use super::describe::Describer;
use super::face_metrics::{Face, FaceMetrics, FacePair};
use super::faces;
use super::kid::{Subsets, gram_distance, kid};
use super::picture_metrics::{PictureMetrics, RELU3_3_SCALE, content_change, mean};
use super::table::{Row, json, markdown};
use crate::data::face_finder::MtcnnFinder;
use crate::data::faces::{FaceFinder, FoundFace};
use crate::data::prepared::{Kind, Prepared, Split};
use crate::data::scan::{list, load};
use crate::data::spread::spread;
use crate::picture::{bounded, given_tensor, open_rgb, png, tensor_picture, to_rgb};
use crate::procedural::ProceduralConfig;
use crate::progress_bar::{COUNTED, progress_bar};
use crate::style_file::{open_style, write_metrics};
use crate::write_file::write_file;

/// Longer side of the photos that are measured, in pixels.
const LONG_SIDE_PX: u32 = 512;
/// How kernel inception distances are averaged.
const SUBSETS: Subsets = Subsets {
    count: 20,
    size: 50,
    seed: 0,
};

/// Arguments of `nijigen evaluate`.
#[derive(Args)]
pub struct EvaluateArguments {
    /// Style file; may be given again.
    #[arg(long = "style", value_name = "FILE", required = true)]
    styles: Vec<PathBuf>,
    /// Folder made by `nijigen prepare`: its held-out photos are used, and its style images.
    #[arg(long, value_name = "DIR", required_unless_present = "faces")]
    prepared: Option<PathBuf>,
    /// Photos to use instead of the held-out ones.
    #[arg(long, value_name = "DIR")]
    photos: Option<PathBuf>,
    /// Folder of pairs of faces with landmarks, as `nijigen portraits` makes them: portrait styles are
    /// measured on all of them instead, against their targets.
    #[arg(
        long,
        value_name = "DIR",
        requires = "models",
        conflicts_with_all = ["prepared", "photos", "backbone", "device"]
    )]
    faces: Option<PathBuf>,
    /// The Python wheel of mediapipe 0.10.21, with the networks that find a face's landmarks.
    #[arg(long, value_name = "WHEEL", requires = "faces")]
    models: Option<PathBuf>,
    /// Use at most this many photos, spread over all.
    #[arg(long)]
    pub(super) limit: Option<usize>,
    /// Backbone: vgg16, vgg19 or a file made by `nijigen backbone`. Without one, metrics on its
    /// features are left out, and said so.
    #[arg(long, default_value = "vgg16")]
    backbone: String,
    /// Device: flex, tch, cuda, vulkan or wgpu.
    #[arg(long, default_value = "flex")]
    device: String,
    /// Write the table as JSON too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the pictures here, a folder for each row.
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// Write each style's metrics into its file's header.
    #[arg(long)]
    pub(super) write: bool,
}

/// Evaluates and prints the table.
///
/// # Errors
/// If a file cannot be read, there are no photos, or the device fails.
pub fn run(arguments: &EvaluateArguments) -> Result<()> {
    let styles: Vec<(PathBuf, Style)> = arguments
        .styles
        .iter()
        .map(|path| Ok((path.clone(), open_style(path)?)))
        .collect::<Result<_>>()?;
    match (&arguments.faces, &arguments.models, &arguments.prepared) {
        (Some(pairs), Some(wheel), _) => faces::run(arguments, &styles, pairs, wheel),
        (_, _, Some(prepared)) => run_on_photos(arguments, &styles, &Prepared::open(prepared)?),
        _ => bail!("give --prepared, or --faces with --models"),
    }
}

fn run_on_photos(
    arguments: &EvaluateArguments,
    styles: &[(PathBuf, Style)],
    prepared: &Prepared,
) -> Result<()> {
    let device = crate::device::device(&arguments.device)?;
    let photos = photos(arguments, prepared)?;
    let describer = match Describer::open(&arguments.backbone, &device) {
        Ok(describer) => Some(describer),
        Err(error) => {
            eprintln!("without content change, KID and Gram distance: {error:#}");
            None
        }
    };
    let evaluation = Evaluation::new(&photos, describer, prepared)?;

    let mut rows = vec![evaluation.row("photos", arguments, |photo| Ok(photo.clone()))?];
    let procedural = ProceduralConfig::default();
    rows.push(evaluation.row("procedural", arguments, |photo| procedural.draw(photo))?);
    for (path, style) in styles {
        let generator: Generator = style.generator().init_with(style.weights(), &device)?;
        let row = evaluation.row(&style.header().name, arguments, |photo| {
            let given = given_tensor(photo, style.header().strokes, false, &device)?;
            tensor_picture(generator.forward(given))
        })?;
        if arguments.write {
            write_metrics(path, style, row.metrics.clone())?;
        }
        rows.push(row);
    }
    print(arguments, &format!("{} photos", photos.len()), &rows)
}

/// Prints the table under a line that says what was measured, and writes it as JSON if asked to.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn print(arguments: &EvaluateArguments, measured: &str, rows: &[Row]) -> Result<()> {
    println!("{measured}\n\n{}", markdown(rows));
    if let Some(path) = &arguments.json {
        write_file(path, json(rows)?.as_bytes())?;
    }
    Ok(())
}

/// Writes the picture of a row that has this number, if asked to.
///
/// # Errors
/// If it cannot be written.
pub(super) fn save_picture(
    arguments: &EvaluateArguments,
    row: &str,
    number: usize,
    picture: &RgbImage,
) -> Result<()> {
    if let Some(folder) = &arguments.pictures {
        let path = folder.join(row).join(format!("{number:03}.png"));
        write_file(&path, &png(picture)?)?;
    }
    Ok(())
}

/// The photos to measure, none longer than [`LONG_SIDE_PX`].
fn photos(arguments: &EvaluateArguments, prepared: &Prepared) -> Result<Vec<RgbImage>> {
    let mut all: Vec<RgbImage> = match &arguments.photos {
        Some(folder) => list(std::slice::from_ref(folder))?
            .iter()
            .map(|source| to_rgb(&load(&source.path)?))
            .collect::<Result<_>>()?,
        None => prepared
            .entries(Kind::Photo, Split::HeldOut)
            .map(|e| open_rgb(&prepared.path(&e.file)))
            .collect::<Result<_>>()?,
    };
    if all.is_empty() {
        bail!("there are no held-out photos; prepare the set with --hold-out, or give --photos");
    }
    if let Some(limit) = arguments.limit.filter(|&limit| limit > 0) {
        all = spread(all, limit);
    }
    Ok(all
        .into_iter()
        .map(|photo| bounded(photo, LONG_SIDE_PX))
        .collect())
}

/// What all rows are measured against.
struct Evaluation<'a> {
    photos: &'a [RgbImage],
    faces: Vec<Option<FoundFace>>,
    finder: MtcnnFinder,
    features: Option<References>,
}

/// Features of the photos and of the style images.
struct References {
    describer: Describer,
    photo_content: Vec<Vec<f32>>,
    photo_pooled: Vec<Vec<f32>>,
    style_pooled: Vec<Vec<f32>>,
    style_gram: Vec<Vec<f32>>,
    /// Mean of the photos' features, which features are divided by: distances then do not depend
    /// on the backbone's units.
    pooled_scale: f32,
    /// The same of Gram matrices.
    gram_scale: f32,
}

impl<'a> Evaluation<'a> {
    fn new(
        photos: &'a [RgbImage],
        describer: Option<Describer>,
        prepared: &Prepared,
    ) -> Result<Self> {
        let finder = MtcnnFinder::new()?;
        let faces = photos
            .iter()
            .map(|photo| Ok(finder.faces(photo)?.first().copied()))
            .collect::<Result<_>>()?;
        let features = describer
            .map(|describer| References::new(describer, photos, prepared))
            .transpose()?;
        Ok(Self {
            photos,
            faces,
            finder,
            features,
        })
    }

    /// Measures what `make` makes of each photo.
    fn row(
        &self,
        name: &str,
        arguments: &EvaluateArguments,
        make: impl Fn(&RgbImage) -> Result<RgbImage>,
    ) -> Result<Row> {
        let bar = progress_bar(self.photos.len(), COUNTED)?.with_message(name.to_owned());
        let mut pictures = Vec::new();
        let mut faces = Vec::new();
        let mut measured = Measured::default();
        for (i, photo) in self.photos.iter().enumerate() {
            let made = make(photo)?;
            pictures.push(PictureMetrics::measure(photo, &made)?);
            faces.push(self.face_pair(i, &made)?);
            if let Some(references) = &self.features {
                measured.add(references, i, &made)?;
            }
            save_picture(arguments, name, i, &made)?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        let mut metrics: BTreeMap<String, f64> = mean(&pictures)?
            .named()
            .into_iter()
            .chain(FaceMetrics::measure(&faces)?.named())
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        if let Some(references) = &self.features {
            metrics.extend(measured.metrics(references)?);
        }
        Ok(Row {
            name: name.to_owned(),
            metrics,
        })
    }

    /// The photo's main face and the nearest one of the output, if it is at the same place.
    fn face_pair(&self, index: usize, made: &RgbImage) -> Result<FacePair> {
        let Some(before) = self.faces[index] else {
            return Ok(FacePair {
                before: None,
                after: None,
            });
        };
        let centre = |face: &FoundFace| {
            [
                face.rect.x + face.rect.width / 2.0,
                face.rect.y + face.rect.height / 2.0,
            ]
        };
        let [x, y] = centre(&before);
        let distance = |face: &FoundFace| {
            let [fx, fy] = centre(face);
            (fx - x).hypot(fy - y)
        };
        let after = self
            .finder
            .faces(made)?
            .into_iter()
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
            .filter(|face| distance(face) < before.rect.width / 2.0);
        Ok(FacePair {
            before: Some(Face {
                landmarks: before.landmarks,
                width: before.rect.width,
            }),
            after: after.map(|face| face.landmarks),
        })
    }
}

impl References {
    fn new(describer: Describer, photos: &[RgbImage], prepared: &Prepared) -> Result<Self> {
        let style: Vec<RgbImage> = prepared
            .entries(Kind::Style, Split::Train)
            .map(|e| Ok(bounded(open_rgb(&prepared.path(&e.file))?, LONG_SIDE_PX)))
            .collect::<Result<_>>()?;
        let each = |pictures: &[RgbImage], describe: &dyn Fn(&RgbImage) -> Result<Vec<f32>>| {
            pictures.iter().map(describe).collect::<Result<Vec<_>>>()
        };
        let photo_pooled = each(photos, &|p| describer.pooled(p))?;
        let pooled_scale = mean_magnitude(&photo_pooled);
        let gram_scale = mean_magnitude(&each(photos, &|p| describer.gram(p))?);
        let style_pooled = each(&style, &|p| describer.pooled(p))?;
        let style_gram = each(&style, &|p| describer.gram(p))?;
        Ok(Self {
            photo_content: each(photos, &|p| describer.content(p))?,
            photo_pooled: divided(photo_pooled, pooled_scale),
            style_pooled: divided(style_pooled, pooled_scale),
            style_gram: divided(style_gram, gram_scale),
            pooled_scale,
            gram_scale,
            describer,
        })
    }
}

fn mean_magnitude(vectors: &[Vec<f32>]) -> f32 {
    let values = || vectors.iter().flatten();
    let sum: f64 = values().map(|v| f64::from(v.abs())).sum();
    (sum / values().count().max(1) as f64).max(f64::from(f32::MIN_POSITIVE)) as f32
}

fn divided(mut vectors: Vec<Vec<f32>>, scale: f32) -> Vec<Vec<f32>> {
    for value in vectors.iter_mut().flatten() {
        *value /= scale;
    }
    vectors
}

/// Features of one row's pictures.
#[derive(Default)]
struct Measured {
    content: f64,
    pooled: Vec<Vec<f32>>,
    gram: Vec<Vec<f32>>,
}

impl Measured {
    fn add(&mut self, references: &References, index: usize, made: &RgbImage) -> Result<()> {
        let describer = &references.describer;
        self.content += content_change(
            &references.photo_content[index],
            &describer.content(made)?,
            RELU3_3_SCALE,
        )?;
        self.pooled.push(describer.pooled(made)?);
        self.gram.push(describer.gram(made)?);
        Ok(())
    }

    fn metrics(self, references: &References) -> Result<BTreeMap<String, f64>> {
        let mut metrics = BTreeMap::from([(
            "content_change".to_owned(),
            self.content / self.pooled.len() as f64,
        )]);
        let pooled = divided(self.pooled, references.pooled_scale);
        let gram = divided(self.gram, references.gram_scale);
        // A distribution of one picture has no spread to compare.
        if pooled.len() >= 2 && references.style_pooled.len() >= 2 {
            metrics.extend([
                (
                    "kid".to_owned(),
                    kid(&pooled, &references.style_pooled, &SUBSETS)?,
                ),
                (
                    "kid_photos".to_owned(),
                    kid(&pooled, &references.photo_pooled, &SUBSETS)?,
                ),
                (
                    "gram_distance".to_owned(),
                    gram_distance(&gram, &references.style_gram)?,
                ),
            ]);
        }
        Ok(metrics)
    }
}
