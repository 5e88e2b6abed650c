//! Weights as plain values, and the way into and out of a [`Generator`].

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};

use super::config::GeneratorConfig;
use super::generator::Generator;
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

    /// Builds the network with the given weights.
    ///
    /// # Errors
    /// Those of [`GeneratorConfig::validate`] and [`GeneratorConfig::check_weights`].
    pub fn init_with(&self, weights: &Weights, device: &Device) -> Result<Generator> {
        let generator = self.init(device)?;
        self.check_weights(weights)?;
        Ok(load_weights(generator, weights, device))
    }
}

impl Generator {
    /// Copies the weights to the host. Blocks: not for WebGPU in a browser.
    ///
    /// # Errors
    /// [`Error::EngineFailed`] if the device cannot be read.
    pub fn weights(&self) -> Result<Weights> {
        read_weights(self)
    }
}

/// Copies the parameters of any module to the host, by module path. Blocks.
///
/// # Errors
/// [`Error::EngineFailed`] if the device cannot be read.
pub fn read_weights(module: &impl Module) -> Result<Weights> {
    let mut save = Save {
        weights: Ok(Weights::new()),
        path: Vec::new(),
    };
    module.visit(&mut save);
    save.weights
}

/// Replaces the parameters of any module by the tensors of `weights` that have their path as
/// name; parameters without one stay as they are. Whether a parameter is trained stays as it is,
/// too. Shapes are not checked.
pub fn load_weights<M: Module>(module: M, weights: &Weights, device: &Device) -> M {
    module.map(&mut Load {
        weights,
        device,
        path: Vec::new(),
    })
}

/// Replaces each parameter by the tensor that has its path as name.
struct Load<'a> {
    weights: &'a Weights,
    device: &'a Device,
    path: Vec<String>,
}

impl ModuleMapper for Load<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.weights.get(&self.path.join(".")) {
            Some(tensor) => {
                let data = TensorData::new(tensor.values.clone(), tensor.shape.clone());
                let id = param.id;
                param.transform_for_load(Tensor::from_data(data, self.device), id)
            }
            None => param,
        }
    }
}

/// Collects each parameter under its path.
struct Save {
    weights: Result<Weights>,
    path: Vec<String>,
}

impl ModuleVisitor for Save {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Ok(weights) = &mut self.weights else {
            return;
        };
        let tensor = param.val();
        let shape = tensor.dims().to_vec();
        let read = tensor
            .try_into_data()
            .map_err(|error| format!("{error:?}"))
            .and_then(|data| {
                data.try_into_vec::<f32>()
                    .map_err(|error| format!("{error:?}"))
            });
        match read {
            Ok(values) => {
                weights.insert(self.path.join("."), TensorValues { shape, values });
            }
            Err(reason) => {
                self.weights = Err(Error::EngineFailed {
                    engine: "burn",
                    reason,
                });
            }
        }
    }
}
