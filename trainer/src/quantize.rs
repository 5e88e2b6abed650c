//! `nijigen quantize`: a style's weights in 8 bits, ranges of its activations, and what they change in
//! pictures.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use burn::tensor::Device;
use clap::{Args, ValueEnum};
use futures_lite::future::block_on;
use nijigen::engine::{CpuEngine, Engine, Precision};
use nijigen::imaging::Photo;
use nijigen::pipeline::Network;
use nijigen::style::{Dtype, Style, StyleHeader};

use crate::calibrate::{Method, Ranges, calibrate, calibrated_engine};
use crate::data::scan::{list, load};
use crate::likeness::{picture, psnr};
use crate::style_file::{as_stored, open_style, with_metrics};
use crate::train::{Pair, read_landmarks};
use crate::write_file::write_and_tell;

/// Longer side of the pictures that are compared, in pixels.
const LONG_SIDE_PX: usize = 512;

/// Name of the worst picture's figure in the style file, in dB.
const METRIC: &str = "int8_psnr";

/// The same with calibrated activations.
const CALIBRATED_METRIC: &str = "calibrated_psnr";

/// What `--percentile` is by default.
const PERCENTILE: f64 = 99.999;

/// Arguments of `nijigen quantize`.
#[derive(Args)]
pub struct QuantizeArguments {
    /// The style file, with weights in f32 or f16.
    style: PathBuf,
    /// The style file to write; an existing one is replaced.
    out: PathBuf,
    /// Folder of photos whose pictures are compared; may be given again. For networks with guide planes, a folder of pairs with
    /// landmarks, as "nijigen portraits" and "nijigen segments" write them.
    #[arg(long, value_name = "DIR", required = true)]
    photos: Vec<PathBuf>,
    /// Least peak signal-to-noise ratio in dB of a picture against the unquantised style's. Layers that
    /// cost more than they may stay in f16; if that does not help, nothing is written.
    #[arg(long, default_value_t = 38.0)]
    min_psnr: f64,
    /// Also store the ranges of the activations, for ONNX models in 8 bits. Those of layers that take
    /// pictures below --min-psnr are left out.
    #[arg(long, value_enum, value_name = "METHOD")]
    calibrate: Option<MethodArgument>,
    /// Share of the values in percent that ranges keep, with `--calibrate percentile`; by default
    /// 99.999.
    #[arg(long, requires = "calibrate")]
    percentile: Option<f64>,
    /// Folder of photos to calibrate on instead of those of --photos; may be given again.
    #[arg(long, value_name = "DIR", requires = "calibrate")]
    calibration_photos: Vec<PathBuf>,
    /// Device that activations are calibrated on: flex, tch, cuda, vulkan or wgpu.
    #[arg(long, default_value = "flex")]
    device: String,
}

/// The methods of [`Method`] by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MethodArgument {
    /// From the least value to the largest.
    MinMax,
    /// Without the rarest values at either end.
    Percentile,
}

/// Quantises, keeps in f16 what pictures suffer from, calibrates, and prints what it costs.
///
/// # Errors
/// If a file cannot be read, the style is quantised already, or a picture falls
/// below `--min-psnr` even so.
pub fn run(arguments: &QuantizeArguments) -> Result<()> {
    let method = method(arguments.calibrate, arguments.percentile)?;
    let device = crate::device::device(&arguments.device)?;
    let original = open_style(&arguments.style)?;
    ensure!(
        original.header().dtype != Dtype::Int8,
        "the weights of {} are quantised already",
        arguments.style.display()
    );
    let is_guided = original.generator().is_guided();
    ensure!(
        !(is_guided && method.is_some()),
        "{} takes guide planes, expected a network without for --calibrate",
        arguments.style.display()
    );
    let references = match is_guided {
        true => guided_references(&original, &arguments.photos)?,
        false => references(&original, &arguments.photos)?,
    };
    let mut quantised = int8_style(&original, Vec::new())?;
    let mut psnrs = compare(&quantised, &references)?;
    if least(&psnrs) < arguments.min_psnr {
        let worst = least(&psnrs);
        println!("the worst picture has {worst:.1} dB; looking for the layers that cost most");
        let worst = worst_references(&references, &psnrs);
        let sensitive = sensitive_tensors(&original, &worst, arguments.min_psnr)?;
        quantised = int8_style(&original, sensitive)?;
        psnrs = compare(&quantised, &references)?;
    }
    let worst = least(&psnrs);
    ensure!(
        worst >= arguments.min_psnr,
        "a picture's PSNR is {worst:.1} dB, expected {} or more; nothing was written",
        arguments.min_psnr
    );
    quantised = with_metrics(&quantised, [(METRIC.into(), worst)])?;
    if let Some(method) = method {
        let folders = match &arguments.calibration_photos[..] {
            [] => &arguments.photos,
            folders => folders,
        };
        let weights = int8_tensors(&quantised);
        let photos = list(folders)?;
        let ranges = calibrate(&original, &weights, &photos, LONG_SIDE_PX, method, &device)?;
        println!(
            "activations calibrated by {method} on {} photos",
            photos.len()
        );
        let limit = arguments.min_psnr;
        quantised = calibrated(&quantised, &original, ranges, &references, limit, &device)?;
    }
    let bytes = quantised.to_bytes()?;
    write_and_tell(&arguments.out, &bytes)?;
    let exact_bytes = 4 * quantised.generator().parameter_count();
    let share = 100.0 * bytes.len() as f64 / exact_bytes as f64;
    println!("{share:.1} % of f32");
    Ok(())
}

/// How to calibrate, as the arguments say.
fn method(method: Option<MethodArgument>, percentile: Option<f64>) -> Result<Option<Method>> {
    Ok(match (method, percentile) {
        (None, _) => None,
        (Some(MethodArgument::MinMax), None) => Some(Method::MinMax),
        (Some(MethodArgument::MinMax), Some(_)) => {
            bail!("--percentile is given with --calibrate min-max, expected --calibrate percentile")
        }
        (Some(MethodArgument::Percentile), percent) => {
            let percent = percent.unwrap_or(PERCENTILE);
            ensure!(
                percent > 50.0 && percent <= 100.0,
                "--percentile is {percent}, expected above 50 and at most 100"
            );
            Some(Method::Percentile(percent))
        }
    })
}

/// A photo and the picture of it that a quantised style is measured by.
struct Reference {
    name: String,
    photo: Photo,
    /// The mesh of its face, for networks with guide planes.
    points: Option<Vec<[f32; 2]>>,
    picture: Photo,
    /// Of the style, which says how it is given photos.
    header: StyleHeader,
}

impl Reference {
    /// PSNR of a style's picture of the photo, in dB.
    fn psnr_of(&self, engine: &impl Engine) -> Result<f64> {
        let picture = match &self.points {
            Some(points) => guided_picture(engine, &self.header, &self.photo, points)?,
            None => picture(engine, &self.header, &self.photo, LONG_SIDE_PX)?,
        };
        Ok(psnr(&self.picture, &picture))
    }
}

fn references(original: &Style, folders: &[PathBuf]) -> Result<Vec<Reference>> {
    let engine = CpuEngine::new(original)?;
    let mut references = Vec::new();
    for source in list(folders)? {
        let named = || format!("in {}", source.path.display());
        let photo = load(&source.path).with_context(named)?;
        let picture = picture(&engine, original.header(), &photo, LONG_SIDE_PX)?;
        references.push(Reference {
            name: source.relative,
            photo,
            points: None,
            picture,
            header: original.header().clone(),
        });
    }
    Ok(references)
}

/// The same of faces with their landmarks, for networks with guide planes: what these themselves make of them.
fn guided_references(original: &Style, folders: &[PathBuf]) -> Result<Vec<Reference>> {
    let engine = CpuEngine::new(original)?;
    let mut references = Vec::new();
    for folder in folders {
        for pair in Pair::list(folder)? {
            let name = pair.photo.display().to_string();
            let photo = load(&pair.photo).with_context(|| format!("in {name}"))?;
            let landmarks = pair.landmarks.as_ref();
            let landmarks = landmarks.with_context(|| format!("{name} has no landmarks"))?;
            let points = read_landmarks(landmarks)?;
            references.push(Reference {
                picture: guided_picture(&engine, original.header(), &photo, &points)?,
                name,
                photo,
                points: Some(points),
                header: original.header().clone(),
            });
        }
    }
    Ok(references)
}

/// What a network with guide planes makes of a face's crop.
fn guided_picture(
    engine: &impl Engine,
    header: &StyleHeader,
    photo: &Photo,
    points: &[[f32; 2]],
) -> Result<Photo> {
    let (network, mut silent) = (Network::of_style(engine, header), |_: f32| {});
    let drawing = network.draw_guided(photo.clone(), points, 0, &mut silent);
    Ok(block_on(drawing)?)
}

/// The style as a file in 8 bits holds it.
fn int8_style(original: &Style, f16_tensors: Vec<String>) -> Result<Style> {
    as_stored(&original.with_header(|header| {
        header.dtype = Dtype::Int8;
        header.f16_tensors = f16_tensors;
    })?)
}

/// Prints the PSNR of every picture with products in f32 and in 8 bits, and gives the lower one of
/// each, in dB.
fn compare(quantised: &Style, references: &[Reference]) -> Result<Vec<f64>> {
    println!("PSNR (dB) of 8-bit weights, with products in f32 and in 8 bits");
    let stored = CpuEngine::new(quantised)?;
    let int8 = CpuEngine::with_precision(quantised, Precision::Int8);
    let (mut with_f32, mut with_int8) = (Vec::new(), Vec::new());
    for reference in references {
        let [stored, int8] = [reference.psnr_of(&stored)?, reference.psnr_of(&int8)?];
        println!("{stored:6.1} {int8:6.1}  {}", reference.name);
        with_f32.push(stored);
        with_int8.push(int8);
    }
    summarise("products in f32", &with_f32);
    summarise(
        "products in 8 bits, each pixel by its own range",
        &with_int8,
    );
    let lower = with_f32.iter().zip(&with_int8).map(|(a, b)| a.min(*b));
    Ok(lower.collect())
}

/// Prints the worst and the mean of the pictures' PSNR.
fn summarise(what: &str, psnrs: &[f64]) {
    let mean = psnrs.iter().sum::<f64>() / psnrs.len() as f64;
    println!("worst {:.1}, mean {mean:.1}: {what}", least(psnrs));
}

fn least(psnrs: &[f64]) -> f64 {
    psnrs.iter().copied().fold(f64::INFINITY, f64::min)
}

/// Photos that each layer is measured on.
const SENSITIVITY_PHOTOS: usize = 4;

/// The references whose pictures suffer most, given the PSNR of all.
fn worst_references<'a>(references: &'a [Reference], psnrs: &[f64]) -> Vec<&'a Reference> {
    let mut order: Vec<usize> = (0..references.len()).collect();
    order.sort_by(|&a, &b| psnrs[a].total_cmp(&psnrs[b]));
    order.truncate(SENSITIVITY_PHOTOS);
    order.into_iter().map(|i| &references[i]).collect()
}

/// A layer that alone takes a quarter of the error that is allowed stays in f16, in dB above the
/// least PSNR.
const QUARTER_OF_THE_ERROR_DB: f64 = 6.0;

/// The tensors that change a picture too much when they alone are stored in 8 bits.
fn sensitive_tensors(
    original: &Style,
    references: &[&Reference],
    min_psnr: f64,
) -> Result<Vec<String>> {
    let quantisable: Vec<&str> = original.quantisable_tensors().collect();
    let mut sensitive = Vec::new();
    for &tensor in &quantisable {
        let others = quantisable.iter().filter(|&&name| name != tensor);
        let alone = int8_style(original, others.map(ToString::to_string).collect())?;
        let engine = CpuEngine::new(&alone)?;
        let worst = worst_of(&engine, references)?;
        let keep = worst < min_psnr + QUARTER_OF_THE_ERROR_DB;
        let verdict = if keep { ": stays in f16" } else { "" };
        println!("{worst:6.1}  {tensor}{verdict}");
        if keep {
            sensitive.push(tensor.to_owned());
        }
    }
    Ok(sensitive)
}

/// The tensors that the style's file stores in 8 bits.
fn int8_tensors(style: &Style) -> BTreeSet<String> {
    let in_f16 = |name: &str| {
        style
            .header()
            .f16_tensors
            .iter()
            .any(|tensor| tensor == name)
    };
    let tensors = style.quantisable_tensors().filter(|name| !in_f16(name));
    tensors.map(ToString::to_string).collect()
}

/// The style with as many of the `ranges` as its pictures can take: the range that costs most by
/// itself goes first.
fn calibrated(
    quantised: &Style,
    original: &Style,
    mut ranges: Ranges,
    references: &[Reference],
    min_psnr: f64,
    device: &Device,
) -> Result<Style> {
    let mut costliest: Option<Vec<String>> = None;
    loop {
        let style = with_ranges(quantised, ranges.clone())?;
        println!("PSNR (dB) with {} calibrated layers", ranges.len());
        let psnrs = pictures_psnr(&calibrated_engine(&style, device)?, references)?;
        summarise("calibrated activations", &psnrs);
        let worst = least(&psnrs);
        if worst >= min_psnr || ranges.is_empty() {
            return with_metrics(&style, [(CALIBRATED_METRIC.into(), worst)]);
        }
        let few = worst_references(references, &psnrs);
        let order = match &mut costliest {
            Some(order) => order,
            None => {
                println!("the worst picture has {worst:.1} dB; what each layer costs by itself:");
                costliest.insert(by_cost(original, &ranges, &few, device)?)
            }
        };
        // The few worst pictures tell when to look at all of them again.
        while let Some(name) = order.pop() {
            println!("the activations of {name} stay in floating point");
            ranges.remove(&name);
            let style = with_ranges(quantised, ranges.clone())?;
            let engine = calibrated_engine(&style, device)?;
            if worst_of(&engine, &few)? >= min_psnr {
                break;
            }
        }
    }
}

/// The layers that have ranges, those last that alone change the worst picture most.
fn by_cost(
    original: &Style,
    ranges: &Ranges,
    references: &[&Reference],
    device: &Device,
) -> Result<Vec<String>> {
    let mut costs = Vec::new();
    for (name, range) in ranges {
        let alone = with_ranges(original, Ranges::from([(name.clone(), *range)]))?;
        let worst = worst_of(&calibrated_engine(&alone, device)?, references)?;
        println!("{worst:6.1}  {name}");
        costs.push((worst, name.clone()));
    }
    costs.sort_by(|a, b| b.0.total_cmp(&a.0));
    Ok(costs.into_iter().map(|(_, name)| name).collect())
}

/// Prints the PSNR of an engine's pictures and gives them, in dB.
fn pictures_psnr(engine: &impl Engine, references: &[Reference]) -> Result<Vec<f64>> {
    references
        .iter()
        .map(|reference| {
            let psnr = reference.psnr_of(engine)?;
            println!("{psnr:6.1}  {}", reference.name);
            Ok(psnr)
        })
        .collect()
}

/// The lowest PSNR of an engine's pictures, in dB.
fn worst_of(engine: &impl Engine, references: &[&Reference]) -> Result<f64> {
    let psnrs = references.iter().map(|reference| reference.psnr_of(engine));
    Ok(least(&psnrs.collect::<Result<Vec<_>>>()?))
}

fn with_ranges(style: &Style, activation_ranges: Ranges) -> Result<Style> {
    Ok(style.with_header(|header| header.activation_ranges = activation_ranges)?)
}
