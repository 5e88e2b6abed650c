//! Whether the eyes of a face are seen.

use crate::procedural::filter::colours::Colours;

use super::frame::{Frame, mean};

/// Why the eyes of a face cannot be drawn: `None` if they can.
pub fn hidden_eyes(frame: &Frame, lab: &Colours, [l0, a0, b0]: [f32; 3]) -> Option<&'static str> {
    // Around seen eyes there is skin.
    let skin_around = |side: usize| {
        let (outer, inner) = (
            frame.fill(&frame.eye_polygon(side, 1.75)),
            frame.fill(&frame.eye_polygon(side, 1.15)),
        );
        let (mut all, mut good) = (0, 0);
        for (i, [l, a, b]) in lab.pixels().iter().enumerate() {
            if outer.values()[i] > 0.5 && inner.values()[i] < 0.5 {
                let f = (l / l0).clamp(0.3, 1.4).powf(0.7);
                all += 1;
                good += usize::from(*l > 0.40 * l0 && (a - a0 * f).hypot(b - b0 * f) < 17.0);
            }
        }
        good as f32 / all.max(1) as f32
    };
    let around = [skin_around(0), skin_around(1)];
    if around[0].max(around[1]) < 0.2 || mean(&[around, around])[0].min(around[1]) < 0.10 {
        return Some("its eyes are behind dark glasses or something else");
    }
    None
}
