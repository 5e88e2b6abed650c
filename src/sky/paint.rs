//! The sky painted anew: a clear ramp from deep to pale blue, clouds in a few soft tones with crisp
//! edges, dusk and night in their own hue.

use serde::{Deserialize, Serialize};

use crate::colour::oklab;
use crate::filter::colours::Colours;
use crate::filter::gaussian::{blur, local_rms, weighted_blur_colours};
use crate::filter::morphology::{self, Window};
use crate::filter::plane::Plane;
use crate::filter::quantile;
use crate::geometry::smoothstep;

/// Fewest pixels that the lightness of clouds, or of clear sky, is measured on.
const FEWEST: usize = 200;

/// Colours from dark to light: a place from 0 to 1 and a colour as 0xRRGGBB.
type Stops = [(f32, u32); 4];

/// Colours in which skies are painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SkyPalette {
    /// A deep blue ramp and white clouds.
    Deep,
    /// Milder colours.
    Mild,
}

impl SkyPalette {
    /// Share of the paint where the sky is sure.
    pub fn share(self) -> f32 {
        match self {
            Self::Deep => 0.85,
            Self::Mild => 0.72,
        }
    }

    fn colours(self) -> &'static Palette {
        match self {
            Self::Deep => &DEEP,
            Self::Mild => &MILD,
        }
    }
}

/// The colours of a palette's day.
struct Palette {
    clear: Stops,
    cloud: Stops,
}

const DEEP: Palette = Palette {
    clear: [
        (0.0, 0x1f63c8),
        (0.35, 0x3f96ea),
        (0.7, 0x86cdf6),
        (1.0, 0xd3f1fa),
    ],
    cloud: [
        (0.0, 0x8ea6d8),
        (0.33, 0xb4c8ea),
        (0.66, 0xe3ecf8),
        (1.0, 0xffffff),
    ],
};
const MILD: Palette = Palette {
    clear: [
        (0.0, 0x3f86cf),
        (0.35, 0x66aee4),
        (0.7, 0xa4d6f0),
        (1.0, 0xe0f3f2),
    ],
    cloud: [
        (0.0, 0x9fb0d0),
        (0.33, 0xc6d2e6),
        (0.66, 0xeceff0),
        (1.0, 0xfffdf5),
    ],
};
const OVERCAST: Stops = [
    (0.0, 0x86b2ea),
    (0.35, 0xaed3f7),
    (0.7, 0xdceffc),
    (1.0, 0xfdfefe),
];
const SUNSET: Stops = [
    (0.0, 0x6b5a9c),
    (0.35, 0x9a72b4),
    (0.65, 0xf0a090),
    (1.0, 0xfff0c4),
];

/// What the sky of `flat`, a flattened photo in OKLab, is painted with, as if there were sky everywhere.
/// `mask` is where it is, 0 to 1; lengths grow with `scale`.
pub fn paint(flat: &Colours, mask: &Plane, palette: SkyPalette, scale: f32) -> Colours {
    let filled = away_from_ground(flat, mask, scale);
    colours_of_sky(&filled, mask, palette.colours(), scale)
}

/// `flat` with the sky's colours carried over its border, so that no ground mixes into it.
fn away_from_ground(flat: &Colours, mask: &Plane, scale: f32) -> Colours {
    let blue_sky = smoothstep(
        quantile::masked(&flat.plane(|[_, _, b]| -b), mask, 0.80).max(0.0),
        0.03,
        0.06,
    );
    let inner = morphology::erode(mask, &Window::disc(3.5 * scale));
    let inner = Plane::from_index(flat.width(), flat.height(), |i| {
        let [_, a, b] = flat.pixels()[i];
        // Yellow-green at the border of a blue sky is leaves.
        let leaf = smoothstep(b, 0.0, 0.03) * smoothstep(-a, -0.012, 0.004) * blue_sky;
        smoothstep(inner.values()[i], 0.6, 0.95) * (1.0 - leaf)
    });
    let (means, near) = weighted_blur_colours(flat, &inner, 4.0 * scale);
    flat.blend(&means, |i| {
        (1.0 - inner.values()[i]) * smoothstep(near.values()[i], 0.005, 0.05)
    })
}

/// The colours of the sky everywhere, as if all of `flat` were sky.
fn colours_of_sky(flat: &Colours, mask: &Plane, palette: &Palette, scale: f32) -> Colours {
    let (width, height) = (flat.width(), flat.height());
    let at = |plane: &Plane, i: usize| plane.values()[i];
    let lightness = flat.channel(0);
    let blue = flat.plane(|[_, _, b]| -b);
    let bluest = quantile::masked(&blue, mask, 0.88).max(0.0);
    let day = smoothstep(bluest, 0.03, 0.06);
    let median = quantile::masked(&lightness, mask, 0.5);
    let full_blue = bluest.max(0.034);
    let cloudy = flat.plane(|[l, _, b]| {
        let pale = 1.0 - smoothstep(-b / full_blue, 0.30, 0.72);
        pale.max(0.9 * smoothstep(l, 0.90, 0.96))
    });
    let clear = Plane::from_index(width, height, |i| at(mask, i) * (1.0 - at(&cloudy, i)));
    let clouds = Plane::from_index(width, height, |i| at(mask, i) * at(&cloudy, i));
    let range = |mask: &Plane, low: f32, high: f32, otherwise: (f32, f32)| {
        if mask.values().iter().filter(|v| **v > 0.5).count() < FEWEST {
            return otherwise;
        }
        (
            quantile::masked(&lightness, mask, low),
            quantile::masked(&lightness, mask, high),
        )
    };
    let (clear_low, clear_high) = range(&clear, 0.04, 0.97, (0.5, 0.8));
    let clear_span = clear_high - clear_low;
    let (cloud_low, cloud_high) = range(&clouds, 0.06, 0.94, (0.7, 0.95));
    let cloud_span = (cloud_high - cloud_low).max(0.16);
    let billow = billows(&lightness, scale);
    let (dark, light) = (
        quantile::masked(&lightness, mask, 0.05),
        quantile::masked(&lightness, mask, 0.97),
    );
    let calm = 1.0 - 0.25 * (1.0 - smoothstep(cloud_high - cloud_low, 0.04, 0.14));
    let by_day = smoothstep(median, 0.35, 0.6);
    let dusky = Plane::from_index(width, height, |i| dusk(flat.pixels()[i]) * at(mask, i));
    let all_dusk = smoothstep((dusky.mean() / mask.mean().max(1e-6)) as f32, 0.20, 0.55);
    let [clear_ramp, cloud_ramp, overcast_ramp, sunset_ramp] =
        [&palette.clear, &palette.cloud, &OVERCAST, &SUNSET].map(Ramp::new);
    flat.map(|i, [l, a, b]| {
        let chroma = oklab::chroma([l, a, b]);
        // A sky of little range keeps to the middle of its ramp.
        let spread = (l - clear_low) / clear_span.max(0.18) + 1.2 * (0.18 - clear_span).max(0.0);
        let t = 0.62 * spread.clamp(0.0, 1.0) + 0.38 * smoothstep(l, 0.45, 0.92) - 0.04;
        let clear = clear_ramp.at(t);
        let u = ((l - (cloud_high - cloud_span)) / cloud_span).clamp(0.0, 1.0);
        let u = (u + at(&billow, i)).clamp(0.0, 1.0);
        let steps =
            (smoothstep(u, 0.18, 0.34) + smoothstep(u, 0.48, 0.62) + smoothstep(u, 0.80, 0.92))
                / 3.0;
        let u = 0.35 * u + 0.65 * steps;
        let blue_day = mix(clear, cloud_ramp.at(u), at(&cloudy, i));
        let overcast = overcast_ramp.at(u.powf(1.5) * calm);
        let colour = mix(overcast, blue_day, day);
        // Dark banks of grey cloud stay dark: violet slate.
        let bank = smoothstep(median - l, 0.07, 0.20) * (1.0 - smoothstep(chroma, 0.075, 0.12));
        let slate = [1.02 * l + 0.06, 1.1 * a + 0.022, 1.1 * b - 0.040];
        let colour = mix(colour, slate, 0.85 * bank);
        // Dusk in its own hue, more vivid.
        let warm = dusk([l, a, b]).max(0.8 * all_dusk);
        let lavender = smoothstep(a, 0.004, 0.02) * smoothstep(-b, -0.015, 0.01);
        let v = ((l - dark) / (light - dark).max(0.2)).clamp(0.0, 1.0);
        let more = (0.19 / chroma.max(1e-3)).clamp(0.8, 1.40);
        let own = [(1.04 * l + 0.04).clamp(0.0, 0.97), a * more, b * more];
        let dusk = mix(own, sunset_ramp.at(v), 0.45 * (1.0 - lavender));
        let colour = mix(colour, dusk, warm);
        // Night keeps its lightness and turns to indigo.
        let night = [1.05 * l + 0.03, 1.15 * a + 0.012, 1.25 * b - 0.025];
        mix(night, colour, by_day)
    })
}

/// How much a colour is one of dusk, 0 to 1: red to yellow, or lavender.
fn dusk([_, a, b]: [f32; 3]) -> f32 {
    smoothstep(0.9 * a + b.max(0.0), 0.010, 0.045).max(smoothstep(a, 0.006, 0.022))
}

/// The billows of clouds: how far each place is lifted or lowered, in brush-like tones; 0 where the
/// sky is calm.
fn billows(lightness: &Plane, scale: f32) -> Plane {
    let near = blur(lightness, 9.0 * scale);
    let deviation = Plane::from_index(lightness.width(), lightness.height(), |i| {
        lightness.values()[i] - near.values()[i]
    });
    let contrast = local_rms(&deviation, 18.0 * scale);
    Plane::from_index(lightness.width(), lightness.height(), |i| {
        let contrast = contrast.values()[i];
        let z = deviation.values()[i] / (contrast + 0.012);
        let tone = (smoothstep(z, -1.1, -0.7) + smoothstep(z, -0.1, 0.3) + smoothstep(z, 0.8, 1.2))
            / 3.0
            - 0.5;
        0.34 * tone * smoothstep(contrast, 0.014, 0.040)
    })
}

/// [`Stops`] in OKLab.
struct Ramp([(f32, [f32; 3]); 4]);

impl Ramp {
    fn new(stops: &Stops) -> Self {
        Self(stops.map(|(place, colour)| (place, oklab::from_hex(colour))))
    }

    /// The colour at `place`, in OKLab.
    fn at(&self, place: f32) -> [f32; 3] {
        let place = place.clamp(0.0, 1.0);
        let next = self
            .0
            .partition_point(|(at, _)| *at < place)
            .clamp(1, self.0.len() - 1);
        let ((from, dark), (to, light)) = (self.0[next - 1], self.0[next]);
        mix(dark, light, (place - from) / (to - from))
    }
}

fn mix(from: [f32; 3], to: [f32; 3], share: f32) -> [f32; 3] {
    std::array::from_fn(|c| from[c] + share * (to[c] - from[c]))
}
