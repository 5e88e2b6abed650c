//! The last steps: highlights glow, and edges are sharpened.

use nijigen::geometry::smoothstep;

use nijigen::colour::oklab;
use nijigen::filter::{
    colours::Colours,
    gaussian::{blur, blur_colours},
};

use super::PlaceLook;

/// `picture` with its highlights glowing and its edges sharpened; `bloom` and `sharpness` are
/// factors on what the look does.
pub fn light(
    picture: &Colours,
    scale: f32,
    look: PlaceLook,
    bloom: f32,
    sharpness: f32,
) -> Colours {
    let amount = bloom
        * match look {
            PlaceLook::Sky => 0.17,
            PlaceLook::Film => 0.10,
        };
    let linear = picture.map(|_, colour| oklab::to_linear(colour).map(|v| v.clamp(0.0, 1.2)));
    let highlights = linear.map(|_, [r, g, b]| {
        let share = smoothstep(r.max(g).max(b), 0.75, 1.0);
        [r, g, b].map(|v| v * share)
    });
    let (near, far) = (
        blur_colours(&highlights, 5.0 * scale),
        blur_colours(&highlights, 18.0 * scale),
    );
    let lit = linear.map(|i, colour| {
        let (near, far) = (near.pixels()[i], far.pixels()[i]);
        let screened: [f32; 3] = std::array::from_fn(|c| {
            let glow = (amount * (0.6 * near[c] + 0.4 * far[c])).clamp(0.0, 1.0);
            1.0 - (1.0 - colour[c].clamp(0.0, 1.0)) * (1.0 - glow)
        });
        oklab::from_linear(screened)
    });
    let lightness = lit.channel(0);
    let soft = blur(&lightness, 1.1 * scale);
    lit.map(|i, [l, a, b]| {
        let sharp = l + 0.45 * sharpness * (l - soft.values()[i]);
        [sharp.clamp(0.0, 1.0), a, b]
    })
}
