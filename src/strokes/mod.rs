//! A photo in strokes of a brush: the anisotropic Kuwahara filter (Kyprianidis, Kang and Döllner, 2009;
//! sector weights by polynomials, 2010). Each pixel takes the mean of the calmest of eight sectors of an
//! ellipse that lies along the edges: texture becomes flat strokes, borders stay crisp.
//!
//! Networks that learn painted places see photos so, in training and in use: a small network learns
//! colours, skies and light in minutes, but strokes not in hours. What is thin and strong stays as the photo has it ([`lines`]).

mod lines;
mod tensor;
mod windows;

use fearless_simd::Level;

use crate::imaging::{Photo, colour_over_white, for_each_row, pixel_under_white};
use crate::kernels::kuwahara::{Padded, kuwahara_row};

use self::windows::{PADDING, windows};

/// Factor on the variance of a sector's colours in [0, 1]: about its inverse is the variance of texture
/// that is smoothed away.
const HARDNESS: f32 = 650.0;

/// Times that the filter is applied: each makes the strokes longer and flatter.
const PASSES: usize = 2;

/// Paints the strokes; alpha stays, and transparent pixels lie on white.
pub fn paint_strokes(photo: &mut Photo) {
    paint(photo);
}

/// Paints the strokes as networks see photos: those without guide planes, which draw places, with window bars, letters and wires as
/// they are. Alpha stays, and transparent pixels lie on white.
pub fn paint_for_network(photo: &mut Photo, guided: bool) {
    if guided {
        return paint_strokes(photo);
    }
    let before = photo.clone();
    let windows = paint(photo);
    lines::bring_back(photo, &before, &windows);
}

/// Paints the strokes and tells the windows that the photo's own edges have.
fn paint(photo: &mut Photo) -> Vec<u8> {
    let windows = paint_once(photo);
    for _ in 1..PASSES {
        paint_once(photo);
    }
    windows
}

/// Applies the filter once, in the windows that are told.
fn paint_once(photo: &mut Photo) -> Vec<u8> {
    let (width, height) = (photo.width(), photo.height());
    let (padded, stride) = padded(photo);
    let windows = windows(stride);
    let choices = tensor::choose_windows(&padded, stride, [width, height]);
    let picture = Padded {
        pixels: &padded,
        stride,
    };
    let level = Level::new();
    let paint = |(y, row): (usize, &mut [[u8; 4]])| {
        let choices = &choices[y * width..][..width];
        kuwahara_row(
            level,
            picture,
            y,
            &windows,
            choices,
            HARDNESS,
            |x, colour| {
                row[x] = pixel_under_white(colour, row[x][3]);
            },
        );
    };
    for_each_row(photo.pixels_mut(), width, paint);
    choices
}

/// Bytes at a time while the strokes of a photo of `[width, height]` are painted, besides its own.
pub(crate) fn painting_bytes([width, height]: [usize; 2]) -> u64 {
    let [padded, product] = [size_of::<[f32; 4]>(), size_of::<[f32; 3]>()];
    let pixels = (width + 2 * PADDING) as u64 * (height + 2 * PADDING) as u64;
    // The windows and the photo before, and the larger of a pass and what brings lines back.
    let inside = (width * height) as u64;
    5 * inside + ((padded + product + 1) as u64 * pixels).max(lines::bytes(inside))
}

/// The photo on white in [0, 1] with the sum of each pixel's squares, its borders repeated [`PADDING`] times, and
/// the length of a row.
fn padded(photo: &Photo) -> (Vec<[f32; 4]>, usize) {
    let (width, height) = (photo.width(), photo.height());
    let stride = width + 2 * PADDING;
    let mut padded = Vec::with_capacity(stride * (height + 2 * PADDING));
    let inside = |at: usize, side: usize| at.saturating_sub(PADDING).min(side - 1);
    for y in 0..height + 2 * PADDING {
        let row = &photo.pixels()[inside(y, height) * width..][..width];
        padded.extend((0..stride).map(|x| {
            let [r, g, b] = colour_over_white(row[inside(x, width)]);
            [r, g, b, r * r + g * g + b * b]
        }));
    }
    (padded, stride)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: usize, height: usize, pixel: impl Fn(usize, usize) -> [u8; 4]) -> Photo {
        let pixels = (0..width * height).flat_map(|i| pixel(i % width, i / width));
        Photo::new(width, height, pixels.collect()).unwrap()
    }

    #[test]
    fn texture_goes_and_a_slanted_border_stays_crisp() {
        let inside = |x: usize, y: usize| 2 * x + y < 90;
        let mut photo = picture(60, 60, |x, y| {
            let noise = ((x * 7 + y * 13) % 5) as u8 * 3;
            let base = if inside(x, y) { 60 } else { 180 };
            [base + noise, base, 90, 255]
        });
        paint_strokes(&mut photo);
        let red = |x: usize, y: usize| f32::from(photo.pixels()[y * 60 + x][0]);
        for y in 8..52 {
            for x in 4..56 {
                let distance = (2.0 * x as f32 + y as f32 - 90.0) / 5f32.sqrt();
                if distance.abs() > 1.5 {
                    let expected = if inside(x, y) { 66.0 } else { 186.0 };
                    let difference = (red(x, y) - expected).abs();
                    assert!(difference < 5.0, "{x} {y}: {}", red(x, y));
                }
            }
        }
    }

    #[test]
    fn one_colour_and_alpha_stay_whatever_the_size() {
        for [width, height] in [[1, 1], [1, 7], [9, 2], [33, 17]] {
            for alpha in [255, 90] {
                let before = picture(width, height, |_, _| [20, 130, 250, alpha]);
                let mut painted = before.clone();
                paint_strokes(&mut painted);
                assert_eq!(painted, before);
            }
            let mut clear = picture(width, height, |x, _| [20, 130, 250, 255 * (x % 2) as u8]);
            paint_strokes(&mut clear);
            let alphas = clear.pixels().iter().map(|pixel| pixel[3]);
            assert!(
                alphas
                    .zip(0..)
                    .all(|(alpha, i)| alpha == 255 * (i % width % 2) as u8)
            );
        }
    }
}
