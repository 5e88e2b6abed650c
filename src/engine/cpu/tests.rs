//! Streamed runs against whole ones, and networks with guide planes.

use fearless_simd::Level;
use futures_lite::future::block_on;

use super::bands::Scratches;
use super::executor::Observer;
use super::memory_plan::memory_plan;
use super::network::Network;
use super::precision::Precision;
use super::stream_plan::StreamPlan;
use super::whole::Workspace;
use super::{streamed, whole};
use crate::error::Result;
use crate::imaging::{Photo, Planes};
use crate::kernels::oracle::noise;
use crate::model::{self, GeneratorConfig, TensorValues, Upsampling, Weights};
use four_halvings::four_halvings;
use uneven::{shallow, uneven};

#[path = "../../../tests/four_halvings/mod.rs"]
mod four_halvings;
#[path = "../../../tests/uneven/mod.rs"]
mod uneven;

struct Nobody;

impl Observer for Nobody {
    async fn progress(&mut self, _share: f32) -> Result<()> {
        Ok(())
    }
}

fn weights(config: &GeneratorConfig) -> Weights {
    let tensors = config.tensors().into_iter().enumerate();
    tensors
        .map(|(seed, spec)| {
            let scale = match spec.shape[..] {
                [_, fan_in, kh, kw] => (3.0 / (fan_in * kh * kw) as f32).sqrt(),
                _ => 0.2,
            };
            let offset = f32::from(spec.name.ends_with(".gamma"));
            let values = noise(spec.shape.iter().product(), seed as u32 + 1);
            let values = values.iter().map(|v| offset + v * scale).collect();
            let shape = spec.shape;
            (spec.name, TensorValues { shape, values })
        })
        .collect()
}

fn photo([height, width]: [usize; 2]) -> Photo {
    let noise = noise(height * width * 4, 5);
    let byte = |(i, noise): (usize, &f32)| {
        let (x, y, channel) = (i / 4 % width, i / 4 / width, i % 4);
        match channel {
            3 => [255, 255, 128][x % 3],
            _ => ((x * 3 + y * (channel + 1)) % 200) as u8 + (noise * 27.0 + 27.0) as u8,
        }
    };
    let rgba = noise.iter().enumerate().map(byte).collect();
    Photo::new(width, height, rgba).unwrap()
}

/// The network as a whole.
fn made_whole(network: &Network, photo: &Photo) -> Photo {
    let size = [photo.height(), photo.width()];
    let planes = Planes::from_photo(photo).unwrap();
    let (mut workspace, mut nobody) = (Workspace::default(), Nobody);
    let output = whole::run(network, planes.values(), size, &mut workspace, &mut nobody);
    let output = Planes::new(size[1], size[0], block_on(output).unwrap()).unwrap();
    output.to_photo(photo.clone()).unwrap()
}

/// Streamed with no memory, some, and enough for every map.
fn made_streamed(network: &Network, photo: &Photo) -> [Photo; 3] {
    let size = [photo.height(), photo.width()];
    let most = 4 * memory_plan(network, size).len();
    [0, most, 4 * most].map(|memory| {
        let plan = StreamPlan::new(network, size, memory);
        let (mut scratches, mut nobody) = (Scratches::default(), Nobody);
        let output = streamed::run(network, &plan, photo.clone(), &mut scratches, &mut nobody);
        block_on(output).unwrap()
    })
}

/// Largest difference of two pictures' bytes, and the mean of the squares.
fn difference(a: &Photo, b: &Photo) -> (u8, f64) {
    let pairs = a.rgba().iter().zip(b.rgba());
    let errors: Vec<u8> = pairs.map(|(a, b)| a.abs_diff(*b)).collect();
    let squares: f64 = errors.iter().map(|error| f64::from(*error).powi(2)).sum();
    (
        errors.iter().copied().max().unwrap_or(0),
        squares / errors.len() as f64,
    )
}

fn check(name: &str, config: &GeneratorConfig, sizes: &[[usize; 2]]) {
    config.validate().unwrap();
    let network = Network::new(config, &weights(config), Level::new(), Precision::F32);
    for size in sizes.iter().copied() {
        let photo = photo(size);
        let expected = made_whole(&network, &photo);
        for (output, memory) in made_streamed(&network, &photo)
            .iter()
            .zip(["no", "some", "all"])
        {
            let (worst, squares) = difference(output, &expected);
            assert!(
                worst <= 1,
                "{name} {size:?} with {memory} memory: off by {worst}"
            );
            // Half precision moves few values across the border of two levels.
            assert!(
                squares < 0.05,
                "{name} {size:?} with {memory} memory: {squares}"
            );
        }
    }
}

#[test]
fn compact() {
    let sizes = [[16, 16], [97, 61], [33, 210], [17, 1000]];
    check("compact", &GeneratorConfig::compact(), &sizes);
}

#[test]
fn animegan2() {
    let config = GeneratorConfig::animegan2();
    check("animegan2", &config, &[[16, 16], [67, 50], [18, 301]]);
    let config = config.with_upsampling(Upsampling::HalfPixel);
    check("animegan2", &config, &[[45, 83]]);
}

/// Rounding to 8 bits is a step that the smallest difference moves a value across, so with random
/// weights two runs differ by as much as 8 bits cost. What counts is that they do not cost more.
#[test]
fn in_8_bits() {
    for config in [GeneratorConfig::compact(), GeneratorConfig::animegan2()] {
        let weights = weights(&config);
        let network = |precision| Network::new(&config, &weights, Level::new(), precision);
        let photo = photo([50, 83]);
        let exact = made_whole(&network(Precision::F32), &photo);
        let network = network(Precision::Int8);
        let (_, cost) = difference(&made_whole(&network, &photo), &exact);
        for output in made_streamed(&network, &photo) {
            let (_, squares) = difference(&output, &exact);
            assert!(squares < 1.25 * cost, "{squares}, as a whole {cost}");
        }
    }
}

#[test]
fn networks_of_other_shapes() {
    check("uneven", &uneven(), &[[40, 19], [61, 133]]);
    for halvings in [0, 1] {
        check("shallow", &shallow(halvings), &[[16, 17], [47, 30]]);
    }
}

/// Up to four halvings, and the other way up.
#[test]
fn deep_networks() {
    check("deep", &GeneratorConfig::deep(), &[[32, 32], [75, 133]]);
    let compact = GeneratorConfig::compact();
    check("four halvings", &four_halvings(), &[[32, 40], [61, 133]]);
    for (name, config) in [("compact", compact), ("deep", GeneratorConfig::deep())] {
        let config = config.with_upsampling(Upsampling::DepthToSpace);
        check(name, &config, &[[32, 32], [45, 83], [50, 131]]);
    }
}

/// Guide planes that repeat the picture's, with a part of their weights each, change nothing.
#[test]
fn guide_planes_are_planes_like_others() {
    let plain = GeneratorConfig::compact();
    let size = [20, 37];
    let plane_len = size[0] * size[1];
    let planes = noise(3 * plane_len, 8);
    let run = |config: &GeneratorConfig, weights: &Weights, planes: &[f32]| {
        config.validate().unwrap();
        let network = Network::new(config, weights, Level::new(), Precision::F32);
        let (mut workspace, mut nobody) = (Workspace::default(), Nobody);
        let output = whole::run(&network, planes, size, &mut workspace, &mut nobody);
        block_on(output).unwrap()
    };
    let plain_weights = weights(&plain);
    let expected = run(&plain, &plain_weights, &planes);
    // Some that registers divide, too.
    for input_channels in [4, 5, 12, 16] {
        let guided = GeneratorConfig {
            input_channels,
            ..plain.clone()
        };
        let name = "encoder.0.conv.weight";
        let TensorValues { shape, values } = &plain_weights[name];
        let [out, _, kernel, _] = shape[..] else {
            panic!("{shape:?}")
        };
        let taps = kernel * kernel;
        let mut wide = Vec::new();
        for o in 0..out {
            for i in 0..input_channels {
                let same = (i % 3..input_channels).step_by(3).count() as f32;
                let of_plane = &values[(o * 3 + i % 3) * taps..][..taps];
                wide.extend(of_plane.iter().map(|value| value / same));
            }
        }
        let mut weights = plain_weights.clone();
        let shape = vec![out, input_channels, kernel, kernel];
        weights.insert(
            name.into(),
            TensorValues {
                shape,
                values: wide,
            },
        );
        let planes: Vec<f32> = (0..input_channels)
            .flat_map(|i| &planes[i % 3 * plane_len..][..plane_len])
            .copied()
            .collect();
        let output = run(&guided, &weights, &planes);
        for (got, want) in output.iter().zip(&expected) {
            assert!(
                (got - want).abs() < 1e-4,
                "{input_channels} planes: {got} {want}"
            );
        }
    }
}

/// The least memory of a photo of 24 megapixels, on any machine.
#[test]
fn the_compact_network_takes_16_bytes_for_a_pixel() {
    let config = GeneratorConfig::compact();
    let network = Network::new(&config, &weights(&config), Level::new(), Precision::F32);
    let plan = StreamPlan::new(&network, [4000, 6000], 0);
    let stored = 1500 * 1000 * 128 * 2;
    let bytes = plan.bytes();
    assert!(stored < bytes && bytes < stored + 80_000_000, "{bytes}");
}
