//! A smooth displacement of a square picture, known at the nodes of a grid and bilinear between.

/// Cells along each side.
pub const GRID_CELLS: usize = 64;
/// Nodes along each side.
pub const GRID_NODES: usize = GRID_CELLS + 1;

/// How much larger an area may become than it was, at most: the least determinant of the map's
/// derivative. Above 0 the map does not fold.
const LEAST_AREA: f32 = 0.15;
/// Steps of Newton's method, and the distance in pixels that is near enough.
const MOST_STEPS: usize = 30;
const NEAR_PX: f32 = 1e-3;

/// For each point of a square its displacement, in pixels. The border is fixed, and the map that
/// adds the displacement does not fold.
#[derive(Clone, Debug, PartialEq)]
pub struct DisplacementGrid {
    side_px: f32,
    nodes: Vec<[f32; 2]>,
}

impl DisplacementGrid {
    /// The grid over a square of `side_px` pixels a side whose nodes are displaced by
    /// `displacement`, except for those on the border. Where the map would fold, all displacements
    /// are reduced until it doesn't.
    pub fn new(side_px: f32, displacement: impl Fn([f32; 2]) -> [f32; 2]) -> Self {
        let cell = side_px / GRID_CELLS as f32;
        let inside = 1..GRID_CELLS;
        let nodes = (0..GRID_NODES * GRID_NODES).map(|at| {
            let (row, column) = (at / GRID_NODES, at % GRID_NODES);
            if inside.contains(&row) && inside.contains(&column) {
                displacement([column, row].map(|i| i as f32 * cell))
            } else {
                [0.0; 2]
            }
        });
        let mut grid = Self {
            side_px,
            nodes: nodes.collect(),
        };
        let share = grid.largest_share();
        if share < 1.0 {
            for v in grid.nodes.as_flattened_mut() {
                *v *= share;
            }
        }
        grid
    }

    /// Side of the square in pixels.
    pub fn side_px(&self) -> f32 {
        self.side_px
    }

    /// The displacements of the nodes, row by row, [`GRID_NODES`] a row.
    pub fn nodes(&self) -> &[[f32; 2]] {
        &self.nodes
    }

    /// `point` and its displacement. Points outside of the square stay.
    pub fn apply(&self, point: [f32; 2]) -> [f32; 2] {
        let (displacement, _) = self.sample(point);
        [0, 1].map(|i| point[i] + displacement[i])
    }

    /// The point that [`Self::apply`] takes to `target`.
    pub fn invert(&self, target: [f32; 2]) -> [f32; 2] {
        if !target.iter().all(|v| (0.0..=self.side_px).contains(v)) {
            return target;
        }
        let mut point = target;
        for _ in 0..MOST_STEPS {
            let (displacement, [[xx, xy], [yx, yy]]) = self.sample(point);
            let off = [0, 1].map(|i| target[i] - point[i] - displacement[i]);
            if off[0].hypot(off[1]) < NEAR_PX {
                break;
            }
            let (a, d) = (1.0 + xx, 1.0 + yy);
            let area = a * d - xy * yx;
            let step = [
                (d * off[0] - xy * off[1]) / area,
                (a * off[1] - yx * off[0]) / area,
            ];
            // A step of more than a cell may leave where this derivative holds.
            let limit = self.side_px / GRID_CELLS as f32 / step[0].hypot(step[1]);
            point = [0, 1].map(|i| (point[i] + step[i] * limit.min(1.0)).clamp(0.0, self.side_px));
        }
        point
    }

    /// Displacement at a point and its derivatives: `[[x by x, x by y], [y by x, y by y]]`.
    fn sample(&self, point: [f32; 2]) -> ([f32; 2], [[f32; 2]; 2]) {
        if !point.iter().all(|v| (0.0..=self.side_px).contains(v)) {
            return ([0.0; 2], [[0.0; 2]; 2]);
        }
        let per_px = GRID_CELLS as f32 / self.side_px;
        let [column, row] = point.map(|v| ((v * per_px) as usize).min(GRID_CELLS - 1));
        let fraction = [
            point[0] * per_px - column as f32,
            point[1] * per_px - row as f32,
        ];
        let [a, b, c, d] = self.corners(column, row);
        let mut value = [0.0; 2];
        let mut slope = [[0.0; 2]; 2];
        for i in 0..2 {
            let (top, bottom) = (b[i] - a[i], d[i] - c[i]);
            let (above, below) = (a[i] + fraction[0] * top, c[i] + fraction[0] * bottom);
            value[i] = above + fraction[1] * (below - above);
            slope[i] = [top + fraction[1] * (bottom - top), below - above].map(|v| v * per_px);
        }
        (value, slope)
    }

    /// Nodes of a cell: top left, top right, bottom left, bottom right.
    fn corners(&self, column: usize, row: usize) -> [[f32; 2]; 4] {
        let at = row * GRID_NODES + column;
        [0, 1, GRID_NODES, GRID_NODES + 1].map(|offset| self.nodes[at + offset])
    }

    /// The largest share of the displacements, up to all, with which no area is smaller than
    /// [`LEAST_AREA`] of what it was.
    ///
    /// The determinant is linear along each axis of a bilinear cell, so its least value is at a
    /// corner; there it is `1 + t s + d s^2` with the trace and determinant of the slopes.
    fn largest_share(&self) -> f32 {
        let per_px = GRID_CELLS as f32 / self.side_px;
        let mut share: f32 = 1.0;
        for at in 0..GRID_CELLS * GRID_CELLS {
            let [a, b, c, d] = self.corners(at % GRID_CELLS, at / GRID_CELLS);
            let slope = |to: [f32; 2], from: [f32; 2]| [0, 1].map(|i| (to[i] - from[i]) * per_px);
            for x in [slope(b, a), slope(d, c)] {
                for y in [slope(c, a), slope(d, b)] {
                    let (trace, determinant) = (x[0] + y[1], x[0] * y[1] - x[1] * y[0]);
                    let area = |s: f32| 1.0 + s * (trace + s * determinant);
                    while share > 0.01 && area(share) < LEAST_AREA {
                        share *= 0.95;
                    }
                }
            }
        }
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swirl([x, y]: [f32; 2]) -> [f32; 2] {
        let fade = ((x / 100.0).min(1.0 - x / 100.0) * (y / 100.0).min(1.0 - y / 100.0)).max(0.0);
        [
            40.0 * fade * (y / 17.0).sin(),
            60.0 * fade * (x / 23.0).cos(),
        ]
    }

    fn near([ax, ay]: [f32; 2], [bx, by]: [f32; 2], within: f32) -> bool {
        (ax - bx).hypot(ay - by) < within
    }

    #[test]
    fn inverts() {
        let grid = DisplacementGrid::new(100.0, swirl);
        for i in 0..400 {
            let point = [i % 20, i / 20].map(|v| 2.5 + 5.0 * v as f32);
            assert!(
                near(grid.invert(grid.apply(point)), point, 0.02),
                "{point:?}"
            );
            assert!(
                near(grid.apply(grid.invert(point)), point, 0.02),
                "{point:?}"
            );
        }
    }

    #[test]
    fn the_border_and_what_is_beyond_stay() {
        let grid = DisplacementGrid::new(100.0, |_| [0.5, 0.5]);
        for point in [
            [0.0, 37.0],
            [100.0, 100.0],
            [50.0, 100.0],
            [-4.0, 20.0],
            [50.0, 1e9],
        ] {
            assert_eq!(grid.apply(point), point);
            assert_eq!(grid.invert(point), point);
        }
        assert_eq!(grid.apply([50.0, 50.0]), [50.5, 50.5]);
    }

    /// Everything drawn to the centre twice over would turn it inside out.
    #[test]
    fn never_folds() {
        let grid = DisplacementGrid::new(100.0, |[x, y]| {
            let near = (-((x - 50.0).powi(2) + (y - 50.0).powi(2)) / 400.0).exp();
            [-2.0 * near * (x - 50.0), -2.0 * near * (y - 50.0)]
        });
        for i in 0..10_000 {
            let point = [i % 100, i / 100].map(|v| v as f32 + 0.5);
            let (_, [[xx, xy], [yx, yy]]) = grid.sample(point);
            assert!((1.0 + xx) * (1.0 + yy) - xy * yx > 0.1, "{point:?}");
        }
    }
}
