//! The largest face of a photo as the targets of networks for faces are made of it: cut out, with its landmarks and the person's
//! pixels; and what is written beside them.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use image::imageops::{FilterType, resize};
use image::{Rgb, RgbImage};
use nijigen::face::{FaceSquare, Features, LandmarkKind};
use nijigen::filter::plane::Plane;
use nijigen::geometry::SimilarityTransform;
use nijigen::pipeline::FaceCrop;

use crate::data::contact_sheet::{MAX_THUMBNAILS, THUMBNAIL_PX, contact_sheet, encode_jpeg};
use crate::data::face_finder::MtcnnFinder;
use crate::data::faces::FaceFinder;
use crate::data::scan::{ImageFile, load};
use crate::dense::{DenseLandmarks, Models, PersonSegmentation};
use crate::picture::{png, to_rgb};
use crate::write_file::write_file;

/// Smaller faces are left out: distance from eyes to mouth or of the eyes, in pixels of the photo.
const LEAST_FACE_PX: f32 = 30.0;

/// What finds faces.
pub struct FaceStudio {
    finder: MtcnnFinder,
    landmarks: DenseLandmarks,
    people: PersonSegmentation,
}

/// A face, cut out.
pub struct FaceOfPhoto {
    /// Its upright square.
    pub photo: RgbImage,
    /// The mesh in pixels of the square.
    pub points: Vec<[f32; 2]>,
    /// The share of a person at each pixel.
    pub person: Plane,
    /// Where the square is in the photo, and the photo's width and height.
    pub place: (SimilarityTransform, [usize; 2]),
}

impl FaceStudio {
    /// With the networks in the Python wheel of mediapipe 0.10.21.
    ///
    /// # Errors
    /// If the wheel cannot be read or is another one.
    pub fn new(wheel: &Path) -> Result<Self> {
        let models = Models::from_wheel(wheel)?;
        Ok(Self {
            finder: MtcnnFinder::new()?,
            landmarks: DenseLandmarks::new(&models)?,
            people: PersonSegmentation::new(&models)?,
        })
    }

    /// Cuts out a photo's largest face: FFHQ's square enlarged by `expand`, `side` pixels a side, warped to a drawing's
    /// proportions but for a share of `likeness`.
    ///
    /// # Errors
    /// If the photo cannot be read, or has no face that is large and clear enough.
    pub fn largest_face(
        &self,
        source: &ImageFile,
        side: usize,
        expand: f32,
        likeness: f32,
    ) -> Result<FaceOfPhoto> {
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
        let square = FaceSquare::ffhq(&features, expand);
        let crop = FaceCrop::warped(&photo, &square, side, &points, likeness)?;
        let photo = to_rgb(&crop.photo)?;
        Ok(FaceOfPhoto {
            points: crop.points.context("its face is flat")?,
            person: self.people.find(&photo)?,
            place: (square.from_crop(side as f32), size),
            photo,
        })
    }
}

/// Regions of a face crop as a picture: skin in red, hair in green, the person in blue.
pub fn regions_picture(skin: &Plane, hair: &Plane, person: &Plane) -> RgbImage {
    let planes = [skin, hair, person];
    let width = skin.width();
    RgbImage::from_fn(width as u32, skin.height() as u32, |x, y| {
        let at = y as usize * width + x as usize;
        Rgb(planes.map(|plane| (plane.values()[at] * 255.0 + 0.5) as u8))
    })
}

/// The name of a photo's pair.
///
/// # Errors
/// If the photo has none.
pub fn pair_name(photo: &Path) -> Result<String> {
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

/// Writes a pair into a folder of pairs with landmarks.
///
/// # Errors
/// If it cannot be written.
pub fn write_pair(
    out: &Path,
    name: &str,
    photo: &RgbImage,
    target: &RgbImage,
    points: &[[f32; 2]],
) -> Result<()> {
    write_file(&out.join("photo").join(name), &png(photo)?)?;
    write_file(&out.join("target").join(name), &png(target)?)?;
    let path = out.join("landmarks").join(name).with_extension("json");
    write_file(&path, serde_json::to_string(points)?.as_bytes())
}

/// A square picture for [`write_sheets`].
pub fn thumbnail(picture: &RgbImage) -> RgbImage {
    resize(picture, THUMBNAIL_PX, THUMBNAIL_PX, FilterType::Triangle)
}

/// Writes thumbnails onto as many sheets as they need: `sheets/KIND-001.jpg` and so on.
///
/// # Errors
/// If one cannot be written.
pub fn write_sheets(out: &Path, kind: &str, thumbnails: &[RgbImage]) -> Result<()> {
    for (page, thumbnails) in thumbnails.chunks(MAX_THUMBNAILS).enumerate() {
        let sheet = encode_jpeg(&contact_sheet(thumbnails))?;
        let name = format!("sheets/{kind}-{:03}.jpg", page + 1);
        write_file(&out.join(name), &sheet)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_of_one_name_get_different_ones() -> Result<()> {
        assert_eq!(pair_name(Path::new("a/b.jpg"))?, "a-b.png");
        assert_ne!(
            pair_name(Path::new("c/b.jpg"))?,
            pair_name(Path::new("a/b.jpg"))?
        );
        Ok(())
    }
}
