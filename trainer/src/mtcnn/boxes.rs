//! Arithmetic of boxes: `[left, top, right, bottom]` in pixels.
//!
//! MTCNN comes from MATLAB: where it counts pixels, a box holds its last row and column, so its
//! width is `right - left + 1`.

/// A box.
pub(super) type Bounds = [f32; 4];

/// How the overlap of two boxes is measured.
#[derive(Clone, Copy)]
pub(super) enum Overlap {
    /// Shared area by the area of the union; sides are differences of coordinates.
    Union,
    /// Shared area by that of the smaller box; sides count pixels.
    Smaller,
}

/// Non-maximum suppression: indices of the boxes that overlap with none of a higher score by more
/// than `threshold`, by falling score; of equal scores the first comes first.
pub(super) fn suppress(boxes: &[(Bounds, f32)], threshold: f32, overlap: Overlap) -> Vec<usize> {
    let mut order: Vec<usize> = (0..boxes.len()).collect();
    order.sort_by(|&i, &j| boxes[j].1.total_cmp(&boxes[i].1));
    let mut kept: Vec<usize> = Vec::new();
    for index in order {
        let rect = &boxes[index].0;
        // Boxes that have no area overlap with nothing: 0 / 0 is not above the threshold.
        let hidden = |&other: &usize| overlap.of(rect, &boxes[other].0) > threshold;
        if !kept.iter().any(hidden) {
            kept.push(index);
        }
    }
    kept
}

impl Overlap {
    fn of(self, a: &Bounds, b: &Bounds) -> f32 {
        let extra = match self {
            Self::Union => 0.0,
            Self::Smaller => 1.0,
        };
        let area = |r: &Bounds| (r[2] - r[0] + extra) * (r[3] - r[1] + extra);
        let width = a[2].min(b[2]) - a[0].max(b[0]) + extra;
        let height = a[3].min(b[3]) - a[1].max(b[1]) + extra;
        let shared = width.max(0.0) * height.max(0.0);
        match self {
            Self::Union => shared / (area(a) + area(b) - shared),
            Self::Smaller => shared / area(a).min(area(b)),
        }
    }
}

/// Moves each side by `offsets`, fractions of the box's `size` (width, height).
pub(super) fn shifted(rect: Bounds, offsets: [f32; 4], size: [f32; 2]) -> Bounds {
    [0, 1, 2, 3].map(|i| rect[i] + offsets[i] * size[i % 2])
}

/// Width and height as differences of coordinates.
pub(super) fn extent(rect: Bounds) -> [f32; 2] {
    [rect[2] - rect[0], rect[3] - rect[1]]
}

/// Width and height in pixels, the last row and column included.
pub(super) fn pixel_extent(rect: Bounds) -> [f32; 2] {
    extent(rect).map(|side| side + 1.0)
}

/// The square around the same centre, as wide as the longer side.
pub(super) fn squared(rect: Bounds) -> Bounds {
    let [width, height] = extent(rect);
    let side = width.max(height);
    let left = rect[0] + width * 0.5 - side * 0.5;
    let top = rect[1] + height * 0.5 - side * 0.5;
    [left, top, left + side, top + side]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_is_by_union_or_by_the_smaller() {
        let (a, b) = ([0.0, 0.0, 10.0, 10.0], [5.0, 0.0, 15.0, 10.0]);
        assert_eq!(Overlap::Union.of(&a, &b), 50.0 / 150.0);
        assert_eq!(Overlap::Smaller.of(&a, &b), 66.0 / 121.0);
        let inside = [2.0, 2.0, 4.0, 4.0];
        assert_eq!(Overlap::Union.of(&a, &inside), 0.04);
        assert_eq!(Overlap::Smaller.of(&a, &inside), 1.0);
        let apart = [20.0, 20.0, 30.0, 30.0];
        assert_eq!(Overlap::Smaller.of(&a, &apart), 0.0);
    }

    #[test]
    fn the_best_of_overlapping_boxes_stays() {
        let boxes = [
            ([0.0, 0.0, 10.0, 10.0], 0.8),
            ([1.0, 0.0, 11.0, 10.0], 0.9),
            ([50.0, 0.0, 60.0, 10.0], 0.7),
            // Overlaps with the first only, which is gone.
            ([-4.0, 0.0, 6.0, 10.0], 0.75),
        ];
        assert_eq!(suppress(&boxes, 0.4, Overlap::Union), [1, 3, 2]);
        assert_eq!(suppress(&boxes, 0.3, Overlap::Union), [1, 2]);
        assert_eq!(suppress(&boxes, 0.95, Overlap::Union), [1, 0, 3, 2]);
        assert!(suppress(&[], 0.5, Overlap::Union).is_empty());
    }

    #[test]
    fn equal_scores_keep_their_order() {
        let boxes = [([0.0, 0.0, 10.0, 10.0], 1.0); 3];
        assert_eq!(suppress(&boxes, 0.5, Overlap::Union), [0]);
        let empty = [([5.0; 4], 1.0); 3];
        assert_eq!(suppress(&empty, 0.5, Overlap::Union), [0, 1, 2]);
    }

    #[test]
    fn shifts_and_squares() {
        let rect = [10.0, 20.0, 30.0, 60.0];
        let moved = shifted(rect, [0.1, -0.1, 0.2, 0.0], extent(rect));
        assert_eq!(moved, [12.0, 16.0, 34.0, 60.0]);
        assert_eq!(pixel_extent(rect), [21.0, 41.0]);
        assert_eq!(squared(rect), [0.0, 20.0, 40.0, 60.0]);
    }
}
