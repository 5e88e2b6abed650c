//! The size at which a place network draws, and in what form it is given photos, with an engine that
//! remembers it.
#![allow(missing_docs)]

use std::cell::RefCell;

use futures_lite::future::block_on;
use nijigen::Result;
use nijigen::engine::{Engine, Progress};
use nijigen::imaging::{Photo, Planes};
use nijigen::pipeline::{Look, Network, Options, stylize};

/// Inverts what it is given.
#[derive(Default)]
struct Inverter {
    given: RefCell<Vec<Planes>>,
}

impl Engine for Inverter {
    fn name(&self) -> &'static str {
        "inverter"
    }

    async fn stylize(&self, input: &Planes, _progress: &mut impl Progress) -> Result<Planes> {
        self.given.borrow_mut().push(input.clone());
        let inverse = input.values().iter().map(|value| -value);
        Planes::new(input.width(), input.height(), inverse.collect())
    }
}

const SIZE: [usize; 2] = [640, 320];

/// Two areas with a slanted border under fine noise, transparent in a corner.
fn photo() -> Photo {
    let rgba = (0..SIZE[0] * SIZE[1]).flat_map(|i| {
        let [x, y] = [i % SIZE[0], i / SIZE[0]];
        let noise = ((x * 7 + y * 13 + x * y) % 9) as u8;
        let base = if 3 * x + y < 1000 { 50 } else { 190 };
        let alpha = if x + y < 40 { 0 } else { 255 };
        [base + noise, base, 120, alpha]
    });
    Photo::new(SIZE[0], SIZE[1], rgba.collect()).expect("as many bytes as pixels need")
}

/// The picture, and what the network was given.
fn draw(
    drawing_side_px: Option<u32>,
    strokes: bool,
    cel: Option<f32>,
    long_side_px: usize,
) -> (Photo, Planes) {
    let engine = Inverter::default();
    let look = Look::of_network(Network {
        engine: &engine,
        drawing_side_px,
        strokes,
        cel,
        guided: false,
        sky: None,
        grade: None,
    });
    let options = Options {
        long_side_px,
        ..Options::default()
    };
    let picture = block_on(stylize(&look, photo(), &options, &mut |_: f32| {}));
    let picture = picture.expect("a picture").photo;
    let given = engine.given.borrow_mut().pop().expect("one picture");
    (picture, given)
}

#[test]
fn larger_photos_are_drawn_small_and_come_back_in_their_size() {
    let (picture, given) = draw(Some(256), false, None, 2000);
    assert_eq!([given.width(), given.height()], [256, 128]);
    assert_eq!([picture.width(), picture.height()], SIZE);
    let at = |x: usize, y: usize| picture.pixels()[y * SIZE[0] + x];
    // Inverted, as sharp as the photo, and transparent where that is.
    let border = (1000 - 160) / 3;
    assert!(at(border - 4, 160)[0] > 190 && at(border + 4, 160)[0] < 75);
    assert!(at(border - 4, 160)[1].abs_diff(205) < 10 && at(border + 4, 160)[1].abs_diff(65) < 10);
    assert_eq!([at(0, 0)[3], at(300, 300)[3]], [0, 255]);
}

#[test]
fn pictures_that_are_no_larger_are_drawn_as_they_are() {
    for (side, wanted) in [(Some(512), 400), (Some(640), 2000), (None, 2000)] {
        let (picture, given) = draw(side, false, None, wanted);
        let drawn = [given.width(), given.height()];
        assert_eq!(drawn, [picture.width(), picture.height()]);
        assert_eq!(drawn[0], wanted.min(SIZE[0]));
    }
}

#[test]
fn strokes_are_given_only_to_networks_that_learnt_them() {
    let roughness = |planes: &Planes| {
        let row = &planes.values()[201 * SIZE[0] + 20..][..200];
        row.windows(2).map(|v| (v[1] - v[0]).abs()).sum::<f32>() / 199.0
    };
    let [plain, painted] =
        [false, true].map(|strokes| roughness(&draw(None, strokes, None, 2000).1));
    assert!(painted < 0.5 * plain, "{painted} {plain}");
}

#[test]
fn cels_are_outlined_at_the_size_of_the_picture() {
    let border = (1000 - 160) / 3;
    let darkest = |picture: &Photo| {
        let row = &picture.pixels()[160 * SIZE[0] + border - 12..][..24];
        row.iter().map(|pixel| pixel[0]).min()
    };
    for long_side_px in [2000, 256] {
        let cel = draw(Some(256), false, Some(0.8), long_side_px).0;
        assert_eq!(cel.width(), long_side_px.min(SIZE[0]));
        assert_eq!(
            [cel.pixels()[0][3], cel.pixels()[cel.pixels().len() - 1][3]],
            [0, 255]
        );
    }
    // The inverse of the lighter area is the darker one: the line is darker still.
    let [plain, cel] = [None, Some(0.8)].map(|cel| darkest(&draw(Some(256), false, cel, 2000).0));
    assert!(cel.map(|v| v + 12) < plain, "{cel:?} {plain:?}");
}
