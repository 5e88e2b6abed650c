//! The finished picture with its photo: mixed with it, or beside it.

use crate::error::Result;
use crate::imaging::{Photo, mix};

/// What becomes of a picture in the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Presentation {
    /// Share of the picture in a mixture with the photo: 1 is the picture alone, 0 the photo.
    pub strength: f32,
    /// Whether the picture gets the photo at its left.
    pub side_by_side: bool,
}

impl Default for Presentation {
    /// The picture alone.
    fn default() -> Self {
        Self {
            strength: 1.0,
            side_by_side: false,
        }
    }
}

impl Presentation {
    /// Whether the picture alone does not do.
    pub(super) fn needs_photo(self) -> bool {
        self.side_by_side || self.strength < 1.0
    }

    /// A copy of the photo for [`Presentation::apply`], if it will be needed.
    pub(super) fn keep(self, photo: &Photo) -> Option<Photo> {
        self.needs_photo().then(|| photo.clone())
    }

    /// A copy of the photo for [`Presentation::mix`] alone.
    pub(super) fn keep_for_mixture(self, photo: &Photo) -> Option<Photo> {
        (self.strength < 1.0).then(|| photo.clone())
    }

    /// Mixes the picture with the photo that was kept, which has its size.
    ///
    /// # Errors
    /// Those of [`mix`].
    pub(super) fn mix(self, kept: Option<&Photo>, picture: &mut Photo) -> Result<()> {
        match kept {
            Some(photo) if self.strength < 1.0 => mix(photo, picture, self.strength),
            _ => Ok(()),
        }
    }

    /// The picture, with the photo that was kept at its left if that is wanted.
    ///
    /// # Errors
    /// Those of [`Photo::beside`].
    pub(super) fn beside(self, kept: Option<Photo>, picture: Photo) -> Result<Photo> {
        match kept {
            Some(photo) if self.side_by_side => photo.beside(&picture),
            _ => Ok(picture),
        }
    }
}
