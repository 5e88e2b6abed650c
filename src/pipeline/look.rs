//! The networks that make a picture: one for the whole of it, one for its faces.

use crate::cel::{Cel, Pen, cel_bytes};
use crate::drawing::{Head, HeadInCrop, draw_features};
use crate::engine::{Engine, Progress};
use crate::error::Result;
use crate::face::draw_guides;
use crate::grade::{PlaceLook, graded};
use crate::imaging::{
    Photo, enlarge_along, enlarging_bytes, fitted_size, recolour, shrunk, transparency_bytes,
};
use crate::sky::{Scene, SkyPalette, lay_over, painted_sky, scene_bytes};
use crate::strokes::{paint_for_network, painting_bytes};
use crate::style::StyleHeader;

use super::FaceCrop;
use super::memory::{drawing_bytes, guides_bytes, rgba_bytes, shrinking_bytes};

/// A network and how its style has it given photos.
#[derive(Debug)]
pub struct Network<'a, E> {
    /// What runs it.
    pub engine: &'a E,
    /// Longer side in pixels at which it draws places, see [`StyleHeader::drawing_side_px`].
    pub drawing_side_px: Option<u32>,
    /// Whether it is given photos in strokes, see [`crate::strokes`].
    pub strokes: bool,
    /// How far its drawings become cels, see [`StyleHeader::cel`].
    pub cel: Option<f32>,
    /// How it paints skies, see [`StyleHeader::sky`].
    pub sky: Option<SkyPalette>,
    /// In the colours of which look its drawings are, see [`StyleHeader::grade`].
    pub grade: Option<PlaceLook>,
    /// Whether it takes guide planes ([`crate::face::draw_guides`]).
    pub guided: bool,
}

impl<E> Clone for Network<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Network<'_, E> {}

impl<'a, E> Network<'a, E> {
    /// As the style file says.
    pub fn of_style(engine: &'a E, header: &StyleHeader) -> Self {
        Self {
            engine,
            drawing_side_px: header.drawing_side_px,
            strokes: header.strokes,
            cel: header.cel,
            sky: header.sky,
            grade: header.grade,
            guided: header.generator.is_guided(),
        }
    }

    /// `[width, height]` at which it draws a place of this size.
    pub fn drawn_size(&self, size: [usize; 2]) -> [usize; 2] {
        match self.drawing_side_px {
            Some(side) => fitted_size(size, side as usize),
            None => size,
        }
    }

    /// The photo in the form in which the network is given it.
    fn prepared(&self, mut photo: Photo) -> Photo {
        if self.strokes {
            paint_for_network(&mut photo, self.guided);
        }
        photo
    }

    /// The picture that `enlarge` makes of its drawing in the colours of `graded`, as a cel if its style says so.
    fn finished(
        &self,
        mut drawn: Photo,
        graded: Option<&Photo>,
        enlarge: impl FnOnce(Photo) -> Result<Photo>,
    ) -> Result<Photo> {
        if let Some(graded) = graded {
            recolour(&mut drawn, graded)?;
        }
        let Some(strength) = self.cel else {
            return enlarge(drawn);
        };
        let cel = Cel::of(&mut drawn, Pen::place(strength));
        let mut picture = enlarge(drawn)?;
        cel.draw(&mut picture);
        Ok(picture)
    }

    /// Bytes at a time while a drawing of this size becomes a cel, besides its own.
    fn cel_bytes(&self, size: [usize; 2]) -> u64 {
        if self.cel.is_some() {
            cel_bytes(rgba_bytes(size) / 4)
        } else {
            0
        }
    }

    /// Bytes at a time while a photo of this size is prepared, besides its own.
    fn preparing_bytes(&self, size: [usize; 2]) -> u64 {
        if self.strokes {
            painting_bytes(size)
        } else {
            0
        }
    }
}

impl<E: Engine> Network<'_, E> {
    /// A portrait network's drawing of a face: the warped square `crop`, in which the mesh `points` lie
    /// (`[x, y]` in its pixels), drawn with guide planes, as a cel and with its features as vectors, and skin and hair around by the
    /// `head` if that is known. The caller holds `held_bytes` besides.
    ///
    /// # Errors
    /// Those of [`Engine::stylize_photo`].
    pub async fn draw_portrait(
        &self,
        crop: Photo,
        points: &[[f32; 2]],
        head: Option<HeadInCrop<'_>>,
        held_bytes: u64,
        progress: &mut impl Progress,
    ) -> Result<Photo> {
        let size = [crop.width(), crop.height()];
        // The crop is kept for the colours of its features.
        let held_bytes = held_bytes + rgba_bytes(size);
        let drawn = self.draw_guided(crop.clone(), points, held_bytes, progress);
        let mut drawn = drawn.await?;
        let cel_bytes = cel_bytes(rgba_bytes(size) / 4);
        self.engine
            .make_room(held_bytes + drawing_bytes(size).max(cel_bytes))?;
        Cel::of(&mut drawn, Pen::HEAD).draw(&mut drawn);
        draw_features(&mut drawn, &crop, points, head);
        Ok(drawn)
    }

    /// What the network itself makes of such a crop: [`Self::draw_portrait`] without what follows. One without guide planes
    /// draws a face as it draws all else.
    ///
    /// # Errors
    /// Those of [`Engine::stylize_photo`].
    pub async fn draw_guided(
        &self,
        crop: Photo,
        points: &[[f32; 2]],
        held_bytes: u64,
        progress: &mut impl Progress,
    ) -> Result<Photo> {
        let size = [crop.width(), crop.height()];
        let (guides, held_bytes) = match self.guided {
            true => (
                draw_guides(points, size[0]),
                held_bytes + guides_bytes(size),
            ),
            false => (Vec::new(), held_bytes),
        };
        self.engine
            .make_room(held_bytes + rgba_bytes(size) + self.preparing_bytes(size))?;
        let photo = self.prepared(crop);
        self.engine
            .stylize_photo(photo, &guides, held_bytes, progress)
            .await
    }
}

/// A place network and, if there is one, a portrait network, which draws faces that are warped to a drawing's proportions.
#[derive(Debug)]
pub struct Look<'a, E> {
    /// Draws whole pictures, and faces that the other one cannot draw.
    pub place: Network<'a, E>,
    /// Draws faces whose mesh is known.
    pub portrait: Option<Network<'a, E>>,
    /// Tells skin and hair around the faces that the portrait network draws, ...
    pub segmentation: Option<Network<'a, E>>,
}

impl<'a, E> Look<'a, E> {
    /// A network that draws all by itself, photos as they are.
    pub fn of_places(engine: &'a E) -> Self {
        Self::of_network(Network {
            engine,
            drawing_side_px: None,
            strokes: false,
            cel: None,
            sky: None,
            grade: None,
            guided: false,
        })
    }

    /// A network that draws all by itself.
    pub fn of_network(place: Network<'a, E>) -> Self {
        Self {
            place,
            portrait: None,
            segmentation: None,
        }
    }
}

impl<E> Look<'_, E> {
    /// The networks for faces.
    fn of_faces(&self) -> impl Iterator<Item = &Network<'_, E>> {
        [&self.portrait, &self.segmentation].into_iter().flatten()
    }

    /// The look whose faces are drawn by the place network, too.
    pub(super) fn with_places_network_for_faces(&self) -> Self {
        Self {
            place: self.place,
            portrait: Some(self.place),
            segmentation: None,
        }
    }

    /// The look whose places become cels by `strength` at least.
    pub(super) fn with_cel(&self, strength: f32) -> Self {
        let cel = Some(self.place.cel.map_or(strength, |own| own.max(strength)));
        Self {
            place: Network { cel, ..self.place },
            portrait: self.portrait,
            segmentation: self.segmentation,
        }
    }
}

impl<E: Engine> Look<'_, E> {
    /// Makes room for `bytes` of the pipeline's own, see [`Engine::make_room`].
    pub(super) fn make_room(&self, bytes: u64) -> Result<()> {
        for network in self.of_faces() {
            network.engine.give_way(bytes);
        }
        self.place.engine.make_room(bytes)
    }

    /// Draws a whole photo, see [`Engine::stylize_photo`]. Where it is transparent, the colours beside are seen. What is grey behind a
    /// portrait is taken for a wall, in other photos for clouds if it may be.
    pub(super) async fn draw_place(
        &self,
        mut photo: Photo,
        is_portrait: bool,
        held_bytes: u64,
        progress: &mut impl Progress,
    ) -> Result<Photo> {
        if !photo.is_transparent() {
            return self
                .draw_opaque(photo, is_portrait, held_bytes, progress)
                .await;
        }
        let bytes = rgba_bytes([photo.width(), photo.height()]);
        let [taking_bytes, alpha_bytes] = transparency_bytes(bytes);
        self.make_room(held_bytes + bytes + taking_bytes)?;
        let alphas = photo.take_alpha()?;
        let held_bytes = held_bytes + alpha_bytes;
        let drawing = self.draw_opaque(photo, is_portrait, held_bytes, progress);
        let mut drawn = drawing.await?;
        drawn.put_alpha(&alphas);
        Ok(drawn)
    }

    /// Draws a whole photo that shows something everywhere.
    async fn draw_opaque(
        &self,
        photo: Photo,
        is_portrait: bool,
        held_bytes: u64,
        progress: &mut impl Progress,
    ) -> Result<Photo> {
        let Network { sky, grade, .. } = self.place;
        if sky.is_none() && grade.is_none() {
            return self.draw(photo, None, held_bytes, progress).await;
        }
        let bytes = rgba_bytes([photo.width(), photo.height()]);
        self.make_room(held_bytes + bytes + scene_bytes(bytes))?;
        let scene = Scene::of(&photo)?;
        let sky = match sky {
            Some(palette) => painted_sky(&photo, &scene, palette)?,
            None => None,
        };
        let graded = grade.map(|look| graded(&scene, look, !is_portrait));
        let graded = graded.transpose()?;
        drop(scene);
        let sky_bytes = if sky.is_some() { bytes } else { 0 };
        let drawing = self.draw(photo, graded.as_ref(), held_bytes + sky_bytes, progress);
        let mut drawn = drawing.await?;
        if let Some(sky) = sky {
            lay_over(&sky, &mut drawn);
        }
        Ok(drawn)
    }

    /// Draws a photo by the place network, in the broad colours of `graded` if it is given them.
    async fn draw(
        &self,
        photo: Photo,
        graded: Option<&Photo>,
        held_bytes: u64,
        progress: &mut impl Progress,
    ) -> Result<Photo> {
        let size = [photo.width(), photo.height()];
        let drawn_size = self.place.drawn_size(size);
        let cel_bytes = self.place.cel_bytes(drawn_size);
        if drawn_size == size {
            let drawn = self.draw_as_it_is(photo, held_bytes, progress).await?;
            self.make_room(held_bytes + rgba_bytes(size) + cel_bytes)?;
            return self.place.finished(drawn, graded, Ok);
        }
        self.make_room(held_bytes + shrinking_bytes(size, drawn_size) + rgba_bytes(size))?;
        let small = shrunk(&photo, drawn_size)?;
        let small_bytes = rgba_bytes(drawn_size);
        let held_bytes = held_bytes + rgba_bytes(size) + small_bytes;
        let drawing = self.draw_as_it_is(small.clone(), held_bytes, progress);
        let drawn = drawing.await?;
        self.make_room(held_bytes + small_bytes + enlarging_bytes(small_bytes / 4) + cel_bytes)?;
        self.place
            .finished(drawn, graded, |drawn| enlarge_along(photo, &small, &drawn))
    }

    /// Draws a whole photo at its own size.
    async fn draw_as_it_is(
        &self,
        photo: Photo,
        held_bytes: u64,
        progress: &mut impl Progress,
    ) -> Result<Photo> {
        let size = [photo.width(), photo.height()];
        self.make_room(held_bytes + rgba_bytes(size) + self.place.preparing_bytes(size))?;
        let photo = self.place.prepared(photo);
        let place = self.place.engine;
        let place_bytes = place.peak_bytes(size[0], size[1]);
        for network in self.of_faces() {
            network
                .engine
                .give_way(held_bytes.saturating_add(place_bytes));
        }
        place.stylize_photo(photo, &[], held_bytes, progress).await
    }

    /// Draws a face: by the portrait network if it was cut out for that.
    pub(super) async fn draw_face(
        &self,
        face: FaceCrop,
        head: Option<&Head>,
        held_bytes: u64,
        progress: &mut impl Progress,
    ) -> Result<Photo> {
        let (Some(network), Some(points)) = (&self.portrait, face.points) else {
            return self.draw(face.photo, None, held_bytes, progress).await;
        };
        let size = [face.photo.width(), face.photo.height()];
        let needed = network.engine.peak_bytes(size[0], size[1]);
        let held = held_bytes + guides_bytes(size) + rgba_bytes(size);
        self.place.engine.give_way(held.saturating_add(needed));
        let place = &face.place;
        let head = head.map(|head| HeadInCrop { head, place });
        network
            .draw_portrait(face.photo, &points, head, held_bytes, progress)
            .await
    }
}
