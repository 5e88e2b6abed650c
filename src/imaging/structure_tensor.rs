//! Along what and how straight the edges of a picture run.

use super::blur;

/// The structure tensor of a picture of `[width, height]`: means, under a Gaussian of standard deviation
/// `sigma_px`, of the squared change of its colours in x, of the product of the changes in x and y, and of the squared
/// change in y. `colour` is asked up to one pixel outside.
pub(crate) fn structure_tensor(
    [width, height]: [usize; 2],
    sigma_px: f32,
    colour: impl Fn([isize; 2]) -> [f32; 3],
) -> Vec<[f32; 3]> {
    let mut products = Vec::with_capacity(width * height);
    for y in 0..height as isize {
        for x in 0..width as isize {
            let slope = |before: [isize; 2], after: [isize; 2]| {
                let (before, after) = (colour(before), colour(after));
                [0, 1, 2].map(|c| 0.5 * (after[c] - before[c]))
            };
            let in_x = slope([x - 1, y], [x + 1, y]);
            let in_y = slope([x, y - 1], [x, y + 1]);
            let dot = |a: [f32; 3], b: [f32; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
            products.push([dot(in_x, in_x), dot(in_x, in_y), dot(in_y, in_y)]);
        }
    }
    blur(&mut products, [width, height], sigma_px);
    products
}
