//! The colours of painted places: lifted midtones, vivid colours, greens from yellow-green lights to teal
//! shadows, blue-violet shadows, warm lights, and a glow around highlights.
//!
//! Networks learn targets in these colours, but slowly, and the mean of what they are unsure of is grey. What a colour becomes
//! follows from the photo by fixed rules, so drawings get their broad colours by these, too: see [`graded`].

mod glow;
mod regions;

use serde::{Deserialize, Serialize};

use crate::colour::oklab;
use crate::error::Result;
use crate::filter::colours::Colours;
use crate::filter::gaussian::blur;
use crate::filter::guided::guided_filter;
use crate::filter::plane::Plane;
use crate::filter::quantile;
use crate::filter::thresholds::hue_bump;
use crate::geometry::smoothstep;
use crate::imaging::Photo;
use crate::sky::Scene;

pub use self::glow::glow;
pub use self::regions::Regions;

/// Looks for places, each with colours of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaceLook {
    /// Luminous: saturated skies, glow, hardly any lines.
    Sky,
    /// Flat cel areas inside coloured outlines, milder colours.
    Film,
}

/// Longer side in pixels at which the broad colours of pictures are found: finer ones are the drawing's.
pub(crate) const GRADED_SIDE_PX: usize = 220;

/// The scene in strokes in the colours of `look`, at most [`GRADED_SIDE_PX`] on the longer side; what may be grey clouds gets their
/// colours if there are to be `clouds`.
///
/// # Errors
/// [`Error::Memory`](crate::Error::Memory) if there is too little.
pub fn graded(scene: &Scene, look: PlaceLook, clouds: bool) -> Result<Photo> {
    let scene = scene.at_most(GRADED_SIDE_PX)?;
    let mut regions = Regions::of_scene(&scene);
    if !clouds {
        regions.clouds = 0.0;
    }
    let coloured = grade(&scene.strokes_in_oklab(), &regions, look, 1.0);
    Ok(scene.picture(&glow(&coloured, regions.scale, look, 1.0)))
}

/// The tone curve of a picture.
struct Tone {
    low: f32,
    high: f32,
    gamma: f32,
    base: f32,
}

impl Tone {
    /// The curve that lifts the midtones of a picture, by day more than by night.
    fn of(lightness: &Plane, look: PlaceLook) -> Self {
        let [darkest, median, lightest] =
            [0.01, 0.5, 0.993].map(|quantile| quantile::of(lightness, quantile));
        let day = smoothstep(median, 0.18, 0.48);
        // Shadows by day are luminous; outlines stand out from darker ones.
        let darkest_of_day = match look {
            PlaceLook::Sky => 0.07,
            PlaceLook::Film => 0.05,
        };
        let low = 0.8 * darkest;
        let high = lightest.max(low + 0.35);
        let high = high + (1.0 - high) * (0.15 + 0.35 * (1.0 - day));
        let middle = ((median - low) / (high - low)).clamp(0.05, 0.95);
        let target = middle + (0.045 + 0.065 * day) * (1.0 - smoothstep(middle, 0.58, 0.76));
        Self {
            low,
            high,
            gamma: target.ln() / middle.ln(),
            base: 0.10 + darkest_of_day * day,
        }
    }

    fn apply(&self, lightness: f32) -> f32 {
        let x = ((lightness - self.low) / (self.high - self.low)).clamp(1e-4, 1.0);
        self.base + (0.975 - self.base) * x.powf(self.gamma)
    }
}

/// `flat`, in OKLab, in the colours of `look`; `vibrance` is a factor on how vivid they become.
pub fn grade(flat: &Colours, regions: &Regions, look: PlaceLook, vibrance: f32) -> Colours {
    let scale = regions.scale;
    let (width, height) = (flat.width(), flat.height() as f32);
    let at = |plane: &Plane, i: usize| plane.values()[i];
    let tone = Tone::of(&flat.channel(0), look);
    let toned = flat.plane(|[l, ..]| tone.apply(l));
    let broad = guided_filter(&toned, &toned, (22.0 * scale) as usize, 0.02);
    let no_sky = blur(&regions.sky, 8.0 * scale).map(|v| 1.0 - (2.0 * v).min(1.0));
    let smooth = blur(
        &regions.detail.map(|v| 1.0 - smoothstep(v, 0.018, 0.035)),
        3.0 * scale,
    );
    let sky_blue = sky_blueness(flat, regions);
    // A picture that is rich in colour already stays calm.
    let rich = smoothstep(flat.plane(oklab::chroma).mean() as f32, 0.045, 0.12);
    let vibrance = vibrance * (1.0 - 0.65 * rich);
    let vivid = flat.map(|i, colour| {
        // Local contrast, except in the sky.
        let l = at(&toned, i);
        let l = (l + 0.26 * (l - at(&broad, i)) * (1.0 - at(&regions.sky, i))).clamp(0.1, 1.0);
        // Strong reds, oranges and blues keep their depth.
        let deep = smoothstep(oklab::chroma(colour), 0.13, 0.22)
            * (1.0 - hue_bump(oklab::hue(colour), 120.0, 50.0));
        let l = l - 0.8 * deep * (l - colour[0]).max(0.0);
        enliven(
            [l, 1.04 * colour[1], 1.04 * colour[2]],
            look,
            vibrance,
            at(&smooth, i),
        )
    });
    let [a, b] = [1, 2].map(|c| blur(&vivid.channel(c), 4.0 * scale));
    vivid.map(|i, colour| {
        let leaves = at(&regions.foliage, i);
        // Water, asphalt and shade mirror a blue sky.
        let grey = (1.0 - smoothstep(at(&a, i).hypot(at(&b, i)), 0.016, 0.050))
            * (1.0 - smoothstep(oklab::chroma(colour), 0.04, 0.07))
            * smoothstep(colour[0], 0.40, 0.52)
            * (1.0 - smoothstep(colour[0], 0.84, 0.94));
        let mirrored = grey * sky_blue * at(&no_sky, i) * (1.0 - leaves);
        let colour = [
            colour[0],
            colour[1] - 0.009 * mirrored,
            colour[2] - 0.024 * mirrored,
        ];
        let colour = split(greens(colour), look, at(&no_sky, i), leaves);
        overcast(
            colour,
            regions.clouds * at(&regions.sky_mask, i),
            1.0 - (i / width) as f32 / height,
        )
    })
}

/// How much of a blue sky the picture shows, 0 to 1.
fn sky_blueness(flat: &Colours, regions: &Regions) -> f32 {
    let blue = quantile::masked(&flat.plane(|[_, _, b]| -b), &regions.sky_mask, 0.75);
    smoothstep(regions.sky.mean() as f32, 0.04, 0.15) * smoothstep(blue.max(0.0), 0.02, 0.05)
}

/// More chroma for what has some, a hue for what is almost grey.
fn enliven(colour: [f32; 3], look: PlaceLook, vibrance: f32, smooth: f32) -> [f32; 3] {
    let l = colour[0];
    let chroma = oklab::chroma(colour);
    // Beige and dry yellow lean to peach instead of lemon.
    let hue = oklab::hue(colour);
    let beige = hue_bump(hue, 96.0, 22.0) * (1.0 - smoothstep(chroma, 0.06, 0.11)) * smooth;
    let hue = hue - 15.0 * beige;
    let [a, b] = oklab::opponents(chroma, hue);
    let more = vibrance
        * match look {
            PlaceLook::Sky => 0.95,
            PlaceLook::Film => 0.70,
        };
    let skin = skin(hue, chroma);
    let straw = hue_bump(hue, 92.0, 30.0) * (1.0 - smoothstep(chroma, 0.08, 0.14));
    let factor = 1.0
        + more
            * smoothstep(chroma, 0.012, 0.045)
            * (1.0 - smoothstep(chroma, 0.06, 0.24))
            * (1.0 - 0.55 * skin.max(straw))
            * (1.0 - 0.7 * hue_bump(hue, 265.0, 50.0) * (1.0 - smoothstep(l, 0.40, 0.65)));
    let (a, b, chroma) = (a * factor, b * factor, chroma * factor);
    // Blossom and pink clouds are lifted out of the grey; neutral midtones lean to blue.
    let pink = hue_bump(hue, 355.0, 45.0)
        * smoothstep(l, 0.55, 0.72)
        * smoothstep(chroma, 0.006, 0.020)
        * (1.0 - smoothstep(chroma, 0.06, 0.12));
    let neutral = (1.0 - smoothstep(chroma, 0.012, 0.045))
        * smoothstep(l, 0.25, 0.4)
        * (1.0 - smoothstep(l, 0.68, 0.84))
        * (1.0 - smoothstep(-b, 0.004, 0.03));
    [
        l,
        a * (1.0 + 0.8 * pink) + 0.002 * neutral,
        b * (1.0 + 0.4 * pink) - 0.014 * neutral,
    ]
}

/// Greens with yellow-green lights and teal shadows.
fn greens(colour: [f32; 3]) -> [f32; 3] {
    let l = colour[0];
    let (chroma, hue) = (oklab::chroma(colour), oklab::hue(colour));
    let green = hue_bump(hue, 134.0, 37.0) * smoothstep(chroma, 0.03, 0.08);
    if green == 0.0 {
        return colour;
    }
    let target = between(
        l,
        &[(0.25, 170.0), (0.45, 150.0), (0.65, 130.0), (0.85, 119.0)],
    );
    let turn = (target - hue + 180.0).rem_euclid(360.0) - 180.0;
    let bright = smoothstep(l, 0.4, 0.6) * (1.0 - smoothstep(l, 0.68, 0.85));
    let more = chroma * (1.0 + 0.15 * green * bright);
    let most = 0.185 - 0.05 * smoothstep(l, 0.72, 0.95);
    let more = more * (1.0 - green) + more.min(most) * green;
    let [a, b] = oklab::opponents(more, hue + 0.6 * green * turn);
    let lift = 0.03 * smoothstep(l, 0.45, 0.65) * (1.0 - smoothstep(l, 0.68, 0.82))
        - 0.06 * smoothstep(l, 0.80, 0.95);
    [l + green * lift, a, b]
}

/// Blue-violet shadows (teal in leaves), warm lights, blues a little nearer to azure.
fn split(colour: [f32; 3], look: PlaceLook, no_sky: f32, leaves: f32) -> [f32; 3] {
    let [l, a, b] = colour;
    let (chroma, hue) = (oklab::chroma(colour), oklab::hue(colour));
    let shadow = 1.0 - smoothstep(l, 0.28, 0.72);
    // What is all but black stays so: suits and hair are no navy.
    let tint = shadow
        * (0.4 + 0.6 * smoothstep(l, 0.16, 0.38))
        * (1.0 - 0.60 * smoothstep(chroma, 0.07, 0.16))
        * (1.0 - 0.85 * leaves)
        * (1.0 - 0.45 * skin(hue, chroma))
        // What is blue already, by itself or by the photo's cast, becomes no bluer.
        * (1.0 - 0.8 * smoothstep(-b, 0.004, 0.045));
    let (violet, warm) = match look {
        PlaceLook::Sky => (0.062, 0.020),
        PlaceLook::Film => (0.046, 0.022),
    };
    let lit = smoothstep(l, 0.70, 0.93)
        * no_sky
        * match look {
            PlaceLook::Sky => 1.0,
            PlaceLook::Film => 0.8,
        };
    let a = a + 0.010 * tint - 0.016 * leaves * shadow + 0.004 * lit;
    let b = b - violet * tint - 0.010 * leaves * shadow + warm * lit;
    let blue = hue_bump(hue, 250.0, 40.0) * smoothstep(chroma, 0.03, 0.08);
    let [a, b] = oklab::opponents(a.hypot(b), oklab::hue([l, a, b]) - 6.0 * blue);
    [l, a, b]
}

/// Grey clouds in blue and lavender, more so high above: `up` is 1 at the picture's top, 0 at its bottom. White ones stay.
fn overcast([l, a, b]: [f32; 3], sky: f32, up: f32) -> [f32; 3] {
    let grey = 1.0 - smoothstep(a.hypot(b), 0.025, 0.065);
    let tint = sky * grey * (0.5 + 0.7 * up) * (1.0 - smoothstep(l, 0.90, 0.985));
    [l + 0.02 * tint, a - 0.008 * tint, b - 0.085 * tint]
}

/// How near a colour is to that of skin, 0 to 1.
fn skin(hue: f32, chroma: f32) -> f32 {
    hue_bump(hue, 55.0, 28.0) * smoothstep(chroma, 0.02, 0.05)
}

/// Linear interpolation between points of rising x, constant beyond them.
fn between(x: f32, points: &[(f32, f32)]) -> f32 {
    let next = points.partition_point(|point| point.0 <= x);
    match (next.checked_sub(1).map(|i| points[i]), points.get(next)) {
        (Some((x0, y0)), Some((x1, y1))) => y0 + (x - x0) / (x1 - x0) * (y1 - y0),
        (Some((_, y)), None) => y,
        (None, Some((_, y))) => *y,
        (None, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sky of this colour over a rough dark meadow.
    fn place(sky: [u8; 3]) -> Photo {
        let (width, height) = (384, 256);
        let pixel = |i: usize| {
            let (x, y) = (i % width, i / width);
            let noise = ((x * 7919 + y * 104_729 + x * y * 31) % 61) as u8;
            let [r, g, b] = match y {
                0..150 => sky,
                _ => [30 + noise / 2, 46 + noise, 24 + noise / 3],
            };
            [r, g, b, 255]
        };
        Photo::new(width, height, (0..width * height).flat_map(pixel).collect()).unwrap()
    }

    /// The colour that a place of one column has at a share of its height.
    fn at(sky: [u8; 3], look: PlaceLook, down: f32) -> [f32; 3] {
        let picture = graded(&Scene::of(&place(sky)).unwrap(), look, true).unwrap();
        let (width, height) = (picture.width(), picture.height());
        let y = (down * height as f32) as usize;
        let [r, g, b, _] = picture.pixels()[y * width + width / 2];
        [r, g, b].map(f32::from)
    }

    #[test]
    fn grey_clouds_become_blue_and_white_or_coloured_ones_stay() {
        let grey = overcast([0.75, 0.0, 0.0], 1.0, 0.9);
        assert!(
            grey[2] < -0.06 && grey[2].abs() > 4.0 * grey[1].abs(),
            "{grey:?}"
        );
        for (colour, sky) in [
            ([0.99, 0.0, 0.0], 1.0),
            ([0.7, 0.08, 0.06], 1.0),
            ([0.75, 0.0, 0.0], 0.0),
        ] {
            let after = overcast(colour, sky, 0.9);
            assert!((after[2] - colour[2]).abs() < 0.005, "{colour:?} {after:?}");
        }
    }

    #[test]
    fn greens_become_vivid_and_more_so_in_the_look_sky() {
        let vivid = |[r, g, b]: [f32; 3]| g - 0.5 * (r + b);
        let sky = vivid(at([120, 165, 215], PlaceLook::Sky, 0.85));
        let film = vivid(at([120, 165, 215], PlaceLook::Film, 0.85));
        // The photo's is 25.
        assert!(sky > 40.0 && sky >= film, "{sky} {film}");
    }

    #[test]
    fn tiny_scenes_are_graded() {
        for size in [[1, 1], [3, 40], [40, 1]] {
            let photo = Photo::new(size[0], size[1], vec![90; 4 * size[0] * size[1]]).unwrap();
            let picture = graded(&Scene::of(&photo).unwrap(), PlaceLook::Film, true).unwrap();
            assert_eq!([picture.width(), picture.height()], size);
        }
    }
}
