//! Rotation, uniform scale and shift of the plane, fitted to pairs of points.

/// Takes `[x, y]` to `[a x - b y + tx, b x + a y + ty]`. Never a reflection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimilarityTransform {
    /// Scale times the cosine of the angle from the x towards the y axis.
    pub a: f32,
    /// Scale times the sine of that angle.
    pub b: f32,
    /// Shift along x.
    pub tx: f32,
    /// Shift along y.
    pub ty: f32,
}

impl SimilarityTransform {
    /// Leaves every point where it is.
    pub const IDENTITY: Self = Self {
        a: 1.0,
        b: 0.0,
        tx: 0.0,
        ty: 0.0,
    };

    /// Turns by `angle` (radians, from the x towards the y axis) about the origin, enlarges by
    /// `scale`, then shifts by `shift`.
    pub fn new(scale: f32, angle: f32, [tx, ty]: [f32; 2]) -> Self {
        Self {
            a: scale * angle.cos(),
            b: scale * angle.sin(),
            tx,
            ty,
        }
    }

    /// The transform that takes `from[i]` as near as possible to `to[i]`: it minimises the sum of
    /// squared distances (Umeyama 1991, doi:10.1109/34.88573, without reflections).
    ///
    /// `None` if the slices are not of one length of at least 2, if all points of a slice coincide,
    /// if a coordinate or a result is not finite, or if no rotation fits better than any other.
    pub fn fit(from: &[[f32; 2]], to: &[[f32; 2]]) -> Option<Self> {
        if from.len() != to.len() || from.len() < 2 {
            return None;
        }
        let (from_mean, to_mean) = (mean(from), mean(to));
        let (mut dot, mut cross, mut spread) = (0.0, 0.0, 0.0);
        for (&p, &q) in from.iter().zip(to) {
            let [px, py] = [0, 1].map(|i| f64::from(p[i]) - from_mean[i]);
            let [qx, qy] = [0, 1].map(|i| f64::from(q[i]) - to_mean[i]);
            dot += px * qx + py * qy;
            cross += px * qy - py * qx;
            spread += px * px + py * py;
        }
        // In the plane, the general method's singular value decomposition has this closed form.
        let (a, b) = (dot / spread, cross / spread);
        let fitted = Self {
            a: a as f32,
            b: b as f32,
            tx: (to_mean[0] - a * from_mean[0] + b * from_mean[1]) as f32,
            ty: (to_mean[1] - b * from_mean[0] - a * from_mean[1]) as f32,
        };
        let finite = [fitted.a, fitted.b, fitted.tx, fitted.ty]
            .iter()
            .all(|v| v.is_finite());
        (finite && (fitted.a != 0.0 || fitted.b != 0.0)).then_some(fitted)
    }

    /// The transformed point.
    pub fn apply(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        [
            self.a * x - self.b * y + self.tx,
            self.b * x + self.a * y + self.ty,
        ]
    }

    /// This transform, and `next` after it.
    pub fn then(&self, next: &Self) -> Self {
        let [tx, ty] = next.apply([self.tx, self.ty]);
        Self {
            a: next.a * self.a - next.b * self.b,
            b: next.b * self.a + next.a * self.b,
            tx,
            ty,
        }
    }

    /// Length after the transform divided by length before it.
    pub fn scale(&self) -> f32 {
        self.a.hypot(self.b)
    }

    /// The transform that undoes this one; `None` if its numbers are not finite, as for a scale of
    /// zero.
    pub fn inverse(&self) -> Option<Self> {
        let [a, b, tx, ty] = [self.a, self.b, self.tx, self.ty].map(f64::from);
        let square = a * a + b * b;
        let inverse = Self {
            a: (a / square) as f32,
            b: (-b / square) as f32,
            tx: (-(a * tx + b * ty) / square) as f32,
            ty: ((b * tx - a * ty) / square) as f32,
        };
        [inverse.a, inverse.b, inverse.tx, inverse.ty]
            .iter()
            .all(|v| v.is_finite())
            .then_some(inverse)
    }
}

fn mean(points: &[[f32; 2]]) -> [f64; 2] {
    [0, 1].map(|i| points.iter().map(|p| f64::from(p[i])).sum::<f64>() / points.len() as f64)
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use proptest::prelude::*;

    use super::*;

    fn transforms() -> impl Strategy<Value = SimilarityTransform> {
        (
            0.1f32..10.0,
            0.0..TAU,
            -1000.0f32..1000.0,
            -1000.0f32..1000.0,
        )
            .prop_map(|(scale, angle, tx, ty)| SimilarityTransform::new(scale, angle, [tx, ty]))
    }

    fn points(
        count: impl Into<prop::collection::SizeRange>,
    ) -> impl Strategy<Value = Vec<[f32; 2]>> {
        prop::collection::vec([-500.0f32..500.0, -500.0f32..500.0], count)
    }

    fn distance([ax, ay]: [f32; 2], [bx, by]: [f32; 2]) -> f32 {
        (ax - bx).hypot(ay - by)
    }

    fn residual(transform: &SimilarityTransform, from: &[[f32; 2]], to: &[[f32; 2]]) -> f64 {
        let square = |(&p, &q)| f64::from(distance(transform.apply(p), q)).powi(2);
        from.iter().zip(to).map(square).sum()
    }

    proptest! {
        #[test]
        fn fit_finds_the_transform_that_was_applied(
            transform in transforms(),
            mut from in points(2..8),
        ) {
            // Two points that are far apart, or rounding decides.
            from.push([from[0][0] + 100.0, from[0][1]]);
            let to: Vec<_> = from.iter().map(|&p| transform.apply(p)).collect();
            let fitted = SimilarityTransform::fit(&from, &to).expect("distinct points");
            for (&p, &q) in from.iter().zip(&to) {
                prop_assert!(distance(fitted.apply(p), q) < 0.02, "{fitted:?} for {transform:?}");
            }
            prop_assert!((fitted.scale() - transform.scale()).abs() < 1e-3 * transform.scale());
        }

        #[test]
        fn no_neighbour_fits_better(
            (from, to) in (3usize..8).prop_flat_map(|n| (points(n), points(n))),
            step in [-1.0f32..1.0, -1.0f32..1.0, -1.0f32..1.0, -1.0f32..1.0],
        ) {
            let fitted = SimilarityTransform::fit(&from, &to);
            prop_assume!(fitted.is_some());
            let fitted = fitted.expect("checked above");
            let neighbour = SimilarityTransform {
                a: fitted.a + 0.1 * step[0],
                b: fitted.b + 0.1 * step[1],
                tx: fitted.tx + 50.0 * step[2],
                ty: fitted.ty + 50.0 * step[3],
            };
            let best = residual(&fitted, &from, &to);
            prop_assert!(best <= residual(&neighbour, &from, &to) * (1.0 + 1e-5) + 1e-3);
        }

        #[test]
        fn inverse_undoes(
            transform in transforms(),
            point in [-500.0f32..500.0, -500.0f32..500.0],
        ) {
            let inverse = transform.inverse().expect("the scale is not zero");
            prop_assert!(distance(inverse.apply(transform.apply(point)), point) < 0.05);
            prop_assert!((inverse.scale() * transform.scale() - 1.0).abs() < 1e-5);
        }

        #[test]
        fn one_after_the_other(
            (first, next) in (transforms(), transforms()),
            point in [-500.0f32..500.0, -500.0f32..500.0],
        ) {
            let expected = next.apply(first.apply(point));
            prop_assert!(distance(first.then(&next).apply(point), expected) < 0.1);
            prop_assert_eq!(first.then(&SimilarityTransform::IDENTITY), first);
        }

        #[test]
        fn any_number_is_answered(
            (from, to) in (0usize..5).prop_flat_map(|n| {
                let any_points = || prop::collection::vec([any::<f32>(), any::<f32>()], n);
                (any_points(), any_points())
            }),
        ) {
            if let Some(fitted) = SimilarityTransform::fit(&from, &to) {
                prop_assert!(from.iter().chain(&to).flatten().all(|v| v.is_finite()));
                let SimilarityTransform { a, b, tx, ty } = fitted;
                prop_assert!([a, b, tx, ty].iter().all(|v| v.is_finite()));
            }
        }
    }

    #[test]
    fn a_quarter_turn() {
        let from = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
        let to = [[5.0, 5.0], [5.0, 7.0], [3.0, 5.0]];
        let fitted = SimilarityTransform::fit(&from, &to).unwrap();
        assert!(residual(&fitted, &from, &to) < 1e-9, "{fitted:?}");
        assert_eq!(fitted.apply([0.0, 2.0]), [1.0, 5.0]);
        let expected = SimilarityTransform::new(2.0, TAU / 4.0, [5.0, 5.0]);
        assert!(residual(&expected, &from, &to) < 1e-9, "{expected:?}");
    }

    #[test]
    fn what_cannot_be_fitted_is_none() {
        let pair = [[0.0, 0.0], [1.0, 0.0]];
        let nan = [[0.0, 0.0], [f32::NAN, 0.0]];
        let infinite = [[0.0, f32::INFINITY], [1.0, 0.0]];
        let same = [[0.1, 0.7]; 2];
        for (from, to) in [
            (&pair[..1], &pair[..1]),
            (&[], &[]),
            (&pair, &pair[..1]),
            (&same, &pair),
            (&pair, &same),
            (&nan, &pair),
            (&pair, &nan),
            (&infinite, &pair),
        ] {
            assert_eq!(SimilarityTransform::fit(from, to), None, "{from:?} {to:?}");
        }
        // A mirrored square: every rotation is as wrong as the next.
        let square = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]];
        let mirrored = square.map(|[x, y]: [f32; 2]| [-x, y]);
        assert_eq!(SimilarityTransform::fit(&square, &mirrored), None);
        let flat = SimilarityTransform {
            a: 0.0,
            b: 0.0,
            tx: 1.0,
            ty: 1.0,
        };
        assert_eq!(flat.inverse(), None);
    }
}
