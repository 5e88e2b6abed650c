//! `trainer quantize`: a style's weights in 8 bits, and what that changes in pictures.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use futures_lite::future::block_on;
use nijigen::engine::{CpuEngine, Precision};
use nijigen::imaging::Photo;
use nijigen::pipeline;
use nijigen::style::{Dtype, Style, StyleHeader, sha256_hex};

use crate::data::scan::{list, load};
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
    let mut references = references(&original, &arguments.photos)?;
    let mut quantised = int8_style(&original, Vec::new())?;
    let mut worst = compare(&quantised, &mut references)?;
    if worst < arguments.min_psnr {
        println!("the worst picture has {worst:.1} dB; looking for the layers that cost most");
        let sensitive = sensitive_tensors(&original, &references, arguments.min_psnr)?;
        quantised = int8_style(&original, sensitive)?;
        worst = compare(&quantised, &mut references)?;
    }
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
    /// PSNR of the latest comparison, in dB.
    psnr: f64,
}

fn references(original: &Style, folders: &[PathBuf]) -> Result<Vec<Reference>> {
    let engine = CpuEngine::new(original)?;
    let mut references = Vec::new();
    for source in list(folders)? {
        let photo = load(&source.path)?;
        let picture = picture(&engine, &photo)?;
        references.push(Reference {
            name: source.relative,
            photo,
            picture,
            psnr: f64::INFINITY,
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

/// Prints the PSNR of every picture with products in f32 and in 8 bits, and gives the worst, in dB.
fn compare(quantised: &Style, references: &mut [Reference]) -> Result<f64> {
    println!("PSNR (dB) of 8-bit weights, with products in f32 and in 8 bits");
    let stored = CpuEngine::new(quantised)?;
    let int8 = CpuEngine::with_precision(quantised, Precision::Int8);
    let mut worst = f64::INFINITY;
    for reference in references {
        let [stored, int8] = [&stored, &int8].map(|engine| {
            let picture = picture(engine, &reference.photo)?;
            anyhow::Ok(psnr(&reference.picture, &picture))
        });
        let (stored, int8) = (stored?, int8?);
        println!("{stored:6.1} {int8:6.1}  {}", reference.name);
        reference.psnr = stored.min(int8);
        worst = worst.min(reference.psnr);
    }
    Ok(worst)
}

/// Photos that each layer is measured on: those that suffer most.
const SENSITIVITY_PHOTOS: usize = 4;

/// A layer that alone takes a quarter of the error that is allowed stays in f16, in dB above the
/// least PSNR.
const QUARTER_OF_THE_ERROR_DB: f64 = 6.0;

/// The tensors that change a picture too much when they alone are stored in 8 bits.
fn sensitive_tensors(
    original: &Style,
    references: &[Reference],
    min_psnr: f64,
) -> Result<Vec<String>> {
    let mut worst: Vec<&Reference> = references.iter().collect();
    worst.sort_by(|a, b| a.psnr.total_cmp(&b.psnr));
    worst.truncate(SENSITIVITY_PHOTOS);
    let quantisable: Vec<&str> = original.quantisable_tensors().collect();
    let mut sensitive = Vec::new();
    for &tensor in &quantisable {
        let others = quantisable.iter().filter(|&&name| name != tensor);
        let alone = int8_style(original, others.map(ToString::to_string).collect())?;
        let engine = CpuEngine::new(&alone)?;
        let mut least = f64::INFINITY;
        for reference in &worst {
            least = least.min(psnr(
                &reference.picture,
                &picture(&engine, &reference.photo)?,
            ));
        }
        let keep = least < min_psnr + QUARTER_OF_THE_ERROR_DB;
        println!(
            "{least:6.1}  {tensor}{}",
            if keep { ": stays in f16" } else { "" }
        );
        if keep {
            sensitive.push(tensor.to_owned());
        }
    }
    Ok(sensitive)
}

fn picture(engine: &CpuEngine, photo: &Photo) -> Result<Photo> {
    let mut progress = |_: f32| {};
    Ok(block_on(pipeline::stylize(
        engine,
        photo.clone(),
        LONG_SIDE_PX,
        &mut progress,
    ))?)
}

fn with_metric(style: Style, psnr: f64) -> Result<Style> {
    let mut header = style.header().clone();
    header.metrics.insert(METRIC.into(), psnr);
    Ok(Style::new(header, style.weights().clone())?)
}

/// Peak signal-to-noise ratio of two pictures of one size in dB, alpha left out; infinite if they
/// are the same.
fn psnr(a: &Photo, b: &Photo) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (a, b) in a.rgba().chunks_exact(4).zip(b.rgba().chunks_exact(4)) {
        for c in 0..3 {
            let difference = f64::from(a[c]) - f64::from(b[c]);
            sum += difference * difference;
            count += 1.0;
        }
    }
    10.0 * (255.0 * 255.0 * count / sum).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn psnr_of_known_pictures() {
        let photo = |rgb: u8| Photo::new(1, 1, vec![rgb, rgb, rgb, 255]).unwrap();
        assert_eq!(psnr(&photo(10), &photo(10)), f64::INFINITY);
        assert_eq!(psnr(&photo(0), &photo(255)), 0.0);
        assert!((psnr(&photo(100), &photo(101)) - 48.1308).abs() < 1e-3);
    }
}
