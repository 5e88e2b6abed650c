//! `nijigen portraits`: photos in, what the network for faces learns from out: face crops warped
//! to a drawing's proportions, their portraits, and their landmarks: a folder of pairs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use image::imageops::{FilterType, resize};
use image::{Rgb, RgbImage};
use nijigen::face::{FaceSquare, Features, LandmarkKind};
use nijigen::filter::plane::Plane;
use nijigen::pipeline::FaceCrop;

use crate::data::contact_sheet::{MAX_THUMBNAILS, THUMBNAIL_PX, contact_sheet, encode_jpeg};
use crate::data::face_finder::MtcnnFinder;
use crate::data::faces::FaceFinder;
use crate::data::scan::{ImageFile, list, load};
use crate::dense::{DenseLandmarks, Models, PersonSegmentation};
use crate::picture::{png, to_rgb};
use crate::procedural::portrait::draw_portrait;
use crate::write_file::write_file;

/// Smaller faces are left out: distance from eyes to mouth or of the eyes, in pixels of the photo.
const LEAST_FACE_PX: f32 = 30.0;

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
    let models = Models::from_wheel(&arguments.models)?;
    let studio = Studio {
        finder: MtcnnFinder::new()?,
        landmarks: DenseLandmarks::new(&models)?,
        people: PersonSegmentation::new(&models)?,
    };
    let sources = list(&arguments.photos)?;
    let (mut targets, mut masks) = (Vec::new(), Vec::new());
    let mut left_out = String::from("photo,reason\n");
    let mut made = 0;
    for source in &sources {
        match studio.portray(source, arguments) {
            Ok(face) => {
                let name = file_name(&source.path)?;
                write_pair(&arguments.out, &name, &face)?;
                let thumbnail =
                    |picture| resize(picture, THUMBNAIL_PX, THUMBNAIL_PX, FilterType::Triangle);
                targets.extend([&face.photo, &face.target].map(thumbnail));
                masks.extend([&face.photo, &face.mask].map(thumbnail));
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
        for (page, thumbnails) in thumbnails.chunks(MAX_THUMBNAILS).enumerate() {
            let sheet = encode_jpeg(&contact_sheet(thumbnails))?;
            let name = format!("sheets/{kind}-{:03}.jpg", page + 1);
            write_file(&arguments.out.join(name), &sheet)?;
        }
    }
    println!(
        "{made} portraits of {} photos; left_out.csv says why the others have none",
        sources.len()
    );
    Ok(())
}

/// What finds and draws faces.
struct Studio {
    finder: MtcnnFinder,
    landmarks: DenseLandmarks,
    people: PersonSegmentation,
}

/// What is learnt from, of one face.
struct DrawnFace {
    /// The warped crop.
    photo: RgbImage,
    /// Its portrait.
    target: RgbImage,
    /// The mesh in pixels of the warped crop.
    points: Vec<[f32; 2]>,
    /// Skin in red, hair in green, the person in blue.
    mask: RgbImage,
}

impl Studio {
    /// A photo's largest face, drawn.
    ///
    /// # Errors
    /// Why there is none.
    fn portray(&self, source: &ImageFile, arguments: &PortraitsArguments) -> Result<DrawnFace> {
        let photo = load(&source.path)?;
        let size = [photo.width(), photo.height()];
        let faces = self.finder.faces(&to_rgb(&photo)?)?;
        let largest = faces
            .iter()
            .max_by(|a, b| a.rect.height.total_cmp(&b.rect.height));
        let five = &largest.context("it has no face")?.landmarks;
        let points = self.landmarks.find(&photo, five)?;
        let points = points.context("its face has no clear landmarks")?;
        let mesh = &points[..LandmarkKind::Mesh468.count()];
        let features = Features::new(LandmarkKind::Mesh468, mesh, size)?;
        let [x, y] = features.eye_to_eye();
        ensure!(
            x.hypot(y) >= LEAST_FACE_PX,
            "its eyes are {:.0} pixels apart, at least {LEAST_FACE_PX} are needed",
            x.hypot(y)
        );
        let square = FaceSquare::ffhq(&features, arguments.expand);
        let (side, likeness) = (arguments.size as usize, 1.0 - arguments.strength);
        let FaceCrop { photo, points } =
            FaceCrop::warped(&photo, &square, side, &points, likeness)?;
        let warped_points = points.context("its face is flat")?;
        let crop = to_rgb(&photo)?;
        let person = self.people.find(&crop)?;
        let portrait = draw_portrait(&crop, &warped_points, &person)?;
        Ok(DrawnFace {
            mask: mask_picture(&portrait.skin, &portrait.hair, &person),
            target: portrait.picture,
            points: warped_points,
            photo: crop,
        })
    }
}

fn mask_picture(skin: &Plane, hair: &Plane, person: &Plane) -> RgbImage {
    let planes = [skin, hair, person];
    let width = skin.width();
    RgbImage::from_fn(width as u32, skin.height() as u32, |x, y| {
        let at = y as usize * width + x as usize;
        Rgb(planes.map(|plane| (plane.values()[at] * 255.0 + 0.5) as u8))
    })
}

fn file_name(photo: &Path) -> Result<String> {
    let stem = photo.file_stem().and_then(|stem| stem.to_str());
    let folder = photo.parent().and_then(Path::file_name);
    let folder = folder
        .and_then(|folder| folder.to_str())
        .unwrap_or_default();
    // Photos of several directories may have one name.
    Ok(format!(
        "{folder}-{}.png",
        stem.context("a photo without a name")?
    ))
}

fn write_pair(out: &Path, name: &str, face: &DrawnFace) -> Result<()> {
    write_file(&out.join("photo").join(name), &png(&face.photo)?)?;
    write_file(&out.join("target").join(name), &png(&face.target)?)?;
    let path = out.join("landmarks").join(name).with_extension("json");
    write_file(&path, serde_json::to_string(&face.points)?.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_of_one_name_get_different_ones() -> Result<()> {
        assert_eq!(file_name(Path::new("a/b.jpg"))?, "a-b.png");
        assert_ne!(
            file_name(Path::new("c/b.jpg"))?,
            file_name(Path::new("a/b.jpg"))?
        );
        Ok(())
    }
}
