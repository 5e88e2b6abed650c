//! Native decoding: each awkward photo comes out right or is refused in words.
#![cfg(feature = "decode")]
#![allow(missing_docs)]

use std::path::Path;

use nijigen::imaging::{Photo, decode, decode_partial};
use proptest::prelude::*;

fn bytes(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/photos");
    std::fs::read(folder.join(name)).expect("a test photo")
}

fn photo(name: &str) -> Photo {
    decode(&bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Mean absolute difference of two photos' colours, in levels of 255.
fn difference(a: &Photo, b: &Photo) -> f64 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let sum: u64 = a
        .rgba()
        .chunks_exact(4)
        .zip(b.rgba().chunks_exact(4))
        .flat_map(|(a, b)| a[..3].iter().zip(&b[..3]))
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / (a.width() * a.height() * 3) as f64
}

/// The photo's luma (ITU-R BT.601) in all three channels.
fn gray(photo: &Photo) -> Photo {
    let luma = |p: &[u8]| {
        let [r, g, b] = [p[0], p[1], p[2]].map(f64::from);
        (0.299 * r + 0.587 * g + 0.114 * b).round() as u8
    };
    let pixels = photo.rgba().chunks_exact(4);
    let rgba = pixels.flat_map(|p| [luma(p), luma(p), luma(p), p[3]]);
    Photo::new(photo.width(), photo.height(), rgba.collect()).expect("a photo")
}

#[test]
fn other_storage_of_the_same_picture() {
    let plain = photo("plain.png");
    assert_eq!((plain.width(), plain.height()), (96, 96));
    assert_eq!(difference(&photo("sixteen-bit.png"), &plain), 0.0);
    // 64 and 256 colours.
    assert!(difference(&photo("palette.png"), &plain) < 8.0);
    assert!(
        difference(&photo("animated.gif"), &plain) < 8.0,
        "not the first frame"
    );
    assert!(difference(&photo("sixteen-bit-gray.png"), &gray(&plain)) < 1.0);

    let cat = photo("plain.jpg");
    assert_eq!((cat.width(), cat.height()), (150, 100));
    assert!(difference(&photo("photo.webp"), &cat) < 5.0);
    assert!(difference(&photo("gray.jpg"), &gray(&cat)) < 3.0);
    assert!(
        difference(&photo("cmyk.jpg"), &cat) < 5.0,
        "CMYK is inverted or ignored"
    );
}

#[test]
fn a_colour_profile_is_applied() {
    // profile.jpg has red and green exchanged in its pixels and again in its profile.
    assert!(difference(&photo("profile.jpg"), &photo("plain.jpg")) < 5.0);
}

#[test]
fn exif_orientation_is_applied() {
    let upright = photo("exif-rotated.jpg");
    assert_eq!((upright.width(), upright.height()), (60, 100));
    let cat = photo("plain.jpg");
    let cropped: Vec<u8> = cat
        .rgba()
        .chunks_exact(150 * 4)
        .flat_map(|row| row[30 * 4..90 * 4].to_vec())
        .collect();
    let expected = Photo::new(60, 100, cropped).expect("a photo");
    assert!(
        difference(&upright, &expected) < 5.0,
        "turned the wrong way"
    );
}

#[test]
fn alpha_is_kept() {
    let photo = photo("alpha.png");
    let alpha = |x: usize, y: usize| photo.rgba()[(y * photo.width() + x) * 4 + 3];
    assert_eq!((alpha(0, 0), alpha(48, 48)), (0, 255));
}

#[test]
fn the_smallest_photo() {
    assert_eq!(photo("one-pixel.png").rgba(), [200, 60, 30, 255]);
}

#[test]
fn refusals_are_in_words() {
    for (name, code, words) in [
        ("text.jpg", "photo-unreadable", "not a picture"),
        ("empty.png", "photo-unreadable", "empty"),
        ("truncated.png", "photo-unreadable", "PNG file is damaged"),
        ("huge-header.png", "photo-too-large", "20000 x 20000 pixels"),
        // Its decoder panics.
        ("no-pixels.webp", "photo-unreadable", "WebP file is damaged"),
    ] {
        let error = decode(&bytes(name)).expect_err(name);
        assert_eq!(error.code(), code, "{name}");
        assert!(error.to_string().contains(words), "{name}: {error}");
    }
}

/// Length, kind and contents of an ISO base media file box.
fn media_box(kind: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    let length = (contents.len() + 8) as u32;
    [&length.to_be_bytes(), &kind[..], contents].concat()
}

#[test]
fn formats_that_cannot_be_read_here_are_named() {
    for (brand, name) in [(b"avif", "AVIF"), (b"heic", "HEIC")] {
        let size = [0u32, 64, 48].map(u32::to_be_bytes).concat();
        let properties = media_box(b"ipco", &media_box(b"ispe", &size));
        let meta = [vec![0; 4], media_box(b"iprp", &properties)].concat();
        let brands = [&brand[..], &[0; 4], &brand[..], b"mif1"].concat();
        let file = [media_box(b"ftyp", &brands), media_box(b"meta", &meta)].concat();
        let error = decode(&file).expect_err(name);
        assert_eq!(error.code(), "photo-unsupported", "{error}");
        assert!(error.to_string().contains(name), "{error}");
        assert!(
            error.to_string().contains("save it as JPEG or PNG"),
            "{error}"
        );
    }
}

#[test]
fn a_jpeg_that_ends_early_is_told_of_and_shown_where_most_is_there() {
    // Half of the bytes.
    let half = decode_partial(&bytes("truncated.jpg")).map(|half| half.ends_early);
    let error = half.expect_err("half is missing");
    assert_eq!(error.code(), "photo-unreadable");
    assert!(error.to_string().contains("ends early"), "{error}");

    let cut = bytes("four-fifths.jpg");
    let refused = decode(&cut).expect_err("for training");
    assert!(
        refused.to_string().contains("rows are missing"),
        "{refused}"
    );
    let decoded = decode_partial(&cut).expect("most is there");
    let missing = decoded.ends_early.expect("told");
    assert!((0.05..0.4).contains(&missing), "{missing}");
    let row = 4 * decoded.photo.width();
    let (shown, blank) = decoded
        .photo
        .rgba()
        .split_at(row * (100 - (100.0 * missing).round() as usize));
    let whole = photo("plain.jpg");
    let above = shown.len() - 16 * row;
    let sum: u64 = shown[..above]
        .iter()
        .zip(whole.rgba())
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    assert!(sum < 2 * above as u64, "{sum} of {above}");
    assert!(
        blank
            .as_chunks()
            .0
            .iter()
            .all(|pixel| *pixel == [128, 128, 128, 255])
    );

    // The same rows of a photo that lies on its side, or whose download was given room.
    for (name, size) in [
        ("turned-cut.jpg", [100, 150]),
        ("never-written.jpg", [150, 100]),
    ] {
        let other = decode_partial(&bytes(name)).expect(name);
        assert_eq!(other.ends_early, Some(missing), "{name}");
        assert_eq!([other.photo.width(), other.photo.height()], size);
        let gray =
            |x: usize, y: usize| other.photo.pixels()[y * size[0] + x] == [128, 128, 128, 255];
        let corners = [
            gray(0, 0),
            gray(0, size[1] - 1),
            gray(size[0] - 1, size[1] - 1),
        ];
        let turned = name == "turned-cut.jpg";
        assert_eq!(corners, [turned, true, !turned], "{name}");
    }
    let restarts = decode_partial(&bytes("restarts-cut.jpg")).expect("most is there");
    assert!(
        restarts
            .ends_early
            .is_some_and(|missing| (0.05..0.4).contains(&missing))
    );

    let progressive = decode_partial(&bytes("progressive-cut.jpg")).expect("all of it, less sharp");
    assert_eq!(progressive.ends_early, Some(0.0));
    assert!(difference(&progressive.photo, &whole) < 6.0);
    assert!(decode(&bytes("progressive-cut.jpg")).is_err());
}

#[test]
fn jpegs_that_every_viewer_opens_are_read() {
    let plain = photo("plain.jpg");
    for name in [
        "fill-bytes.jpg",
        "no-end.jpg",
        "no-tables.jpg",
        "two-exif.jpg",
    ] {
        assert_eq!(difference(&photo(name), &plain), 0.0, "{name}");
    }
}

/// Peak signal-to-noise ratio of two photos' colours in decibels.
fn psnr(a: &Photo, b: &Photo) -> f64 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let pairs = a.rgba().chunks_exact(4).zip(b.rgba().chunks_exact(4));
    let squares: u64 = pairs
        .flat_map(|(a, b)| a[..3].iter().zip(&b[..3]))
        .map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2))
        .sum();
    let mean = squares as f64 / (a.width() * a.height() * 3) as f64;
    10.0 * (255.0f64.powi(2) / mean.max(1e-9)).log10()
}

#[test]
fn colours_are_those_of_little_cms() {
    for name in [
        "gray-profile.png",
        "gamma-primaries.png",
        "p3-cicp.png",
        "cmyk-profile.jpg",
    ] {
        let drawn = photo(name);
        let stem = name.split('.').next().unwrap_or_default();
        let expected = photo(&format!("{stem}-srgb.png"));
        // Of inks there is no picture without their profile.
        let untouched = match name.ends_with("jpg") {
            true => 0.0,
            false => psnr(&expected, &photo("plain.png")),
        };
        let psnr = psnr(&drawn, &expected);
        assert!(
            psnr > 54.0 && untouched < 40.0,
            "{name}: {psnr} dB, as it is {untouched} dB"
        );
    }
}

#[test]
fn code_points_of_a_png_are_applied_and_srgb_wins_over_gamma() {
    let plain = photo("plain.png");
    let wide = photo("p3-cicp.png");
    // Saturated reds become more so, grays stay.
    assert!(difference(&wide, &plain) > 1.5);
    for (wide, plain) in wide
        .rgba()
        .chunks_exact(4)
        .zip(plain.rgba().chunks_exact(4))
    {
        let [low, high] = [plain[..3].iter().min(), plain[..3].iter().max()];
        if low == high {
            assert!(
                wide[..3]
                    .iter()
                    .zip(&plain[..3])
                    .all(|(a, b)| a.abs_diff(*b) <= 2)
            );
        }
    }
    assert_eq!(photo("srgb-and-gamma.png"), plain);
}

proptest! {
    #[test]
    fn damage_never_panics(
        name in prop::sample::select(vec![
            "plain.png", "plain.jpg", "photo.webp", "animated.gif", "cmyk.jpg", "profile.jpg",
            "exif-rotated.jpg", "palette.png",
        ]),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        keep in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = bytes(name);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut {
            bytes.truncate(keep.index(bytes.len()));
        }
        let _ = decode(&bytes);
    }
}
