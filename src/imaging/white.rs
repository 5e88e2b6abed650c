//! Transparent pixels laid over a white ground.

use super::Photo;

/// A colour of a pixel with this alpha over white, 0 to 255 and not rounded.
#[inline(always)]
pub(super) fn value_over_white(value: u8, alpha: u8) -> f32 {
    let opacity = f32::from(alpha) / 255.0;
    f32::from(value) * opacity + 255.0 * (1.0 - opacity)
}

/// The colour that is seen of a pixel, in [0, 1].
pub(crate) fn colour_over_white([r, g, b, alpha]: [u8; 4]) -> [f32; 3] {
    [r, g, b].map(|value| value_over_white(value, alpha) / 255.0)
}

/// The opaque pixel that is seen.
#[inline(always)]
pub(crate) fn pixel_over_white(pixel: [u8; 4]) -> [u8; 4] {
    let [r, g, b, alpha] = pixel;
    if alpha == 255 {
        return pixel;
    }
    let [r, g, b] = [r, g, b].map(|value| value_over_white(value, alpha).round() as u8);
    [r, g, b, 255]
}

/// The pixel of this alpha that is seen as `colour`, in [0, 1], on white.
pub(crate) fn pixel_under_white(colour: [f32; 3], alpha: u8) -> [u8; 4] {
    let opacity = f32::from(alpha) / 255.0;
    let [r, g, b] = colour.map(|seen| match alpha {
        0 => 255,
        _ => (255.0 * (1.0 - (1.0 - seen) / opacity) + 0.5) as u8,
    });
    [r, g, b, alpha]
}

impl Photo {
    /// The opaque photo that is seen on a white ground.
    pub fn over_white(mut self) -> Self {
        for pixel in self.pixels_mut() {
            *pixel = pixel_over_white(*pixel);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_rounded_to_the_nearest() {
        for alpha in 0..=255u8 {
            for value in 0..=255u8 {
                let sum = u32::from(value) * u32::from(alpha) + 255 * u32::from(255 - alpha);
                let nearest = ((sum + 127) / 255) as u8;
                let seen = pixel_over_white([value, 0, 255, alpha]);
                assert_eq!(seen, [nearest, 255 - alpha, 255, 255], "{value} {alpha}");
            }
        }
    }
}
