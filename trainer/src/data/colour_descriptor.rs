//! A descriptor of style that needs no network: colours and edges by place.

use anyhow::Result;
use image::RgbImage;
use image::imageops::{FilterType, grayscale, resize};
use imageproc::gradients::sobel_gradients;

use super::clusters::StyleDescriptor;
use crate::colour::lab::rgb_to_lab;

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
            let lab = rgb_to_lab(pixel.0.map(|value| f32::from(value) / 255.0));
            let side = SIZE_PX / GRID;
            let cell = &mut sums[(y / side * GRID + x / side) as usize];
            for (sum, value) in cell.iter_mut().zip(lab) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

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
