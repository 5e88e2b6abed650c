//! Soft thresholds.

use crate::geometry::smoothstep;

use super::plane::Plane;

/// 1 near the hue `centre`, 0 from `width` degrees away from it, both in degrees.
pub fn hue_bump(hue: f32, centre: f32, width: f32) -> f32 {
    let away = ((hue - centre + 180.0).rem_euclid(360.0) - 180.0).abs();
    1.0 - smoothstep(away, 0.5 * width, width)
}

/// The region where `plane` is above `threshold`, with a border one pixel wide whatever the slope:
/// 0 outside, 1 inside.
pub fn antialiased_threshold(plane: &Plane, threshold: f32) -> Plane {
    let slope = plane.gradient();
    Plane::from_index(plane.width(), plane.height(), |i| {
        ((plane.values()[i] - threshold) / slope.values()[i].max(1e-6) + 0.5).clamp(0.0, 1.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bumps() {
        assert_eq!(
            [355.0, 20.0, 60.0].map(|h| hue_bump(h, 5.0, 40.0)),
            [1.0, 1.0, 0.0]
        );
    }

    #[test]
    fn the_border_is_one_pixel_wide_at_any_slope() {
        for slope in [0.001, 0.5] {
            let plane = Plane::from_index(20, 5, |i| slope * ((i % 20) as f32 - 9.25));
            let region = antialiased_threshold(&plane, 0.0);
            let row = &region.row(2)[7..12];
            for (value, expected) in row.iter().zip([0.0, 0.0, 0.25, 1.0, 1.0]) {
                assert!((value - expected).abs() < 1e-3, "{row:?}");
            }
        }
    }
}
