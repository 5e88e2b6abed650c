//! A layer's tensors in the order in which its shader reads them.

use super::kernel::{GROUP, Kernel};
use crate::model::{Layer, Weights};

/// Vectors of four floats: the kernel's, the bias, and gamma and beta by turns.
pub struct Packed {
    pub values: Vec<f32>,
    /// The vector at which the bias begins; 0 for none.
    pub bias: u32,
    /// The vector at which gamma and beta begin.
    pub gamma: u32,
}

impl Packed {
    /// Packs what `check_weights` has found.
    pub fn new(layer: &Layer, kernel: Kernel, weights: &Weights) -> Self {
        let tensor = |name: String| weights.get(&name).map(|tensor| &tensor.values[..]);
        let side = layer
            .convolution()
            .map_or(1, |convolution| convolution.kernel);
        let kernel_values = tensor(layer.path.weight()).unwrap_or_default();
        let mut values = match kernel {
            Kernel::Depthwise { .. } => depthwise(kernel_values, layer.channels, side),
            Kernel::Dense { .. } | Kernel::Point | Kernel::Head { .. } => dense(
                kernel_values,
                [layer.channels, layer.channels_in],
                side,
                kernel.out_groups(),
            ),
        };
        let vectors = |values: &[f32]| (values.len() / GROUP) as u32;
        let mut bias = 0;
        if let Some(tensor) = tensor(layer.path.bias()) {
            bias = vectors(&values);
            values.extend(in_groups(tensor));
        }
        let gamma = vectors(&values);
        let norm = |name| tensor(format!("{}.{name}", layer.path.norm()));
        if let (Some(gamma), Some(beta)) = (norm("gamma"), norm("beta")) {
            let (gamma, beta): (Vec<f32>, Vec<f32>) =
                (in_groups(gamma).collect(), in_groups(beta).collect());
            for (gamma, beta) in gamma.chunks(GROUP).zip(beta.chunks(GROUP)) {
                values.extend(gamma);
                values.extend(beta);
            }
        }
        Self {
            values,
            bias,
            gamma,
        }
    }

    /// Bytes.
    pub fn bytes(&self) -> u64 {
        4 * self.values.len() as u64
    }
}

/// Values with zeros behind them that fill the last group.
fn in_groups(values: &[f32]) -> impl Iterator<Item = f32> {
    let zeros = values.len().next_multiple_of(GROUP) - values.len();
    values
        .iter()
        .copied()
        .chain(std::iter::repeat_n(0.0, zeros))
}

/// `[out][in][side][side]` as `[block][group in][ky][kx][group of the block][in][out]`.
fn dense(weights: &[f32], [out, inputs]: [usize; 2], side: usize, block_groups: usize) -> Vec<f32> {
    let block = block_groups * GROUP;
    let mut packed = Vec::with_capacity(
        out.next_multiple_of(block) * inputs.next_multiple_of(GROUP) * side * side,
    );
    for first_out in (0..out).step_by(block) {
        for first_in in (0..inputs).step_by(GROUP) {
            for tap in 0..side * side {
                for group in 0..block_groups {
                    for i in first_in..first_in + GROUP {
                        for o in first_out + group * GROUP..first_out + (group + 1) * GROUP {
                            packed.push(match o < out && i < inputs {
                                true => weights[(o * inputs + i) * side * side + tap],
                                false => 0.0,
                            });
                        }
                    }
                }
            }
        }
    }
    packed
}

/// `[channel][side][side]` as `[group][ky][kx][channel of the group]`.
fn depthwise(weights: &[f32], channels: usize, side: usize) -> Vec<f32> {
    let mut packed = Vec::with_capacity(channels.next_multiple_of(GROUP) * side * side);
    for first in (0..channels).step_by(GROUP) {
        for tap in 0..side * side {
            for channel in first..first + GROUP {
                packed.push(match channel < channels {
                    true => weights[channel * side * side + tap],
                    false => 0.0,
                });
            }
        }
    }
    packed
}
