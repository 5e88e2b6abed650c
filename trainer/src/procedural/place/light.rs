//! The last steps: highlights glow, and edges are sharpened.

use nijigen::filter::{colours::Colours, gaussian::blur};
use nijigen::grade::{PlaceLook, glow};

/// `picture` with its highlights glowing and its edges sharpened; `bloom` and `sharpness` are
/// factors on what the look does.
pub fn light(
    picture: &Colours,
    scale: f32,
    look: PlaceLook,
    bloom: f32,
    sharpness: f32,
) -> Colours {
    let lit = glow(picture, scale, look, bloom);
    let lightness = lit.channel(0);
    let soft = blur(&lightness, 1.1 * scale);
    lit.map(|i, [l, a, b]| {
        let sharp = l + 0.45 * sharpness * (l - soft.values()[i]);
        [sharp.clamp(0.0, 1.0), a, b]
    })
}
