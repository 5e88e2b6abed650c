//! Reads a photo's format and size from its header, before anything is allocated for its pixels.

use super::jpeg::Jpeg;
use super::missing::EndsEarly;
use crate::error::{Error, Result};

/// Photos above this many millions of pixels are refused: their RGBA pixels alone would fill a
/// browser tab's memory.
pub const MAX_MEGAPIXELS: u64 = 100;

/// What a photo file's header says.
#[derive(Clone, Debug, PartialEq)]
pub struct PhotoHeader {
    /// Name of the file format, such as "JPEG".
    pub format: &'static str,
    /// Width in pixels, before EXIF orientation is applied.
    pub width: usize,
    /// Height in pixels, before EXIF orientation is applied.
    pub height: usize,
    /// Of a JPEG file that ends early: how.
    pub ends_early: Option<EndsEarly>,
}

/// Reads the header of a picture file, whether or not it can be decoded here: what browsers open, they decode.
///
/// # Errors
/// [`Error::PhotoUnreadable`] if the bytes are no picture, or the header is damaged,
/// [`Error::PhotoUnsupported`] for videos, [`Error::PhotoTooLarge`] above [`MAX_MEGAPIXELS`].
pub fn probe(bytes: &[u8]) -> Result<PhotoHeader> {
    use imagesize::{Compression, ImageType};
    if bytes.is_empty() {
        return Err(Error::PhotoUnreadable("the file is empty".into()));
    }
    if is_video(bytes) {
        return Err(Error::PhotoUnsupported(
            "this is a video; take a picture of it, and choose that".into(),
        ));
    }
    let kind = match imagesize::image_type(bytes) {
        Ok(kind) => kind,
        Err(_) => {
            let what = if is_text(bytes) { "text, " } else { "" };
            return Err(Error::PhotoUnreadable(format!(
                "its contents are {what}not a picture (expected JPEG, PNG, WebP, GIF, BMP, AVIF or HEIC)"
            )));
        }
    };
    let format = match kind {
        ImageType::Jpeg => "JPEG",
        ImageType::Png => "PNG",
        ImageType::Webp => "WebP",
        ImageType::Gif => "GIF",
        ImageType::Bmp => "BMP",
        ImageType::Heif(Compression::Av1) => "AVIF",
        ImageType::Heif(_) => "HEIC",
        ImageType::Jxl => "JPEG XL",
        ImageType::Ico => "ICO",
        ImageType::Tiff => "TIFF",
        ImageType::Psd => "Photoshop",
        _ => "picture",
    };
    let jpeg = (format == "JPEG").then(|| Jpeg::read(bytes)).transpose()?;
    let [width, height] = match &jpeg {
        Some(jpeg) => jpeg.size,
        None => imagesize::blob_size(bytes)
            .map(|size| [size.width, size.height])
            .map_err(|error| {
                Error::PhotoUnreadable(format!("damaged {format} header ({error})"))
            })?,
    };
    check_size(width as u64, height as u64)?;
    Ok(PhotoHeader {
        format,
        width,
        height,
        ends_early: jpeg.as_ref().and_then(EndsEarly::of),
    })
}

/// Whether these are the first bytes of a video: of the MP4 family (which HEIC and AVIF belong to, too), Matroska,
/// AVI, MPEG, Ogg or Flash.
fn is_video(bytes: &[u8]) -> bool {
    let begins = |signature: &[u8]| bytes.starts_with(signature);
    let after = |at: usize, word: &[u8]| bytes.get(at..at + word.len()) == Some(word);
    if after(4, b"ftyp") {
        return !has_picture_brand(bytes);
    }
    [&b"moov"[..], b"mdat", b"wide"]
        .iter()
        .any(|kind| after(4, kind))
        || begins(b"\x1a\x45\xdf\xa3")
        || begins(b"\0\0\x01\xba")
        || begins(b"\0\0\x01\xb3")
        || begins(b"OggS")
        || begins(b"FLV\x01")
        || (begins(b"RIFF") && after(8, b"AVI "))
}

/// Whether the first box of a file of the MP4 family names a kind of picture.
fn has_picture_brand(bytes: &[u8]) -> bool {
    const PICTURES: [&[u8; 4]; 12] = [
        b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1", b"miaf",
        b"avif", b"avis",
    ];
    let length = bytes
        .first_chunk()
        .map_or(0, |length| u32::from_be_bytes(*length) as usize);
    let brands = bytes.get(8..length.min(bytes.len())).unwrap_or_default();
    let mut brands = brands.as_chunks::<4>().0.iter();
    brands.any(|brand| PICTURES.contains(&brand))
}

/// Whether the file begins as text does.
fn is_text(bytes: &[u8]) -> bool {
    let begin = &bytes[..bytes.len().min(512)];
    let valid = match std::str::from_utf8(begin) {
        Ok(text) => text,
        // A letter may be cut in two.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&begin[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !valid.is_empty()
        && valid
            .chars()
            .all(|c| !c.is_control() || c.is_ascii_whitespace())
}

/// Refuses pictures without pixels and pictures above [`MAX_MEGAPIXELS`].
pub(super) fn check_size(width: u64, height: u64) -> Result<()> {
    if width == 0 || height == 0 {
        return Err(Error::PhotoUnreadable(format!(
            "its size is {width} x {height} pixels"
        )));
    }
    match width.checked_mul(height) {
        Some(pixels) if pixels <= MAX_MEGAPIXELS * 1_000_000 => Ok(()),
        _ => Err(Error::PhotoTooLarge {
            width,
            height,
            limit_megapixels: MAX_MEGAPIXELS,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Signature and IHDR of a PNG of the given size; the checksum is not looked at.
    fn png_header(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 2, 0, 0, 0, 0, 0, 0, 0]);
        bytes
    }

    #[test]
    fn reads_size() {
        let header = probe(&png_header(640, 480)).unwrap();
        assert_eq!(
            (header.format, header.width, header.height),
            ("PNG", 640, 480)
        );
    }

    #[test]
    fn refuses_in_words() {
        let text = probe(b"Dear diary, today I renamed a file.").unwrap_err();
        assert_eq!(text.code(), "photo-unreadable");
        let huge = probe(&png_header(20_000, 20_000)).unwrap_err();
        assert_eq!(huge.code(), "photo-too-large");
        assert!(huge.to_string().contains("20000 x 20000"), "{huge}");
        assert_eq!(
            probe(&png_header(0, 5)).unwrap_err().code(),
            "photo-unreadable"
        );
        assert_eq!(probe(&[]).unwrap_err().code(), "photo-unreadable");
        let video = b"\0\0\0\x18ftypisom\0\0\0\0isommp42\0\0\0\0mdat";
        for video in [
            &video[..],
            b"\x1a\x45\xdf\xa3matroska",
            b"RIFF\0\0\0\0AVI LIST",
        ] {
            let error = probe(video).unwrap_err();
            assert_eq!(error.code(), "photo-unsupported");
            assert!(error.to_string().contains("this is a video"), "{error}");
        }
        assert!(text.to_string().contains("are text, not"), "{text}");
        // Some browsers may open it.
        let photoshop = b"8BPS\0\x01\0\0\0\0\0\0\0\x03\0\0\0\x01\0\0\0\x01\0\x08\0\x03";
        assert_eq!(probe(photoshop).unwrap().format, "Photoshop");
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..33) {
            let _ = probe(&bytes);
            let mut header = png_header(7, 9);
            header.truncate(cut);
            let _ = probe(&header);
        }
    }
}
