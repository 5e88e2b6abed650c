//! A face cut out of a photo, upright, as networks are given it.

use crate::drawing::CropPlace;
use crate::error::Result;
use crate::face::{AnimeWarp, FaceSquare, GRID_NODES};
use crate::imaging::{Displaced, Photo, warp, warp_displaced};

/// A face's crop.
#[derive(Clone, Debug, PartialEq)]
pub struct FaceCrop {
    /// Its pixels, as many in a row as in a column.
    pub photo: Photo,
    /// The face mesh in pixels of the crop, if this was warped to a drawing's proportions.
    pub points: Option<Vec<[f32; 2]>>,
    /// Where in the photo its points are.
    pub place: CropPlace,
}

impl FaceCrop {
    /// The face as it is, `side` pixels a side.
    ///
    /// # Errors
    /// Those of [`warp`].
    pub fn plain(photo: &Photo, square: &FaceSquare, side: usize) -> Result<Self> {
        let to_photo = square.from_crop(side as f32);
        Ok(Self {
            photo: warp(photo, to_photo, [side; 2])?,
            points: None,
            place: CropPlace {
                warp: None,
                to_photo,
            },
        })
    }

    /// The face warped for a portrait network ([`AnimeWarp`]). `mesh` has its points in pixels of the
    /// photo; `likeness` is from 0, a drawing's proportions, to 1, its own. The photo is sampled once.
    ///
    /// # Errors
    /// Those of [`warp_displaced`].
    pub fn warped(
        photo: &Photo,
        square: &FaceSquare,
        side: usize,
        mesh: &[[f32; 2]],
        likeness: f32,
    ) -> Result<Self> {
        let to_photo = square.from_crop(side as f32);
        let Some(to_crop) = to_photo.inverse() else {
            return Self::plain(photo, square, side);
        };
        let points: Vec<_> = mesh.iter().map(|point| to_crop.apply(*point)).collect();
        let anime_warp = AnimeWarp::new(&points, side as f32, 1.0 - likeness);
        let displaced = Displaced {
            nodes: anime_warp.to_source().nodes(),
            columns: GRID_NODES,
        };
        let photo = warp_displaced(photo, to_photo, displaced, [side; 2])?;
        let points = points.iter().map(|point| anime_warp.warp_point(*point));
        Ok(Self {
            photo,
            points: Some(points.collect()),
            place: CropPlace {
                warp: Some(anime_warp),
                to_photo,
            },
        })
    }
}
