//! The blush of the cheeks.

use crate::face::mesh::{OVAL, mean};

use super::frame::Frame;
use super::palette::{SkinPalette, mix, rgb};
use super::pen::{Canvas, closed_spline};

/// Middles of the blush.
const MIDDLES: [[usize; 3]; 2] = [[117, 50, 205], [346, 280, 425]];
/// Half its width and height at 1 / e of its strength, in widths of the face.
const RADII: [f32; 2] = [0.085, 0.050];
const STRENGTH: f32 = 0.3;

/// Reddens the cheeks of a drawn face.
pub fn draw_blush(canvas: &mut Canvas, frame: &Frame, palette: &SkinPalette) {
    let face = frame.fill(&closed_spline(&frame.at(OVAL)));
    let share = blushes(frame);
    let blush = rgb(palette.blush);
    for (i, inside) in face.pixels(frame.side) {
        let share = inside * share(i);
        let pixel = &mut canvas.pixels[i];
        *pixel = mix(*pixel, blush, share);
    }
}

/// How much of the blush is at a pixel of the face: 0 to 1.
pub fn blushes(frame: &Frame) -> impl Fn(usize) -> f32 {
    let middles = MIDDLES.map(|points| mean(&frame.at(points)));
    move |i| {
        let at = |middle| {
            let [x, y] = frame.place(i, middle);
            STRENGTH * (-((x / RADII[0]).powi(2) + (y / RADII[1]).powi(2))).exp()
        };
        middles.map(at).into_iter().fold(0.0, f32::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::example_face::example_face;

    #[test]
    fn cheeks_are_redder_and_the_rest_stays() {
        let frame = Frame::new(512, &example_face()).expect("a face");
        let palette = SkinPalette::new([80.0, 12.0, 16.0], 1.0);
        let skin = rgb(palette.base);
        let mut canvas = Canvas {
            side: 512,
            pixels: vec![skin; 512 * 512],
        };
        draw_blush(&mut canvas, &frame, &palette);
        for points in MIDDLES {
            let [x, y] = mean(&frame.at(points)).map(|v| v as usize);
            let [_, green, _] = canvas.pixels[y * 512 + x];
            assert!(green < skin[1] - 0.03, "{green}");
        }
        let [x, y] = frame.points[152].map(|v| v as usize);
        assert_eq!(canvas.pixels[(y + 4) * 512 + x], skin);
    }
}
