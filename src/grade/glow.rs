//! Highlights that glow.

use crate::colour::oklab;
use crate::filter::colours::Colours;
use crate::filter::gaussian::blur_colours;
use crate::geometry::smoothstep;

use super::PlaceLook;

/// `picture`, in OKLab, with its highlights glowing; `strength` is a factor on what the look does, and `scale` the length of a pixel
/// at [`LONG_SIDE_PX`](crate::sky::LONG_SIDE_PX).
pub fn glow(picture: &Colours, scale: f32, look: PlaceLook, strength: f32) -> Colours {
    let amount = strength
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
    linear.map(|i, colour| {
        let (near, far) = (near.pixels()[i], far.pixels()[i]);
        let screened: [f32; 3] = std::array::from_fn(|c| {
            let glow = (amount * (0.6 * near[c] + 0.4 * far[c])).clamp(0.0, 1.0);
            1.0 - (1.0 - colour[c].clamp(0.0, 1.0)) * (1.0 - glow)
        });
        oklab::from_linear(screened)
    })
}
