//! Faces by themselves: the portrait of `face2paint`, and small faces stylised at a size at which
//! the network knows faces, put back into the whole picture.

use super::memory::{cutting_bytes, pasting_bytes, rgba_bytes, shrinking_bytes};
use super::{Options, Picture, whole};
use crate::engine::{Engine, Progress};
use crate::error::{Error, Result};
use crate::face::{FaceSquare, Features, LandmarkKind, Refusal};
use crate::imaging::{FadingEllipse, Photo, blur_outside, fit_long_side, fitted_size, paste, warp};

/// Side of a portrait, as in the public demonstrations of `face2paint`.
pub const PORTRAIT_SIDE_PX: usize = 512;
/// Faces that are narrower in the photo are left alone: there is too little to see.
pub const LEAST_FACE_PX: f32 = 48.0;
/// The same in the picture, where fewer pixels show no features.
pub const LEAST_FACE_IN_PICTURE_PX: f32 = 24.0;
/// The most faces of a photo, which bounds the memory.
pub const MOST_FACES: usize = 100;

/// A face's square is stylised at twice its size in the picture within these limits, which are the
/// sizes at which networks have learnt faces, ...
const LEARNT_SIDES_PX: [f32; 2] = [384.0, 512.0];
/// ... and large ones so that they are put back at no more than twice that size, up to this side.
const LARGEST_SIDE_PX: f32 = 1024.0;
/// Networks halve twice.
const SIDE_STEP_PX: usize = 4;

/// Half the width and height of what is put back, in sides of FFHQ's square: the head with its hair.
const HEAD_RADII: [f32; 2] = [0.6, 0.64];
/// The same limited to where the network sees what is around, in sides of the enlarged square.
const LARGEST_RADIUS: f32 = 0.49;
/// The part of the radii within which only the face's own picture is seen.
const HEAD_INNER: f32 = 0.6;

/// Landmarks of the faces in a photo.
#[derive(Clone, Debug, PartialEq)]
pub struct Faces {
    kind: LandmarkKind,
    values: Vec<f32>,
}

impl Faces {
    /// Wraps the landmarks of any number of faces, `[faces][points][2]`: x and y in pixels of the
    /// photo from its top left corner, where the first pixel's centre is at 0.5. `points` says how
    /// many a face has.
    ///
    /// # Errors
    /// [`Error::FacesInvalid`] if there is no such kind of landmarks, part of a face is missing, or there are more
    /// than [`MOST_FACES`].
    pub fn new(points: usize, values: Vec<f32>) -> Result<Self> {
        let kind = LandmarkKind::from_count(points).ok_or_else(|| {
            Error::FacesInvalid(format!("{points} landmarks a face, expected 5, 68 or 468"))
        })?;
        if !values.len().is_multiple_of(2 * points) {
            return Err(Error::FacesInvalid(format!(
                "{} numbers, expected a multiple of {}: x and y of {points} landmarks a face",
                values.len(),
                2 * points
            )));
        }
        let count = values.len() / (2 * points);
        if count > MOST_FACES {
            return Err(Error::FacesInvalid(format!(
                "{count} faces, expected at most {MOST_FACES}"
            )));
        }
        Ok(Self { kind, values })
    }

    /// The square around each face of a photo of `[width, height]` pixels, or why there is none, if
    /// the picture is smaller than the photo by the factor `shrink`.
    fn squares(&self, size: [usize; 2], expand: f32, shrink: f32) -> Vec<Found> {
        let faces = self.values.as_chunks().0.chunks_exact(self.kind.count());
        let square = |points| {
            let square = FaceSquare::ffhq(&Features::new(self.kind, points, size)?, expand);
            // A face fills half of FFHQ's square.
            let in_photo = square.side_px() / expand / 2.0;
            let limits = [
                (in_photo, LEAST_FACE_PX),
                (in_photo * shrink, LEAST_FACE_IN_PICTURE_PX),
            ];
            match limits.into_iter().find(|(width, least)| width < least) {
                Some((width_px, least_px)) => Err(Refusal::TooSmall { width_px, least_px }),
                None => Ok(square),
            }
        };
        faces.map(square).collect()
    }
}

/// A face's square in the photo.
type Found = std::result::Result<FaceSquare, Refusal>;

/// What became of a face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// It was stylised by itself.
    Done,
    /// It could have been, but the portrait is that of a larger one.
    Unused,
    /// It was left to the whole picture.
    Refused(Refusal),
}

impl Outcome {
    /// A stable word: `done`, `unused`, `invalid`, `turned_away` or `too_small`.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Unused => "unused",
            Outcome::Refused(Refusal::Invalid(_)) => "invalid",
            Outcome::Refused(Refusal::TurnedAway) => "turned_away",
            Outcome::Refused(Refusal::TooSmall { .. }) => "too_small",
        }
    }
}

/// What is made of the faces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaceMode {
    /// The portrait of the largest usable face: its upright square, stylised, [`PORTRAIT_SIDE_PX`]
    /// pixels a side or at most the limit of the picture's longer side.
    Portrait,
    /// The whole picture, and over it each usable face as the network paints it when it sees nothing
    /// else, from small to large, so that the nearer one is in front.
    Both,
}

/// How faces are treated.
#[derive(Clone, Debug, PartialEq)]
pub struct FaceOptions {
    /// What is made of them.
    pub mode: FaceMode,
    /// Where they are.
    pub faces: Faces,
    /// Factor by which FFHQ's square is enlarged, see [`crate::style`]: 0.5 to 4.
    pub expand: f32,
}

/// See [`FaceMode::Portrait`].
pub(super) async fn portrait<E: Engine>(
    engine: &E,
    photo: Photo,
    options: &Options,
    faces: &FaceOptions,
    progress: &mut impl Progress,
) -> Result<Picture> {
    let size = [photo.width(), photo.height()];
    let found = faces.faces.squares(size, faces.expand, 1.0);
    let usable = found.iter().enumerate();
    let largest = usable
        .filter_map(|(i, found)| found.as_ref().ok().map(|square| (i, *square)))
        .max_by(|(_, a), (_, b)| a.side_px().total_cmp(&b.side_px()));
    let Some((largest, square)) = largest else {
        return Err(no_face(&found));
    };
    let crop_bytes = rgba_bytes([PORTRAIT_SIDE_PX; 2]);
    engine.make_room(cutting_bytes(size, crop_bytes))?;
    let mut crop = cut_out(&photo, &square, PORTRAIT_SIDE_PX)?;
    drop(photo);
    let to_photo = square.from_crop(PORTRAIT_SIDE_PX as f32);
    blur_outside(&mut crop, to_photo, size)?;
    let outcome = |(i, found): (usize, &Found)| match found {
        Ok(_) if i == largest => Outcome::Done,
        Ok(_) => Outcome::Unused,
        Err(refusal) => Outcome::Refused(*refusal),
    };
    Ok(Picture {
        photo: whole(engine, crop, options, progress).await?,
        outcomes: found.iter().enumerate().map(outcome).collect(),
    })
}

/// See [`FaceMode::Both`].
pub(super) async fn both<E: Engine>(
    engine: &E,
    photo: Photo,
    options: &Options,
    faces: &FaceOptions,
    progress: &mut impl Progress,
) -> Result<Picture> {
    let size = [photo.width(), photo.height()];
    let shrink = (options.long_side_px as f32 / size[0].max(size[1]) as f32).min(1.0);
    let found = faces.faces.squares(size, faces.expand, shrink);
    let mut squares: Vec<FaceSquare> = found.iter().flatten().copied().collect();
    squares.sort_by(|a, b| a.side_px().total_cmp(&b.side_px()));
    let sides = squares
        .iter()
        .map(|square| square_side(square.side_px() * shrink));
    let sides: Vec<usize> = sides.collect();

    let presentation = options.presentation;
    let picture_size = fitted_size(size, options.long_side_px);
    let picture_bytes = rgba_bytes(picture_size);
    let kept_bytes = presentation.kept_bytes(picture_bytes);
    let mut crop_bytes: u64 = sides.iter().map(|side| rgba_bytes([*side; 2])).sum();
    let largest = rgba_bytes([sides.last().copied().unwrap_or(0); 2]);
    // What cannot be finished is not begun.
    let steps = [
        cutting_bytes(size, crop_bytes),
        crop_bytes + shrinking_bytes(size, picture_size),
        crop_bytes + kept_bytes + pasting_bytes(picture_bytes, largest),
        presentation.applying_bytes(picture_bytes),
    ];
    engine.make_room(steps.into_iter().fold(0, u64::max))?;

    // Out of the photo before it shrinks: there is more to see.
    let crops = squares
        .iter()
        .zip(&sides)
        .map(|(square, side)| cut_out(&photo, square, *side));
    let crops = crops.collect::<Result<Vec<Photo>>>()?;
    let photo = fit_long_side(photo, options.long_side_px)?;
    let kept = presentation.keep(&photo);

    let whole_work = work(size) * shrink * shrink;
    let face_work = crops.iter().map(|crop| work([crop.width(), crop.height()]));
    let all_work = whole_work + face_work.sum::<f32>();
    let mut done = whole_work / all_work;
    let mut part = Part {
        progress,
        start: 0.0,
        length: done,
    };
    let held = kept_bytes + crop_bytes;
    let mut picture = engine.stylize_photo(photo, held, &mut part).await?;
    let factors = [0, 1].map(|i| picture_size[i] as f32 / size[i] as f32);
    for (square, crop) in squares.iter().zip(crops) {
        let mut part = Part {
            progress,
            start: done,
            length: work([crop.width(), crop.height()]) / all_work,
        };
        part.report(0.0).await?;
        done += part.length;
        let face_bytes = rgba_bytes([crop.width(), crop.height()]);
        crop_bytes -= face_bytes;
        let held = picture_bytes + kept_bytes + crop_bytes;
        let face = engine.stylize_photo(crop, held, &mut part).await?;
        let square = square.scaled(factors);
        let Some(to_face) = square.from_crop(face.width() as f32).inverse() else {
            continue;
        };
        let pasting = pasting_bytes(picture_bytes, face_bytes);
        engine.make_room(kept_bytes + crop_bytes + pasting)?;
        paste(
            &mut picture,
            square.bounds(picture_size),
            &face,
            to_face,
            head(faces.expand),
        )?;
    }
    progress.report(1.0).await?;
    let outcome = |found: &Found| match found {
        Ok(_) => Outcome::Done,
        Err(refusal) => Outcome::Refused(*refusal),
    };
    engine.make_room(presentation.applying_bytes(picture_bytes))?;
    Ok(Picture {
        photo: presentation.apply(kept, picture)?,
        outcomes: found.iter().map(outcome).collect(),
    })
}

/// Side at which a square is stylised that has so many pixels a side in the picture.
fn square_side(in_picture_px: f32) -> usize {
    let [least, most] = LEARNT_SIDES_PX;
    let side = (2.0 * in_picture_px).clamp(least, most);
    let side = side.max((in_picture_px / 2.0).min(LARGEST_SIDE_PX));
    (side as usize).next_multiple_of(SIDE_STEP_PX)
}

/// What of a face's square is put back, whose sides are FFHQ's times `expand`.
fn head(expand: f32) -> FadingEllipse {
    FadingEllipse {
        center: [0.5, 0.5],
        radii: HEAD_RADII.map(|radius| (radius / expand).min(LARGEST_RADIUS)),
        inner: HEAD_INNER,
    }
}

fn no_face(found: &[Found]) -> Error {
    if found.is_empty() {
        return Error::NoFace("no faces were given".into());
    }
    let reason = |(i, found): (usize, &Found)| {
        let why = found.as_ref().err()?;
        Some(format!("face {}: {why}", i + 1))
    };
    let reasons: Vec<String> = found.iter().enumerate().filter_map(reason).collect();
    Error::NoFace(format!("of {} given, {}", found.len(), reasons.join("; ")))
}

fn cut_out(photo: &Photo, square: &FaceSquare, side: usize) -> Result<Photo> {
    warp(photo, square.from_crop(side as f32), [side, side])
}

/// In units of a pixel's.
fn work(size: [usize; 2]) -> f32 {
    size[0] as f32 * size[1] as f32
}

/// Progress of a part of the work.
struct Part<'a, P> {
    progress: &'a mut P,
    start: f32,
    length: f32,
}

impl<P: Progress> Progress for Part<'_, P> {
    async fn report(&mut self, share: f32) -> Result<()> {
        self.progress.report(self.start + share * self.length).await
    }
}
