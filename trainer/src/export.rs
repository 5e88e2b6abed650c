//! `nijigen export`: the generator of a training run becomes a style file with its model card and
//! a thumbnail.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use image::imageops::{self, FilterType};
use nijigen::grade::PlaceLook;
use nijigen::sky::SkyPalette;
use nijigen::style::{Dtype, Licence, Status, Style, StyleHeader};

use crate::config::TrainConfig;
use crate::data::scan::load;
use crate::picture::{given_tensor, png, tensor_picture, to_rgb};
use crate::run_dir::{Environment, RunDir};
use crate::style_file::as_stored;
use crate::train::{list_checkpoints, read_ema};
use crate::write_file::{write_and_tell, write_file};

/// Side of the thumbnail in pixels.
const THUMBNAIL_PX: u32 = 256;

/// Colours of painted skies.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum SkyChoice {
    /// A deep blue ramp and white clouds.
    Deep,
    /// Milder colours.
    Mild,
}

impl SkyChoice {
    fn palette(self) -> SkyPalette {
        match self {
            Self::Deep => SkyPalette::Deep,
            Self::Mild => SkyPalette::Mild,
        }
    }
}

/// Looks for places.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LookChoice {
    /// Luminous: vivid colours, glow.
    Sky,
    /// Milder colours.
    Film,
}

impl LookChoice {
    fn look(self) -> PlaceLook {
        match self {
            Self::Sky => PlaceLook::Sky,
            Self::Film => PlaceLook::Film,
        }
    }
}

/// Arguments of `nijigen export`.
#[derive(Args)]
pub struct ExportArguments {
    /// Folder of the run; its newest checkpoint is taken.
    run: PathBuf,
    /// The style file to write, as f16; the model card and the thumbnail go beside it.
    style: PathBuf,
    /// Short name: lower-case letters, digits and hyphens.
    #[arg(long)]
    name: String,
    /// Where the training data comes from, with authors.
    #[arg(long)]
    provenance: String,
    /// Licence of the weights and of their training data, with credits.
    #[arg(long)]
    data_licence: String,
    /// Call the style released, once it has been evaluated and looked at.
    #[arg(long)]
    released: bool,
    /// Longer side in pixels at which the network draws; larger photos are drawn at this size, and the
    /// drawing enlarged along the photo. Left out, pictures are drawn at their own size.
    #[arg(long, value_name = "PIXELS")]
    drawing_side: Option<u32>,
    /// How far the network's drawings become cels, with flat tones and outlines, up to 1.
    #[arg(long, requires = "drawing_side", value_name = "SHARE")]
    cel: Option<f32>,
    /// The colours in which the skies of places are painted over the network's drawings.
    #[arg(long, requires = "drawing_side", value_name = "PALETTE")]
    sky: Option<SkyChoice>,
    /// The look whose colours the network's drawings of places get.
    #[arg(long, requires = "drawing_side", value_name = "LOOK")]
    grade: Option<LookChoice>,
    /// The network tells skin and hair around faces, as "nijigen segments" has it learn, and draws no pictures.
    #[arg(long)]
    segmentation: bool,
    /// Photo that the thumbnail is made of.
    #[arg(long, value_name = "FILE")]
    thumbnail: Option<PathBuf>,
}

/// Writes the style file.
///
/// # Errors
/// If the run cannot be read or a file not be written.
pub fn run(arguments: &ExportArguments) -> Result<()> {
    let (run, config, environment) = RunDir::open(&arguments.run)?;
    let (step, checkpoint) = list_checkpoints(&run.checkpoints())?
        .pop()
        .with_context(|| format!("{} has no checkpoint", arguments.run.display()))?;
    let name = run.root().canonicalize()?;
    let name = name.file_name().unwrap_or_default().to_string_lossy();
    let licence = Licence {
        code: "MIT OR Apache-2.0".into(),
        data: arguments.data_licence.clone(),
    };
    let provenance = format!(
        "{} Training run {name}, step {step} of {}.",
        arguments.provenance,
        config.total_steps()
    );
    let header = StyleHeader {
        drawing_side_px: arguments.drawing_side,
        strokes: config.generator.strokes,
        cel: arguments.cel,
        segmentation: arguments.segmentation,
        sky: arguments.sky.map(SkyChoice::palette),
        grade: arguments.grade.map(LookChoice::look),
        dtype: Dtype::F16,
        status: if arguments.released {
            Status::Released
        } else {
            Status::Interim
        },
        ..StyleHeader::new(
            &arguments.name,
            config.generator.name(),
            config.generator.config(),
            licence,
            provenance,
        )
    };
    let exact = Style::new(header, read_ema(&config, &checkpoint)?)?;
    let style = as_stored(&exact)?;
    let card = card(&style, &config, &environment, &name, step)?;
    write_file(&arguments.style.with_extension("md"), card.as_bytes())?;
    if let Some(photo) = &arguments.thumbnail {
        let path = arguments.style.with_extension("png");
        write_file(&path, &thumbnail(&style, photo)?)?;
    }
    write_and_tell(&arguments.style, &style.to_bytes()?)
}

/// The beginning of a model card: what the files know. What a look at the pictures says is added
/// by hand.
fn card(
    style: &Style,
    config: &TrainConfig,
    environment: &Environment,
    run: &str,
    step: usize,
) -> Result<String> {
    let header = style.header();
    let status = if header.status == Status::Released {
        "released"
    } else {
        "interim"
    };
    let macs = style.generator().macs_per_pixel();
    let command: Vec<&str> = environment
        .command
        .iter()
        .enumerate()
        .map(|(i, part)| if i == 0 { "nijigen" } else { part.as_str() })
        .collect();
    Ok(format!(
        "# Model card: {}\n\n| | |\n|---|---|\n\
         | network | `{}`: {} parameters, {:.0} kMAC a pixel, f16 |\n\
         | status | {status} |\n| licence | {} |\n| data | {} |\n\
         | run | `{run}`, step {step} of {} on {} ({} processors), nijigen {} |\n\
         | command | `{}` |\n\n\
         The run's configuration, what differs from the defaults marked:\n\n```toml\n{}```\n",
        header.name,
        header.architecture,
        style.generator().parameter_count(),
        macs / 1e3,
        header.licence.data,
        header.provenance,
        config.total_steps(),
        environment.device,
        environment.processors,
        environment.version,
        command.join(" "),
        config.resolved()?,
    ))
}

/// A square PNG of what the style makes of the middle of a photo.
fn thumbnail(style: &Style, photo: &Path) -> Result<Vec<u8>> {
    let named = || format!("in {}", photo.display());
    let photo = to_rgb(&load(photo).with_context(named)?)?;
    let side = photo.width().min(photo.height());
    let (x, y) = ((photo.width() - side) / 2, (photo.height() - side) / 2);
    let square = imageops::crop_imm(&photo, x, y, side, side).to_image();
    // Strokes are drawn for pictures of about 512 px; the thumbnail shows them smaller.
    let large = 2 * THUMBNAIL_PX;
    let square = imageops::resize(&square, large, large, FilterType::CatmullRom);
    let device = crate::device::device("flex")?;
    let generator = style.generator().init_with(style.weights(), &device)?;
    let given = given_tensor(&square, style.header().strokes, false, &device)?;
    let drawn = tensor_picture(generator.forward(given))?;
    png(&imageops::resize(
        &drawn,
        THUMBNAIL_PX,
        THUMBNAIL_PX,
        FilterType::CatmullRom,
    ))
}
