//! The values of ONNX tensors.

use anyhow::{Context, Result, bail, ensure};
use half::{bf16, f16};
use nijigen::model::TensorValues;

use super::proto::TensorProto;

/// `TensorProto.DataType`.
pub mod data_type {
    pub const FLOAT: i32 = 1;
    pub const UINT8: i32 = 2;
    pub const INT8: i32 = 3;
    pub const INT64: i32 = 7;
    pub const FLOAT16: i32 = 10;
    pub const DOUBLE: i32 = 11;
    pub const BFLOAT16: i32 = 16;
}

/// A tensor's dimensions.
///
/// # Errors
/// If one is negative.
pub fn shape(tensor: &TensorProto) -> Result<Vec<usize>> {
    let dims = tensor.dims.iter().map(|dim| usize::try_from(*dim).ok());
    dims.collect::<Option<_>>()
        .with_context(|| format!("tensor {} has the shape {:?}", tensor.name, tensor.dims))
}

/// A tensor's values in row-major order, little-endian.
///
/// # Errors
/// If it is neither of floating-point numbers nor of 8-bit integers, or not of as many, kept in the
/// model itself, as its shape says.
pub fn bytes(tensor: &TensorProto) -> Result<Vec<u8>> {
    let name = &tensor.name;
    ensure!(
        tensor.data_location == 0,
        "tensor {name} keeps its values in another file, expected them in the model itself"
    );
    let width: usize = match tensor.data_type {
        data_type::INT8 => 1,
        data_type::FLOAT16 | data_type::BFLOAT16 => 2,
        data_type::FLOAT => 4,
        data_type::DOUBLE => 8,
        other => bail!(
            "tensor {name} has ONNX's data type {other}, expected floating point (1, 10, 11 or 16) \
             or 8-bit integers (3)"
        ),
    };
    let bytes = if !tensor.raw_data.is_empty() {
        tensor.raw_data.clone()
    } else {
        match tensor.data_type {
            data_type::FLOAT => each(&tensor.float_data, f32::to_le_bytes),
            data_type::DOUBLE => each(&tensor.double_data, f64::to_le_bytes),
            // The low bytes hold the value.
            data_type::INT8 => each(&tensor.int32_data, |v| [v.to_le_bytes()[0]]),
            _ => each(&tensor.int32_data, |v| {
                let [low, high, ..] = v.to_le_bytes();
                [low, high]
            }),
        }
    };
    let shape = shape(tensor)?;
    let count = shape.iter().try_fold(width, |n, dim| n.checked_mul(*dim));
    ensure!(
        count == Some(bytes.len()),
        "tensor {name} has {} bytes, expected {width} for each value of its shape {shape:?}",
        bytes.len()
    );
    Ok(bytes)
}

/// A tensor of floating-point numbers, as f32.
///
/// # Errors
/// As [`bytes`], and if it is made of integers.
pub fn floats(tensor: &TensorProto) -> Result<TensorValues> {
    let bytes = bytes(tensor)?;
    let values = match tensor.data_type {
        data_type::FLOAT => read(&bytes, f32::from_le_bytes),
        data_type::DOUBLE => read(&bytes, |b| f64::from_le_bytes(b) as f32),
        data_type::FLOAT16 => read(&bytes, |b| f16::from_le_bytes(b).to_f32()),
        data_type::BFLOAT16 => read(&bytes, |b| bf16::from_le_bytes(b).to_f32()),
        other => bail!(
            "tensor {} has ONNX's data type {other}, expected floating point (1, 10, 11 or 16)",
            tensor.name
        ),
    };
    Ok(TensorValues {
        shape: shape(tensor)?,
        values,
    })
}

fn each<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|value| bytes(*value)).collect()
}

fn read<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|b| value(*b)).collect()
}
