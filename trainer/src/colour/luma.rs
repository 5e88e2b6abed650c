//! Luma of sRGB colours.

use anyhow::Result;
use image::RgbImage;

pub use nijigen::kernels::blend::LUMA;

use nijigen::filter::plane::Plane;

/// Luma by ITU-R BT.601, in the unit of the channels.
pub fn luma(rgb: [f32; 3]) -> f32 {
    LUMA[0] * rgb[0] + LUMA[1] * rgb[1] + LUMA[2] * rgb[2]
}

/// Luma of a picture by ITU-R BT.601, in 0..=255.
///
/// # Errors
/// If the picture is empty.
pub fn luma_plane(picture: &RgbImage) -> Result<Plane> {
    let values = picture
        .pixels()
        .map(|pixel| luma(pixel.0.map(f32::from)))
        .collect();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Ok(Plane::new(width, height, values)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luma_of_primaries() -> Result<()> {
        let picture = RgbImage::from_raw(4, 1, vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 90, 90, 90])
            .expect("four pixels");
        let luma = luma_plane(&picture)?;
        for (value, expected) in luma.values().iter().zip([76.245, 149.685, 29.07, 90.0]) {
            assert!((value - expected).abs() < 1e-4, "{value} is not {expected}");
        }
        assert!(luma_plane(&RgbImage::new(0, 3)).is_err());
        Ok(())
    }
}
