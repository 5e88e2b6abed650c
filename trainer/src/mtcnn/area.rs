//! Resizing by averaging: each new pixel is the mean of all old pixels that it touches, as in
//! PyTorch's `interpolate(mode="area")`.

use std::ops::Range;

use image::RgbImage;

/// A rectangle inside an image, in pixels; never empty.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PixelRect {
    pub x: Range<usize>,
    pub y: Range<usize>,
}

/// Resizes `region` of `image` to `[height, width]` and appends the wanted `rows` of the result to
/// `planes` in `[3, rows, width]` order, scaled by `(v - 127.5) / 128`.
///
/// The region lies in the image, the rows in the new height.
pub(super) fn resize_into(
    planes: &mut Vec<f32>,
    image: &RgbImage,
    region: &PixelRect,
    [height, width]: [usize; 2],
    rows: Range<usize>,
) {
    const CHANNELS: usize = 3;
    let row_bytes = CHANNELS * image.width() as usize;
    let touched = CHANNELS * region.x.start..CHANNELS * region.x.end;
    let columns: Vec<Range<usize>> = (0..width)
        .map(|column| window(column, region.x.len(), width))
        .collect();
    let start = planes.len();
    let plane = rows.len() * width;
    planes.resize(start + CHANNELS * plane, 0.0);
    // Sums of columns of pixels, interleaved like the image.
    let mut sums = vec![0_u32; touched.len()];
    for (row_index, row) in rows.enumerate() {
        sums.fill(0);
        let window_y = window(row, region.y.len(), height);
        for y in window_y.clone() {
            let old = &image.as_raw()[(region.y.start + y) * row_bytes..][touched.clone()];
            for (sum, &value) in sums.iter_mut().zip(old) {
                *sum += u32::from(value);
            }
        }
        for (column, window_x) in columns.iter().enumerate() {
            let count = (window_x.len() * window_y.len()) as f32;
            for channel in 0..CHANNELS {
                let total: u64 = window_x
                    .clone()
                    .map(|x| u64::from(sums[CHANNELS * x + channel]))
                    .sum();
                planes[start + channel * plane + row_index * width + column] =
                    (total as f32 / count - 127.5) / 128.0;
            }
        }
    }
}

/// Old pixels that the new pixel `index` touches, when `old` pixels become `new`.
fn window(index: usize, old: usize, new: usize) -> Range<usize> {
    index * old / new..((index + 1) * old).div_ceil(new)
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn resized(image: &RgbImage, region: &PixelRect, size: [usize; 2]) -> Vec<f32> {
        let mut planes = Vec::new();
        resize_into(&mut planes, image, region, size, 0..size[0]);
        planes.iter().map(|v| v * 128.0 + 127.5).collect()
    }

    #[test]
    fn averages_what_a_pixel_touches() {
        let image = RgbImage::from_fn(5, 3, |x, y| {
            let v = (10 * x + 50 * y) as u8;
            Rgb([v, v + 1, v + 2])
        });
        let whole = PixelRect { x: 0..5, y: 0..3 };
        // Five columns become two: 0 to 2 and 2 to 4. Three rows become one.
        let expected = [60.0, 80.0, 61.0, 81.0, 62.0, 82.0];
        assert_eq!(resized(&image, &whole, [1, 2]), expected);
    }

    #[test]
    fn enlarges_and_crops() {
        let image = RgbImage::from_fn(4, 4, |x, y| Rgb([(x + 10 * y) as u8; 3]));
        let region = PixelRect { x: 1..3, y: 2..3 };
        let enlarged = resized(&image, &region, [2, 4]);
        assert_eq!(
            enlarged[..8],
            [21.0, 21.0, 22.0, 22.0, 21.0, 21.0, 22.0, 22.0]
        );
    }

    #[test]
    fn rows_are_those_of_the_whole() {
        let image = RgbImage::from_fn(31, 23, |x, y| Rgb([x as u8, y as u8, (x * y % 251) as u8]));
        let whole = PixelRect { x: 0..31, y: 0..23 };
        let (size, mut strip) = ([11, 7], Vec::new());
        resize_into(&mut strip, &image, &whole, size, 4..9);
        let mut all = Vec::new();
        resize_into(&mut all, &image, &whole, size, 0..11);
        for channel in 0..3 {
            let plane = &all[channel * 77..][4 * 7..9 * 7];
            assert_eq!(plane, &strip[channel * 35..][..35]);
        }
    }
}
