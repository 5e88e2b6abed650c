//! The network's view of a picture: three float planes with values in [-1, 1], and guide planes if it is
//! given some.

use super::white::value_over_white;
use super::{Photo, check_length, pixel_count, zeros};
use crate::error::{Error, Result};

/// Shortest side in pixels that most networks run at, see
/// [`crate::model::GeneratorConfig::min_side_px`].
pub const MIN_SIDE_PX: usize = 16;

/// An RGB picture as planes: `[3, height, width]`, row by row, values in [-1, 1]; behind them may be guide
/// planes of the same size, which tell a network more.
#[derive(Clone, Debug, PartialEq)]
pub struct Planes {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Planes {
    /// Wraps values in `[3, height, width]` order.
    ///
    /// # Errors
    /// [`Error::ArgumentInvalid`] if a side is zero or the number of values is not
    /// `3 * height * width`; [`Error::PhotoTooLarge`] above [`super::MAX_MEGAPIXELS`].
    pub fn new(width: usize, height: usize, values: Vec<f32>) -> Result<Self> {
        check_length(values.len(), 3, [width, height], ["values", "RGB planes"])?;
        Ok(Self {
            width,
            height,
            values,
        })
    }

    /// These planes with `guides` behind them, `[guides, height, width]`.
    ///
    /// # Errors
    /// [`Error::ArgumentInvalid`] if those are no whole planes.
    pub fn with_guides(mut self, guides: &[f32]) -> Result<Self> {
        let area = self.width * self.height;
        if !guides.len().is_multiple_of(area) {
            return Err(Error::ArgumentInvalid(format!(
                "{} values of guide planes, expected a multiple of {} x {}",
                guides.len(),
                self.width,
                self.height
            )));
        }
        self.values.extend_from_slice(guides);
        Ok(self)
    }

    /// Planes of a middle gray.
    ///
    /// # Errors
    /// As [`Planes::new`], and [`Error::Memory`] if there is too little.
    pub fn gray(width: usize, height: usize) -> Result<Self> {
        let values = zeros(3 * pixel_count(width, height)?)?;
        Self::new(width, height, values)
    }

    /// The photo over a white ground. Sides below [`MIN_SIDE_PX`] are extended by repeating the last
    /// row or column; [`Planes::to_photo`] cuts them off again.
    ///
    /// # Errors
    /// [`Error::PhotoTooLarge`] if what was extended has more than [`super::MAX_MEGAPIXELS`],
    /// [`Error::Memory`] if there is too little.
    pub fn from_photo(photo: &Photo) -> Result<Self> {
        Self::extended(photo, MIN_SIDE_PX)
    }

    /// [`Planes::from_photo`] for a network that needs sides of `min_side_px`.
    ///
    /// # Errors
    /// Those of [`Planes::from_photo`].
    pub fn extended(photo: &Photo, min_side_px: usize) -> Result<Self> {
        let [width, height] = [photo.width(), photo.height()].map(|side| side.max(min_side_px));
        let area = pixel_count(width, height)?;
        let mut values = zeros(3 * area)?;
        let (red, rest) = values.split_at_mut(area);
        let (green, blue) = rest.split_at_mut(area);
        for y in 0..height {
            let first = y.min(photo.height() - 1) * photo.width() * 4;
            let rgba = &photo.rgba()[first..][..photo.width() * 4];
            let rows =
                [&mut *red, &mut *green, &mut *blue].map(|plane| &mut plane[y * width..][..width]);
            over_white(rgba, rows);
        }
        Ok(Self {
            width,
            height,
            values,
        })
    }

    /// The picture as 8-bit pixels, cut to the size of `photo`, whose alpha and memory it takes.
    ///
    /// # Errors
    /// [`Error::ArgumentInvalid`] if these planes are smaller than `photo`.
    pub fn to_photo(&self, photo: Photo) -> Result<Photo> {
        let (width, height) = (photo.width(), photo.height());
        if self.width < width || self.height < height {
            return Err(Error::ArgumentInvalid(format!(
                "planes of {} x {} for a photo of {width} x {height}",
                self.width, self.height
            )));
        }
        let area = self.width * self.height;
        let mut rgba = photo.into_rgba();
        for (y, row) in rgba.chunks_exact_mut(width * 4).enumerate() {
            let first = y * self.width;
            let planes = [0, 1, 2].map(|c| &self.values[c * area + first..][..width]);
            set_colours(planes, row);
        }
        Photo::new(width, height, rgba)
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Number of planes, guides among them.
    pub fn count(&self) -> usize {
        self.values.len() / (self.width * self.height)
    }

    /// The values, `[count, height, width]`.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Largest absolute difference to `other`, over values that both have; infinite if any is
    /// not finite or the sizes differ.
    pub fn max_abs_difference(&self, other: &Planes) -> f32 {
        if (self.width, self.height) != (other.width, other.height) {
            return f32::INFINITY;
        }
        max_abs_difference(&self.values, &other.values)
    }
}

/// A row of RGBA pixels over a white ground, in [-1, 1]. Longer planes repeat the last pixel.
pub(crate) fn over_white(rgba: &[u8], planes: [&mut [f32]; 3]) {
    let width = rgba.len() / 4;
    for (channel, plane) in planes.into_iter().enumerate() {
        let (pixels, beyond) = plane.split_at_mut(width);
        for (value, pixel) in pixels.iter_mut().zip(rgba.chunks_exact(4)) {
            *value = value_over_white(pixel[channel], pixel[3]) / 127.5 - 1.0;
        }
        beyond.fill(pixels[width - 1]);
    }
}

/// Sets the colours of a row of RGBA pixels from values in [-1, 1]; their alpha stays.
pub(crate) fn set_colours(planes: [&[f32]; 3], rgba: &mut [u8]) {
    for (channel, plane) in planes.into_iter().enumerate() {
        for (pixel, value) in rgba.chunks_exact_mut(4).zip(plane) {
            // The cast saturates, and turns NaN into 0.
            pixel[channel] = ((value + 1.0) * 127.5).round() as u8;
        }
    }
}

/// Largest absolute difference of two slices of one length; infinite if any is not finite.
pub fn max_abs_difference(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(0.0, |worst: f32, (a, b)| {
        let difference = (a - b).abs();
        if difference.is_finite() {
            worst.max(difference)
        } else {
            f32::INFINITY
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_is_exact_for_opaque_pixels() {
        let rgba: Vec<u8> = (0..20 * 17 * 4)
            .map(|i| if i % 4 == 3 { 255 } else { (i * 7 % 256) as u8 })
            .collect();
        let photo = Photo::new(20, 17, rgba).unwrap();
        assert_eq!(
            Planes::from_photo(&photo)
                .unwrap()
                .to_photo(photo.clone())
                .unwrap(),
            photo
        );
    }

    #[test]
    fn tiny_photos_are_extended_and_cut_again() {
        let photo = Photo::new(1, 1, vec![10, 20, 30, 255]).unwrap();
        let planes = Planes::from_photo(&photo).unwrap();
        assert_eq!((planes.width(), planes.height()), (16, 16));
        assert_eq!(planes.to_photo(photo.clone()).unwrap(), photo);
        let planes = Planes::extended(&photo, 25).unwrap();
        assert_eq!((planes.width(), planes.height()), (25, 25));
        assert_eq!(planes.to_photo(photo.clone()).unwrap(), photo);
    }

    #[test]
    fn guides_lie_behind_the_colours() {
        let planes = Planes::gray(4, 2).unwrap();
        assert_eq!(planes.count(), 3);
        let guided = planes.clone().with_guides(&[0.5; 16]).unwrap();
        assert_eq!((guided.count(), guided.values().len()), (5, 40));
        assert_eq!(guided.values()[24..], [0.5; 16]);
        let error = planes.with_guides(&[0.5; 9]).unwrap_err();
        assert_eq!(error.code(), "argument-invalid");
        assert!(error.to_string().contains("multiple of 4 x 2"), "{error}");
    }

    #[test]
    fn transparency_is_seen_as_white_and_kept() {
        let photo = Photo::new(16, 16, [10, 20, 30, 0].repeat(256)).unwrap();
        let planes = Planes::from_photo(&photo).unwrap();
        assert!(planes.values().iter().all(|&v| v == 1.0));
        assert!(
            planes
                .to_photo(photo)
                .unwrap()
                .rgba()
                .chunks_exact(4)
                .all(|p| p == [255, 255, 255, 0])
        );
    }

    #[test]
    fn difference_notices_what_is_not_finite() {
        assert_eq!(max_abs_difference(&[0.0, 1.0], &[0.5, 1.0]), 0.5);
        assert_eq!(max_abs_difference(&[f32::NAN], &[0.0]), f32::INFINITY);
    }
}
