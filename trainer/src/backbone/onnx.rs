//! The weights inside ONNX files: as much of the format as that takes.
//!
//! Field numbers are those of `onnx.proto`; protobuf readers skip all other fields.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use nijigen::model::TensorValues;
use prost::Message;

/// `TensorProto.DataType.FLOAT`.
const FLOAT: i32 = 1;

#[derive(Clone, PartialEq, Message)]
pub(super) struct ModelProto {
    #[prost(message, optional, tag = "7")]
    pub graph: Option<GraphProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct GraphProto {
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<TensorProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    #[prost(float, repeated, tag = "4")]
    pub float_data: Vec<f32>,
    #[prost(string, tag = "8")]
    pub name: String,
    #[prost(bytes = "vec", tag = "9")]
    pub raw_data: Vec<u8>,
}

/// The initialisers of an ONNX model (its weights) by name.
pub struct Initializers(BTreeMap<String, TensorProto>);

impl Initializers {
    /// Reads an ONNX model.
    ///
    /// # Errors
    /// If it is not one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let model = ModelProto::decode(bytes).context("not an ONNX model")?;
        let graph = model.graph.context("not an ONNX model: it has no graph")?;
        let named = graph.initializer.into_iter();
        Ok(Self(
            named.map(|tensor| (tensor.name.clone(), tensor)).collect(),
        ))
    }

    /// Takes an initialiser out; `None` if there is none of that name.
    ///
    /// # Errors
    /// If it is not made of 32-bit floating-point numbers, or not of as many, kept in the model
    /// itself, as its shape says.
    pub fn take(&mut self, name: &str) -> Result<Option<TensorValues>> {
        let Some(tensor) = self.0.remove(name) else {
            return Ok(None);
        };
        ensure!(
            tensor.data_type == FLOAT,
            "tensor {name} has ONNX's data type {}, expected {FLOAT} (32-bit floating point)",
            tensor.data_type
        );
        let dims = tensor.dims.iter().map(|dim| usize::try_from(*dim).ok());
        let shape = dims
            .collect::<Option<Vec<usize>>>()
            .with_context(|| format!("tensor {name} has the shape {:?}", tensor.dims))?;
        // Writers use one of the two fields.
        let values = if tensor.raw_data.is_empty() {
            tensor.float_data
        } else {
            let (chunks, rest) = tensor.raw_data.as_chunks();
            ensure!(
                rest.is_empty(),
                "tensor {name} has {} bytes, expected a multiple of 4",
                tensor.raw_data.len()
            );
            chunks.iter().map(|b| f32::from_le_bytes(*b)).collect()
        };
        let count = shape.iter().try_fold(1usize, |n, dim| n.checked_mul(*dim));
        ensure!(
            count == Some(values.len()),
            "tensor {name} has {} values, expected as many as its shape {shape:?} says",
            values.len()
        );
        Ok(Some(TensorValues { shape, values }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, dims: &[i64]) -> TensorProto {
        TensorProto {
            dims: dims.to_vec(),
            data_type: FLOAT,
            name: name.into(),
            ..Default::default()
        }
    }

    fn initializers(tensors: Vec<TensorProto>) -> Result<Initializers> {
        let graph = GraphProto {
            initializer: tensors,
        };
        let model = ModelProto { graph: Some(graph) };
        Initializers::from_bytes(&model.encode_to_vec())
    }

    #[test]
    fn reads_both_fields_that_hold_floats() -> Result<()> {
        let mut raw = tensor("raw", &[2, 1]);
        raw.raw_data = [1.5f32, -2.0].map(f32::to_le_bytes).concat();
        let mut floats = tensor("floats", &[3]);
        floats.float_data = vec![0.25, 0.5, 4.0];
        let mut initializers = initializers(vec![raw, floats])?;
        let raw = initializers.take("raw")?.expect("it was put there");
        assert_eq!((raw.shape, raw.values), (vec![2, 1], vec![1.5, -2.0]));
        let floats = initializers.take("floats")?.expect("it was put there");
        assert_eq!(floats.values, [0.25, 0.5, 4.0]);
        assert_eq!(initializers.take("raw")?, None);
        Ok(())
    }

    #[test]
    fn skips_fields_that_are_not_needed() -> Result<()> {
        let mut tensor = tensor("a", &[1]);
        tensor.float_data = vec![1.0];
        let graph = GraphProto {
            initializer: vec![tensor],
        };
        // Field 1 (ir_version) and field 2 (producer_name) come before the graph in real files.
        let mut bytes = vec![0x08, 0x07, 0x12, 0x01, b'p'];
        bytes.extend(ModelProto { graph: Some(graph) }.encode_to_vec());
        let taken = Initializers::from_bytes(&bytes)?.take("a")?;
        assert_eq!(taken.expect("it was put there").values, [1.0]);
        Ok(())
    }

    #[test]
    fn other_tensors_are_refused() {
        let mut int64 = tensor("a", &[1]);
        int64.data_type = 7;
        int64.raw_data = vec![0; 8];
        let mut odd = tensor("a", &[1]);
        odd.raw_data = vec![0; 5];
        let mut few = tensor("a", &[2, 2]);
        few.float_data = vec![0.0; 3];
        let elsewhere = tensor("a", &[2]);
        let huge = tensor("a", &[i64::MAX, i64::MAX]);
        for (tensor, expected) in [
            (int64, "data type 7"),
            (odd, "5 bytes"),
            (few, "3 values"),
            (elsewhere, "0 values"),
            (huge, "0 values"),
            (tensor("a", &[-1]), "shape [-1]"),
        ] {
            let error = initializers(vec![tensor])
                .and_then(|mut initializers| initializers.take("a"))
                .expect_err(expected);
            let error = format!("{error:#}");
            assert!(error.contains("tensor a has"), "{error}");
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn other_files_are_refused() {
        for bytes in [&b"\x89PNG\r\n"[..], b""] {
            let error = Initializers::from_bytes(bytes).err().expect("not a model");
            assert!(error.to_string().contains("not an ONNX model"));
        }
    }
}
