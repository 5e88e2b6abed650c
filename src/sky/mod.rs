//! The sky of a place, found in its photo and painted anew.
//!
//! Where the sky is cannot be seen in the few dozen pixels that a network of small cost looks at, and so
//! networks keep the photo's sky. It is the same for all pictures of a style, and follows from the
//! photo by fixed rules: in the targets that networks learn, and over what they draw.

pub mod mask;
mod paint;
mod scene;

use crate::error::Result;
use crate::filter::colours::Colours;
use crate::filter::gaussian::blur;
use crate::filter::plane::Plane;
use crate::geometry::smoothstep;
use crate::imaging::{Photo, colour_over_white, enlarge_along, for_each_row, pixel_under_white};

pub use paint::{SkyPalette, paint};
pub(crate) use scene::scene_bytes;
pub use scene::{LONG_SIDE_PX, Scene};

/// Standard deviation of the lightness around thin things before the sky, such as wires and birds.
const AROUND_PX: f32 = 4.0;
/// How much darker than that they are at least, and when they are left out.
const DARKER: [f32; 2] = [0.04, 0.09];
/// The opponent -b of OKLab from which on what is dark is a gap between clouds.
const BLUE: [f32; 2] = [0.02, 0.05];

/// Share of a sky that is blue below which nothing of it is painted, and above which all is.
const BLUE_SHARE: [f32; 2] = [0.05, 0.18];

/// What the sky of `photo` is painted with, in its size: alpha is how much of the paint is seen, 0 where there is no sky.
/// `None` if there is none at all in its `scene`, or it is not surely one.
///
/// # Errors
/// [`Error::Memory`](crate::Error::Memory) if there is too little.
pub fn painted_sky(photo: &Photo, scene: &Scene, palette: SkyPalette) -> Result<Option<Photo>> {
    let (mask, colours) = (&scene.sky_mask, &scene.colours);
    if scene.sky_confidence == 0.0 {
        return Ok(None);
    }
    let confidence = scene.sky_confidence * blueness(mask, colours);
    if confidence == 0.0 {
        return Ok(None);
    }
    let mask = without_thin_things(mask, colours, scene.scale);
    let painted = paint(&scene.strokes_in_oklab(), &mask, palette, scene.scale);
    let enlarged = |picture: Photo| enlarge_along(photo.clone(), &scene.small, &picture);
    let mut layer = enlarged(scene.picture(&painted))?;
    let full = confidence * palette.share();
    let share = enlarged(scene.picture_of(&|i| [full * mask.values()[i]; 3]))?;
    for (pixel, share) in layer.pixels_mut().iter_mut().zip(share.pixels()) {
        pixel[3] = share[1];
    }
    Ok(Some(layer))
}

/// How surely a sky is none that is only pale, as the wall behind a portrait is, 0 to 1.
fn blueness(mask: &Plane, colours: &Colours) -> f32 {
    let blue = Plane::from_index(mask.width(), mask.height(), |i| {
        mask.values()[i] * mask::blue(colours.pixels()[i])
    });
    let share = blue.mean() / mask.mean().max(f64::from(f32::EPSILON));
    smoothstep(share as f32, BLUE_SHARE[0], BLUE_SHARE[1])
}

/// `mask` without what is thin, dark and not blue in `colours`.
fn without_thin_things(mask: &Plane, colours: &Colours, scale: f32) -> Plane {
    let around = blur(&colours.channel(0), AROUND_PX * scale);
    Plane::from_index(mask.width(), mask.height(), |i| {
        let [lightness, _, b] = colours.pixels()[i];
        let dark = smoothstep(around.values()[i] - lightness, DARKER[0], DARKER[1]);
        mask.values()[i] * (1.0 - dark * (1.0 - smoothstep(-b, BLUE[0], BLUE[1])))
    })
}

/// Lays a sky over a drawing of its photo, of the same size; alpha stays.
///
/// # Panics
/// If the drawing is larger.
pub fn lay_over(sky: &Photo, drawing: &mut Photo) {
    let width = drawing.width();
    for_each_row(drawing.pixels_mut(), width, |(y, row)| {
        for (pixel, [r, g, b, share]) in row.iter_mut().zip(&sky.pixels()[y * width..]) {
            if *share > 0 {
                let share = f32::from(*share) / 255.0;
                let (colour, paint) = (colour_over_white(*pixel), [r, g, b]);
                let mixed = std::array::from_fn(|c| {
                    colour[c] + share * (f32::from(*paint[c]) / 255.0 - colour[c])
                });
                *pixel = pixel_under_white(mixed, pixel[3]);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pale sky with a cloud and a wire over a rough meadow with a pale house, of some alpha.
    fn landscape(alpha: u8) -> Photo {
        let (width, height) = (384, 256);
        let pixel = |i: usize| {
            let (x, y) = (i % width, i / width);
            let noise = ((x * 7919 + y * 104_729 + x * y * 31) % 61) as u8;
            let cloud = (x as f32 - 120.0).hypot(2.0 * (y as f32 - 50.0)) < 52.0;
            let [r, g, b] = match y {
                _ if (220..300).contains(&x) && (110..200).contains(&y) => [190, 120, 100],
                24..26 => [40, 42, 50],
                0..140 if cloud => [240, 242, 246],
                0..140 => [120 + y as u8 / 4, 160 + y as u8 / 4, 215],
                _ => [60 + noise / 2, 100 + noise, 40 + noise / 3],
            };
            [r, g, b, alpha]
        };
        Photo::new(width, height, (0..width * height).flat_map(pixel).collect()).unwrap()
    }

    fn painted_sky_of(photo: &Photo, palette: SkyPalette) -> Result<Option<Photo>> {
        painted_sky(photo, &Scene::of(photo)?, palette)
    }

    fn at(photo: &Photo, x: usize, y: usize) -> [u8; 4] {
        photo.pixels()[y * photo.width() + x]
    }

    #[test]
    fn skies_become_deep_clouds_white_and_the_rest_stays() {
        let photo = landscape(255);
        let sky = painted_sky_of(&photo, SkyPalette::Deep)
            .unwrap()
            .expect("there is a sky");
        let mut drawing = photo.clone();
        lay_over(&sky, &mut drawing);
        let (before, after) = (at(&photo, 340, 12), at(&drawing, 340, 12));
        assert!(after[0] + 25 < before[0] && after[2] > 200, "{after:?}");
        assert!(at(&drawing, 120, 50)[..3].iter().all(|v| *v > 235));
        for (x, y) in [(260, 150), (60, 220), (340, 24), (100, 25)] {
            let (before, after) = (at(&photo, x, y), at(&drawing, x, y));
            let apart = (0..3).map(|c| before[c].abs_diff(after[c])).max();
            assert!(apart < Some(12), "{x}, {y}: {before:?} became {after:?}");
        }
    }

    #[test]
    fn palettes_differ_and_alpha_stays() {
        let photo = landscape(200);
        let [deep, mild] = [SkyPalette::Deep, SkyPalette::Mild].map(|palette| {
            let mut drawing = photo.clone();
            let sky = painted_sky_of(&photo, palette)
                .unwrap()
                .expect("there is a sky");
            lay_over(&sky, &mut drawing);
            at(&drawing, 340, 12)
        });
        assert!(deep[0] + 10 < mild[0], "{deep:?} and {mild:?}");
        assert_eq!([deep[3], mild[3]], [200, 200]);
    }

    #[test]
    fn a_pale_wall_behind_a_portrait_is_no_sky() {
        let (width, height) = (320, 320);
        let pixel = |i: usize| {
            let (x, y) = ((i % width) as f32, (i / width) as f32);
            match () {
                () if (x - 160.0).hypot(y - 140.0) < 60.0 => [150, 100, 80, 255],
                () if (x - 160.0).hypot(0.7 * (y - 320.0)) < 110.0 => [30, 32, 40, 255],
                () => [226, 228, 230, 255],
            }
        };
        let photo =
            Photo::new(width, height, (0..width * height).flat_map(pixel).collect()).unwrap();
        let scene = Scene::of(&photo).unwrap();
        // By its mask alone it would be one.
        assert!(scene.sky_mask.mean() > 0.2 && scene.sky_confidence > 0.3);
        assert!(painted_sky_of(&photo, SkyPalette::Deep).unwrap().is_none());
    }

    #[test]
    fn meadows_and_tiny_photos_have_no_sky() {
        let meadow = |width: usize, height: usize| {
            let value = |i: usize| 40 + (i * 7919 % 61) as u8;
            let pixels = (0..width * height).flat_map(|i| [value(i), value(i) + 40, 30, 255]);
            Photo::new(width, height, pixels.collect()).unwrap()
        };
        for (width, height) in [(200, 150), (1, 1), (3, 40)] {
            assert!(
                painted_sky_of(&meadow(width, height), SkyPalette::Deep)
                    .unwrap()
                    .is_none()
            );
        }
    }
}
