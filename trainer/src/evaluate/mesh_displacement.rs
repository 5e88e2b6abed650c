//! How far the features of a drawn face are from where they should be.

use nijigen::face::mesh::{
    EYES, JAW, LIPS_OUTER, LOWER_LIP_ABOVE, NOSE_BASE, NOSE_RIDGE, UPPER_LIP_BELOW, distance,
};

/// The mean distance of lids, brows, nose, lips and jaw in the face mesh that was `found` from those that
/// were `expected`, in percent of the face's width.
pub fn mesh_displacement(expected: &[[f32; 2]], found: &[[f32; 2]], width_px: f32) -> f64 {
    let eyes = EYES.iter().flat_map(|eye| {
        let lids = eye.upper_lid.iter().chain(&eye.lower_lid);
        lids.chain(&eye.brow_above).chain(&eye.brow_below)
    });
    let points = eyes
        .chain(&NOSE_RIDGE)
        .chain(&NOSE_BASE)
        .chain(&LIPS_OUTER)
        .chain(&UPPER_LIP_BELOW)
        .chain(&LOWER_LIP_ABOVE)
        .chain(&JAW);
    let (mut sum, mut count) = (0.0, 0);
    for at in points {
        sum += f64::from(distance(expected[*at], found[*at]));
        count += 1;
    }
    100.0 * sum / f64::from(count) / f64::from(width_px)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example_face::example_face;

    #[test]
    fn features_count_by_how_far_they_are_off() {
        let face = example_face();
        let displacement = |found: &[[f32; 2]]| mesh_displacement(&face, found, 200.0);
        assert_eq!(displacement(&face), 0.0);
        let moved = |by: [f32; 2]| -> Vec<[f32; 2]> {
            face.iter().map(|[x, y]| [x + by[0], y + by[1]]).collect()
        };
        assert!((displacement(&moved([3.0, 4.0])) - 2.5).abs() < 1e-4);
        // One brow of 10 points of 135.
        let mut frowning = face.clone();
        for at in EYES[0].brow_above.iter().chain(&EYES[0].brow_below) {
            frowning[*at][1] += 20.0;
        }
        let all = 2 * (9 + 9 + 5 + 5) + 7 + 5 + 20 + 11 + 11 + 23;
        let expected = 10.0 * 10.0 / f64::from(all);
        assert!((displacement(&frowning) - expected).abs() < 1e-4);
        // The cheek is no feature.
        let mut cheek = face.clone();
        cheek[117] = [0.0; 2];
        assert_eq!(displacement(&cheek), 0.0);
    }
}
