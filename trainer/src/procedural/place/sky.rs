//! The sky painted anew by the library's code ([`nijigen::sky`]), with crisp edges.

use nijigen::filter::colours::Colours;
use nijigen::grade::PlaceLook;
use nijigen::sky::{SkyPalette, paint as paint_sky};

use crate::procedural::filter::shock;

use super::maps::Maps;

/// Share of the sky in the picture from which it is painted.
const SMALLEST_SHARE: f64 = 1e-4;

/// `picture` with its sky painted; `flat` is the flattened photo, `strength` the share of the paint
/// where the sky is sure.
pub fn paint(
    picture: &Colours,
    flat: &Colours,
    maps: &Maps,
    look: PlaceLook,
    strength: f32,
) -> Colours {
    if maps.regions.sky.mean() < SMALLEST_SHARE || strength == 0.0 {
        return picture.clone();
    }
    let palette = match look {
        PlaceLook::Sky => SkyPalette::Deep,
        PlaceLook::Film => SkyPalette::Mild,
    };
    let painted = paint_sky(flat, &maps.regions.sky_mask, palette, maps.regions.scale);
    let painted = shock::crisp(&painted, maps.regions.scale);
    picture.blend(&painted, |i| {
        strength * palette.share() * maps.regions.sky.values()[i]
    })
}
