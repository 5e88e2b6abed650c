//! Landmark-local perceptual loss: eyes, nose and mouth of the output look to a backbone like
//! those of the photo.
//!
//! mean (F(crop(output)) − F(crop(photo)))² over square crops around the facial landmarks, resized
//! to one size, with a backbone's features F. A face's few decisive pixels hardly count in a
//! content loss over the whole picture.

use anyhow::{Result, bail, ensure};
use burn::tensor::{Device, Tensor};
use nijigen::geometry::bilinear_taps;

use super::Distance;
use crate::data::faces::Landmarks;

/// Side of the resized crops, pixels.
const CROP_SIDE_PX: usize = 32;
/// Least side of a box, pixels, where the image has as many.
const MIN_BOX_PX: f32 = 16.0;
/// Sides of the boxes in distances between the eyes: an eye with its brow, the nose, the mouth
/// with the chin's upper edge.
const EYE_SIDE: f32 = 0.8;
const NOSE_SIDE: f32 = 0.8;
const MOUTH_SIDE: f32 = 1.2;

/// A square of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Square {
    /// Leftmost column.
    pub left: usize,
    /// Topmost row.
    pub top: usize,
    /// Columns and rows, at least 1.
    pub side: usize,
}

/// A square in one image of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Index of the image in the batch.
    pub sample: usize,
    /// Where in the image.
    pub square: Square,
}

/// Square boxes around the left eye, right eye, nose and mouth, inside the image.
///
/// `landmarks` are x, y in pixels of both eyes' centres, the nose's tip and the mouth's corners
/// (MTCNN's order: Zhang et al. 2016); `[height, width]` is the image's size. Sizes follow the
/// distance between the eyes, but are at least 16 pixels and at most the image's shorter side. A
/// box that sticks out is moved inside; a feature whose centre is outside the image (faces cut off
/// by a crop, points that are not finite) has no box.
pub fn landmark_boxes(landmarks: &Landmarks, [height, width]: [usize; 2]) -> Vec<Square> {
    let [left_eye, right_eye, nose, mouth_left, mouth_right] = *landmarks;
    let mouth = [0, 1].map(|axis| (mouth_left[axis] + mouth_right[axis]) / 2.0);
    let eye_distance = (right_eye[0] - left_eye[0]).hypot(right_eye[1] - left_eye[1]);
    if !eye_distance.is_finite() {
        return Vec::new();
    }
    [
        (left_eye, EYE_SIDE),
        (right_eye, EYE_SIDE),
        (nose, NOSE_SIDE),
        (mouth, MOUTH_SIDE),
    ]
    .into_iter()
    .filter(|([x, y], _)| (0.0..width as f32).contains(x) && (0.0..height as f32).contains(y))
    .map(|([x, y], side)| {
        let side = (side * eye_distance).max(MIN_BOX_PX).round() as usize;
        let side = side.min(width).min(height);
        // A float below zero becomes 0 here.
        let start = |centre: f32| (centre - side as f32 / 2.0).round() as usize;
        Square {
            left: start(x).min(width - side),
            top: start(y).min(height - side),
            side,
        }
    })
    .collect()
}

/// The regions' pixels, resized bilinearly (pixels as areas, PyTorch's `align_corners=False`).
///
/// # Shapes
/// `[batch, channels, height, width]` to `[regions, channels, 32, 32]`.
///
/// # Errors
/// If there is no region, or if one is empty or not inside the batch.
pub fn crop_regions(x: Tensor<4>, regions: &[Region]) -> Result<Tensor<4>> {
    ensure!(
        !regions.is_empty(),
        "no regions to crop, expected at least 1"
    );
    let [batch, channels, height, width] = x.dims();
    let device = x.device();
    let mut crops = Vec::with_capacity(regions.len());
    for region in regions {
        let Region {
            sample,
            square: Square { left, top, side },
        } = *region;
        let fits =
            |start: usize, size: usize| start.checked_add(side).is_some_and(|end| end <= size);
        if sample >= batch || side == 0 || !fits(left, width) || !fits(top, height) {
            bail!("{region:?} is not inside a batch of {batch} images, {width} x {height} pixels");
        }
        let crop = x.clone().slice([
            sample..sample + 1,
            0..channels,
            top..top + side,
            left..left + side,
        ]);
        // Two matrix products, because Burn's `interpolate` has no bilinear gradient on GPUs.
        let resize = resize_matrix(side, &device);
        crops.push(resize.clone().matmul(crop).matmul(resize.transpose()));
    }
    Ok(Tensor::cat(crops, 0))
}

/// The matrix `[1, 1, 32, side]` that resizes a column of `side` pixels.
fn resize_matrix(side: usize, device: &Device) -> Tensor<4> {
    let mut values = vec![0.0f32; CROP_SIDE_PX * side];
    let taps = bilinear_taps(side, CROP_SIDE_PX, false);
    for (row, tap) in values.chunks_exact_mut(side).zip(taps) {
        row[tap.low] += 1.0 - tap.weight;
        row[tap.high] += tap.weight;
    }
    Tensor::<1>::from_floats(values.as_slice(), device).reshape([1, 1, CROP_SIDE_PX, side])
}

/// Mean squared error of the features of the regions' crops in outputs and photos, both
/// `[batch, 3, height, width]`. Zero without regions.
///
/// # Errors
/// Those of [`crop_regions`] but for no regions.
pub fn landmark_loss(
    output: Tensor<4>,
    photo: Tensor<4>,
    regions: &[Region],
    features: &dyn Fn(Tensor<4>) -> Tensor<4>,
) -> Result<Tensor<1>> {
    if regions.is_empty() {
        return Ok(Tensor::zeros([1], &output.device()));
    }
    let output = features(crop_regions(output, regions)?);
    let photo = features(crop_regions(photo, regions)?);
    Ok(Distance::L2.mean_distance(output, photo))
}

#[cfg(test)]
mod tests {
    use super::super::finite_difference::{assert_gradient, sample, to_vec};
    use super::*;
    use burn::tensor::module::interpolate;
    use burn::tensor::ops::{InterpolateMode, InterpolateOptions};

    fn region(sample: usize, left: usize, top: usize, side: usize) -> Region {
        Region {
            sample,
            square: Square { left, top, side },
        }
    }

    #[test]
    fn boxes_of_a_face() {
        let face = [
            [100.0, 90.0],
            [150.0, 90.0],
            [125.0, 120.0],
            [105.0, 145.0],
            [145.0, 149.0],
        ];
        let square = |left, top, side| Square { left, top, side };
        assert_eq!(
            landmark_boxes(&face, [256, 256]),
            [
                square(80, 70, 40),
                square(130, 70, 40),
                square(105, 100, 40),
                square(95, 117, 60)
            ]
        );
    }

    #[test]
    fn boxes_stay_inside_and_have_a_least_size() {
        // Eyes 5 px apart: every box is 16 px.
        let small = [
            [1.0, 2.0],
            [6.0, 2.0],
            [4.0, 60.0],
            [62.0, 63.0],
            [63.0, 63.0],
        ];
        let square = |left, top| Square {
            left,
            top,
            side: 16,
        };
        assert_eq!(
            landmark_boxes(&small, [64, 64]),
            [square(0, 0), square(0, 0), square(0, 48), square(48, 48)]
        );
        // An image smaller than that.
        let boxes = landmark_boxes(&[[2.0, 2.0]; 5], [10, 12]);
        assert_eq!(boxes.len(), 4);
        assert!(
            boxes
                .iter()
                .all(|b| b.side == 10 && b.left <= 2 && b.top == 0)
        );
    }

    #[test]
    fn features_outside_have_no_box() {
        let cut = [
            [-3.0, 20.0],
            [17.0, 20.0],
            [7.0, 64.0],
            [0.0, 50.0],
            [14.0, 50.0],
        ];
        let boxes = landmark_boxes(&cut, [64, 64]);
        assert_eq!(boxes.len(), 2, "{boxes:?}");
        let mut broken = cut;
        broken[0][0] = f32::NAN;
        assert!(landmark_boxes(&broken, [64, 64]).is_empty());
    }

    #[test]
    fn crops_agree_with_burns_interpolation() {
        let x = sample([2, 3, 50, 60], 1.0, &Device::flex());
        for (sample, left, top, side) in [(1, 3, 5, 45), (0, 44, 0, 16), (1, 20, 10, 32)] {
            let crop = crop_regions(x.clone(), &[region(sample, left, top, side)])
                .expect("a region inside");
            let expected = interpolate(
                x.clone()
                    .slice([sample..sample + 1, 0..3, top..top + side, left..left + side]),
                InterpolateOptions::new(InterpolateMode::Bilinear)
                    .with_align_corners(false)
                    .with_output_size([CROP_SIDE_PX; 2]),
            );
            assert_eq!(crop.dims(), [1, 3, 32, 32]);
            let error = (crop - expected).abs().max().into_scalar::<f32>();
            assert!(error < 1e-5, "side {side}: {error}");
        }
    }

    #[test]
    fn crops_are_stacked_in_order() {
        let x = Tensor::<1>::from_floats([1.0, 2.0], &Device::flex())
            .reshape([2, 1, 1, 1])
            .repeat(&[1, 3, 20, 20]);
        let regions = [
            region(1, 0, 0, 16),
            region(0, 4, 4, 16),
            region(1, 2, 2, 10),
        ];
        let crops = crop_regions(x, &regions).expect("regions inside");
        assert_eq!(crops.dims(), [3, 3, 32, 32]);
        let means: Vec<f32> = to_vec(crops.mean_dims(&[1, 2, 3]));
        for (mean, expected) in means.iter().zip([2.0, 1.0, 2.0]) {
            assert!((mean - expected).abs() < 1e-5, "{means:?}");
        }
    }

    #[test]
    fn bad_regions_are_errors() {
        let x = sample([1, 3, 20, 20], 1.0, &Device::flex());
        assert!(crop_regions(x.clone(), &[]).is_err());
        for bad in [
            region(1, 0, 0, 16),
            region(0, 5, 0, 16),
            region(0, 0, 5, 16),
            region(0, 0, 0, 0),
        ] {
            let error = crop_regions(x.clone(), &[bad]).expect_err("a region outside");
            assert!(error.to_string().contains("side"), "{error}");
        }
    }

    #[test]
    fn loss_by_hand() {
        let device = Device::flex();
        let output = Tensor::<4>::full([1, 3, 20, 20], 0.75, &device);
        let photo = Tensor::<4>::full([1, 3, 20, 20], 0.25, &device);
        let features = |x: Tensor<4>| x.mul_scalar(4.0);
        let regions = [region(0, 2, 2, 16)];
        let loss = landmark_loss(output.clone(), photo.clone(), &regions, &features)
            .expect("a region inside")
            .into_scalar::<f32>();
        assert!((loss - 4.0).abs() < 1e-4, "{loss}");
        let none = landmark_loss(output, photo, &[], &features).expect("no regions are fine");
        assert_eq!(none.into_scalar::<f32>(), 0.0);
    }

    #[test]
    fn gradients() {
        let shape = [2, 3, 10, 8];
        let regions = [region(0, 1, 2, 7), region(1, 0, 1, 8)];
        assert_gradient(shape, 1.0, |x| {
            let photo = sample(shape, 2.0, &x.device());
            landmark_loss(x, photo, &regions, &|x| x.tanh()).expect("regions inside")
        });
    }
}
