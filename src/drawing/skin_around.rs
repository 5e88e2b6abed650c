//! The skin around a face in a whole picture: neck, shoulders and hands in the tones of the drawn face.

use crate::colour::lab::{LabOfBytes, lab_to_rgb};
use crate::error::Result;
use crate::face::FaceSquare;
use crate::face::mesh::FaceFrame;
use crate::geometry::{SimilarityTransform, smoothstep};
use crate::imaging::{Photo, warp};

use super::frame::Frame;
use super::lab_of;
use super::palette::{SkinPalette, skin_colour};
use super::skin_region::{HELD_BYTES, SkinRegion};
use super::skin_tone::{ToneChange, flat_skin};

/// Half the width and height of where skin is changed, in widths of the face, the part of these within which it is changed
/// fully, and how far below the face its middle is.
const REACH: [f32; 2] = [1.7, 2.4];
const FULL: f32 = 0.45;
const DOWN: f32 = 0.8;
/// The part of them within which it becomes flat.
const FULLY_FLAT: f32 = 0.8;
/// Half a side, in widths of the face, of the square about that middle in which skin is looked for.
const HALF_SIDE: f32 = 2.0;
/// Pixels of the square across the face at most.
const FACE_PX: f32 = 64.0;

/// The skin about a face of a photo.
#[derive(Clone, Debug)]
pub struct SkinAround {
    region: SkinRegion,
    face: FaceFrame,
    /// Takes points of the photo to those of the square in which the region is.
    to_square: SimilarityTransform,
}

impl SkinAround {
    /// The most bytes that one holds of a face so many pixels wide in the picture.
    pub fn bytes(face_px: f32) -> u64 {
        let side = 2.0 * HALF_SIDE * face_px.min(FACE_PX);
        HELD_BYTES * (side * side) as u64
    }

    /// That of the face with this mesh, in pixels of the photo; `None` if it is none.
    ///
    /// # Errors
    /// Those of [`warp`].
    pub fn find(photo: &Photo, mesh: &[[f32; 2]]) -> Result<Option<Self>> {
        let Some(face) = FaceFrame::new(mesh) else {
            return Ok(None);
        };
        let unit = face.width_px.min(FACE_PX);
        let side = (2.0 * HALF_SIDE * unit) as usize;
        let half = 0.5 * side as f32 * face.width_px / unit;
        let below = face.vector(0.0, DOWN * face.width_px);
        let square = FaceSquare {
            center: [0, 1].map(|i| face.center[i] + below[i]),
            half: face.right.map(|v| half * v),
        };
        let to_photo = square.from_crop(side as f32);
        let Some(to_square) = to_photo.inverse().filter(|_| side > 0) else {
            return Ok(None);
        };
        let square = warp(photo, to_photo, [side; 2])?;
        let points: Vec<_> = mesh.iter().map(|point| to_square.apply(*point)).collect();
        let Some(frame) = Frame::new(side, &points) else {
            return Ok(None);
        };
        let lab = lab_of(square.pixels());
        let region = SkinRegion::find(&frame, &lab, skin_colour(&frame, &lab));
        Ok(Some(Self {
            region,
            face,
            to_square,
        }))
    }

    /// Gives the skin about the face in a picture of the photo the change from `from`, the colour of its cheeks there, to
    /// `wanted`, that of the face that is put into it, both in CIE L*a*b*, and makes it as flat as that, but for what is nearer to
    /// one of the `others`.
    pub fn draw(
        &self,
        picture: &mut Photo,
        others: &[FaceFrame],
        from: [f32; 3],
        wanted: [f32; 3],
    ) {
        let change = ToneChange::around(from, wanted);
        let tones = [SkinPalette::shade_of(wanted), wanted];
        let table = LabOfBytes::default();
        let scale = self.to_square.scale();
        let face = &self.face;
        let [width, height] = [picture.width(), picture.height()];
        // A square in which the ellipse lies, however the face is turned.
        let down = face.vector(0.0, DOWN * face.width_px);
        let reach = REACH[1] * face.width_px;
        let [columns, rows] = [(0, width), (1, height)].map(|(axis, side)| {
            let middle = face.center[axis] + down[axis];
            // The casts saturate.
            ((middle - reach) as usize).min(side)..((middle + reach + 1.0) as usize).min(side)
        });
        let away = |face: &FaceFrame, point: [f32; 2]| {
            let [x, y] = face
                .local(point, face.center)
                .map(|v| v / face.width_px.max(1.0));
            (x / REACH[0]).hypot((y - DOWN) / REACH[1])
        };
        for (x, y) in rows.flat_map(|y| columns.clone().map(move |x| (x, y))) {
            let pixel = &mut picture.pixels_mut()[y * width + x];
            let point = [x, y].map(|v| v as f32 + 0.5);
            let own = away(face, point);
            let near = smoothstep(own, 1.0, FULL);
            if near <= 0.0 {
                continue;
            }
            let nearest = others
                .iter()
                .map(|other| away(other, point))
                .fold(f32::INFINITY, f32::min);
            let nearer = smoothstep(nearest - own, -0.05, 0.05);
            let [r, g, b, alpha] = *pixel;
            let colour = table.lab([r, g, b]);
            let share = near * nearer * change.share(colour);
            let at = self.to_square.apply(point);
            let [skin, lit] = self.region.at(at, scale);
            let flat = nearer * smoothstep(own, 1.0, FULLY_FLAT) * skin;
            if share.max(flat) > 0.0 {
                let toned = change.apply(colour, share);
                let drawn = flat_skin(toned, colour, &change, tones, [flat, lit]);
                // The cast saturates.
                let [r, g, b] = lab_to_rgb(drawn).map(|v| (v * 255.0 + 0.5) as u8);
                *pixel = [r, g, b, alpha];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::lab::rgb_to_lab;
    use crate::face::example_face::example_face;

    const SIDE: usize = 512;
    const SKIN: [f32; 3] = [0.72, 0.53, 0.44];

    #[test]
    fn skin_around_a_face_is_flat_and_in_its_tone_but_not_that_of_others() {
        // Two faces on uneven skin, a shirt at the left.
        let bytes = |x: usize, y: usize| {
            let uneven = 0.03 * (0.1 * (x + y) as f32).sin();
            match x {
                x if x < 20 => [40, 70, 160, 200],
                _ => {
                    let [r, g, b] = SKIN.map(|v| ((v + uneven) * 255.0) as u8);
                    [r, g, b, 255]
                }
            }
        };
        let rgba = (0..2 * SIDE * SIDE).flat_map(|i| bytes(i % (2 * SIDE), i / (2 * SIDE)));
        let mut picture = Photo::new(2 * SIDE, SIDE, rgba.collect()).expect("a picture");
        let mesh = example_face();
        let beside: Vec<_> = mesh.iter().map(|[x, y]| [x + SIDE as f32, *y]).collect();
        let other = FaceFrame::new(&beside).expect("a face");
        let from = rgb_to_lab(SKIN);
        let wanted = [from[0] + 15.0, from[1], from[2]];
        let before = picture.clone();
        let around = SkinAround::find(&picture, &mesh)
            .expect("enough memory")
            .expect("a face");
        around.draw(&mut picture, &[other], from, wanted);
        let lightness = |picture: &Photo, x: usize, y: usize| {
            let [r, g, b, _] = picture.pixels()[y * 2 * SIDE + x];
            LabOfBytes::default().lab([r, g, b])[0]
        };
        // The neck, in the light and under the jaw; the other face and a shirt, not at all.
        for x in [216, 256, 296] {
            let lit = lightness(&picture, x, 450);
            assert!((lit - wanted[0]).abs() < 1.5, "{x} {lit}");
        }
        let shaded = lightness(&picture, 256, 412);
        assert!((8.0..18.0).contains(&(wanted[0] - shaded)), "{shaded}");
        for (x, y) in [(256 + SIDE, 430), (5, 430)] {
            let i = y * 2 * SIDE + x;
            assert_eq!(picture.pixels()[i], before.pixels()[i], "{x} {y}");
        }
    }

    #[test]
    fn points_that_are_no_face_have_no_skin() {
        let photo = Photo::new(8, 8, [200, 160, 140, 255].repeat(64)).expect("a photo");
        let around = SkinAround::find(&photo, &[[3.0; 2]; 478]).expect("enough memory");
        assert!(around.is_none());
    }
}
