//! Pictures of three channels in f32, pixel by pixel: what the colour filters work on.

use image::RgbImage;

use crate::colour::oklab;
use crate::colour::srgb::linear_light;

use super::plane::{Plane, by_index};

/// A picture of three channels: row-major, of any range, at least one pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct Colours {
    width: usize,
    height: usize,
    pixels: Vec<[f32; 3]>,
}

impl Colours {
    /// A picture whose pixel `i`, counted row by row, is `colour(i)`.
    ///
    /// # Panics
    /// If there are no pixels.
    pub fn from_index(
        width: usize,
        height: usize,
        colour: impl Fn(usize) -> [f32; 3] + Sync,
    ) -> Self {
        assert!(
            width > 0 && height > 0,
            "a picture of {width} x {height} pixels is empty"
        );
        let pixels = by_index(width, height, [0.0; 3], colour);
        Self {
            width,
            height,
            pixels,
        }
    }

    /// An sRGB picture in OKLab.
    ///
    /// # Panics
    /// If the picture is empty.
    pub fn oklab(picture: &RgbImage) -> Self {
        let pixels = picture.as_raw().as_chunks().0;
        Self::oklab_of(picture.width() as usize, picture.height() as usize, |i| {
            pixels[i]
        })
    }

    /// In OKLab the picture whose pixel `i`, counted row by row, is `srgb(i)`.
    ///
    /// # Panics
    /// If there are no pixels.
    pub fn oklab_of(width: usize, height: usize, srgb: impl Fn(usize) -> [u8; 3] + Sync) -> Self {
        let linear: [f32; 256] = std::array::from_fn(|value| linear_light(value as f32 / 255.0));
        Self::from_index(width, height, |i| {
            oklab::from_linear(srgb(i).map(|value| linear[usize::from(value)]))
        })
    }

    /// This picture, which is in OKLab, in sRGB. Colours outside sRGB lose chroma, not their hue.
    pub fn to_srgb(&self) -> RgbImage {
        let bytes = by_index(self.width, self.height, [0; 3], |i| {
            oklab::to_srgb(self.pixels[i]).map(|v| (v.clamp(0.0, 1.0) * 255.0 + 0.5) as u8)
        });
        RgbImage::from_raw(self.width as u32, self.height as u32, bytes.concat())
            .expect("there are three bytes a pixel")
    }

    /// Three planes as one picture.
    ///
    /// # Panics
    /// If their sizes differ.
    pub fn from_planes(planes: [&Plane; 3]) -> Self {
        let [first, ..] = planes;
        let values = planes.map(Plane::values);
        assert!(values.iter().all(|v| v.len() == values[0].len()));
        Self::from_index(first.width(), first.height(), |i| values.map(|v| v[i]))
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All pixels, row by row.
    pub fn pixels(&self) -> &[[f32; 3]] {
        &self.pixels
    }

    /// One channel, 0 to 2.
    pub fn channel(&self, channel: usize) -> Plane {
        self.plane(|colour| colour[channel])
    }

    /// The pixels whose index `i`, counted row by row, is in the region.
    pub fn select(&self, region: impl Fn(usize) -> bool) -> Vec<[f32; 3]> {
        let pixels = self.pixels.iter().enumerate();
        pixels
            .filter(|(i, _)| region(*i))
            .map(|(_, colour)| *colour)
            .collect()
    }

    /// What `value` makes of each pixel.
    pub fn plane(&self, value: impl Fn([f32; 3]) -> f32 + Sync) -> Plane {
        Plane::from_index(self.width, self.height, |i| value(self.pixels[i]))
    }

    /// This picture with each pixel `i` replaced by `colour(i, pixel)`.
    pub fn map(&self, colour: impl Fn(usize, [f32; 3]) -> [f32; 3] + Sync) -> Self {
        Self::from_index(self.width, self.height, |i| colour(i, self.pixels[i]))
    }

    /// This picture with each channel filtered by `filter`.
    pub fn by_channel(&self, filter: impl Fn(&Plane) -> Plane) -> Self {
        let planes = [0, 1, 2].map(|c| filter(&self.channel(c)));
        Self::from_planes([&planes[0], &planes[1], &planes[2]])
    }

    /// This picture with each pixel's channels moved towards those of `other` by the share
    /// `share(i)`, from 0 (unmoved) to 1.
    pub fn blend(&self, other: &Self, share: impl Fn(usize) -> f32 + Sync) -> Self {
        self.map(|i, colour| {
            let (to, share) = (other.pixels[i], share(i));
            std::array::from_fn(|c| colour[c] + share * (to[c] - colour[c]))
        })
    }

    /// The colour at the fractional place (`x`, `y`), between the four pixels around it; beyond the
    /// border, that of the border.
    pub fn sample(&self, x: f32, y: f32) -> [f32; 3] {
        let (x, y) = (
            x.clamp(0.0, (self.width - 1) as f32),
            y.clamp(0.0, (self.height - 1) as f32),
        );
        let (left, top) = (x as usize, y as usize);
        let (dx, dy) = (x - left as f32, y - top as f32);
        let right = (left + 1).min(self.width - 1);
        let (upper, lower) = (
            top * self.width,
            (top + 1).min(self.height - 1) * self.width,
        );
        let [a, b, c, d] = [upper + left, upper + right, lower + left, lower + right]
            .map(|place| self.pixels[place]);
        std::array::from_fn(|i| {
            let above = a[i] + dx * (b[i] - a[i]);
            let below = c[i] + dx * (d[i] - c[i]);
            above + dy * (below - above)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_survives_oklab_and_back() {
        let picture = RgbImage::from_fn(16, 16, |x, y| {
            image::Rgb([(x * 17) as u8, (y * 17) as u8, ((x + y) * 8) as u8])
        });
        let back = Colours::oklab(&picture).to_srgb();
        let largest = picture
            .as_raw()
            .iter()
            .zip(back.as_raw())
            .map(|(a, b)| a.abs_diff(*b))
            .max();
        assert!(largest <= Some(1), "{largest:?}");
    }

    #[test]
    fn samples_between_pixels_and_beyond_the_border() {
        let slope = Colours::from_index(4, 3, |i| [(i % 4) as f32, (i / 4) as f32, 1.0]);
        let close = |a: [f32; 3], b: [f32; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(close(slope.sample(1.25, 0.5), [1.25, 0.5, 1.0]));
        assert!(close(slope.sample(-3.0, 9.0), [0.0, 2.0, 1.0]));
    }

    #[test]
    fn blending_goes_from_one_picture_to_the_other() {
        let (a, b) = (
            Colours::from_index(2, 2, |_| [0.0; 3]),
            Colours::from_index(2, 2, |_| [1.0, 2.0, 4.0]),
        );
        let mixed = a.blend(&b, |i| i as f32 / 4.0);
        assert_eq!(mixed.pixels()[0], [0.0; 3]);
        assert_eq!(mixed.pixels()[2], [0.5, 1.0, 2.0]);
    }
}
