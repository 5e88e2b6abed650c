//! The generator network: its configuration and weights as data, and its one definition in Burn
//! for the WebGPU engine, the trainer and the tests.

mod config;
#[cfg(feature = "burn")]
mod generator;
mod layers;
mod module_path;
#[cfg(feature = "burn")]
mod module_weights;
mod operator;
#[cfg(feature = "burn")]
mod ops;
mod public_keys;
#[cfg(feature = "burn")]
mod resize;
#[cfg(feature = "training")]
mod training_ops;
mod validate;
mod weights;

pub use config::{
    ConvSpec, DecoderStage, GeneratorConfig, HeadSpec, NEGATIVE_SLOPE, ResidualSpec, Shortcut,
    StridePadding, TensorSpec, Upsampling,
};
#[cfg(feature = "burn")]
pub use generator::{Generator, Tap};
pub use layers::{Activation, Convolution, Layer, LayerKind, Resize};
pub use module_path::ModulePath;
#[cfg(feature = "burn")]
pub use module_weights::{ParameterVisitor, load_weights, read_weights, visit_parameters};
pub use operator::{Attribute, Operator};
pub use public_keys::{PublicLayout, public_key};
pub use weights::{TensorValues, Weights};
