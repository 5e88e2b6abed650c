//! What of a face is drawn by rules: flat skin and its blush, and as vectors eyes, brows, nose, mouth, jaw and glasses, in
//! colours measured in the photo.
//! The targets that portrait networks learn are drawn by this code, and so are the features over a
//! network's picture: they are what makes a drawing, and a network alone leaves them soft.

mod beard;
mod blush;
mod brows;
mod eye_place;
mod eyes;
pub mod frame;
mod glasses;
mod hair;
mod head;
mod head_around;
mod head_in_crop;
mod iris;
pub mod jaw;
pub mod light;
mod local_colours;
mod mouth;
pub mod palette;
pub mod pen;
mod planes;
pub mod samples;
mod sight;
mod skin_tone;
pub mod typology;

use crate::imaging::Photo;

pub use self::blush::blushes;
pub use self::eyes::has_iris;
use self::frame::Frame;
pub use self::glasses::draw_glasses;
pub use self::hair::HairTones;
pub use self::head::{HEAD_EXPAND, HEAD_SIDES_PX, Head, SEGMENTED_SIDE_PX};
pub use self::head_in_crop::{CropPlace, HeadInCrop};
use self::iris::Irises;
use self::palette::SkinPalette;
use self::pen::Canvas;
pub use self::sight::eyes_are_hidden;
use crate::colour::lab::LabOfBytes;

/// Gives the skin of a face its tone and draws the features over `picture`, which a network made of `crop`: both are squares
/// of one size, in which the face mesh `points` lie (`[x, y]` in pixels from the top left corner; the
/// first pixel's centre is at 0.5). Skin and hair beyond the outline of the face are drawn as the `head` has them, if that is known. Does
/// nothing where there is no face, and no more than the hair where its eyes are not seen.
pub fn draw_features(
    picture: &mut Photo,
    crop: &Photo,
    points: &[[f32; 2]],
    head: Option<HeadInCrop>,
) {
    let side = crop.width();
    let Some(frame) = Frame::new(side, points) else {
        return;
    };
    if [crop.height(), picture.width(), picture.height()] != [side; 3] {
        return;
    }
    let lab = lab_of(crop.pixels());
    let skin_colour = palette::skin_colour(&frame, &lab);
    if eyes_are_hidden(&frame, &lab, skin_colour) {
        // Hair goes on around the face.
        if let Some(head) = head {
            let mut canvas = Canvas::of_photo(picture);
            head.draw_hair(&mut canvas, &frame);
            canvas.write_to(picture);
        }
        return;
    }
    let palette = light::palette_in_usual_light(&frame, &lab, skin_colour);
    let mut canvas = Canvas::of_photo(picture);
    let drawn = lab_of(picture.pixels());
    skin_tone::draw_skin(
        &mut canvas,
        &frame,
        &drawn,
        &lab,
        skin_colour,
        &palette,
        head,
    );
    blush::draw_blush(&mut canvas, &frame, &palette);
    let bearded = beard::draw_beard(&mut canvas, &frame, &lab);
    let is_skin = |point| sight::skin_likeness(&frame, &lab, skin_colour, point);
    let mouth = skin_tone::mouth_down(&frame);
    jaw::draw_jaw(&mut canvas, &frame, &palette, |place| {
        let [near, far] = place.outside.map(is_skin);
        let [_, down] = frame.local(place.at, frame.face.center);
        let below = 1.0 - skin_tone::above_jaw(down - mouth);
        below * (1.0 - bearded) * is_skin(place.inside) * is_skin(place.at) * near.min(far)
    });
    if let Some(head) = head {
        head.draw_hair(&mut canvas, &frame);
    }
    draw_inner_features(&mut canvas, &frame, &lab, skin_colour, &palette);
    draw_glasses(&mut canvas, &frame, &lab);
    canvas.write_to(picture);
}

/// Draws nose, mouth, eyes and brows, in colours of a crop in CIE L*a*b* with skin of this colour.
pub fn draw_inner_features(
    canvas: &mut Canvas,
    frame: &Frame,
    lab: &[[f32; 3]],
    skin_colour: [f32; 3],
    palette: &SkinPalette,
) {
    mouth::draw_nose(canvas, frame, lab, palette);
    mouth::draw_mouth(canvas, frame, lab, skin_colour, palette);
    let irises = Irises::measure(frame, lab);
    for at in (0..2).filter(|at| eyes::is_seen(frame, *at)) {
        eyes::draw_eye(canvas, frame, at, lab, &irises, skin_colour, palette);
    }
    let brows = brows::brow_colour(frame, lab);
    for at in (0..2).filter(|at| eyes::is_seen(frame, *at)) {
        brows::draw_brow(canvas, frame, at, brows, skin_colour, palette);
    }
}

/// The colour of the cheeks in a square picture of a face in which the mesh `points` lie, in CIE L*a*b*; `None` where there is no
/// face.
pub fn cheeks(picture: &Photo, points: &[[f32; 2]]) -> Option<[f32; 3]> {
    let frame = Frame::new(picture.width(), points)?;
    Some(palette::skin_colour(&frame, &lab_of(picture.pixels())))
}

/// Pixels in CIE L*a*b*.
fn lab_of(pixels: &[[u8; 4]]) -> Vec<[f32; 3]> {
    let table = LabOfBytes::default();
    pixels
        .iter()
        .map(|[r, g, b, _]| table.lab([*r, *g, *b]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::example_face::example_face;

    const SIDE: usize = 512;
    const SKIN: [u8; 4] = [214, 168, 144, 255];

    /// A face of one colour with dark irises and brows, where [`example_face`] has its landmarks.
    fn crop() -> Photo {
        let pixel = |i: usize| {
            let [x, y] = [i % SIDE, i / SIDE].map(|v| v as f32 + 0.5);
            let iris = [210.0, 302.0]
                .iter()
                .any(|at| (x - at).hypot(y - 238.0) < 7.0);
            let brow = (214.0..224.0).contains(&y) && (25.0..70.0).contains(&(x - 256.0).abs());
            match () {
                () if iris => [60, 40, 30, 255],
                () if brow => [70, 50, 40, 255],
                () => SKIN,
            }
        };
        let rgba = (0..SIDE * SIDE).flat_map(pixel).collect();
        Photo::new(SIDE, SIDE, rgba).expect("as many bytes as pixels need")
    }

    fn drawn(crop: &Photo, points: &[[f32; 2]]) -> Photo {
        let mut picture = Photo::new(SIDE, SIDE, SKIN.repeat(SIDE * SIDE)).expect("a picture");
        draw_features(&mut picture, crop, points, None);
        picture
    }

    fn lightness(picture: &Photo, x: usize, y: usize) -> f32 {
        lab_of(&[picture.pixels()[y * SIDE + x]])[0][0]
    }

    #[test]
    fn features_are_drawn_where_they_are() {
        let picture = drawn(&crop(), &example_face());
        let at = |x, y| lightness(&picture, x, y);
        // The pupil is dark, the white beside it light, lash line and brow dark.
        assert!(at(302, 239) < 25.0, "{}", at(302, 239));
        assert!(at(316, 239) > 80.0, "{}", at(316, 239));
        assert!(at(306, 230) < 30.0, "{}", at(306, 230));
        assert!(at(300, 216) < 50.0, "{}", at(300, 216));
        // The line between the lips.
        let [x, y] = example_face()[13].map(|v| v as usize);
        let darkest = (y - 3..y + 6).map(|y| at(x, y)).fold(100.0, f32::min);
        assert!(darkest < 50.0, "{darkest}");
        // Cheeks are of one colour, near the photo's; what is far from the face is as it was.
        assert!((at(190, 300) - at(322, 300)).abs() < 0.1);
        assert!((at(190, 300) - at(5, 5)).abs() < 8.0, "{}", at(190, 300));
        assert_eq!(picture.pixels()[5 * SIDE + 5], SKIN);
    }

    #[test]
    fn what_is_no_face_or_has_hidden_eyes_stays() {
        let plain = drawn(&crop(), &[[5.0; 2]; 478]);
        assert!(plain.pixels().iter().all(|pixel| *pixel == SKIN));
        let mut dark = crop();
        for (i, pixel) in dark.pixels_mut().iter_mut().enumerate() {
            if (150..362).contains(&(i % SIDE)) && (205..275).contains(&(i / SIDE)) {
                *pixel = [12, 14, 18, 255];
            }
        }
        let plain = drawn(&dark, &example_face());
        assert!(plain.pixels().iter().all(|pixel| *pixel == SKIN));
        let mut small = Photo::new(1, 1, SKIN.to_vec()).expect("a pixel");
        draw_features(&mut small, &crop(), &example_face(), None);
        assert_eq!(small.pixels(), [SKIN]);
    }
}
