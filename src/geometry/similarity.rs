//! Rotation, uniform scale and shift of the plane.

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

    fn distance([ax, ay]: [f32; 2], [bx, by]: [f32; 2]) -> f32 {
        (ax - bx).hypot(ay - by)
    }

    proptest! {
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
    }

    #[test]
    fn by_hand() {
        // A quarter turn takes x to y and y to -x.
        let turn = SimilarityTransform::new(2.0, TAU / 4.0, [5.0, 5.0]);
        for (from, to) in [
            ([0.0, 0.0], [5.0, 5.0]),
            ([1.0, 0.0], [5.0, 7.0]),
            ([0.0, 1.0], [3.0, 5.0]),
        ] {
            assert!(distance(turn.apply(from), to) < 1e-5, "{from:?}");
        }
        let flat = SimilarityTransform::new(0.0, 0.0, [1.0, 1.0]);
        assert_eq!(flat.inverse(), None);
    }
}
