//! Metrics of one photo and what a network made of it, at the same size.
//!
//! Lumas are ITU-R BT.601 in 0..=255, gradients are lengths of the Sobel gradient in luma per
//! pixel. Values depend on the scale of the picture; compare pictures of the same long side only.

use std::array;

use anyhow::{Result, ensure};
use image::RgbImage;
use nijigen::filter::plane::Plane;
use serde::{Deserialize, Serialize};

use super::canny::canny;
use crate::colour::lab::lab_opponents;
use crate::colour::luma_plane;

/// Gradient in luma per pixel below which an output is flat.
pub const FLAT_GRADIENT: f32 = 1.0;
/// Gradient in luma per pixel below which a photo has no edge.
const EDGELESS_GRADIENT: f32 = 4.0;
/// How much darker than its surroundings ink is, in luma.
const INK_CONTRAST: f32 = 8.0;
/// Mean chroma of Lab below which a photo counts as gray, so that a ratio to it says nothing.
const GRAY_CHROMA: f64 = 0.5;
/// Mean luma below which an output counts as black.
const BLACK_LUMA: f64 = 8.0;
/// Side in pixels of the areas over which a checkerboard must keep in step.
const CHECKERBOARD_BLOCK_PX: usize = 16;

/// Mean activation of VGG16's relu3_3 over photos, the scale of [`content_change`].
pub const RELU3_3_SCALE: f32 = 112.0;

/// Metrics of one output, or their means over several ([`mean`]).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PictureMetrics {
    /// Share of the output's pixels with a gradient below 1.
    pub flat: f64,
    /// High frequencies: mean absolute difference of the output's luma from its blur (σ 1.5),
    /// where the photo's gradient is below 4. 0 if it nowhere is.
    pub hf: f64,
    /// Share of the photo's edges (Canny 40/100 after blur σ 1.2) with an edge of the output
    /// within 2 pixels in x and in y. 1 for a photo without edges.
    pub edge_recall: f64,
    /// Thin dark lines: mean of how far the output's luma is more than 8 below its blur (σ 3).
    pub ink: f64,
    /// Mean Lab chroma of the output divided by the photo's. 1 for a gray photo.
    pub saturation: f64,
    /// Mean luma of the output less that of the photo.
    pub luma_shift: f64,
    /// Stains: mean Lab distance of the blurred (σ 12) colour opponents of the output from
    /// `saturation` times those of the photo.
    pub blotch: f64,
    /// Patterns of period 2 in x, in y or in both, as strided or transposed convolutions leave:
    /// their mean amplitude in luma where the photo's gradient is below 4, less that of the
    /// photo. 0 is none; below 0 the photo had more.
    pub checkerboard: f64,
    /// 1 if the output's mean luma is below 8 (a failed run), else 0; in means the share.
    pub black: f64,
}

/// Number of fields of [`PictureMetrics`].
const FIELDS: usize = 9;

impl PictureMetrics {
    /// Measures `output` against the `photo` that it was made from.
    ///
    /// # Errors
    /// If the sizes differ or the pictures are empty.
    pub fn measure(photo: &RgbImage, output: &RgbImage) -> Result<Self> {
        ensure!(
            photo.dimensions() == output.dimensions(),
            "the output has {:?} pixels, the photo {:?}; expected the same size",
            output.dimensions(),
            photo.dimensions()
        );
        let (before, after) = (luma_plane(photo)?, luma_plane(output)?);
        let edgeless = before.gradient().map(|gradient| {
            if gradient < EDGELESS_GRADIENT {
                1.0
            } else {
                0.0
            }
        });
        let (saturation, blotch) = colour_change(photo, output)?;
        let mean_luma = after.mean();
        Ok(Self {
            flat: flat_share(&after),
            hf: high_frequencies(&after, &edgeless)?,
            edge_recall: edge_recall(&before, &after)?,
            ink: ink(&after)?,
            saturation,
            luma_shift: mean_luma - before.mean(),
            blotch,
            checkerboard: checkerboard_amplitude(&after, &edgeless)
                - checkerboard_amplitude(&before, &edgeless),
            black: if mean_luma < BLACK_LUMA { 1.0 } else { 0.0 },
        })
    }

    /// The metrics by the names of their fields.
    pub fn named(&self) -> [(&'static str, f64); FIELDS] {
        [
            ("flat", self.flat),
            ("hf", self.hf),
            ("edge_recall", self.edge_recall),
            ("ink", self.ink),
            ("saturation", self.saturation),
            ("luma_shift", self.luma_shift),
            ("blotch", self.blotch),
            ("checkerboard", self.checkerboard),
            ("black", self.black),
        ]
    }
}

/// Means of each metric over several pictures.
///
/// # Errors
/// If there are no pictures.
pub fn mean(pictures: &[PictureMetrics]) -> Result<PictureMetrics> {
    ensure!(!pictures.is_empty(), "no pictures to take the mean of");
    let mean = |metric: fn(&PictureMetrics) -> f64| {
        pictures.iter().map(metric).sum::<f64>() / pictures.len() as f64
    };
    Ok(PictureMetrics {
        flat: mean(|metrics| metrics.flat),
        hf: mean(|metrics| metrics.hf),
        edge_recall: mean(|metrics| metrics.edge_recall),
        ink: mean(|metrics| metrics.ink),
        saturation: mean(|metrics| metrics.saturation),
        luma_shift: mean(|metrics| metrics.luma_shift),
        blotch: mean(|metrics| metrics.blotch),
        checkerboard: mean(|metrics| metrics.checkerboard),
        black: mean(|metrics| metrics.black),
    })
}

/// How much of a photo's content an output changed: the mean absolute difference of their
/// features (any layout, the same for both) divided by `scale`, the mean activation of that layer
/// over photos. 0 is unchanged. Use relu3_3 of VGG16 on the luma as all three channels, with
/// [`RELU3_3_SCALE`].
///
/// # Errors
/// If there are no features, not as many of both, features that are not finite, or a scale that
/// is not above 0.
pub fn content_change(photo: &[f32], output: &[f32], scale: f32) -> Result<f64> {
    ensure!(
        !photo.is_empty() && photo.len() == output.len(),
        "{} features of the photo and {} of the output; expected as many of both",
        photo.len(),
        output.len()
    );
    ensure!(
        scale.is_finite() && scale > 0.0,
        "the features' scale is {scale}; expected a number above 0"
    );
    let sum: f64 = photo
        .iter()
        .zip(output)
        .map(|(a, b)| f64::from((a - b).abs()))
        .sum();
    ensure!(sum.is_finite(), "the features contain {sum}");
    Ok(sum / photo.len() as f64 / f64::from(scale))
}

/// Share of pixels with a gradient below [`FLAT_GRADIENT`].
fn flat_share(luma: &Plane) -> f64 {
    luma.gradient()
        .map(|gradient| if gradient < FLAT_GRADIENT { 1.0 } else { 0.0 })
        .mean()
}

/// Mean absolute difference from the blur where `area` is 1 and not 0.
fn high_frequencies(luma: &Plane, area: &Plane) -> Result<f64> {
    let detail = luma.zip_map(&luma.gaussian_blur(1.5)?, |luma, blur| (luma - blur).abs())?;
    let inside = detail.zip_map(area, |detail, area| detail * area)?;
    let share = area.mean();
    Ok(if share > 0.0 {
        inside.mean() / share
    } else {
        0.0
    })
}

/// Share of the edges of `before` that have one of `after` within 2 pixels.
fn edge_recall(before: &Plane, after: &Plane) -> Result<f64> {
    // Thresholds mean what they do on 8-bit pictures, where detectors usually run.
    let edges = |luma: &Plane| -> Result<Plane> {
        let eight_bit = luma
            .gaussian_blur(1.2)?
            .map(|v| v.clamp(0.0, 255.0).floor());
        canny(&eight_bit, 40.0, 100.0)
    };
    let wanted = edges(before)?;
    let found = wanted.zip_map(&edges(after)?.dilate(2), |wanted, near| wanted * near)?;
    let share = wanted.mean();
    Ok(if share > 0.0 {
        found.mean() / share
    } else {
        1.0
    })
}

/// Mean of how far the luma is more than [`INK_CONTRAST`] below its surroundings.
fn ink(luma: &Plane) -> Result<f64> {
    let darker = luma
        .gaussian_blur(3.0)?
        .zip_map(luma, |around, luma| (around - luma - INK_CONTRAST).max(0.0))?;
    Ok(darker.mean())
}

/// The saturation ratio and the blotch of [`PictureMetrics`].
fn colour_change(photo: &RgbImage, output: &RgbImage) -> Result<(f64, f64)> {
    let length = |a: f32, b: f32| (a * a + b * b).sqrt();
    let (photo_a, photo_b) = lab_opponents(photo)?;
    let (output_a, output_b) = lab_opponents(output)?;
    let chroma = photo_a.zip_map(&photo_b, length)?.mean();
    let saturation = if chroma < GRAY_CHROMA {
        1.0
    } else {
        output_a.zip_map(&output_b, length)?.mean() / chroma
    };
    // Blurring is linear: the difference of two blurs is the blur of the difference.
    let stain = |photo: &Plane, output: &Plane| {
        output
            .zip_map(photo, |output, photo| output - saturation as f32 * photo)?
            .gaussian_blur(12.0)
    };
    let stains = stain(&photo_a, &output_a)?.zip_map(&stain(&photo_b, &output_b)?, length)?;
    Ok((saturation, stains.mean()))
}

/// Mean amplitude of patterns of period 2 over the pixels where `area` is 1 and not 0.
///
/// Three 3 x 3 filters pass one of the patterns each, in x, in y and in both, with gain 1, and
/// block constants and slopes. Demodulated by the pattern's sign and averaged over blocks, noise
/// cancels itself; a pattern that keeps in step over a block does not.
fn checkerboard_amplitude(luma: &Plane, area: &Plane) -> f64 {
    let (width, height) = (luma.width(), luma.height());
    let (mut total, mut pixels) = (0.0, 0.0);
    for top in (1..height.saturating_sub(1)).step_by(CHECKERBOARD_BLOCK_PX) {
        for left in (1..width.saturating_sub(1)).step_by(CHECKERBOARD_BLOCK_PX) {
            let mut sums = [0.0f32; 3];
            let mut inside = 0.0f32;
            for y in top..(top + CHECKERBOARD_BLOCK_PX).min(height - 1) {
                let near: [&[f32]; 3] = array::from_fn(|row| luma.row(y + row - 1));
                for x in left..(left + CHECKERBOARD_BLOCK_PX).min(width - 1) {
                    let weight = area.row(y)[x];
                    let (sign_x, sign_y) = (sign(x), sign(y));
                    let [high, low] = [-2.0, 2.0].map(|centre| {
                        near.map(|row| (row[x - 1] + centre * row[x] + row[x + 1]) / 4.0)
                    });
                    let across =
                        |rows: [f32; 3], centre: f32| (rows[0] + centre * rows[1] + rows[2]) / 4.0;
                    sums[0] += weight * sign_x * across(high, 2.0);
                    sums[1] += weight * sign_y * across(low, -2.0);
                    sums[2] += weight * sign_x * sign_y * across(high, -2.0);
                    inside += weight;
                }
            }
            // The block's amplitude weighted by its pixels is the length of the sums.
            total += f64::from(sums.map(|sum| sum * sum).iter().sum::<f32>().sqrt());
            pixels += f64::from(inside);
        }
    }
    if pixels > 0.0 { total / pixels } else { 0.0 }
}

/// 1 for even positions, -1 for odd ones.
fn sign(position: usize) -> f32 {
    if position.is_multiple_of(2) {
        1.0
    } else {
        -1.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use image::{Rgb, RgbImage};

    use super::*;

    /// The photo that tests/golden/evaluate/make_golden.py reads.
    const PHOTO: &[u8] = include_bytes!("../../../tests/browser/fixtures/astronaut-256.png");

    /// What OpenCV and NumPy measure on [`PHOTO`].
    #[derive(Deserialize)]
    struct Golden {
        metrics: BTreeMap<String, BTreeMap<String, f64>>,
        blur: BTreeMap<String, Vec<f32>>,
        canny_edges: Vec<[usize; 2]>,
    }

    fn golden() -> Golden {
        serde_json::from_str(include_str!("../../tests/golden/evaluate/golden.json"))
            .expect("the golden file fits")
    }

    fn photo() -> RgbImage {
        image::load_from_memory(PHOTO)
            .expect("the fixture is a picture")
            .to_rgb8()
    }

    /// A picture of `side` x `side` pixels with the gray value `f(x, y)` at each place.
    fn gray(side: u32, f: impl Fn(u32, u32) -> u8) -> RgbImage {
        RgbImage::from_fn(side, side, |x, y| Rgb([f(x, y); 3]))
    }

    /// The outputs of make_golden.py, by the same integer arithmetic.
    fn output(name: &str, photo: &RgbImage) -> RgbImage {
        let (width, height) = photo.dimensions();
        RgbImage::from_fn(width, height, |x, y| {
            let Rgb(pixel) = *photo.get_pixel(x, y);
            Rgb(match name {
                "box_blur_brighter" => array::from_fn(|channel| {
                    let mut sum = 0;
                    for near_y in [y.saturating_sub(1), y, (y + 1).min(height - 1)] {
                        for near_x in [x.saturating_sub(1), x, (x + 1).min(width - 1)] {
                            sum += u32::from(photo.get_pixel(near_x, near_y).0[channel]);
                        }
                    }
                    (sum / 9 + 12).min(255) as u8
                }),
                "checkered" if (x + y) % 2 == 0 => pixel.map(|value| value.saturating_add(3)),
                "checkered" => pixel.map(|value| value.saturating_sub(3)),
                "posterised" => {
                    let [red, green, blue] = pixel.map(|value| value / 48 * 48 + 7);
                    [red, blue, green]
                }
                _ => panic!("no output is named {name}"),
            })
        })
    }

    #[test]
    fn metrics_are_those_of_opencv() -> Result<()> {
        let photo = photo();
        let golden = golden().metrics;
        assert_eq!(golden.len(), 3);
        for (name, expected) in golden {
            let metrics = PictureMetrics::measure(&photo, &output(&name, &photo))?;
            assert_eq!(expected.len(), FIELDS);
            for (metric, value) in metrics.named() {
                let expected = expected[metric];
                // Sums in f32 in another order can move a pixel across a threshold.
                let tolerance = 1e-3 * expected.abs().max(0.1);
                assert!(
                    (value - expected).abs() <= tolerance,
                    "{metric} of {name} is {value}, expected {expected}"
                );
            }
        }
        Ok(())
    }

    #[test]
    fn blur_is_that_of_opencv() -> Result<()> {
        let luma = luma_plane(&photo())?;
        for (sigma, expected) in golden().blur {
            let blurred = luma.gaussian_blur(sigma.parse()?)?;
            let sampled = blurred.values().iter().step_by(1021);
            assert_eq!(sampled.len(), expected.len());
            for (value, expected) in sampled.zip(expected) {
                assert!(
                    (value - expected).abs() < 1e-3,
                    "sigma {sigma}: {value} is not {expected}"
                );
            }
        }
        Ok(())
    }

    #[test]
    fn canny_is_that_of_opencv() -> Result<()> {
        let eight_bit = luma_plane(&photo())?.map(f32::round);
        let edges = canny(&eight_bit, 40.0, 100.0)?;
        // Row by row, how many edges there are and the sum of their columns.
        let rows: Vec<[usize; 2]> = (0..edges.height())
            .map(|y| {
                let row = edges.row(y);
                let columns = (0..edges.width()).filter(|x| row[*x] > 0.0);
                [columns.clone().count(), columns.sum()]
            })
            .collect();
        assert_eq!(rows, golden().canny_edges);
        Ok(())
    }

    #[test]
    fn a_constant_picture() -> Result<()> {
        let picture = gray(48, |_, _| 120);
        let metrics = PictureMetrics::measure(&picture, &picture)?;
        let expected = PictureMetrics {
            flat: 1.0,
            hf: 0.0,
            edge_recall: 1.0,
            ink: 0.0,
            saturation: 1.0,
            luma_shift: 0.0,
            blotch: 0.0,
            checkerboard: 0.0,
            black: 0.0,
        };
        for ((name, value), (_, expected)) in metrics.named().into_iter().zip(expected.named()) {
            assert!((value - expected).abs() < 1e-4, "{name} is {value}");
        }
        Ok(())
    }

    #[test]
    fn an_unchanged_photo() -> Result<()> {
        let photo = photo();
        let metrics = PictureMetrics::measure(&photo, &photo)?;
        assert_eq!(metrics.edge_recall, 1.0);
        assert_eq!(metrics.saturation, 1.0);
        assert_eq!((metrics.luma_shift, metrics.checkerboard), (0.0, 0.0));
        assert!(metrics.blotch < 1e-4);
        assert!(metrics.ink > 0.5 && metrics.hf > 0.5);
        Ok(())
    }

    #[test]
    fn checkerboards_of_each_kind_measure_their_amplitude() -> Result<()> {
        let flat = gray(64, |_, _| 100);
        let patterns: [fn(u32, u32) -> u32; 3] = [|x, _| x, |_, y| y, |x, y| x + y];
        for pattern in patterns {
            let output = gray(64, |x, y| if pattern(x, y) % 2 == 0 { 106 } else { 94 });
            let metrics = PictureMetrics::measure(&flat, &output)?;
            assert!((metrics.checkerboard - 6.0).abs() < 1e-3, "{metrics:?}");
        }
        // A pattern of period 4, a slope and noise are no checkerboards.
        let noise = |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) >> 5;
        let others: [&dyn Fn(u32, u32) -> u8; 3] = [
            &|x, _| if x % 4 < 2 { 106 } else { 94 },
            &|x, y| (x + 2 * y) as u8,
            &|x, y| 94 + (noise(x, y).wrapping_mul(2_246_822_519) >> 16) as u8 % 13,
        ];
        for (i, other) in others.into_iter().enumerate() {
            let metrics = PictureMetrics::measure(&flat, &gray(64, other))?;
            assert!(metrics.checkerboard < 0.5, "{i}: {metrics:?}");
        }
        Ok(())
    }

    #[test]
    fn ink_and_colour_where_they_are_known() -> Result<()> {
        let paper = gray(64, |_, _| 200);
        let lines = gray(64, |x, _| if x % 16 == 8 { 0 } else { 200 });
        let metrics = PictureMetrics::measure(&paper, &lines)?;
        // One column of 16 is 200 * (1 - 0.133) - 8 darker than its surroundings.
        assert!((metrics.ink - 165.4 / 16.0).abs() < 0.1, "{metrics:?}");

        // A gray photo that came out red: no ratio, but a stain as far as red is from gray.
        let red = RgbImage::from_pixel(64, 64, Rgb([255, 0, 0]));
        let metrics = PictureMetrics::measure(&paper, &red)?;
        assert_eq!(metrics.saturation, 1.0);
        assert!((metrics.blotch - 104.55).abs() < 0.1, "{metrics:?}");
        Ok(())
    }

    #[test]
    fn black_outputs_are_counted() -> Result<()> {
        let (photo, black) = (gray(32, |x, _| 4 * x as u8), gray(32, |_, _| 7));
        let bad = PictureMetrics::measure(&photo, &black)?;
        let good = PictureMetrics::measure(&photo, &photo)?;
        assert_eq!((bad.black, good.black), (1.0, 0.0));
        let mean = mean(&[bad, good, good, good])?;
        assert_eq!(mean.black, 0.25);
        assert!((mean.luma_shift - (7.0 - 62.0) / 4.0).abs() < 1e-4);
        Ok(())
    }

    #[test]
    fn bad_input_is_refused() {
        let (a, b) = (gray(8, |_, _| 0), gray(9, |_, _| 0));
        let error = PictureMetrics::measure(&a, &b).expect_err("the sizes differ");
        assert!(error.to_string().contains("(9, 9)"), "{error}");
        assert!(PictureMetrics::measure(&RgbImage::new(0, 0), &RgbImage::new(0, 0)).is_err());
        assert!(mean(&[]).is_err());
    }

    #[test]
    fn the_smallest_pictures_are_measured() -> Result<()> {
        for side in 1..4 {
            let picture = gray(side, |_, _| 50);
            let metrics = PictureMetrics::measure(&picture, &picture)?;
            assert!(metrics.named().iter().all(|(_, value)| value.is_finite()));
        }
        Ok(())
    }

    #[test]
    fn content_change_is_the_scaled_mean_difference() -> Result<()> {
        let change = content_change(&[1.0, 2.0, 3.0, 4.0], &[1.0, 0.0, 3.0, 8.0], 2.0)?;
        assert_eq!(change, 0.75);
        for (a, b, scale) in [
            (&[1.0][..], &[1.0, 2.0][..], 1.0),
            (&[], &[], 1.0),
            (&[f32::NAN], &[1.0], 1.0),
            (&[1.0], &[1.0], 0.0),
        ] {
            assert!(content_change(a, b, scale).is_err(), "{a:?} {b:?} {scale}");
        }
        Ok(())
    }
}
