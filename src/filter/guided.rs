//! The guided filter (He, Sun and Tang, 2010): a smoothing that follows the edges of another plane.

use super::plane::{Border, Plane};

/// Mean over the square of side `2 * radius + 1`; the border is mirrored.
pub fn box_blur(plane: &Plane, radius: usize) -> Plane {
    let (width, height) = (plane.width(), plane.height());
    let scale = 1.0 / (2 * radius + 1) as f32;
    // Running sums in f64: f32 would drift along a row.
    let horizontal = plane.by_row(|y, row| {
        let padded = Border::Reflect101.padded(plane.row(y), radius);
        let mut sum: f64 = padded[..2 * radius].iter().copied().map(f64::from).sum();
        for (x, mean) in row.iter_mut().enumerate() {
            sum += f64::from(padded[x + 2 * radius]);
            *mean = sum as f32 * scale;
            sum -= f64::from(padded[x]);
        }
    });
    let near = |y: isize| horizontal.row(Border::Reflect101.resolve(y, height));
    let mut sums = vec![0.0f64; width];
    let radius = radius as isize;
    for y in -radius..radius {
        for (sum, v) in sums.iter_mut().zip(near(y)) {
            *sum += f64::from(*v);
        }
    }
    let mut values = Vec::with_capacity(width * height);
    for y in 0..height as isize {
        let (entering, leaving) = (near(y + radius), near(y - radius));
        for ((sum, entering), leaving) in sums.iter_mut().zip(entering).zip(leaving) {
            *sum += f64::from(*entering);
            values.push(*sum as f32 * scale);
            *sum -= f64::from(*leaving);
        }
    }
    Plane::new(width, height, values).expect("every pixel has a mean")
}

/// `plane` smoothed over squares of side `2 * radius + 1`, except across edges of `guide` whose
/// variance is above `epsilon`.
///
/// # Panics
/// If the sizes differ.
pub fn guided_filter(guide: &Plane, plane: &Plane, radius: usize, epsilon: f32) -> Plane {
    let (width, height) = (guide.width(), guide.height());
    let (g, p) = (guide.values(), plane.values());
    assert_eq!((width, height), (plane.width(), plane.height()));
    let mean = |value: &(dyn Fn(usize) -> f32 + Sync)| {
        box_blur(&Plane::from_index(width, height, value), radius)
    };
    let (mean_g, mean_p) = (box_blur(guide, radius), box_blur(plane, radius));
    let (mean_gg, mean_gp) = (mean(&|i| g[i] * g[i]), mean(&|i| g[i] * p[i]));
    let (mg, mp) = (mean_g.values(), mean_p.values());
    let slope = Plane::from_index(width, height, |i| {
        let variance = mean_gg.values()[i] - mg[i] * mg[i];
        (mean_gp.values()[i] - mg[i] * mp[i]) / (variance + epsilon)
    });
    let offset = Plane::from_index(width, height, |i| mp[i] - slope.values()[i] * mg[i]);
    let (slope, offset) = (box_blur(&slope, radius), box_blur(&offset, radius));
    Plane::from_index(width, height, |i| {
        slope.values()[i] * g[i] + offset.values()[i]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn box_means_equal_those_summed_one_by_one() {
        let plane = Plane::from_index(9, 7, |i| ((i * 37) % 11) as f32);
        for radius in [0, 2, 8] {
            let means = box_blur(&plane, radius);
            let r = radius as isize;
            for y in 0..7isize {
                for x in 0..9isize {
                    let mut sum = 0.0;
                    for dy in -r..=r {
                        for dx in -r..=r {
                            sum += plane.row(Border::Reflect101.resolve(y + dy, 7))
                                [Border::Reflect101.resolve(x + dx, 9)];
                        }
                    }
                    let expected = sum / ((2 * r + 1) * (2 * r + 1)) as f32;
                    let mean = means.row(y as usize)[x as usize];
                    assert!((mean - expected).abs() < 1e-4, "{radius} at {x}, {y}");
                }
            }
        }
    }

    #[test]
    fn a_rough_mask_snaps_to_the_guide() {
        let guide = Plane::from_index(40, 20, |i| if i % 40 < 20 { 0.2 } else { 0.8 });
        let mask = Plane::from_index(40, 20, |i| if i % 40 < 23 { 1.0 } else { 0.0 });
        let refined = guided_filter(&guide, &mask, 6, 1e-4);
        let row = refined.row(10);
        assert!(
            row[19] > 0.9 && row[20] < 0.6 && row[19] - row[20] > 0.4,
            "{row:?}"
        );
    }
}
