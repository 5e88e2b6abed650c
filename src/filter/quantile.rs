//! Quantiles: of values, of a plane, of a plane under a mask.

use super::plane::Plane;

/// Fewest pixels of a mask whose values are counted; the whole plane stands in for fewer.
const FEWEST: usize = 50;

/// The value below which the share `share` (0 to 1) of `values` lies; 0 of none.
pub fn quantile(mut values: Vec<f32>, share: f32) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let at = ((values.len() - 1) as f32 * share + 0.5) as usize;
    *values.select_nth_unstable_by(at, f32::total_cmp).1
}

/// The value below which a share of `share` (0 to 1) of the values of `plane` lies where `mask`
/// is above 1/2; of the whole plane where the mask is almost empty.
pub fn masked(plane: &Plane, mask: &Plane, share: f32) -> f32 {
    let values: Vec<f32> = plane
        .values()
        .iter()
        .zip(mask.values())
        .filter(|(_, mask)| **mask > 0.5)
        .map(|(value, _)| *value)
        .collect();
    if values.len() < FEWEST {
        return of(plane, share);
    }
    quantile(values, share)
}

/// The value below which a share of `share` (0 to 1) of the values of `plane` lies.
pub fn of(plane: &Plane, share: f32) -> f32 {
    quantile(plane.values().to_vec(), share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_inside_and_without_a_mask() {
        let plane = Plane::from_index(20, 20, |i| ((i * 7) % 400) as f32);
        assert_eq!(of(&plane, 0.0), 0.0);
        assert_eq!(of(&plane, 1.0), 399.0);
        let low = plane.map(|v| f32::from(v < 101.0));
        assert_eq!(masked(&plane, &low, 0.5), 50.0);
        let few = plane.map(|v| f32::from(v < 3.0));
        assert_eq!(masked(&plane, &few, 1.0), 399.0);
    }

    #[test]
    fn quantiles_of_values() {
        assert_eq!(quantile(vec![3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(quantile(vec![3.0, 1.0, 2.0], 1.0), 3.0);
        assert_eq!(quantile(vec![], 0.5), 0.0);
    }
}
