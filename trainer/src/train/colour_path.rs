//! First weights that carry the photo's colours to the output.
//!
//! A generator without skips has to learn to copy first, and colours last: they are a small part
//! of a photo's variance and drown in a dozen random layers (the network stays sepia for thousands
//! of steps). Six channels of each layer therefore start as plus and minus of red, green and blue,
//! by Dirac kernels (Zagoruyko and Komodakis, 2017, arXiv:1706.00388), in pairs because LeakyReLU
//! bends each of the two but not their difference; all other channels stay random. The first
//! output is the photo, blurred, and the rest is learnt on top.

use nijigen::model::{Convolution, GeneratorConfig, LayerKind, ModulePath, TensorValues, Weights};

const COLOURS: usize = 3;
/// Channels of the path in each layer: plus and minus of each colour.
const PATH: usize = 2 * COLOURS;
/// Weight of a pair's difference in the next layer: divided by 1 + the slope of LeakyReLU it would
/// keep its size; half of that keeps it as large as random channels, which normalisation
/// raises.
const CARRY: f32 = 0.5 / 1.2;
/// The same in the head, so that normalised activations come out in the range of a photo.
const HEAD: f32 = 0.4;

/// Overwrites the path's part of the random `weights` of a network of `config`.
pub fn set_colour_path(config: &GeneratorConfig, weights: &mut Weights) {
    let layers = config.layers();
    for layer in &layers {
        let (Some(convolution), Some(tensor)) =
            (layer.convolution(), weights.get_mut(&layer.path.weight()))
        else {
            continue;
        };
        if layer.path == ModulePath::Head {
            set_head(tensor);
        } else if !layer.mixes_channels() {
            let area = convolution.kernel * convolution.kernel;
            for kernel in tensor.values.chunks_mut(area).take(PATH) {
                kernel.fill(0.0);
                kernel[area / 2] = 1.0;
            }
        } else if matches!(layer.path, ModulePath::Project(_)) && layer.adds.is_some() {
            // The input is added: the path needs nothing more.
            set_rows(tensor, &[], difference);
        } else if layers[layer.input].kind == LayerKind::Picture {
            set_rows(tensor, &taps(convolution), |colour| vec![(colour, 1.0)]);
        } else {
            set_rows(tensor, &taps(convolution), difference);
        }
    }
}

/// The kernel positions of what the path takes of a convolution: the pixel in the middle, or the two
/// by two pixels that a stride of two reduces to one.
fn taps(convolution: Convolution) -> Vec<(usize, usize)> {
    let Convolution {
        kernel,
        stride,
        pad_before,
        ..
    } = convolution;
    if stride == 1 {
        return vec![(kernel / 2, kernel / 2)];
    }
    let two = pad_before..pad_before + 2;
    let rows = two.clone();
    rows.flat_map(|y| two.clone().map(move |x| (y, x)))
        .collect()
}

fn set_head(tensor: &mut TensorValues) {
    let [outputs, inputs, kernel] = [tensor.shape[0], tensor.shape[1], tensor.shape[2]];
    tensor.values.fill(0.0);
    let area = kernel * kernel;
    for colour in 0..outputs {
        for (input, weight) in [(2 * colour, HEAD), (2 * colour + 1, -HEAD)] {
            tensor.values[(colour * inputs + input) * area + area / 2] = weight;
        }
    }
}

/// A colour from the pair that carries it.
fn difference(colour: usize) -> Vec<(usize, f32)> {
    vec![(2 * colour, CARRY), (2 * colour + 1, -CARRY)]
}

/// Makes the path's outputs of a convolution, weights `[out, in, kernel, kernel]`, plus and minus
/// of the mean over `taps` of the inputs that `inputs` weighs for each colour.
fn set_rows(
    tensor: &mut TensorValues,
    taps: &[(usize, usize)],
    inputs: impl Fn(usize) -> Vec<(usize, f32)>,
) {
    let [channels, kernel] = [tensor.shape[1], tensor.shape[2]];
    let rows = tensor.values.chunks_mut(channels * kernel * kernel);
    for (output, row) in rows.take(PATH).enumerate() {
        row.fill(0.0);
        let sign = if output % 2 == 0 { 1.0 } else { -1.0 };
        for (input, weight) in inputs(output / 2) {
            for (y, x) in taps {
                row[(input * kernel + y) * kernel + x] = sign * weight / taps.len() as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};

    use super::*;

    /// Colours that differ by a half come out different, each in its own place.
    #[test]
    fn the_first_output_has_the_colours_of_the_photo() {
        const SIDE: usize = 32;
        // Red falls from left to right, green from top to bottom, blue is flat.
        let photo: Vec<f32> = (0..3 * SIDE * SIDE)
            .map(|i| {
                let (colour, y, x) = (i / (SIDE * SIDE), i / SIDE % SIDE, i % SIDE);
                let ramp = |at: usize| 0.8 - 1.6 * at as f32 / (SIDE - 1) as f32;
                [ramp(x), ramp(y), 0.0][colour]
            })
            .collect();
        let device = Device::flex();
        for config in [GeneratorConfig::animegan2(), GeneratorConfig::compact()] {
            device.seed(1);
            let mut weights = config.init(&device).unwrap().weights().unwrap();
            set_colour_path(&config, &mut weights);
            let input = TensorData::new(photo.clone(), [1, 3, SIDE, SIDE]);
            let output = config
                .init_with(&weights, &device)
                .unwrap()
                .forward(Tensor::from_data(input, &device))
                .into_data()
                .try_into_vec::<f32>()
                .unwrap();
            let at = |colour: usize, y: usize, x: usize| output[(colour * SIDE + y) * SIDE + x];
            let [low, mid, high] = [4, SIDE / 2, SIDE - 5];
            assert!(at(0, mid, low) - at(0, mid, high) > 0.5, "red");
            assert!(at(1, low, mid) - at(1, high, mid) > 0.5, "green");
            for (y, x) in [(mid, low), (mid, high), (low, mid), (high, mid)] {
                assert!(at(2, y, x).abs() < 0.2, "blue is {}", at(2, y, x));
            }
        }
    }
}
