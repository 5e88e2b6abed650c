//! The networks that make a picture: one for the whole of it, one for its faces.

use crate::drawing::draw_features;
use crate::engine::{Engine, Progress};
use crate::error::Result;
use crate::face::draw_guides;
use crate::imaging::Photo;

use super::FaceCrop;
use super::memory::{drawing_bytes, guides_bytes, rgba_bytes};

/// A place network and, if there is one, a portrait network: one that takes guide planes
/// ([`crate::face::draw_guides`]) and draws faces that are warped to a drawing's proportions.
#[derive(Debug)]
pub struct Look<'a, E> {
    /// Draws whole pictures, and faces that the other one cannot draw.
    pub place: &'a E,
    /// Draws faces whose mesh is known.
    pub portrait: Option<&'a E>,
}

impl<'a, E> Look<'a, E> {
    /// A network that draws all by itself.
    pub fn of_places(place: &'a E) -> Self {
        Self {
            place,
            portrait: None,
        }
    }
}

impl<E: Engine> Look<'_, E> {
    /// Makes room for `bytes` of the pipeline's own, see [`Engine::make_room`].
    pub(super) fn make_room(&self, bytes: u64) -> Result<()> {
        if let Some(portrait) = self.portrait {
            portrait.give_way(bytes);
        }
        self.place.make_room(bytes)
    }

    /// Draws a whole photo, see [`Engine::stylize_photo`].
    pub(super) async fn draw_place(
        &self,
        photo: Photo,
        held_bytes: u64,
        progress: &mut impl Progress,
    ) -> Result<Photo> {
        if let Some(portrait) = self.portrait {
            let place_bytes = self.place.peak_bytes(photo.width(), photo.height());
            portrait.give_way(held_bytes.saturating_add(place_bytes));
        }
        let place = self.place;
        place.stylize_photo(photo, &[], held_bytes, progress).await
    }

    /// Draws a face: by the portrait network if it was cut out for that.
    pub(super) async fn draw_face(
        &self,
        face: FaceCrop,
        held_bytes: u64,
        progress: &mut impl Progress,
    ) -> Result<Photo> {
        let (Some(portrait), Some(points)) = (self.portrait, face.points) else {
            return self.draw_place(face.photo, held_bytes, progress).await;
        };
        let size = [face.photo.width(), face.photo.height()];
        let guides = draw_guides(&points, size[0]);
        // The crop is kept for the colours of its features.
        let held_bytes = held_bytes + guides_bytes(size) + rgba_bytes(size);
        let needed = portrait.peak_bytes(size[0], size[1]);
        self.place.give_way(held_bytes.saturating_add(needed));
        let crop = face.photo.clone();
        let drawn = portrait.stylize_photo(face.photo, &guides, held_bytes, progress);
        let mut drawn = drawn.await?;
        portrait.make_room(held_bytes + drawing_bytes(size))?;
        draw_features(&mut drawn, &crop, &points);
        Ok(drawn)
    }
}
