//! First weights that carry the photo's colours to the output.
//!
//! A generator without skips has to learn to copy first, and colours last: they are a small part
//! of a photo's variance and drown in a dozen random layers (the network stays sepia for thousands
//! of steps). Six channels of each layer therefore start as plus and minus of red, green and blue,
//! by Dirac kernels (Zagoruyko and Komodakis, 2017, arXiv:1706.00388), in pairs because LeakyReLU
//! bends each of the two but not their difference; all other channels stay random. The first
//! output is the photo, blurred, and the rest is learnt on top.

use nijigen::model::{ConvSpec, GeneratorConfig, StridePadding, TensorValues, Weights};

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
    let mut edit = |name: String, change: &dyn Fn(&mut TensorValues)| {
        if let Some(tensor) = weights.get_mut(&name) {
            change(tensor);
        }
    };
    let centre = |kernel: usize| vec![(kernel / 2, kernel / 2)];
    for (i, spec) in config.encoder.iter().enumerate() {
        let taps = match spec.stride {
            2 => two_by_two(config.stride_padding),
            _ => centre(spec.kernel),
        };
        edit(format!("encoder.{i}.conv.weight"), &|tensor| {
            if i == 0 {
                set_rows(tensor, &taps, |colour| vec![(colour, 1.0)]);
            } else {
                set_rows(tensor, &taps, difference);
            }
        });
    }
    let mut channels = config.encoder.last().map_or(COLOURS, |spec| spec.channels);
    for (i, spec) in config.residuals.iter().enumerate() {
        let residual = channels == spec.channels;
        channels = spec.channels;
        edit(format!("residuals.{i}.expand.conv.weight"), &|tensor| {
            set_rows(tensor, &centre(1), difference);
        });
        edit(format!("residuals.{i}.depthwise.conv.weight"), &|tensor| {
            for kernel in tensor.values.chunks_mut(9).take(PATH) {
                kernel.fill(0.0);
                kernel[4] = 1.0;
            }
        });
        edit(format!("residuals.{i}.project.weight"), &|tensor| {
            if residual {
                // The input is added: the path needs nothing more.
                set_rows(tensor, &[], difference);
            } else {
                set_rows(tensor, &centre(1), difference);
            }
        });
    }
    let stages = config.decoder.iter().enumerate();
    let decoder = stages.flat_map(|(i, stage)| {
        let name = move |j| format!("decoder.{i}.convs.{j}.conv.weight");
        stage
            .convs
            .iter()
            .enumerate()
            .map(move |(j, spec)| (name(j), spec))
    });
    let bridge = config.bridge.iter().enumerate();
    let bridge = bridge.map(|(i, spec)| (format!("bridge.{i}.conv.weight"), spec));
    for (name, &ConvSpec { kernel, .. }) in bridge.chain(decoder) {
        edit(name, &|tensor| {
            set_rows(tensor, &centre(kernel), difference)
        });
    }
    edit("head.weight".to_owned(), &|tensor| {
        let [outputs, inputs, kernel] = [tensor.shape[0], tensor.shape[1], tensor.shape[2]];
        tensor.values.fill(0.0);
        let area = kernel * kernel;
        for colour in 0..outputs {
            for (input, weight) in [(2 * colour, HEAD), (2 * colour + 1, -HEAD)] {
                tensor.values[(colour * inputs + input) * area + area / 2] = weight;
            }
        }
    });
}

/// The kernel positions of the two by two pixels that a stride of two reduces to one.
fn two_by_two(padding: StridePadding) -> Vec<(usize, usize)> {
    let first = match padding {
        StridePadding::RightBottom => 0,
        StridePadding::Symmetric => 1,
    };
    (0..4).map(|i| (first + i / 2, first + i % 2)).collect()
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
