//! Photo in, picture out: the only place that knows the order of steps.

mod face_crop;
mod faces;
mod heads;
mod look;
mod memory;
mod presentation;

pub use face_crop::FaceCrop;
pub use faces::{
    FaceMode, FaceOptions, Faces, LEAST_FACE_IN_PICTURE_PX, LEAST_FACE_PX, MOST_FACES, Outcome,
    PORTRAIT_SIDE_PX,
};
pub use look::{Look, Network};
pub use presentation::Presentation;

use self::memory::{rgba_bytes, shrinking_bytes};
use crate::engine::{Engine, Progress};
use crate::error::{Error, Result};
use crate::imaging::{Photo, fit_long_side, fitted_size};

/// What is to be made of a photo.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Limit of the picture's longer side in pixels, at least 1. A photo is never enlarged.
    pub long_side_px: usize,
    /// What becomes of the picture in the end.
    pub presentation: Presentation,
    /// The photo's faces, if they are treated by themselves.
    pub faces: Option<FaceOptions>,
}

impl Default for Options {
    /// The picture alone, as a whole, of at most 1024 pixels.
    fn default() -> Self {
        Self {
            long_side_px: 1024,
            presentation: Presentation::default(),
            faces: None,
        }
    }
}

impl Options {
    /// Refuses values out of their range.
    fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(Error::ArgumentInvalid(what));
        let strength = self.presentation.strength;
        if self.long_side_px == 0 {
            return wrong("the picture's longer side is 0 pixels, expected at least 1".into());
        }
        if !(0.0..=1.0).contains(&strength) {
            return wrong(format!("the strength is {strength}, expected 0 to 1"));
        }
        match &self.faces {
            Some(faces) if !(0.5..=4.0).contains(&faces.expand) => wrong(format!(
                "squares of faces are enlarged by {}, expected 0.5 to 4",
                faces.expand
            )),
            Some(faces) if !(0.0..=1.0).contains(&faces.likeness) => wrong(format!(
                "the likeness is {}, expected 0 to 1",
                faces.likeness
            )),
            _ => Ok(()),
        }
    }
}

/// A finished picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Its pixels.
    pub photo: Photo,
    /// What became of each face that was given, in their order.
    pub outcomes: Vec<Outcome>,
}

/// Turns `photo` into an anime picture by the networks of a look: the whole of it, that with its
/// faces painted by themselves, or the portrait of one. Transparency is kept, but a portrait's is white.
///
/// # Errors
/// [`Error::ArgumentInvalid`] for an option out of its range;
/// [`Error::NoFace`] with the reason for each face if there is none for a
/// portrait; those of [`Engine::stylize_photo`] and [`Photo::beside`].
pub async fn stylize<E: Engine>(
    look: &Look<'_, E>,
    photo: Photo,
    options: &Options,
    progress: &mut impl Progress,
) -> Result<Picture> {
    options.check()?;
    match &options.faces {
        None => Ok(Picture {
            photo: whole(look, photo, options, progress).await?,
            outcomes: Vec::new(),
        }),
        Some(faces) => match faces.mode {
            FaceMode::Portrait => faces::portrait(look, photo, options, faces, progress).await,
            FaceMode::Both | FaceMode::Live => {
                faces::both(look, photo, options, faces, progress).await
            }
        },
    }
}

/// The whole picture.
async fn whole<E: Engine>(
    look: &Look<'_, E>,
    photo: Photo,
    options: &Options,
    progress: &mut impl Progress,
) -> Result<Photo> {
    let presentation = options.presentation;
    let size = [photo.width(), photo.height()];
    let picture_size = fitted_size(size, options.long_side_px);
    let bytes = rgba_bytes(picture_size);
    // What cannot be finished is not begun.
    let applying = presentation.applying_bytes(bytes);
    look.make_room(shrinking_bytes(size, picture_size).max(applying))?;
    let photo = fit_long_side(photo, options.long_side_px)?;
    let kept = presentation.keep(&photo);
    let held = presentation.kept_bytes(bytes);
    let mut picture = look.draw_place(photo, false, held, progress).await?;
    look.make_room(applying)?;
    presentation.mix(kept.as_ref(), &mut picture)?;
    presentation.beside(kept, picture)
}
