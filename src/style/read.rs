//! Reading style files: bytes from anywhere, so nothing in them is trusted.

use half::f16;
use safetensors::tensor::TensorView;
use safetensors::{Dtype as StDtype, SafeTensors};
use serde::Deserialize;

use super::header::check_format_version;
use super::int8::{SCALE_SUFFIX, dequantise};
use super::{Dtype, MAX_STYLE_BYTES, METADATA_KEY, Style, StyleHeader};
use crate::error::{Error, Result};
use crate::model::{TensorValues, Weights};

/// The one field that headers of every version have.
#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

impl Style {
    /// Reads a style file.
    ///
    /// # Errors
    /// [`Error::StyleInvalid`] or [`Error::ConfigInvalid`], naming what is wrong: size,
    /// truncation, format version, header field, or tensor (missing, unknown, wrong shape or
    /// type, not finite).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let invalid = |what: String| Error::StyleInvalid(what);
        if bytes.len() > MAX_STYLE_BYTES {
            return Err(invalid(format!(
                "it has {} bytes, expected at most {MAX_STYLE_BYTES}",
                bytes.len()
            )));
        }
        let (_, metadata) = SafeTensors::read_metadata(bytes)
            .map_err(|error| invalid(format!("not a whole safetensors file ({error})")))?;
        let json = metadata
            .metadata()
            .as_ref()
            .and_then(|metadata| metadata.get(METADATA_KEY))
            .ok_or_else(|| {
                invalid("it has no header; is it a bare checkpoint? (import it first)".into())
            })?;
        let damaged = |error| invalid(format!("its header is damaged: {error}"));
        // The version first: another one may have other fields.
        let Version { format_version } = serde_json::from_str(json).map_err(damaged)?;
        check_format_version(format_version)?;
        let header: StyleHeader = serde_json::from_str(json).map_err(damaged)?;
        header.validate()?;
        let file = SafeTensors::deserialize(bytes)
            .map_err(|error| invalid(format!("not a whole safetensors file ({error})")))?;
        let mut weights = Weights::new();
        for (name, view) in file.iter() {
            let integers = |of: &str| matches!(file.tensor(of), Ok(t) if t.dtype() == StDtype::I8);
            if name.strip_suffix(SCALE_SUFFIX).is_some_and(integers) {
                continue;
            }
            let values = decode(&file, name, &view, header.dtype)?;
            let shape = view.shape().to_vec();
            weights.insert(name.to_owned(), TensorValues { shape, values });
        }
        Style::new(header, weights)
    }
}

/// A tensor's values.
fn decode(file: &SafeTensors, name: &str, view: &TensorView, dtype: Dtype) -> Result<Vec<f32>> {
    match (view.dtype(), dtype) {
        (StDtype::F32, Dtype::F32) => Ok(f32_values(view.data())),
        (StDtype::F16, Dtype::F16 | Dtype::Int8) => Ok(view
            .data()
            .chunks_exact(2)
            .map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
            .collect()),
        (StDtype::I8, Dtype::Int8) => {
            let scales = match file.tensor(&format!("{name}{SCALE_SUFFIX}")) {
                Ok(scales) if scales.dtype() == StDtype::F32 => f32_values(scales.data()),
                _ => {
                    return Err(Error::StyleInvalid(format!(
                        "tensor {name}{SCALE_SUFFIX} is missing or not F32"
                    )));
                }
            };
            dequantise(name, view.shape(), view.data(), &scales)
        }
        (stored, _) => Err(Error::StyleInvalid(format!(
            "tensor {name} is stored as {stored:?}, but the header says {dtype:?}"
        ))),
    }
}

fn f32_values(data: &[u8]) -> Vec<f32> {
    data.chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}
