//! Canny's edge detector (Canny 1986), with the choices of OpenCV's `Canny` at its defaults.

use anyhow::{Result, ensure};

use nijigen::filter::plane::{Border, Plane};

/// Tangent of 22.5 degrees: where a gradient stops counting as horizontal.
const TAN_22_5: f32 = 0.414_213_57;

/// Edges of `plane`: 1 on an edge, 0 elsewhere. The plane is not blurred first.
///
/// The strength of an edge is |dx| + |dy| of the unscaled 3 x 3 Sobel derivatives. Pixels that
/// are not a maximum across the edge are dropped; those above `high` are edges, and so are those
/// above `low` that touch an edge, in any of eight directions. On planes of whole numbers in
/// 0..=255 the edges are those of OpenCV.
///
/// # Errors
/// If the thresholds are not 0 <= `low` <= `high`.
pub fn canny(plane: &Plane, low: f32, high: f32) -> Result<Plane> {
    ensure!(
        low >= 0.0 && low <= high,
        "Canny thresholds {low} and {high} are not 0 <= low <= high"
    );
    let (in_x, in_y) = plane.sobel(Border::Replicate);
    let strength = in_x.zip_map(&in_y, |x, y| x.abs() + y.abs())?;
    let (width, height) = (plane.width(), plane.height());
    let mut candidates = vec![false; width * height];
    let mut edges = vec![0.0; width * height];
    let mut unfollowed = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let here = y * width + x;
            let value = strength.values()[here];
            let gradient = (in_x.values()[here], in_y.values()[here]);
            if value > low && is_maximum(&strength, x, y, gradient) {
                candidates[here] = true;
                if value > high {
                    edges[here] = 1.0;
                    unfollowed.push((x, y));
                }
            }
        }
    }
    while let Some((x, y)) = unfollowed.pop() {
        for near_y in y.saturating_sub(1)..(y + 2).min(height) {
            for near_x in x.saturating_sub(1)..(x + 2).min(width) {
                let near = near_y * width + near_x;
                if candidates[near] && edges[near] == 0.0 {
                    edges[near] = 1.0;
                    unfollowed.push((near_x, near_y));
                }
            }
        }
    }
    Ok(Plane::new(width, height, edges)?)
}

/// Whether the strength at (x, y) is a maximum along the gradient, its direction rounded to
/// multiples of 45 degrees. Of two equal neighbours, the one further right or down is dropped.
fn is_maximum(strength: &Plane, x: usize, y: usize, gradient: (f32, f32)) -> bool {
    let at = |dx: isize, dy: isize| {
        let column = x.checked_add_signed(dx).filter(|x| *x < strength.width());
        let row = y.checked_add_signed(dy).filter(|y| *y < strength.height());
        column.zip(row).map_or(0.0, |(x, y)| strength.row(y)[x])
    };
    let value = at(0, 0);
    let (across, along) = (gradient.0.abs(), gradient.1.abs());
    if along < across * TAN_22_5 {
        value > at(-1, 0) && value >= at(1, 0)
    } else if along > across * (TAN_22_5 + 2.0) {
        value > at(0, -1) && value >= at(0, 1)
    } else {
        // Down to the right if both derivatives have the same sign.
        let side = if gradient.0 * gradient.1 < 0.0 { -1 } else { 1 };
        value > at(-side, -1) && value > at(side, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 x 20, `values[0]` left of column 10 and `values[1]` from there on; from row 10 on,
    /// `values[2]` instead.
    fn steps(values: [f32; 3]) -> Plane {
        let value = |i: usize| match (i % 20 < 10, i / 20 < 10) {
            (true, _) => values[0],
            (false, true) => values[1],
            (false, false) => values[2],
        };
        Plane::new(20, 20, (0..400).map(value).collect()).expect("the size is right")
    }

    #[test]
    fn a_step_is_one_line_of_edges() -> Result<()> {
        let edges = canny(&steps([0.0, 100.0, 100.0]), 40.0, 100.0)?;
        for y in 0..20 {
            let columns: Vec<usize> = (0..20).filter(|x| edges.row(y)[*x] > 0.0).collect();
            assert_eq!(columns, [9], "row {y}");
        }
        Ok(())
    }

    #[test]
    fn weak_edges_count_only_beside_strong_ones() -> Result<()> {
        // Strengths are 4 times the step: 80 is weak, 40 is not above the low threshold. Rows 12
        // to 19 are away from the corner where the strong edge bends.
        let count = |values| -> Result<f32> {
            let edges = canny(&steps(values), 40.0, 100.0)?;
            Ok((12..20).map(|y| edges.row(y)[9]).sum())
        };
        assert_eq!(count([0.0, 20.0, 20.0])?, 0.0);
        assert_eq!(count([0.0, 200.0, 20.0])?, 8.0);
        assert_eq!(count([0.0, 200.0, 10.0])?, 0.0);
        Ok(())
    }

    #[test]
    fn thresholds_in_the_wrong_order_are_refused() {
        let plane = steps([0.0; 3]);
        assert!(canny(&plane, 100.0, 40.0).is_err());
        assert!(canny(&plane, f32::NAN, 40.0).is_err());
    }
}
