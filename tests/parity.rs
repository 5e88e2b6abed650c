//! The networks against PyTorch: whole outputs and every step's activation, with weights from a
//! formula. The golden files are made by `golden/make_golden.py`.
#![cfg(feature = "flex")]
#![allow(missing_docs)]

mod formula;

use burn::tensor::{Device, Tensor, TensorData};
use nijigen::model::{GeneratorConfig, PublicLayout, Upsampling};
use safetensors::SafeTensors;

/// Sums of up to 4,608 products in f32, in another order than PyTorch's, through 17 steps.
const TOLERANCE: f32 = 2e-5;

fn golden(bytes: &[u8], name: &str) -> Vec<f32> {
    let file = SafeTensors::deserialize(bytes).expect("a golden file");
    let view = file.tensor(name).unwrap_or_else(|_| panic!("no {name}"));
    view.data()
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}

fn assert_close(name: &str, actual: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(actual.len(), expected.len(), "{name}");
    let worst = actual
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(worst <= tolerance, "{name}: off by {worst}");
    assert!(actual.iter().all(|v| v.is_finite()), "{name}");
}

fn check(config: &GeneratorConfig, layout: PublicLayout, file: &[u8], mode: &str) {
    let device = Device::flex();
    let generator = config
        .init_with(&formula::weights(config, Some(layout)), &device)
        .expect("the formula's weights fit");
    for (height, width) in [(64, 64), (50, 66)] {
        let size = format!("{height}x{width}");
        let input = formula::values("input", 3 * height * width);
        let input: Vec<f32> = input.into_iter().map(|v| v as f32).collect();
        let x = Tensor::<4>::from_data(TensorData::new(input, [1, 3, height, width]), &device);
        let mut activations = Vec::new();
        let output = generator.forward_observed(x, |_, activation| {
            let values = activation.to_data().try_into_vec::<f32>().expect("f32");
            activations.push(values.into_iter().step_by(61).collect::<Vec<_>>());
        });
        assert_eq!(activations.len(), config.step_count());
        if height == 64 {
            for (step, activation) in activations.iter().enumerate() {
                let name = format!("{size}.{mode}.block.{step}");
                // Activations before tanh are a few units large.
                assert_close(&name, activation, &golden(file, &name), 4.0 * TOLERANCE);
            }
        }
        assert_eq!(output.dims(), [1, 3, height, width]);
        let name = format!("{size}.{mode}.output");
        let output = output.into_data().try_into_vec::<f32>().expect("f32");
        assert_close(&name, &output, &golden(file, &name), TOLERANCE);
    }
}

#[test]
fn animegan2_align_corners() {
    let file = include_bytes!("golden/animegan2.safetensors");
    let config = GeneratorConfig::animegan2();
    check(&config, PublicLayout::Animegan2, file, "align_corners");
}

#[test]
fn animegan2_half_pixel() {
    let file = include_bytes!("golden/animegan2.safetensors");
    let config = GeneratorConfig::animegan2().with_upsampling(Upsampling::HalfPixel);
    check(&config, PublicLayout::Animegan2, file, "half_pixel");
}

#[test]
fn compact() {
    let file = include_bytes!("golden/compact.safetensors");
    check(
        &GeneratorConfig::compact(),
        PublicLayout::Compact,
        file,
        "half_pixel",
    );
}

#[test]
fn weights_round_trip() {
    let config = GeneratorConfig::compact();
    let weights = formula::weights(&config, None);
    let generator = config
        .init_with(&weights, &Device::flex())
        .expect("the formula's weights fit");
    assert_eq!(generator.weights().expect("readable"), weights);
}
