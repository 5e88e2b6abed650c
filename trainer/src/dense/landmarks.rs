//! The face mesh (Kartynnik et al. 2019, arXiv:1907.06724) with the lids and irises of a second
//! network (Ablavatski et al. 2020, arXiv:2006.11341), as the page finds them.

use anyhow::{Context, Result, ensure};
use burn::tensor::Device;
use nijigen::face::mesh::{EYES, MESH_POINTS};
use nijigen::face::{FaceSquare, Features, LandmarkKind};
use nijigen::geometry::SimilarityTransform;
use nijigen::imaging::{Photo, warp};

use super::models::Models;
use crate::tflite::{Network, Values};

/// Sides of the crops that the networks take.
const FACE_PX: usize = 192;
const EYE_PX: usize = 64;
/// The first crop, in sides of FFHQ's square; its middle is lower by this part of the side.
const FIRST_EXPAND: f32 = 0.85;
const FIRST_DOWN: f32 = 0.09;
/// Passes over the face: each crop is cut by the points of the one before.
const PASSES: usize = 2;
/// Sides of later crops, in those of the square around the points.
const FACE_MARGIN: f32 = 1.5;
const EYE_MARGIN: f32 = 2.3;
/// Least probability that there is a face in the crop.
const LEAST_SCORE: f32 = 0.5;

/// Where the points of the eye's network are in the mesh, by eye: the lower lid from the outer to the
/// inner corner, then the upper one.
const LIDS: [[usize; 16]; 2] = [
    [
        33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173,
    ],
    [
        263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398,
    ],
];
const IRIS_POINTS: usize = 5;

/// Finds the dense points of a face whose place is known.
pub struct DenseLandmarks {
    face: Network,
    iris: Network,
}

impl DenseLandmarks {
    /// The networks, on the CPU.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn new(models: &Models) -> Result<Self> {
        let device = Device::flex();
        Ok(Self {
            face: Network::read(&models.face, &device).context("the face mesh's network")?,
            iris: Network::read(&models.iris, &device).context("the irises' network")?,
        })
    }

    /// The mesh with the irises, `[x, y]` in pixels of the photo from its top left corner, of the face that has these five landmarks (eyes, nose, corners of the mouth);
    /// `None` if there is none or it cannot be brought upright.
    ///
    /// # Errors
    /// If a network cannot be run.
    pub fn find(&self, photo: &Photo, five: &[[f32; 2]; 5]) -> Result<Option<Vec<[f32; 2]>>> {
        let size = [photo.width(), photo.height()];
        let Ok(features) = Features::new(LandmarkKind::Five, five, size) else {
            return Ok(None);
        };
        let square = FaceSquare::ffhq(&features, FIRST_EXPAND);
        let down = 2.0 * FIRST_DOWN;
        let mut square = FaceSquare {
            center: [
                square.center[0] - down * square.half[1],
                square.center[1] + down * square.half[0],
            ],
            ..square
        };
        let mut found = None;
        for _ in 0..PASSES {
            let crop = square.from_crop(FACE_PX as f32);
            let outputs = self.face.run(&cut(photo, crop, FACE_PX, false)?)?;
            let [points, score] = &outputs[..] else {
                anyhow::bail!("the face mesh has {} outputs", outputs.len());
            };
            ensure!(
                points.values.len() == 3 * MESH_POINTS && score.values.len() == 1,
                "the face mesh has other outputs than expected"
            );
            let points = planar(&points.values, crop, None);
            let score = 1.0 / (1.0 + (-score.values[0]).exp());
            if score < LEAST_SCORE || points.iter().flatten().any(|v| !v.is_finite()) {
                return Ok(None);
            }
            let corners = EYES.map(|eye| points[eye.upper_lid[8]]);
            square = square_around(&points, corners, FACE_MARGIN);
            found = Some(points);
        }
        let Some(mut points) = found else {
            return Ok(None);
        };
        for (side, lids) in LIDS.iter().enumerate() {
            self.refine_eye(photo, &mut points, side, lids)?;
        }
        Ok(Some(points))
    }

    /// Replaces the lids by those of the eye's own network and adds the iris.
    fn refine_eye(
        &self,
        photo: &Photo,
        points: &mut Vec<[f32; 2]>,
        side: usize,
        lids: &[usize; 16],
    ) -> Result<()> {
        let eye = &EYES[side];
        let corners = [8, 0].map(|at| points[eye.upper_lid[at]]);
        // From left to right.
        let ordered = if side == 0 {
            corners
        } else {
            [corners[1], corners[0]]
        };
        let square = square_around(&corners, ordered, EYE_MARGIN);
        let crop = square.from_crop(EYE_PX as f32);
        // The network knows left eyes only: right ones are mirrored.
        let mirrored = side == 1;
        let outputs = self.iris.run(&cut(photo, crop, EYE_PX, mirrored)?)?;
        let [contour, iris] = &outputs[..] else {
            anyhow::bail!("the eye's network has {} outputs", outputs.len());
        };
        ensure!(
            contour.values.len() >= 3 * lids.len() && iris.values.len() == 3 * IRIS_POINTS,
            "the eye's network has other outputs than expected"
        );
        let mirror = mirrored.then_some(EYE_PX as f32);
        for (at, point) in lids.iter().zip(planar(&contour.values, crop, mirror)) {
            points[*at] = point;
        }
        points.extend(planar(&iris.values, crop, mirror));
        Ok(())
    }
}

/// A square crop of the photo in [0, 1].
fn cut(
    photo: &Photo,
    to_photo: SimilarityTransform,
    side: usize,
    mirrored: bool,
) -> Result<Values> {
    let crop = warp(photo, to_photo, [side, side])?;
    let mut values = Vec::with_capacity(3 * side * side);
    for row in crop.rgba().chunks_exact(4 * side) {
        let pixels = row.chunks_exact(4);
        let mut add =
            |pixel: &[u8]| values.extend(pixel[..3].iter().map(|v| f32::from(*v) / 255.0));
        if mirrored {
            pixels.rev().for_each(&mut add);
        } else {
            pixels.for_each(&mut add);
        }
    }
    Ok(Values {
        shape: [side, side, 3],
        values,
    })
}

/// Points in the photo of those in a crop, which come with depths; `mirror` is the side of a
/// mirrored crop.
fn planar(values: &[f32], crop: SimilarityTransform, mirror: Option<f32>) -> Vec<[f32; 2]> {
    let points = values.as_chunks::<3>().0.iter();
    points
        .map(|[x, y, _]| crop.apply([mirror.map_or(*x, |side| side - x), *y]))
        .collect()
}

/// The square around points that is upright along the line of two of them, `margin` times as large
/// as need be.
fn square_around(points: &[[f32; 2]], [from, to]: [[f32; 2]; 2], margin: f32) -> FaceSquare {
    let along = [to[0] - from[0], to[1] - from[1]];
    let length = along[0].hypot(along[1]).max(1e-3);
    let right = along.map(|v| v / length);
    let range = |axis: [f32; 2]| {
        let places = || points.iter().map(|p| p[0] * axis[0] + p[1] * axis[1]);
        [
            places().fold(f32::INFINITY, f32::min),
            places().fold(f32::NEG_INFINITY, f32::max),
        ]
    };
    let down = [-right[1], right[0]];
    let (x, y) = (range(right), range(down));
    let half = 0.5 * margin * (x[1] - x[0]).max(y[1] - y[0]).max(1.0);
    let middle = [(x[0] + x[1]) / 2.0, (y[0] + y[1]) / 2.0];
    FaceSquare {
        center: [0, 1].map(|i| middle[0] * right[i] + middle[1] * down[i]),
        half: right.map(|v| half * v),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_square_follows_the_line() {
        let points = [[10.0, 10.0], [10.0, 30.0], [6.0, 20.0]];
        // Downwards is to the right of the upright square.
        let square = square_around(&points, [points[0], points[1]], 1.5);
        assert_eq!(square.center, [8.0, 20.0]);
        assert_eq!(square.half, [0.0, 15.0]);
    }

    #[test]
    fn mirrored_crops_give_points_of_the_photo() -> Result<()> {
        let rgba = (0..16u8).flat_map(|v| [v, v, v, 255]).collect();
        let photo = Photo::new(4, 4, rgba)?;
        let same = SimilarityTransform {
            a: 1.0,
            b: 0.0,
            tx: 0.0,
            ty: 0.0,
        };
        let crop = cut(&photo, same, 4, true)?;
        let first: Vec<f32> = crop.values[..12]
            .iter()
            .map(|v| (v * 255.0).round())
            .collect();
        assert_eq!(first[..6], [3.0, 3.0, 3.0, 2.0, 2.0, 2.0]);
        assert_eq!(planar(&[0.5, 1.5, 9.0], same, Some(4.0)), [[3.5, 1.5]]);
        Ok(())
    }
}
