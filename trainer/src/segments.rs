//! `nijigen segments`: photos in, what a segmentation network learns from out: squares around faces, where skin, hair and the
//! person are in them, and their landmarks: a folder of pairs.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use image::imageops::{FilterType, resize};
use image::{Rgb, RgbImage};
use nijigen::drawing::{HEAD_EXPAND, SEGMENTED_SIDE_PX};
use nijigen::filter::resize::resize as resize_plane;
use nijigen::imaging::{OUTSIDE, is_inside};

use crate::data::scan::{ImageFile, list};
use crate::dense::HairSegmentation;
use crate::face_studio::{
    FaceOfPhoto, FaceStudio, pair_name, regions_picture, thumbnail, write_pair, write_sheets,
};
use crate::hair_regions::correct_hair;
use crate::procedural::portrait::find_segments;
use crate::write_file::write_file;

/// Arguments of `nijigen segments`.
#[derive(Args)]
pub struct SegmentsArguments {
    /// Directories with photos; of each photo the largest face is taken.
    #[arg(required = true, value_name = "DIR")]
    photos: Vec<PathBuf>,
    /// The Python wheel of mediapipe 0.10.21, with the networks for landmarks and people.
    #[arg(long, value_name = "WHEEL")]
    models: PathBuf,
    /// MediaPipe's network of hair, `hair_segmentation.tflite`, which corrects what rules alone take for hair.
    #[arg(long, value_name = "FILE")]
    hair: Option<PathBuf>,
    /// Directory for the pairs (`photo/`, `target/`, `landmarks/`), `sheets/` and `left_out.csv`.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Side of the squares in pixels.
    #[arg(long, default_value_t = SEGMENTED_SIDE_PX as u32, value_parser = clap::value_parser!(u32).range(64..=1024))]
    size: u32,
}

/// How many times as large squares are looked at as they are written: rules tell more in more pixels.
const FINER: u32 = 2;

/// Makes a pair of each photo that has a face, and lists why the others have none.
///
/// # Errors
/// If an argument is out of range, or a file cannot be read or written.
pub fn run(arguments: &SegmentsArguments) -> Result<()> {
    let studio = FaceStudio::new(&arguments.models)?;
    let hair = arguments.hair.as_deref().map(HairSegmentation::new);
    let hair = hair.transpose()?;
    let sources = list(&arguments.photos)?;
    let mut sheet = Vec::new();
    let mut left_out = String::from("photo,reason\n");
    for source in &sources {
        match segmented(&studio, hair.as_ref(), source, arguments.size) {
            Ok((face, regions)) => {
                let name = pair_name(&source.path)?;
                write_pair(&arguments.out, &name, &face.photo, &regions, &face.points)?;
                sheet.extend([&face.photo, &regions].map(thumbnail));
            }
            Err(why) => {
                let why = format!("{why:#}").replace('"', "'");
                writeln!(left_out, "{},\"{why}\"", source.path.display())?;
            }
        }
    }
    write_file(&arguments.out.join("left_out.csv"), left_out.as_bytes())?;
    write_sheets(&arguments.out, "segments", &sheet)?;
    println!(
        "{} squares of {} photos; left_out.csv says why the others have none",
        sheet.len() / 2,
        sources.len()
    );
    Ok(())
}

/// The square around a photo's largest face as it is written, and its regions.
///
/// # Errors
/// Why there is none.
fn segmented(
    studio: &FaceStudio,
    hair: Option<&HairSegmentation>,
    source: &ImageFile,
    side: u32,
) -> Result<(FaceOfPhoto, RgbImage)> {
    let mut face = studio.largest_face(source, (FINER * side) as usize, HEAD_EXPAND, 1.0)?;
    let segments = find_segments(&face.photo, &face.points, &face.person)?;
    let mut regions = regions_picture(&segments.skin, &segments.hair, &face.person);
    for Rgb([_, hair, person]) in regions.pixels_mut() {
        *hair = (*hair).min(*person);
    }
    let (to_photo, photo_size) = face.place;
    let width = face.photo.width() as usize;
    let outside = |i: usize| !is_inside(i, width, to_photo, photo_size);
    for (i, pixel) in face.photo.pixels_mut().enumerate() {
        if outside(i) {
            *pixel = Rgb(OUTSIDE);
        }
    }
    let smaller = |picture: &RgbImage| resize(picture, side, side, FilterType::Triangle);
    let shown = smaller(&face.photo);
    if let Some(hair) = hair {
        let hair = resize_plane(&hair.find(&shown)?, width, width);
        correct_hair(&mut regions, &face.photo, &hair, &face.points)?;
    }
    face.photo = shown;
    for (i, region) in regions.pixels_mut().enumerate() {
        if outside(i) {
            *region = Rgb([0; 3]);
        }
    }
    for point in &mut face.points {
        *point = point.map(|v| v / FINER as f32);
    }
    Ok((face, smaller(&regions)))
}
