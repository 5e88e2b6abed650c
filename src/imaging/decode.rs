//! Reads photo files natively: upright, in sRGB, as 8-bit RGBA. Browsers bring their own decoders.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, RgbaImage};

use super::jpeg::Jpeg;
use super::{MAX_MEGAPIXELS, Photo, colour_profile, probe, probe::check_size};
use crate::error::{Error, Result};

/// Most bytes a decoder may allocate: 16-bit RGBA pixels of the largest photo, and some room to
/// work in.
const MAX_DECODER_BYTES: u64 = MAX_MEGAPIXELS * 1_000_000 * 8 + (64 << 20);
/// Share of the rows of a cut-off JPEG that may be missing for it to be shown.
const MOST_MISSING: f32 = 0.5;

/// Side of the blocks that JPEG files are made of.
const BLOCK_PX: usize = 8;

/// A photo as far as its file goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The photo.
    pub photo: Photo,
    /// If the file ends early, as a half-finished download does: the share of the photo's rows that are missing, 0 to
    /// 0.5, and gray. It is 0 where the file's last pass over the picture is missing, so that it is less sharp.
    pub ends_early: Option<f32>,
}

/// Decodes a photo file: JPEG, PNG, WebP or GIF (the first picture of an animation).
///
/// The photo comes out upright (EXIF orientation is applied) and in sRGB (an embedded profile, or a PNG's own
/// words on its colours, are applied; a damaged profile is ignored). Gray, palette, CMYK and 16-bit pixels
/// become 8-bit RGBA.
///
/// # Errors
/// Those of [`probe`]; [`Error::PhotoUnsupported`] for AVIF, HEIC, BMP and rare variants of the
/// others; [`Error::PhotoUnreadable`] if the file is damaged or ends early.
pub fn decode(bytes: &[u8]) -> Result<Photo> {
    match decode_partial(bytes)? {
        Decoded {
            ends_early: Some(missing),
            ..
        } => Err(ends_early(missing)),
        Decoded { photo, .. } => Ok(photo),
    }
}

/// [`decode`] that takes JPEG files which end early, too, if most of the photo is there.
///
/// # Errors
/// Those of [`decode`]; [`Error::PhotoUnreadable`] if more than half of the rows are missing.
pub fn decode_partial(bytes: &[u8]) -> Result<Decoded> {
    let format = probe(bytes)?.format;
    let unsupported = |what: &str| {
        Error::PhotoUnsupported(format!(
            "{what} cannot be read here; save it as JPEG or PNG"
        ))
    };
    match format {
        "JPEG" => {
            let jpeg = Jpeg::read(bytes)?;
            if let Some(rare) = jpeg.rare {
                return Err(unsupported(&format!("a JPEG file with {rare}")));
            }
            let raw = colour_profile::read_cmyk(&jpeg.bytes);
            let mut pixels = match raw {
                Some(raw) => raw,
                None => read(&jpeg.bytes, format)?,
            };
            let ends_early = (!jpeg.ends)
                .then(|| blank_missing(&mut pixels))
                .filter(|missing| jpeg.progressive || *missing > 0.0);
            if let Some(missing) = ends_early.filter(|missing| *missing > MOST_MISSING) {
                return Err(self::ends_early(missing));
            }
            Ok(Decoded {
                photo: finish(pixels)?,
                ends_early,
            })
        }
        "PNG" | "WebP" | "GIF" => {
            let mut pixels = read(bytes, format)?;
            if format == "PNG" {
                pixels.profile = colour_profile::of_png(bytes, pixels.profile);
            }
            Ok(Decoded {
                photo: finish(pixels)?,
                ends_early: None,
            })
        }
        other => Err(unsupported(other)),
    }
}

fn ends_early(missing: f32) -> Error {
    Error::PhotoUnreadable(format!(
        "the file ends early, {:.0} % of the photo's rows are missing",
        100.0 * missing
    ))
}

/// What a decoder gives.
pub(super) struct Pixels {
    pub picture: DynamicImage,
    pub orientation: Orientation,
    /// Profile of the colours, unless they are sRGB.
    pub profile: Option<moxcms::ColorProfile>,
}

fn read(bytes: &[u8], format: &str) -> Result<Pixels> {
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
    Ok(Pixels {
        picture: DynamicImage::from_decoder(decoder).map_err(failed)?,
        orientation,
        profile: profile.and_then(|icc| moxcms::ColorProfile::new_from_slice(&icc).ok()),
    })
}

/// Upright and in sRGB.
fn finish(pixels: Pixels) -> Result<Photo> {
    let Pixels {
        mut picture,
        orientation,
        profile,
    } = pixels;
    picture.apply_orientation(orientation);
    let gray = !picture.color().has_color();
    let pixels = picture.into_rgba8();
    let (width, height) = (pixels.width() as usize, pixels.height() as usize);
    let mut rgba = pixels.into_raw();
    if let Some(profile) = profile {
        rgba = colour_profile::to_srgb(rgba, &profile, gray);
    }
    Photo::new(width, height, rgba)
}

/// Rows at the end of a cut-off JPEG, a block or more, where there is no data: decoders leave one colour there, or
/// repeat the last block.
fn missing_rows(picture: &RgbaImage) -> usize {
    let row = 4 * picture.width() as usize;
    let rows = picture.as_raw().chunks_exact(row).rev();
    let missing = rows.take_while(|row| is_blank(row.as_chunks().0)).count();
    if missing < BLOCK_PX { 0 } else { missing }
}

/// Whether a row repeats itself block by block. Borders are left out, which other blocks reach into; white and black
/// rows may be the photo's own.
fn is_blank(row: &[[u8; 4]]) -> bool {
    let near = |a: &[u8; 4], b: &[u8; 4]| (0..4).all(|c| a[c].abs_diff(b[c]) <= 1);
    let period = 2 * BLOCK_PX;
    let inside = row.get(period..row.len().saturating_sub(period));
    let inside = inside.filter(|inside| inside.len() > period).unwrap_or(row);
    let period = period.min(inside.len().saturating_sub(1)).max(1);
    let plain = [[255; 4], [0, 0, 0, 255]];
    inside.windows(period + 1).all(|w| near(&w[0], &w[period]))
        && !inside
            .iter()
            .all(|pixel| plain.iter().any(|plain| near(pixel, plain)))
}

/// Lays gray where rows are missing, and tells their share: what a decoder leaves there is any colour.
fn blank_missing(pixels: &mut Pixels) -> f32 {
    let picture = std::mem::take(&mut pixels.picture).into_rgba8();
    let [width, height] = [picture.width(), picture.height()];
    let missing = missing_rows(&picture);
    let row = 4 * width as usize;
    let begin = (height as usize - missing) * row;
    let mut bytes = picture.into_raw();
    for pixel in bytes[begin..].as_chunks_mut().0 {
        *pixel = [128, 128, 128, 255];
    }
    let picture = RgbaImage::from_raw(width, height, bytes).unwrap_or_default();
    pixels.picture = DynamicImage::ImageRgba8(picture);
    missing as f32 / height as f32
}
