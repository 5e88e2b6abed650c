//! Bilinear resizing along one axis: which two places of the source make a place of the result.

/// `(1 - weight) * source[low] + weight * source[high]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BilinearTap {
    /// Index of the place before.
    pub low: usize,
    /// Index of the place after, or `low` again at the border.
    pub high: usize,
    /// Share of the place after, from 0 to 1.
    pub weight: f32,
}

/// One tap for each of `to` places that `from` places, at least 1, are resized to. With
/// `align_corners` the outermost places coincide, without it places are areas of which the outermost
/// ones go on beyond the border; the coordinates are PyTorch's.
pub fn bilinear_taps(
    from: usize,
    to: usize,
    align_corners: bool,
) -> impl ExactSizeIterator<Item = BilinearTap> {
    let last = from - 1;
    (0..to).map(move |i| {
        let position = if align_corners {
            (i * last) as f64 / (to.max(2) - 1) as f64
        } else {
            ((i as f64 + 0.5) * from as f64 / to as f64 - 0.5).max(0.0)
        };
        let low = (position as usize).min(last);
        BilinearTap {
            low,
            high: (low + 1).min(last),
            weight: (position - low as f64) as f32,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taps(from: usize, to: usize, align_corners: bool) -> Vec<(usize, usize, f32)> {
        bilinear_taps(from, to, align_corners)
            .map(|tap| (tap.low, tap.high, tap.weight))
            .collect()
    }

    #[test]
    fn twice_as_many_places() {
        let areas = [(0, 1, 0.0), (0, 1, 0.25), (0, 1, 0.75), (1, 1, 0.25)];
        assert_eq!(taps(2, 4, false), areas);
        let corners = [
            (0, 1, 0.0),
            (0, 1, 1.0 / 3.0),
            (0, 1, 2.0 / 3.0),
            (1, 1, 0.0),
        ];
        assert_eq!(taps(2, 4, true), corners);
    }

    #[test]
    fn fewer_places_and_a_single_one() {
        assert_eq!(taps(4, 2, false), [(0, 1, 0.5), (2, 3, 0.5)]);
        assert_eq!(taps(3, 1, true), [(0, 1, 0.0)]);
        for (low, high, _) in taps(1, 3, false) {
            assert_eq!((low, high), (0, 0));
        }
    }
}
