//! Skies are painted over what a place network draws, and nowhere else.
#![allow(missing_docs)]

use futures_lite::future::block_on;
use nijigen::Result;
use nijigen::engine::{Engine, Progress};
use nijigen::grade::PlaceLook;
use nijigen::imaging::{Photo, Planes};
use nijigen::pipeline::{Look, Network, Options, stylize};
use nijigen::sky::SkyPalette;

/// Draws everything gray.
struct Gray;

impl Engine for Gray {
    fn name(&self) -> &'static str {
        "gray"
    }

    async fn stylize(&self, input: &Planes, _progress: &mut impl Progress) -> Result<Planes> {
        let gray = vec![0.0; input.values().len()];
        Planes::new(input.width(), input.height(), gray)
    }
}

const SIZE: [usize; 2] = [900, 600];

/// A sky of this colour over a rough meadow.
fn photo(sky: [u8; 3]) -> Photo {
    let rgba = (0..SIZE[0] * SIZE[1]).flat_map(|i| {
        let (x, y) = (i % SIZE[0] / 3, i / SIZE[0] / 3);
        let noise = ((x * 7919 + y * 104_729 + x * y * 31) % 61) as u8;
        let [r, g, b] = match y {
            0..110 => sky.map(|v| v.saturating_add(y as u8 / 5)),
            _ => [60 + noise / 2, 100 + noise, 40 + noise / 3],
        };
        [r, g, b, 255]
    });
    Photo::new(SIZE[0], SIZE[1], rgba.collect()).expect("as many bytes as pixels need")
}

fn draw(
    photo: Photo,
    drawing_side_px: Option<u32>,
    sky: Option<SkyPalette>,
    grade: Option<PlaceLook>,
) -> Photo {
    let look = Look::of_network(Network {
        engine: &Gray,
        drawing_side_px,
        strokes: false,
        cel: None,
        sky,
        grade,
        guided: false,
    });
    let options = Options::default();
    let picture = block_on(stylize(&look, photo, &options, &mut |_: f32| {}));
    picture.expect("a picture").photo
}

#[test]
fn skies_are_painted_at_any_size_of_the_drawing_and_the_ground_is_the_networks() {
    for side in [Some(256), None] {
        let blue = photo([120, 165, 215]);
        let picture = draw(blue.clone(), side, Some(SkyPalette::Deep), None);
        let at = |x: usize, y: usize| picture.pixels()[y * SIZE[0] + x];
        let [r, g, b, _] = at(450, 60);
        assert!(b > 200 && r < 130 && b > g, "{:?}", at(450, 60));
        for (x, y) in [(100, 420), (800, 580)] {
            assert!(at(x, y)[..3].iter().all(|v| v.abs_diff(128) < 4));
        }
        let plain = draw(blue, side, None, None);
        assert!(plain.pixels().iter().all(|p| p[0].abs_diff(128) < 2));
    }
}

#[test]
fn drawings_get_the_broad_colours_of_their_look_at_any_size() {
    for side in [Some(256), None] {
        let picture = draw(photo([120, 165, 215]), side, None, Some(PlaceLook::Sky));
        let at = |x: usize, y: usize| picture.pixels()[y * SIZE[0] + x];
        // The network's gray is blue above and green below; the meadow's texture, which it did not draw, stays away.
        let [r, _, b, _] = at(450, 60);
        assert!(b > r + 40, "{:?}", at(450, 60));
        let [r, g, b, _] = at(450, 520);
        assert!(g > r + 25 && g > b + 25, "{:?}", at(450, 520));
        for x in 440..460 {
            let apart = at(x, 520)[1].abs_diff(at(x + 1, 520)[1]);
            assert!(apart < 6, "{apart} at {x}");
        }
    }
}

#[test]
fn a_wall_is_no_sky() {
    // Brown from top to bottom.
    let wall = photo([120, 95, 80]);
    let picture = draw(wall, Some(256), Some(SkyPalette::Deep), None);
    let brown = picture.pixels()[60 * SIZE[0] + 450];
    assert!(brown[..3].iter().all(|v| v.abs_diff(128) < 2), "{brown:?}");
}
