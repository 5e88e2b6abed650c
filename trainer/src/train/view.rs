//! The square of a picture that a sample shows.

use image::RgbImage;

use crate::picture::crop_planes;

/// A square of a picture, perhaps turned about its centre, and then perhaps mirrored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// First column, before turning.
    pub left: u32,
    /// First row, before turning.
    pub top: u32,
    /// Columns and rows in pixels.
    pub side: u32,
    /// How far the picture is turned clockwise, in radians.
    pub turn: f32,
    /// Mirrored left to right.
    pub flip: bool,
}

impl View {
    /// Values in [-1, 1], `[3, side, side]`. Where a turned square reaches beyond the picture, it is
    /// mirrored there.
    pub fn planes(&self, picture: &RgbImage) -> Vec<f32> {
        let Self {
            left,
            top,
            side,
            turn,
            flip,
        } = *self;
        if turn == 0.0 {
            return crop_planes(picture, left, top, side, flip);
        }
        let len = (side * side) as usize;
        let mut values = vec![0.0; 3 * len];
        for y in 0..side {
            for x in 0..side {
                let column = if flip { side - 1 - x } else { x };
                let at = self.in_picture([column as f32 + 0.5, y as f32 + 0.5]);
                let pixel = bilinear(picture, at);
                let index = (y * side + x) as usize;
                for (channel, value) in pixel.into_iter().enumerate() {
                    values[channel * len + index] = value / 127.5 - 1.0;
                }
            }
        }
        values
    }

    /// Where a point of the picture is in the turned square before it is mirrored. Points are `[x, y]` in
    /// pixels from the top left corner.
    pub fn turned(&self, point: [f32; 2]) -> [f32; 2] {
        let centre = self.centre();
        let half = self.side as f32 / 2.0;
        rotated([0, 1].map(|i| point[i] - centre[i]), self.turn).map(|v| v + half)
    }

    /// The reverse of [`View::turned`].
    fn in_picture(&self, point: [f32; 2]) -> [f32; 2] {
        let half = self.side as f32 / 2.0;
        let [x, y] = rotated(point.map(|v| v - half), -self.turn);
        let centre = self.centre();
        [x + centre[0], y + centre[1]]
    }

    fn centre(&self) -> [f32; 2] {
        [self.left, self.top].map(|start| start as f32 + self.side as f32 / 2.0)
    }
}

fn rotated([x, y]: [f32; 2], angle: f32) -> [f32; 2] {
    let (sin, cos) = angle.sin_cos();
    [cos * x - sin * y, sin * x + cos * y]
}

/// The value from 0 to 255 at a place whose pixel centres are at 0.5, mirrored at the borders.
fn bilinear(picture: &RgbImage, [x, y]: [f32; 2]) -> [f32; 3] {
    let (width, height) = picture.dimensions();
    let (x, y) = (x - 0.5, y - 0.5);
    let (left, top) = (x.floor(), y.floor());
    let (right_share, below_share) = (x - left, y - top);
    let columns = [left, left + 1.0].map(|at| mirrored(at, width));
    let rows = [top, top + 1.0].map(|at| mirrored(at, height));
    let mut sum = [0.0; 3];
    for (row, share_y) in rows.into_iter().zip([1.0 - below_share, below_share]) {
        for (column, share_x) in columns.into_iter().zip([1.0 - right_share, right_share]) {
            for (sum, value) in sum.iter_mut().zip(picture.get_pixel(column, row).0) {
                *sum += share_x * share_y * f32::from(value);
            }
        }
    }
    sum
}

/// The index of `at`, mirrored where it is outside of `size`.
fn mirrored(at: f32, size: u32) -> u32 {
    let at = if at < 0.0 { -1.0 - at } else { at };
    let at = if at >= size as f32 {
        2.0 * size as f32 - 1.0 - at
    } else {
        at
    };
    (at.max(0.0) as u32).min(size - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient() -> RgbImage {
        RgbImage::from_fn(40, 32, |x, y| image::Rgb([6 * x as u8, 7 * y as u8, 90]))
    }

    fn view(turn: f32, flip: bool) -> View {
        View {
            left: 10,
            top: 8,
            side: 16,
            turn,
            flip,
        }
    }

    #[test]
    fn a_tiny_turn_is_nearly_none() {
        let picture = gradient();
        for flip in [false, true] {
            let plain = view(0.0, flip).planes(&picture);
            let turned = view(1e-5, flip).planes(&picture);
            for (a, b) in plain.iter().zip(&turned) {
                assert!((a - b).abs() < 1e-3, "{a} {b}");
            }
        }
    }

    #[test]
    fn points_turn_with_the_picture() {
        let mut picture = RgbImage::new(40, 32);
        picture.put_pixel(21, 12, image::Rgb([255; 3]));
        let view = view(0.4, false);
        let [x, y] = view.turned([21.5, 12.5]);
        let back = view.in_picture([x, y]);
        assert!((back[0] - 21.5).abs() < 1e-4 && (back[1] - 12.5).abs() < 1e-4);
        let values = view.planes(&picture);
        let brightest = (0..256).max_by(|&a, &b| values[a].total_cmp(&values[b]));
        let brightest = brightest.expect("there are 256");
        assert_eq!([brightest % 16, brightest / 16], [x as usize, y as usize]);
        // Clockwise: what is above the centre goes right.
        let [x, y] = view.turned([18.0, 10.0]);
        assert!(x > 8.0 && y < 8.0, "{x} {y}");
    }

    #[test]
    fn beyond_the_borders_is_the_picture_mirrored() {
        let picture = gradient();
        let corner = View {
            left: 0,
            top: 0,
            side: 32,
            turn: 0.7,
            flip: false,
        };
        assert!(
            corner
                .planes(&picture)
                .iter()
                .all(|v| (-1.0..=1.0).contains(v))
        );
        assert_eq!(mirrored(-1.0, 40), 0);
        assert_eq!(mirrored(-3.0, 40), 2);
        assert_eq!(mirrored(40.0, 40), 39);
    }
}
