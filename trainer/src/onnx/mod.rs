//! Styles as ONNX models and back, for other runtimes.
//!
//! An ONNX model made here holds the style file's header and its weights as they are stored, so
//! that the style file can be made of it again. Models of other tools are read for their weights
//! only, see [`weights`].

mod command;
mod export;
mod import;
mod proto;
mod tensor;
#[cfg(test)]
mod tests;
mod weights;

pub use command::{OnnxArguments, run};
pub use import::{is_style, read_model};
#[cfg(test)]
pub use proto::GraphProto;
pub use proto::{ModelProto, TensorProto};
pub use tensor::{data_type, floats};
pub use weights::{upsampling, weights};

/// The operator set that models are written for.
const OPSET: i64 = 17;

/// The operator sets that are read: before 11, `Resize` had no coordinates to choose; after 28
/// nobody has looked.
const READ_OPSETS: std::ops::RangeInclusive<i64> = 11..=28;
