//! `nijigen portraits`: photos in, what the network for faces learns from out: face crops warped
//! to a drawing's proportions, their portraits, and their landmarks: a folder of pairs.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use image::RgbImage;

use crate::data::scan::{ImageFile, list};
use crate::face_studio::{
    FaceOfPhoto, FaceStudio, pair_name, regions_picture, thumbnail, write_pair, write_sheets,
};
use crate::procedural::portrait::draw_portrait;
use crate::write_file::write_file;

/// Arguments of `nijigen portraits`.
#[derive(Args)]
pub struct PortraitsArguments {
    /// Directories with photos; of each photo the largest face is taken.
    #[arg(required = true, value_name = "DIR")]
    photos: Vec<PathBuf>,
    /// The Python wheel of mediapipe 0.10.21, with the networks for landmarks and people.
    #[arg(long, value_name = "WHEEL")]
    models: PathBuf,
    /// Directory for the pairs (`photo/`, `target/`, `landmarks/`), `sheets/` and `left_out.csv`.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How much faces are warped: 0 (not at all) to 1.
    #[arg(long, default_value_t = 1.0)]
    strength: f32,
    /// Side of the crops in pixels.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(64..=1024))]
    size: u32,
    /// Factor by which FFHQ's square around a face is enlarged.
    #[arg(long, default_value_t = 1.3)]
    expand: f32,
}

/// Makes a pair of each photo that has a face that can be drawn, and lists why the others have
/// none.
///
/// # Errors
/// If an argument is out of range, or a file cannot be read or written.
pub fn run(arguments: &PortraitsArguments) -> Result<()> {
    ensure!(
        (0.0..=1.0).contains(&arguments.strength),
        "--strength is {}, expected 0 to 1",
        arguments.strength
    );
    ensure!(
        (0.5..=4.0).contains(&arguments.expand),
        "--expand is {}, expected 0.5 to 4",
        arguments.expand
    );
    let studio = FaceStudio::new(&arguments.models)?;
    let sources = list(&arguments.photos)?;
    let (mut targets, mut masks) = (Vec::new(), Vec::new());
    let mut left_out = String::from("photo,reason\n");
    let mut made = 0;
    for source in &sources {
        match portray(&studio, source, arguments) {
            Ok(face) => {
                let name = pair_name(&source.path)?;
                let DrawnFace { crop, target, mask } = face;
                write_pair(&arguments.out, &name, &crop.photo, &target, &crop.points)?;
                targets.extend([&crop.photo, &target].map(thumbnail));
                masks.extend([&crop.photo, &mask].map(thumbnail));
                made += 1;
            }
            Err(why) => {
                let why = format!("{why:#}").replace('"', "'");
                writeln!(left_out, "{},\"{why}\"", source.path.display())?;
            }
        }
    }
    write_file(&arguments.out.join("left_out.csv"), left_out.as_bytes())?;
    for (kind, thumbnails) in [("targets", targets), ("masks", masks)] {
        write_sheets(&arguments.out, kind, &thumbnails)?;
    }
    println!(
        "{made} portraits of {} photos; left_out.csv says why the others have none",
        sources.len()
    );
    Ok(())
}

/// What is learnt from, of one face.
struct DrawnFace {
    /// The warped crop.
    crop: FaceOfPhoto,
    /// Its portrait.
    target: RgbImage,
    /// Skin in red, hair in green, the person in blue.
    mask: RgbImage,
}

/// A photo's largest face, drawn.
///
/// # Errors
/// Why there is none.
fn portray(
    studio: &FaceStudio,
    source: &ImageFile,
    arguments: &PortraitsArguments,
) -> Result<DrawnFace> {
    let likeness = 1.0 - arguments.strength;
    let side = arguments.size as usize;
    let crop = studio.largest_face(source, side, arguments.expand, likeness)?;
    let portrait = draw_portrait(&crop.photo, &crop.points, &crop.person)?;
    Ok(DrawnFace {
        mask: regions_picture(&portrait.skin, &portrait.hair, &crop.person),
        target: portrait.picture,
        crop,
    })
}
