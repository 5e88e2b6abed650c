//! Writing style files.

use std::collections::HashMap;

use half::f16;
use safetensors::{Dtype as StDtype, tensor::TensorView};

use super::int8::{SCALE_SUFFIX, is_quantisable, quantise};
use super::{Dtype, METADATA_KEY, Style};
use crate::error::{Error, Result};
use crate::model::TensorValues;

/// A tensor of the file: storage type, shape, bytes.
type Stored = (StDtype, Vec<usize>, Vec<u8>);

impl Style {
    /// The style file's bytes, with weights stored as the header's `dtype`.
    ///
    /// # Errors
    /// [`Error::StyleInvalid`] if a weight is too large for f16, naming it.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut stored: Vec<(String, Stored)> = Vec::new();
        for (name, tensor) in &self.weights {
            let shape = tensor.shape.clone();
            let (dtype, bytes) = match self.header.dtype {
                Dtype::F32 => (StDtype::F32, f32_bytes(&tensor.values)),
                Dtype::Int8
                    if is_quantisable(&shape) && !self.header.f16_tensors.contains(name) =>
                {
                    let (integers, scales) = quantise(tensor);
                    let scales = (StDtype::F32, vec![scales.len()], f32_bytes(&scales));
                    stored.push((format!("{name}{SCALE_SUFFIX}"), scales));
                    let bytes = integers.into_iter().map(i8::cast_unsigned).collect();
                    (StDtype::I8, bytes)
                }
                Dtype::F16 | Dtype::Int8 => (StDtype::F16, f16_bytes(name, tensor)?),
            };
            stored.push((name.clone(), (dtype, shape, bytes)));
        }
        let views: Vec<(&String, TensorView)> = stored
            .iter()
            .map(|(name, (dtype, shape, bytes))| {
                let view = TensorView::new(*dtype, shape.clone(), bytes).map_err(invalid)?;
                Ok((name, view))
            })
            .collect::<Result<_>>()?;
        let header = serde_json::to_string(&self.header).map_err(invalid)?;
        // One entry only: the library writes entries in a random order, and the same style should
        // give the same bytes.
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), header)]);
        safetensors::serialize(views, Some(metadata)).map_err(invalid)
    }
}

fn invalid(error: impl std::fmt::Display) -> Error {
    Error::StyleInvalid(error.to_string())
}

fn f32_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn f16_bytes(name: &str, tensor: &TensorValues) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(tensor.values.len() * 2);
    for &value in &tensor.values {
        let stored = f16::from_f32(value);
        if !stored.is_finite() {
            return Err(Error::StyleInvalid(format!(
                "tensor {name} has the value {value}, beyond the range of f16 (65504)"
            )));
        }
        bytes.extend(stored.to_le_bytes());
    }
    Ok(bytes)
}
