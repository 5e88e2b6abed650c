//! Faces by themselves: the portrait of `face2paint`, and faces drawn at a size at which
//! networks know them, put back into the whole picture.

use super::heads::{find_head, head_side};
use super::memory::{cutting_bytes, pasting_bytes, rgba_bytes, shrinking_bytes};
use super::{FaceCrop, Look, Options, Picture};
use crate::drawing::{Head, cheeks};
use crate::engine::{Engine, Progress};
use crate::error::{Error, Result};
use crate::face::mesh::{FaceFrame, OVAL};
use crate::face::{FaceSquare, Features, LandmarkKind, Refusal};
use crate::imaging::{
    FadingEllipse, PatchTone, Photo, blur_outside, fit_long_side, fitted_size, paste,
    transparency_bytes, warp,
};

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
/// ... in live pictures at that size itself within these limits, below which features are not drawn well, ...
const LIVE_SIDES_PX: [f32; 2] = [160.0, 256.0];
/// ... and large ones so that they are put back at no more than twice that size, up to this side.
const LARGEST_SIDE_PX: f32 = 1024.0;
/// Networks halve up to four times.
const SIDE_STEP_PX: usize = 16;
/// Portrait networks learn faces that are turned by at most some 35°.
const MOST_YAW_DEGREES: f32 = 40.0;

/// Half the width and height of what is put back, in sides of FFHQ's square: the head with its hair.
const HEAD_RADII: [f32; 2] = [0.6, 0.64];
/// The same limited to where the network sees what is around, in sides of the enlarged square.
const LARGEST_RADIUS: f32 = 0.49;
/// The part of the radii within which only the face's own picture is seen.
const HEAD_INNER: f32 = 0.6;
/// The part of a face's oval within which it is nothing but the face.
const OVAL_INNER: f32 = 0.9;

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
            Error::FacesInvalid(format!(
                "{points} landmarks a face, expected 5, 68, 468 or 478"
            ))
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

    /// Where each face of a photo of `[width, height]` pixels is, or why it is left alone, if
    /// the picture is smaller than the photo by the factor `shrink`.
    fn find(&self, size: [usize; 2], expand: f32, shrink: f32) -> Vec<Found<'_>> {
        let faces = self.values.as_chunks().0.chunks_exact(self.kind.count());
        let find = |points| {
            let square = FaceSquare::ffhq(&Features::new(self.kind, points, size)?, expand);
            // A face fills half of FFHQ's square.
            let in_photo = square.side_px() / expand / 2.0;
            let limits = [
                (in_photo, LEAST_FACE_PX),
                (in_photo * shrink, LEAST_FACE_IN_PICTURE_PX),
            ];
            match limits.into_iter().find(|(width, least)| width < least) {
                Some((width_px, least_px)) => Err(Refusal::TooSmall { width_px, least_px }),
                None => Ok(Face {
                    square,
                    mesh: Some(points).filter(|points| is_drawn_by_portrait_networks(points)),
                }),
            }
        };
        faces.map(find).collect()
    }
}

/// Whether the points are a mesh, of a face that looks at the viewer as those do that portrait networks learn.
fn is_drawn_by_portrait_networks(points: &[[f32; 2]]) -> bool {
    FaceFrame::new(points).is_some_and(|face| face.yaw_degrees.abs() <= MOST_YAW_DEGREES)
}

/// A face that can be drawn by itself.
#[derive(Clone, Copy)]
struct Face<'a> {
    square: FaceSquare,
    /// Its mesh, if a portrait network can draw it.
    mesh: Option<&'a [[f32; 2]]>,
}

impl Face<'_> {
    /// Cuts it out of the photo, for the networks of a look.
    fn cut_out<E>(
        &self,
        photo: &Photo,
        side: usize,
        look: &Look<'_, E>,
        likeness: f32,
    ) -> Result<FaceCrop> {
        match self.mesh {
            Some(mesh) if look.portrait.is_some() => {
                FaceCrop::warped(photo, &self.square, side, mesh, likeness)
            }
            _ => FaceCrop::plain(photo, &self.square, side),
        }
    }

    /// Its head, if it is drawn by a portrait network. `expand` is the factor by which its square is larger than FFHQ's, `side`
    /// that of the square in which it is found.
    async fn head<E: Engine>(
        &self,
        photo: &Photo,
        expand: f32,
        side: usize,
        look: &Look<'_, E>,
        held_bytes: u64,
    ) -> Result<Option<Head>> {
        match self.mesh {
            Some(mesh) if look.portrait.is_some() => {
                let ffhq = self.square.enlarged(1.0 / expand);
                find_head(look, photo, &ffhq, mesh, side, held_bytes).await
            }
            _ => Ok(None),
        }
    }
}

/// A face, or why it is left alone.
type Found<'a> = std::result::Result<Face<'a>, Refusal>;

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
    /// The same for live pictures: faces are drawn at their size in the picture, by the place network, with skin and features as
    /// a portrait network's have ([`crate::drawing`]).
    Live,
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
    /// How much of its own proportions a face keeps that a portrait network draws: 0, those of a drawing, to
    /// 1, all.
    pub likeness: f32,
}

impl FaceOptions {
    /// The likeness in a picture of this strength: what is mixed with the photo is warped less.
    fn likeness_at(&self, strength: f32) -> f32 {
        1.0 - (1.0 - self.likeness) * strength
    }
}

/// See [`FaceMode::Portrait`].
pub(super) async fn portrait<E: Engine>(
    look: &Look<'_, E>,
    photo: Photo,
    options: &Options,
    faces: &FaceOptions,
    progress: &mut impl Progress,
) -> Result<Picture> {
    let size = [photo.width(), photo.height()];
    let found = faces.faces.find(size, faces.expand, 1.0);
    let usable = found.iter().enumerate();
    let largest = usable
        .filter_map(|(i, found)| found.as_ref().ok().map(|face| (i, *face)))
        .max_by(|(_, a), (_, b)| a.square.side_px().total_cmp(&b.square.side_px()));
    let Some((largest, face)) = largest else {
        return Err(no_face(&found));
    };
    let presentation = options.presentation;
    let crop_bytes = rgba_bytes([PORTRAIT_SIDE_PX; 2]);
    look.make_room(cutting_bytes(size, 2 * crop_bytes))?;
    let likeness = faces.likeness_at(presentation.strength);
    let mut crop = face.cut_out(&photo, PORTRAIT_SIDE_PX, look, likeness)?;
    // Beside its portrait, a face has its own proportions.
    let mut beside = presentation
        .side_by_side
        .then(|| FaceCrop::plain(&photo, &face.square, PORTRAIT_SIDE_PX))
        .transpose()?;
    let head_px = head_side(PORTRAIT_SIDE_PX as f32 / faces.expand);
    let head = face
        .head(&photo, faces.expand, head_px, look, 2 * crop_bytes)
        .await?;
    drop(photo);
    let to_photo = face.square.from_crop(PORTRAIT_SIDE_PX as f32);
    for crop in [Some(&mut crop), beside.as_mut()].into_iter().flatten() {
        blur_outside(&mut crop.photo, to_photo, size)?;
    }
    let fit = |photo| fit_long_side(photo, options.long_side_px);
    let held = crop_bytes + Head::bytes(head_px);
    let drawn = draw_face(look, crop, head.as_ref(), options, held, progress).await?;
    let picture = match beside {
        Some(beside) => fit(beside.photo)?.beside(&fit(drawn)?)?,
        None => fit(drawn)?,
    };
    let outcome = |(i, found): (usize, &Found)| match found {
        Ok(_) if i == largest => Outcome::Done,
        Ok(_) => Outcome::Unused,
        Err(refusal) => Outcome::Refused(*refusal),
    };
    Ok(Picture {
        photo: picture,
        outcomes: found.iter().enumerate().map(outcome).collect(),
    })
}

/// A face's picture, mixed with its crop as the options say.
async fn draw_face<E: Engine>(
    look: &Look<'_, E>,
    crop: FaceCrop,
    head: Option<&Head>,
    options: &Options,
    held_bytes: u64,
    progress: &mut impl Progress,
) -> Result<Photo> {
    let kept = options.presentation.keep_for_mixture(&crop.photo);
    let kept_bytes = kept
        .as_ref()
        .map_or(0, |kept| rgba_bytes([kept.width(), kept.height()]));
    let mut drawn = look
        .draw_face(crop, head, held_bytes + kept_bytes, progress)
        .await?;
    options.presentation.mix(kept.as_ref(), &mut drawn)?;
    Ok(drawn)
}

/// Side of a face's square in parts of the photo's shorter side from which on the photo is a portrait, ...
const PORTRAIT: f32 = 0.5;
/// ... and from which on it is of people, and how far it becomes a cel then: clothes get flat tones and outlines, as faces have.
const OF_PEOPLE: f32 = 0.3;
const CEL_OF_PEOPLE: f32 = 0.8;

/// See [`FaceMode::Both`] and [`FaceMode::Live`].
pub(super) async fn both<E: Engine>(
    look: &Look<'_, E>,
    mut photo: Photo,
    options: &Options,
    faces: &FaceOptions,
    progress: &mut impl Progress,
) -> Result<Picture> {
    let live = faces.mode == FaceMode::Live;
    let own_faces = look.with_places_network_for_faces();
    let look = if live { &own_faces } else { look };
    let size = [photo.width(), photo.height()];
    let shrink = (options.long_side_px as f32 / size[0].max(size[1]) as f32).min(1.0);
    let found = faces.faces.find(size, faces.expand, shrink);
    let mut usable: Vec<Face> = found.iter().flatten().copied().collect();
    if options.presentation.strength == 0.0 {
        // Nothing of them would be seen but that they were sampled twice.
        usable.clear();
    }
    usable.sort_by(|a, b| a.square.side_px().total_cmp(&b.square.side_px()));
    let sides = usable
        .iter()
        .map(|face| square_side(face.square.side_px() * shrink, live));
    let sides: Vec<usize> = sides.collect();

    let presentation = options.presentation;
    let picture_size = fitted_size(size, options.long_side_px);
    let picture_bytes = rgba_bytes(picture_size);
    let kept_bytes = presentation.kept_bytes(picture_bytes);
    let mut crop_bytes: u64 = sides.iter().map(|side| rgba_bytes([*side; 2])).sum();
    let largest = rgba_bytes([sides.last().copied().unwrap_or(0); 2]);
    let head_sides: Vec<usize> = usable
        .iter()
        .map(|face| head_side(face.square.side_px() * shrink / faces.expand))
        .collect();
    let heads_bytes = match look.segmentation {
        Some(_) => head_sides.iter().map(|side| Head::bytes(*side)).sum(),
        None => 0,
    };
    let finding_bytes = Head::finding_bytes(head_sides.last().copied().unwrap_or(0));
    // What cannot be finished is not begun.
    let steps = [
        cutting_bytes(size, crop_bytes),
        crop_bytes + shrinking_bytes(size, picture_size),
        cutting_bytes(size, crop_bytes) + heads_bytes + finding_bytes,
        crop_bytes + kept_bytes + heads_bytes + pasting_bytes(picture_bytes, largest),
        presentation.applying_bytes(picture_bytes),
    ];
    look.make_room(steps.into_iter().fold(0, u64::max))?;

    // What lies around a face that is cut out softly is none of the page's white.
    let alphas = if usable.is_empty() || !photo.is_transparent() {
        None
    } else {
        let [taking_bytes, alpha_bytes] = transparency_bytes(rgba_bytes(size));
        let cutting = cutting_bytes(size, crop_bytes) + alpha_bytes;
        look.make_room(cutting.max(rgba_bytes(size) + taking_bytes))?;
        Some(photo.take_alpha()?)
    };
    // Out of the photo before it shrinks: there is more to see.
    let likeness = faces.likeness_at(presentation.strength);
    let crops = usable
        .iter()
        .zip(&sides)
        .map(|(face, side)| face.cut_out(&photo, *side, look, likeness));
    let crops = crops.collect::<Result<Vec<FaceCrop>>>()?;
    let mut heads = Vec::with_capacity(usable.len());
    for (face, side) in usable.iter().zip(&head_sides) {
        let held = crop_bytes + heads_bytes;
        let head = face.head(&photo, faces.expand, *side, look, held);
        heads.push(head.await?);
    }
    if let Some(alphas) = alphas {
        photo.put_alpha(&alphas);
    }
    let photo = fit_long_side(photo, options.long_side_px)?;
    let kept = presentation.keep(&photo);

    let whole_work = work(size) * shrink * shrink;
    let face_work = sides.iter().map(|side| work([*side; 2]));
    let all_work = whole_work + face_work.sum::<f32>();
    let mut done = whole_work / all_work;
    let mut part = Part {
        progress,
        start: 0.0,
        length: done,
    };
    let held = kept_bytes + crop_bytes + heads_bytes;
    let side = usable.last().map_or(0.0, |face| face.square.side_px());
    let shown = side / size[0].min(size[1]) as f32;
    let as_cel = look.with_cel(CEL_OF_PEOPLE);
    let of_people = look.portrait.is_some() && !live && shown > OF_PEOPLE;
    let of_place = if of_people { &as_cel } else { look };
    let factors = [0, 1].map(|i| picture_size[i] as f32 / size[i] as f32);
    let drawing = of_place.draw_place(photo, shown > PORTRAIT, held, &mut part);
    let mut picture = drawing.await?;
    presentation.mix(kept.as_ref(), &mut picture)?;
    for (i, ((face, side), crop)) in usable.iter().zip(&sides).zip(crops).enumerate() {
        let mut part = Part {
            progress,
            start: done,
            length: work([*side; 2]) / all_work,
        };
        part.report(0.0).await?;
        done += part.length;
        let face_bytes = rgba_bytes([*side; 2]);
        crop_bytes -= face_bytes;
        let held = picture_bytes + kept_bytes + crop_bytes + heads_bytes;
        // A portrait network's skin has been given its tone.
        let points = crop.points.clone();
        let tone = match &points {
            Some(points) => PatchTone::Face(oval(points, *side)),
            None => PatchTone::Picture,
        };
        let around = heads[i].as_ref();
        let drawn = draw_face(look, crop, around, options, held, &mut part).await?;
        let square = face.square.scaled(factors);
        let pasting = pasting_bytes(picture_bytes, face_bytes);
        look.make_room(kept_bytes + crop_bytes + heads_bytes + pasting)?;
        if let (Some(points), Some(around)) = (&points, around) {
            draw_around(&mut picture, around, &usable, i, factors, &drawn, points)?;
        }
        let Some(to_face) = square.from_crop(*side as f32).inverse() else {
            continue;
        };
        paste(
            &mut picture,
            square.bounds(picture_size),
            &drawn,
            to_face,
            head(faces.expand),
            tone,
        )?;
    }
    progress.report(1.0).await?;
    let outcome = |found: &Found| match found {
        Ok(_) => Outcome::Done,
        Err(refusal) => Outcome::Refused(*refusal),
    };
    look.make_room(presentation.applying_bytes(picture_bytes))?;
    Ok(Picture {
        photo: presentation.beside(kept, picture)?,
        outcomes: found.iter().map(outcome).collect(),
    })
}

/// Draws skin and hair around the `which`th of the `faces` in the picture, which is smaller than the photo by `factors`, in the tone of
/// the `drawn` one, in which its mesh `points` lie, before that is put there.
fn draw_around(
    picture: &mut Photo,
    head: &Head,
    faces: &[Face],
    which: usize,
    factors: [f32; 2],
    drawn: &Photo,
    points: &[[f32; 2]],
) -> Result<()> {
    let side = drawn.width();
    let Some((square, mesh)) = faces.get(which).map(|face| (face.square, face.mesh)) else {
        return Ok(());
    };
    let to_picture = square.scaled(factors).from_crop(side as f32);
    let Some(to_crop) = to_picture.inverse() else {
        return Ok(());
    };
    let here = warp(picture, to_picture, [side; 2])?;
    let in_crop = |[x, y]: &[f32; 2]| to_crop.apply([x * factors[0], y * factors[1]]);
    let in_crop: Vec<_> = mesh.unwrap_or_default().iter().map(in_crop).collect();
    let (Some(from), Some(wanted)) = (cheeks(&here, &in_crop), cheeks(drawn, points)) else {
        return Ok(());
    };
    let others = faces.iter().enumerate().filter(|(at, _)| *at != which);
    let others: Vec<FaceFrame> = others
        .filter_map(|(_, face)| FaceFrame::new(face.mesh?))
        .collect();
    head.draw(picture, factors, &others, from, wanted);
    Ok(())
}

/// Side at which a square is stylised that has so many pixels a side in the picture.
fn square_side(in_picture_px: f32, live: bool) -> usize {
    if live {
        let side = in_picture_px.clamp(LIVE_SIDES_PX[0], LIVE_SIDES_PX[1]);
        return (side as usize).next_multiple_of(SIDE_STEP_PX);
    }
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

/// The ellipse of a face in its square.
fn oval(points: &[[f32; 2]], side: usize) -> FadingEllipse {
    let span = |i: usize| {
        let along = OVAL.iter().map(|&point| points[point][i] / side as f32);
        along.fold([f32::MAX, f32::MIN], |[least, most], v| {
            [least.min(v), most.max(v)]
        })
    };
    let spans = [span(0), span(1)];
    FadingEllipse {
        center: spans.map(|[least, most]| 0.5 * (least + most)),
        radii: spans.map(|[least, most]| 0.5 * (most - least)),
        inner: OVAL_INNER,
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
