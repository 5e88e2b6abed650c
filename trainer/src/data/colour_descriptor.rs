//! A descriptor of style that needs no network: colours and edges by place.

use anyhow::Result;
use image::RgbImage;
use image::imageops::{FilterType, grayscale, resize};
use imageproc::gradients::sobel_gradients;

use super::clusters::StyleDescriptor;

/// Cells a side.
const GRID: u32 = 4;

/// Width and height, in pixels, of the copy that is described.
const SIZE_PX: u32 = 128;

/// Sobel gradient magnitude of luma (0 to about 1140) from which a pixel counts as an edge.
const EDGE: u16 = 100;

/// Mean and standard deviation of CIELAB (divided by 100) in each cell of a 4 × 4 grid, and the
/// share of edge pixels of the whole image: 97 values. Used where no backbone is at hand; it tells
/// palettes and compositions apart, hardly brushwork.
pub struct ColourDescriptor;

impl StyleDescriptor for ColourDescriptor {
    fn name(&self) -> &'static str {
        "colour grid"
    }

    fn describe(&self, image: &RgbImage) -> Result<Vec<f32>> {
        let small = resize(image, SIZE_PX, SIZE_PX, FilterType::Triangle);
        let cells = (GRID * GRID) as usize;
        let mut sums = vec![[[0.0f64; 2]; 3]; cells];
        for (x, y, pixel) in small.enumerate_pixels() {
            let side = SIZE_PX / GRID;
            let cell = &mut sums[(y / side * GRID + x / side) as usize];
            for (sum, value) in cell.iter_mut().zip(lab(pixel.0)) {
                let value = f64::from(value) / 100.0;
                sum[0] += value;
                sum[1] += value * value;
            }
        }
        let pixels = f64::from(SIZE_PX * SIZE_PX);
        let mut vector = Vec::with_capacity(cells * 6 + 1);
        for [sum, squares] in sums.into_iter().flatten() {
            let mean = sum * cells as f64 / pixels;
            let variance = squares * cells as f64 / pixels - mean * mean;
            vector.extend([mean as f32, variance.max(0.0).sqrt() as f32]);
        }
        let gradients = sobel_gradients(&grayscale(&small));
        let edges = gradients.iter().filter(|&&g| g >= EDGE).count();
        vector.push((edges as f64 / pixels) as f32);
        Ok(vector)
    }
}

/// CIELAB (D65) of an sRGB pixel: L in 0-100, a and b in about -108 to 98.
fn lab(rgb: [u8; 3]) -> [f32; 3] {
    let [r, g, b] = rgb.map(|value| {
        let value = f32::from(value) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    });
    // Linear sRGB to XYZ, each divided by the white point.
    let curve = |t: f32| {
        if t > 216.0 / 24389.0 {
            t.cbrt()
        } else {
            (24389.0 / 27.0 * t + 16.0) / 116.0
        }
    };
    let x = curve((0.412_456_4 * r + 0.357_576_1 * g + 0.180_437_5 * b) / 0.950_47);
    let y = curve(0.212_672_9 * r + 0.715_152_2 * g + 0.072_175 * b);
    let z = curve((0.019_333_9 * r + 0.119_192 * g + 0.950_304_1 * b) / 1.088_83);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn lab_of_known_colours() {
        // Values of scikit-image's rgb2lab.
        for (rgb, expected) in [
            ([255, 255, 255], [100.0, 0.0, 0.0]),
            ([0, 0, 0], [0.0, 0.0, 0.0]),
            ([255, 0, 0], [53.24, 80.09, 67.20]),
            ([0, 0, 255], [32.30, 79.19, -107.86]),
            ([1, 2, 3], [0.51, -0.12, -0.47]),
        ] {
            for (value, expected) in lab(rgb).into_iter().zip(expected) {
                assert!((value - expected).abs() < 0.02, "{rgb:?}: {:?}", lab(rgb));
            }
        }
    }

    #[test]
    fn places_colours_and_edges_count() -> Result<()> {
        let gray = RgbImage::from_pixel(300, 200, Rgb([119, 119, 119]));
        let flat = ColourDescriptor.describe(&gray)?;
        assert_eq!(flat.len(), 97);
        assert!((flat[0] - 0.5).abs() < 0.01 && flat[1] < 1e-3 && flat[96] == 0.0);

        let half = RgbImage::from_fn(300, 200, |x, _| Rgb([if x < 150 { 0 } else { 255 }; 3]));
        let vector = ColourDescriptor.describe(&half)?;
        // The first cell of the first row is black, the last one white; one edge runs down.
        assert!(vector[0].abs() < 0.01 && (vector[3 * 6] - 1.0).abs() < 0.01);
        assert!(vector[96] > 0.005 && vector[96] < 0.05, "{}", vector[96]);

        let fine = RgbImage::from_fn(128, 128, |x, _| Rgb([if x % 8 < 4 { 0 } else { 255 }; 3]));
        let busy = ColourDescriptor.describe(&fine)?;
        assert!(busy[96] > 0.4 && busy[1] > 0.4);
        Ok(())
    }
}
