//! How much each channel of a generator matters for its pictures.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use burn::module::Param;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use clap::ValueEnum;
use image::RgbImage;
use nijigen::model::{Generator, ParameterVisitor, visit_parameters};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::wiring::Wiring;
use crate::picture::{picture_tensor, tensor_values};

/// Measures of importance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Measure {
    /// The picture's squared change, to first order, if the channel were zero.
    Gradient,
    /// The channel's mean absolute activation, relative to the others of its group.
    Activation,
}

/// The importance of every channel, by group, as means over `photos`.
///
/// # Errors
/// If there are no photos, or the device cannot be read.
pub fn importance(
    measure: Measure,
    generator: &Generator,
    wiring: &Wiring,
    photos: &[RgbImage],
    device: &Device,
) -> Result<Vec<Vec<f64>>> {
    ensure!(
        !photos.is_empty(),
        "there are no photos to measure the channels' importance on"
    );
    let mut sums: Vec<Vec<f64>> = wiring.widths.iter().map(|&w| vec![0.0; w]).collect();
    for (i, photo) in photos.iter().enumerate() {
        let of_photo = match measure {
            Measure::Gradient => {
                let seed = i as u64;
                gradients(generator, wiring, photo, seed, &device.clone().autodiff())?
            }
            Measure::Activation => activations(generator, wiring, photo, device)?,
        };
        for (sums, values) in sums.iter_mut().zip(of_photo) {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += value / photos.len() as f64;
            }
        }
    }
    if measure == Measure::Activation {
        for group in &mut sums {
            let mean = group.iter().sum::<f64>() / group.len() as f64;
            for value in group {
                *value /= mean.max(f64::MIN_POSITIVE);
            }
        }
    }
    Ok(sums)
}

/// Mean absolute activations.
fn activations(
    generator: &Generator,
    wiring: &Wiring,
    photo: &RgbImage,
    device: &Device,
) -> Result<Vec<Vec<f64>>> {
    let mut means: Vec<(usize, Tensor<1>)> = Vec::new();
    generator.forward_layers(picture_tensor(photo, device), |layer, x| {
        if let Some(&group) = wiring.layers.get(&layer.path) {
            let channels = x.dims()[1];
            let mean = x.clone().abs().mean_dims(&[2, 3]).reshape([channels]);
            means.push((group, mean));
        }
    });
    let mut sums: Vec<Vec<f64>> = wiring.widths.iter().map(|&w| vec![0.0; w]).collect();
    for (group, mean) in means {
        for (sum, value) in sums[group].iter_mut().zip(tensor_values(mean)?) {
            *sum += f64::from(value);
        }
    }
    Ok(sums)
}

/// Squared activation times gradient (Molchanov et al., 2017, arXiv:1611.06440), summed over the
/// picture, of the output's product with random signs. The mean of its square over signs is the
/// squared change of the output, so no loss is needed, which a trained network would have at its
/// minimum anyway.
///
/// LeakyReLU is proportional to its input on either side of zero, so activation times gradient is
/// the same before and after it; and before it the activation is `gamma * normalised + beta`.
/// Hence the sum over the picture is `gamma * d/dgamma + beta * d/dbeta`.
fn gradients(
    generator: &Generator,
    wiring: &Wiring,
    photo: &RgbImage,
    seed: u64,
    device: &Device,
) -> Result<Vec<Vec<f64>>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let output = generator.forward(picture_tensor(photo, device));
    let shape = output.dims();
    let signs = (0..shape.iter().product())
        .map(|_| if rng.random_bool(0.5) { 1.0f32 } else { -1.0 })
        .collect();
    let signs = Tensor::<4>::from_data(TensorData::new(signs, shape), device);
    let gradients = (output * signs).sum().backward();
    let mut products = Products {
        gradients: GradientsParams::from_grads(gradients, generator),
        products: Ok(BTreeMap::new()),
    };
    visit_parameters(generator, &mut products);
    let mut sums: Vec<Vec<f64>> = wiring.widths.iter().map(|&w| vec![0.0; w]).collect();
    for (name, values) in products.products? {
        let is_norm = name.ends_with(".gamma") || name.ends_with(".beta");
        if let Some(group) = wiring.group_of(&name).filter(|_| is_norm) {
            for (sum, value) in sums[group].iter_mut().zip(values) {
                *sum += f64::from(value);
            }
        }
    }
    for value in sums.iter_mut().flatten() {
        *value *= *value;
    }
    Ok(sums)
}

/// Collects each one-dimensional parameter times its gradient, by its name.
struct Products {
    gradients: GradientsParams,
    products: Result<BTreeMap<String, Vec<f32>>>,
}

impl ParameterVisitor for Products {
    fn visit<const D: usize>(&mut self, path: &str, parameter: &Param<Tensor<D>>) {
        if D != 1 {
            return;
        }
        let (Ok(products), Some(gradient)) =
            (&mut self.products, self.gradients.get::<D>(parameter.id))
        else {
            return;
        };
        match tensor_values(parameter.val().inner() * gradient) {
            Ok(values) => {
                products.insert(path.to_owned(), values);
            }
            Err(error) => self.products = Err(error).context(path.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use nijigen::model::{GeneratorConfig, ModulePath};

    use super::*;

    fn photo() -> RgbImage {
        RgbImage::from_fn(32, 32, |x, y| {
            image::Rgb([(x * 8) as u8, (y * 8) as u8, ((x * y) % 256) as u8])
        })
    }

    fn small() -> GeneratorConfig {
        let mut config = GeneratorConfig::tiny();
        config.residuals.truncate(2);
        config
    }

    #[test]
    fn channels_that_are_always_zero_do_not_matter() {
        let device = Device::flex();
        device.seed(3);
        let config = small();
        let wiring = Wiring::new(&config);
        let mut weights = config.init(&device).unwrap().weights().unwrap();
        let dead = 5;
        for norm in [
            "residuals.0.expand.norm.gamma",
            "residuals.0.expand.norm.beta",
            "residuals.0.depthwise.norm.gamma",
            "residuals.0.depthwise.norm.beta",
        ] {
            weights.get_mut(norm).expect("its name").values[dead] = 0.0;
        }
        let hidden = wiring.layers[&ModulePath::Expand(0)];
        for measure in [Measure::Gradient, Measure::Activation] {
            let with_gradient = match measure {
                Measure::Gradient => device.clone().autodiff(),
                Measure::Activation => device.clone(),
            };
            let generator = config.init_with(&weights, &with_gradient).unwrap();
            let scores = importance(measure, &generator, &wiring, &[photo()], &device).unwrap();
            assert_eq!(scores[hidden][dead], 0.0, "{measure:?}");
            let others = scores.iter().flatten().filter(|&&score| score > 0.0);
            assert!(others.count() > 400, "{measure:?}");
        }
    }

    /// The first-order change is what a small step towards zero really changes.
    #[test]
    fn gradients_predict_the_change_of_the_output() {
        let device = Device::flex();
        device.seed(5);
        let config = small();
        let wiring = Wiring::new(&config);
        let weights = config.init(&device).unwrap().weights().unwrap();
        let generator = config
            .init_with(&weights, &device.clone().autodiff())
            .unwrap();
        let hidden = wiring.layers[&ModulePath::Depthwise(1)];
        let scores = |seeds: std::ops::Range<u64>| {
            let mut sum = vec![0.0; wiring.widths[hidden]];
            for seed in seeds {
                let one = gradients(
                    &generator,
                    &wiring,
                    &photo(),
                    seed,
                    &device.clone().autodiff(),
                );
                for (sum, value) in sum.iter_mut().zip(&one.unwrap()[hidden]) {
                    *sum += value;
                }
            }
            sum
        };
        let few = scores(0..24);
        let change = |channel: usize| {
            let step = 1e-2f32;
            let mut less = weights.clone();
            for suffix in ["gamma", "beta"] {
                // Both belong to the group.
                for norm in ["residuals.1.depthwise.norm", "residuals.1.expand.norm"] {
                    let tensor = less.get_mut(&format!("{norm}.{suffix}")).expect("its name");
                    tensor.values[channel] *= 1.0 - step;
                }
            }
            let output = |weights| {
                let generator = config.init_with(weights, &device).unwrap();
                tensor_values(generator.forward(picture_tensor(&photo(), &device))).unwrap()
            };
            let (before, after) = (output(&weights), output(&less));
            let squares = before.iter().zip(&after).map(|(a, b)| {
                let change = f64::from(a - b) / f64::from(step);
                change * change
            });
            squares.sum::<f64>()
        };
        let mut ratios: Vec<f64> = (0..12).map(|c| few[c] / 24.0 / change(c)).collect();
        ratios.sort_by(f64::total_cmp);
        let middle = ratios[6];
        assert!((0.5..2.0).contains(&middle), "{ratios:?}");
    }

    #[test]
    fn without_photos_nothing_is_measured() {
        let device = Device::flex();
        let config = small();
        let generator = config.init(&device).unwrap();
        let wiring = Wiring::new(&config);
        let error = importance(Measure::Activation, &generator, &wiring, &[], &device);
        assert!(
            error
                .expect_err("refused")
                .to_string()
                .contains("no photos")
        );
    }
}
