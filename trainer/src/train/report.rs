//! The report of a run: one HTML file with loss curves and sample grids, nothing loaded from
//! elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::config::TrainConfig;
use crate::folder::visible_paths;
use crate::run_dir::RunDir;
use crate::write_file::write_file;

/// Size of a chart in pixels.
const CHART: [f64; 2] = [460.0, 160.0];
/// Points of a curve; longer logs are averaged.
const POINTS: usize = 300;
/// Sample grids in the report: the first and the latest.
const GRIDS: usize = 4;

/// Writes the report anew from the log and the grids. While a run lasts, the page reloads itself.
///
/// # Errors
/// If something cannot be read or written.
pub fn write_report(run: &RunDir, config: &TrainConfig, running: bool) -> Result<()> {
    let lines = run.read_metrics()?;
    let last = lines
        .last()
        .and_then(|line| line.get("step"))
        .and_then(Value::as_u64)
        .unwrap_or(0);
    let title = run.root().file_name().unwrap_or_default().to_string_lossy();
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>{refresh}\
         <style>{STYLE}</style><h1>{title}</h1><p>Step {last} of {total}.</p><div class=\"charts\">",
        title = escape(&title),
        refresh = if running {
            "<meta http-equiv=\"refresh\" content=\"60\">"
        } else {
            ""
        },
        total = config.total_steps(),
    );
    for (name, curve) in curves(&lines) {
        html.push_str(&chart(&name, &curve)?);
    }
    html.push_str("</div>");
    for path in shown_grids(run)? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        write!(
            html,
            "<h2>{}</h2><img alt=\"photo, output, target\" src=\"data:image/jpeg;base64,{}\">",
            escape(&name),
            STANDARD.encode(bytes)
        )?;
    }
    write!(
        html,
        "<h2>Configuration</h2><pre>{}</pre></html>",
        escape(&config.resolved()?)
    )?;
    write_file(&run.report(), html.as_bytes())
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1000px;\
padding:0 1rem}.charts{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0}img{max-width:100%}\
svg{background:#f6f6f8;border-radius:6px}figcaption{font-weight:600}pre{overflow:auto}\
@media(prefers-color-scheme:dark){body{background:#18181b;color:#e4e4e7}svg{background:#27272a}}";

/// Values by name, as (step, value) points.
fn curves(lines: &[Map<String, Value>]) -> BTreeMap<String, Vec<(f64, f64)>> {
    let mut curves: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for line in lines {
        let Some(step) = line.get("step").and_then(Value::as_f64) else {
            continue;
        };
        for (name, value) in line {
            if let (true, Some(value)) = (name != "step", value.as_f64()) {
                curves.entry(name.clone()).or_default().push((step, value));
            }
        }
    }
    curves
}

/// A curve as a figure. Outliers of the first steps may leave the chart: it ends at the 99th
/// percentile.
fn chart(name: &str, curve: &[(f64, f64)]) -> Result<String> {
    let size = curve.len().div_ceil(POINTS).max(1);
    let points: Vec<(f64, f64)> = curve
        .chunks(size)
        .map(|chunk| {
            let mean = |pick: fn(&(f64, f64)) -> f64| {
                chunk.iter().map(pick).sum::<f64>() / chunk.len() as f64
            };
            (mean(|p| p.0), mean(|p| p.1))
        })
        .collect();
    let mut sorted: Vec<f64> = points.iter().map(|p| p.1).collect();
    sorted.sort_by(f64::total_cmp);
    let high = sorted[(sorted.len() - 1) * 99 / 100].max(sorted[0] + 1e-12);
    let low = sorted[0].min(0.0);
    let (first, last) = (points[0].0, points[points.len() - 1].0);
    let [width, height] = CHART;
    let mut path = String::new();
    for (step, value) in &points {
        let x = (step - first) / (last - first).max(1.0) * width;
        let y = height * (1.0 - ((value - low) / (high - low)).clamp(0.0, 1.0));
        write!(path, "{x:.1},{y:.1} ")?;
    }
    Ok(format!(
        "<figure><figcaption>{} <small>now {:.4}, {low:.3} to {high:.3}</small></figcaption>\
         <svg width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{}\">\
         <polyline points=\"{path}\" fill=\"none\" stroke=\"#7c3aed\" stroke-width=\"1.5\"/></svg></figure>",
        escape(name),
        points[points.len() - 1].1,
        escape(name),
    ))
}

/// The first sample grid and the latest ones.
fn shown_grids(run: &RunDir) -> Result<Vec<PathBuf>> {
    let mut all = visible_paths(&run.samples())?;
    all.reverse();
    if all.len() > GRIDS {
        let first = all.pop();
        all.truncate(GRIDS - 1);
        all.extend(first);
    }
    Ok(all)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_drawn_from_the_log_and_text_is_escaped() -> Result<()> {
        let line = |step: usize, loss: f64| {
            Map::from_iter([
                ("step".to_owned(), step.into()),
                ("style".to_owned(), loss.into()),
            ])
        };
        let lines: Vec<_> = (0..1000).map(|i| line(i, 1000.0 - i as f64)).collect();
        let curves = curves(&lines);
        assert_eq!(curves.keys().collect::<Vec<_>>(), ["style"]);
        let html = chart("a<b", &curves["style"])?;
        assert!(html.contains("a&lt;b") && !html.contains("NaN"));
        // Averaged to at most 300 points, from the top left to the bottom right.
        let points = html
            .split("points=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let points: Vec<&str> = points.unwrap_or_default().split_whitespace().collect();
        assert!((200..=300).contains(&points.len()), "{}", points.len());
        assert!(points[0].starts_with("0.0,"));
        assert!(points[points.len() - 1].starts_with("460.0,"));
        Ok(())
    }

    #[test]
    fn one_point_and_equal_values_are_drawn() -> Result<()> {
        assert!(!chart("x", &[(1.0, 0.0)])?.contains("NaN"));
        assert!(!chart("x", &[(1.0, 2.0), (2.0, 2.0)])?.contains("NaN"));
        Ok(())
    }
}
