//! The smoothest map of the plane through given values (Bookstein 1989, doi:10.1109/34.24792).

/// A vector field `f(p) = c + A p + sum w_i U(|p - p_i|)` with `U(r) = r^2 ln r`.
#[derive(Clone, Debug)]
pub(super) struct ThinPlateSpline {
    points: Vec<[f32; 2]>,
    /// One vector a point, then those of 1, x and y.
    weights: Vec<[f32; 2]>,
    /// Points are moved and divided by these, so that numbers are about 1.
    origin: [f32; 2],
    unit: f32,
}

impl ThinPlateSpline {
    /// The field that is nearly `values` at `points`, which are in units of about `unit` around
    /// `origin`. The larger `relaxation` is, the smoother and the less exact the field. `None` if
    /// the points lie on a line or a number is not finite.
    pub(super) fn fit(
        points: &[[f32; 2]],
        values: &[[f32; 2]],
        origin: [f32; 2],
        unit: f32,
        relaxation: f64,
    ) -> Option<Self> {
        let count = points.len();
        let order = count + 3;
        let points: Vec<[f32; 2]> = points
            .iter()
            .map(|p| [0, 1].map(|i| (p[i] - origin[i]) / unit))
            .collect();
        // Rows of the matrix, each followed by the two right sides.
        let stride = order + 2;
        let mut rows = vec![0.0f64; order * stride];
        for (i, p) in points.iter().enumerate() {
            let row = &mut rows[i * stride..][..stride];
            for (value, q) in row.iter_mut().zip(&points) {
                *value = f64::from(radial(squared_distance(*p, *q)));
            }
            row[i] += relaxation;
            let affine = [1.0, f64::from(p[0]), f64::from(p[1])];
            row[count..order].copy_from_slice(&affine);
            row[order..].copy_from_slice(&values[i].map(f64::from));
            for (k, value) in affine.into_iter().enumerate() {
                rows[(count + k) * stride + i] = value;
            }
        }
        let weights = solve(rows, order)?;
        Some(Self {
            points,
            weights,
            origin,
            unit,
        })
    }

    /// The field at a point.
    pub(super) fn at(&self, point: [f32; 2]) -> [f32; 2] {
        let [x, y] = [0, 1].map(|i| (point[i] - self.origin[i]) / self.unit);
        let (radial_weights, affine) = self.weights.split_at(self.points.len());
        let mut sum = [0, 1].map(|i| affine[0][i] + affine[1][i] * x + affine[2][i] * y);
        for (p, weight) in self.points.iter().zip(radial_weights) {
            let u = radial(squared_distance([x, y], *p));
            sum[0] += weight[0] * u;
            sum[1] += weight[1] * u;
        }
        sum
    }
}

fn squared_distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    let (x, y) = (a[0] - b[0], a[1] - b[1]);
    x * x + y * y
}

/// `r^2 ln r` of a squared distance.
fn radial(square: f32) -> f32 {
    0.5 * square * square.max(1e-20).ln()
}

/// Solves `order` equations with two right sides by elimination with partial pivoting. `rows` holds
/// coefficients and right sides, row by row.
fn solve(mut rows: Vec<f64>, order: usize) -> Option<Vec<[f32; 2]>> {
    let stride = order + 2;
    for column in 0..order {
        let size = |row: &usize| rows[row * stride + column].abs();
        let pivot = (column..order).max_by(|a, b| size(a).total_cmp(&size(b)))?;
        let largest = size(&pivot);
        if largest.is_nan() || largest < 1e-9 {
            return None;
        }
        if pivot != column {
            let (before, after) = rows.split_at_mut(pivot * stride);
            before[column * stride..][..stride].swap_with_slice(&mut after[..stride]);
        }
        let (done, below) = rows.split_at_mut((column + 1) * stride);
        let leading = &done[column * stride..];
        for row in below.chunks_exact_mut(stride) {
            let factor = row[column] / leading[column];
            if factor != 0.0 {
                let pairs = row[column..].iter_mut().zip(&leading[column..]);
                pairs.for_each(|(value, above)| *value -= factor * above);
            }
        }
    }
    let mut solution = vec![[0.0f64; 2]; order];
    for row in (0..order).rev() {
        let values = &rows[row * stride..][..stride];
        solution[row] = [0, 1].map(|side| {
            let known: f64 = (row + 1..order)
                .map(|i| values[i] * solution[i][side])
                .sum();
            (values[order + side] - known) / values[row]
        });
    }
    let finite = solution.iter().flatten().all(|v| v.is_finite());
    finite.then(|| solution.iter().map(|v| v.map(|v| v as f32)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTS: [[f32; 2]; 5] = [
        [10.0, 10.0],
        [90.0, 20.0],
        [40.0, 60.0],
        [20.0, 95.0],
        [80.0, 80.0],
    ];

    fn fit(values: &[[f32; 2]]) -> ThinPlateSpline {
        ThinPlateSpline::fit(&POINTS, values, [50.0, 50.0], 40.0, 0.0).unwrap()
    }

    #[test]
    fn passes_through_its_points() {
        let values = [[1.0, 0.0], [0.0, 3.0], [-4.0, 2.0], [5.0, 5.0], [0.5, -1.0]];
        let spline = fit(&values);
        for (point, value) in POINTS.into_iter().zip(values) {
            let got = spline.at(point);
            for i in 0..2 {
                assert!((got[i] - value[i]).abs() < 1e-3, "{got:?} {value:?}");
            }
        }
    }

    #[test]
    fn an_affine_map_stays_one_far_away() {
        let map = |[x, y]: [f32; 2]| [2.0 + 0.1 * x - 0.3 * y, -1.0 + 0.2 * y];
        let spline = fit(&POINTS.map(map));
        let far = [400.0, -300.0];
        let (got, expected) = (spline.at(far), map(far));
        for i in 0..2 {
            assert!((got[i] - expected[i]).abs() < 0.05, "{got:?} {expected:?}");
        }
    }

    #[test]
    fn points_on_a_line_give_no_spline() {
        let points: Vec<_> = (0..6).map(|i| [i as f32, 2.0 * i as f32]).collect();
        let values = vec![[1.0, 1.0]; 6];
        assert!(ThinPlateSpline::fit(&points, &values, [0.0, 0.0], 1.0, 0.0).is_none());
    }
}
