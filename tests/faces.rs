//! Portraits and faces over whole pictures, with engines that make it plain what they were given.
#![allow(missing_docs)]

use std::cell::RefCell;

use futures_lite::future::block_on;
use nijigen::engine::{Engine, Progress};
use nijigen::imaging::{Photo, Planes};
use nijigen::pipeline::{
    FaceMode, FaceOptions, Faces, Look, MOST_FACES, Options, Outcome, PORTRAIT_SIDE_PX, Picture,
    Presentation, stylize,
};
use nijigen::{Error, Result};

/// Changes values by a function of the picture's size and place, and remembers the sizes.
struct Fake<F> {
    change: F,
    sizes: RefCell<Vec<[usize; 2]>>,
}

impl<F: Fn([usize; 2], usize, f32) -> f32> Fake<F> {
    fn new(change: F) -> Self {
        Self {
            change,
            sizes: RefCell::default(),
        }
    }
}

impl<F: Fn([usize; 2], usize, f32) -> f32> Engine for Fake<F> {
    fn name(&self) -> &'static str {
        "fake"
    }

    async fn stylize(&self, input: &Planes, progress: &mut impl Progress) -> Result<Planes> {
        let size = [input.width(), input.height()];
        self.sizes.borrow_mut().push(size);
        progress.report(0.5).await?;
        let area = size[0] * size[1];
        let change = |(i, value): (usize, &f32)| (self.change)(size, i % area, *value);
        let values = input.values().iter().enumerate().map(change);
        Planes::new(size[0], size[1], values.collect())
    }
}

/// Paints what it is given.
fn copyist() -> impl Engine {
    Fake::new(|_, _, value| value)
}

fn options(faces: &Faces, mode: FaceMode, long_side_px: usize) -> Options {
    let faces = FaceOptions {
        mode,
        faces: faces.clone(),
        expand: 1.3,
        likeness: 0.0,
    };
    Options {
        long_side_px,
        faces: Some(faces),
        ..Options::default()
    }
}

/// A smooth picture.
fn color([x, y]: [f32; 2]) -> [f32; 3] {
    [
        128.0 + 90.0 * (x / 30.0).sin(),
        128.0 + 90.0 * (y / 35.0).cos(),
        128.0 + 90.0 * ((x + 2.0 * y) / 60.0).sin(),
    ]
}

fn photo(width: usize, height: usize, color: impl Fn([f32; 2]) -> [f32; 3]) -> Photo {
    let rgba = (0..width * height).flat_map(|i| {
        let place = [i % width, i / width].map(|v| v as f32 + 0.5);
        let [r, g, b] = color(place).map(|v| v.round() as u8);
        [r, g, b, 255]
    });
    Photo::new(width, height, rgba.collect()).expect("as many bytes as pixels need")
}

/// The five landmarks of a face of this width, its middle between the eyes at `x`, `y`.
fn face(x: f32, y: f32, width: f32, angle: f32) -> Vec<f32> {
    let eyes = width / 2.0;
    let upright = [
        [-0.5, 0.0],
        [0.5, 0.0],
        [0.02, 0.6],
        [-0.4, 1.0],
        [0.4, 1.0],
    ];
    let (sin, cos) = angle.sin_cos();
    let place = |[u, v]: [f32; 2]| {
        [
            x + eyes * (u * cos - v * sin),
            y + eyes * (u * sin + v * cos),
        ]
    };
    upright.into_iter().flat_map(place).collect()
}

fn faces(list: &[Vec<f32>]) -> Faces {
    Faces::new(5, list.concat()).expect("whole faces")
}

fn run(engine: &impl Engine, photo: &Photo, options: &Options) -> Result<Picture> {
    block_on(stylize(
        &Look::of_places(engine),
        photo.clone(),
        options,
        &mut |_: f32| {},
    ))
}

fn both(engine: &impl Engine, photo: &Photo, faces: &Faces, side: usize) -> Picture {
    let options = options(faces, FaceMode::Both, side);
    run(engine, photo, &options).expect("an engine that does not fail")
}

fn whole(engine: &impl Engine, photo: &Photo, long_side_px: usize) -> Photo {
    let options = Options {
        long_side_px,
        ..Options::default()
    };
    let picture = run(engine, photo, &options).expect("an engine that does not fail");
    assert!(picture.outcomes.is_empty());
    picture.photo
}

fn portrait(photo: &Photo, faces: &Faces, side: usize) -> Result<Picture> {
    run(&copyist(), photo, &options(faces, FaceMode::Portrait, side))
}

fn worst(a: &Photo, b: &Photo) -> u8 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let pairs = a.rgba().iter().zip(b.rgba());
    pairs.map(|(a, b)| a.abs_diff(*b)).max().expect("a pixel")
}

fn words(picture: &Picture) -> Vec<&'static str> {
    picture.outcomes.iter().map(Outcome::word).collect()
}

/// Faces of all sizes and angles, at borders, one over the other.
fn crowd() -> Faces {
    faces(&[
        face(100.0, 120.0, 50.0, 0.0),
        face(300.0, 150.0, 90.0, 0.5),
        face(330.0, 190.0, 120.0, -0.4),
        face(20.0, 400.0, 100.0, 3.0),
        face(450.0, 420.0, 200.0, 0.1),
        face(625.0, 10.0, 60.0, 1.0),
    ])
}

#[test]
fn faces_are_put_back_where_they_were() {
    let photo = photo(640, 520, color);
    for side in [640, 400, 250] {
        let picture = both(&copyist(), &photo, &crowd(), side);
        let expected = whole(&copyist(), &photo, side);
        let worst = worst(&picture.photo, &expected);
        assert!(worst <= 4, "{side}: {worst}");
        let done = words(&picture).iter().filter(|w| **w == "done").count();
        assert_eq!(done, if side == 250 { 4 } else { 6 });
    }
}

#[test]
fn no_seam_shows_where_a_face_was_painted_in_other_tones() {
    let photo = photo(640, 520, color);
    // Networks normalise over what they see: a face alone comes out paler and darker.
    let engine = Fake::new(|[width, height], _, value| {
        if width == height {
            value * 0.85 - 0.2
        } else {
            value * 0.9
        }
    });
    let picture = both(&engine, &photo, &crowd(), 640);
    let worst = worst(&picture.photo, &whole(&engine, &photo, 640));
    assert!(worst <= 6, "{worst}");
}

#[test]
fn a_face_is_painted_by_itself_and_nothing_else_is() {
    let photo = photo(640, 520, |_| [128.0; 3]);
    // Stripes on faces.
    let engine = Fake::new(|[width, height], i, value| {
        let stripe = if i % width / 16 % 2 == 0 { 0.4 } else { -0.4 };
        if width == height {
            value + stripe
        } else {
            value
        }
    });
    let picture = both(
        &engine,
        &photo,
        &faces(&[face(320.0, 260.0, 80.0, 0.3)]),
        640,
    );
    let mut striped = 0;
    for (i, pixel) in picture.photo.rgba().chunks_exact(4).enumerate() {
        let (x, y) = ((i % 640) as f32 - 320.0, (i / 640) as f32 - 268.0);
        let from_center = x.hypot(y) / 80.0;
        let changed = pixel[0].abs_diff(128) > 20;
        striped += usize::from(from_center < 0.6 && changed);
        assert!(from_center < 1.35 || pixel[0] == 128, "{x} {y}: {pixel:?}");
    }
    let area = std::f32::consts::PI * (0.6f32 * 80.0).powi(2);
    assert!(striped as f32 > 0.8 * area, "{striped} of {area}");
}

#[test]
fn small_faces_are_enlarged_for_the_network_and_none_is_made_coarse() {
    let photo = photo(2200, 2100, |_| [90.0; 3]);
    let sizes_of = |width: f32, side: usize| {
        let engine = Fake::new(|_, _, value| value);
        both(
            &engine,
            &photo,
            &faces(&[face(1100.0, 900.0, width, 0.0)]),
            side,
        );
        engine.sizes.into_inner()
    };
    // A square has 2.6 times the width of its face.
    assert_eq!(sizes_of(80.0, 2200)[1], [416, 416]);
    assert_eq!(sizes_of(160.0, 1100)[1], [416, 416]);
    assert_eq!(sizes_of(48.5, 2200)[1], [384, 384]);
    assert_eq!(sizes_of(200.0, 2200)[1], [512, 512]);
    assert_eq!(sizes_of(500.0, 2200)[1], [656, 656]);
    // At least 48 pixels in the photo and 24 in the picture.
    assert_eq!(sizes_of(54.0, 1000), [[1000, 955], [384, 384]]);
    assert_eq!(sizes_of(52.0, 1000), [[1000, 955]]);
    assert_eq!(sizes_of(47.5, 2200), [[2200, 2100]]);
}

#[test]
fn what_is_no_usable_face_is_left_to_the_whole_picture() {
    let photo = photo(640, 520, color);
    let good = face(320.0, 260.0, 80.0, 0.0);
    let mut nan = good.clone();
    nan[3] = f32::NAN;
    let mut turned = good.clone();
    turned[4] += 30.0;
    let bad = [
        nan,
        turned,
        vec![200.0; 10],
        face(9000.0, 260.0, 80.0, 0.0),
        face(320.0, 260.0, 47.0, 0.0),
        vec![f32::INFINITY; 10],
        vec![-1e30; 10],
    ];
    let engine = Fake::new(|[width, height], _, value| if width == height { 1.0 } else { value });
    let picture = both(&engine, &photo, &faces(&bad), 640);
    let expected = [
        "invalid",
        "turned_away",
        "invalid",
        "invalid",
        "too_small",
        "invalid",
        "invalid",
    ];
    assert_eq!(words(&picture), expected);
    assert_eq!(picture.photo, whole(&engine, &photo, 640));

    let error = portrait(&photo, &faces(&bad), 512).unwrap_err();
    assert_eq!(error.code(), "no-face");
    for reason in [
        "of 7 given",
        "face 1: a landmark is not a number",
        "face 2: it is turned away",
        "face 3: its landmarks are all at one point",
        "face 4: it lies outside",
        "face 5: it is 47 pixels wide, at least 48",
    ] {
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn without_faces_the_whole_picture_comes_out() {
    let photo = photo(64, 52, color);
    let none = faces(&[]);
    assert_eq!(both(&copyist(), &photo, &none, 64).photo, photo);
    let error = portrait(&photo, &none, 512).unwrap_err();
    assert_eq!(error.code(), "no-face");
    assert!(error.to_string().contains("no faces were given"), "{error}");
}

#[test]
fn impossible_landmarks_are_refused_in_words() {
    for (points, values, word) in [
        (6, 12, "6 landmarks"),
        (0, 0, "0 landmarks"),
        (5, 11, "11 numbers"),
        (68, 10, "10 numbers"),
        (5, 10 * (MOST_FACES + 1), "101 faces"),
    ] {
        let error = Faces::new(points, vec![1.0; values]).unwrap_err();
        assert_eq!(error.code(), "faces-invalid");
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn thirty_faces() {
    let photo = photo(900, 760, color);
    let many: Vec<Vec<f32>> = (0..30)
        .map(|i| {
            face(
                90.0 + 140.0 * (i % 6) as f32,
                80.0 + 150.0 * (i / 6) as f32,
                60.0,
                0.2,
            )
        })
        .collect();
    let picture = both(&copyist(), &photo, &faces(&many), 900);
    assert_eq!(words(&picture), ["done"; 30]);
    assert!(worst(&picture.photo, &photo) <= 3);
}

#[test]
fn a_portrait_does_not_depend_on_how_the_photo_lies() {
    let upright = photo(600, 600, color);
    let landmarks = face(300.0, 300.0, 100.0, 0.1);
    let expected = portrait(&upright, &faces(std::slice::from_ref(&landmarks)), 512).unwrap();
    assert_eq!(expected.photo.width(), PORTRAIT_SIDE_PX);
    // Turned about the middle, enlarged, mirrored.
    for (angle, scale, mirror) in [(0.7f32, 1.0f32, 1.0f32), (3.0, 1.8, 1.0), (0.0, 1.0, -1.0)] {
        let (sin, cos) = angle.sin_cos();
        let side = (600.0 * scale) as usize;
        let middle = side as f32 / 2.0;
        let other = photo(side, side, |[x, y]| {
            let (x, y) = ((x - middle) / scale, (y - middle) / scale);
            color([
                300.0 + mirror * (x * cos + y * sin),
                300.0 - x * sin + y * cos,
            ])
        });
        let moved = landmarks.as_chunks::<2>().0.iter().flat_map(|[x, y]| {
            let (x, y) = (mirror * (x - 300.0) * scale, (y - 300.0) * scale);
            [middle + x * cos - y * sin, middle + x * sin + y * cos]
        });
        let got = portrait(&other, &faces(&[moved.collect()]), 512).unwrap();
        for (i, pixel) in got.photo.rgba().chunks_exact(4).enumerate() {
            let x = if mirror < 0.0 { 511 - i % 512 } else { i % 512 };
            let same = &expected.photo.rgba()[(i / 512 * 512 + x) * 4..][..4];
            let off = pixel.iter().zip(same).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(
                off <= Some(4),
                "{angle} {scale} {mirror} {i}: {pixel:?} {same:?}"
            );
        }
    }
}

#[test]
fn the_portrait_is_that_of_the_largest_face() {
    let photo = photo(640, 520, color);
    let picture = portrait(&photo, &crowd(), 200).unwrap();
    assert_eq!((picture.photo.width(), picture.photo.height()), (200, 200));
    let expected = ["unused", "unused", "unused", "unused", "done", "unused"];
    assert_eq!(words(&picture), expected);
}

#[test]
fn the_photo_beside_the_picture() {
    let photo = photo(640, 520, color);
    let engine = Fake::new(|_, _, value| -value);
    let beside = |mode, side| {
        let presentation = Presentation {
            side_by_side: true,
            ..Presentation::default()
        };
        let options = Options {
            presentation,
            ..options(&crowd(), mode, side)
        };
        run(&engine, &photo, &options).unwrap().photo
    };
    let pair = beside(FaceMode::Portrait, 512);
    assert_eq!((pair.width(), pair.height()), (1024, 512));
    for row in pair.rgba().chunks_exact(4096) {
        let (left, right) = row.split_at(2048);
        let negative = |(i, (a, b)): (usize, (&u8, &u8))| i % 4 == 3 || a.abs_diff(255 - b) <= 1;
        assert!(left.iter().zip(right).enumerate().all(negative));
    }
    let pair = beside(FaceMode::Both, 320);
    assert_eq!((pair.width(), pair.height()), (640, 260));
}

#[test]
fn a_mixture_of_photo_and_picture() {
    let photo = photo(640, 520, color);
    let negative = Fake::new(|_, _, value| -value);
    let mixed = |strength, side_by_side, options: Options| {
        let presentation = Presentation {
            strength,
            side_by_side,
        };
        let options = Options {
            presentation,
            ..options
        };
        run(&negative, &photo, &options).unwrap().photo
    };
    let plain = Options {
        long_side_px: 320,
        ..Options::default()
    };
    let portrait = options(&crowd(), FaceMode::Portrait, 512);
    let both = options(&crowd(), FaceMode::Both, 320);
    // Half of a photo and half of its negative are gray, wherever in it a face was painted.
    for options in [&plain, &portrait] {
        let picture = mixed(0.5, false, options.clone());
        for pixel in picture.rgba().chunks_exact(4) {
            assert!(pixel[..3].iter().all(|v| v.abs_diff(127) <= 1), "{pixel:?}");
        }
    }
    let photo_alone = mixed(0.0, false, both.clone());
    assert_eq!(photo_alone, whole(&copyist(), &photo, 320));
    // Beside the photo, the picture is the same mixture.
    for options in [plain, portrait, both] {
        let alone = mixed(0.3, false, options.clone());
        let pair = mixed(0.3, true, options.clone());
        let (photo, whole) = (mixed(0.0, false, options), alone.width() * 4);
        for (y, row) in pair.rgba().chunks_exact(2 * whole).enumerate() {
            let range = y * whole..(y + 1) * whole;
            assert_eq!(row[..whole], photo.rgba()[range.clone()]);
            assert_eq!(row[whole..], alone.rgba()[range]);
        }
    }
}

#[test]
fn soft_edges_of_a_cut_out_keep_their_colours() {
    // A dark disc that ends softly, on nothing, which is stored as white.
    let disc = |[x, y]: [f32; 2]| {
        let distance = (x - 100.0).hypot(y - 90.0);
        ((80.0 - distance) / 20.0).clamp(0.0, 1.0)
    };
    let rgba = (0..200 * 180).flat_map(|i| {
        let share = disc([i % 200, i / 200].map(|v| v as f32 + 0.5));
        let value = if share > 0.0 { 20 } else { 255 };
        [value, value, value, (255.0 * share).round() as u8]
    });
    let cut_out = Photo::new(200, 180, rgba.collect()).expect("as many bytes as pixels need");
    let faces = faces(&[face(100.0, 80.0, 70.0, 0.0)]);
    let half = Options {
        presentation: Presentation {
            strength: 0.5,
            ..Presentation::default()
        },
        ..options(&faces, FaceMode::Both, 200)
    };
    let mixed = run(&copyist(), &cut_out, &half).expect("an engine that does not fail");
    for picture in [
        whole(&copyist(), &cut_out, 200),
        both(&copyist(), &cut_out, &faces, 200).photo,
        mixed.photo,
    ] {
        for (drawn, given) in picture.pixels().iter().zip(cut_out.pixels()) {
            assert_eq!(drawn[3], given[3]);
            let seen = drawn[3] >= 64;
            assert!(
                !seen || drawn[0].abs_diff(20) <= 1,
                "{drawn:?} of {given:?}"
            );
        }
    }
}

#[test]
fn options_out_of_range_are_mistakes_of_the_caller() {
    let photo = photo(64, 52, color);
    let strength = |strength| Options {
        presentation: Presentation {
            strength,
            side_by_side: false,
        },
        ..Options::default()
    };
    let expand = |expand| {
        let mut options = options(&crowd(), FaceMode::Both, 64);
        options.faces.as_mut().expect("faces").expand = expand;
        options
    };
    let nothing = Options {
        long_side_px: 0,
        ..Options::default()
    };
    for (options, word) in [
        (nothing, "0 pixels"),
        (strength(1.5), "1.5"),
        (strength(-0.1), "-0.1"),
        (strength(f32::NAN), "NaN"),
        (expand(0.0), "0,"),
        (expand(f32::INFINITY), "inf"),
        (expand(f32::NAN), "NaN"),
    ] {
        let error = run(&copyist(), &photo, &options).unwrap_err();
        assert_eq!(error.code(), "argument-invalid");
        assert!(error.to_string().contains(word), "{error}");
    }
}

/// Remembers the shares, and cancels at one of them.
struct Recorder {
    shares: Vec<f32>,
    cancel_at: usize,
}

impl Progress for Recorder {
    async fn report(&mut self, share: f32) -> Result<()> {
        self.shares.push(share);
        if self.shares.len() > self.cancel_at {
            return Err(Error::Cancelled);
        }
        Ok(())
    }
}

#[test]
fn progress_rises_to_one_and_every_report_can_cancel() {
    let photo = photo(640, 520, color);
    let run = |cancel_at| {
        let mut recorder = Recorder {
            shares: Vec::new(),
            cancel_at,
        };
        let options = options(&crowd(), FaceMode::Both, 640);
        let engine = copyist();
        let look = Look::of_places(&engine);
        let picture = stylize(&look, photo.clone(), &options, &mut recorder);
        (block_on(picture), recorder.shares)
    };
    let (finished, shares) = run(usize::MAX);
    assert!(finished.is_ok() && shares.is_sorted(), "{shares:?}");
    assert!(shares[0] > 0.0 && shares.last() == Some(&1.0), "{shares:?}");
    // The whole picture, then each of six faces.
    assert!(shares.len() >= 13, "{shares:?}");
    for cancel_at in 0..shares.len() {
        let (cancelled, reports) = run(cancel_at);
        assert!(matches!(cancelled, Err(Error::Cancelled)));
        assert_eq!(reports.len(), cancel_at + 1);
    }
}
