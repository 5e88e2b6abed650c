//! Exposure, tone steps and colour of the procedural target.

use anyhow::Result;
use nijigen::filter::plane::Plane;
use nijigen::geometry::smoothstep;

use super::ProceduralConfig;
use crate::colour::lab::{lab_to_rgb, rgb_to_lab};
use crate::colour::luma;

/// Brightens a dark photo by a power that takes its median luma towards `target`. The exponent is
/// bounded, so that night stays night.
///
/// # Errors
/// If there are not `width * height` pixels, or none.
pub fn lift_exposure(
    pixels: &mut [[f32; 3]],
    width: usize,
    height: usize,
    target: f32,
) -> Result<()> {
    let luma = Plane::new(width, height, pixels.iter().copied().map(luma).collect())?;
    let mut values = luma.gaussian_blur(8.0)?.values().to_vec();
    let middle = values.len() / 2;
    let (_, median, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
    let exponent = (target.ln() / median.max(0.05).ln()).clamp(0.72, 1.0);
    if exponent < 1.0 {
        for pixel in pixels {
            *pixel = pixel.map(|v| v.max(0.0).powf(exponent));
        }
    }
    Ok(())
}

/// Colour of a flattened pixel in the drawing, RGB in [0, 1] and possibly slightly outside.
pub fn grade(rgb: [f32; 3], config: &ProceduralConfig) -> [f32; 3] {
    let [lightness, a, b] = rgb_to_lab(rgb.map(|v| v.clamp(0.0, 1.0)));
    let (chroma, hue) = (a.hypot(b), b.atan2(a));
    let skin = skin_likeness(chroma, hue);
    let lightness = tone(lightness / 100.0, skin, config);

    // Grays stay gray, and colours that are strong already are boosted less.
    let boost = config.chroma + skin * (config.skin_chroma - config.chroma);
    let boost = 1.0 + (boost - 1.0) * smoothstep(chroma, 2.0, 14.0);
    let boost = boost / (1.0 + (chroma * boost - 60.0).max(0.0) / 120.0);
    // Skin is drawn in one colour: its hue and chroma are pulled together.
    let pull = config.skin_unity * skin;
    let hue = hue + pull * (SKIN_HUE.to_radians() - hue);
    let chroma = chroma * boost;
    let chroma = chroma + 0.75 * pull * (SKIN_CHROMA - chroma);
    let (a, b) = (chroma * hue.cos(), chroma * hue.sin());

    let shadow = config.split_tone * (1.0 - smoothstep(lightness, 0.15, 0.6));
    let light = config.split_tone * smoothstep(lightness, 0.55, 0.95);
    let a = a + 4.0 * shadow + 0.6 * light;
    let b = b - 7.0 * shadow + 3.0 * light;
    lab_to_rgb([100.0 * lightness, a, b])
}

/// Lab hue (degrees) and chroma of drawn skin.
const SKIN_HUE: f32 = 50.0;
const SKIN_CHROMA: f32 = 27.0;

/// How much a Lab colour looks like skin, 0 to 1.
fn skin_likeness(chroma: f32, hue: f32) -> f32 {
    let distance = (hue - 45f32.to_radians()) / 28f32.to_radians();
    (-distance * distance).exp()
        * smoothstep(chroma, 6.0, 14.0)
        * (1.0 - smoothstep(chroma, 45.0, 65.0))
}

/// Soft steps, a slight S-curve and the lift of skin; lightness in [0, 1].
fn tone(lightness: f32, skin: f32, config: &ProceduralConfig) -> f32 {
    let position = lightness * config.tone_levels;
    let step = position.floor();
    let stepped = (step + smoothstep(position - step, 0.35, 0.65)) / config.tone_levels;
    // Steps look blotchy in faces.
    let blend = config.tone_blend * (1.0 - config.skin_unity * skin);
    let mixed = lightness + blend * (stepped - lightness);
    let curved = mixed + 0.12 * (mixed - 0.5) * (1.0 - (2.0 * mixed - 1.0).abs());
    curved + config.skin_lift * skin * 4.0 * curved * (1.0 - curved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_gain_chroma_and_grays_do_not() {
        let config = ProceduralConfig {
            split_tone: 0.0,
            ..Default::default()
        };
        let chroma = |rgb| {
            let [_, a, b] = rgb_to_lab(rgb);
            a.hypot(b)
        };
        let blue = [0.35, 0.45, 0.7];
        assert!(chroma(grade(blue, &config)) > 1.3 * chroma(blue));
        assert!(chroma(grade([0.5; 3], &config)) < 1.0);
    }

    #[test]
    fn tone_is_monotonic_and_keeps_black_and_white() {
        let config = ProceduralConfig::default();
        let values: Vec<f32> = (0..=100)
            .map(|i| tone(i as f32 / 100.0, 0.0, &config))
            .collect();
        assert!(values.windows(2).all(|pair| pair[1] >= pair[0]));
        assert!(values[0].abs() < 1e-6 && (values[100] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn dark_photos_are_lifted_and_bright_ones_left() {
        let mut dark = vec![[0.2; 3]; 64];
        lift_exposure(&mut dark, 8, 8, 0.46).expect("64 pixels");
        assert!(dark[0][0] > 0.25, "{:?}", dark[0]);
        let mut bright = vec![[0.7; 3]; 64];
        lift_exposure(&mut bright, 8, 8, 0.46).expect("64 pixels");
        assert_eq!(bright[0], [0.7; 3]);
    }
}
