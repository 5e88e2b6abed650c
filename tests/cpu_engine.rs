//! The CPU engine against the network in Burn, for networks and sizes that its blocks and
//! registers do not divide.
#![cfg(all(feature = "cpu", feature = "flex"))]
#![allow(missing_docs)]

mod formula;
mod test_style;
mod uneven;
mod until;

use burn::tensor::{Device, Tensor, TensorData};
use futures_lite::future::block_on;
use nijigen::Error;
use nijigen::engine::{CpuEngine, Engine};
use nijigen::imaging::{Photo, Planes};
use nijigen::model::{self, DecoderStage, GeneratorConfig, ResidualSpec, Upsampling};
use test_style::style;
use uneven::{conv, shallow, uneven};
use until::Until;

/// Both sum thousands of products in f32, in different orders, and the engine's transforms lose
/// another digit.
const TOLERANCE: f32 = 1e-4;

fn check(name: &str, config: &GeneratorConfig, sizes: &[[usize; 2]]) {
    let style = style(config);
    let engine = CpuEngine::new(&style).expect("an engine");
    let device = Device::flex();
    let generator = config
        .init_with(style.weights(), &device)
        .expect("a generator");
    for [height, width] in sizes.iter().copied() {
        let input = formula::values("input", 3 * height * width);
        let input: Vec<f32> = input.into_iter().map(|v| v as f32).collect();
        let planes = Planes::new(width, height, input.clone()).expect("planes");
        let mut shares = Vec::new();
        let output = block_on(engine.stylize(&planes, &mut |share: f32| shares.push(share)))
            .expect("a picture");
        let x = Tensor::<4>::from_data(TensorData::new(input, [1, 3, height, width]), &device);
        let expected = generator.forward(x).into_data().try_into_vec::<f32>();
        let expected = Planes::new(width, height, expected.expect("f32")).expect("planes");
        let error = output.max_abs_difference(&expected);
        assert!(
            error < TOLERANCE,
            "{name} at {height}x{width}: off by {error}"
        );
        assert!(shares.is_sorted(), "{name}: progress goes back");
        assert_eq!(shares.last().copied(), Some(1.0), "{name}: progress ends");
        assert!(engine.peak_bytes(width, height) > 24 * (height * width) as u64);
    }
}

/// Wherever a run is stopped, the next one finds everything that it needs.
#[test]
fn cancelled_runs_leave_a_whole_engine() {
    let style = style(&GeneratorConfig::compact());
    let engine = CpuEngine::new(&style).expect("an engine");
    let input = formula::values("input", 3 * 40 * 40);
    let input = input.into_iter().map(|v| v as f32).collect();
    let planes = Planes::new(40, 40, input).expect("planes");
    let expected = block_on(engine.stylize(&planes, &mut |_: f32| {})).expect("a picture");
    let mut reports = 0;
    while let Err(error) = block_on(engine.stylize(&planes, &mut Until(reports))) {
        assert!(matches!(error, Error::Cancelled), "{error}");
        let output = block_on(engine.stylize(&planes, &mut |_: f32| {})).expect("a picture");
        assert_eq!(
            output.max_abs_difference(&expected),
            0.0,
            "after {reports} reports"
        );
        reports += 7;
    }
    assert!(reports > 7, "a run reports its progress some times");
}

#[test]
fn animegan2() {
    let config = GeneratorConfig::animegan2();
    check("animegan2", &config, &[[64, 64], [50, 66]]);
}

#[test]
fn compact() {
    // The second size comes after a larger one, whose buffers it finds.
    let config = GeneratorConfig::compact();
    check("compact", &config, &[[64, 160], [33, 47]]);
}

#[test]
fn networks_that_registers_do_not_divide() {
    check("uneven", &uneven(), &[[17, 23], [40, 16], [19, 133]]);
    check("no halving", &shallow(0), &[[16, 16], [21, 18]]);
    check("one halving", &shallow(1), &[[16, 17], [35, 18]]);
}

#[test]
fn deep_networks() {
    check(
        "deep",
        &GeneratorConfig::deep(),
        &[[32, 32], [50, 66], [39, 95]],
    );
    let mut four = GeneratorConfig::deep();
    four.encoder.push(conv(24, 3, 2));
    four.residuals = vec![ResidualSpec::new(40, 24); 2];
    four.decoder.insert(
        0,
        DecoderStage {
            convs: vec![conv(160, 3, 1)],
            skip: true,
        },
    );
    check("four halvings", &four, &[[32, 40], [61, 97]]);
}

#[test]
fn channels_become_pixels() {
    for (name, config) in [
        ("compact", GeneratorConfig::compact()),
        ("deep", GeneratorConfig::deep()),
    ] {
        let config = config.with_upsampling(Upsampling::DepthToSpace);
        check(name, &config, &[[32, 32], [33, 47], [50, 66]]);
    }
}

/// A photo has no guide planes.
#[test]
fn pictures_of_too_few_planes_are_refused() {
    let config = GeneratorConfig {
        input_channels: 5,
        ..GeneratorConfig::compact()
    };
    let engine = CpuEngine::new(&style(&config)).expect("an engine");
    let planes = Planes::new(20, 20, vec![0.0; 3 * 400]).expect("planes");
    let error = block_on(engine.stylize(&planes, &mut |_: f32| {})).expect_err("a refusal");
    let photo = Photo::new(20, 20, vec![0; 4 * 400]).expect("a photo");
    let of_photo =
        block_on(engine.stylize_photo(photo, &[], 0, &mut |_: f32| {})).expect_err("a refusal");
    for error in [error, of_photo] {
        let words = error.to_string();
        assert!(
            words.contains("has 3 planes, expected the network's 5"),
            "{words}"
        );
    }
    let guided = planes.with_guides(&[0.25; 2 * 400]).expect("two guides");
    let picture = block_on(engine.stylize(&guided, &mut |_: f32| {})).expect("a picture");
    assert_eq!(picture.count(), 3);
}
