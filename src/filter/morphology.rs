//! Morphology of grey planes with windows of any shape.

use super::plane::{Border, Plane};

/// A set of offsets about the origin: the shape that a window covers. It is symmetric about the
/// origin, so that openings and closings need no mirrored copy.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Runs of offsets: a row, its first column and its last.
    runs: Vec<(isize, isize, isize)>,
    reach: usize,
}

impl Window {
    /// The offsets within `reach` pixels in x and in y for which `covers(x, y)` holds. Rows must be
    /// without gaps, and the shape symmetric about the origin.
    pub fn new(reach: usize, covers: impl Fn(f32, f32) -> bool) -> Self {
        let r = reach as isize;
        let runs = (-r..=r)
            .filter_map(|y| {
                let mut columns = (-r..=r).filter(|x| covers(*x as f32, y as f32));
                let first = columns.next()?;
                Some((y, first, columns.last().unwrap_or(first)))
            })
            .collect();
        Self { runs, reach }
    }

    /// A disc.
    pub fn disc(radius_px: f32) -> Self {
        Self::new(radius_px.max(0.0) as usize, |x, y| x.hypot(y) <= radius_px)
    }

    /// A pointed ellipse, as of a leaf or the dab of a brush, with its half axes in pixels and the
    /// angle of the longer one in degrees.
    pub fn leaf(long_px: f32, short_px: f32, degrees: f32) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Self::new(long_px.ceil() as usize, |x, y| {
            let (u, v) = (cos * x + sin * y, -sin * x + cos * y);
            (u.abs() / long_px).powf(1.5) + (v.abs() / short_px).powf(1.5) <= 1.0
        })
    }
}

/// The largest value under the window at each pixel; the border is mirrored.
pub fn dilate(plane: &Plane, window: &Window) -> Plane {
    extreme(plane, window, |a, b| if b > a { b } else { a })
}

/// The smallest value under the window at each pixel; the border is mirrored.
pub fn erode(plane: &Plane, window: &Window) -> Plane {
    extreme(plane, window, |a, b| if b < a { b } else { a })
}

/// Light details that the window does not fit into are removed.
pub fn open(plane: &Plane, window: &Window) -> Plane {
    dilate(&erode(plane, window), window)
}

/// Dark details that the window does not fit into are removed.
pub fn close(plane: &Plane, window: &Window) -> Plane {
    erode(&dilate(plane, window), window)
}

fn extreme(plane: &Plane, window: &Window, choose: impl Fn(f32, f32) -> f32 + Sync) -> Plane {
    let reach = window.reach;
    let height = plane.height();
    let rows: Vec<Vec<f32>> = (0..height)
        .map(|y| Border::Reflect101.padded(plane.row(y), reach))
        .collect();
    plane.by_row(|y, out| {
        let mut first = true;
        for &(dy, from, to) in &window.runs {
            let row = &rows[Border::Reflect101.resolve(y as isize + dy, height)];
            for dx in from..=to {
                let near = &row[(reach as isize + dx) as usize..];
                if first {
                    out.copy_from_slice(&near[..out.len()]);
                    first = false;
                } else {
                    for (value, near) in out.iter_mut().zip(near) {
                        *value = choose(*value, *near);
                    }
                }
            }
        }
        if first {
            out.copy_from_slice(plane.row(y));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dilation_equals_the_maximum_one_by_one() {
        let plane = Plane::from_index(11, 9, |i| ((i * 41) % 23) as f32);
        for window in [
            Window::disc(2.3),
            Window::leaf(3.0, 1.2, 30.0),
            Window::disc(0.0),
        ] {
            let grown = dilate(&plane, &window);
            for y in 0..9isize {
                for x in 0..11isize {
                    let mut largest = f32::MIN;
                    for &(dy, from, to) in &window.runs {
                        for dx in from..=to {
                            let row = plane.row(Border::Reflect101.resolve(y + dy, 9));
                            largest = largest.max(row[Border::Reflect101.resolve(x + dx, 11)]);
                        }
                    }
                    assert_eq!(grown.row(y as usize)[x as usize], largest);
                }
            }
            let shrunk = erode(&plane.map(|v| -v), &window);
            assert!(
                shrunk
                    .values()
                    .iter()
                    .zip(grown.values())
                    .all(|(a, b)| *a == -b)
            );
        }
    }

    #[test]
    fn opening_and_closing_do_nothing_the_second_time() {
        let plane = Plane::from_index(20, 20, |i| ((i * 41) % 23) as f32);
        let window = Window::leaf(3.0, 1.4, 60.0);
        for filter in [open, close] {
            let once = filter(&plane, &window);
            // Away from the border, whose mirror image the window does not respect.
            let twice = filter(&once, &window);
            for y in 8..12 {
                assert_eq!(once.row(y)[8..12], twice.row(y)[8..12]);
            }
        }
        assert!(open(&plane, &window).mean() < plane.mean());
        assert!(close(&plane, &window).mean() > plane.mean());
    }

    #[test]
    fn a_leaf_lies_at_its_angle() {
        let flat = Window::leaf(4.0, 1.5, 0.0);
        assert!(flat.runs.contains(&(0, -4, 4)));
        let upright = Window::leaf(4.0, 1.5, 90.0);
        assert!(upright.runs.iter().any(|(y, ..)| *y == 4));
        assert!(flat.runs.iter().all(|(y, ..)| y.abs() <= 1));
    }
}
