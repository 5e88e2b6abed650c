//! Pictures of one channel in f32, and the linear and rank filters on them.
//!
//! Kernels and borders are OpenCV's, so that results compare with those of Python scripts.

use crate::error::{Error, Result};
use crate::imaging::for_each_row;

/// Largest standard deviation of [`Plane::gaussian_blur`] in pixels.
const MAX_SIGMA_PX: f32 = 256.0;

/// What stands for the pixels beyond the picture's border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// Mirrored about the outermost pixel, which is not repeated: `cb|abc|ba`.
    Reflect101,
    /// The outermost pixel repeated: `aa|abc|cc`.
    Replicate,
}

impl Border {
    /// The index within `0..length` that stands for `index`. `length` is at least 1.
    pub fn resolve(self, index: isize, length: usize) -> usize {
        let last = length as isize - 1;
        let inside = match self {
            Self::Reflect101 if last == 0 => 0,
            Self::Reflect101 => {
                let phase = index.rem_euclid(2 * last);
                phase.min(2 * last - phase)
            }
            Self::Replicate => index.clamp(0, last),
        };
        inside as usize
    }

    /// `row` with `radius` values more at either end.
    pub fn padded(self, row: &[f32], radius: usize) -> Vec<f32> {
        let (radius, length) = (radius as isize, row.len());
        let before = (-radius..0).map(|index| row[self.resolve(index, length)]);
        let after = (0..radius).map(|beyond| row[self.resolve(length as isize + beyond, length)]);
        before.chain(row.iter().copied()).chain(after).collect()
    }
}

/// A picture of one channel: row-major f32 of any range, at least one pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Plane {
    /// A plane of `width * height` values, row by row.
    ///
    /// # Errors
    /// If there are no pixels, or not as many values as pixels.
    pub fn new(width: usize, height: usize, values: Vec<f32>) -> Result<Self> {
        if width == 0 || height == 0 || width.checked_mul(height) != Some(values.len()) {
            return Err(Error::ArgumentInvalid(format!(
                "a plane of {width} x {height} pixels got {} values",
                values.len()
            )));
        }
        Ok(Self {
            width,
            height,
            values,
        })
    }

    /// A plane whose value at pixel `i`, counted row by row, is `value(i)`.
    ///
    /// # Panics
    /// If there are no pixels.
    pub fn from_index(width: usize, height: usize, value: impl Fn(usize) -> f32 + Sync) -> Self {
        assert!(
            width > 0 && height > 0,
            "a plane of {width} x {height} pixels is empty"
        );
        let values = by_index(width, height, 0.0, value);
        Self {
            width,
            height,
            values,
        }
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All values, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The values of row `y`, counted from 0 at the top.
    ///
    /// # Panics
    /// If `y` is not below the height.
    pub fn row(&self, y: usize) -> &[f32] {
        &self.values[y * self.width..][..self.width]
    }

    /// The value at a place between pixels, the first of which is at 0, 0: bilinear; beyond the
    /// border, that of the border.
    pub fn sample(&self, x: f32, y: f32) -> f32 {
        let x = x.clamp(0.0, (self.width - 1) as f32);
        let y = y.clamp(0.0, (self.height - 1) as f32);
        let (left, top) = (x as usize, y as usize);
        let right = (left + 1).min(self.width - 1);
        let (above, below) = (self.row(top), self.row((top + 1).min(self.height - 1)));
        let (fx, fy) = (x - left as f32, y - top as f32);
        let upper = above[left] + fx * (above[right] - above[left]);
        let lower = below[left] + fx * (below[right] - below[left]);
        upper + fy * (lower - upper)
    }

    /// Mean of all values.
    pub fn mean(&self) -> f64 {
        self.values.iter().map(|v| f64::from(*v)).sum::<f64>() / self.values.len() as f64
    }

    /// Applies `f` to each value.
    pub fn map(&self, f: impl Fn(f32) -> f32 + Sync) -> Self {
        self.by_row(|y, row| {
            for (value, old) in row.iter_mut().zip(self.row(y)) {
                *value = f(*old);
            }
        })
    }

    /// Applies `f` to each value of this plane and the one of `other` at the same place.
    ///
    /// # Errors
    /// If the sizes differ.
    pub fn zip_map(&self, other: &Self, f: impl Fn(f32, f32) -> f32 + Sync) -> Result<Self> {
        if (self.width, self.height) != (other.width, other.height) {
            return Err(Error::ArgumentInvalid(format!(
                "a plane of {} x {} pixels does not go with one of {} x {}",
                self.width, self.height, other.width, other.height
            )));
        }
        Ok(self.by_row(|y, row| {
            for ((value, a), b) in row.iter_mut().zip(self.row(y)).zip(other.row(y)) {
                *value = f(*a, *b);
            }
        }))
    }

    /// Gaussian blur with the standard deviation `sigma` in pixels. The kernel has
    /// round(8σ + 1) taps (one more if that is even) and the border is [`Border::Reflect101`], as
    /// in OpenCV for floats and an automatic kernel size.
    ///
    /// # Errors
    /// If `sigma` is not in (0, 256].
    pub fn gaussian_blur(&self, sigma: f32) -> Result<Self> {
        if !(sigma > 0.0 && sigma <= MAX_SIGMA_PX) {
            return Err(Error::ArgumentInvalid(format!(
                "a blur of sigma {sigma} pixels is outside (0, {MAX_SIGMA_PX}]"
            )));
        }
        let radius = (8.0 * f64::from(sigma) + 1.0).round_ties_even() as usize / 2;
        let weights = half_gaussian(sigma, radius);
        let vertical = self.by_row(|y, row| {
            for (sum, centre) in row.iter_mut().zip(self.row(y)) {
                *sum = weights[0] * centre;
            }
            for (distance, weight) in weights.iter().enumerate().skip(1) {
                let above = self.row_near(y, -(distance as isize), Border::Reflect101);
                let below = self.row_near(y, distance as isize, Border::Reflect101);
                add_weighted(row, *weight, above, below);
            }
        });
        Ok(vertical.by_row(|y, row| {
            let padded = Border::Reflect101.padded(vertical.row(y), radius);
            for (sum, centre) in row.iter_mut().zip(&padded[radius..]) {
                *sum = weights[0] * centre;
            }
            for (distance, weight) in weights.iter().enumerate().skip(1) {
                let (left, right) = (&padded[radius - distance..], &padded[radius + distance..]);
                add_weighted(row, *weight, left, right);
            }
        }))
    }

    /// Derivatives in x and in y by the 3 x 3 Sobel operator, unscaled: a slope of 1 per pixel
    /// gives 8.
    pub fn sobel(&self, border: Border) -> (Self, Self) {
        let in_x = self.by_row(|y, row| {
            let (above, below) = (self.row_near(y, -1, border), self.row_near(y, 1, border));
            let smooth = smooth_3(above, self.row(y), below);
            let padded = border.padded(&smooth, 1);
            for (value, near) in row.iter_mut().zip(padded.windows(3)) {
                *value = near[2] - near[0];
            }
        });
        let in_y = self.by_row(|y, row| {
            let (above, below) = (self.row_near(y, -1, border), self.row_near(y, 1, border));
            let step: Vec<f32> = below.iter().zip(above).map(|(b, a)| b - a).collect();
            let padded = border.padded(&step, 1);
            for (value, near) in row.iter_mut().zip(padded.windows(3)) {
                *value = near[0] + 2.0 * near[1] + near[2];
            }
        });
        (in_x, in_y)
    }

    /// Length of the gradient in value per pixel: the Euclidean norm of [`Plane::sobel`] with
    /// [`Border::Reflect101`], divided by 8.
    pub fn gradient(&self) -> Self {
        let (in_x, in_y) = self.sobel(Border::Reflect101);
        Self::from_index(self.width, self.height, |i| {
            let (x, y) = (in_x.values[i], in_y.values[i]);
            (x * x + y * y).sqrt() / 8.0
        })
    }

    /// Largest value within `radius` pixels in x and in y: dilation by a square of side
    /// `2 * radius + 1`. Nothing beyond the border counts.
    pub fn dilate(&self, radius: usize) -> Self {
        let vertical = self.by_row(|y, row| {
            row.copy_from_slice(self.row(y));
            let last = y.saturating_add(radius).min(self.height - 1);
            for near in y.saturating_sub(radius)..=last {
                take_larger(row, self.row(near));
            }
        });
        let radius = radius.min(self.width - 1);
        vertical.by_row(|y, row| {
            let source = vertical.row(y);
            row.copy_from_slice(source);
            for distance in 1..=radius {
                take_larger(row, &source[distance..]);
                take_larger(&mut row[distance..], source);
            }
        })
    }

    /// A plane of this one's size, each row written by `write(y, row)`; rows start as zeros.
    pub fn by_row(&self, write: impl Fn(usize, &mut [f32]) + Sync) -> Self {
        let mut values = vec![0.0; self.values.len()];
        for_each_row(&mut values, self.width, |(y, row)| write(y, row));
        Self { values, ..*self }
    }

    /// The row `offset` rows below row `y`.
    fn row_near(&self, y: usize, offset: isize, border: Border) -> &[f32] {
        self.row(border.resolve(y as isize + offset, self.height))
    }
}

/// `width * height` items, of which item `i` is `item(i)`, made on all threads. `blank` is any item.
pub fn by_index<T: Copy + Send>(
    width: usize,
    height: usize,
    blank: T,
    item: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let mut items = vec![blank; width * height];
    for_each_row(&mut items, width, |(y, row)| {
        for (x, to) in row.iter_mut().enumerate() {
            *to = item(y * width + x);
        }
    });
    items
}

/// Weights of a Gaussian kernel of standard deviation `sigma` from its centre outwards to `radius`,
/// `radius + 1` of them, the whole kernel adding up to 1.
pub fn half_gaussian(sigma: f32, radius: usize) -> Vec<f32> {
    let sigma = f64::from(sigma);
    let weights: Vec<f64> = (0..=radius)
        .map(|distance| (-0.5 * (distance as f64 / sigma).powi(2)).exp())
        .collect();
    let sum = 2.0 * weights.iter().sum::<f64>() - weights[0];
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

/// Adds `weight * (a + b)` to `sum`, as far as `sum` reaches.
fn add_weighted(sum: &mut [f32], weight: f32, a: &[f32], b: &[f32]) {
    for ((sum, a), b) in sum.iter_mut().zip(a).zip(b) {
        *sum += weight * (a + b);
    }
}

/// The weighted sum 1, 2, 1 of three rows.
fn smooth_3(above: &[f32], centre: &[f32], below: &[f32]) -> Vec<f32> {
    above
        .iter()
        .zip(centre)
        .zip(below)
        .map(|((a, c), b)| a + 2.0 * c + b)
        .collect()
}

/// Raises values of `row` to those of `other`, as far as both reach.
fn take_larger(row: &mut [f32], other: &[f32]) {
    for (value, other) in row.iter_mut().zip(other) {
        *value = value.max(*other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plane with `f(x, y)` at each place.
    fn plane_of(width: usize, height: usize, f: impl Fn(usize, usize) -> f32) -> Plane {
        let values = (0..width * height).map(|i| f(i % width, i / width));
        Plane::new(width, height, values.collect()).expect("the size is right")
    }

    #[test]
    fn borders_resolve_as_documented() {
        let along = |border: Border| -> Vec<usize> {
            (-3..6).map(|index| border.resolve(index, 3)).collect()
        };
        assert_eq!(along(Border::Reflect101), [1, 2, 1, 0, 1, 2, 1, 0, 1]);
        assert_eq!(along(Border::Replicate), [0, 0, 0, 0, 1, 2, 2, 2, 2]);
        assert_eq!(Border::Reflect101.resolve(-7, 1), 0);
    }

    #[test]
    fn wrong_sizes_are_refused() {
        let error = Plane::new(2, 2, vec![0.0; 3]).expect_err("a value is missing");
        assert!(error.to_string().contains("got 3 values"), "{error}");
        assert!(Plane::new(0, 2, Vec::new()).is_err());
        let (a, b) = (plane_of(2, 3, |_, _| 0.0), plane_of(3, 2, |_, _| 0.0));
        assert!(a.zip_map(&b, |a, b| a + b).is_err());
    }

    #[test]
    fn samples_between_pixels_and_beyond_the_border() {
        let slope = plane_of(4, 3, |x, y| x as f32 + 10.0 * y as f32);
        assert_eq!(slope.sample(1.25, 0.5), 6.25);
        assert_eq!(slope.sample(-3.0, 9.0), 20.0);
        assert_eq!(slope.sample(7.0, 1.0), 13.0);
    }

    #[test]
    fn samples_between_pixels() {
        let slope = plane_of(3, 2, |x, y| (10 * x + 4 * y) as f32);
        for (x, y, expected) in [
            (0.0, 0.0, 0.0),
            (1.25, 0.5, 14.5),
            (2.0, 1.0, 24.0),
            (-3.0, 9.0, 4.0),
        ] {
            assert_eq!(slope.sample(x, y), expected, "{x}, {y}");
        }
    }

    #[test]
    fn gaussian_blur_keeps_slopes_and_spreads_a_point() -> Result<()> {
        let slope = plane_of(40, 30, |x, y| (2 * x + 3 * y) as f32);
        let blurred = slope.gaussian_blur(2.0)?;
        assert!((blurred.row(15)[20] - slope.row(15)[20]).abs() < 1e-3);

        let point = plane_of(31, 31, |x, y| if (x, y) == (15, 15) { 1.0 } else { 0.0 });
        let blurred = point.gaussian_blur(2.0)?;
        assert!((blurred.values().iter().sum::<f32>() - 1.0).abs() < 1e-5);
        let ratio = blurred.row(15)[18] / blurred.row(15)[15];
        assert!((ratio - (-9.0f32 / 8.0).exp()).abs() < 1e-5);
        // 17 taps: 8 pixels either side and no more.
        assert!(blurred.row(15)[23] > 0.0 && blurred.row(15)[24] == 0.0);
        Ok(())
    }

    #[test]
    fn gaussian_blur_takes_pictures_smaller_than_its_kernel() -> Result<()> {
        let tiny = plane_of(3, 1, |x, _| x as f32);
        let blurred = tiny.gaussian_blur(12.0)?;
        assert!(blurred.values().iter().all(|v| (v - 1.0).abs() < 0.01));
        for sigma in [0.0, -1.0, f32::NAN, 1000.0] {
            assert!(tiny.gaussian_blur(sigma).is_err(), "{sigma}");
        }
        Ok(())
    }

    #[test]
    fn sobel_of_a_slope() {
        let slope = plane_of(6, 5, |x, y| 2.0 * x as f32 - 3.0 * y as f32);
        let (in_x, in_y) = slope.sobel(Border::Reflect101);
        assert_eq!((in_x.row(2)[3], in_y.row(2)[3]), (16.0, -24.0));
        // Mirrored at the border, the derivative across it vanishes; repeated, it is halved.
        assert_eq!((in_x.row(2)[0], in_y.row(0)[3]), (0.0, 0.0));
        let (in_x, in_y) = slope.sobel(Border::Replicate);
        assert_eq!((in_x.row(2)[0], in_y.row(0)[3]), (8.0, -12.0));
        assert_eq!(slope.gradient().row(2)[3], 13.0f32.sqrt());
    }

    #[test]
    fn dilation_grows_a_point_to_a_square() {
        let point = plane_of(7, 6, |x, y| if (x, y) == (1, 3) { 5.0 } else { -1.0 });
        let grown = point.dilate(2);
        for y in 0..6 {
            for x in 0..7 {
                let near = x <= 3 && (1..=5).contains(&y);
                assert_eq!(grown.row(y)[x], if near { 5.0 } else { -1.0 }, "{x}, {y}");
            }
        }
        assert_eq!(point.dilate(0), point);
        assert!(point.dilate(usize::MAX).values().iter().all(|v| *v == 5.0));
    }
}
