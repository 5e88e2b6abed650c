//! `nijigen compare`: what variants of a style cost, and how near they come to their teacher.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;
use nijigen::engine::CpuEngine;
use nijigen::imaging::{Photo, Planes};
use nijigen::style::Style;

use crate::data::prepared::{Kind, Prepared, Split};
use crate::data::scan::load;
use crate::data::spread::spread;
use crate::likeness::{picture, psnr};
use crate::parity::output;
use crate::style_file::{open_style, write_metrics};

/// Longer side of the pictures that are compared, and side of the one that is timed, in pixels.
const SIDE_PX: usize = 512;
/// Names of the mean and the least PSNR in a style file, in dB.
const METRICS: [&str; 2] = ["teacher_psnr", "teacher_psnr_worst"];
/// Pictures that are timed; the fastest counts.
const TIMED: usize = 5;

/// Arguments of `nijigen compare`.
#[derive(Args)]
pub struct CompareArguments {
    /// Style file; may be given again.
    #[arg(long = "style", value_name = "FILE", required = true)]
    styles: Vec<PathBuf>,
    /// Style file whose pictures the others should make.
    #[arg(long, value_name = "FILE")]
    teacher: PathBuf,
    /// Folder made by `nijigen prepare`, whose held-out photos are used.
    #[arg(long, value_name = "DIR")]
    prepared: PathBuf,
    /// Use at most this many photos, spread over all.
    #[arg(long)]
    limit: Option<usize>,
    /// Write each style's PSNR to the teacher into its file's header.
    #[arg(long)]
    write: bool,
}

/// Compares and prints a table.
///
/// # Errors
/// If a file cannot be read, or there are no held-out photos.
pub fn run(arguments: &CompareArguments) -> Result<()> {
    let prepared = Prepared::open(&arguments.prepared)?;
    let photos = photos(&prepared, arguments.limit)?;
    let teacher = pictures(&open_style(&arguments.teacher)?, &photos)?;
    println!("| style | parameters | kMAC/px | bytes | PSNR (dB) | worst | ms at {SIDE_PX}² |");
    println!("|---|---|---|---|---|---|---|");
    for path in &arguments.styles {
        let style = open_style(path)?;
        let bytes = std::fs::metadata(path)
            .with_context(|| format!("cannot read {}", path.display()))?
            .len();
        let ratios: Vec<f64> = pictures(&style, &photos)?
            .iter()
            .zip(&teacher)
            .map(|(picture, teacher)| psnr(picture, teacher))
            .collect();
        let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
        let worst = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let macs = style.generator().macs_per_pixel();
        println!(
            "| {} | {} | {:.1} | {bytes} | {mean:.2} | {worst:.2} | {:.0} |",
            style.header().name,
            style.generator().parameter_count(),
            macs / 1e3,
            milliseconds(&style)?,
        );
        // JSON has no infinity, which a copy of the teacher has.
        if arguments.write && mean.is_finite() {
            let names = METRICS.map(String::from);
            write_metrics(path, &style, names.into_iter().zip([mean, worst]))?;
        }
    }
    Ok(())
}

fn photos(prepared: &Prepared, limit: Option<usize>) -> Result<Vec<Photo>> {
    let all: Vec<_> = prepared.entries(Kind::Photo, Split::HeldOut).collect();
    let some = spread(all, limit.unwrap_or(usize::MAX));
    if some.is_empty() {
        bail!("there are no held-out photos; prepare the set with --hold-out");
    }
    some.iter()
        .map(|entry| load(&prepared.path(&entry.file)))
        .collect()
}

fn pictures(style: &Style, photos: &[Photo]) -> Result<Vec<Photo>> {
    let engine = CpuEngine::new(style)?;
    photos
        .iter()
        .map(|photo| picture(&engine, style.header(), photo, SIDE_PX))
        .collect()
}

/// Time of one square picture in the CPU engine, on all its threads.
pub fn milliseconds(style: &Style) -> Result<f64> {
    let engine = CpuEngine::new(style)?;
    let area = SIDE_PX * SIDE_PX;
    let mut values: Vec<f32> = (0..style.generator().input_channels * area)
        .map(|i| (i as f32 * 0.01).sin())
        .collect();
    let guides = values.split_off(3 * area);
    let planes = Planes::new(SIDE_PX, SIDE_PX, values)?.with_guides(&guides)?;
    let mut least = f64::INFINITY;
    for _ in 0..TIMED {
        let started = Instant::now();
        output(&engine, &planes)?;
        least = least.min(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok(least)
}
