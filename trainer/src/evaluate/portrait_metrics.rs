//! Figures of faces as a portrait style draws them.

use std::collections::BTreeMap;

use nijigen::drawing::typology::CLASSES;

use super::drawn_eyes::DrawnEye;
use super::drawn_skin::DrawnSkin;

/// Names of the figures of skin by class, in the order of [`CLASSES`].
pub const SKIN_CLASSES: [&str; CLASSES.len()] = [
    "skin_dark",
    "skin_brown",
    "skin_tan",
    "skin_intermediate",
    "skin_light",
    "skin_very_light",
];

/// What is measured of one drawn face.
#[derive(Clone, Copy, Debug)]
pub struct DrawnFace {
    /// The left and the right eye, where they are open and seen.
    pub eyes: [Option<DrawnEye>; 2],
    /// The skin, where there is some.
    pub skin: Option<DrawnSkin>,
    /// Class of the skin in the photo, an index of [`CLASSES`].
    pub skin_class: usize,
    /// How far its landmarks are from where they should be, in percent of its width; none if it was not
    /// found.
    pub displacement: Option<f64>,
}

/// Figures over a set of faces, by the names of the [table](super::table)'s columns. What no face has is
/// left out.
pub fn portrait_metrics(faces: &[DrawnFace]) -> BTreeMap<String, f64> {
    let share = |eye: fn(&DrawnEye) -> bool| {
        let eyes = faces.iter().flat_map(|face| face.eyes).flatten();
        mean(eyes.map(|found| f64::from(u8::from(eye(&found)))))
    };
    let symmetry = faces.iter().filter_map(|face| {
        let [left, right] = face.eyes.map(|eye| eye.and_then(|eye| eye.iris_width));
        let (left, right) = (left?, right?);
        Some(f64::from(left.min(right) / left.max(right)))
    });
    let skin = || faces.iter().filter_map(|face| face.skin);
    let difference = mean(skin().map(|skin| skin.difference));
    let of_class = |class: usize| {
        let faces = faces.iter().filter(|face| face.skin_class == class);
        mean(faces.filter_map(|face| Some(face.skin?.difference)))
    };
    let classes: Vec<Option<f64>> = (0..CLASSES.len()).map(of_class).collect();
    let worst = classes.iter().flatten().copied().fold(0.0, f64::max);
    let lost = |face: &DrawnFace| f64::from(u8::from(face.displacement.is_none()));
    let metrics = [
        ("irises", share(|eye| eye.iris_width.is_some())),
        ("highlights", share(|eye| eye.highlight)),
        ("iris_symmetry", mean(symmetry)),
        ("skin_flat", mean(skin().map(|skin| skin.flat))),
        ("skin_difference", difference),
        (
            "skin_worst_class",
            difference
                .filter(|mean| *mean > 0.0)
                .map(|mean| worst / mean),
        ),
        (
            "mesh_displacement",
            mean(faces.iter().filter_map(|face| face.displacement)),
        ),
        ("face_failures", mean(faces.iter().map(lost))),
    ];
    let classes = SKIN_CLASSES.into_iter().zip(classes);
    let all = metrics.into_iter().chain(classes);
    all.filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

/// None of no values.
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), v| (sum + v, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eye(iris_width: f32, highlight: bool) -> Option<DrawnEye> {
        Some(DrawnEye {
            iris_width: Some(iris_width),
            highlight,
        })
    }

    fn face(skin_class: usize, difference: f64) -> DrawnFace {
        DrawnFace {
            eyes: [eye(0.4, true), eye(0.4, true)],
            skin: Some(DrawnSkin {
                flat: 0.9,
                difference,
            }),
            skin_class,
            displacement: Some(1.0),
        }
    }

    #[track_caller]
    fn has(metrics: &BTreeMap<String, f64>, name: &str, expected: f64) {
        let value = metrics[name];
        assert!((value - expected).abs() < 1e-6, "{name} is {value}");
    }

    #[test]
    fn each_fault_shows_in_its_own_figure() {
        let none = DrawnEye {
            iris_width: None,
            highlight: false,
        };
        let metrics = portrait_metrics(&[
            face(4, 2.0),
            // An eye without anything, one without highlight.
            DrawnFace {
                eyes: [Some(none), eye(0.4, false)],
                ..face(4, 2.0)
            },
            // One eye is half as large; not found.
            DrawnFace {
                eyes: [eye(0.4, true), eye(0.2, true)],
                displacement: None,
                ..face(4, 2.0)
            },
            // A wink, and an eye that is not seen; far off.
            DrawnFace {
                eyes: [eye(0.4, true), None],
                displacement: Some(7.0),
                ..face(0, 6.0)
            },
        ]);
        has(&metrics, "irises", 6.0 / 7.0);
        has(&metrics, "highlights", 5.0 / 7.0);
        has(&metrics, "iris_symmetry", 0.75);
        has(&metrics, "skin_flat", 0.9);
        has(&metrics, "mesh_displacement", 3.0);
        has(&metrics, "face_failures", 0.25);
        has(&metrics, "skin_difference", 3.0);
        has(&metrics, "skin_light", 2.0);
        has(&metrics, "skin_dark", 6.0);
        has(&metrics, "skin_worst_class", 2.0);
        assert!(!metrics.contains_key("skin_tan"));
    }

    #[test]
    fn targets_and_empty_sets_have_no_worst_class() {
        let metrics = portrait_metrics(&[face(4, 0.0)]);
        has(&metrics, "skin_difference", 0.0);
        assert!(!metrics.contains_key("skin_worst_class"));
        assert!(portrait_metrics(&[]).is_empty());
    }

    #[test]
    fn classes_are_in_the_order_of_their_names() {
        for (name, class) in SKIN_CLASSES.into_iter().zip(CLASSES) {
            assert_eq!(name, format!("skin_{class}"));
        }
    }
}
