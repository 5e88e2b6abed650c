//! Thousands of damaged files, the same in every run; docs/reliability.md has the figures of a million each.
#![cfg(feature = "decode")]
#![allow(missing_docs)]

mod mutate;

use std::path::Path;
use std::time::{Duration, Instant};

use mutate::{busy, feed};
use nijigen::imaging::{decode_partial, mend, probe};
use nijigen::style::Style;

fn seed(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn photos(names: &[&str]) -> Vec<Vec<u8>> {
    let path = |name| format!("tests/fixtures/photos/{name}");
    names.iter().map(|name| seed(&path(name))).collect()
}

#[test]
fn what_is_wrong_is_found() {
    for wrong in [
        (|bytes: &[u8]| assert!(bytes[0] != 7)) as fn(&[u8]),
        |bytes| {
            let started = Instant::now();
            let begun = busy(started);
            while bytes[0] == 7 && busy(started) - begun < Duration::from_millis(2100) {}
        },
    ] {
        let found = std::panic::catch_unwind(|| {
            feed("wrong", &[vec![5; 4]], |bytes| {
                if !bytes.is_empty() {
                    wrong(bytes);
                }
            })
        });
        assert!(found.is_err());
    }
}

#[test]
fn styles() {
    feed(
        "style",
        &[seed("fuzz/seeds/style/small.safetensors")],
        |bytes| {
            let _ = Style::from_bytes(bytes);
        },
    );
}

#[test]
fn headers_of_photos() {
    let names = [
        "plain.jpg",
        "progressive-cut.jpg",
        "turned-cut.jpg",
        "restarts-cut.jpg",
        "two-exif.jpg",
        "plain.png",
        "photo.webp",
        "animated.gif",
        "text.jpg",
    ];
    feed("header", &photos(&names), |bytes| {
        let _ = probe(bytes);
        let _ = mend(bytes);
    });
}

#[test]
fn jpegs() {
    let names = [
        "plain.jpg",
        "gray.jpg",
        "cmyk.jpg",
        "cmyk-profile.jpg",
        "progressive-cut.jpg",
        "restarts-cut.jpg",
        "exif-rotated.jpg",
        "profile.jpg",
        "no-tables.jpg",
    ];
    decoded("jpeg", &names);
}

#[test]
fn pngs() {
    let names = [
        "plain.png",
        "palette.png",
        "alpha.png",
        "sixteen-bit.png",
        "sixteen-bit-gray.png",
        "gray-profile.png",
        "p3-cicp.png",
        "gamma-primaries.png",
        "one-pixel.png",
    ];
    decoded("png", &names);
}

#[test]
fn webps() {
    decoded("webp", &["photo.webp", "lossless.webp", "animated.webp"]);
}

#[test]
fn gifs() {
    decoded("gif", &["animated.gif"]);
}

fn decoded(name: &str, photos: &[&str]) {
    feed(name, &self::photos(photos), |bytes| {
        let _ = decode_partial(bytes);
    });
}
