//! Adam with clipping by the norm of all gradients, on modules whose parameters have stable names.

use anyhow::{Result, anyhow};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::Tensor;

use super::shares::Scale;
use crate::config::OptimiserConfig;

/// Adam's numerical guard, as PyTorch has it.
const EPSILON: f32 = 1e-8;

/// Adam (Kingma and Ba, 2015) after clipping the norm of the whole gradient.
pub struct Optimiser {
    adam: ModuleOptimizer,
    clip: f32,
}

impl Optimiser {
    /// Without any state yet.
    pub fn new(config: &OptimiserConfig) -> Self {
        Self {
            adam: AdamConfig::new()
                .with_beta_1(config.beta_1)
                .with_beta_2(config.beta_2)
                .with_epsilon(EPSILON)
                .init(),
            clip: config.gradient_clip,
        }
    }

    /// Moves the parameters of `module` down `gradients`; returns it and the gradient's norm
    /// before clipping. A gradient that is not finite changes nothing.
    ///
    /// # Errors
    /// If the device cannot be read.
    pub fn step<M: Module>(
        &mut self,
        module: M,
        mut gradients: GradientsParams,
        rate: f64,
    ) -> Result<(M, f32)> {
        let mut sum = SquaredSum {
            gradients: &gradients,
            squares: Vec::new(),
        };
        module.visit(&mut sum);
        if sum.squares.is_empty() {
            return Ok((module, 0.0));
        }
        let norm = Tensor::cat(sum.squares, 0)
            .sum()
            .sqrt()
            .try_into_scalar::<f32>()
            .map_err(|error| anyhow!("cannot read the device: {error:?}"))?;
        if !norm.is_finite() {
            return Ok((module, norm));
        }
        if norm > self.clip {
            module.visit(&mut Scale {
                gradients: &mut gradients,
                factor: self.clip / norm,
            });
        }
        Ok((self.adam.step(rate, module, gradients), norm))
    }

    /// The moments and step counts, for a checkpoint.
    ///
    /// # Errors
    /// If the device cannot be read.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let bytes = self
            .adam
            .into_bytes()
            .map_err(|error| anyhow!("cannot store the optimiser's state: {error:?}"))?;
        Ok(bytes.to_vec())
    }

    /// With the state of [`Optimiser::to_bytes`], for a module with the same parameter names.
    ///
    /// # Errors
    /// If `bytes` are not such a state.
    pub fn load(self, bytes: Vec<u8>) -> Result<Self> {
        let adam = self
            .adam
            .from_bytes(burn::tensor::Bytes::from_bytes_vec(bytes))
            .map_err(|error| anyhow!("cannot read the optimiser's state: {error:?}"))?;
        Ok(Self { adam, ..self })
    }
}

/// Collects the squared norm of each gradient.
struct SquaredSum<'a> {
    gradients: &'a GradientsParams,
    squares: Vec<Tensor<1>>,
}

impl ModuleVisitor for SquaredSum<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.squares.push(gradient.powi_scalar(2).sum());
        }
    }
}

/// Names the parameters of a module after their paths. Burn numbers them at random, but the
/// optimiser's state is stored by number and has to find them again in the next process.
pub fn with_stable_ids<M: Module>(module: M) -> M {
    module.map(&mut StableIds { path: Vec::new() })
}

struct StableIds {
    path: Vec<String>,
}

impl ModuleMapper for StableIds {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let value = param.val();
        param.transform_for_load(value, ParamId::from(fnv1a(&self.path.join("."))))
    }
}

/// The FNV-1a hash (Fowler, Noll and Vo), stable across versions, unlike the standard library's.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Device;
    use nijigen::model::{load_weights, read_weights};

    fn gradients(module: &Linear, scale: f32, device: &Device) -> GradientsParams {
        let x = Tensor::<2>::from_floats([[1.0, -2.0, 0.5]], device);
        let gradients = (module.forward(x).powi_scalar(2).sum() * scale).backward();
        GradientsParams::from_grads(gradients, module)
    }

    #[test]
    fn a_long_gradient_is_clipped_as_a_whole() {
        let device = Device::flex().autodiff();
        let module = with_stable_ids(LinearConfig::new(3, 2).init(&device));
        let config = OptimiserConfig {
            gradient_clip: 0.5,
            ..Default::default()
        };
        let mut params = gradients(&module, 100.0, &device);
        let mut norm = SquaredSum {
            gradients: &params,
            squares: Vec::new(),
        };
        module.visit(&mut norm);
        assert_eq!(norm.squares.len(), 2, "weight and bias");
        let before = Tensor::cat(norm.squares, 0)
            .sum()
            .sqrt()
            .into_scalar::<f32>();
        assert!(before > 0.5);
        module.visit(&mut Scale {
            gradients: &mut params,
            factor: config.gradient_clip / before,
        });
        let mut norm = SquaredSum {
            gradients: &params,
            squares: Vec::new(),
        };
        module.visit(&mut norm);
        let after = Tensor::cat(norm.squares, 0)
            .sum()
            .sqrt()
            .into_scalar::<f32>();
        assert!((after - 0.5).abs() < 1e-5, "{after}");
        let (_, told) = Optimiser::new(&config)
            .step(module.clone(), gradients(&module, 100.0, &device), 0.1)
            .expect("flex can be read");
        assert!((told - before).abs() < 1e-3 * before);
    }

    #[test]
    fn stored_state_goes_on_exactly() {
        let device = Device::flex().autodiff();
        let mut module = with_stable_ids(LinearConfig::new(3, 2).init(&device));
        let config = OptimiserConfig::default();
        let mut optimiser = Optimiser::new(&config);
        let step = |module: Linear, optimiser: &mut Optimiser| {
            let gradients = gradients(&module, 1.0, &device);
            optimiser
                .step(module, gradients, 0.05)
                .expect("flex can be read")
                .0
        };
        for _ in 0..3 {
            module = step(module, &mut optimiser);
        }
        let state = optimiser.to_bytes().expect("flex can be read");
        let weights = read_weights(&module).expect("flex can be read");

        // Another process: new parameters, loaded.
        let fresh = with_stable_ids(LinearConfig::new(3, 2).init(&device));
        let mut other = load_weights(fresh, &weights, &device);
        let mut other_optimiser = Optimiser::new(&config).load(state).expect("it was stored");
        for _ in 0..3 {
            module = step(module, &mut optimiser);
            other = step(other, &mut other_optimiser);
        }
        assert_eq!(
            read_weights(&module).expect("flex can be read"),
            read_weights(&other).expect("flex can be read")
        );
    }

    #[test]
    fn what_is_not_finite_changes_nothing() {
        let device = Device::flex().autodiff();
        let module = with_stable_ids(LinearConfig::new(3, 2).init(&device));
        let before = read_weights(&module).expect("flex can be read");
        let gradients = gradients(&module, f32::INFINITY, &device);
        let (module, norm) = Optimiser::new(&OptimiserConfig::default())
            .step(module, gradients, 0.1)
            .expect("flex can be read");
        assert!(!norm.is_finite());
        assert_eq!(read_weights(&module).expect("flex can be read"), before);
    }
}
