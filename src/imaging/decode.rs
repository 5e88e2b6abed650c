//! Reads photo files natively: upright, in sRGB, as 8-bit RGBA. Browsers bring their own decoders.

use std::io::Cursor;
use std::panic::catch_unwind;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};

use super::jpeg::Jpeg;
use super::missing::EndsEarly;
use super::{MAX_MEGAPIXELS, Photo, PhotoHeader, colour_profile, probe, probe::check_size};
use crate::error::{Error, Result};

/// Most bytes a decoder may allocate: 16-bit RGBA pixels of the largest photo, and some room to
/// work in.
const MAX_DECODER_BYTES: u64 = MAX_MEGAPIXELS * 1_000_000 * 8 + (64 << 20);

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
    let (photo, ends_early) = read_photo(bytes)?;
    match ends_early {
        Some(ends_early) => Err(ends_early.refusal()),
        None => Ok(photo),
    }
}

/// [`decode`] that takes JPEG files which end early, too, if most of the photo is there.
///
/// # Errors
/// Those of [`decode`]; [`Error::PhotoUnreadable`] if more than half of the rows are missing.
pub fn decode_partial(bytes: &[u8]) -> Result<Decoded> {
    let (photo, ends_early) = read_photo(bytes)?;
    Ok(Decoded {
        photo,
        ends_early: ends_early.map(|ends_early| ends_early.missing),
    })
}

fn read_photo(bytes: &[u8]) -> Result<(Photo, Option<EndsEarly>)> {
    let header = probe(bytes)?;
    let format = header.format;
    // Decoders are others' code, and some give up by a panic where a file is damaged. Nothing of theirs is used then.
    catch_unwind(|| decode_known(bytes, header)).unwrap_or_else(|_| {
        Err(Error::PhotoUnreadable(format!(
            "the {format} file is damaged"
        )))
    })
}

fn decode_known(bytes: &[u8], header: PhotoHeader) -> Result<(Photo, Option<EndsEarly>)> {
    let PhotoHeader {
        format, ends_early, ..
    } = header;
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
            if let Some(ends_early) = ends_early {
                ends_early.check()?;
            }
            let mut photo = finish(match colour_profile::read_cmyk(&jpeg.bytes) {
                Some(raw) => raw,
                None => read(&jpeg.bytes, format)?,
            })?;
            if let Some(ends_early) = ends_early {
                ends_early.lay_gray(&mut photo);
            }
            Ok((photo, ends_early))
        }
        "PNG" | "WebP" | "GIF" => {
            let mut pixels = read(bytes, format)?;
            if format == "PNG" {
                pixels.profile = colour_profile::of_png(bytes, pixels.profile);
            }
            Ok((finish(pixels)?, None))
        }
        other => Err(unsupported(other)),
    }
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
