//! The numbers that a training step's networks compute in.
//!
//! Weights, optimisers, losses and the moving average stay in f32; with [`Precision::Bf16`] networks
//! are given copies of their weights rounded to bfloat16, and gradients reach the f32 weights through
//! the rounding (Micikevicius et al. 2018, "Mixed Precision Training"; bfloat16 has f32's range, so
//! that losses need no scaling).

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{FloatDType, Tensor};
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// bfloat16, for devices that compute with it faster, such as `tch` on processors with
    /// instructions for it.
    Bf16,
}

impl Precision {
    fn dtype(self) -> FloatDType {
        match self {
            Self::F32 => FloatDType::F32,
            Self::Bf16 => FloatDType::BF16,
        }
    }

    /// `x` in this precision.
    pub fn of<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        x.cast(self.dtype())
    }

    /// A network with the weights of `module` in this precision; gradients are those of `module`.
    pub fn of_module<M: Module>(self, module: &M) -> M {
        match self {
            Self::F32 => module.clone(),
            Self::Bf16 => module.clone().map(&mut ToPrecision(self)),
        }
    }
}

/// `x` in f32, which losses are computed in.
pub fn in_f32<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Precision::F32.of(x)
}

struct ToPrecision(Precision);

impl ModuleMapper for ToPrecision {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = param.consume();
        Param::from_mapped_value(id, self.0.of(value), mapper)
    }
}

#[cfg(test)]
mod tests {
    use burn::optim::GradientsParams;
    use burn::tensor::{DType, Device, TensorData};
    use nijigen::model::GeneratorConfig;

    use super::*;

    #[test]
    fn rounded_networks_pass_their_gradients_to_the_weights() {
        let device = Device::flex().autodiff();
        let mut config = GeneratorConfig::deep();
        config.residuals.truncate(1);
        let generator = config.init(&device).expect("valid");
        let values: Vec<f32> = (0..3 * 32 * 32).map(|i| (i as f32 * 0.7).sin()).collect();
        let x = Tensor::<4>::from_data(TensorData::new(values, [1, 3, 32, 32]), &device);
        let gradients = |precision: Precision| {
            let network = precision.of_module(&generator);
            let output = network.forward(precision.of(x.clone()));
            assert_eq!(output.dtype(), DType::from(precision.dtype()));
            let loss = (in_f32(output) - 0.3).abs().mean();
            let value = loss.clone().into_scalar::<f32>();
            let gradients = GradientsParams::from_grads(loss.backward(), &generator);
            let mut norms = Norms(gradients, Vec::new());
            generator.visit(&mut norms);
            (value, norms.1)
        };
        let ((exact, exact_norms), (rounded, rounded_norms)) =
            (gradients(Precision::F32), gradients(Precision::Bf16));
        assert_ne!(exact, rounded, "it was computed in f32");
        assert!(
            (exact - rounded).abs() < 0.01 * exact,
            "{rounded}, expected {exact}"
        );
        assert_eq!(exact_norms.len(), rounded_norms.len());
        let length = |norms: &[f32]| norms.iter().map(|x| x * x).sum::<f32>().sqrt();
        let (exact, rounded) = (length(&exact_norms), length(&rounded_norms));
        assert!(
            (exact - rounded).abs() < 0.05 * exact,
            "{rounded}, expected {exact}"
        );
    }

    /// Lengths of all parameters' gradients, which are in f32.
    struct Norms(GradientsParams, Vec<f32>);

    impl burn::module::ModuleVisitor for Norms {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = self.0.get::<D>(param.id).expect("every weight has one");
            assert_eq!(gradient.dtype(), DType::F32);
            self.1
                .push(gradient.square().sum().sqrt().into_scalar::<f32>());
        }
    }
}
