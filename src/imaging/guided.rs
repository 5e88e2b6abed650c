//! A drawing of a small copy of a photo, enlarged along the photo's own edges: the guided filter of He
//! and Sun ("Fast Guided Filter", 2015, arXiv:1505.00996), of three channels by three.
//!
//! Around each pixel the drawing is taken for an affine function of the photo's colours. Where the
//! drawing is flat, though the photo is not, that function is a constant, and the photo's texture
//! stays away; along an edge that both have, it carries the photo's sharpness into the picture.

use super::Photo;
use super::separable::box_means;
use super::white::colour_over_white;
use super::{for_each_row, shrunk, zeros};
use crate::error::{Error, Result};
use crate::geometry::{BilinearTap, bilinear_taps};

/// How a function is fitted.
#[derive(Clone, Copy)]
struct Fit {
    /// Pixels on each side of the one in the middle of the square in which it is.
    radius: usize,
    /// Variance of a channel in [0, 1] below which its changes have little weight.
    epsilon: f32,
    /// What the function is where there are no changes: this factor of each channel.
    slope: f32,
}

/// For drawings that are enlarged: the photo's texture is not followed.
const ENLARGED: Fit = Fit {
    radius: 2,
    epsilon: 1e-3,
    slope: 0.0,
};
/// For drawings that get other colours: their own texture stays.
const RECOLOURED: Fit = Fit {
    radius: 4,
    epsilon: 2e-3,
    slope: 1.0,
};

/// Means for the fit: of photo and drawing, and of the photo's products with itself and the drawing.
const MOMENTS: usize = 3 + 3 + 6 + 9;

/// An affine function of three channels: a constant, and factors of red, green and blue, each for
/// the three channels of the result and one more, which makes them four lanes.
type Affine = [f32; 16];

/// Bytes at a time while a drawing of so many pixels is enlarged, besides pictures.
pub(crate) fn enlarging_bytes(pixels: u64) -> u64 {
    let [moments, affine] = [size_of::<[f32; MOMENTS]>(), size_of::<Affine>()];
    (moments + affine) as u64 * pixels
}

/// The drawing of a photo in the photo's size, memory and alpha: `drawn` is what was drawn of `small`, a
/// copy of `photo` in its size.
///
/// # Errors
/// [`Error::ArgumentInvalid`] if `small` and `drawn` differ in size; [`Error::Memory`] if there is too
/// little.
pub fn enlarge_along(mut photo: Photo, small: &Photo, drawn: &Photo) -> Result<Photo> {
    let [width, height] = [small.width(), small.height()];
    if [drawn.width(), drawn.height()] != [width, height] {
        return Err(Error::ArgumentInvalid(format!(
            "a drawing of {} x {} pixels of a photo of {width} x {height}",
            drawn.width(),
            drawn.height()
        )));
    }
    let functions = fit(small, drawn, ENLARGED)?;
    apply(&functions, [width, height], &mut photo);
    Ok(photo)
}

/// Gives a drawing the broad colours of `wanted`, a smaller picture of the same; what is finer stays the drawing's, and so does
/// alpha.
///
/// # Errors
/// [`Error::Memory`] if there is too little.
pub(crate) fn recolour(drawing: &mut Photo, wanted: &Photo) -> Result<()> {
    let size = [wanted.width(), wanted.height()];
    let small = shrunk(drawing, size)?;
    let functions = fit(&small, wanted, RECOLOURED)?;
    apply(&functions, size, drawing);
    Ok(())
}

/// Applies the functions of a small copy of `size` to a picture.
fn apply(functions: &[Affine], [width, height]: [usize; 2], picture: &mut Photo) {
    let [full_width, full_height] = [picture.width(), picture.height()];
    let columns: Vec<BilinearTap> = bilinear_taps(width, full_width, false).collect();
    let rows: Vec<BilinearTap> = bilinear_taps(height, full_height, false).collect();
    for_each_row(picture.pixels_mut(), full_width, |(y, row)| {
        let tap = rows[y];
        let [above, below] = [tap.low, tap.high].map(|y| &functions[y * width..][..width]);
        let pairs = above.iter().zip(below);
        let between: Vec<Affine> = pairs.map(|(a, b)| mixed(a, b, tap.weight)).collect();
        for (pixel, tap) in row.iter_mut().zip(&columns) {
            let function = mixed(&between[tap.low], &between[tap.high], tap.weight);
            let [r, g, b] = colour_over_white(*pixel);
            for c in 0..3 {
                let factors = r * function[4 + c] + g * function[8 + c] + b * function[12 + c];
                let value = function[c] + factors;
                pixel[c] = (255.0 * value + 0.5) as u8;
            }
        }
    });
}

/// Between two functions.
fn mixed(a: &Affine, b: &Affine, share: f32) -> Affine {
    std::array::from_fn(|i| a[i] + share * (b[i] - a[i]))
}

/// The function from the photo's colours to the drawing's around each pixel, smoothed.
fn fit(photo: &Photo, drawn: &Photo, how: Fit) -> Result<Vec<Affine>> {
    let size = [photo.width(), photo.height()];
    let mut moments = zeros::<[f32; MOMENTS]>(size[0] * size[1])?;
    let pixels = photo.pixels().iter().zip(drawn.pixels());
    for (moments, (photo, drawn)) in moments.iter_mut().zip(pixels) {
        let (p, t) = (colour_over_white(*photo), colour_over_white(*drawn));
        let products = PAIRS.map(|[i, j]| p[i] * p[j]);
        moments[..3].copy_from_slice(&p);
        moments[3..6].copy_from_slice(&t);
        moments[6..12].copy_from_slice(&products);
        for (i, value) in moments[12..].iter_mut().enumerate() {
            *value = p[i / 3] * t[i % 3];
        }
    }
    box_means(&mut moments, size, how.radius);
    let mut functions = zeros::<Affine>(moments.len())?;
    for (function, moments) in functions.iter_mut().zip(&moments) {
        *function = solve(moments, how);
    }
    drop(moments);
    box_means(&mut functions, size, how.radius);
    Ok(functions)
}

/// The photo's channels whose products [`fit`] needs: a symmetric matrix.
const PAIRS: [[usize; 2]; 6] = [[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]];

/// The [`Affine`] that fits means best, by the inverse of the photo's covariance.
fn solve(moments: &[f32; MOMENTS], how: Fit) -> Affine {
    let Fit { epsilon, slope, .. } = how;
    let (p, t) = (&moments[..3], &moments[3..6]);
    let mut s = [0.0; 6];
    for ((s, [i, j]), product) in s.iter_mut().zip(PAIRS).zip(&moments[6..12]) {
        *s = product - p[i] * p[j] + if i == j { epsilon } else { 0.0 };
    }
    let [rr, rg, rb, gg, gb, bb] = s;
    // Cofactors of the symmetric matrix, and its determinant, which epsilon keeps above zero.
    let cofactors = [
        gg * bb - gb * gb,
        rb * gb - rg * bb,
        rg * gb - rb * gg,
        rr * bb - rb * rb,
        rg * rb - rr * gb,
        rr * gg - rg * rg,
    ];
    let determinant = rr * cofactors[0] + rg * cofactors[1] + rb * cofactors[2];
    let scale = 1.0 / determinant.max(epsilon * epsilon * epsilon);
    let [a, b, c, d, e, f] = cofactors.map(|cofactor| cofactor * scale);
    let mut function = Affine::default();
    for channel in 0..3 {
        let with = |i: usize| {
            let own = if i == channel { slope * epsilon } else { 0.0 };
            moments[12 + 3 * i + channel] - p[i] * t[channel] + own
        };
        let (r, g, bl) = (with(0), with(1), with(2));
        let factors = [
            a * r + b * g + c * bl,
            b * r + d * g + e * bl,
            c * r + e * g + f * bl,
        ];
        function[channel] = t[channel] - (0..3).map(|i| factors[i] * p[i]).sum::<f32>();
        for (i, factor) in factors.into_iter().enumerate() {
            function[4 * (i + 1) + channel] = factor;
        }
    }
    function
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{fit_long_side, worst_difference};

    fn picture(width: usize, height: usize, pixel: impl Fn(usize, usize) -> [u8; 4]) -> Photo {
        let pixels = (0..width * height).flat_map(|i| pixel(i % width, i / width));
        Photo::new(width, height, pixels.collect()).unwrap()
    }

    /// Two areas with a border that is no multiple of the step between the sizes, under noise.
    fn two_areas(noise: usize) -> Photo {
        picture(96, 64, |x, y| {
            let noise = (x * 31 + y * 17 + x * y) % (noise + 1);
            let base = if x < 41 { 60 } else { 180 };
            [base + noise as u8, base, 90, 255]
        })
    }

    #[test]
    fn a_curve_of_the_colours_is_carried_over() {
        let photo = two_areas(0);
        let small = fit_long_side(photo.clone(), 32).unwrap();
        let curve = |photo: &Photo| {
            picture(photo.width(), photo.height(), |x, y| {
                let [r, g, b, a] = photo.pixels()[y * photo.width() + x];
                [255 - r, g / 2 + 40, b + 20, a]
            })
        };
        let enlarged = enlarge_along(photo.clone(), &small, &curve(&small)).unwrap();
        assert!(worst_difference(&enlarged, &curve(&photo)) <= 6);
    }

    #[test]
    fn borders_stay_sharp_and_texture_stays_away() {
        let photo = two_areas(24);
        let small = fit_long_side(photo.clone(), 32).unwrap();
        let flat = fit_long_side(two_areas(0), 32).unwrap();
        let enlarged = enlarge_along(photo, &small, &flat).unwrap();
        let red = |x: usize, y: usize| f32::from(enlarged.pixels()[y * 96 + x][0]);
        let spread = |columns: std::ops::Range<usize>| {
            let values = columns.map(|x| red(x, 30));
            let (low, high) = values.fold((f32::MAX, f32::MIN), |(low, high), v| {
                (low.min(v), high.max(v))
            });
            high - low
        };
        assert!(spread(8..36) < 10.0, "{}", spread(8..36));
        assert!(red(42, 30) - red(39, 30) > 85.0);
    }

    #[test]
    fn other_colours_leave_a_drawing_its_texture() {
        let mut drawing = two_areas(24);
        let before = drawing.clone();
        let shift = |[r, g, b, a]: [u8; 4]| [r + 30, g, b - 60, a];
        let small = fit_long_side(two_areas(0), 32).unwrap();
        let wanted = picture(small.width(), small.height(), |x, y| {
            shift(small.pixels()[y * small.width() + x])
        });
        recolour(&mut drawing, &wanted).unwrap();
        let mut furthest = 0.0_f32;
        for (before, after) in before.pixels().iter().zip(drawing.pixels()) {
            let expected = shift(*before);
            let apart = |c: usize| f32::from(after[c].abs_diff(expected[c]));
            furthest = furthest.max(apart(0)).max(apart(1)).max(apart(2));
            assert_eq!(after[3], before[3]);
        }
        // The texture is 24 in red, whose mean the wanted colours lack.
        assert!(furthest < 20.0, "{furthest}");
        let red = |x: usize| drawing.pixels()[30 * 96 + x][0];
        let spread = |columns: std::ops::Range<usize>| {
            let values: Vec<u8> = columns.map(red).collect();
            values.iter().max().unwrap() - values.iter().min().unwrap()
        };
        assert!(spread(8..36) > 16, "{}", spread(8..36));
    }

    #[test]
    fn alpha_is_the_photos_and_any_size_works() {
        for (size, side) in [([1, 1], 1), ([5, 1], 2), ([2, 9], 3), ([7, 7], 7)] {
            let photo = picture(size[0], size[1], |x, y| [9, 99, 200, (40 * x + y) as u8]);
            let small = fit_long_side(photo.clone(), side).unwrap();
            let enlarged = enlarge_along(photo.clone(), &small, &small.clone().over_white());
            for (enlarged, photo) in enlarged.unwrap().pixels().iter().zip(photo.pixels()) {
                assert_eq!(enlarged[3], photo[3]);
            }
        }
    }

    #[test]
    fn a_drawing_of_another_size_is_refused() {
        let [photo, small, drawn] = [8, 4, 3].map(|side| picture(side, side, |_, _| [0; 4]));
        let error = enlarge_along(photo, &small, &drawn).unwrap_err();
        assert_eq!(
            error.to_string(),
            "wrong argument: a drawing of 3 x 3 pixels of a photo of 4 x 4"
        );
    }
}
