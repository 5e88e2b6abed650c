//! Skin in the tones of a palette, whatever a network made of it.

use crate::colour::lab::lab_to_rgb;
use crate::face::mesh::OVAL;
use crate::filter::gaussian::blur;
use crate::geometry::smoothstep;

use super::frame::Frame;
use super::head_in_crop::HeadInCrop;
use super::palette::{SkinPalette, mix, skin_colour};
use super::pen::{Canvas, closed_spline};
use super::sight::unlike_skin;

/// Half the width and height of where skin is changed, about the middle of the face, in its widths, and the part of
/// these within which it is changed fully: face, ears and neck.
const REACH: [f32; 2] = [0.85, 1.25];
const FULL: f32 = 0.75;
/// The most that skin is made lighter or darker, as a factor.
const MOST: f32 = 1.5;
/// Off by so much in hue, a colour is not that of skin any more, and still fully.
const OFF_HUE: [f32; 2] = [20.0, 11.0];
/// The same beyond the crop of a face, where a wall may be of nearly the colour of skin, for what is lit and for shadows, which are
/// of stronger colour, and the parts of the cheeks' lightness below which they are so.
const OFF_AROUND: [f32; 2] = [14.0, 8.0];
const OFF_SHADED: [f32; 2] = [24.0, 16.0];
const SHADED: [f32; 2] = [0.92, 0.80];
/// Off by so much a colour within the outline of the face does not become flat, and still fully.
const OFF_FLAT: [f32; 2] = [15.0, 9.0];
/// Off by so much the drawing of what is skin in the photo stays, and becomes flat.
const OFF_DRAWN: [f32; 2] = [40.0, 30.0];
/// Lightness in parts of that of the cheeks of a line, and of what is skin in shadow.
const LINE: [f32; 2] = [0.34, 0.44];
/// Standard deviation over which the photo is looked at for that, in widths of the face: files have blocks of colour.
const PHOTO_SIGMA: f32 = 0.02;
/// Darker and lighter than these parts of the cheeks' lightness is no skin.
const LIGHTNESS: [f32; 2] = [0.40, 1.45];
/// Parts of the cheeks' lightness below which skin is in shadow, and from which on it is lit.
const LIT: [f32; 2] = [0.85, 0.91];
/// The same between which what is darker is a line or hair, and has a tone of its own.
const DARKEST: [f32; 2] = [0.60, 0.68];
/// Standard deviation over which the border between them is smoothed, in widths of the face.
const BORDER_SIGMA: f32 = 0.022;
/// Standard deviation over which shadows within the outline of the face go over into those around it.
const OVAL_SIGMA: f32 = 0.03;
/// Corners of the mouth, and how far below them, in widths of the face, its sides end and its jaw begins.
const MOUTH_CORNERS: [usize; 2] = [61, 291];
const ABOVE_JAW: [f32; 2] = [-0.06, 0.04];
/// From where on, to the side of and below the middle of the face, in its widths, its outline is that of a cheek.
const CHEEK: [f32; 2] = [0.26, 0.32];
const CHEEK_TOP: [f32; 2] = [-0.14, -0.04];
/// By how much nearer to the middle that is for each degree of yaw, in parts, and the least part.
const NEARER: f32 = 0.02;
const NEAREST: f32 = 0.3;
/// How far skin goes to the tones of the palette.
const FLATNESS: f32 = 0.9;

/// What gives skin of one colour another one, both in CIE L*a*b*; what is lighter or darker keeps its distance.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToneChange {
    from: [f32; 3],
    factor: f32,
    shift: [f32; 2],
    /// See [`OFF_HUE`], of lit skin and of skin in shadow.
    off_hue: [[f32; 2]; 2],
}

impl ToneChange {
    fn new(from: [f32; 3], wanted: [f32; 3], off_hue: [[f32; 2]; 2]) -> Self {
        Self {
            from,
            factor: (wanted[0] / from[0].max(1.0)).clamp(1.0 / MOST, MOST),
            shift: [1, 2].map(|i| wanted[i] - from[i]),
            off_hue,
        }
    }

    /// Beyond the crop of a face.
    pub fn around(from: [f32; 3], wanted: [f32; 3]) -> Self {
        Self::new(from, wanted, [OFF_AROUND, OFF_SHADED])
    }

    /// How light a colour is beside the cheeks.
    fn light(&self, colour: [f32; 3]) -> f32 {
        colour[0] / self.from[0].max(1.0)
    }

    /// Whether a colour is one of this skin: 0 to 1.
    pub fn share(&self, colour: [f32; 3]) -> f32 {
        let light = self.light(colour);
        if !(LIGHTNESS[0]..=LIGHTNESS[1]).contains(&light) {
            return 0.0;
        }
        let shaded = smoothstep(light, SHADED[0], SHADED[1]);
        let [lit, dark] = self.off_hue;
        let [off, on] = [0, 1].map(|i| lit[i] + shaded * (dark[i] - lit[i]));
        smoothstep(unlike_skin(colour, self.from), off, on)
            * smoothstep(light, LIGHTNESS[0], LIGHTNESS[0] + 0.2)
            * smoothstep(light, LIGHTNESS[1], LIGHTNESS[1] - 0.1)
    }

    /// A colour changed by a share.
    pub fn apply(&self, [l, a, b]: [f32; 3], share: f32) -> [f32; 3] {
        [
            (l * (1.0 + share * (self.factor - 1.0))).min(98.0),
            a + share * self.shift[0],
            b + share * self.shift[1],
        ]
    }
}

/// A colour of a drawing of skin, `toned` after `change`, made flat where skin is: in the tones of skin in shadow and lit. `shares` are those of skin there, and of lit skin. Lines stay, and what is of another colour: necklaces, collars, strands.
pub(super) fn flat_skin(
    toned: [f32; 3],
    colour: [f32; 3],
    change: &ToneChange,
    [shade, base]: [[f32; 3]; 2],
    [skin, lit]: [f32; 2],
) -> [f32; 3] {
    let tone = mix(shade, base, lit);
    mix(toned, tone, FLATNESS * skin * stays_skin(colour, change))
}

/// How far below the middle of a face the corners of its mouth are, in its widths.
pub(super) fn mouth_down(frame: &Frame) -> f32 {
    let corners = MOUTH_CORNERS.map(|i| frame.local(frame.points[i], frame.face.center)[1]);
    0.5 * (corners[0] + corners[1])
}

/// Whether a place so far below the corners of the mouth is above the line of the jaw: 0 to 1.
pub(super) fn above_jaw(below_mouth: f32) -> f32 {
    smoothstep(below_mouth, ABOVE_JAW[1], ABOVE_JAW[0])
}

/// Whether a colour in a drawing of skin is skin, and no line or something of another colour.
fn stays_skin(colour: [f32; 3], change: &ToneChange) -> f32 {
    smoothstep(change.light(colour), LINE[0], LINE[1])
        * smoothstep(unlike_skin(colour, change.from), OFF_DRAWN[0], OFF_DRAWN[1])
}

/// Moves the skin of the drawn face to the palette: its cheeks get the colour of lit skin, and all skin becomes flat, in the
/// tones of lit and shaded skin. `drawn` has the colours of the drawing, `photo` those of the crop, whose skin has the colour
/// `skin`, all in CIE L*a*b*. Beyond the outline of the face skin is where the `head` has it, if that is known.
pub fn draw_skin(
    canvas: &mut Canvas,
    frame: &Frame,
    drawn: &[[f32; 3]],
    photo: &[[f32; 3]],
    skin: [f32; 3],
    palette: &SkinPalette,
    head: Option<HeadInCrop>,
) {
    let change = ToneChange::new(skin_colour(frame, drawn), palette.base, [OFF_HUE; 2]);
    let oval = frame.fill(&closed_spline(&frame.at(OVAL)));
    let lightness = blur(&frame.plane(|i| drawn[i][0]), BORDER_SIGMA * frame.unit());
    let off_photo = blur(
        &frame.plane(|i| unlike_skin(photo[i], skin)),
        PHOTO_SIGMA * frame.unit(),
    );
    let soft_oval = blur(
        &frame.plane(|i| oval.at(i % frame.side, i / frame.side)),
        OVAL_SIGMA * frame.unit(),
    );
    let skin_lightness = skin[0].max(1.0);
    let mouth = mouth_down(frame);
    let turned = (1.0 - NEARER * frame.face.yaw_degrees.abs()).max(NEAREST);
    let cheek = CHEEK.map(|x| turned * x);
    for (i, colour) in drawn.iter().enumerate() {
        let place = frame.place(i, frame.face.center);
        let away = (place[0] / REACH[0]).hypot(place[1] / REACH[1]);
        let near = smoothstep(away, 1.0, FULL);
        if near <= 0.0 {
            continue;
        }
        let inside = oval.at(i % frame.side, i / frame.side);
        // A gray wall is of nearly the colour of fair skin in the drawing, and not in the photo.
        let in_photo = smoothstep(off_photo.values()[i], OFF_AROUND[0], OFF_AROUND[1]);
        let share = near * change.share(*colour) * in_photo.max(inside);
        let light = lightness.values()[i] / change.from[0].max(1.0);
        let here = head.map(|head| head.at(frame.pixel(i)));
        // Within the face the network's shadows; where it ends they go over into those of the photo.
        let lit = smoothstep(light, LIT[0], LIT[1]);
        let lit = here.map_or(lit, |here| {
            here.lit + soft_oval.values()[i] * (lit - here.lit)
        });
        let off_drawn = unlike_skin(*colour, change.from);
        // Highlights have lost their colour; what is darker and of another colour is hair.
        let darker = smoothstep(change.light(*colour), 0.88, 0.78);
        let flat = near
            * smoothstep(light, DARKEST[0], DARKEST[1])
            * inside
            * smoothstep(darker * off_drawn, OFF_FLAT[0], OFF_FLAT[1]);
        // Where skin goes on beyond the landmarks' outline (an ear, the far cheek of a face that is turned) there is no line.
        let on_outline = smoothstep((soft_oval.values()[i] - 0.5).abs(), 0.48, 0.40)
            * smoothstep(place[0].abs(), cheek[0], cheek[1])
            * smoothstep(place[1], CHEEK_TOP[0], CHEEK_TOP[1])
            * above_jaw(place[1] - mouth);
        let skin_in_photo =
            in_photo * smoothstep(photo[i][0] / skin_lightness, DARKEST[0], DARKEST[1]);
        let goes_on = match (on_outline * skin_in_photo, head) {
            (share, Some(head)) if share > 0.0 => share * head.is_deep_skin(frame.pixel(i)),
            _ => 0.0,
        };
        let skin = here.map_or(0.0, |here| here.skin);
        let around = (1.0 - inside) * skin * stays_skin(*colour, &change);
        let around = around.max(goes_on);
        let flat = FLATNESS * flat.max(around);
        if share.max(flat) <= 0.0 {
            continue;
        }
        let tone = mix(palette.shade, palette.base, lit);
        let drawn = mix(change.apply(*colour, share), tone, flat);
        canvas.pixels[i] = lab_to_rgb(drawn).map(|v| v.clamp(0.0, 1.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::lab::rgb_to_lab;
    use crate::face::example_face::example_face;

    const SIDE: usize = 512;
    const SKIN: [f32; 3] = [0.72, 0.53, 0.44];

    fn frame() -> Frame {
        Frame::new(SIDE, &example_face()).expect("a face")
    }

    /// A drawing, as a canvas and in CIE L*a*b*.
    fn drawing(frame: &Frame, colour: impl Fn([f32; 2]) -> [f32; 3]) -> (Canvas, Vec<[f32; 3]>) {
        let pixels: Vec<_> = (0..SIDE * SIDE).map(|i| colour(frame.pixel(i))).collect();
        let lab = pixels.iter().map(|pixel| rgb_to_lab(*pixel)).collect();
        (Canvas { side: SIDE, pixels }, lab)
    }

    fn at(canvas: &Canvas, x: usize, y: usize) -> [f32; 3] {
        rgb_to_lab(canvas.pixels[y * SIDE + x])
    }

    #[test]
    fn skin_gets_two_flat_tones_and_the_rest_stays() {
        let frame = frame();
        // Uneven skin, its shaded side, a shirt.
        let colour = |[x, y]: [f32; 2]| {
            let uneven = 0.02 * (0.05 * x).sin();
            match () {
                () if y > 440.0 => [0.2, 0.3, 0.7],
                () if x > 300.0 => SKIN.map(|v| 0.72 * v + uneven),
                () => SKIN.map(|v| v + uneven),
            }
        };
        let (mut canvas, lab) = drawing(&frame, colour);
        let before = canvas.clone();
        let palette = SkinPalette::new([84.0, 12.0, 16.0], 1.0);
        let skin = skin_colour(&frame, &lab);
        draw_skin(&mut canvas, &frame, &lab, &lab, skin, &palette, None);
        let apart = |a: [f32; 3], b: [f32; 3]| (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f32>();
        for y in [250, 300, 340] {
            assert!(apart(at(&canvas, 200, y), palette.base) < 4.0, "{y}");
            assert!(apart(at(&canvas, 330, y), palette.shade) < 6.0, "{y}");
        }
        for (x, y) in [(256, 500), (2, 2), (510, 430)] {
            assert_eq!(canvas.pixels[y * SIDE + x], before.pixels[y * SIDE + x]);
        }
    }

    #[test]
    fn fair_hair_and_gray_walls_are_no_skin() {
        let frame = frame();
        let skin = [0.90, 0.74, 0.66];
        let (hair, wall) = ([0.74, 0.62, 0.42], [0.86, 0.80, 0.78]);
        let colour = |of_wall: [f32; 3]| {
            move |[x, y]: [f32; 2]| match (x - 256.0).hypot((y - 270.0) / 1.25) {
                away if away < 105.0 => skin,
                away if away < 150.0 => hair,
                _ => of_wall,
            }
        };
        // The drawing's wall is tinted by the skin beside it, the photo's is not.
        let (mut canvas, drawn) = drawing(&frame, colour(wall));
        let (_, photo) = drawing(&frame, colour([0.82, 0.82, 0.82]));
        let before = canvas.clone();
        let palette = SkinPalette::new(rgb_to_lab(skin), 1.0);
        let skin = rgb_to_lab(skin);
        draw_skin(&mut canvas, &frame, &drawn, &photo, skin, &palette, None);
        let moved = |x, y| {
            let (a, b) = (at(&canvas, x, y), at(&before, x, y));
            (0..3).map(|i| (a[i] - b[i]).abs()).fold(0.0, f32::max)
        };
        assert!(moved(256, 300) > 1.0);
        for (x, y) in [(126, 300), (386, 300), (60, 250), (450, 300)] {
            assert!(moved(x, y) < 4.0, "{x} {y} {}", moved(x, y));
        }
    }
}
