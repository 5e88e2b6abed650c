//! Reads photo files natively: upright, in sRGB, as 8-bit RGBA. Browsers bring their own decoders.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, metadata::Orientation};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use super::{MAX_MEGAPIXELS, Photo, probe, probe::check_size};
use crate::error::{Error, Result};

/// Most bytes a decoder may allocate: 16-bit RGBA pixels of the largest photo, and some room to
/// work in.
const MAX_DECODER_BYTES: u64 = MAX_MEGAPIXELS * 1_000_000 * 8 + (64 << 20);

/// Decodes a photo file: JPEG, PNG, WebP or GIF (the first picture of an animation).
///
/// The photo comes out upright (EXIF orientation is applied) and in sRGB (an embedded RGB profile
/// is applied; a damaged one is ignored). Gray, palette, CMYK and 16-bit pixels become 8-bit RGBA.
///
/// # Errors
/// Those of [`probe`]; [`Error::PhotoUnsupported`] for AVIF, HEIC, BMP and rare variants of the
/// others; [`Error::PhotoUnreadable`] if the file is damaged or truncated. A truncated JPEG may
/// also come out with its lower part gray, as in most viewers.
pub fn decode(bytes: &[u8]) -> Result<Photo> {
    let format = probe(bytes)?.format;
    if !matches!(format, "JPEG" | "PNG" | "WebP" | "GIF") {
        return Err(Error::PhotoUnsupported(format!(
            "{format} cannot be read here; save it as JPEG or PNG"
        )));
    }
    let failed = |error: ImageError| match error {
        ImageError::Unsupported(reason) => Error::PhotoUnsupported(format!(
            "a rare variant of {format} ({reason}); save it as JPEG or PNG"
        )),
        other => Error::PhotoUnreadable(format!("the {format} file is damaged ({other})")),
    };
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| failed(error.into()))?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(failed)?;
    // The decoder may have found another size than `probe`.
    let (width, height) = decoder.dimensions();
    check_size(width.into(), height.into())?;
    // A photo with damaged metadata is still a photo.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().unwrap_or(None);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
    picture.apply_orientation(orientation);
    let pixels = picture.into_rgba8();
    let (width, height) = (pixels.width() as usize, pixels.height() as usize);
    let mut rgba = pixels.into_raw();
    if let Some(profile) = profile {
        rgba = to_srgb(rgba, &profile);
    }
    Photo::new(width, height, rgba)
}

/// Converts colours from an embedded ICC profile to sRGB. They stay as they are if the profile is
/// damaged, is not for RGB, or is sRGB itself.
fn to_srgb(rgba: Vec<u8>, profile: &[u8]) -> Vec<u8> {
    let Ok(source) = ColorProfile::new_from_slice(profile) else {
        return rgba;
    };
    if source.color_space != DataColorSpace::Rgb {
        return rgba;
    }
    let Ok(transform) = source.create_transform_8bit(
        Layout::Rgba,
        &ColorProfile::new_srgb(),
        Layout::Rgba,
        TransformOptions::default(),
    ) else {
        return rgba;
    };
    // Most profiles are sRGB in one of many spellings. Converting would only add rounding errors,
    // so a profile that hardly moves a grid of colours is taken for sRGB.
    let grid = colour_grid();
    let mut moved = vec![0; grid.len()];
    if transform.transform(&grid, &mut moved).is_err()
        || grid.iter().zip(&moved).all(|(a, b)| a.abs_diff(*b) <= 2)
    {
        return rgba;
    }
    let mut converted = vec![0; rgba.len()];
    match transform.transform(&rgba, &mut converted) {
        Ok(()) => converted,
        Err(_) => rgba,
    }
}

/// Opaque colours in even steps through the RGB cube, 4 bytes each.
fn colour_grid() -> Vec<u8> {
    const LEVELS: [u8; 6] = [0, 51, 102, 153, 204, 255];
    let mut grid = Vec::new();
    for r in LEVELS {
        for g in LEVELS {
            for b in LEVELS {
                grid.extend([r, g, b, 255]);
            }
        }
    }
    grid
}
