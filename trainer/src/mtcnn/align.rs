//! Turning a face upright: its landmarks are moved to where an aligned face has them.

use std::ops::Range;

use anyhow::{Context, Result, ensure};
use image::imageops::{FilterType, crop_imm, resize};
use image::{Rgb, RgbImage};
use nijigen::face::aligned_landmarks;
use nijigen::geometry::SimilarityTransform;

/// Largest side of an aligned picture.
const MAX_SIDE_PX: u32 = 4096;

/// A square picture of `side_px` pixels of the face with these landmarks, which lie as near as
/// possible to [`aligned_landmarks`] after rotation, uniform scale and shift. Landmarks are
/// `[x, y]` in pixels from the image's top left corner. Interpolation is bilinear; a face that is
/// larger than the picture is shrunk by a triangle filter first, so that nothing aliases. Beyond
/// its borders the image is reflected.
///
/// # Errors
/// If the image is empty, the side is not from 1 to 4096, or the landmarks coincide, are not
/// finite, or are those of a face of less than a pixel.
pub fn align_face(image: &RgbImage, landmarks: &[[f32; 2]; 5], side_px: u32) -> Result<RgbImage> {
    ensure!(
        image.width() > 0 && image.height() > 0,
        "the image has {} x {} pixels, expected at least one",
        image.width(),
        image.height()
    );
    ensure!(
        (1..=MAX_SIDE_PX).contains(&side_px),
        "the side of the aligned face is {side_px} pixels, expected 1 to {MAX_SIDE_PX}"
    );
    let side = side_px as f32;
    let to_aligned = SimilarityTransform::fit(landmarks, &aligned_landmarks(side));
    let to_image = to_aligned.as_ref().and_then(SimilarityTransform::inverse);
    let (to_aligned, to_image) = to_aligned
        .zip(to_image)
        .filter(|(to_aligned, _)| to_aligned.scale() < side)
        .with_context(|| format!("the landmarks {landmarks:?} are not those of a face"))?;
    let source = Source::new(image, &to_image, side, to_aligned.scale().min(1.0));
    Ok(RgbImage::from_fn(side_px, side_px, |x, y| {
        source.at(to_image.apply([x as f32 + 0.5, y as f32 + 0.5]))
    }))
}

/// The part of the image that the aligned picture needs, shrunk if need be.
struct Source {
    pixels: RgbImage,
    /// Where the part begins in the image, in pixels.
    start: [f32; 2],
    /// Pixels of the part by pixels of the image.
    scale: [f32; 2],
}

impl Source {
    /// What of `image` the square from 0 to `side` needs, resized by `scale`, which is at most 1.
    fn new(image: &RgbImage, to_image: &SimilarityTransform, side: f32, scale: f32) -> Self {
        let corners = [[0.0, 0.0], [side, 0.0], [0.0, side], [side, side]];
        let corners = corners.map(|corner| to_image.apply(corner));
        // Reach of the triangle filter and of bilinear interpolation after it.
        let reach = 2.0 / scale + 1.0;
        let span = |axis: usize, length: u32| {
            let along = corners.map(|corner| corner[axis]);
            let low = along.into_iter().fold(f32::INFINITY, f32::min) - reach;
            let high = along.into_iter().fold(f32::NEG_INFINITY, f32::max) + reach;
            needed(low, high, length)
        };
        let (x, y) = (span(0, image.width()), span(1, image.height()));
        let (width, height) = (x.end - x.start, y.end - y.start);
        let part = crop_imm(image, x.start, y.start, width, height);
        let pixels = if scale < 1.0 {
            let shrunk = |length: u32| ((length as f32 * scale).round() as u32).max(1);
            resize(&*part, shrunk(width), shrunk(height), FilterType::Triangle)
        } else {
            part.to_image()
        };
        Self {
            start: [x.start as f32, y.start as f32],
            scale: [
                pixels.width() as f32 / width as f32,
                pixels.height() as f32 / height as f32,
            ],
            pixels,
        }
    }

    /// The colour at a point of the image, bilinear between the centres of pixels.
    fn at(&self, point: [f32; 2]) -> Rgb<u8> {
        let [x, y] = [0, 1].map(|i| (point[i] - self.start[i]) * self.scale[i] - 0.5);
        let (left, top) = (x.floor(), y.floor());
        let (right_share, bottom_share) = (x - left, y - top);
        let columns = [left as i64, (left as i64).saturating_add(1)]
            .map(|x| reflected(x, self.pixels.width()));
        let rows = [top as i64, (top as i64).saturating_add(1)]
            .map(|y| reflected(y, self.pixels.height()));
        let corners = rows.map(|y| columns.map(|x| self.pixels.get_pixel(x, y).0.map(f32::from)));
        let mix = |a: f32, b: f32, share: f32| a + (b - a) * share;
        Rgb([0, 1, 2].map(|channel| {
            let [top, bottom] =
                corners.map(|[left, right]| mix(left[channel], right[channel], right_share));
            mix(top, bottom, bottom_share).round() as u8
        }))
    }
}

/// The pixels out of `length` that lie from `low` to `high`, or whose reflections do.
fn needed(low: f32, high: f32, length: u32) -> Range<u32> {
    let end = length as f32;
    let (mut from, mut to) = (low, high);
    if low < 0.0 {
        to = to.max(-low);
    }
    if high > end {
        from = from.min(2.0 * end - high);
    }
    let from = from.floor().clamp(0.0, end - 1.0) as u32;
    from..(to.ceil().min(end) as u32).max(from + 1)
}

/// The pixel whose mirror image lies at `index` when a line of `length` pixels is reflected at its
/// ends again and again, the outermost pixels repeated.
fn reflected(index: i64, length: u32) -> u32 {
    let length = i64::from(length);
    let index = index.rem_euclid(2 * length);
    index.min(2 * length - 1 - index) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A smooth picture: its value is known between pixels too.
    fn wave([x, y]: [f32; 2]) -> [f32; 3] {
        [
            128.0 + 80.0 * (x / 9.0).sin(),
            128.0 + 80.0 * (y / 11.0).cos(),
            128.0 + 60.0 * ((x + y) / 14.0).sin(),
        ]
    }

    fn wave_image(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            Rgb(wave([x as f32 + 0.5, y as f32 + 0.5]).map(|v| v.round() as u8))
        })
    }

    /// Landmarks in an image of which the aligned face of `side` pixels is `from_aligned`.
    fn landmarks(from_aligned: &SimilarityTransform, side: f32) -> [[f32; 2]; 5] {
        aligned_landmarks(side).map(|point| from_aligned.apply(point))
    }

    fn turned(scale: f32, angle: f32, tx: f32, ty: f32) -> SimilarityTransform {
        SimilarityTransform {
            a: scale * angle.cos(),
            b: scale * angle.sin(),
            tx,
            ty,
        }
    }

    /// Largest and mean difference of the aligned picture and the formula.
    fn errors(aligned: &RgbImage, from_aligned: &SimilarityTransform) -> (f32, f32) {
        let differences: Vec<f32> = aligned
            .enumerate_pixels()
            .flat_map(|(x, y, pixel)| {
                let expected = wave(from_aligned.apply([x as f32 + 0.5, y as f32 + 0.5]));
                [0, 1, 2].map(|c| (f32::from(pixel[c]) - expected[c]).abs())
            })
            .collect();
        (
            differences.iter().copied().fold(0.0, f32::max),
            differences.iter().sum::<f32>() / differences.len() as f32,
        )
    }

    #[test]
    fn a_turned_face_becomes_upright() {
        let image = wave_image(300, 260);
        for (scale, angle) in [(1.0, 0.0), (0.5, 0.4), (1.0, -2.0), (1.4, 0.3)] {
            let from_aligned = turned(scale, angle, 140.0, 120.0);
            let found = landmarks(&from_aligned, 64.0);
            let aligned = align_face(&image, &found, 64).unwrap();
            let (largest, mean) = errors(&aligned, &from_aligned);
            assert!(
                largest < 4.0 && mean < 1.0,
                "{scale} {angle}: {largest} {mean}"
            );
        }
    }

    #[test]
    fn the_same_size_upright_is_a_copy() {
        let image = wave_image(80, 70);
        let found = landmarks(&turned(1.0, 0.0, 10.0, 4.0), 64.0);
        let aligned = align_face(&image, &found, 64).unwrap();
        assert_eq!(aligned, crop_imm(&image, 10, 4, 64, 64).to_image());
    }

    #[test]
    fn fine_texture_of_a_large_face_does_not_alias() {
        let image = RgbImage::from_fn(400, 400, |x, y| {
            Rgb([if (x + y) % 2 == 0 { 255 } else { 0 }; 3])
        });
        let found = landmarks(&turned(5.3, 0.2, 40.0, 20.0), 64.0);
        let aligned = align_face(&image, &found, 64).unwrap();
        for value in aligned.as_raw() {
            assert!((100..=155).contains(value), "{value}, expected grey");
        }
    }

    #[test]
    fn borders_are_reflected() {
        let image = wave_image(64, 64);
        // The middle half of the aligned picture is the image.
        let found = landmarks(&turned(1.0, 0.0, -32.0, -32.0), 128.0);
        let aligned = align_face(&image, &found, 128).unwrap();
        for (x, y, pixel) in aligned.enumerate_pixels() {
            let expected = image.get_pixel(
                reflected(i64::from(x) - 32, 64),
                reflected(i64::from(y) - 32, 64),
            );
            assert_eq!(pixel, expected, "at {x}, {y}");
        }
        let edge: Vec<u32> = (-4..8).map(|i| reflected(i, 3)).collect();
        assert_eq!(edge, [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1]);
    }

    #[test]
    fn reflections_are_needed_too() {
        assert_eq!(needed(10.2, 20.5, 100), 10..21);
        assert_eq!(needed(-30.0, 20.5, 100), 0..30);
        assert_eq!(needed(90.0, 140.0, 100), 60..100);
        assert_eq!(needed(-250.0, -120.0, 100), 0..100);
    }

    #[test]
    fn shrunk_faces_at_a_border_are_reflected() {
        let image = wave_image(200, 90);
        let around = RgbImage::from_fn(400, 290, |x, y| {
            let [x, y] = [(x, 200), (y, 90)].map(|(v, side)| reflected(i64::from(v) - 100, side));
            *image.get_pixel(x, y)
        });
        let at = |x, y| landmarks(&turned(2.0, 0.1, x, y), 64.0);
        let aligned = align_face(&image, &at(50.0, -50.0), 64).unwrap();
        let expected = align_face(&around, &at(150.0, 50.0), 64).unwrap();
        for (found, expected) in aligned.as_raw().iter().zip(expected.as_raw()) {
            assert!(found.abs_diff(*expected) < 8, "{found}, not {expected}");
        }
    }

    #[test]
    fn bad_input_is_an_error() {
        let image = wave_image(20, 20);
        let good = landmarks(&turned(0.2, 0.0, 0.0, 0.0), 64.0);
        let told = |image: &RgbImage, landmarks: &[[f32; 2]; 5], side_px| {
            align_face(image, landmarks, side_px)
                .unwrap_err()
                .to_string()
        };
        assert!(told(&RgbImage::new(0, 5), &good, 64).contains("0 x 5 pixels"));
        assert!(told(&image, &good, 0).contains("is 0 pixels"));
        assert!(told(&image, &good, 5000).contains("is 5000 pixels"));
        assert!(told(&image, &[[3.0, 4.0]; 5], 64).contains("not those of a face"));
        assert!(told(&image, &good.map(|p| p.map(|v| v * 1e-3)), 64).contains("not those"));
        let mut nan = good;
        nan[2][1] = f32::NAN;
        assert!(told(&image, &nan, 64).contains("NaN"));
    }

    #[test]
    fn far_and_huge_faces_do_no_harm() {
        let image = wave_image(20, 20);
        for (scale, shift) in [(1e6, 0.0), (1.0, 1e9), (1e20, 1e30), (1e30, -1e36)] {
            let found = landmarks(&turned(scale, 0.5, shift, shift), 16.0);
            // Rounding may make the landmarks coincide; then it is an error.
            if let Ok(aligned) = align_face(&image, &found, 16) {
                assert_eq!(aligned.dimensions(), (16, 16));
            }
        }
    }
}
