//! Small pictures in a grid, to see at a glance what a cluster holds.

use anyhow::{Context, Result};
use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage, imageops};

/// Longest side of a thumbnail in pixels.
pub const THUMBNAIL_PX: u32 = 160;

/// Most thumbnails on a sheet.
pub const MAX_THUMBNAILS: usize = 48;

/// Thumbnails in a row.
const COLUMNS: u32 = 8;

/// Pixels around each thumbnail's place.
const GAP_PX: u32 = 4;

const BACKGROUND: Rgb<u8> = Rgb([40, 40, 40]);

/// Lays out `thumbnails` (each side at most [`THUMBNAIL_PX`]; what is larger is cut off) row by
/// row, each in the middle of its place.
pub fn contact_sheet(thumbnails: &[RgbImage]) -> RgbImage {
    let count = thumbnails.len() as u32;
    let pitch = THUMBNAIL_PX + GAP_PX;
    let columns = count.clamp(1, COLUMNS);
    let rows = count.div_ceil(COLUMNS).max(1);
    let mut sheet =
        RgbImage::from_pixel(columns * pitch + GAP_PX, rows * pitch + GAP_PX, BACKGROUND);
    for (index, thumbnail) in (0..count).zip(thumbnails) {
        let spare = |side: u32| THUMBNAIL_PX.saturating_sub(side) / 2;
        let x = index % COLUMNS * pitch + GAP_PX + spare(thumbnail.width());
        let y = index / COLUMNS * pitch + GAP_PX + spare(thumbnail.height());
        imageops::replace(&mut sheet, thumbnail, x.into(), y.into());
    }
    sheet
}

/// A JPEG file of a sheet.
///
/// # Errors
/// If it cannot be encoded.
pub fn encode_jpeg(sheet: &RgbImage) -> Result<Vec<u8>> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 90)
        .encode_image(sheet)
        .context("cannot encode a contact sheet")?;
    Ok(jpeg)
}

/// Which of `count` images go on a sheet of at most [`MAX_THUMBNAILS`]: evenly spaced, the first
/// one among them.
pub fn chosen(count: usize) -> impl Iterator<Item = usize> {
    let shown = count.min(MAX_THUMBNAILS);
    (0..shown).map(move |place| place * count / shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbnails_lie_in_a_grid() {
        let thumbnails: Vec<RgbImage> = (0..10u8)
            .map(|index| RgbImage::from_pixel(160, 80, Rgb([100 + index, 0, 0])))
            .collect();
        let sheet = contact_sheet(&thumbnails);
        assert_eq!(sheet.dimensions(), (8 * 164 + 4, 2 * 164 + 4));
        // The middle of each place shows its thumbnail; above it is background.
        assert_eq!(sheet[(4 + 80, 4 + 80)], Rgb([100, 0, 0]));
        assert_eq!(sheet[(4 + 80, 4 + 10)], BACKGROUND);
        assert_eq!(sheet[(164 + 84, 164 + 84)], Rgb([109, 0, 0]));
        assert_eq!(sheet[(2 * 164 + 84, 164 + 84)], BACKGROUND);
        assert_eq!(contact_sheet(&thumbnails[..1]).dimensions(), (168, 168));
    }

    #[test]
    fn a_sheet_becomes_a_jpeg() -> Result<()> {
        let sheet = contact_sheet(&[RgbImage::from_pixel(160, 160, Rgb([200, 60, 60]))]);
        let read = image::load_from_memory(&encode_jpeg(&sheet)?)?.into_rgb8();
        assert_eq!(read.dimensions(), sheet.dimensions());
        let middle = read[(84, 84)].0;
        assert!(middle[0].abs_diff(200) < 6 && middle[1].abs_diff(60) < 6);
        Ok(())
    }

    #[test]
    fn large_clusters_are_sampled_evenly() {
        assert_eq!(chosen(3).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(chosen(0).count(), 0);
        let sampled: Vec<usize> = chosen(480).collect();
        assert_eq!(sampled, (0..48).map(|place| place * 10).collect::<Vec<_>>());
    }
}
