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
            for (at, tensor) in operator.outputs.iter().zip(made) {
                tensors[*at] = Some(tensor);
            }
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

    /// What an operator makes: nothing of a constant, which is found where it was.
    fn compute(
        &self,
        operator: &Operator,
        tensors: &[Option<Tensor<4>>],
    ) -> Result<Vec<Tensor<4>>> {
        let value = |at: usize| -> Result<Tensor<4>> {
            let index = *operator.inputs.get(at).context("an input is missing")?;
            tensors[index].clone().context("an input is not computed")
        };
        if operator.kind == Kind::Dequantize {
            return Ok(Vec::new());
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
            Kind::MaxPoolingWithArgmax => return Ok(max_pool_and_place(input)?.into()),
            Kind::MaxUnpooling => unpool(input, value(1)?)?,
            Kind::Concatenation => {
                let parts: Result<Vec<_>> = (0..operator.inputs.len()).map(value).collect();
                Tensor::cat(parts?, 1)
            }
            Kind::Conv(window, activation) => {
                // Out, height, width, in.
                let filter = self.constant(operator, 1)?.permute([0, 3, 1, 2]);
                let [_, _, height, width] = filter.dims();
                let input = pad_same(input, window, [height, width], 0.0);
                let options = ConvOptions::new(window.stride, [0, 0], window.dilation, 1);
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
                let options = ConvOptions::new(window.stride, [0, 0], window.dilation, channels);
                let made = conv2d(input, filter, Some(self.bias(operator)?), options);
                activate(made, activation)
            }
            Kind::TransposeConv(window) => {
                // Out, height, width, in.
                let filter = self.constant(operator, 1)?.permute([3, 0, 1, 2]);
                let [_, _, height, width] = filter.dims();
                ensure!(
                    window.same || window.stride == [height, width],
                    "only filters that don't overlap are known, or the padding \"same\""
                );
                let [_, _, rows, columns] = input.dims();
                let sides = [rows * window.stride[0], columns * window.stride[1]];
                let options = ConvTransposeOptions::new(window.stride, [0, 0], [0, 0], [1, 1], 1);
                let made = conv_transpose2d(input, filter, Some(self.bias(operator)?), options);
                // A filter that is one pixel larger than its stride reaches beyond the end.
                made.narrow(2, 0, sides[0]).narrow(3, 0, sides[1])
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
            Kind::Dequantize => return Ok(Vec::new()),
        };
        Ok(vec![made])
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
            .find(|other| other.outputs.contains(&index));
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
    let missing = |side: usize, axis: usize| {
        let (stride, reach) = (
            window.stride[axis],
            (size[axis] - 1) * window.dilation[axis] + 1,
        );
        ((side.div_ceil(stride) - 1) * stride + reach).saturating_sub(side)
    };
    let (down, right) = (missing(height, 0), missing(width, 1));
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

/// The largest of each 2 x 2 pixels, and its place in these, row by row.
fn max_pool_and_place(tensor: Tensor<4>) -> Result<[Tensor<4>; 2]> {
    let [_, channels, height, width] = tensor.dims();
    ensure!(
        height % 2 == 0 && width % 2 == 0,
        "only even sides are pooled, not {height} x {width} pixels"
    );
    let device = tensor.device();
    let values = tensor_values(tensor)?;
    let (mut most, mut places) = (Vec::new(), Vec::new());
    for rows in values.chunks_exact(2 * width) {
        for x in (0..width).step_by(2) {
            let window = [rows[x], rows[x + 1], rows[width + x], rows[width + x + 1]];
            let place = (1..4).fold(0, |best, i| if window[i] > window[best] { i } else { best });
            most.push(window[place]);
            places.push(place as f32);
        }
    }
    let shape = [1, channels, height / 2, width / 2];
    Ok([most, places].map(|values| Tensor::from_data(TensorData::new(values, shape), &device)))
}

/// Each pixel at a place of 2 x 2, and zeros at the others.
fn unpool(tensor: Tensor<4>, places: Tensor<4>) -> Result<Tensor<4>> {
    let [_, channels, height, width] = tensor.dims();
    ensure!(
        places.dims() == tensor.dims(),
        "values and places have different shapes"
    );
    let device = tensor.device();
    let (values, places) = (tensor_values(tensor)?, tensor_values(places)?);
    let mut out = vec![0.0; 4 * values.len()];
    for (i, (value, place)) in values.into_iter().zip(places).enumerate() {
        let (row, column, place) = (i / width, i % width, place as usize);
        out[(2 * row + place / 2) * 2 * width + 2 * column + place % 2] = value;
    }
    let data = TensorData::new(out, [1, channels, 2 * height, 2 * width]);
    Ok(Tensor::from_data(data, &device))
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
            dilation: [1; 2],
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
    fn dilated_filters_are_padded_by_their_reach() {
        let window = Window {
            same: true,
            stride: [1, 1],
            size: [0; 2],
            dilation: [2, 4],
        };
        let padded = pad_same(picture(&[1.0; 16], [1, 1, 4, 4]), window, [3, 3], 0.0);
        assert_eq!(padded.dims(), [1, 1, 8, 12]);
    }

    #[test]
    fn what_was_pooled_goes_back_to_its_place() -> Result<()> {
        let values = [1.0, 2.0, 7.0, 0.0, 4.0, 3.0, -1.0, 6.0];
        let [most, places] = max_pool_and_place(picture(&values, [1, 1, 2, 4]))?;
        assert_eq!(tensor_values(most.clone())?, [4.0, 7.0]);
        assert_eq!(tensor_values(places.clone())?, [2.0, 0.0]);
        let back = tensor_values(unpool(most, places)?)?;
        assert_eq!(back, [0.0, 0.0, 7.0, 0.0, 4.0, 0.0, 0.0, 0.0]);
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
