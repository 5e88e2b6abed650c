//! Photos that are too large for the memory budget: the CPU engine streams them.
#![cfg(feature = "cpu")]
#![allow(missing_docs)]

mod formula;
mod test_style;
mod until;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_lite::future::block_on;
use nijigen::engine::{CpuEngine, Engine, Precision, Progress};
use nijigen::imaging::Photo;
use nijigen::model::GeneratorConfig;
use nijigen::pipeline::{self, FaceMode, FaceOptions, Faces, Look, Options, Picture, Presentation};
use nijigen::style::Style;
use nijigen::{Error, Result};
use test_style::style;
use until::Until;

/// Counts the bytes that are allocated.
struct Counting;

static NOW: AtomicU64 = AtomicU64::new(0);
static MOST: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let bytes = layout.size() as u64;
        let now = NOW.fetch_add(bytes, Ordering::Relaxed) + bytes;
        MOST.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Other tests' allocations must not be counted.
fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waves of colour, with some transparency.
fn photo(width: usize, height: usize) -> Photo {
    let byte = |i: usize| {
        let (x, y, channel) = (i / 4 % width, i / 4 / width, i % 4);
        match channel {
            3 => [255, 255, 255, 90][(x / 8 + y / 8) % 4],
            _ => ((x * (channel + 2) / 3) ^ (y * 2)) as u8,
        }
    };
    let rgba = (0..4 * width * height).map(byte).collect();
    Photo::new(width, height, rgba).expect("a photo")
}

fn stylize(engine: &CpuEngine, photo: &Photo, progress: &mut impl Progress) -> Result<Photo> {
    block_on(engine.stylize_photo(photo.clone(), &[], 0, progress))
}

fn worst_difference(a: &Photo, b: &Photo) -> u8 {
    let pairs = a.rgba().iter().zip(b.rgba());
    pairs.map(|(a, b)| a.abs_diff(*b)).max().expect("pixels")
}

/// An engine that may use this share of what the photo takes as a whole.
fn limited(style: &Style, precision: Precision, photo: &Photo, share: f64) -> CpuEngine {
    let engine = CpuEngine::with_precision(style, precision);
    let whole = engine.peak_bytes(photo.width(), photo.height());
    engine.with_memory_budget((whole as f64 * share) as u64)
}

#[test]
fn memory_stays_within_what_is_announced() {
    let _alone = alone();
    let photo = photo(1203, 501);
    for config in [GeneratorConfig::compact(), GeneratorConfig::animegan2()] {
        let style = style(&config);
        let whole = CpuEngine::new(&style).expect("an engine");
        let whole = stylize(&whole, &photo, &mut |_: f32| {}).expect("a picture");
        for share in [1.0, 0.9, 0.6, 0.4] {
            let before = NOW.load(Ordering::Relaxed);
            let engine = limited(&style, Precision::F32, &photo, share);
            let announced = engine.peak_bytes(photo.width(), photo.height());
            MOST.store(0, Ordering::Relaxed);
            let mut shares = Vec::new();
            let output = stylize(&engine, &photo, &mut |share| shares.push(share));
            let used = MOST.load(Ordering::Relaxed) - before;
            let output = output.expect("a picture");
            assert!(used <= announced, "{used} bytes, announced {announced}");
            // What is announced is used, but for the threads' buffers, and not much less.
            assert!(used > announced / 2, "{used} bytes, announced {announced}");
            assert!(worst_difference(&output, &whole) <= 1, "with {share}");
            assert!(
                output
                    .rgba()
                    .iter()
                    .zip(photo.rgba())
                    .skip(3)
                    .step_by(4)
                    .all(|(a, b)| a == b)
            );
            assert!(shares.is_sorted(), "progress goes back");
            assert_eq!(shares.last().copied(), Some(1.0), "progress ends");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_with_numbers() {
    let _alone = alone();
    let style = style(&GeneratorConfig::compact());
    let engine = CpuEngine::new(&style).expect("an engine");
    let engine = engine.with_memory_budget(12_345_678);
    let needed = engine.peak_bytes(640, 480);
    assert!(needed > 12_345_678);
    let error = stylize(&engine, &photo(640, 480), &mut |_: f32| {}).expect_err("a refusal");
    assert_eq!(error.code(), "memory");
    let words = error.to_string();
    for number in [&format!("{} MB", needed.div_ceil(1_000_000)), "12 MB"] {
        assert!(words.contains(number), "{words}");
    }
}

/// The most that is asked of the pipeline: a mixture beside its photo, with ten faces of many sizes.
fn everything(photo: &Photo, long_side_px: usize) -> Options {
    let side = photo.width().min(photo.height()) as f32;
    let face = |i: usize| {
        let eyes = side * (i + 1) as f32 / 40.0;
        let (x, y) = (side * 0.3 + eyes, side * 0.3 + eyes / 2.0);
        [[0.0, 0.0], [1.0, 0.0], [0.5, 0.6], [0.1, 1.0], [0.9, 1.0]]
            .into_iter()
            .flat_map(move |[u, v]| [x + eyes * u, y + eyes * v])
    };
    let faces = Faces::new(5, (0..10).flat_map(face).collect()).expect("ten faces");
    Options {
        long_side_px,
        presentation: Presentation {
            strength: 0.5,
            side_by_side: true,
        },
        faces: Some(FaceOptions {
            mode: FaceMode::Both,
            faces,
            expand: 1.3,
            likeness: 0.0,
        }),
    }
}

/// What the pipeline makes of a photo, and the bytes that there were for it at a time, the engine's
/// included.
fn pipeline_bytes(
    style: &Style,
    budget: u64,
    photo: &Photo,
    options: &Options,
    progress: &mut impl Progress,
) -> (Result<Picture>, u64) {
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let engine = CpuEngine::new(style).expect("an engine");
    let engine = engine.with_memory_budget(budget);
    let look = Look::of_places(&engine);
    let picture = pipeline::stylize(&look, photo.clone(), options, progress);
    let picture = block_on(picture);
    (picture, MOST.load(Ordering::Relaxed) - before)
}

#[test]
fn what_the_pipeline_keeps_counts() {
    let _alone = alone();
    let style = style(&GeneratorConfig::tiny());
    let photo = photo(1500, 1210);
    let mut silent = |_: f32| {};
    let mut made = [0, 0];
    for long_side_px in [1500, 600] {
        let options = everything(&photo, long_side_px);
        let plenty = pipeline_bytes(&style, 4_000_000_000, &photo, &options, &mut silent);
        let expected = plenty.0.expect("a picture").photo;
        for share in [0.9, 0.5, 0.15] {
            let budget = (plenty.1 as f64 * share) as u64;
            let (picture, used) = pipeline_bytes(&style, budget, &photo, &options, &mut silent);
            assert!(
                used <= budget,
                "{long_side_px} {share}: {used} bytes, {budget} allowed"
            );
            match picture {
                Ok(picture) => {
                    let worst = worst_difference(&picture.photo, &expected);
                    assert!(worst <= 2, "{long_side_px} {share}: {worst}");
                    made[0] += 1;
                }
                Err(error) => {
                    assert_eq!(error.code(), "memory", "{error}");
                    made[1] += 1;
                }
            }
        }
    }
    assert!(made[0] > 2 && made[1] > 0, "{made:?} made and refused");
}

/// In WebAssembly with threads no more than 975 MB may be used. What is begun can be finished: room for all of it is made
/// before the first report, and it is no more than that by the test above. `tests/browser/memory.test.mjs` draws it.
#[test]
fn twenty_four_megapixels_with_everything_are_begun() {
    const BUDGET: u64 = 975_000_000;
    let _alone = alone();
    let style = style(&GeneratorConfig::tiny());
    let photo = photo(6000, 4000);
    let options = everything(&photo, 6000);
    let (begun, used) = pipeline_bytes(&style, BUDGET, &photo, &options, &mut Until(0));
    assert!(matches!(begun, Err(Error::Cancelled)), "{:?}", begun.err());
    assert!(used <= BUDGET, "{used} bytes");
    let (refused, _) = pipeline_bytes(&style, BUDGET / 2, &photo, &options, &mut Until(0));
    let code = refused.err().map(|error| error.code());
    assert_eq!(code, Some("memory"));
}

#[test]
fn cancelled_runs_leave_a_whole_engine() {
    let _alone = alone();
    let style = style(&GeneratorConfig::compact());
    let photo = photo(250, 170);
    let engine = limited(&style, Precision::F32, &photo, 0.9);
    let expected = stylize(&engine, &photo, &mut |_: f32| {}).expect("a picture");
    let mut reports = 0;
    while let Err(error) = stylize(&engine, &photo, &mut Until(reports)) {
        assert!(matches!(error, Error::Cancelled), "{error}");
        let output = stylize(&engine, &photo, &mut |_: f32| {}).expect("a picture");
        assert!(output == expected, "after {reports} reports");
        reports += 11;
    }
    assert!(reports > 22, "a run reports its progress some times");
}

/// 8-bit products, whose rounding amplifies what half precision loses, with real weights.
#[test]
fn the_shipped_style_looks_the_same() {
    let _alone = alone();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/www/styles/ink.safetensors");
    let style = Style::from_bytes(&std::fs::read(path).expect("a file")).expect("a style");
    let photo = photo(300, 211);
    for (precision, limit) in [(Precision::F32, 1), (Precision::Int8, 9)] {
        let whole = CpuEngine::with_precision(&style, precision);
        let whole = stylize(&whole, &photo, &mut |_: f32| {}).expect("a picture");
        let engine = limited(&style, precision, &photo, 0.7);
        let output = stylize(&engine, &photo, &mut |_: f32| {}).expect("a picture");
        let worst = worst_difference(&output, &whole);
        assert!(worst <= limit, "{precision:?}: off by {worst}");
    }
}
