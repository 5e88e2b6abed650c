//! Changes to a higher resolution, in Burn.

#[cfg(feature = "training")]
use burn::tensor::Device;
use burn::tensor::Tensor;
#[cfg(feature = "training")]
use burn::tensor::TensorData;
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};

use super::config::{PIXELS_OF_DEPTH, Upsampling};
#[cfg(feature = "training")]
use crate::geometry::bilinear_taps;

/// Brings `x` to `[height, width]`; for depth-to-space at most twice its own.
///
/// # Shapes
/// - input: `[batch, channels, from_height, from_width]`
/// - output: `[batch, channels, height, width]`, a quarter of the channels for depth-to-space
pub(super) fn resize(x: Tensor<4>, size: [usize; 2], by: Upsampling) -> Tensor<4> {
    match by {
        Upsampling::AlignCorners => bilinear(x, size, true),
        Upsampling::HalfPixel => bilinear(x, size, false),
        Upsampling::DepthToSpace => depth_to_space(x, size),
    }
}

fn bilinear(x: Tensor<4>, [height, width]: [usize; 2], align_corners: bool) -> Tensor<4> {
    #[cfg(feature = "training")]
    if x.device().is_autodiff() {
        return bilinear_by_products(x, [height, width], align_corners);
    }
    interpolate(
        x,
        InterpolateOptions::new(InterpolateMode::Bilinear)
            .with_align_corners(align_corners)
            .with_output_size([height, width]),
    )
}

fn depth_to_space(x: Tensor<4>, [height, width]: [usize; 2]) -> Tensor<4> {
    let [batch, channels, height_in, width_in] = x.dims();
    let channels = channels / PIXELS_OF_DEPTH;
    let x = x
        .reshape([batch, channels, 2, 2, height_in, width_in])
        .permute([0, 1, 4, 2, 5, 3])
        .reshape([batch, channels, 2 * height_in, 2 * width_in]);
    if [2 * height_in, 2 * width_in] == [height, width] {
        return x;
    }
    x.slice([0..batch, 0..channels, 0..height, 0..width])
}

/// The same as two matrix products: Burn's GPU backends have no gradient of bilinear
/// interpolation.
#[cfg(feature = "training")]
fn bilinear_by_products(
    x: Tensor<4>,
    [height, width]: [usize; 2],
    align_corners: bool,
) -> Tensor<4> {
    let [batch, channels, height_in, width_in] = x.dims();
    let matrix = |from, to| {
        // Taps of ×2 are multiples of 1/4, exact in any precision; others are rounded to it.
        interpolation_matrix(from, to, align_corners, &x.device()).cast(x.dtype())
    };
    let rows = matrix(height_in, height);
    let columns = matrix(width_in, width);
    x.reshape([batch * channels * height_in, width_in])
        .matmul(columns.transpose())
        .reshape([batch * channels, height_in, width])
        .swap_dims(1, 2)
        .reshape([batch * channels * width, height_in])
        .matmul(rows.transpose())
        .reshape([batch * channels, width, height])
        .swap_dims(1, 2)
        .reshape([batch, channels, height, width])
}

/// The matrix `[to, from]` of linear interpolation from `from` to `to` values.
#[cfg(feature = "training")]
fn interpolation_matrix(from: usize, to: usize, align_corners: bool, device: &Device) -> Tensor<2> {
    let mut values = vec![0.0f32; to * from];
    for (row, tap) in values
        .chunks_exact_mut(from)
        .zip(bilinear_taps(from, to, align_corners))
    {
        row[tap.low] += 1.0 - tap.weight;
        row[tap.high] += tap.weight;
    }
    Tensor::from_data(TensorData::new(values, [to, from]), device)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};

    use super::*;

    #[test]
    fn four_channels_become_the_pixels_of_one() {
        let device = Device::flex();
        let values: Vec<f32> = (0..16).map(|i| i as f32).collect();
        let x = Tensor::from_data(TensorData::new(values, [1, 8, 1, 2]), &device);
        let values = |x: Tensor<4>| x.into_data().try_into_vec::<f32>().expect("f32");
        let whole = depth_to_space(x.clone(), [2, 4]);
        assert_eq!(whole.dims(), [1, 2, 2, 4]);
        let whole = values(whole);
        assert_eq!(whole[..8], [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
        assert_eq!(whole[8..12], [8.0, 10.0, 9.0, 11.0]);
        let cut = values(depth_to_space(x, [1, 3]));
        assert_eq!(cut, [0.0, 2.0, 1.0, 8.0, 10.0, 9.0]);
    }
}
