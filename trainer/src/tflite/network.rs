//! A graph on Burn's tensors.

use anyhow::{Context, Result, bail, ensure};
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::module::{conv_transpose2d, conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData};

use super::graph::{Activation, Graph, Kind, Operator, Window};
use crate::picture::tensor_values;

/// Values of a picture or of a list, channels last.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// Height, width and channels.
    pub shape: [usize; 3],
    /// Row by row.
    pub values: Vec<f32>,
}

/// A network that can be run.
pub struct Network {
    graph: Graph,
    /// Constants, channels first where they are filters or slopes.
    constants: Vec<Option<Tensor<4>>>,
    device: Device,
}

impl Network {
    /// Reads a TensorFlow Lite file.
    ///
    /// # Errors
    /// If it is damaged or has operators that are not known.
    pub fn read(bytes: &[u8], device: &Device) -> Result<Self> {
        let graph = Graph::read(bytes)?;
        let constants = graph
            .tensors
            .iter()
            .map(|tensor| {
                let values = tensor.constant.clone()?;
                let [a, b, c, d] = four_sides(&tensor.shape)?;
                let data = TensorData::new(values, [a, b, c, d]);
                Some(Tensor::from_data(data, device))
            })
            .collect();
        Ok(Self {
            graph,
            constants,
            device: device.clone(),
        })
    }

    /// Runs it on one picture.
    ///
    /// # Errors
    /// If the picture has not the shape that the network takes, or an operator gets what it can't
    /// take.
    pub fn run(&self, input: &Values) -> Result<Vec<Values>> {
        let expected = &self.graph.tensors[self.graph.input].shape;
        let [height, width, channels] = input.shape;
        ensure!(
            expected[..] == [1, height, width, channels],
            "the network takes {expected:?}, not {:?}",
            input.shape
        );
        let data = TensorData::new(input.values.clone(), [1, height, width, channels]);
        let picture = Tensor::<4>::from_data(data, &self.device).permute([0, 3, 1, 2]);
        let mut tensors: Vec<Option<Tensor<4>>> = vec![None; self.graph.tensors.len()];
        tensors[self.graph.input] = Some(picture);
        for operator in &self.graph.operators {
            let made = self
                .compute(operator, &tensors)
                .with_context(|| format!("{:?}", operator.kind))?;
            tensors[operator.output] = made;
        }
        self.graph
            .outputs
            .iter()
            .map(|at| {
                let tensor = tensors[*at].clone().context("an output is not computed")?;
                let [_, channels, height, width] = tensor.dims();
                Ok(Values {
                    shape: [height, width, channels],
                    values: tensor_values(tensor.permute([0, 2, 3, 1]))?,
                })
            })
            .collect()
    }

    /// What an operator makes; `None` of a constant, which is found where it was.
    fn compute(
        &self,
        operator: &Operator,
        tensors: &[Option<Tensor<4>>],
    ) -> Result<Option<Tensor<4>>> {
        let value = |at: usize| -> Result<Tensor<4>> {
            let index = *operator.inputs.get(at).context("an input is missing")?;
            tensors[index].clone().context("an input is not computed")
        };
        if operator.kind == Kind::Dequantize {
            return Ok(None);
        }
        let input = value(0)?;
        let made = match operator.kind {
            Kind::Add(activation) => activate(input + value(1)?, activation),
            Kind::Mul(activation) => activate(input * value(1)?, activation),
            Kind::AveragePool(window) => {
                let [_, _, height, width] = input.dims();
                ensure!(
                    window.size == [height, width],
                    "only means of all pixels are known"
                );
                input.mean_dim(2).mean_dim(3)
            }
            Kind::MaxPool(window) => {
                ensure!(
                    window.stride == window.size,
                    "only pools that don't overlap are known"
                );
                let input = pad_same(input, window, window.size, f32::MIN);
                max_pool2d(input, MaxPoolOptions::new(window.size))
            }
            Kind::Conv(window, activation) => {
                // Out, height, width, in.
                let filter = self.constant(operator, 1)?.permute([0, 3, 1, 2]);
                let [_, _, height, width] = filter.dims();
                let input = pad_same(input, window, [height, width], 0.0);
                let options = ConvOptions::new(window.stride, [0, 0], [1, 1], 1);
                let made = conv2d(input, filter, Some(self.bias(operator)?), options);
                activate(made, activation)
            }
            Kind::DepthwiseConv(window, activation) => {
                // 1, height, width, channels.
                let filter = self.constant(operator, 1)?.permute([3, 0, 1, 2]);
                let [channels, _, height, width] = filter.dims();
                let input = pad_same(input, window, [height, width], 0.0);
                ensure!(
                    input.dims()[1] == channels,
                    "only one filter a channel is known"
                );
                let options = ConvOptions::new(window.stride, [0, 0], [1, 1], channels);
                let made = conv2d(input, filter, Some(self.bias(operator)?), options);
                activate(made, activation)
            }
            Kind::TransposeConv(window) => {
                // Out, height, width, in.
                let filter = self.constant(operator, 1)?.permute([3, 0, 1, 2]);
                let [_, _, height, width] = filter.dims();
                ensure!(
                    window.stride == [height, width],
                    "only filters that don't overlap are known"
                );
                let options = ConvTransposeOptions::new(window.stride, [0, 0], [0, 0], [1, 1], 1);
                conv_transpose2d(input, filter, Some(self.bias(operator)?), options)
            }
            Kind::Logistic => sigmoid(input),
            Kind::Relu => relu(input),
            Kind::HardSwish => input.clone() * (input + 3.0).clamp(0.0, 6.0) / 6.0,
            Kind::Prelu => {
                let slopes = self.constant(operator, 1)?.permute([0, 3, 1, 2]);
                relu(input.clone()) - relu(-input) * slopes
            }
            Kind::Reshape => {
                let [_, _, height, width] = input.dims();
                ensure!(
                    height * width == 1,
                    "only lists are reshaped, not {height} x {width} pixels"
                );
                input
            }
            Kind::Pad => pad(input, &self.integers(operator, 1)?)?,
            Kind::ResizeBilinear { half_pixel_centers } => {
                let size = self.integers(operator, 1)?;
                let [height, width] = size[..] else {
                    bail!("a size has {} sides", size.len());
                };
                resize(input, [height, width], half_pixel_centers, &self.device)?
            }
            Kind::Dequantize => return Ok(None),
        };
        Ok(Some(made))
    }

    /// The constant that is an operator's input, dequantized or not.
    fn index_of_constant(&self, operator: &Operator, at: usize) -> Result<usize> {
        let index = *operator.inputs.get(at).context("a constant is missing")?;
        if self.graph.tensors[index].constant.is_some() {
            return Ok(index);
        }
        let made_by = self
            .graph
            .operators
            .iter()
            .find(|other| other.output == index);
        made_by
            .filter(|other| other.kind == Kind::Dequantize)
            .and_then(|other| other.inputs.first().copied())
            .context("a filter is not constant")
    }

    fn constant(&self, operator: &Operator, at: usize) -> Result<Tensor<4>> {
        let index = self.index_of_constant(operator, at)?;
        self.constants[index]
            .clone()
            .context("a filter is not constant")
    }

    fn bias(&self, operator: &Operator) -> Result<Tensor<1>> {
        Ok(self.constant(operator, 2)?.flatten(0, 3))
    }

    fn integers(&self, operator: &Operator, at: usize) -> Result<Vec<usize>> {
        let index = self.index_of_constant(operator, at)?;
        let values = self.graph.tensors[index].constant.as_ref();
        let values = values.context("a size is not constant")?;
        Ok(values.iter().map(|v| *v as usize).collect())
    }
}

/// A shape with sides of 1 before it; `None` of more than four sides.
fn four_sides(shape: &[usize]) -> Option<[usize; 4]> {
    let mut sides = [1; 4];
    let start = 4usize.checked_sub(shape.len())?;
    sides[start..].copy_from_slice(shape);
    Some(sides)
}

fn activate(tensor: Tensor<4>, activation: Activation) -> Tensor<4> {
    match activation {
        Activation::None => tensor,
        Activation::Relu => relu(tensor),
        Activation::Relu6 => tensor.clamp(0.0, 6.0),
    }
}

/// Pads the picture as TensorFlow does for the padding "same": the odd pixel comes last.
fn pad_same(tensor: Tensor<4>, window: Window, size: [usize; 2], value: f32) -> Tensor<4> {
    if !window.same {
        return tensor;
    }
    let [_, _, height, width] = tensor.dims();
    let missing = |side: usize, stride: usize, size: usize| {
        ((side.div_ceil(stride) - 1) * stride + size).saturating_sub(side)
    };
    let down = missing(height, window.stride[0], size[0]);
    let right = missing(width, window.stride[1], size[1]);
    let tensor = pad_dimension(tensor, 2, [down / 2, down - down / 2], value);
    pad_dimension(tensor, 3, [right / 2, right - right / 2], value)
}

/// Zeros before and after each dimension, given in pairs, channels last.
fn pad(tensor: Tensor<4>, pairs: &[usize]) -> Result<Tensor<4>> {
    let (pairs, rest) = pairs.as_chunks::<2>();
    ensure!(
        pairs.len() == 4 && rest.is_empty() && pairs[0] == [0, 0],
        "a padding of {pairs:?} is not known"
    );
    let padded = pad_dimension(tensor, 2, pairs[1], 0.0);
    let padded = pad_dimension(padded, 3, pairs[2], 0.0);
    Ok(pad_dimension(padded, 1, pairs[3], 0.0))
}

fn pad_dimension(tensor: Tensor<4>, dimension: usize, by: [usize; 2], value: f32) -> Tensor<4> {
    if by == [0, 0] {
        return tensor;
    }
    let device = tensor.device();
    let shape = tensor.dims();
    let [before, after] = by.map(|count| {
        let mut shape = shape;
        shape[dimension] = count;
        (count > 0).then(|| Tensor::full(shape, value, &device))
    });
    let parts = before.into_iter().chain([tensor]).chain(after).collect();
    Tensor::cat(parts, dimension)
}

/// Bilinear, as TensorFlow does without aligned corners.
fn resize(
    tensor: Tensor<4>,
    [height, width]: [usize; 2],
    half_pixel_centers: bool,
    device: &Device,
) -> Result<Tensor<4>> {
    let [_, channels, old_height, old_width] = tensor.dims();
    let values = tensor_values(tensor)?;
    // Index before, index after and the share of the latter.
    let taps = |to: usize, from: usize| -> Vec<(usize, usize, f32)> {
        let scale = from as f32 / to as f32;
        (0..to)
            .map(|i| {
                let at = if half_pixel_centers {
                    ((i as f32 + 0.5) * scale - 0.5).max(0.0)
                } else {
                    i as f32 * scale
                };
                let before = (at as usize).min(from - 1);
                (before, (before + 1).min(from - 1), at - before as f32)
            })
            .collect()
    };
    let (rows, columns) = (taps(height, old_height), taps(width, old_width));
    let mut out = Vec::with_capacity(channels * height * width);
    for plane in values.chunks_exact(old_height * old_width) {
        for (top, bottom, down) in &rows {
            for (left, right, over) in &columns {
                let mix = |row: usize| {
                    let (a, b) = (
                        plane[row * old_width + left],
                        plane[row * old_width + right],
                    );
                    a + over * (b - a)
                };
                let (above, below) = (mix(*top), mix(*bottom));
                out.push(above + down * (below - above));
            }
        }
    }
    let data = TensorData::new(out, [1, channels, height, width]);
    Ok(Tensor::from_data(data, device))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(values: &[f32], shape: [usize; 4]) -> Tensor<4> {
        Tensor::from_data(TensorData::new(values.to_vec(), shape), &Device::flex())
    }

    #[test]
    fn same_padding_puts_the_odd_pixel_last() -> Result<()> {
        let window = Window {
            same: true,
            stride: [2, 2],
            size: [0; 2],
        };
        let padded = pad_same(picture(&[1.0; 16], [1, 1, 4, 4]), window, [3, 3], 0.0);
        assert_eq!(padded.dims(), [1, 1, 5, 5]);
        let values = tensor_values(padded)?;
        assert_eq!((values[0], values[24]), (1.0, 0.0));
        Ok(())
    }

    #[test]
    fn channels_are_padded_with_zeros() -> Result<()> {
        let padded = pad(
            picture(&[1.0, 2.0], [1, 2, 1, 1]),
            &[0, 0, 0, 0, 0, 0, 0, 2],
        )?;
        assert_eq!(tensor_values(padded)?, [1.0, 2.0, 0.0, 0.0]);
        Ok(())
    }

    #[test]
    fn resizing_is_tensorflows() -> Result<()> {
        let small = || picture(&[0.0, 4.0], [1, 1, 1, 2]);
        let device = Device::flex();
        let corner = tensor_values(resize(small(), [1, 4], false, &device)?)?;
        assert_eq!(corner, [0.0, 2.0, 4.0, 4.0]);
        let center = tensor_values(resize(small(), [1, 4], true, &device)?)?;
        assert_eq!(center, [0.0, 1.0, 3.0, 4.0]);
        Ok(())
    }
}
