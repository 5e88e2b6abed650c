//! `nijigen prune`: takes the channels out of a generator that its pictures need least.

mod importance;
mod plan;
mod wiring;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use image::RgbImage;
use indicatif::ProgressIterator;
use nijigen::style::{Dtype, Status, Style, StyleHeader};

use self::importance::{Measure, importance};
use self::plan::{Budget, cost, plan};
use self::wiring::Wiring;
use crate::data::prepared::{Kind, Prepared, Split};
use crate::data::spread::spread;
use crate::picture::{bounded, open_rgb};
use crate::style_file::{as_stored, open_style};
use crate::write_file::write_file;

/// Longer side in pixels of the photos that importance is measured on.
const LONG_SIDE_PX: u32 = 256;

/// Arguments of `nijigen prune`.
#[derive(Args)]
pub struct PruneArguments {
    /// The style file to prune.
    style: PathBuf,
    /// The style file to write, as f16; an existing one is replaced.
    out: PathBuf,
    /// Short name of the new style: lower-case letters, digits and hyphens.
    #[arg(long)]
    name: String,
    /// Folder made by `nijigen prepare`, whose training photos are used.
    #[arg(long, value_name = "DIR")]
    prepared: PathBuf,
    /// Use at most this many photos, spread over all.
    #[arg(long, default_value_t = 48)]
    photos: usize,
    /// Take out at least this share of the parameters, in percent.
    #[arg(long, value_name = "PERCENT")]
    fewer_parameters: Option<f64>,
    /// Take out at least this share of the multiplications, in percent.
    #[arg(long, value_name = "PERCENT")]
    fewer_macs: Option<f64>,
    /// What tells which channels matter.
    #[arg(long, value_enum, default_value_t = Measure::Gradient)]
    measure: Measure,
    /// Device: flex, tch, cuda, vulkan or wgpu.
    #[arg(long, default_value = "flex")]
    device: String,
}

/// Prunes and prints what is left. The result needs `nijigen distill --student` afterwards: what
/// remains has to take over what went.
///
/// # Errors
/// If a file cannot be read, there are no photos, or the target leaves too little of the network.
pub fn run(arguments: &PruneArguments) -> Result<()> {
    let budget = budget(arguments.fewer_parameters, arguments.fewer_macs)?;
    let style = open_style(&arguments.style)?;
    let prepared = Prepared::open(&arguments.prepared)?;
    let photos = photos(&prepared, arguments.photos)?;
    let config = style.generator();
    let wiring = Wiring::new(config);
    let device = crate::device::device(&arguments.device)?;
    let module_device = match arguments.measure {
        Measure::Gradient => device.clone().autodiff(),
        Measure::Activation => device.clone(),
    };
    let generator = config.init_with(style.weights(), &module_device)?;
    let scores = importance(arguments.measure, &generator, &wiring, &photos, &device)?;
    let kept = plan(config, &wiring, &scores, budget)?;
    let widths: Vec<usize> = kept.iter().map(Vec::len).collect();
    let small = wiring.resized(config, &widths);
    let header = StyleHeader {
        name: arguments.name.clone(),
        architecture: "custom".into(),
        generator: small,
        dtype: Dtype::F16,
        status: Status::Interim,
        provenance: format!(
            "Pruned from {}: {}",
            style.header().name,
            style.header().provenance
        ),
        activation_ranges: Default::default(),
        metrics: Default::default(),
        known_answer: None,
        ..style.header().clone()
    };
    let pruned = Style::new(header, wiring.sliced(style.weights(), &kept)?)?;
    let pruned = as_stored(&pruned)?;
    write_file(&arguments.out, &pruned.to_bytes()?)?;
    let (before, after) = (cost(config), cost(pruned.generator()));
    println!(
        "{}: {} of {} parameters ({:.1} % fewer), {:.1} of {:.1} kMAC a pixel ({:.1} % fewer)",
        arguments.out.display(),
        after[0],
        before[0],
        100.0 * (1.0 - after[0] / before[0]),
        after[1] / 1e3,
        before[1] / 1e3,
        100.0 * (1.0 - after[1] / before[1]),
    );
    for (path, &group) in &wiring.layers {
        println!("{path}: {} of {}", widths[group], wiring.widths[group]);
    }
    Ok(())
}

/// What may be left, given the percentages that shall go.
fn budget(fewer_parameters: Option<f64>, fewer_macs: Option<f64>) -> Result<Budget> {
    if fewer_parameters.is_none() && fewer_macs.is_none() {
        bail!("nothing is to be taken out: give --fewer-parameters or --fewer-macs");
    }
    let left = |name: &str, percent: Option<f64>| -> Result<f64> {
        let percent = percent.unwrap_or(0.0);
        if !(0.0..100.0).contains(&percent) {
            bail!("--{name} is {percent} %, expected 0 or more, below 100");
        }
        Ok(1.0 - percent / 100.0)
    };
    Ok(Budget {
        parameters: left("fewer-parameters", fewer_parameters)?,
        macs: left("fewer-macs", fewer_macs)?,
    })
}

/// At most `limit` of the training photos, spread over all.
fn photos(prepared: &Prepared, limit: usize) -> Result<Vec<RgbImage>> {
    let all: Vec<_> = prepared.entries(Kind::Photo, Split::Train).collect();
    spread(all, limit)
        .into_iter()
        .progress()
        .map(|entry| {
            let photo = open_rgb(&prepared.path(&entry.file)).context("in the prepared set")?;
            Ok(bounded(photo, LONG_SIDE_PX))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_that_leave_nothing_are_refused() {
        let error = |parameters, macs| {
            budget(parameters, macs)
                .expect_err("it must be refused")
                .to_string()
        };
        assert!(error(Some(100.0), None).contains("--fewer-parameters is 100 %"));
        assert!(error(None, Some(f64::NAN)).contains("--fewer-macs is NaN %"));
        assert!(error(None, None).contains("give --fewer-parameters"));
        let left = budget(Some(40.0), None).expect("in range");
        assert_eq!((left.parameters, left.macs), (0.6, 1.0));
    }
}
