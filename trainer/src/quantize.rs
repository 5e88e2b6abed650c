//! `trainer quantize`: a style's weights in 8 bits, and what that changes in pictures.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use nijigen::engine::{CpuEngine, Precision};
use nijigen::imaging::Photo;
use nijigen::style::{Dtype, Style, StyleHeader, sha256_hex};

use crate::data::scan::{list, load};
use crate::likeness::{picture, psnr};
use crate::style_file::{as_stored, open_style};
use crate::write_file::write_file;

/// Longer side of the pictures that are compared, in pixels.
const LONG_SIDE_PX: usize = 512;

/// Name of the worst picture's figure in the style file, in dB.
const METRIC: &str = "int8_psnr";

/// Arguments of `trainer quantize`.
#[derive(Args)]
pub struct QuantizeArguments {
    /// The style file, with weights in f32 or f16.
    style: PathBuf,
    /// The style file to write; an existing one is replaced.
    out: PathBuf,
    /// Folder of photos whose pictures are compared; may be given again.
    #[arg(long, value_name = "DIR", required = true)]
    photos: Vec<PathBuf>,
    /// Least peak signal-to-noise ratio in dB of a picture against the unquantised style's. Layers that
    /// cost more than they may stay in f16; if that does not help, nothing is written.
    #[arg(long, default_value_t = 38.0)]
    min_psnr: f64,
}

/// Quantises, keeps in f16 what pictures suffer from, and prints what it costs.
///
/// # Errors
/// If a file cannot be read, the style is quantised already, or a picture falls
/// below `--min-psnr` even so.
pub fn run(arguments: &QuantizeArguments) -> Result<()> {
    let original = open_style(&arguments.style)?;
    ensure!(
        original.header().dtype != Dtype::Int8,
        "the weights of {} are quantised already",
        arguments.style.display()
    );
    let references = references(&original, &arguments.photos)?;
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
    let quantised = with_metric(quantised, worst)?;
    let bytes = quantised.to_bytes()?;
    write_file(&arguments.out, &bytes)?;
    println!(
        "wrote {} ({} bytes, {:.1} % of f32, SHA-256 {})",
        arguments.out.display(),
        bytes.len(),
        100.0 * bytes.len() as f64 / (4 * quantised.generator().parameter_count()) as f64,
        sha256_hex(&bytes)
    );
    Ok(())
}

/// A photo and the picture of it that a quantised style is measured by.
struct Reference {
    name: String,
    photo: Photo,
    picture: Photo,
}

impl Reference {
    /// PSNR of the engine's picture of the photo, in dB.
    fn psnr_of(&self, engine: &CpuEngine) -> Result<f64> {
        Ok(psnr(
            &self.picture,
            &picture(engine, &self.photo, LONG_SIDE_PX)?,
        ))
    }
}

fn references(original: &Style, folders: &[PathBuf]) -> Result<Vec<Reference>> {
    let engine = CpuEngine::new(original)?;
    let mut references = Vec::new();
    for source in list(folders)? {
        let photo = load(&source.path)?;
        let picture = picture(&engine, &photo, LONG_SIDE_PX)?;
        references.push(Reference {
            name: source.relative,
            photo,
            picture,
        });
    }
    Ok(references)
}

/// The style as a file in 8 bits holds it.
fn int8_style(original: &Style, f16_tensors: Vec<String>) -> Result<Style> {
    let header = StyleHeader {
        dtype: Dtype::Int8,
        f16_tensors,
        ..original.header().clone()
    };
    as_stored(&Style::new(header, original.weights().clone())?)
}

/// Prints the PSNR of every picture with products in f32 and in 8 bits, and gives the lower one of
/// each, in dB.
fn compare(quantised: &Style, references: &[Reference]) -> Result<Vec<f64>> {
    println!("PSNR (dB) of 8-bit weights, with products in f32 and in 8 bits");
    let stored = CpuEngine::new(quantised)?;
    let int8 = CpuEngine::with_precision(quantised, Precision::Int8);
    references
        .iter()
        .map(|reference| {
            let [stored, int8] = [reference.psnr_of(&stored)?, reference.psnr_of(&int8)?];
            println!("{stored:6.1} {int8:6.1}  {}", reference.name);
            Ok(stored.min(int8))
        })
        .collect()
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
        let psnrs = references
            .iter()
            .map(|reference| reference.psnr_of(&engine))
            .collect::<Result<Vec<f64>>>()?;
        let worst = least(&psnrs);
        let keep = worst < min_psnr + QUARTER_OF_THE_ERROR_DB;
        let verdict = if keep { ": stays in f16" } else { "" };
        println!("{worst:6.1}  {tensor}{verdict}");
        if keep {
            sensitive.push(tensor.to_owned());
        }
    }
    Ok(sensitive)
}

fn with_metric(style: Style, psnr: f64) -> Result<Style> {
    let mut header = style.header().clone();
    header.metrics.insert(METRIC.into(), psnr);
    Ok(Style::new(header, style.weights().clone())?)
}
