//! 8-bit storage of convolution weights: symmetric, with a scale for each output channel, as the CPU
//! engine's 8-bit products take them.

use crate::error::{Error, Result};
use crate::model::TensorValues;

/// Added to a tensor's name: the tensor `[out]` (f32) of what its integers are multiples of.
pub const SCALE_SUFFIX: &str = ".scale";

/// Largest stored integer.
const LIMIT: f32 = 127.0;

/// An output channel of fewer weights is stored as f16: a scale would cost as much as it saves.
const MIN_CHANNEL_WEIGHTS: usize = 64;

/// Whether a tensor of this shape is stored in 8 bits, where a style asks for it.
pub(super) fn is_quantisable(shape: &[usize]) -> bool {
    matches!(shape, [_, rest @ ..] if rest.len() == 3
        && rest.iter().product::<usize>() >= MIN_CHANNEL_WEIGHTS)
}

/// The integers and the scale of each output channel.
pub(super) fn quantise(tensor: &TensorValues) -> (Vec<i8>, Vec<f32>) {
    let channel_len: usize = tensor.shape[1..].iter().product();
    let mut integers = Vec::with_capacity(tensor.values.len());
    let mut scales = Vec::with_capacity(tensor.shape[0]);
    for channel in tensor.values.chunks_exact(channel_len) {
        let largest = channel.iter().fold(0.0, |most: f32, w| most.max(w.abs()));
        let scale = largest / LIMIT;
        // Casts saturate, and a channel of zeros divides to NaN, which becomes 0.
        integers.extend(channel.iter().map(|w| (w / scale).round() as i8));
        scales.push(scale);
    }
    (integers, scales)
}

/// The weights that integers of this name and shape stand for.
///
/// # Errors
/// [`Error::StyleInvalid`] if the scales are not one for each output channel.
pub(super) fn dequantise(
    name: &str,
    shape: &[usize],
    integers: &[u8],
    scales: &[f32],
) -> Result<Vec<f32>> {
    let channels = shape.first().copied().unwrap_or(0);
    if scales.len() != channels || channels == 0 {
        return Err(Error::StyleInvalid(format!(
            "tensor {name}{SCALE_SUFFIX} has {} values, expected one for each of {channels} output \
             channels",
            scales.len()
        )));
    }
    let channel_len = integers.len() / channels;
    Ok(integers
        .iter()
        .enumerate()
        .map(|(i, byte)| f32::from(byte.cast_signed()) * scales[i / channel_len])
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_come_back_within_half_a_step_and_exactly_the_second_time() {
        let values: Vec<f32> = (0..3 * 64)
            .map(|i| match i / 64 {
                0 => ((i * 37) % 101) as f32 / 50.0 - 1.0,
                1 => 0.0,
                _ => ((i * 53) % 97) as f32 * -1e-3,
            })
            .collect();
        let tensor = TensorValues {
            shape: vec![3, 64, 1, 1],
            values,
        };
        let (integers, scales) = quantise(&tensor);
        assert_eq!(scales[1], 0.0);
        let bytes: Vec<u8> = integers.iter().map(|i| i.cast_unsigned()).collect();
        let values = dequantise("w", &tensor.shape, &bytes, &scales).unwrap();
        for (i, (a, b)) in values.iter().zip(&tensor.values).enumerate() {
            assert!((a - b).abs() <= 0.5001 * scales[i / 64], "{i}: {a} and {b}");
        }
        let again = TensorValues { values, ..tensor };
        assert_eq!(quantise(&again).0, integers);
    }

    #[test]
    fn small_channels_and_vectors_stay_in_floating_point() {
        assert!(is_quantisable(&[24, 64, 1, 1]));
        assert!(is_quantisable(&[1, 8, 3, 3]));
        assert!(!is_quantisable(&[512, 1, 3, 3]));
        assert!(!is_quantisable(&[64]));
        assert!(!is_quantisable(&[]));
    }
}
