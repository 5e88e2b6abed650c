//! The way of weights into and out of a [`Generator`].

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};

use super::config::GeneratorConfig;
use super::generator::Generator;
use super::weights::{TensorValues, Weights};
use crate::error::{Error, Result};

impl GeneratorConfig {
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
    let mut save = Save(Ok(Weights::new()));
    visit_parameters(module, &mut save);
    save.0
}

/// Is shown each parameter of a module with its path, such as `encoder.0.conv.weight`.
pub trait ParameterVisitor {
    /// Called for each parameter.
    fn visit<const D: usize>(&mut self, path: &str, parameter: &Param<Tensor<D>>);
}

/// Shows `visitor` the parameters of any module.
pub fn visit_parameters(module: &impl Module, visitor: &mut impl ParameterVisitor) {
    module.visit(&mut Walk {
        visitor,
        path: Vec::new(),
    });
}

/// The way through a module.
struct Walk<'a, V> {
    visitor: &'a mut V,
    path: Vec<String>,
}

impl<V: ParameterVisitor> ModuleVisitor for Walk<'_, V> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.visitor.visit(&self.path.join("."), param);
    }
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
struct Save(Result<Weights>);

impl ParameterVisitor for Save {
    fn visit<const D: usize>(&mut self, path: &str, parameter: &Param<Tensor<D>>) {
        let Ok(weights) = &mut self.0 else {
            return;
        };
        let tensor = parameter.val();
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
                weights.insert(path.to_owned(), TensorValues { shape, values });
            }
            Err(reason) => {
                self.0 = Err(Error::EngineFailed {
                    engine: "burn",
                    reason,
                });
            }
        }
    }
}
