//! Whatever is given, an answer or an error with a code comes back, and nothing is allocated for what
//! is refused.
#![cfg(feature = "cpu")]
#![allow(missing_docs)]

mod formula;
mod test_style;

use futures_lite::future::block_on;
use nijigen::engine::{CpuEngine, Engine};
use nijigen::geometry::SimilarityTransform;
use nijigen::imaging::{
    FadingEllipse, PatchTone, Photo, Planes, blur_outside, fit_long_side, mix, paste, warp,
};
use nijigen::model::GeneratorConfig;
use nijigen::pipeline::{self, FaceMode, FaceOptions, Faces, Look, Options, Presentation};
use nijigen::{Error, Result};
use proptest::prelude::*;

/// Sides of pictures that can be made, and of those that nobody can.
fn side() -> impl Strategy<Value = usize> {
    prop_oneof![
        6 => 0usize..40,
        1 => Just(100_000_001),
        1 => Just(u32::MAX as usize),
        1 => Just(usize::MAX / 4 + 1),
        1 => Just(usize::MAX),
    ]
}

fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        -60.0f32..60.0,
        any::<f32>(),
        Just(f32::NAN),
        Just(f32::INFINITY)
    ]
}

fn similarity() -> impl Strategy<Value = SimilarityTransform> {
    let numbers = [number(), number(), number(), number()];
    numbers.prop_map(|[a, b, tx, ty]| SimilarityTransform { a, b, tx, ty })
}

fn photo() -> impl Strategy<Value = Photo> {
    (1usize..40, 1usize..40, any::<[u8; 4]>()).prop_map(|(width, height, colour)| {
        Photo::new(width, height, colour.repeat(width * height)).expect("a photo")
    })
}

fn has_code<T>(result: Result<T>, codes: &[&str]) -> std::result::Result<(), TestCaseError> {
    if let Err(error) = result {
        prop_assert!(codes.contains(&error.code()), "{error}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn pictures(width in side(), height in side(), len in 0usize..5000) {
        let codes = ["argument-invalid", "photo-too-large"];
        has_code(Photo::new(width, height, vec![0; len]), &codes)?;
        has_code(Planes::new(width, height, vec![0.0; len]), &codes)?;
    }

    #[test]
    fn warped(photo in photo(), to_photo in similarity(), width in side(), height in side()) {
        has_code(warp(&photo, to_photo, [width, height]), &["argument-invalid", "photo-too-large"])?;
    }

    #[test]
    fn blurred(mut crop in photo(), to_photo in similarity(), width in side(), height in side()) {
        has_code(blur_outside(&mut crop, to_photo, [width, height]), &["argument-invalid"])?;
    }

    #[test]
    fn pasted(
        mut picture in photo(),
        patch in photo(),
        to_patch in similarity(),
        [left, right, top, bottom] in [side(), side(), side(), side()],
        [x, y, radius, inner] in [number(), number(), number(), number()],
    ) {
        let ellipse = FadingEllipse { center: [x, y], radii: [radius, radius], inner };
        let window = [left..right, top..bottom];
        has_code(paste(&mut picture, window, &patch, to_patch, ellipse, PatchTone::Picture), &["argument-invalid"])?;
    }

    #[test]
    fn mixed(photo in photo(), mut picture in photo(), strength in number()) {
        has_code(mix(&photo, &mut picture, strength), &["argument-invalid"])?;
    }

    #[test]
    fn shrunk(photo in photo(), long_side in side()) {
        has_code(fit_long_side(photo, long_side), &["argument-invalid"])?;
    }

    #[test]
    fn pairs(left in photo(), right in photo()) {
        let pair = left.beside(&right).expect("small photos");
        prop_assert_eq!(pair.width(), left.width() + right.width());
    }

    #[test]
    fn landmarks(points in side(), values in prop::collection::vec(number(), 0..50)) {
        has_code(Faces::new(points, values), &["faces-invalid"])?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_pipeline(
        photo in photo(),
        long_side_px in side(),
        strength in prop_oneof![Just(0.5), number()],
        side_by_side in any::<bool>(),
        mode in prop_oneof![Just(FaceMode::Both), Just(FaceMode::Portrait)],
        expand in prop_oneof![Just(1.3), number()],
        likeness in prop_oneof![Just(0.5), number()],
        values in prop::collection::vec(number(), 20),
    ) {
        let engine = engine();
        let faces = FaceOptions { mode, faces: Faces::new(5, values).expect("two faces"), expand, likeness };
        let presentation = Presentation { strength, side_by_side };
        for faces in [None, Some(faces)] {
            let options = Options { long_side_px, presentation, faces };
            let mut silent = |_: f32| {};
            let look = Look::of_places(&engine);
            let picture = pipeline::stylize(&look, photo.clone(), &options, &mut silent);
            has_code(block_on(picture), &["argument-invalid", "no-face"])?;
        }
    }
}

fn engine() -> CpuEngine {
    CpuEngine::new(&test_style::style(&GeneratorConfig::tiny())).expect("an engine")
}

#[test]
fn what_is_too_small_for_the_network_is_refused() {
    let engine = engine();
    for (width, height) in [(1, 1), (15, 40), (40, 15), (16, 16)] {
        let planes = Planes::gray(width, height).expect("planes");
        let output = block_on(engine.stylize(&planes, &mut |_: f32| {}));
        match output {
            Ok(output) => assert_eq!((width, height), (output.width(), 16)),
            Err(error) => {
                assert!(width.min(height) < 16);
                assert!(matches!(error, Error::ArgumentInvalid(_)), "{error}");
            }
        }
    }
}

/// Places beyond 2^24 are not all numbers of 32 bits.
#[test]
fn photos_as_wide_as_they_can_be() {
    let width = (1 << 24) + 3;
    let photo = Photo::new(width, 1, vec![255; 4 * width]).expect("a photo");
    for shift in [0.0, 16_777_200.0, -30.0] {
        let crop = warp(
            &photo,
            SimilarityTransform::new(1.0, 0.0, [shift, 0.0]),
            [40, 1],
        )
        .expect("a crop");
        assert!(crop.rgba().iter().all(|v| *v == 255));
    }
    let crop = warp(&photo, SimilarityTransform::IDENTITY, [width, 1]).expect("all of it");
    assert!(crop.rgba().iter().all(|v| *v == 255));
}

#[test]
fn pairs_that_are_too_large_are_not_begun() {
    let photo = Photo::new(1_000_000, 60, vec![0; 240_000_000]).expect("60 megapixels");
    assert_eq!(photo.beside(&photo).unwrap_err().code(), "photo-too-large");
}

/// Sixteen rows are more than can be held.
#[test]
fn what_grows_when_it_is_extended_is_refused() {
    let photo = Photo::new(1, 10_000_000, vec![0; 40_000_000]).expect("10 megapixels");
    assert_eq!(
        Planes::from_photo(&photo).unwrap_err().code(),
        "photo-too-large"
    );
    let options = Options {
        long_side_px: usize::MAX,
        ..Options::default()
    };
    let (engine, mut silent) = (engine(), |_: f32| {});
    let look = Look::of_places(&engine);
    let picture = pipeline::stylize(&look, photo, &options, &mut silent);
    let error = block_on(picture).unwrap_err();
    assert!(
        ["memory", "photo-too-large"].contains(&error.code()),
        "{error}"
    );
}
