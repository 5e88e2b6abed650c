//! `nijigen targets`: photos and their procedural targets as a folder of pairs.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

use crate::config::TrainConfig;
use crate::data::prepared::output_name;
use crate::data::scan::{ImageFile, fit, list, load};
use crate::picture::png;
use crate::procedural::{Look, ProceduralConfig};
use crate::write_file::write_file;

/// The list of what was drawn.
const LIST: &str = "targets.csv";

/// Arguments of `nijigen targets`.
#[derive(Args)]
pub struct TargetsArguments {
    /// Folder of photos, with those in it; may be given again.
    #[arg(long = "photos", value_name = "DIR", required = true)]
    photos: Vec<PathBuf>,
    /// Folder for `photo/`, `target/` and `targets.csv`; made if needed. Pairs of
    /// the same names are replaced.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Look of the targets; that of the configuration if left out.
    #[arg(long)]
    look: Option<Look>,
    /// Preset or file whose section `procedural` says how to draw.
    #[arg(long, default_value = "recipe", value_name = "NAME|FILE")]
    config: String,
    /// Longer side of the pictures in pixels.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(16..=4096))]
    long_side: u32,
    /// Draw pictures too whose sky is not surely told from the rest.
    #[arg(long)]
    unsure: bool,
}

/// What became of a photo.
struct Target {
    file: String,
    sky_confidence: f32,
    kept: bool,
}

/// Draws and tells how many pairs there are.
///
/// # Errors
/// If a folder has no photos, a photo cannot be read, or a file not be written.
pub fn run(arguments: &TargetsArguments) -> Result<()> {
    let mut config = TrainConfig::open(&arguments.config)?.procedural;
    if let Some(look) = arguments.look {
        config.look = look;
    }
    let sources = list(&arguments.photos)?;
    let style = ProgressStyle::with_template("drawing {bar:30} {pos}/{len}, {eta} left")?;
    let bar = ProgressBar::new(sources.len() as u64).with_style(style);
    let targets = sources
        .par_iter()
        .map(|source| {
            let target = draw(arguments, &config, source)
                .with_context(|| format!("cannot draw {}", source.path.display()))?;
            bar.inc(1);
            Ok(target)
        })
        .collect::<Result<Vec<Target>>>()?;
    bar.finish_and_clear();
    let mut text = String::from("file,sky_confidence,kept\n");
    for target in &targets {
        let kept = u8::from(target.kept);
        writeln!(text, "{},{:.3},{kept}", target.file, target.sky_confidence)?;
    }
    write_file(&arguments.out.join(LIST), text.as_bytes())?;
    let kept = targets.iter().filter(|target| target.kept).count();
    println!("{kept} pairs of {} photos", targets.len());
    ensure!(kept > 0, "no photo's target can be learnt from");
    Ok(())
}

/// Draws one photo and writes the pair, if it is to be kept.
fn draw(
    arguments: &TargetsArguments,
    config: &ProceduralConfig,
    source: &ImageFile,
) -> Result<Target> {
    let file = output_name(source.folder, &source.relative) + ".png";
    let path = |kind: &str| -> PathBuf { arguments.out.join(kind).join(&file) };
    let photo = fit(load(&source.path)?, arguments.long_side)?;
    let drawn = config.draw_target(&photo)?;
    let kept = arguments.unsure || drawn.is_sure();
    if kept {
        write_file(&path("photo"), &png(&photo)?)?;
        write_file(&path("target"), &png(&drawn.picture)?)?;
    }
    Ok(Target {
        file,
        sky_confidence: drawn.sky_confidence,
        kept,
    })
}
