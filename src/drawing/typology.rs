//! Classes of skin by its colour: the individual typology angle (ITA), as Del Bino and Bernerd, 2013
//! (doi:10.1111/bjd.12529), divide it.

/// Limits in degrees between dark, brown, tan, intermediate, light and very light skin.
pub const LIMITS: [f32; 5] = [-30.0, 10.0, 28.0, 41.0, 55.0];

/// Names of the classes, from dark to very light.
pub const CLASSES: [&str; LIMITS.len() + 1] = [
    "dark",
    "brown",
    "tan",
    "intermediate",
    "light",
    "very_light",
];

/// The typology angle in degrees of a colour in CIE L*a*b*; its b counts as 1 at least.
pub fn typology_angle([l, _, b]: [f32; 3]) -> f32 {
    (l - 50.0).atan2(b.max(1.0)).to_degrees()
}

/// The class of a typology angle in degrees: an index of [`CLASSES`].
pub fn typology_class(angle: f32) -> usize {
    LIMITS.iter().filter(|limit| angle > **limit).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lighter_skin_is_of_a_later_class() {
        let class = |l: f32| CLASSES[typology_class(typology_angle([l, 14.0, 18.0]))];
        let classes = [32.0, 45.0, 57.0, 62.0, 69.0, 80.0].map(class);
        assert_eq!(classes, CLASSES);
        assert!((typology_angle([68.0, 14.0, 18.0]) - 45.0).abs() < 1e-3);
    }
}
