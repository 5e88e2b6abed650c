//! Planes that tell a network where the features of a face are: the landmarks of a warped crop,
//! drawn. Training, command line and page draw them by this code.

use super::mesh::{
    EYES, FaceFrame, JAW, LIPS_OUTER, LOWER_LIP_ABOVE, MESH_WITH_IRIS_POINTS, NOSE_BASE,
    NOSE_RIDGE, OVAL, UPPER_LIP_BELOW,
};

/// Planes: lids; brows and lips; face and nose; irises, where they are known.
pub const GUIDE_PLANES: usize = 4;

/// Side of the crop for which line widths are given.
const WIDTHS_FOR_PX: f32 = 352.0;
const THICK_PX: f32 = 3.0;
const THIN_PX: f32 = 2.0;
/// Value of the face's area; at its border it falls within this part of the face's width, so that
/// no line is seen across the forehead.
const FACE_VALUE: f32 = 0.43;
const FACE_BORDER: f32 = 0.16;
/// The face's area is computed for every so manieth pixel of a row and column.
const AREA_STEP_PX: usize = 8;

/// Draws the mesh's `points` in a square crop of `side_px` pixels a side (`[x, y]` in its pixels from
/// the top left corner; the first pixel's centre is at 0.5). Returns [`GUIDE_PLANES`] planes of
/// `side_px * side_px` values from 0 to 1, plane by plane and row by row. Without the points of the
/// irises their plane is 0; points that are no face's give zeros.
pub fn draw_guides(points: &[[f32; 2]], side_px: usize) -> Vec<f32> {
    let mut planes = vec![0.0; GUIDE_PLANES * side_px * side_px];
    let Some(face) = FaceFrame::new(points) else {
        return planes;
    };
    let [thick, thin] = [THICK_PX, THIN_PX].map(|v| v * side_px as f32 / WIDTHS_FOR_PX);
    let mut canvases = planes
        .chunks_exact_mut(side_px * side_px)
        .map(|values| Canvas { values, side_px });
    let (Some(mut lids), Some(mut brows_lips), Some(mut outline), Some(mut irises)) = (
        canvases.next(),
        canvases.next(),
        canvases.next(),
        canvases.next(),
    ) else {
        return planes;
    };
    let at = |indices: &[usize]| -> Vec<[f32; 2]> { indices.iter().map(|&i| points[i]).collect() };
    for eye in &EYES {
        lids.polyline(&at(&eye.upper_lid), thick, 1.0);
        lids.polyline(&at(&eye.lower_lid), thin, 0.55);
        brows_lips.polyline(&at(&eye.brow_above), thin, 1.0);
        brows_lips.polyline(&at(&eye.brow_below), thin, 0.55);
        if points.len() >= MESH_WITH_IRIS_POINTS {
            let center = points[eye.iris];
            let border = at(&eye.iris_border);
            let distances = border
                .iter()
                .map(|p| (p[0] - center[0]).hypot(p[1] - center[1]));
            irises.disc(center, distances.sum::<f32>() / border.len() as f32);
        }
    }
    let mut lips = at(&LIPS_OUTER);
    lips.push(lips[0]);
    brows_lips.polyline(&lips, thin, 0.78);
    brows_lips.polyline(&at(&UPPER_LIP_BELOW), thin, 1.0);
    brows_lips.polyline(&at(&LOWER_LIP_ABOVE), thin, 1.0);
    outline.area(&at(&OVAL), FACE_BORDER * face.width_px, FACE_VALUE);
    outline.polyline(&at(&JAW), thin, 1.0);
    outline.polyline(&at(&NOSE_RIDGE), thin, 0.7);
    outline.polyline(&at(&NOSE_BASE), thin, 1.0);
    planes
}

/// One square plane. What is drawn over another thing leaves the larger value.
struct Canvas<'a> {
    values: &'a mut [f32],
    side_px: usize,
}

impl Canvas<'_> {
    /// Lines of `width` pixels through `points` with round ends.
    fn polyline(&mut self, points: &[[f32; 2]], width: f32, value: f32) {
        for ends in points.windows(2) {
            let [from, to] = [ends[0], ends[1]];
            self.each_near(&[from, to], width / 2.0 + 1.0, |point, old| {
                let off = distance_to_segment(point, from, to) - width / 2.0;
                old.max(value * (0.5 - off).clamp(0.0, 1.0))
            });
        }
    }

    fn disc(&mut self, center: [f32; 2], radius: f32) {
        self.each_near(&[center], radius + 1.0, |[x, y], old| {
            let off = (x - center[0]).hypot(y - center[1]) - radius;
            old.max((0.5 - off).clamp(0.0, 1.0))
        });
    }

    /// The inside of a polygon, up to `value` half of `border` pixels inwards from its sides and
    /// down to 0 as far outwards.
    fn area(&mut self, polygon: &[[f32; 2]], border: f32, value: f32) {
        let nodes = self.side_px.div_ceil(AREA_STEP_PX) + 1;
        let coarse: Vec<f32> = (0..nodes * nodes)
            .map(|i| {
                let node = [i % nodes, i / nodes].map(|v| (v * AREA_STEP_PX) as f32);
                value * (0.5 + depth(node, polygon) / border).clamp(0.0, 1.0)
            })
            .collect();
        let step = AREA_STEP_PX as f32;
        for (i, old) in self.values.iter_mut().enumerate() {
            let (x, y) = (i % self.side_px, i / self.side_px);
            let at = y / AREA_STEP_PX * nodes + x / AREA_STEP_PX;
            let [fx, fy] = [x, y].map(|v| ((v % AREA_STEP_PX) as f32 + 0.5) / step);
            let mix = |a: f32, b: f32, f: f32| a + f * (b - a);
            let above = mix(coarse[at], coarse[at + 1], fx);
            let below = mix(coarse[at + nodes], coarse[at + nodes + 1], fx);
            *old = old.max(mix(above, below, fy));
        }
    }

    /// Replaces the value of each pixel no farther than `reach` from the points' bounding box by what
    /// `draw` makes of its centre and value.
    fn each_near(&mut self, points: &[[f32; 2]], reach: f32, draw: impl Fn([f32; 2], f32) -> f32) {
        let range = |axis: usize| {
            let along = || points.iter().map(|p| p[axis]);
            let low = along().fold(f32::INFINITY, f32::min) - reach;
            let high = along().fold(f32::NEG_INFINITY, f32::max) + reach;
            // The casts saturate.
            (low.floor() as usize).min(self.side_px)..(high.ceil() as usize).min(self.side_px)
        };
        let (columns, rows) = (range(0), range(1));
        for y in rows {
            for x in columns.clone() {
                let value = &mut self.values[y * self.side_px + x];
                *value = draw([x as f32 + 0.5, y as f32 + 0.5], *value);
            }
        }
    }
}

fn distance_to_segment([x, y]: [f32; 2], from: [f32; 2], to: [f32; 2]) -> f32 {
    let along = [to[0] - from[0], to[1] - from[1]];
    let square = along[0] * along[0] + along[1] * along[1];
    let t = ((x - from[0]) * along[0] + (y - from[1]) * along[1]) / square.max(1e-12);
    let t = t.clamp(0.0, 1.0);
    (x - from[0] - t * along[0]).hypot(y - from[1] - t * along[1])
}

/// Distance to a polygon's sides, negative outside of it.
fn depth([x, y]: [f32; 2], polygon: &[[f32; 2]]) -> f32 {
    let mut inside = false;
    let mut nearest = f32::INFINITY;
    for (i, &from) in polygon.iter().enumerate() {
        let to = polygon[(i + 1) % polygon.len()];
        nearest = nearest.min(distance_to_segment([x, y], from, to));
        let crosses = (from[1] > y) != (to[1] > y);
        if crosses && x < from[0] + (y - from[1]) * (to[0] - from[0]) / (to[1] - from[1]) {
            inside = !inside;
        }
    }
    if inside { nearest } else { -nearest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::example_face::example_face;
    use crate::face::mesh::MESH_POINTS;

    const SIDE: usize = 512;

    fn plane(planes: &[f32], at: usize) -> &[f32] {
        &planes[at * SIDE * SIDE..][..SIDE * SIDE]
    }

    fn value(plane: &[f32], x: usize, y: usize) -> f32 {
        plane[y * SIDE + x]
    }

    #[test]
    fn each_feature_is_in_its_plane() {
        let planes = draw_guides(&example_face(), SIDE);
        assert_eq!(planes.len(), GUIDE_PLANES * SIDE * SIDE);
        assert!(planes.iter().all(|v| (0.0..=1.0).contains(v)));
        let [lids, brows_lips, outline, irises] = [0, 1, 2, 3].map(|i| plane(&planes, i));
        // The middle of the right eye's lids, of a brow, of the lips, chin, forehead and iris.
        assert_eq!(value(lids, 302, 232), 1.0);
        assert!((value(lids, 302, 243) - 0.55).abs() < 1e-3);
        assert_eq!(value(lids, 302, 238), 0.0);
        assert_eq!(value(brows_lips, 303, 212), 1.0);
        assert_eq!(value(brows_lips, 256, 340), 1.0);
        assert_eq!(value(outline, 256, 400), 1.0);
        assert!(value(outline, 256, 140) < 0.3);
        assert!((value(outline, 200, 300) - FACE_VALUE).abs() < 1e-3);
        assert_eq!(value(outline, 20, 20), 0.0);
        assert_eq!(value(irises, 302, 238), 1.0);
        assert_eq!(value(irises, 318, 238), 0.0);
    }

    #[test]
    fn lines_have_their_width_and_soft_edges() {
        let mut values = vec![0.0; 32 * 32];
        let mut canvas = Canvas {
            values: &mut values,
            side_px: 32,
        };
        canvas.polyline(&[[4.0, 16.0], [28.0, 16.0]], 3.0, 1.0);
        let column: f32 = (0..32).map(|y| values[y * 32 + 16]).sum();
        assert!((column - 3.0).abs() < 1e-4, "{column}");
        let slanted = {
            let mut values = vec![0.0; 32 * 32];
            let mut canvas = Canvas {
                values: &mut values,
                side_px: 32,
            };
            canvas.polyline(&[[6.0, 6.0], [26.0, 20.0]], 2.0, 1.0);
            values.iter().sum::<f32>()
        };
        let expected = 2.0 * 20.0f32.hypot(14.0) + std::f32::consts::PI;
        assert!(
            (slanted / expected - 1.0).abs() < 0.05,
            "{slanted} {expected}"
        );
    }

    #[test]
    fn irises_may_be_unknown_and_points_outside() {
        let mut points = example_face()[..MESH_POINTS].to_vec();
        let planes = draw_guides(&points, SIDE);
        assert!(plane(&planes, 3).iter().all(|v| *v == 0.0));
        assert!(plane(&planes, 0).contains(&1.0));
        for point in &mut points {
            point[0] += 450.0;
        }
        assert_eq!(draw_guides(&points, SIDE).len(), GUIDE_PLANES * SIDE * SIDE);
        assert!(draw_guides(&points[..5], SIDE).iter().all(|v| *v == 0.0));
    }
}
