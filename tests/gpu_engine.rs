//! The GPU engine against the CPU engine, on whatever adapter there is: in tests one that is emulated in software.
#![cfg(all(feature = "cpu", feature = "gpu"))]
#![allow(missing_docs)]

mod formula;
mod four_halvings;
mod test_style;
mod uneven;
mod until;

use std::time::Instant;

use four_halvings::four_halvings;
use futures_lite::future::block_on;
use nijigen::Error;
use nijigen::engine::{CpuEngine, Engine, GpuDevice, GpuEngine, GpuLimits, Storage};
use nijigen::imaging::{Photo, Planes};
use nijigen::model::{self, GeneratorConfig, Upsampling};
use nijigen::style::Style;
use test_style::style;
use uneven::{shallow, uneven};
use until::Until;

/// Both sum thousands of products in f32, in different orders.
const TOLERANCE: f32 = 1e-4;
/// A level of 255, in units of the [-1, 1] range.
const LEVEL: f32 = 2.0 / 255.0;

thread_local! {
    static STARTED: Instant = Instant::now();
}

fn now() -> f64 {
    STARTED.with(|started| started.elapsed().as_secs_f64() * 1e3)
}

/// Without an adapter there is nothing to test: `./build.sh test` installs one.
fn device(limits: GpuLimits) -> Option<GpuDevice> {
    match block_on(GpuDevice::acquire(limits, now)) {
        Ok(device) => Some(device),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

fn planes(count: usize, [width, height]: [usize; 2]) -> Planes {
    let input = formula::values("input", count * width * height);
    let mut input: Vec<f32> = input.into_iter().map(|v| v as f32).collect();
    let guides = input.split_off(3 * width * height);
    Planes::new(width, height, input)
        .and_then(|planes| planes.with_guides(&guides))
        .expect("planes")
}

fn check(name: &str, config: &GeneratorConfig, sizes: &[[usize; 2]]) {
    let Some(device) = device(GpuLimits::default()) else {
        return;
    };
    let style = style(config);
    let cpu = CpuEngine::new(&style).expect("an engine");
    let gpu = block_on(GpuEngine::on(&device, &style)).expect("an engine");
    for size in sizes.iter().copied() {
        let input = planes(config.input_channels, size);
        let mut shares = Vec::new();
        let output =
            block_on(gpu.stylize(&input, &mut |share: f32| shares.push(share))).expect("a picture");
        let expected = block_on(cpu.stylize(&input, &mut |_: f32| {})).expect("a picture");
        let error = output.max_abs_difference(&expected);
        assert!(error < TOLERANCE, "{name} at {size:?}: off by {error}");
        assert!(shares.is_sorted(), "{name}: progress goes back");
        assert_eq!(shares.last().copied(), Some(1.0), "{name}: progress ends");
    }
}

#[test]
fn compact() {
    let config = GeneratorConfig::compact();
    check(
        "compact",
        &config,
        &[[64, 64], [65, 17], [16, 16], [131, 65]],
    );
    check("tiny", &GeneratorConfig::tiny(), &[[64, 65]]);
}

#[test]
fn animegan2() {
    let config = GeneratorConfig::animegan2();
    check("animegan2", &config, &[[64, 64], [50, 66]]);
    let config = config.with_upsampling(Upsampling::HalfPixel);
    check("animegan2", &config, &[[45, 37]]);
}

#[test]
fn networks_of_other_shapes() {
    check("uneven", &uneven(), &[[40, 19], [61, 133]]);
    for halvings in [0, 1] {
        check("shallow", &shallow(halvings), &[[16, 17], [47, 30]]);
    }
    let guided = GeneratorConfig {
        input_channels: 7,
        ..GeneratorConfig::tiny()
    };
    check("guided", &guided, &[[33, 47]]);
}

#[test]
fn deep_networks() {
    let deep = GeneratorConfig::deep();
    check("deep", &deep, &[[32, 32], [75, 53]]);
    check("four halvings", &four_halvings(), &[[32, 40], [61, 133]]);
    for (name, config) in [("compact", GeneratorConfig::compact()), ("deep", deep)] {
        let config = config.with_upsampling(Upsampling::DepthToSpace);
        check(name, &config, &[[32, 32], [45, 53]]);
    }
}

/// Half the memory costs less than a level of 255.
#[test]
fn half_precision() {
    let Some(device) = device(GpuLimits::default()) else {
        return;
    };
    for config in [GeneratorConfig::compact(), GeneratorConfig::animegan2()] {
        let style = style(&config);
        let cpu = CpuEngine::new(&style).expect("an engine");
        let gpu = block_on(GpuEngine::on(&device, &style)).expect("an engine");
        let gpu = gpu.with_storage(Storage::F16);
        let input = planes(3, [65, 49]);
        let output = block_on(gpu.stylize(&input, &mut |_: f32| {})).expect("a picture");
        let expected = block_on(cpu.stylize(&input, &mut |_: f32| {})).expect("a picture");
        let error = output.max_abs_difference(&expected);
        assert!(error > 0.0 && error < LEVEL, "off by {error}");
    }
}

/// What is made in bands, because no more of it can be bound, is normalised over the whole picture.
#[test]
fn bands_are_no_other_picture() {
    for (config, kib) in [(GeneratorConfig::tiny(), 800), (uneven(), 256)] {
        let style = style(&config);
        let limits = [None, Some(kib << 10)].map(|binding_bytes| GpuLimits {
            binding_bytes,
            ..GpuLimits::default()
        });
        let input = planes(3, [131, 97]);
        let mut pictures = Vec::new();
        for limits in limits {
            let Some(device) = device(limits) else { return };
            let engine = block_on(GpuEngine::on(&device, &style)).expect("an engine");
            assert_eq!(engine.storage_for(131, 97).expect("a plan"), Storage::F32);
            let picture = block_on(engine.stylize(&input, &mut |_: f32| {}));
            pictures.push(picture.expect("a picture"));
        }
        let error = pictures[0].max_abs_difference(&pictures[1]);
        assert!(error < TOLERANCE, "off by {error}");
    }
}

/// What does not fit is told in numbers before anything is allocated, and the next picture is right.
#[test]
fn what_does_not_fit_is_refused() {
    let limits = GpuLimits {
        buffer_bytes: Some(1 << 20),
        ..GpuLimits::default()
    };
    let Some(device) = device(limits) else { return };
    let style = style(&GeneratorConfig::tiny());
    let engine = block_on(GpuEngine::on(&device, &style)).expect("an engine");
    let error =
        block_on(engine.stylize(&planes(3, [400, 300]), &mut |_: f32| {})).expect_err("too large");
    assert_eq!(error.code(), "gpu-capacity");
    let words = error.to_string();
    assert!(
        words.contains("400 x 300 pixels needs a buffer of")
            && words.contains("the device takes 1.0 MiB"),
        "{words}"
    );
    // In half precision this one does.
    assert_eq!(engine.storage_for(64, 64).expect("a plan"), Storage::F32);
    assert_eq!(engine.storage_for(120, 120).expect("a plan"), Storage::F16);
    let input = planes(3, [120, 120]);
    let output = block_on(engine.stylize(&input, &mut |_: f32| {})).expect("a picture");
    let cpu = CpuEngine::new(&style).expect("an engine");
    let expected = block_on(cpu.stylize(&input, &mut |_: f32| {})).expect("a picture");
    assert!(output.max_abs_difference(&expected) < LEVEL);
}

/// Wherever a run is stopped, the next one finds everything that it needs; and a picture is the same every time.
#[test]
fn cancelled_runs_leave_a_whole_engine() {
    let Some(device) = device(GpuLimits::default()) else {
        return;
    };
    let style = style(&shallow(1));
    let engine = block_on(GpuEngine::on(&device, &style)).expect("an engine");
    let input = planes(3, [64, 48]);
    let expected = block_on(engine.stylize(&input, &mut |_: f32| {})).expect("a picture");
    let mut reports = 0;
    while let Err(error) = block_on(engine.stylize(&input, &mut Until(reports))) {
        assert!(matches!(error, Error::Cancelled), "{error}");
        let output = block_on(engine.stylize(&input, &mut |_: f32| {})).expect("a picture");
        assert_eq!(
            output.max_abs_difference(&expected),
            0.0,
            "after {reports} reports"
        );
        reports = 2 * reports + 1;
    }
    assert!(reports > 0, "a run reports its progress");
}

#[test]
fn photos_of_any_size_and_wrong_ones() {
    let Some(device) = device(GpuLimits::default()) else {
        return;
    };
    let style = style(&GeneratorConfig::tiny());
    let cpu = CpuEngine::new(&style).expect("an engine");
    let gpu = block_on(GpuEngine::on(&device, &style)).expect("an engine");
    for size in [[1, 1], [2, 3], [3, 7], [7, 5], [17, 1], [64, 17], [65, 33]] {
        let [width, height] = size;
        let rgba = (0..width * height * 4)
            .map(|i| (i * 37 % 251) as u8)
            .collect();
        let photo = Photo::new(width, height, rgba).expect("a photo");
        let draw = |photo: Photo| block_on(gpu.stylize_photo(photo, &[], 0, &mut |_: f32| {}));
        let output = draw(photo.clone()).expect("a picture");
        let expected =
            block_on(cpu.stylize_photo(photo, &[], 0, &mut |_: f32| {})).expect("a picture");
        let worst = output
            .rgba()
            .iter()
            .zip(expected.rgba())
            .map(|(a, b)| a.abs_diff(*b))
            .max();
        assert!(worst <= Some(1), "{size:?}: off by {worst:?}");
    }
    let refused = block_on(gpu.stylize(&planes(3, [15, 40]), &mut |_: f32| {}));
    assert!(matches!(refused, Err(Error::ArgumentInvalid(_))));
    let refused = block_on(gpu.stylize(&planes(7, [16, 40]), &mut |_: f32| {}));
    assert!(matches!(refused, Err(Error::ArgumentInvalid(_))));
}

#[test]
fn shipped_styles_give_their_known_answers() {
    let Some(device) = device(GpuLimits::default()) else {
        return;
    };
    for name in ["ink", "ink-full", "ink-tiny", "portrait", "segmentation"] {
        let path = format!(
            "{}/www/styles/{name}.safetensors",
            env!("CARGO_MANIFEST_DIR")
        );
        let style = Style::from_bytes(&std::fs::read(path).expect("a style")).expect("a style");
        let engine = block_on(GpuEngine::on(&device, &style)).expect("an engine");
        let error = block_on(engine.known_answer_error(&style))
            .expect("an answer")
            .expect("a known one");
        assert!(error < TOLERANCE, "{name}: {error}");
        let engine = engine.with_storage(Storage::F16);
        let error = block_on(engine.known_answer_error(&style))
            .expect("an answer")
            .expect("a known one");
        assert!(error < 0.03, "{name} in half precision: {error}");
        eprintln!("{name} {error}");
    }
}
