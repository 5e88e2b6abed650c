//! Pairs of a photo and the picture that is to be made of it, and what faces have besides: a folder
//! with `photo/NAME.png` and `target/NAME.png` of the same sizes and, for networks that take guide planes,
//! `landmarks/NAME.json`: the points of the face mesh as `[x, y]` in pixels of the photo. Pairs in a
//! folder `held_out` inside, of the same structure, are not trained on but shown.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use image::RgbImage;
use nijigen::face::{GUIDE_PLANES, draw_guides, mesh::MESH_POINTS};
use nijigen::filter::plane::Plane;

use crate::folder::{is_image, visible_paths};
use crate::picture::open_rgb;

/// The folder of those that are kept from training.
pub const HELD_OUT: &str = "held_out";

/// Files of a pair.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The photo.
    pub photo: PathBuf,
    /// What is to be made of it.
    pub target: PathBuf,
    /// Points of the face, for guide planes.
    pub landmarks: Option<PathBuf>,
}

impl Pair {
    /// All pairs of a folder, by their names.
    ///
    /// # Errors
    /// If the folder cannot be read or is empty, a photo has no counterpart, or only some have landmarks.
    pub fn list(folder: &Path) -> Result<Vec<Self>> {
        let photos = folder.join("photo");
        let mut pairs = Vec::new();
        for photo in visible_paths(&photos)? {
            if !is_image(&photo) {
                continue;
            }
            let name = photo.file_name().unwrap_or_default();
            let target = folder.join("target").join(name);
            if !target.is_file() {
                bail!(
                    "{} has no counterpart {}",
                    photo.display(),
                    target.display()
                );
            }
            let landmarks = folder.join("landmarks").join(name).with_extension("json");
            pairs.push(Self {
                landmarks: landmarks.is_file().then_some(landmarks),
                photo,
                target,
            });
        }
        if pairs.is_empty() {
            bail!("{} has no photos", photos.display());
        }
        let has = |pair: &&Self| pair.landmarks.is_some();
        if let (Some(with), Some(without)) =
            (pairs.iter().find(has), pairs.iter().find(|pair| !has(pair)))
        {
            bail!(
                "{} has landmarks but {} has none, expected all or none",
                with.photo.display(),
                without.photo.display()
            );
        }
        Ok(pairs)
    }

    /// The folder's held-out pairs; none if there is no such folder.
    ///
    /// # Errors
    /// Those of [`Pair::list`].
    pub fn list_held_out(folder: &Path) -> Result<Vec<Self>> {
        let folder = folder.join(HELD_OUT);
        if folder.is_dir() {
            Self::list(&folder)
        } else {
            Ok(Vec::new())
        }
    }

    /// The photo, its target and its guide planes, if it has landmarks.
    ///
    /// # Errors
    /// If a file cannot be read, or photo and target differ in size.
    pub fn open(&self) -> Result<(RgbImage, RgbImage, Option<Vec<f32>>)> {
        let (photo, target) = (open_rgb(&self.photo)?, open_rgb(&self.target)?);
        ensure!(
            photo.dimensions() == target.dimensions(),
            "{} has {:?} pixels but its target {:?}",
            self.photo.display(),
            photo.dimensions(),
            target.dimensions()
        );
        let guides = match &self.landmarks {
            Some(path) => {
                let (width, height) = photo.dimensions();
                ensure!(
                    width == height,
                    "{} has {width} x {height} pixels, expected a square, as it has landmarks",
                    self.photo.display()
                );
                Some(draw_guides(&read_landmarks(path)?, width as usize))
            }
            None => None,
        };
        Ok((photo, target, guides))
    }
}

/// The points of a face in a photo.
///
/// # Errors
/// If the file cannot be read, or has fewer points than the face mesh.
pub fn read_landmarks(path: &Path) -> Result<Vec<[f32; 2]>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let points: Vec<[f32; 2]> =
        serde_json::from_str(&text).with_context(|| format!("in {}", path.display()))?;
    ensure!(
        points.len() >= MESH_POINTS,
        "{} has {} points, expected {MESH_POINTS} or more",
        path.display(),
        points.len()
    );
    Ok(points)
}

/// Side of a face's crop for which the next two are given.
const FOR_SIDE_PX: f32 = 352.0;
/// How far around a drawn feature the regression counts more.
const FEATURE_SIGMA_PX: f32 = 5.0;
/// The blurred guides at which it counts fully.
const FULL_AT: f32 = 0.2;

/// How much each pixel of a view of guide `planes`, `side` pixels a side, counts in the regression: 1, and
/// up to `weight` more at lids, brows, lips and irises. `face_side` is the side of the face's whole crop.
///
/// # Errors
/// If the planes are not of that size.
pub fn feature_weights(
    planes: &[f32],
    side: usize,
    face_side: f32,
    weight: f64,
) -> Result<Vec<f32>> {
    let len = side * side;
    ensure!(
        planes.len() == GUIDE_PLANES * len,
        "{} values of guide planes, expected {GUIDE_PLANES} planes of {side} x {side}",
        planes.len()
    );
    // All but the plane of face and nose.
    let drawn = (0..len)
        .map(|i| planes[i].max(planes[len + i]).max(planes[3 * len + i]))
        .collect();
    let sigma = FEATURE_SIGMA_PX * face_side / FOR_SIDE_PX;
    let near = Plane::new(side, side, drawn)?.gaussian_blur(sigma)?;
    let weight = weight as f32;
    let value = |near: &f32| 1.0 + weight * (near / FULL_AT).min(1.0);
    Ok(near.values().iter().map(value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_found_and_what_is_missing_is_named() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let write = |part: &str, name: &str| -> Result<()> {
            let path = folder.path().join(part);
            std::fs::create_dir_all(&path)?;
            RgbImage::new(4, 4).save(path.join(name))?;
            Ok(())
        };
        write("photo", "b.png")?;
        write("photo", "a.png")?;
        write("target", "a.png")?;
        let error = Pair::list(folder.path()).expect_err("b has no target");
        assert!(error.to_string().contains("b.png"), "{error}");
        write("target", "b.png")?;
        let pairs = Pair::list(folder.path())?;
        assert_eq!(pairs.len(), 2);
        assert!(pairs[0].photo.ends_with("a.png") && pairs[0].landmarks.is_none());
        assert!(Pair::list_held_out(folder.path())?.is_empty());

        std::fs::create_dir_all(folder.path().join("landmarks"))?;
        std::fs::write(folder.path().join("landmarks/a.json"), "[[1,2]]")?;
        let error = Pair::list(folder.path()).expect_err("b has no landmarks");
        assert!(error.to_string().contains("b.png has none"), "{error}");
        let error = pairs[1].open().map(|_| ());
        assert!(error.is_ok(), "{error:?}");
        let error = read_landmarks(&folder.path().join("landmarks/a.json"));
        let error = error.expect_err("one point").to_string();
        assert!(error.contains("has 1 points"), "{error}");
        Ok(())
    }

    #[test]
    fn features_count_more_and_the_face_s_area_does_not() -> Result<()> {
        let side = 64;
        let len = side * side;
        let mut planes = vec![0.0; GUIDE_PLANES * len];
        planes[2 * len..3 * len].fill(1.0);
        assert!(
            feature_weights(&planes, side, FOR_SIDE_PX, 3.0)?
                .iter()
                .all(|weight| *weight == 1.0)
        );
        for y in 28..36 {
            planes[len + y * side + 20..len + y * side + 44].fill(1.0);
        }
        let weights = feature_weights(&planes, side, FOR_SIDE_PX, 3.0)?;
        assert_eq!(weights[32 * side + 32], 4.0);
        assert!(weights[0] < 1.01);
        Ok(())
    }
}
