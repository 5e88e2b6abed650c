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
    /// Write nothing if a picture differs more than this from the unquantised style's (peak
    /// signal-to-noise ratio in dB).
    #[arg(long, default_value_t = 38.0)]
    min_psnr: f64,
}

/// Quantises and prints what it costs.
///
/// # Errors
/// If a file cannot be read, the style is quantised already, or a picture falls below
/// `--min-psnr`.
pub fn run(arguments: &QuantizeArguments) -> Result<()> {
    let original = open_style(&arguments.style)?;
    ensure!(
        original.header().dtype != Dtype::Int8,
        "the weights of {} are quantised already",
        arguments.style.display()
    );
    let header = StyleHeader {
        dtype: Dtype::Int8,
        ..original.header().clone()
    };
    let quantised = as_stored(&Style::new(header, original.weights().clone())?)?;
    let engines = [
        CpuEngine::new(&original)?,
        CpuEngine::new(&quantised)?,
        CpuEngine::with_precision(&quantised, Precision::Int8),
    ];
    println!("PSNR (dB) of 8-bit weights, with products in f32 and in 8 bits");
    let mut worst = f64::INFINITY;
    for source in list(&arguments.photos)? {
        let photo = load(&source.path)?;
        let picture = |engine: &CpuEngine| -> Result<Photo> {
            let photo = photo.clone();
            let mut progress = |_: f32| {};
            let picture = pipeline::stylize(engine, photo, LONG_SIDE_PX, &mut progress);
            Ok(block_on(picture)?)
        };
        let [exact, stored, int8] = [&engines[0], &engines[1], &engines[2]].map(picture);
        let exact = exact?;
        let (stored, int8) = (psnr(&exact, &stored?), psnr(&exact, &int8?));
        println!("{:6.1} {:6.1}  {}", stored, int8, source.relative);
        worst = worst.min(stored).min(int8);
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
