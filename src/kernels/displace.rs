//! Pictures turned, resized and moved whose places are displaced first, by vectors on a grid.

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};

use super::warp::{RgbaView, sample_row, samples};
use crate::geometry::SimilarityTransform;

/// Vectors at the nodes of a grid over a picture, bilinear between them.
#[derive(Clone, Copy, Debug)]
pub struct Displacement<'a> {
    nodes: &'a [[f32; 2]],
    columns: usize,
    /// Cells by pixels, to the right and down.
    per_px: [f32; 2],
}

impl<'a> Displacement<'a> {
    /// The grid whose outermost nodes are the corners of a picture of `[width, height]`; `columns`
    /// are the nodes of a row.
    ///
    /// # Panics
    /// If there are not at least two rows of two nodes.
    pub fn new(nodes: &'a [[f32; 2]], columns: usize, size: [usize; 2]) -> Self {
        assert!(columns >= 2 && nodes.len() >= 2 * columns);
        assert_eq!(nodes.len() % columns, 0);
        let cells = [columns - 1, nodes.len() / columns - 1];
        Self {
            nodes,
            columns,
            per_px: [0, 1].map(|i| cells[i] as f32 / size[i] as f32),
        }
    }

    /// Writes the vectors at the middles of the pixels of row `y`, those to the right and those
    /// down.
    fn fill_row(&self, y: usize, right: &mut [f32], down: &mut [f32]) {
        let rows = self.nodes.len() / self.columns;
        let split = |place: f32, nodes: usize| {
            let before = (place as usize).min(nodes - 2);
            (before, place - before as f32)
        };
        let (row, below) = split((y as f32 + 0.5) * self.per_px[1], rows);
        let upper = &self.nodes[row * self.columns..][..self.columns];
        let lower = &self.nodes[(row + 1) * self.columns..][..self.columns];
        let node = |at: usize| [0, 1].map(|i| upper[at][i] + below * (lower[at][i] - upper[at][i]));
        for (x, (right, down)) in right.iter_mut().zip(down).enumerate() {
            let (column, after) = split((x as f32 + 0.5) * self.per_px[0], self.columns);
            let (a, b) = (node(column), node(column + 1));
            [*right, *down] = [0, 1].map(|i| a[i] + after * (b[i] - a[i]));
        }
    }
}

/// Fills `out`, whose rows have `out_width` pixels, as [`super::warp::warp_similarity_rgba8`] does, but
/// the point `p` of it is that of `p` plus the displacement at the middle of its pixel.
///
/// # Panics
/// If the lengths do not fit: a mistake of the caller.
pub fn warp_displaced_rgba8(
    level: Level,
    source: RgbaView,
    to_source: SimilarityTransform,
    displacement: Displacement,
    out: &mut [[u8; 4]],
    out_width: usize,
) {
    source.check();
    assert_eq!(out.len() % out_width, 0);
    // Whole registers are read.
    let padded = out_width.next_multiple_of(super::MAX_LANES);
    let (mut right, mut down) = (vec![0.0; padded], vec![0.0; padded]);
    for (y, out) in out.chunks_exact_mut(out_width).enumerate() {
        displacement.fill_row(y, &mut right[..out_width], &mut down[..out_width]);
        dispatch!(level, simd => {
            row_at(simd, source, to_source, y as f32, [&right, &down], out)
        });
    }
}

#[inline(always)]
fn row_at<S: Simd>(
    simd: S,
    source: RgbaView,
    to_source: SimilarityTransform,
    y: f32,
    [right, down]: [&[f32]; 2],
    out: &mut [[u8; 4]],
) {
    let SimilarityTransform { a, b, tx, ty } = to_source;
    let samples = samples(to_source.scale());
    let lanes = S::f32s::LEN;
    let count = S::f32s::from_fn(simd, |i| i as f32);
    sample_row(simd, source, samples, out, |at, [dx, dy]| {
        let x = count + at as f32 + S::f32s::from_slice(simd, &right[at..at + lanes]) + dx;
        let y = S::f32s::from_slice(simd, &down[at..at + lanes]) + y + dy;
        let u = x.mul_add(a, y * -b + (tx - 0.5));
        let v = x.mul_add(b, y * a + (ty - 0.5));
        [u, v]
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::oracle::levels;
    use crate::kernels::warp::warp_similarity_rgba8;

    fn picture() -> Vec<[u8; 4]> {
        (0..40 * 30)
            .map(|i| [i % 40 * 6, i / 40 * 8, (i % 40 + i / 40) * 3, 255].map(|v| v as u8))
            .collect()
    }

    /// Everything moved by one vector is a shift of the similarity.
    #[test]
    fn one_vector_everywhere_is_a_shift() {
        let pixels = picture();
        let source = RgbaView {
            pixels: &pixels,
            width: 40,
            height: 30,
        };
        let (dx, dy) = (2.5, -1.25);
        for [a, b] in [[0.7f32, 0.2f32], [2.4, -0.3]] {
            let to_source = SimilarityTransform {
                a,
                b,
                tx: 3.0,
                ty: 4.0,
            };
            let shift = SimilarityTransform::new(1.0, 0.0, [dx, dy]);
            let shifted = shift.then(&to_source);
            for level in levels() {
                let nodes = [[dx, dy]; 6];
                let grid = Displacement::new(&nodes, 3, [37, 11]);
                let (mut got, mut expected) = (vec![[0; 4]; 37 * 11], vec![[0; 4]; 37 * 11]);
                warp_displaced_rgba8(level, source, to_source, grid, &mut got, 37);
                warp_similarity_rgba8(level, source, shifted, &mut expected, 37);
                for (got, expected) in got.iter().zip(&expected) {
                    for c in 0..4 {
                        assert!(
                            got[c].abs_diff(expected[c]) <= 1,
                            "{level:?} {got:?} {expected:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn between_nodes_vectors_are_bilinear() {
        let nodes = [[0.0, 0.0], [8.0, 0.0], [0.0, 4.0], [8.0, 4.0]];
        let grid = Displacement::new(&nodes, 2, [4, 2]);
        let (mut right, mut down) = ([0.0; 4], [0.0; 4]);
        grid.fill_row(1, &mut right, &mut down);
        assert_eq!((right, down), ([1.0, 3.0, 5.0, 7.0], [3.0; 4]));
    }
}
