//! Reads a photo's format and size from its header, before anything is allocated for its pixels.

use crate::error::{Error, Result};

/// Photos above this many millions of pixels are refused: their RGBA pixels alone would fill a
/// browser tab's memory.
pub const MAX_MEGAPIXELS: u64 = 100;

/// What a photo file's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhotoHeader {
    /// Name of the file format, such as "JPEG".
    pub format: &'static str,
    /// Width in pixels, before EXIF orientation is applied.
    pub width: usize,
    /// Height in pixels, before EXIF orientation is applied.
    pub height: usize,
}

/// Reads the header of a photo file: JPEG, PNG, WebP, GIF, BMP, AVIF or HEIC.
///
/// # Errors
/// [`Error::PhotoUnreadable`] if the bytes are none of these or the header is damaged,
/// [`Error::PhotoUnsupported`] for other picture formats, [`Error::PhotoTooLarge`] above
/// [`MAX_MEGAPIXELS`].
pub fn probe(bytes: &[u8]) -> Result<PhotoHeader> {
    use imagesize::{Compression, ImageType};
    if bytes.is_empty() {
        return Err(Error::PhotoUnreadable("the file is empty".into()));
    }
    let kind = imagesize::image_type(bytes).map_err(|_| {
        Error::PhotoUnreadable(
            "its contents are not a picture (expected JPEG, PNG, WebP, GIF, BMP, AVIF or HEIC)"
                .into(),
        )
    })?;
    let format = match kind {
        ImageType::Jpeg => "JPEG",
        ImageType::Png => "PNG",
        ImageType::Webp => "WebP",
        ImageType::Gif => "GIF",
        ImageType::Bmp => "BMP",
        ImageType::Heif(Compression::Av1) => "AVIF",
        ImageType::Heif(_) => "HEIC",
        other => {
            return Err(Error::PhotoUnsupported(format!(
                "{other:?} (expected JPEG, PNG, WebP, GIF, BMP, AVIF or HEIC)"
            )));
        }
    };
    let size = imagesize::blob_size(bytes)
        .map_err(|error| Error::PhotoUnreadable(format!("damaged {format} header ({error})")))?;
    check_size(size.width as u64, size.height as u64)?;
    Ok(PhotoHeader {
        format,
        width: size.width,
        height: size.height,
    })
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
        assert_eq!(
            probe(b"8BPS\0\x01\0\0\0\0\0\0\0\x03\0\0\0\x01\0\0\0\x01\0\x08\0\x03")
                .unwrap_err()
                .code(),
            "photo-unsupported"
        );
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
