//! Weights as safetensors files without a header of ours, as checkpoints store them.

use anyhow::Result;
use nijigen::model::Weights;
use safetensors::tensor::{Dtype, TensorView};

/// The bytes of a safetensors file with all of `weights` in f32.
///
/// # Errors
/// If a tensor's shape does not fit its values.
pub fn weights_bytes(weights: &Weights) -> Result<Vec<u8>> {
    let stored: Vec<(&String, &[usize], Vec<u8>)> = weights
        .iter()
        .map(|(name, tensor)| {
            let bytes = tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect();
            (name, &tensor.shape[..], bytes)
        })
        .collect();
    let views: Vec<(&String, TensorView)> = stored
        .iter()
        .map(|(name, shape, bytes)| {
            Ok((*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes)?))
        })
        .collect::<Result<_>>()?;
    Ok(safetensors::serialize(views, None)?)
}
