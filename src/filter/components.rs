//! Connected parts of a region.

use super::plane::Plane;

/// The connected parts of a region.
pub struct Components {
    /// The part of each pixel, counted from 1; 0 outside of the region.
    pub labels: Vec<u32>,
    /// What is known of each part; of part `label` at `label - 1`.
    pub parts: Vec<Component>,
}

/// One connected part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Component {
    /// Pixels in it.
    pub area: usize,
    /// First and last column.
    pub columns: [usize; 2],
    /// First and last row.
    pub rows: [usize; 2],
}

impl Component {
    /// The longer side of the rectangle around it, in pixels.
    pub fn extent(&self) -> usize {
        (self.columns[1] - self.columns[0]).max(self.rows[1] - self.rows[0]) + 1
    }
}

impl Components {
    /// Finds the parts of the region where `plane` is above 1/2. Pixels are neighbours at their
    /// sides, and at their corners too if `diagonal`.
    pub fn of(plane: &Plane, diagonal: bool) -> Self {
        let (width, height) = (plane.width(), plane.height());
        let labels = labels(plane, diagonal);
        let count = labels.iter().copied().max().unwrap_or(0) as usize;
        let none = Component {
            area: 0,
            columns: [width, 0],
            rows: [height, 0],
        };
        let mut parts = vec![none; count];
        for (i, label) in labels.iter().enumerate().filter(|(_, label)| **label > 0) {
            let (x, y) = (i % width, i / width);
            let part = &mut parts[*label as usize - 1];
            part.area += 1;
            part.columns = [part.columns[0].min(x), part.columns[1].max(x)];
            part.rows = [part.rows[0].min(y), part.rows[1].max(y)];
        }
        Self { labels, parts }
    }

    /// Sum over each part of what `value` is at its pixels; of part `label` at `label - 1`.
    pub fn sums(&self, value: impl Fn(usize) -> f32) -> Vec<f32> {
        let mut sums = vec![0.0f64; self.parts.len()];
        for (i, label) in self
            .labels
            .iter()
            .enumerate()
            .filter(|(_, label)| **label > 0)
        {
            sums[*label as usize - 1] += f64::from(value(i));
        }
        sums.into_iter().map(|sum| sum as f32).collect()
    }
}

/// The part of each pixel, counted from 1 in the order of the parts' first pixels; 0 outside of the region.
/// Parts that meet below their first pixels are joined as in a disjoint-set forest (Galler and Fischer, 1964).
fn labels(plane: &Plane, diagonal: bool) -> Vec<u32> {
    let (width, values) = (plane.width(), plane.values());
    // Each pixel's parent: a pixel before it of the same part, or itself, the part's root.
    let mut parents: Vec<usize> = (0..values.len()).collect();
    let root = |parents: &mut [usize], mut i: usize| {
        while parents[i] != i {
            parents[i] = parents[parents[i]];
            i = parents[i];
        }
        i
    };
    let inside = |i: usize| values[i] > 0.5;
    for i in (0..values.len()).filter(|i| inside(*i)) {
        let (left, above) = (i % width > 0, i >= width);
        let before = [
            left.then(|| i - 1),
            above.then(|| i - width),
            (diagonal && left && above).then(|| i - width - 1),
            (diagonal && above && i % width + 1 < width).then(|| i - width + 1),
        ];
        for near in before.into_iter().flatten().filter(|near| inside(*near)) {
            let (a, b) = (root(&mut parents, i), root(&mut parents, near));
            parents[a.max(b)] = a.min(b);
        }
    }
    let mut labels = vec![0; values.len()];
    let mut count = 0;
    for i in (0..values.len()).filter(|i| inside(*i)) {
        let first = root(&mut parents, i);
        if first == i {
            count += 1;
            labels[i] = count;
        } else {
            labels[i] = labels[first];
        }
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_and_measured() {
        #[rustfmt::skip]
        let plane = Plane::new(5, 4, vec![
            1.0, 1.0, 0.0, 0.0, 1.0,
            0.0, 0.0, 1.0, 0.0, 1.0,
            0.0, 0.0, 0.0, 0.0, 1.0,
            1.0, 0.0, 0.0, 0.0, 0.4,
        ]).expect("the size is right");
        let found = Components::of(&plane, false);
        assert_eq!(found.parts.len(), 4);
        let right = found.parts[found.labels[4] as usize - 1];
        assert_eq!((right.area, right.columns, right.rows), (3, [4, 4], [0, 2]));
        assert_eq!(right.extent(), 3);
        let touching = Components::of(&plane, true);
        assert_eq!(touching.parts.len(), 3);
        let label = touching.labels[0] as usize - 1;
        assert_eq!(touching.sums(|i| i as f32)[label], 0.0 + 1.0 + 7.0);
        assert_eq!(touching.labels[19], 0);
    }
}
