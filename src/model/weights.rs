//! Weights as plain values.

use std::collections::BTreeMap;

use super::config::GeneratorConfig;
use crate::error::{Error, Result};

/// One tensor on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorValues {
    /// Dimensions.
    pub shape: Vec<usize>,
    /// Values in row-major order.
    pub values: Vec<f32>,
}

/// All tensors of a generator by module path, such as `encoder.0.conv.weight`.
pub type Weights = BTreeMap<String, TensorValues>;

impl GeneratorConfig {
    /// Checks that `weights` has exactly the tensors of this network, in their shapes, all
    /// finite.
    ///
    /// # Errors
    /// [`Error::StyleInvalid`] naming the first tensor that is missing, unknown, of a wrong shape
    /// or not finite.
    pub fn check_weights(&self, weights: &Weights) -> Result<()> {
        let specs = self.tensors();
        for spec in &specs {
            let Some(tensor) = weights.get(&spec.name) else {
                return Err(Error::StyleInvalid(format!(
                    "tensor {} is missing",
                    spec.name
                )));
            };
            let count: usize = spec.shape.iter().product();
            if tensor.shape != spec.shape || tensor.values.len() != count {
                return Err(Error::StyleInvalid(format!(
                    "tensor {} has shape {:?} and {} values, expected {:?}",
                    spec.name,
                    tensor.shape,
                    tensor.values.len(),
                    spec.shape
                )));
            }
            if let Some((i, value)) = tensor
                .values
                .iter()
                .enumerate()
                .find(|(_, v)| !v.is_finite())
            {
                return Err(Error::StyleInvalid(format!(
                    "tensor {} has the value {value} at {i}, expected finite numbers",
                    spec.name
                )));
            }
        }
        if weights.len() != specs.len() {
            let unknown = weights
                .keys()
                .find(|name| !specs.iter().any(|spec| &spec.name == *name));
            return Err(Error::StyleInvalid(format!(
                "tensor {} does not belong to this network",
                unknown.map_or("?", |name| name)
            )));
        }
        Ok(())
    }
}
