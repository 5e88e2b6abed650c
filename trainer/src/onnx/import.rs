//! ONNX models that were made of style files, back to style files.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use nijigen::style::{MAX_STYLE_BYTES, METADATA_KEY, SCALE_SUFFIX, Style, StyleHeader};
use prost::Message;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::READ_OPSETS;
use super::proto::{ModelProto, TensorProto};
use super::tensor::{bytes, data_type, shape};

/// A tensor of the style file: name, type, shape, bytes.
type Stored = (String, Dtype, Vec<usize>, Vec<u8>);

/// Reads an ONNX model.
///
/// # Errors
/// If it is none, or too large for a style, or for operators that are not known here.
pub fn read_model(file: &[u8]) -> Result<ModelProto> {
    ensure!(
        file.len() <= MAX_STYLE_BYTES,
        "it has {} bytes, expected at most {MAX_STYLE_BYTES}",
        file.len()
    );
    let model = ModelProto::decode(file).context("not a whole ONNX model")?;
    ensure!(model.graph.is_some(), "not an ONNX model: it has no graph");
    let standard = |domain: &str| domain.is_empty() || domain == "ai.onnx";
    let opset = model
        .opset_import
        .iter()
        .find(|opset| standard(&opset.domain))
        .context("not a whole ONNX model: it names no operator set")?
        .version;
    ensure!(
        READ_OPSETS.contains(&opset),
        "its operator set is {opset}, expected {} to {}",
        READ_OPSETS.start(),
        READ_OPSETS.end()
    );
    Ok(model)
}

/// The header of the style file that the model was made of; `None` if it was made of none.
fn header(model: &ModelProto) -> Option<&str> {
    let mut entries = model.metadata_props.iter();
    let entry = entries.find(|entry| entry.key == METADATA_KEY)?;
    Some(&entry.value)
}

/// Whether the model was made of a style file.
pub fn is_style(model: &ModelProto) -> bool {
    header(model).is_some()
}

/// The bytes of the style file that `model` was made of: its header and its tensors as they were.
///
/// # Errors
/// If the model was not made of a style file, or no longer holds what its header says, naming the
/// tensor.
pub fn style_file(model: &ModelProto) -> Result<Vec<u8>> {
    let json = header(model).with_context(|| {
        format!(
            "its metadata has no {METADATA_KEY:?}, so it was not made of a style file: take its \
             weights with nijigen import"
        )
    })?;
    let header: StyleHeader = serde_json::from_str(json).context("its header is damaged")?;
    header.validate()?;
    let initializers = model.graph.iter().flat_map(|graph| &graph.initializer);
    let tensors: HashMap<&str, &TensorProto> = initializers
        .map(|tensor| (tensor.name.as_str(), tensor))
        .collect();
    let mut stored: Vec<Stored> = Vec::new();
    for spec in header.generator.tensors() {
        let name = spec.name;
        let tensor = tensors
            .get(name.as_str())
            .with_context(|| format!("tensor {name} is missing"))?;
        // Scales and shifts have dimensions of 1 behind their own, for the arithmetic in the graph.
        let found = shape(tensor)?;
        let mut expected = spec.shape.clone();
        expected.resize(found.len().max(expected.len()), 1);
        ensure!(
            found == expected,
            "tensor {name} has the shape {found:?}, but the header says {:?}",
            spec.shape
        );
        let dtype = match tensor.data_type {
            data_type::FLOAT => Dtype::F32,
            data_type::FLOAT16 => Dtype::F16,
            data_type::INT8 => Dtype::I8,
            other => bail!(
                "tensor {name} has ONNX's data type {other}, expected f32 (1), f16 (10) or 8-bit \
                 integers (3)"
            ),
        };
        if dtype == Dtype::I8 {
            let scale_name = format!("{name}{SCALE_SUFFIX}");
            let scale = tensors
                .get(scale_name.as_str())
                .filter(|scale| scale.data_type == data_type::FLOAT)
                .with_context(|| format!("tensor {scale_name} is missing or not f32"))?;
            stored.push((scale_name, Dtype::F32, shape(scale)?, bytes(scale)?));
        }
        stored.push((name, dtype, spec.shape, bytes(tensor)?));
    }
    let views = stored
        .iter()
        .map(|(name, dtype, shape, bytes)| {
            Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?))
        })
        .collect::<Result<Vec<_>>>()?;
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), json.to_owned())]);
    let file = safetensors::serialize(views, Some(metadata))?;
    Style::from_bytes(&file)?;
    Ok(file)
}
