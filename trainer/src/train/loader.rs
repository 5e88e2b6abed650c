//! Batches for the training steps, made on a thread of its own while the device computes.
//!
//! What a batch holds depends only on the seed and the number of its step, so a resumed run goes
//! on with the same samples.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use image::RgbImage;
use image::imageops::{self, FilterType};
use nijigen::face::{Features, GUIDE_PLANES, LandmarkKind, draw_guides, mesh::MESH_POINTS};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

use super::augment::{Augmentation, add_noise};
use super::pairs::{Pair, feature_weights, read_landmarks};
use super::view::View;
use crate::config::{RealPictures, StageConfig, Target, TrainConfig};
use crate::data::faces::{FoundFace, Landmarks};
use crate::data::prepared::{Entry, Kind, Prepared, Split};
use crate::picture::{crop_planes, in_strokes, open_rgb, png};
use crate::progress_bar::{COUNTED, progress_bar};
use crate::write_file::write_file;

/// Batches made ahead.
const AHEAD: usize = 4;

/// Samples of one step on the host. Pictures are `[batch, 3, crop, crop]` in [-1, 1].
pub struct Batch {
    /// Photos, augmented.
    pub photo: Vec<f32>,
    /// Regression targets, augmented as the photos but without noise; empty if the stage has
    /// none or computes it.
    pub target: Vec<f32>,
    /// Crops of style images; empty if the stage uses none.
    pub style: Vec<f32>,
    /// Crops of other, edge-smoothed style images; empty if the stage uses none.
    pub smooth: Vec<f32>,
    /// Weight of each style crop's cluster.
    pub style_weights: Vec<f32>,
    /// Guide planes of pairs that have landmarks, `[batch, guides, crop, crop]` in [0, 1]; else empty.
    pub guides: Vec<f32>,
    /// How much each pixel counts in the regression, `[batch, 1, crop, crop]`; empty if all count
    /// the same.
    pub regression_weights: Vec<f32>,
    /// Landmarks of the face in each photo crop, in pixels of the crop.
    pub landmarks: Vec<Option<Landmarks>>,
}

/// The running loader.
pub struct Loader {
    batches: Receiver<Result<Batch>>,
}

impl Loader {
    /// Starts making batches for the steps from `first_step` on.
    pub fn start(sources: Arc<Sources>, first_step: usize) -> Self {
        let (send, batches) = sync_channel(AHEAD);
        thread::spawn(move || {
            for step in first_step..sources.config.total_steps() {
                let batch = sources.batch(step);
                let failed = batch.is_err();
                // The receiver is gone when training has ended.
                if send.send(batch).is_err() || failed {
                    return;
                }
            }
        });
        Self { batches }
    }

    /// The next step's batch.
    ///
    /// # Errors
    /// If a picture cannot be read, or after the last step.
    pub fn next(&self) -> Result<Batch> {
        self.batches.recv().context("the data loader has stopped")?
    }
}

/// Everything batches are made of.
pub struct Sources {
    config: TrainConfig,
    root: PathBuf,
    scenes: Pool,
    faces: Pool,
    aligned: Pool,
    style: Pool,
    smooth: Pool,
    pairs: Vec<Option<Pool>>,
    cache: Mutex<Cache>,
}

/// Pictures to choose from.
struct Pool {
    pictures: Vec<Picture>,
    /// Running sums of the pictures' weights.
    cumulative: Vec<f64>,
}

/// A picture that samples are taken from.
struct Picture {
    path: PathBuf,
    /// The other files of a pair.
    pair: Option<Pair>,
    face: Option<FoundFace>,
    cluster: Option<usize>,
    /// How often it is chosen, 1 being usual.
    weight: f64,
}

impl Pool {
    fn new(pictures: Vec<Picture>) -> Self {
        let mut total = 0.0;
        let cumulative = pictures
            .iter()
            .map(|picture| {
                total += picture.weight;
                total
            })
            .collect();
        Self {
            pictures,
            cumulative,
        }
    }

    fn total(&self) -> f64 {
        self.cumulative.last().copied().unwrap_or(0.0)
    }

    /// One picture, by weight. Must have a total weight.
    fn choose(&self, rng: &mut impl Rng) -> &Picture {
        let at = rng.random::<f64>() * self.total();
        let index = self.cumulative.partition_point(|&sum| sum <= at);
        &self.pictures[index.min(self.pictures.len() - 1)]
    }
}

/// Decoded pictures. Samples are drawn at random, so nothing is gained by evicting: once full,
/// the rest is decoded each time.
struct Cache {
    pictures: HashMap<PathBuf, Arc<RgbImage>>,
    bytes: usize,
}

impl Sources {
    /// Collects the training pictures of a prepared set.
    ///
    /// # Errors
    /// If there are no photos, or no style images although a stage uses them.
    pub fn new(prepared: &Prepared, config: &TrainConfig) -> Result<Self> {
        let pool = |kind: Kind, keep: &dyn Fn(&Entry) -> bool, smooth: bool| {
            let pictures = prepared
                .entries(kind, Split::Train)
                .filter(|entry| keep(entry))
                .filter_map(|entry| {
                    let file = if smooth {
                        entry.smooth.as_ref()?
                    } else {
                        &entry.file
                    };
                    Some(Picture {
                        path: prepared.path(file),
                        pair: None,
                        face: entry.faces.first().copied(),
                        cluster: entry.cluster,
                        weight: photo_weight(config, &entry.origin.source),
                    })
                })
                .collect();
            Pool::new(pictures)
        };
        let sources = Self {
            scenes: pool(Kind::Photo, &|e| e.faces.is_empty(), false),
            faces: pool(Kind::Photo, &|e| !e.faces.is_empty(), false),
            aligned: pool(Kind::Face, &|_| true, false),
            style: pool(Kind::Style, &|_| true, false),
            smooth: pool(Kind::Style, &|_| true, true),
            pairs: config
                .stages
                .iter()
                .map(|stage| {
                    let folder = stage.pairs.as_deref();
                    folder.map(|folder| pairs_pool(config, folder)).transpose()
                })
                .collect::<Result<_>>()?,
            config: config.clone(),
            root: prepared.path(""),
            cache: Mutex::new(Cache {
                pictures: HashMap::new(),
                bytes: 0,
            }),
        };
        if sources.scenes.total() + sources.faces.total() == 0.0 {
            bail!(
                "{} has no training photos (with a weight above 0)",
                sources.root.display()
            );
        }
        sources.check_planes()?;
        let uses_style = config.stages.iter().any(|stage| sources.uses_style(stage));
        if uses_style && sources.style.total() == 0.0 {
            bail!(
                "{} has no style images, which a stage needs",
                sources.root.display()
            );
        }
        if config.stages.iter().any(uses_smooth) && sources.smooth.total() == 0.0 {
            bail!(
                "{} has no edge-smoothed style images, which a stage needs",
                sources.root.display()
            );
        }
        Ok(sources)
    }

    /// Refuses stages whose samples have other planes than the network takes.
    fn check_planes(&self) -> Result<()> {
        let taken = self.config.generator.config().input_channels;
        for (stage, pairs) in self.config.stages.iter().zip(&self.pairs) {
            let pair = pairs
                .as_ref()
                .and_then(|pool| pool.pictures[0].pair.as_ref());
            let has_guides = pair.is_some_and(|pair| pair.landmarks.is_some());
            let given = 3 + if has_guides { GUIDE_PLANES } else { 0 };
            ensure!(
                given == taken,
                "the generator takes {taken} planes, but the samples of the stage {:?} have {given}",
                stage.name
            );
        }
        Ok(())
    }

    /// Draws the procedural targets that batches will need and that are not there yet, on all
    /// processors: later they would compete with the training steps.
    ///
    /// # Errors
    /// If a photo cannot be read or a target not be written.
    pub fn draw_targets(&self, interrupted: &AtomicBool) -> Result<()> {
        let stages = &self.config.stages;
        if !stages
            .iter()
            .any(|stage| stage.target == Target::Procedural)
        {
            return Ok(());
        }
        let pools = [&self.scenes, &self.faces, &self.aligned];
        let mut missing = Vec::new();
        for picture in pools.iter().flat_map(|pool| &pool.pictures) {
            for &scale in &self.config.data.photo_scales {
                let (width, height) = image::image_dimensions(&picture.path)
                    .with_context(|| format!("cannot read {}", picture.path.display()))?;
                let size = self.size_at([width, height], scale);
                if !self.target_path(&picture.path, size)?.is_file() {
                    missing.push((picture, scale));
                }
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let bar = progress_bar(missing.len(), COUNTED)?.with_message("drawing targets");
        missing.into_par_iter().try_for_each(|(picture, scale)| {
            if interrupted.load(Ordering::Relaxed) {
                bail!("interrupted while drawing targets; those that are done are kept");
            }
            let photo = open_rgb(&picture.path)?;
            let size = self.size_at(photo.dimensions().into(), scale);
            let path = self.target_path(&picture.path, size)?;
            let drawn = self.config.procedural.draw(&resized(photo, size))?;
            bar.inc(1);
            write_file(&path, &png(&drawn)?)
        })?;
        bar.finish_and_clear();
        Ok(())
    }

    /// Photos of a batch, without anything else that a stage needs.
    ///
    /// # Errors
    /// If a photo cannot be read.
    pub fn photos(&self) -> Result<Vec<f32>> {
        Ok(self.batch_of(&StageConfig::default(), None, 0)?.photo)
    }

    /// The batch of a step.
    fn batch(&self, step: usize) -> Result<Batch> {
        let Some((index, _)) = self.config.stage_at(step) else {
            bail!("there is no step {step}");
        };
        self.batch_of(&self.config.stages[index], self.pairs[index].as_ref(), step)
    }

    fn batch_of(&self, stage: &StageConfig, pairs: Option<&Pool>, step: usize) -> Result<Batch> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.config.seed);
        rng.set_stream(step as u64);
        let mut batch = Batch {
            photo: Vec::new(),
            target: Vec::new(),
            style: Vec::new(),
            smooth: Vec::new(),
            style_weights: Vec::new(),
            guides: Vec::new(),
            regression_weights: Vec::new(),
            landmarks: Vec::new(),
        };
        for _ in 0..self.config.data.batch {
            self.add_photo(&mut batch, stage, pairs, &mut rng)?;
            if self.uses_style(stage) {
                let picture = self.style.choose(&mut rng);
                let crop = self.style_crop(picture, &mut rng)?;
                batch.style.extend(crop);
                batch.style_weights.push(self.cluster_weight(picture));
            }
            if uses_smooth(stage) {
                let crop = self.style_crop(self.smooth.choose(&mut rng), &mut rng)?;
                batch.smooth.extend(crop);
            }
        }
        Ok(batch)
    }

    /// Whether a stage looks at style crops.
    fn uses_style(&self, stage: &StageConfig) -> bool {
        let weights = &stage.weights;
        let judged = weights.discriminator_real.is_used() || weights.discriminator_gray.is_used();
        let real = self.config.discriminator.real == RealPictures::Style;
        weights.style.is_used() || (judged && real)
    }

    fn cluster_weight(&self, picture: &Picture) -> f32 {
        let weights = &self.config.data.style_cluster_weights;
        picture
            .cluster
            .and_then(|cluster| weights.get(&cluster.to_string()))
            .map_or(1.0, |&weight| weight as f32)
    }

    fn add_photo(
        &self,
        batch: &mut Batch,
        stage: &StageConfig,
        pairs: Option<&Pool>,
        rng: &mut ChaCha8Rng,
    ) -> Result<()> {
        let data = &self.config.data;
        let source = match pairs {
            Some(pool) => pool.choose(rng),
            None => self.choose_photo(rng),
        };
        let scale = data.photo_scales[rng.random_range(0..data.photo_scales.len())];
        let (photo, scale) = self.photo_at(&source.path, scale)?;
        let (width, height) = photo.dimensions();
        let side = data.crop_px as u32;
        let face = source.face.map(|face| face.scaled(scale));
        let aim = face
            .filter(|_| rng.random_bool(data.aimed_share))
            .map(|FoundFace { rect, .. }| [rect.x + rect.width / 2.0, rect.y + rect.height / 2.0]);
        let left = place(width, side, aim.map(|centre| centre[0]), rng);
        let top = place(height, side, aim.map(|centre| centre[1]), rng);
        let augmentation = Augmentation::draw(&self.config.augment, rng);
        let view = View {
            left,
            top,
            side,
            turn: augmentation.turn,
            flip: augmentation.flip,
        };

        let seen = match self.config.generator.strokes {
            true => self.in_strokes(&source.path, &photo)?,
            false => photo.clone(),
        };
        let mut values = view.planes(&seen);
        augmentation.tone(&mut values);
        augmentation.degrade(&mut values, side as usize)?;
        add_noise(&mut values, self.config.augment.noise, rng);
        batch.photo.extend(values);
        let landmarks = source
            .pair
            .as_ref()
            .and_then(|pair| pair.landmarks.as_ref());
        if let Some(path) = landmarks {
            self.add_guides(batch, path, &view, scale, [width, height], rng)?;
        } else {
            batch.landmarks.push(face.and_then(|face| {
                landmarks_in_view(
                    face.landmarks.map(|point| view.turned(point)),
                    side as f32,
                    view.flip,
                )
            }));
        }

        let target = match stage.target {
            Target::Procedural => self.drawn(&source.path, &photo)?,
            Target::Pairs => match &source.pair {
                Some(pair) => self.sized(&pair.target, [width, height])?,
                None => bail!("{} is not of a pair", source.path.display()),
            },
            Target::None | Target::Teacher => return Ok(()),
        };
        let mut values = view.planes(&target);
        if !self.config.augment.photo_alone {
            augmentation.tone(&mut values);
        }
        batch.target.extend(values);
        Ok(())
    }

    /// The guide planes of a view of a face's crop of `size`, which is the pair's scaled by `scale`, drawn
    /// from landmarks that err as a detector's do.
    fn add_guides(
        &self,
        batch: &mut Batch,
        path: &Path,
        view: &View,
        scale: f32,
        [width, height]: [u32; 2],
        rng: &mut ChaCha8Rng,
    ) -> Result<()> {
        ensure!(
            width == height,
            "the photo of {} has {width} x {height} pixels, expected a square",
            path.display()
        );
        let error = self.config.augment.landmark_error * width as f32;
        let mut shift = || {
            let normal: f32 = rng.sample(StandardNormal);
            error * normal
        };
        let shift = [shift(), shift()];
        let [left, top] = [view.left, view.top].map(|at| at as f32);
        // Turned with the picture, but in the whole crop: line widths follow its size.
        let points: Vec<[f32; 2]> = read_landmarks(path)?
            .into_iter()
            .map(|[x, y]| {
                let [x, y] = view.turned([x * scale + shift[0], y * scale + shift[1]]);
                [x + left, y + top]
            })
            .collect();
        let known = if rng.random_bool(self.config.augment.irises_hidden) {
            &points[..MESH_POINTS]
        } else {
            &points
        };
        let whole = draw_guides(known, width as usize);
        let side = view.side as usize;
        let mut planes = Vec::with_capacity(GUIDE_PLANES * side * side);
        for plane in whole.chunks_exact((width * width) as usize) {
            for row in plane
                .chunks_exact(width as usize)
                .skip(view.top as usize)
                .take(side)
            {
                let row = &row[view.left as usize..][..side];
                if view.flip {
                    planes.extend(row.iter().rev());
                } else {
                    planes.extend(row);
                }
            }
        }
        let weight = self.config.losses.feature_weight;
        if weight > 0.0 {
            let weights = feature_weights(&planes, side, width as f32, weight)?;
            batch.regression_weights.extend(weights);
        }
        batch.guides.extend(planes);
        let mesh = points
            .get(..LandmarkKind::Mesh468.count())
            .unwrap_or_default();
        let features = Features::new(LandmarkKind::Mesh468, mesh, [width as usize; 2]).ok();
        let five = features.and_then(|found| {
            let five = [
                found.left_eye,
                found.right_eye,
                found.nose,
                found.mouth,
                found.mouth,
            ];
            let five = five.map(|[x, y]| [x - left, y - top]);
            landmarks_in_view(five, view.side as f32, view.flip)
        });
        batch.landmarks.push(five);
        Ok(())
    }

    /// A photo with or without a face, as the shares say.
    fn choose_photo(&self, rng: &mut ChaCha8Rng) -> &Picture {
        let data = &self.config.data;
        let wants_face = rng.random_bool(data.face_share);
        let wants_aligned = rng.random_bool(data.aligned_share);
        if wants_face && wants_aligned && self.aligned.total() > 0.0 {
            self.aligned.choose(rng)
        } else if (wants_face && self.faces.total() > 0.0) || self.scenes.total() == 0.0 {
            self.faces.choose(rng)
        } else {
            self.scenes.choose(rng)
        }
    }

    /// A photo at about `scale` of its prepared size, and how far it was scaled.
    fn photo_at(&self, path: &Path, scale: f32) -> Result<(Arc<RgbImage>, f32)> {
        let photo = self.picture(path)?;
        let size = self.size_at(photo.dimensions().into(), scale);
        Ok((
            self.sized(path, size)?,
            size[0] as f32 / photo.width() as f32,
        ))
    }

    /// Width and height at `scale`, but large enough for a crop.
    fn size_at(&self, size: [u32; 2], scale: f32) -> [u32; 2] {
        let shorter = size[0].min(size[1]) as f32;
        let scale = scale.max(self.config.data.crop_px as f32 / shorter);
        size.map(|side| (side as f32 * scale).round() as u32)
    }

    /// A picture resized to `[width, height]`, kept in the cache.
    fn sized(&self, path: &Path, size: [u32; 2]) -> Result<Arc<RgbImage>> {
        let key = path.with_added_extension(format!("{}x{}", size[0], size[1]));
        self.cached(&key, || Ok(resized((*self.picture(path)?).clone(), size)))
    }

    /// A photo of any size in strokes, kept in the cache.
    fn in_strokes(&self, source: &Path, photo: &RgbImage) -> Result<Arc<RgbImage>> {
        let (width, height) = photo.dimensions();
        let key = source.with_added_extension(format!("{width}x{height}.strokes"));
        self.cached(&key, || in_strokes(photo, self.config.generator.guides))
    }

    /// The procedural target of a photo of the given size.
    fn drawn(&self, source: &Path, photo: &RgbImage) -> Result<Arc<RgbImage>> {
        let path = self.target_path(source, photo.dimensions().into())?;
        self.cached(&path, || open_rgb(&path))
    }

    /// Where the procedural target of a photo is kept, beside the prepared set: targets of other
    /// settings and sizes have other paths.
    fn target_path(&self, source: &Path, [width, height]: [u32; 2]) -> Result<PathBuf> {
        let settings = serde_json::to_string(&self.config.procedural)?;
        let digest = nijigen::style::sha256_hex(settings.as_bytes());
        let folder = source.parent().and_then(Path::file_name);
        let stem = source.file_stem().unwrap_or_default().to_string_lossy();
        Ok(self
            .root
            .join("targets")
            .join(&digest[..12])
            .join(folder.unwrap_or_default())
            .join(format!("{stem}.{width}x{height}.png")))
    }

    /// A crop of a style image at a random size, perhaps flipped.
    fn style_crop(&self, picture: &Picture, rng: &mut ChaCha8Rng) -> Result<Vec<f32>> {
        let image = self.picture(&picture.path)?;
        let data = &self.config.data;
        let [low, high] = data.style_scale;
        let scale = low + (high - low) * rng.random::<f32>();
        let flip = rng.random_bool(self.config.augment.flip);
        let (width, height) = image.dimensions();
        let side = data.crop_px as u32;
        // The region that becomes the crop.
        let region = ((side as f32 / scale).round() as u32)
            .min(width)
            .min(height);
        let x = place(width, region, None, rng);
        let y = place(height, region, None, rng);
        if region == side {
            return Ok(crop_planes(&image, x, y, side, flip));
        }
        let view = imageops::crop_imm(&*image, x, y, region, region).to_image();
        let resized = imageops::resize(&view, side, side, FilterType::CatmullRom);
        Ok(crop_planes(&resized, 0, 0, side, flip))
    }

    fn picture(&self, path: &Path) -> Result<Arc<RgbImage>> {
        self.cached(path, || open_rgb(path))
    }

    fn cached(&self, key: &Path, make: impl FnOnce() -> Result<RgbImage>) -> Result<Arc<RgbImage>> {
        let lock = || self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(picture) = lock().pictures.get(key) {
            return Ok(picture.clone());
        }
        let picture = Arc::new(make()?);
        let mut cache = lock();
        if cache.bytes + picture.as_raw().len() <= self.config.data.cache_mb << 20 {
            cache.bytes += picture.as_raw().len();
            cache.pictures.insert(key.to_owned(), picture.clone());
        }
        Ok(picture)
    }
}

/// A picture at `[width, height]`.
fn resized(picture: RgbImage, [width, height]: [u32; 2]) -> RgbImage {
    if picture.dimensions() == (width, height) {
        return picture;
    }
    imageops::resize(&picture, width, height, FilterType::CatmullRom)
}

/// Whether a stage looks at edge-smoothed style crops.
fn uses_smooth(stage: &StageConfig) -> bool {
    stage.weights.discriminator_smooth.is_used()
}

/// How often a photo is drawn, by the beginning of its file's name.
fn photo_weight(config: &TrainConfig, source: &str) -> f64 {
    let name = source.rsplit('/').next().unwrap_or(source);
    let weights = config.data.photo_weights.iter();
    weights
        .filter(|(prefix, _)| name.starts_with(prefix.as_str()))
        .map(|(_, weight)| weight)
        .product()
}

/// The pictures of a pairs folder.
fn pairs_pool(config: &TrainConfig, folder: &Path) -> Result<Pool> {
    let picture = |pair: Pair| Picture {
        path: pair.photo.clone(),
        weight: photo_weight(config, &pair.photo.to_string_lossy()),
        pair: Some(pair),
        face: None,
        cluster: None,
    };
    let pairs = Pair::list(folder)?;
    Ok(Pool::new(pairs.into_iter().map(picture).collect()))
}

/// Where a window of `side` begins in `size` pixels: anywhere, or with `centre` well inside.
fn place(size: u32, side: u32, centre: Option<f32>, rng: &mut impl Rng) -> u32 {
    let last = size.saturating_sub(side);
    let at = rng.random::<f32>();
    match centre {
        None => ((at * (last + 1) as f32) as u32).min(last),
        Some(centre) => {
            let jitter = (at - 0.5) * 0.5 * side as f32;
            (centre - side as f32 / 2.0 + jitter).clamp(0.0, last as f32) as u32
        }
    }
}

/// Landmarks of a view in its pixels before it is mirrored, mirrored with it; `None` unless eyes, nose and
/// mouth are all inside.
fn landmarks_in_view(points: Landmarks, side: f32, flip: bool) -> Option<Landmarks> {
    let inside = points.iter().flatten().all(|&v| (0.0..side).contains(&v));
    if !inside {
        return None;
    }
    if !flip {
        return Some(points);
    }
    // What was the left eye is the right one now.
    let [left_eye, right_eye, nose, left_mouth, right_mouth] =
        points.map(|[x, y]| [side - 1.0 - x, y]);
    Some([right_eye, left_eye, nose, right_mouth, left_mouth])
}
