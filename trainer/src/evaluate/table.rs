//! Metrics of several networks side by side, as a Markdown table and as JSON.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// The metrics with a place of their own, in the order of the table's columns, and how many
/// decimals each is given.
const COLUMNS: [(&str, usize); 28] = [
    ("flat", 3),
    ("hf", 2),
    ("content_change", 3),
    ("edge_recall", 3),
    ("ink", 2),
    ("saturation", 2),
    ("luma_shift", 1),
    ("blotch", 1),
    ("checkerboard", 3),
    ("black", 3),
    ("landmark_displacement", 2),
    ("irises", 3),
    ("highlights", 3),
    ("iris_symmetry", 3),
    ("skin_flat", 3),
    ("mesh_displacement", 2),
    ("face_failures", 3),
    ("skin_difference", 2),
    ("skin_worst_class", 2),
    ("skin_dark", 2),
    ("skin_brown", 2),
    ("skin_tan", 2),
    ("skin_intermediate", 2),
    ("skin_light", 2),
    ("skin_very_light", 2),
    ("kid", 1),
    ("kid_photos", 1),
    ("gram_distance", 4),
];

/// Decimals of metrics that are not in [`COLUMNS`].
const OTHER_DECIMALS: usize = 3;

/// What stands for a metric that a row lacks.
const MISSING: &str = "–";

/// One line of the table: what was measured, and its metrics by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Name of the network, style or set of pictures.
    pub name: String,
    /// Metrics by name.
    pub metrics: BTreeMap<String, f64>,
}

/// The rows as a Markdown table that is aligned as plain text too. Columns have a fixed order;
/// metrics without a place in it follow by name, those that no row has are left out.
pub fn markdown(rows: &[Row]) -> String {
    let present: BTreeSet<&str> = rows
        .iter()
        .flat_map(|row| row.metrics.keys().map(String::as_str))
        .collect();
    let known = COLUMNS
        .into_iter()
        .filter(|(name, _)| present.contains(name));
    let other = present
        .iter()
        .filter(|name| COLUMNS.iter().all(|(known, _)| known != *name))
        .map(|name| (*name, OTHER_DECIMALS));
    let columns: Vec<(&str, usize)> = known.chain(other).collect();

    let mut cells = vec![vec![String::new()]];
    cells[0].extend(columns.iter().map(|(name, _)| one_cell(name)));
    for row in rows {
        let mut line = vec![one_cell(&row.name)];
        line.extend(columns.iter().map(|(name, decimals)| {
            row.metrics
                .get(*name)
                .map_or(MISSING.into(), |value| format!("{value:.decimals$}"))
        }));
        cells.push(line);
    }
    let widths: Vec<usize> = (0..=columns.len())
        .map(|column| {
            cells
                .iter()
                .map(|line| line[column].chars().count())
                .max()
                .unwrap_or(0)
                .max(2)
        })
        .collect();

    let mut text = String::new();
    for (i, line) in cells.iter().enumerate() {
        for (column, (cell, &width)) in line.iter().zip(&widths).enumerate() {
            text += &if column == 0 {
                format!("| {cell:<width$} |")
            } else {
                format!(" {cell:>width$} |")
            };
        }
        text.push('\n');
        if i == 0 {
            text += &format!("| {} |", "-".repeat(widths[0]));
            text.extend(
                widths[1..]
                    .iter()
                    .map(|width| format!(" {}: |", "-".repeat(width - 1))),
            );
            text.push('\n');
        }
    }
    text
}

/// The rows as JSON: an array of objects with `name` and `metrics`, metrics sorted by name.
///
/// # Errors
/// If a metric is not finite, which JSON cannot hold.
pub fn json(rows: &[Row]) -> Result<String> {
    for row in rows {
        for (metric, value) in &row.metrics {
            ensure!(
                value.is_finite(),
                "{metric} of {:?} is {value}; expected a finite number",
                row.name
            );
        }
    }
    let mut text = serde_json::to_string_pretty(rows)?;
    text.push('\n');
    Ok(text)
}

/// `text` so that it stays within one cell of a Markdown table.
fn one_cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::drawn_eyes::DrawnEye;
    use crate::evaluate::drawn_skin::DrawnSkin;
    use crate::evaluate::face_metrics::FaceMetrics;
    use crate::evaluate::picture_metrics::PictureMetrics;
    use crate::evaluate::portrait_metrics::{DrawnFace, SKIN_CLASSES, portrait_metrics};

    fn row(name: &str, metrics: &[(&str, f64)]) -> Row {
        let metrics = metrics.iter().map(|(name, value)| ((*name).into(), *value));
        Row {
            name: name.into(),
            metrics: metrics.collect(),
        }
    }

    #[test]
    fn columns_are_in_order_and_aligned() {
        let rows = [
            row(
                "photos",
                &[("zebra", 1.0), ("luma_shift", 0.0), ("flat", 0.31749)],
            ),
            row(
                "a|é",
                &[("hf", 12.5), ("luma_shift", -16.04), ("flat", 0.6)],
            ),
        ];
        let expected = "\
|        |  flat |    hf | luma_shift | zebra |
| ------ | ----: | ----: | ---------: | ----: |
| photos | 0.317 |     – |        0.0 | 1.000 |
| a\\|é   | 0.600 | 12.50 |      -16.0 |     – |
";
        assert_eq!(markdown(&rows), expected);
    }

    #[test]
    fn every_metric_has_a_column() -> Result<()> {
        let pixel = image::RgbImage::new(1, 1);
        let faces = FaceMetrics {
            faces: 1,
            displacement: Some(0.0),
            failure_rate: Some(0.0),
        };
        let eye = DrawnEye {
            iris_width: Some(0.4),
            highlight: true,
        };
        let drawn = portrait_metrics(&[DrawnFace {
            eyes: [Some(eye); 2],
            skin: Some(DrawnSkin {
                flat: 1.0,
                difference: 1.0,
            }),
            skin_class: 0,
            displacement: Some(0.0),
        }]);
        let names = PictureMetrics::measure(&pixel, &pixel)?.named();
        let names = names.into_iter().chain(faces.named()).map(|(name, _)| name);
        let names = names.chain(drawn.keys().map(String::as_str));
        for name in names.chain(SKIN_CLASSES) {
            assert!(COLUMNS.iter().any(|(known, _)| *known == name), "{name}");
        }
        Ok(())
    }

    #[test]
    fn json_comes_back() -> Result<()> {
        let rows = vec![
            row("compact", &[("flat", 0.389), ("kid", 22.3)]),
            row("empty", &[]),
        ];
        let text = json(&rows)?;
        assert_eq!(serde_json::from_str::<Vec<Row>>(&text)?, rows);
        let error = json(&[row("bad", &[("hf", f64::NAN)])]).expect_err("NaN is no JSON");
        assert!(
            error.to_string().contains("hf of \"bad\" is NaN"),
            "{error}"
        );
        Ok(())
    }
}
