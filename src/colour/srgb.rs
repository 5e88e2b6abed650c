//! The curve between sRGB's values and linear light (IEC 61966-2-1): v / 12.92 up to a knee, then
//! ((v + 0.055) / 1.055)^2.4.

/// sRGB value up to which the curve is a line.
pub const KNEE: f32 = 0.040_45;
/// What values are divided by on the line.
pub const LINE: f32 = 12.92;
/// Added to values beyond the knee, which are then divided by 1 more than that.
pub const OFFSET: f32 = 0.055;
/// Exponent beyond the knee.
pub const EXPONENT: f32 = 2.4;

/// Linear light in 0..=1 of an sRGB value in 0..=1.
pub fn linear_light(value: f32) -> f32 {
    if value <= KNEE {
        value / LINE
    } else {
        ((value + OFFSET) / (1.0 + OFFSET)).powf(EXPONENT)
    }
}

/// The sRGB value of linear light; outside [0, 1] where the light is, but never NaN.
pub fn srgb_value(light: f32) -> f32 {
    if light <= KNEE / LINE {
        LINE * light
    } else {
        (1.0 + OFFSET) * light.powf(1.0 / EXPONENT) - OFFSET
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_and_back() {
        // Middle gray of 8 bits, by the definition.
        assert!((linear_light(128.0 / 255.0) - 0.215_861).abs() < 1e-5);
        for value in [-0.1, 0.0, 0.02, KNEE, 0.05, 0.5, 1.0, 1.1] {
            let back = srgb_value(linear_light(value));
            assert!((back - value).abs() < 1e-5, "{value}: {back}");
        }
    }
}
