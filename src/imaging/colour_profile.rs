//! The colours of photo files: ICC profiles for RGB, gray and CMYK, and what PNG files say of theirs.

use std::io::Cursor;
use std::sync::Arc;

use image::metadata::Orientation;
use image::{DynamicImage, RgbaImage};
use moxcms::{
    Chromaticity, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace, Layout,
    MatrixCoefficients, ToneReprCurve, Transform8BitExecutor, TransformOptions, curve_from_gamma,
};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::decode::Pixels;
use crate::colour::srgb::{linear_light, srgb_value};

/// Converts RGBA colours to sRGB. They stay as they are if the profile is not for them (one for gray needs a
/// `gray` picture), or is sRGB itself.
pub(super) fn to_srgb(rgba: Vec<u8>, profile: &ColorProfile, gray: bool) -> Vec<u8> {
    match profile.color_space {
        DataColorSpace::Rgb => rgb_to_srgb(rgba, profile),
        DataColorSpace::Gray if gray => gray_to_srgb(rgba, profile),
        _ => rgba,
    }
}

/// What takes colours of a profile, in the layout `from`, to sRGB in the layout `to`.
fn srgb_transform(
    profile: &ColorProfile,
    from: Layout,
    to: Layout,
) -> Option<Arc<Transform8BitExecutor>> {
    let srgb = ColorProfile::new_srgb();
    let options = TransformOptions::default();
    profile.create_transform_8bit(from, &srgb, to, options).ok()
}

fn rgb_to_srgb(rgba: Vec<u8>, profile: &ColorProfile) -> Vec<u8> {
    let Some(transform) = srgb_transform(profile, Layout::Rgba, Layout::Rgba) else {
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

fn gray_to_srgb(mut rgba: Vec<u8>, profile: &ColorProfile) -> Vec<u8> {
    let Some(transform) = srgb_transform(profile, Layout::Gray, Layout::Rgb) else {
        return rgba;
    };
    // The curve of the 256 values there are.
    let values: Vec<u8> = (0..=255).collect();
    let mut curve = vec![0; 3 * values.len()];
    if transform.transform(&values, &mut curve).is_ok() {
        for pixel in rgba.as_chunks_mut::<4>().0 {
            let colour = &curve[3 * usize::from(pixel[0])..][..3];
            pixel[..3].copy_from_slice(colour);
        }
    }
    rgba
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

/// The profile of a PNG file's colours, by the order of the PNG specification (third edition, 4.3): cICP, the
/// embedded profile `icc`, sRGB, then gAMA and cHRM. `None` is sRGB.
pub(super) fn of_png(bytes: &[u8], icc: Option<ColorProfile>) -> Option<ColorProfile> {
    let reader = png::Decoder::new(Cursor::new(bytes)).read_info().ok()?;
    let info = reader.info();
    if let Some(points) = info.coding_independent_code_points {
        return cicp(points);
    }
    if icc.is_some() || info.srgb.is_some() {
        return icc;
    }
    let gamma = info.gama_chunk?.into_value();
    let mut profile = ColorProfile::new_srgb();
    profile.cicp = None;
    if let Some(chromaticities) = info.chrm_chunk {
        let [white, red, green, blue] = [
            chromaticities.white,
            chromaticities.red,
            chromaticities.green,
            chromaticities.blue,
        ]
        .map(|(x, y)| Chromaticity::new(x.into_value(), y.into_value()));
        let primaries = ColorPrimaries { red, green, blue };
        profile.update_rgb_colorimetry(white.to_xyyb(), primaries);
    }
    let curve = (gamma > 0.0).then(|| curve_from_gamma(1.0 / gamma))?;
    set_curve(&mut profile, &curve);
    Some(profile)
}

fn set_curve(profile: &mut ColorProfile, curve: &ToneReprCurve) {
    profile.red_trc = Some(curve.clone());
    profile.green_trc = Some(curve.clone());
    profile.blue_trc = Some(curve.clone());
}

fn cicp(points: png::CodingIndependentCodePoints) -> Option<ColorProfile> {
    let profile = CicpProfile {
        color_primaries: points.color_primaries.try_into().ok()?,
        transfer_characteristics: points.transfer_function.try_into().ok()?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: points.is_video_full_range_image,
    };
    Some(ColorProfile::new_from_cicp(profile))
}

/// The picture of a CMYK JPEG in sRGB by its profile; `None` if it is no such file, or damaged.
pub(super) fn read_cmyk(bytes: &[u8]) -> Option<Pixels> {
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().ok()?;
    let space = decoder.input_colorspace()?;
    if !matches!(space, ColorSpace::CMYK | ColorSpace::YCCK) {
        return None;
    }
    let profile = ColorProfile::new_from_slice(&decoder.icc_profile()?).ok()?;
    if profile.color_space != DataColorSpace::Cmyk {
        return None;
    }
    let orientation = decoder
        .exif()
        .and_then(|exif| Orientation::from_exif_chunk(exif));
    let info = decoder.info()?;
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    let mut inks = decoder.decode().ok()?;
    for pixel in inks.as_chunks_mut::<4>().0 {
        *pixel = ink(*pixel, space);
    }
    let rgba = inks_to_srgb(inks, &profile)?;
    let picture = RgbaImage::from_raw(info.width.into(), info.height.into(), rgba)?;
    Some(Pixels {
        picture: DynamicImage::ImageRgba8(picture),
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
        profile: None,
    })
}

/// Colours of inks as RGBA, in the memory of the inks. The darkest that the press can print becomes black, as
/// perceptual rendering has it.
fn inks_to_srgb(mut inks: Vec<u8>, profile: &ColorProfile) -> Option<Vec<u8>> {
    /// Pixels at a time: they take four times as many bytes as in 8 bits.
    const AT_ONCE: usize = 4096;
    let srgb = ColorProfile::new_srgb();
    // Dark colours are spread wider: 8 bits would show steps.
    let options = TransformOptions {
        prefer_fixed_point: false,
        ..TransformOptions::default()
    };
    let transform = profile.create_transform_16bit(Layout::Rgba, &srgb, Layout::Rgb, options);
    let transform = transform.ok()?;
    let mut darkest = [0; 3];
    transform.transform(&[u16::MAX; 4], &mut darkest).ok()?;
    let curve = from_black(darkest);
    let mut wide = vec![0; 4 * AT_ONCE];
    let mut colours = vec![0; 3 * AT_ONCE];
    for pixels in inks.chunks_mut(4 * AT_ONCE) {
        let count = pixels.len() / 4;
        let (wide, colours) = (&mut wide[..4 * count], &mut colours[..3 * count]);
        for (wide, ink) in wide.iter_mut().zip(&*pixels) {
            *wide = 257 * u16::from(*ink);
        }
        transform.transform(wide, colours).ok()?;
        for (pixel, colour) in pixels
            .as_chunks_mut()
            .0
            .iter_mut()
            .zip(colours.as_chunks().0)
        {
            let [r, g, b] = colour.map(|value: u16| curve[usize::from(value)]);
            *pixel = [r, g, b, 255];
        }
    }
    Some(inks)
}

/// Of each value in 16 bits that in 8 bits, with light measured from that of the darkest colour on.
fn from_black(darkest: [u16; 3]) -> Vec<u8> {
    /// Light of a colour of sRGB as connecting colour spaces have it, under D50.
    const LIGHT: [f32; 3] = [0.2225, 0.7169, 0.0606];
    /// Of a middle gray: who prints nothing darker has another fault.
    const MOST: f32 = 0.184;
    let value = |value: u16| f32::from(value) / f32::from(u16::MAX);
    let parts = darkest.iter().zip(LIGHT);
    let black: f32 = parts.map(|(v, part)| part * linear_light(value(*v))).sum();
    let black = black.min(MOST);
    let seen = |v| srgb_value(((linear_light(value(v)) - black) / (1.0 - black)).max(0.0));
    (0..=u16::MAX)
        .map(|v| (255.0 * seen(v)).round() as u8)
        .collect()
}

/// How much of each ink there is: files hold what is left of the paper, and YCCK the colour of what is left.
fn ink([c, m, y, k]: [u8; 4], space: ColorSpace) -> [u8; 4] {
    if space == ColorSpace::CMYK {
        return [c, m, y, k].map(|value| 255 - value);
    }
    let [luma, blue, red] = [c, m, y].map(f32::from);
    let (blue, red) = (blue - 128.0, red - 128.0);
    let colour = [
        luma + 1.402 * red,
        luma - 0.344_136 * blue - 0.714_136 * red,
        luma + 1.772 * blue,
    ];
    let [c, m, y] = colour.map(|value| value.round().clamp(0.0, 255.0) as u8);
    [c, m, y, 255 - k]
}
