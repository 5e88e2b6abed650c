//! The weights inside ONNX files, by name.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use nijigen::model::TensorValues;
use prost::Message;

use crate::onnx::{ModelProto, TensorProto, data_type, floats};

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
            tensor.data_type == data_type::FLOAT,
            "tensor {name} has ONNX's data type {}, expected {} (32-bit floating point)",
            tensor.data_type,
            data_type::FLOAT
        );
        floats(&tensor).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::GraphProto;

    fn tensor(name: &str, dims: &[i64]) -> TensorProto {
        TensorProto {
            dims: dims.to_vec(),
            data_type: data_type::FLOAT,
            name: name.into(),
            ..Default::default()
        }
    }

    fn model(initializer: Vec<TensorProto>) -> ModelProto {
        let graph = GraphProto {
            initializer,
            ..Default::default()
        };
        ModelProto {
            graph: Some(graph),
            ..Default::default()
        }
    }

    fn initializers(tensors: Vec<TensorProto>) -> Result<Initializers> {
        Initializers::from_bytes(&model(tensors).encode_to_vec())
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
        // Field 3 (producer_version) and field 5 (model_version) come before the graph in real files.
        let mut bytes = vec![0x1a, 0x01, b'2', 0x28, 0x07];
        bytes.extend(model(vec![tensor]).encode_to_vec());
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
            (few, "12 bytes"),
            (elsewhere, "0 bytes"),
            (huge, "0 bytes"),
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
