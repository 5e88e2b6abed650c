//! Photo in, picture out: the only place that knows the order of steps.

mod faces;
mod presentation;

pub use faces::{
    FaceOptions, Faces, FacesPicture, LEAST_FACE_PX, MOST_FACES, Outcome, PORTRAIT_SIDE_PX,
    stylize_both, stylize_portrait,
};
pub use presentation::Presentation;

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
    let alone = Presentation::default();
    stylize_presented(engine, photo, long_side_px, alone, progress).await
}

/// As [`stylize`], mixed with the photo or beside it.
///
/// # Errors
/// Those of [`stylize`], and of a picture that is too large beside its photo.
pub async fn stylize_presented<E: Engine>(
    engine: &E,
    photo: Photo,
    long_side_px: usize,
    presentation: Presentation,
    progress: &mut impl Progress,
) -> Result<Photo> {
    let photo = fit_long_side(photo, long_side_px)?;
    let kept = presentation.keep(&photo);
    let picture = engine.stylize_photo(photo, progress).await?;
    presentation.apply(kept, picture)
}
