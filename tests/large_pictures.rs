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
    block_on(engine.stylize_photo(photo.clone(), progress))
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
        for share in [0.9, 0.6, 0.4] {
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
    let words = error.to_string();
    for number in [
        "640 x 480",
        &format!("{} MB", needed.div_ceil(1_000_000)),
        "12 MB",
    ] {
        assert!(words.contains(number), "{words}");
    }
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
