//! The square around a face that it is cut out with.

use std::ops::Range;

use super::Features;
use crate::geometry::SimilarityTransform;

/// A square of any place, size and angle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaceSquare {
    /// Centre, `[x, y]` in pixels.
    pub center: [f32; 2],
    /// From the centre to the middle of the side at the right of the upright face.
    pub half: [f32; 2],
}

impl FaceSquare {
    /// The square of FFHQ (Karras et al. 2019, arXiv:1812.04948, `recreate_aligned_images`), its
    /// sides multiplied by `expand`. It is as wide as the head in general, hair included.
    pub fn ffhq(features: &Features, expand: f32) -> Self {
        let (eyes, down) = (features.eye_to_eye(), features.eye_to_mouth());
        // The mean of two ideas of where right is: along the eyes, and at a right angle to the
        // line from eyes to mouth.
        let right = [eyes[0] + down[1], eyes[1] - down[0]];
        let half = (eyes[0].hypot(eyes[1]) * 2.0).max(down[0].hypot(down[1]) * 1.8) * expand;
        let scale = half / right[0].hypot(right[1]);
        let middle = features.eye_middle();
        Self {
            center: [0, 1].map(|i| middle[i] + 0.1 * down[i]),
            half: right.map(|v| v * scale),
        }
    }

    /// Length of a side in pixels.
    pub fn side_px(&self) -> f32 {
        2.0 * self.half[0].hypot(self.half[1])
    }

    /// The square about the same centre with sides `factor` times as long.
    pub fn enlarged(&self, factor: f32) -> Self {
        Self {
            center: self.center,
            half: self.half.map(|v| factor * v),
        }
    }

    /// The columns and rows of a picture of `[width, height]` pixels that it touches.
    pub fn bounds(&self, size: [usize; 2]) -> [Range<usize>; 2] {
        let reach = self.half[0].abs() + self.half[1].abs();
        [0, 1].map(|i| {
            // The casts saturate.
            let start = (self.center[i] - reach).floor() as usize;
            let end = (self.center[i] + reach).ceil() as usize;
            start.min(size[i])..end.min(size[i])
        })
    }

    /// The same square in a photo that was resized by these factors, which are nearly the same.
    pub fn scaled(&self, [x, y]: [f32; 2]) -> Self {
        let both = (x * y).sqrt();
        Self {
            center: [self.center[0] * x, self.center[1] * y],
            half: self.half.map(|v| v * both),
        }
    }

    /// Takes points of the upright crop, which has `side_px` pixels a side, to those of the photo.
    pub fn from_crop(&self, side_px: f32) -> SimilarityTransform {
        let [right, down] = [self.half, [-self.half[1], self.half[0]]];
        SimilarityTransform {
            a: 2.0 * right[0] / side_px,
            b: 2.0 * right[1] / side_px,
            tx: self.center[0] - right[0] - down[0],
            ty: self.center[1] - right[1] - down[1],
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FACE: Features = Features {
        left_eye: [40.0, 50.0],
        right_eye: [80.0, 50.0],
        nose: [60.0, 70.0],
        mouth: [60.0, 90.0],
    };

    fn near([ax, ay]: [f32; 2], [bx, by]: [f32; 2]) -> bool {
        (ax - bx).hypot(ay - by) < 1e-2
    }

    fn map(features: &Features, to: impl Fn([f32; 2]) -> [f32; 2]) -> Features {
        Features {
            left_eye: to(features.left_eye),
            right_eye: to(features.right_eye),
            nose: to(features.nose),
            mouth: to(features.mouth),
        }
    }

    /// Eyes 40 apart, mouth 40 below: x points right with length max(80, 72), c is 4 below the eyes.
    #[test]
    fn by_hand() {
        let square = FaceSquare::ffhq(&FACE, 1.0);
        assert_eq!((square.center, square.half), ([60.0, 54.0], [80.0, 0.0]));
        assert_eq!(square.side_px(), 160.0);
        let crop = square.from_crop(512.0);
        assert_eq!(crop.apply([0.0, 0.0]), [-20.0, -26.0]);
        assert_eq!(crop.apply([512.0, 512.0]), [140.0, 134.0]);
        assert_eq!(square.bounds([120, 300]), [0..120, 0..134]);
        let wide = FaceSquare::ffhq(&FACE, 1.3);
        assert!((wide.side_px() - 208.0).abs() < 1e-3);
    }

    /// A long face: the distance to the mouth decides, 1.8 * 60 = 108.
    #[test]
    fn by_hand_when_the_mouth_is_far() {
        let long = Features {
            mouth: [60.0, 110.0],
            ..FACE
        };
        let square = FaceSquare::ffhq(&long, 1.0);
        assert_eq!(square.center, [60.0, 56.0]);
        assert!(near(square.half, [108.0, 0.0]), "{square:?}");
    }

    /// Eyes along x, the mouth towards (3, 4) / 5: right is (40 + 32, -24), at atan(1/3) upwards.
    #[test]
    fn by_hand_when_skewed() {
        let skewed = Features {
            mouth: [60.0 + 24.0, 50.0 + 32.0],
            ..FACE
        };
        let square = FaceSquare::ffhq(&skewed, 1.0);
        let length = 72.0f32.hypot(24.0);
        let expected = [80.0 * 72.0 / length, -80.0 * 24.0 / length];
        assert!(near(square.half, expected), "{square:?}");
    }

    proptest! {
        /// The face's features have the same place in the crop, however the photo was turned, moved
        /// and resized.
        #[test]
        fn turning_and_resizing_the_photo_changes_nothing(
            scale in 0.2f32..5.0,
            angle in 0.0..std::f32::consts::TAU,
            shift in [-100.0f32..100.0, -100.0f32..100.0],
            nose in [55.0f32..65.0, 65.0f32..75.0],
            mouth in [45.0f32..75.0, 80.0f32..120.0],
        ) {
            let features = Features { nose, mouth, ..FACE };
            let turn = SimilarityTransform::new(scale, angle, shift);
            let place = |features: &Features| {
                let crop = FaceSquare::ffhq(features, 1.3).from_crop(100.0);
                map(features, |p| crop.inverse().expect("not flat").apply(p))
            };
            let (before, after) = (place(&features), place(&map(&features, |p| turn.apply(p))));
            prop_assert!(near(before.left_eye, after.left_eye), "{before:?} {after:?}");
            prop_assert!(near(before.right_eye, after.right_eye));
            prop_assert!(near(before.nose, after.nose));
            prop_assert!(near(before.mouth, after.mouth));
        }

        /// Mirroring the photo mirrors the crop.
        #[test]
        fn mirroring_mirrors(mouth in [45.0f32..75.0, 80.0f32..120.0]) {
            let features = Features { mouth, ..FACE };
            let mirror = |[x, y]: [f32; 2]| [200.0 - x, y];
            let mut mirrored = map(&features, mirror);
            std::mem::swap(&mut mirrored.left_eye, &mut mirrored.right_eye);
            let crop = FaceSquare::ffhq(&features, 1.3).from_crop(100.0);
            let other = FaceSquare::ffhq(&mirrored, 1.3).from_crop(100.0);
            for point in [[0.0, 0.0], [100.0, 0.0], [30.0, 80.0]] {
                let expected = mirror(crop.apply(point));
                prop_assert!(near(other.apply([100.0 - point[0], point[1]]), expected));
            }
        }

        #[test]
        fn resizing_commutes(x in 0.1f32..3.0) {
            let doubled = FaceSquare::ffhq(&map(&FACE, |p| p.map(|v| v * x)), 1.0);
            let scaled = FaceSquare::ffhq(&FACE, 1.0).scaled([x, x]);
            prop_assert!(near(doubled.center, scaled.center) && near(doubled.half, scaled.half));
        }
    }
}
