//! Writing style files.

use std::collections::HashMap;

use half::f16;
use safetensors::{Dtype as StDtype, tensor::TensorView};

use super::{Dtype, METADATA_KEY, Style};
use crate::error::{Error, Result};
use crate::model::TensorValues;

impl Style {
    /// The style file's bytes, with weights stored as the header's `dtype`.
    ///
    /// # Errors
    /// [`Error::StyleInvalid`] if a weight is too large for f16, naming it.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let dtype = self.header.dtype;
        let stored: Vec<(&String, &[usize], Vec<u8>)> = self
            .weights
            .iter()
            .map(|(name, tensor)| Ok((name, &tensor.shape[..], encode(name, tensor, dtype)?)))
            .collect::<Result<_>>()?;
        let st_dtype = match dtype {
            Dtype::F32 => StDtype::F32,
            Dtype::F16 => StDtype::F16,
        };
        let views: Vec<(&String, TensorView)> = stored
            .iter()
            .map(|(name, shape, bytes)| {
                Ok((
                    *name,
                    TensorView::new(st_dtype, shape.to_vec(), bytes).map_err(invalid)?,
                ))
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

fn encode(name: &str, tensor: &TensorValues, dtype: Dtype) -> Result<Vec<u8>> {
    let values = &tensor.values;
    match dtype {
        Dtype::F32 => Ok(values.iter().flat_map(|v| v.to_le_bytes()).collect()),
        Dtype::F16 => {
            let mut bytes = Vec::with_capacity(values.len() * 2);
            for &value in values {
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
    }
}
