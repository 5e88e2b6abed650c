//! What of a face is seen: whether there is skin.

use crate::geometry::smoothstep;

use super::frame::Frame;

/// Whether the eyes are behind dark glasses or something else: there is no skin around them, in a crop in CIE L*a*b* with skin of this colour.
pub fn eyes_are_hidden(frame: &Frame, lab: &[[f32; 3]], skin: [f32; 3]) -> bool {
    let skin_around = |side: usize| {
        let inner = frame.fill(&frame.eye_polygon(side, 1.15));
        let outer = frame.fill(&frame.eye_polygon(side, 1.75));
        let (mut all, mut good) = (0, 0);
        for (i, share) in outer.pixels(frame.side) {
            if share <= 0.5 || inner.at(i % frame.side, i / frame.side) >= 0.5 {
                continue;
            }
            all += 1;
            good += usize::from(lab[i][0] > 0.40 * skin[0] && unlike_skin(lab[i], skin) < 17.0);
        }
        good as f32 / all.max(1) as f32
    };
    let around = [skin_around(0), skin_around(1)];
    let (less, more) = (around[0].min(around[1]), around[0].max(around[1]));
    more < 0.2 || less < 0.10
}

/// How much the colour about a point is like skin of this colour under some light: 0 to 1.
pub fn skin_likeness(frame: &Frame, lab: &[[f32; 3]], skin: [f32; 3], point: [f32; 2]) -> f32 {
    let last = frame.side - 1;
    // The casts saturate.
    let [x, y] = point.map(|v| (v as usize).min(last));
    let colour = lab[y * frame.side + x];
    let light = colour[0] / skin[0];
    smoothstep(unlike_skin(colour, skin), 18.0, 11.0) * smoothstep(light, 0.28, 0.45)
}

/// How far a colour's opponents are from those of skin under the light that it is in, both in
/// CIE L*a*b*.
pub(super) fn unlike_skin([l, a, b]: [f32; 3], [l0, a0, b0]: [f32; 3]) -> f32 {
    let f = (l / l0).clamp(0.3, 1.4).powf(0.7);
    (a - a0 * f).hypot(b - b0 * f)
}
