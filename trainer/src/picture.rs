//! Pictures between files and the network's values.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use burn::tensor::{Device, Tensor, TensorData};
use image::codecs::png::PngEncoder;
use image::imageops::{self, FilterType};
use image::{ExtendedColorType, ImageEncoder, RgbImage};
use nijigen::imaging::Photo;
use nijigen::strokes::paint_for_network;

/// Reads a picture file as RGB.
///
/// # Errors
/// If the file cannot be read or decoded, naming it.
pub fn open_rgb(path: &Path) -> Result<RgbImage> {
    let picture = image::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(picture.to_rgb8())
}

/// A photo's pixels without alpha.
///
/// # Errors
/// If the photo is wider or higher than 2³² pixels.
pub fn to_rgb(photo: &Photo) -> Result<RgbImage> {
    let pixels = photo.rgba().as_chunks::<4>().0;
    let rgb: Vec<u8> = pixels.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect();
    let (width, height) = (
        u32::try_from(photo.width())?,
        u32::try_from(photo.height())?,
    );
    RgbImage::from_raw(width, height, rgb)
        .with_context(|| format!("{width} x {height} pixels are not whole"))
}

/// A picture as an opaque photo.
///
/// # Errors
/// If the picture has no pixels.
pub fn to_photo(picture: &RgbImage) -> Result<Photo> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let rgba = picture.pixels().flat_map(|p| [p[0], p[1], p[2], 255]);
    Ok(Photo::new(width, height, rgba.collect())?)
}

/// A picture as networks see it that are given photos in strokes, with guide planes or without.
///
/// # Errors
/// If the picture has no pixels.
pub fn in_strokes(picture: &RgbImage, guided: bool) -> Result<RgbImage> {
    let mut photo = to_photo(picture)?;
    paint_for_network(&mut photo, guided);
    to_rgb(&photo)
}

/// A picture as a PNG file.
///
/// # Errors
/// None in practice; the encoder's.
pub fn png(picture: &RgbImage) -> Result<Vec<u8>> {
    encode_png(
        picture.as_raw(),
        picture.dimensions(),
        ExtendedColorType::Rgb8,
    )
}

/// A photo as a PNG file, with alpha only if a pixel is not opaque.
///
/// # Errors
/// None in practice; the encoder's.
pub fn photo_png(photo: &Photo) -> Result<Vec<u8>> {
    let pixels = photo.rgba().as_chunks::<4>().0;
    if pixels.iter().all(|pixel| pixel[3] == 255) {
        return png(&to_rgb(photo)?);
    }
    let size = (photo.width() as u32, photo.height() as u32);
    encode_png(photo.rgba(), size, ExtendedColorType::Rgba8)
}

fn encode_png(
    bytes: &[u8],
    (width, height): (u32, u32),
    colours: ExtendedColorType,
) -> Result<Vec<u8>> {
    let mut png = Vec::new();
    PngEncoder::new(&mut png)
        .write_image(bytes, width, height, colours)
        .context("cannot encode the picture")?;
    Ok(png)
}

/// Values in [-1, 1], `[3, side, side]`, of a square of a picture that has it, perhaps mirrored.
pub fn crop_planes(picture: &RgbImage, x: u32, y: u32, side: u32, flip: bool) -> Vec<f32> {
    planes(picture, [x, y], [side, side], flip)
}

fn planes(picture: &RgbImage, [x, y]: [u32; 2], [width, height]: [u32; 2], flip: bool) -> Vec<f32> {
    let mut values = Vec::with_capacity((3 * width * height) as usize);
    for channel in 0..3 {
        for row in 0..height {
            for column in 0..width {
                let column = if flip { width - 1 - column } else { column };
                let value = picture.get_pixel(x + column, y + row).0[channel];
                values.push(f32::from(value) / 127.5 - 1.0);
            }
        }
    }
    values
}

/// A whole picture as a tensor `[1, 3, height, width]` in [-1, 1].
pub fn picture_tensor(picture: &RgbImage, device: &Device) -> Tensor<4> {
    let (width, height) = picture.dimensions();
    let values = planes(picture, [0, 0], [width, height], false);
    Tensor::from_data(
        TensorData::new(values, [1, 3, height as usize, width as usize]),
        device,
    )
}

/// A whole picture as a network of this kind is given it, in `strokes` or as it is; see [`picture_tensor`].
///
/// # Errors
/// If the picture has no pixels.
pub fn given_tensor(
    picture: &RgbImage,
    strokes: bool,
    guided: bool,
    device: &Device,
) -> Result<Tensor<4>> {
    Ok(if strokes {
        picture_tensor(&in_strokes(picture, guided)?, device)
    } else {
        picture_tensor(picture, device)
    })
}

/// The first picture of a tensor `[batch, 3, height, width]` in [-1, 1].
///
/// # Errors
/// If the device cannot be read.
pub fn tensor_picture(tensor: Tensor<4>) -> Result<RgbImage> {
    let [_, _, height, width] = tensor.dims();
    let values = tensor_values(tensor)?;
    let plane = width * height;
    Ok(RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let at = y as usize * width + x as usize;
        image::Rgb(std::array::from_fn(|c| {
            ((values[c * plane + at].clamp(-1.0, 1.0) + 1.0) * 127.5 + 0.5) as u8
        }))
    }))
}

/// All values of a tensor, row by row.
///
/// # Errors
/// If the device cannot be read.
pub fn tensor_values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    tensor
        .try_into_data()
        .map_err(|error| anyhow!("{error:?}"))
        .and_then(|data| Ok(data.try_into_vec::<f32>()?))
        .context("cannot read the device")
}

/// A picture whose longer side is at most `long_side_px`, shrunk if need be.
pub fn bounded(picture: RgbImage, long_side_px: u32) -> RgbImage {
    let (width, height) = picture.dimensions();
    let scale = f64::from(long_side_px) / f64::from(width.max(height));
    if scale >= 1.0 {
        return picture;
    }
    let size = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    imageops::resize(&picture, size(width), size(height), FilterType::CatmullRom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_survive_the_way_there_and_back() {
        let picture = RgbImage::from_fn(5, 3, |x, y| {
            image::Rgb([(x * 50) as u8, (y * 80) as u8, 255])
        });
        let tensor = picture_tensor(&picture, &Device::flex());
        assert_eq!(tensor.dims(), [1, 3, 3, 5]);
        assert_eq!(tensor_picture(tensor).expect("flex can be read"), picture);
    }

    #[test]
    fn crops_flip() {
        let picture = RgbImage::from_fn(8, 8, |x, _| image::Rgb([x as u8 * 10; 3]));
        let plain = crop_planes(&picture, 2, 1, 4, false);
        let flipped = crop_planes(&picture, 2, 1, 4, true);
        assert_eq!(plain[0], flipped[3]);
        assert_eq!(plain[0], 20.0 / 127.5 - 1.0);
    }
}
