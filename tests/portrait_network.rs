//! Which network draws a face, and what it is given, with engines that remember it.
#![allow(missing_docs)]

#[path = "example_face/mod.rs"]
mod example_face;

use std::cell::RefCell;

use example_face::example_face;
use futures_lite::future::block_on;
use nijigen::Result;
use nijigen::engine::{Engine, Progress};
use nijigen::face::{GUIDE_PLANES, mesh};
use nijigen::imaging::{Photo, Planes};
use nijigen::pipeline::{
    FaceMode, FaceOptions, Faces, Look, Network, Options, Outcome, PORTRAIT_SIDE_PX, Picture,
    Presentation, stylize,
};

/// Paints everything in one colour, and remembers what it was given.
struct Painter {
    colour: [f32; 3],
    given: RefCell<Vec<Planes>>,
}

impl Painter {
    /// In gray.
    fn new(value: f32) -> Self {
        Self::in_colour([value; 3])
    }

    fn in_colour(colour: [f32; 3]) -> Self {
        Self {
            colour,
            given: RefCell::default(),
        }
    }

    /// Number of planes of each picture that it painted.
    fn planes(&self) -> Vec<usize> {
        self.given.borrow().iter().map(Planes::count).collect()
    }
}

impl Engine for Painter {
    fn name(&self) -> &'static str {
        "painter"
    }

    async fn stylize(&self, input: &Planes, _progress: &mut impl Progress) -> Result<Planes> {
        self.given.borrow_mut().push(input.clone());
        let (width, height) = (input.width(), input.height());
        let planes = self.colour.map(|value| vec![value; width * height]);
        Planes::new(width, height, planes.concat())
    }
}

const SIDE: usize = 512;

/// A picture of waves in which every warp is seen.
fn photo() -> Photo {
    let rgba = (0..SIDE * SIDE).flat_map(|i| {
        let [x, y] = [i % SIDE, i / SIDE].map(|v| v as f32);
        let wave = |v: f32| (128.0 + 100.0 * v.sin()) as u8;
        [wave(x / 7.0), wave(y / 9.0), wave((x + y) / 12.0), 255]
    });
    Photo::new(SIDE, SIDE, rgba.collect()).expect("as many bytes as pixels need")
}

/// The example with the points beside the corners of its mouth, which aligning it needs.
fn mesh_face() -> Vec<[f32; 2]> {
    let mut points = example_face();
    for (corner, beside) in mesh::MOUTH_CORNERS.into_iter().zip([[57, 62], [287, 292]]) {
        for at in beside {
            points[at] = points[corner];
        }
    }
    points
}

fn faces(points: &[[f32; 2]]) -> Faces {
    Faces::new(points.len(), points.as_flattened().to_vec()).expect("one face")
}

fn options(mode: FaceMode, faces: Faces, likeness: f32) -> Options {
    Options {
        long_side_px: SIDE,
        faces: Some(FaceOptions {
            mode,
            faces,
            expand: 1.0,
            likeness,
        }),
        ..Options::default()
    }
}

fn draw(painters: [&Painter; 2], options: &Options) -> Picture {
    draw_photo(photo(), painters, options)
}

fn draw_photo(photo: Photo, [place, portrait]: [&Painter; 2], options: &Options) -> Picture {
    let look = Look {
        portrait: Some(Network {
            guided: true,
            ..Look::of_places(portrait).place
        }),
        ..Look::of_places(place)
    };
    block_on(stylize(&look, photo, options, &mut |_: f32| {})).expect("a picture")
}

#[test]
fn a_face_whose_mesh_is_known_is_the_portrait_network_s() {
    for count in [468, 478] {
        let painters = [Painter::new(-1.0), Painter::new(1.0)];
        let face = faces(&mesh_face()[..count]);
        let picture = draw(
            painters.each_ref(),
            &options(FaceMode::Both, face.clone(), 0.0),
        );
        assert_eq!(picture.outcomes, [Outcome::Done]);
        assert_eq!(painters[0].planes(), [3]);
        assert_eq!(painters[1].planes(), [3 + GUIDE_PLANES]);
        let irises = {
            let given = painters[1].given.borrow();
            let area = given[0].width() * given[0].height();
            given[0].values()[6 * area..].iter().any(|v| *v > 0.5)
        };
        assert_eq!(irises, count == 478);

        let picture = draw(painters.each_ref(), &options(FaceMode::Portrait, face, 0.0));
        assert_eq!(painters[0].planes(), [3]);
        assert!(picture.photo.pixels().iter().all(|p| *p == [255; 4]));
    }
}

#[test]
fn faces_of_live_pictures_are_the_place_network_s_with_features() {
    let painters = [Painter::new(0.4), Painter::new(1.0)];
    let live = options(FaceMode::Live, faces(&mesh_face()), 0.0);
    // Skin, on which eyes are seen.
    let skin = [214, 168, 144, 255].repeat(SIDE * SIDE);
    let skin = Photo::new(SIDE, SIDE, skin).expect("as many bytes as pixels need");
    let picture = draw_photo(skin, painters.each_ref(), &live);
    assert_eq!(picture.outcomes, [Outcome::Done]);
    // The whole, and the face at its size in the picture or less.
    assert_eq!(painters[0].planes(), [3, 3]);
    let side = painters[0].given.borrow()[1].width();
    assert!(side <= 256, "{side}");
    assert!(painters[1].given.borrow().is_empty());
    // What the network left plain has dark eyes.
    let plain = draw(
        painters.each_ref(),
        &Options {
            long_side_px: SIDE,
            ..Options::default()
        },
    );
    let darkest = |picture: &Picture| picture.photo.pixels().iter().map(|p| p[0]).min();
    assert!(darkest(&picture) < darkest(&plain).map(|v| v - 60));
}

#[test]
fn other_faces_are_the_place_network_s() {
    let five = [
        [205.0, 240.0],
        [307.0, 240.0],
        [256.0, 290.0],
        [225.0, 330.0],
        [287.0, 330.0],
    ];
    let mut turned = mesh_face();
    for at in mesh::CHEEKBONES {
        turned[at][0] -= 0.65 * 200.0;
    }
    for points in [&five[..], &turned] {
        let painters = [Painter::new(-1.0), Painter::new(1.0)];
        let options = options(FaceMode::Both, faces(points), 0.0);
        assert_eq!(
            draw(painters.each_ref(), &options).outcomes,
            [Outcome::Done]
        );
        assert_eq!(painters[0].planes(), [3, 3]);
        assert!(painters[1].planes().is_empty());
    }
}

#[test]
fn likeness_keeps_the_face_s_proportions() {
    let given = |likeness: f32, strength: f32| -> Planes {
        let painters = [Painter::new(0.0), Painter::new(0.0)];
        let mut options = options(FaceMode::Portrait, faces(&mesh_face()), likeness);
        options.presentation.strength = strength;
        draw(painters.each_ref(), &options);
        painters[1].given.take().remove(0)
    };
    let plain = {
        let painters = [Painter::new(0.0), Painter::new(0.0)];
        let mut options = options(FaceMode::Portrait, faces(&mesh_face()), 0.0);
        options.presentation = Presentation {
            side_by_side: true,
            strength: 1.0,
        };
        let pair = draw(painters.each_ref(), &options).photo;
        let left: Vec<u8> = pair
            .rgba()
            .chunks_exact(8 * PORTRAIT_SIDE_PX)
            .flat_map(|row| row[..4 * PORTRAIT_SIDE_PX].to_vec())
            .collect();
        let left = Photo::new(PORTRAIT_SIDE_PX, PORTRAIT_SIDE_PX, left).expect("the left half");
        Planes::from_photo(&left).expect("planes")
    };
    // Mean difference of the colours to the face beside its portrait, which is as it was.
    let change = |given: &Planes| -> f32 {
        let pairs = plain.values().iter().zip(given.values());
        let sum: f32 = pairs.map(|(a, b)| (a - b).abs()).sum();
        sum / plain.values().len() as f32
    };
    assert!(change(&given(1.0, 1.0)) < 1e-3);
    let (half, none) = (change(&given(0.5, 1.0)), change(&given(0.0, 1.0)));
    assert!(0.02 < half && half < none, "{half} {none}");
    // What is mixed with the photo must not have other eyes beside the photo's.
    let mixed = change(&given(0.0, 0.5));
    assert!((mixed - half).abs() < 1e-6, "{mixed} {half}");
}

/// A face on dark hair, as large as the test below has it.
fn person() -> Photo {
    let rgba = (0..SIDE * SIDE).flat_map(|i| {
        let [x, y] = [i % SIDE, i / SIDE].map(|v| v as f32);
        match ((x - 256.0) / 55.0).hypot((y - 263.0) / 72.0) < 1.0 {
            true => [214, 168, 144, 255],
            false => [40, 28, 20, 255],
        }
    });
    Photo::new(SIDE, SIDE, rgba.collect()).expect("as many bytes as pixels need")
}

#[test]
fn what_is_around_a_face_is_drawn_as_the_segmentation_network_tells() {
    let [place, portrait] = [Painter::new(0.4), Painter::new(0.4)];
    let draw = |segmentation: Option<&Painter>, mode| {
        let guided = |painter| Network {
            guided: true,
            ..Look::of_places(painter).place
        };
        let look = Look {
            portrait: Some(guided(&portrait)),
            segmentation: segmentation.map(guided),
            ..Look::of_places(&place)
        };
        // The face is half as wide as the photo.
        let points: Vec<_> = mesh_face()
            .iter()
            .map(|p| p.map(|v| 0.5 * v + 128.0))
            .collect();
        let options = options(mode, faces(&points), 1.0);
        block_on(stylize(&look, person(), &options, &mut |_: f32| {})).expect("a picture")
    };
    let at = |picture: &Picture, x: usize, y: usize| picture.photo.pixels()[y * SIDE + x];
    let plain = draw(None, FaceMode::Both);
    // To this one all is hair, to that one nothing is.
    let [hair, nothing] = [[-1.0, 1.0, 1.0], [-1.0; 3]].map(Painter::in_colour);
    let drawn = draw(Some(&hair), FaceMode::Both);
    assert_eq!(hair.planes(), [3 + GUIDE_PLANES]);
    let given = [0, 1].map(|_| hair.given.borrow()[0].width());
    assert_eq!(given, [nijigen::drawing::SEGMENTED_SIDE_PX; 2]);
    for (x, y) in [(256, 110), (120, 256), (400, 300)] {
        assert_ne!(at(&drawn, x, y), at(&plain, x, y), "{x} {y}");
    }
    assert_eq!(
        at(&drawn, 2, 2),
        at(&plain, 2, 2),
        "it reaches beyond the square"
    );
    let bare = draw(Some(&nothing), FaceMode::Both);
    for (x, y) in [(256, 110), (60, 256), (256, 480)] {
        assert_eq!(at(&bare, x, y), at(&plain, x, y), "{x} {y}");
    }
    // The portrait alone shows it, too; live pictures have no time for it.
    let [with, without] = [Some(&hair), None].map(|network| draw(network, FaceMode::Portrait));
    assert_ne!(with.photo, without.photo);
    let asked = hair.planes().len();
    draw(Some(&hair), FaceMode::Live);
    assert_eq!(hair.planes().len(), asked);
}
