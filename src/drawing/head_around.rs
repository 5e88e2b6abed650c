//! What is around a face in a whole picture: neck, shoulders and hair, drawn as in the face that is put there.

use std::ops::Range;

use crate::colour::lab::{LabOfBytes, lab_to_rgb};
use crate::face::mesh::{FaceFrame, distance};
use crate::geometry::smoothstep;
use crate::imaging::Photo;

use super::head::Head;
use super::palette::{SkinPalette, mix};
use super::skin_tone::{ToneChange, flat_skin};

/// The part of the square's side over which what is drawn goes over into the picture at its border.
const FADE: f32 = 0.08;
/// Nearer to another face by so many widths of each, a place is not drawn, and still fully.
const OF_OTHER: [f32; 2] = [-0.05, 0.05];

impl Head {
    /// Draws what is around the face in a picture of the photo, which is smaller by `factors`: skin gets the change from `from`, the
    /// colour of its cheeks there, to `wanted`, that of the face that is put into it, both in CIE L*a*b*, and becomes as flat as that,
    /// hair its tones; but for what is nearer to one of the `others`.
    pub fn draw(
        &self,
        picture: &mut Photo,
        factors: [f32; 2],
        others: &[FaceFrame],
        from: [f32; 3],
        wanted: [f32; 3],
    ) {
        let change = ToneChange::around(from, wanted);
        let tones = [SkinPalette::shade_of(wanted), wanted];
        let table = LabOfBytes::default();
        let [width, height] = [picture.width(), picture.height()];
        let scale = 1.0 / factors[0].max(1e-6);
        let away = |face: &FaceFrame, point: [f32; 2]| {
            distance(point, face.center) / face.width_px.max(1.0)
        };
        let [columns, rows] = self.bounds(factors, [width, height]);
        for (x, y) in rows.flat_map(|y| columns.clone().map(move |x| (x, y))) {
            let in_picture = [x, y].map(|v| v as f32 + 0.5);
            let point = [0, 1].map(|i| in_picture[i] / factors[i]);
            let near = self.nearness(point);
            if near <= 0.0 {
                continue;
            }
            let own = away(&self.face, point);
            let nearest = others.iter().map(|other| away(other, point));
            let nearest = nearest.fold(f32::INFINITY, f32::min);
            let near = near * smoothstep(nearest - own, OF_OTHER[0], OF_OTHER[1]);
            if near <= 0.0 {
                continue;
            }
            let here = self.at(point, scale);
            let pixel = &mut picture.pixels_mut()[y * width + x];
            let [r, g, b, alpha] = *pixel;
            let colour = table.lab([r, g, b]);
            let share = near * here.person * change.share(colour) * (1.0 - here.hair);
            let skin = near * here.skin;
            let hair = near * here.hair;
            if share.max(skin).max(hair) > 0.0 {
                let toned = change.apply(colour, share);
                let drawn = flat_skin(toned, colour, &change, tones, [skin, here.lit]);
                let drawn = mix(drawn, here.hair_colour.unwrap_or(drawn), hair);
                // The cast saturates.
                let [r, g, b] = lab_to_rgb(drawn).map(|v| (v * 255.0 + 0.5) as u8);
                *pixel = [r, g, b, alpha];
            }
        }
    }

    /// How far a point of the photo is within what is changed: 0 to 1.
    fn nearness(&self, point: [f32; 2]) -> f32 {
        let side = self.side() as f32;
        let at = self.to_square.apply(point).map(|v| v.min(side - v) / side);
        smoothstep(at[0].min(at[1]), 0.0, FADE)
    }

    /// The columns and rows of a picture, smaller than the photo by `factors` and of `size`, in which the square lies.
    fn bounds(&self, factors: [f32; 2], size: [usize; 2]) -> [Range<usize>; 2] {
        let side = self.side() as f32;
        let corners = [[0.0, 0.0], [side, 0.0], [0.0, side], [side, side]];
        let corners = self.to_square.inverse().map_or(corners, |to_photo| {
            corners.map(|corner| to_photo.apply(corner))
        });
        [0, 1].map(|i| {
            let along = corners.map(|corner| corner[i] * factors[i]);
            let least = along.into_iter().fold(f32::INFINITY, f32::min);
            let most = along.into_iter().fold(0.0, f32::max);
            // The casts saturate.
            (least as usize).min(size[i])..(most as usize + 1).min(size[i])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::lab::rgb_to_lab;
    use crate::drawing::head::tests::{HAIR, SIDE, SKIN, head, person, picture};
    use crate::face::example_face::example_face;

    #[test]
    fn what_is_around_a_face_is_drawn_but_not_what_is_around_others() {
        let head = head();
        // The picture is half as large as the photo.
        let mut drawn = picture(SIDE / 2, |at| person(at).0);
        let before = drawn.clone();
        let right_half: Vec<_> = example_face()
            .iter()
            .map(|[x, y]| [x + 300.0, *y])
            .collect();
        let other = FaceFrame::new(&right_half).expect("a face");
        let from = rgb_to_lab(SKIN);
        let wanted = [from[0] + 15.0, from[1], from[2]];
        head.draw(&mut drawn, [0.5; 2], &[other], from, wanted);
        let lab = |picture: &Photo, x: usize, y: usize| {
            let [r, g, b, _] = picture.pixels()[y / 2 * (SIDE / 2) + x / 2];
            LabOfBytes::default().lab([r, g, b])
        };
        let neck = lab(&drawn, 256, 456);
        assert!((neck[0] - wanted[0]).abs() < 1.5, "{neck:?}");
        let hair = lab(&drawn, 256, 110);
        let own = rgb_to_lab(HAIR);
        assert!(
            (hair[0] - own[0]).abs() > 2.0 && hair[0] < 60.0,
            "{hair:?} {own:?}"
        );
        for (x, y) in [(60, 300), (100, 480), (470, 440)] {
            assert_eq!(lab(&drawn, x, y), lab(&before, x, y), "{x} {y}");
        }
    }
}
