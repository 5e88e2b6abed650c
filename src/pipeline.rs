//! Photo in, picture out: the only place that knows the order of steps.

mod faces;

pub use faces::{
    FaceOptions, Faces, FacesPicture, LEAST_FACE_IN_PICTURE_PX, LEAST_FACE_PX, MOST_FACES, Outcome,
    PORTRAIT_SIDE_PX, stylize_both, stylize_portrait,
};

use crate::engine::{Engine, Progress};
use crate::error::Result;
use crate::imaging::{Photo, fit_long_side};

/// Turns `photo` into an anime picture whose longer side is at most `long_side_px`; it is never
/// enlarged. Transparency is kept.
///
/// # Errors
/// Those of [`fit_long_side`] and [`Engine::stylize_photo`].
pub async fn stylize<E: Engine>(
    engine: &E,
    photo: Photo,
    long_side_px: usize,
    progress: &mut impl Progress,
) -> Result<Photo> {
    let photo = fit_long_side(photo, long_side_px)?;
    engine.stylize_photo(photo, progress).await
}
