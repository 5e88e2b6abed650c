//! Skin in the tone of the photo's, whatever a network made of it.

use crate::geometry::smoothstep;

use super::frame::Frame;
use super::palette::skin_colour;
use super::pen::Canvas;
use super::sight::unlike_skin;
use crate::colour::lab::lab_to_rgb;

/// Half the width and height of where skin is changed, about the middle of the face, in its widths, and the part of
/// these within which it is changed fully: face, ears and neck.
const REACH: [f32; 2] = [0.85, 1.25];
const FULL: f32 = 0.75;
/// The most that skin is made lighter or darker, as a factor.
const MOST: f32 = 1.5;
/// Off by so much in hue, a colour is not that of skin any more, and still fully.
const OFF_HUE: [f32; 2] = [20.0, 11.0];
/// Darker and lighter than these parts of the cheeks' lightness is no skin.
const LIGHTNESS: [f32; 2] = [0.40, 1.45];

/// Moves the skin of the drawn face, whose colours are `lab`, so that its cheeks have the `wanted` colour, all in
/// CIE L*a*b*; what is lighter or darker keeps its distance.
pub fn tone_skin(canvas: &mut Canvas, frame: &Frame, lab: &[[f32; 3]], wanted: [f32; 3]) {
    let drawn = skin_colour(frame, lab);
    let factor = (wanted[0] / drawn[0].max(1.0)).clamp(1.0 / MOST, MOST);
    let shift = [1, 2].map(|i| wanted[i] - drawn[i]);
    for (i, colour) in lab.iter().enumerate() {
        let place = frame.place(i, frame.face.center);
        let away = (place[0] / REACH[0]).hypot(place[1] / REACH[1]);
        let light = colour[0] / drawn[0].max(1.0);
        let near = smoothstep(away, 1.0, FULL);
        if near <= 0.0 || !(LIGHTNESS[0]..=LIGHTNESS[1]).contains(&light) {
            continue;
        }
        let share = near
            * smoothstep(unlike_skin(*colour, drawn), OFF_HUE[0], OFF_HUE[1])
            * smoothstep(light, LIGHTNESS[0], LIGHTNESS[0] + 0.2)
            * smoothstep(light, LIGHTNESS[1], LIGHTNESS[1] - 0.1);
        if share > 0.0 {
            let [l, a, b] = *colour;
            canvas.pixels[i] = lab_to_rgb([
                (l * (1.0 + share * (factor - 1.0))).min(98.0),
                a + share * shift[0],
                b + share * shift[1],
            ])
            .map(|v| v.clamp(0.0, 1.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::lab::rgb_to_lab;
    use crate::face::example_face::example_face;

    #[test]
    fn skin_gets_the_tone_and_the_rest_stays() {
        let frame = Frame::new(512, &example_face()).expect("a face");
        let (skin, shade, shirt) = ([0.55, 0.40, 0.33], [0.44, 0.31, 0.25], [0.2, 0.3, 0.7]);
        let pixels = (0..512 * 512).map(|i| match frame.pixel(i) {
            [x, y] if x < 200.0 && y < 440.0 => skin,
            [_, y] if y < 440.0 => shade,
            _ => shirt,
        });
        let mut canvas = Canvas {
            side: 512,
            pixels: pixels.collect(),
        };
        let before = canvas.clone();
        let wanted = [72.0, 12.0, 18.0];
        let lab: Vec<_> = before.pixels.iter().map(|p| rgb_to_lab(*p)).collect();
        tone_skin(&mut canvas, &frame, &lab, wanted);
        let at = |canvas: &Canvas, x: usize, y: usize| rgb_to_lab(canvas.pixels[y * 512 + x]);
        let (cheek, shaded) = (at(&canvas, 190, 290), at(&canvas, 320, 290));
        let measured = skin_colour(&frame, &lab);
        assert!(
            (cheek[0] / shaded[0] - at(&before, 190, 290)[0] / at(&before, 320, 290)[0]).abs()
                < 0.02
        );
        let (lighter, least) = (cheek[0].max(shaded[0]), measured[0]);
        assert!(lighter > least + 10.0, "{lighter} {least}");
        // The shirt, and what is far from the face.
        for (x, y) in [(256, 500), (2, 2), (510, 430)] {
            assert_eq!(canvas.pixels[y * 512 + x], before.pixels[y * 512 + x]);
        }
    }
}
