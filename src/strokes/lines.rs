//! What strokes would melt and a painter rules: window bars, letters, wires, rails.

use crate::geometry::smoothstep;
use crate::imaging::{
    Photo, blur, box_means, colour_over_white, for_each_row, luma, pixel_under_white,
};

use super::windows::straightness;

/// Change of lightness by the strokes below which nothing was lost, and from which on something was.
const CALM: [f32; 2] = [0.08, 0.04];
/// Change of lightness from which on what was lost begins to come back, and does fully.
const LOST: [f32; 2] = [0.04, 0.10];
/// Share of the surroundings in which nothing was lost, from which on lines begin to come back and do, and other things do: where
/// all is fine, it is texture.
const LINES_IN_CALM: [f32; 2] = [0.45, 0.75];
const ALL_IN_CALM: [f32; 2] = [0.64, 0.84];
/// How straight edges are that are lines, see [`straightness`].
const STRAIGHT: [f32; 2] = [0.2, 0.45];
/// Share of the pixels near by that were lost, from which on they may be a line, and are; and a letter: fewer are a speck.
const LINE: [f32; 2] = [0.08, 0.16];
const LETTER: [f32; 2] = [0.18, 0.32];
/// How much more green than red and blue leaves are, which stay strokes.
const LEAVES: [f32; 2] = [0.06, 0.0];
/// Radii in pixels of the squares over which these are averaged: surroundings, what is near by, and straightness.
const SURROUNDINGS_PX: usize = 12;
const NEAR_PX: usize = 3;
const STRAIGHT_PX: usize = 2;
/// Standard deviation over which the share that comes back is smoothed, and a factor that makes up for it.
const SOFT_PX: f32 = 0.7;
const SOFT_GAIN: f32 = 1.6;

/// Gives `strokes` of a `photo` of the same size back what is thin, strong, and more than a speck in calm surroundings. `windows` are
/// those of the photo's strokes; alpha stays.
pub(super) fn bring_back(strokes: &mut Photo, photo: &Photo, windows: &[u8]) {
    let size = [photo.width(), photo.height()];
    let mut lost: Vec<[f32; 1]> = photo
        .pixels()
        .iter()
        .zip(strokes.pixels())
        .map(|(photo, stroke)| {
            let [photo, stroke] = [photo, stroke].map(|pixel| luma(colour_over_white(*pixel)));
            [(photo - stroke).abs()]
        })
        .collect();
    let of_lost = |[from, to]: [f32; 2]| {
        let share = |[lost]: &[f32; 1]| [smoothstep(*lost, from, to)];
        lost.iter().map(share).collect::<Vec<_>>()
    };
    let mut calm = of_lost(CALM);
    box_means(&mut calm, size, SURROUNDINGS_PX);
    let mut dense = of_lost(LOST);
    let mut share = dense.clone();
    box_means(&mut dense, size, NEAR_PX);
    blur(&mut share, size, SOFT_PX);
    let straight = &mut lost;
    for ([straight], window) in straight.iter_mut().zip(windows) {
        *straight = straightness(*window);
    }
    box_means(straight, size, STRAIGHT_PX);
    let straight = &*straight;
    for_each_row(strokes.pixels_mut(), size[0], |(y, row)| {
        for (x, stroke) in row.iter_mut().enumerate() {
            let i = y * size[0] + x;
            let line = smoothstep(calm[i][0], LINES_IN_CALM[0], LINES_IN_CALM[1])
                * smoothstep(straight[i][0], STRAIGHT[0], STRAIGHT[1])
                * smoothstep(dense[i][0], LINE[0], LINE[1]);
            let alone = smoothstep(calm[i][0], ALL_IN_CALM[0], ALL_IN_CALM[1])
                * smoothstep(dense[i][0], LETTER[0], LETTER[1]);
            let share = (SOFT_GAIN * share[i][0]).min(1.0) * line.max(alone);
            if share <= 0.0 {
                continue;
            }
            let [r, g, b] = colour_over_white(photo.pixels()[i]);
            let share = share * smoothstep(g - r.max(b), LEAVES[0], LEAVES[1]);
            let own = colour_over_white(*stroke);
            let back = [r, g, b];
            let colour = std::array::from_fn(|c| own[c] + share * (back[c] - own[c]));
            *stroke = pixel_under_white(colour, stroke[3]);
        }
    });
}

/// Bytes at a time while that is done to so many pixels, besides both pictures.
pub(super) fn bytes(pixels: u64) -> u64 {
    4 * size_of::<f32>() as u64 * pixels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strokes::{paint_for_network, paint_strokes};

    const SIDE: usize = 120;

    fn picture(pixel: impl Fn(usize, usize) -> u8) -> Photo {
        let pixels = (0..SIDE * SIDE).flat_map(|i| {
            let value = pixel(i % SIDE, i / SIDE);
            [value, value, value, 255]
        });
        Photo::new(SIDE, SIDE, pixels.collect()).unwrap()
    }

    /// A window with thin bars in a calm wall.
    fn window() -> Photo {
        picture(|x, y| match () {
            () if (40..80).contains(&x) && (x + y).is_multiple_of(20) => 200,
            () if (40..80).contains(&x) && x.is_multiple_of(20) => 200,
            () => 70,
        })
    }

    fn at(photo: &Photo, x: usize, y: usize) -> f32 {
        f32::from(photo.pixels()[y * SIDE + x][0])
    }

    #[test]
    fn thin_bars_stay_that_strokes_would_melt() {
        let contrast = |photo: &Photo| at(photo, 60, 65) - at(photo, 54, 58);
        let (mut strokes, mut lines) = (window(), window());
        paint_strokes(&mut strokes);
        paint_for_network(&mut lines, false);
        assert!(contrast(&strokes) < 80.0, "{}", contrast(&strokes));
        assert!(contrast(&lines) > 105.0, "{}", contrast(&lines));
    }

    #[test]
    fn texture_and_specks_stay_away() {
        let texture = picture(|x, y| 60 + ((x * 7919 + y * 104_729 + x * y * 31) % 90) as u8);
        let speck = picture(|x, y| if (x, y) == (60, 60) { 200 } else { 70 });
        for photo in [texture, speck] {
            let (mut strokes, mut lines) = (photo.clone(), photo);
            paint_strokes(&mut strokes);
            paint_for_network(&mut lines, false);
            let apart = |(a, b): (&[u8; 4], &[u8; 4])| a[0].abs_diff(b[0]);
            let apart = strokes.pixels().iter().zip(lines.pixels()).map(apart);
            assert!(apart.max() < Some(12));
        }
    }

    #[test]
    fn networks_with_guide_planes_see_strokes_alone() {
        let (mut strokes, mut guided) = (window(), window());
        paint_strokes(&mut strokes);
        paint_for_network(&mut guided, true);
        assert_eq!(strokes, guided);
    }
}
