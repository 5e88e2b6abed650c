//! `nijigen distill`: a generator of any configuration learns to draw as the one of a style file
//! does (knowledge distillation: Hinton, Vinyals and Dean, 2015, arXiv:1503.02531).

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use nijigen::model::GeneratorConfig;

use crate::config::{Architecture, GeneratorChoice, StageConfig, Target, TrainConfig};
use crate::style_file::open_style;
use crate::train::{Place, start};

/// Options of `nijigen distill`.
#[derive(Args)]
pub struct DistillArguments {
    /// Style file whose pictures are learned.
    #[arg(long, value_name = "FILE")]
    teacher: PathBuf,
    /// The network that learns: compact, animegan2, tiny or deep; a style file, whose weights it starts
    /// from (such as one that `nijigen prune` wrote); or a TOML file with a network's layers.
    #[arg(long, value_name = "NAME|FILE")]
    student: String,
    /// Preset or TOML file; its stages with the target `teacher` get the teacher given here.
    #[arg(long, default_value = "distill", value_name = "NAME|FILE")]
    config: String,
    /// Steps of all stages together, which are shortened or lengthened in proportion.
    #[arg(long)]
    steps: Option<usize>,
    /// Folder made by `nijigen prepare`.
    #[arg(long, value_name = "DIR")]
    prepared: PathBuf,
    /// Folder that the run's folder is made in.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: PathBuf,
    /// Device: flex, tch, cuda, vulkan or wgpu.
    #[arg(long)]
    device: Option<String>,
}

/// Trains.
///
/// # Errors
/// For a student or teacher that cannot be used, and those of `nijigen train`.
pub fn run(arguments: &DistillArguments) -> Result<()> {
    let mut config = TrainConfig::open(&arguments.config)?;
    set_teacher(&mut config.stages, &arguments.teacher)
        .with_context(|| format!("in {}", arguments.config))?;
    if let Some(steps) = arguments.steps {
        set_steps(&mut config.stages, steps)?;
    }
    config.generator = GeneratorChoice {
        colour_path: config.generator.colour_path,
        ..student(&arguments.student)?
    };
    config.validate()?;
    let place = Place {
        prepared: &arguments.prepared,
        runs: &arguments.runs,
        device: arguments.device.as_deref(),
        devices: 1,
    };
    start(&config, &arguments.config, &place)
}

/// The network that `student` names, describes or holds.
fn student(student: &str) -> Result<GeneratorChoice> {
    if let Ok(architecture) = Architecture::from_str(student, false) {
        return Ok(GeneratorChoice {
            architecture,
            ..Default::default()
        });
    }
    let path = Path::new(student);
    if path.extension().is_some_and(|e| e == "safetensors") {
        let style = open_style(path)?;
        return Ok(GeneratorChoice {
            network: Some(style.generator().clone()),
            init: Some(path.to_owned()),
            ..Default::default()
        });
    }
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "cannot read the student {student}, which is none of compact, animegan2, tiny and deep either"
        )
    })?;
    let network: GeneratorConfig =
        toml::from_str(&text).with_context(|| format!("in {student}"))?;
    network
        .validate()
        .with_context(|| format!("in {student}"))?;
    Ok(GeneratorChoice {
        network: Some(network),
        ..Default::default()
    })
}

fn set_teacher(stages: &mut [StageConfig], teacher: &Path) -> Result<()> {
    let mut learning = 0;
    for stage in stages {
        if stage.target == Target::Teacher {
            stage.teacher = Some(teacher.to_owned());
            learning += 1;
        }
    }
    if learning == 0 {
        bail!("no stage has target = \"teacher\"");
    }
    Ok(())
}

/// Scales the stages to `steps` together, each at least one.
fn set_steps(stages: &mut [StageConfig], steps: usize) -> Result<()> {
    let count = stages.len();
    ensure!(
        steps >= count,
        "--steps is {steps}, expected at least one for each of {count} stages"
    );
    let total: usize = stages.iter().map(|stage| stage.steps).sum();
    let mut left = steps;
    for (i, stage) in stages.iter_mut().enumerate() {
        let later = count - 1 - i;
        let share = (stage.steps * steps / total).clamp(1, left - later);
        stage.steps = if later == 0 { left } else { share };
        left -= stage.steps;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(steps: &[usize]) -> Vec<StageConfig> {
        let stage = |&steps: &usize| StageConfig {
            steps,
            ..Default::default()
        };
        steps.iter().map(stage).collect()
    }

    #[test]
    fn steps_are_shared_in_proportion() {
        for (of, to, expected) in [
            (vec![300, 100], 40, vec![30, 10]),
            (vec![1000, 1, 1], 3, vec![1, 1, 1]),
            (vec![1, 1], 9, vec![4, 5]),
        ] {
            let mut stages = stages(&of);
            set_steps(&mut stages, to).expect("there are enough");
            let got: Vec<usize> = stages.iter().map(|stage| stage.steps).collect();
            assert_eq!(got, expected, "{of:?}");
        }
        let error = set_steps(&mut stages(&[5, 5]), 1).expect_err("too few");
        assert!(error.to_string().contains("--steps is 1"), "{error}");
    }

    #[test]
    fn a_configuration_without_a_teachers_stage_is_refused() {
        let error = set_teacher(&mut stages(&[5]), Path::new("t.safetensors"));
        assert!(error.expect_err("refused").to_string().contains("teacher"));
    }

    #[test]
    fn students_are_named_or_described() {
        let tiny = student("tiny").expect("a name");
        assert_eq!(tiny.config(), GeneratorConfig::tiny());
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("network.toml");
        let text = toml::to_string(&GeneratorConfig::compact()).expect("TOML");
        std::fs::write(&file, &text).expect("written");
        let path = file.to_str().expect("UTF-8");
        let described = student(path).expect("a description");
        assert_eq!(described.config(), GeneratorConfig::compact());
        assert_eq!(described.name(), "compact");
        std::fs::write(&file, text.replacen("channels = 24", "channels = 0", 1)).expect("written");
        let error = format!("{:#}", student(path).expect_err("no channels"));
        assert!(error.contains("encoder.0 has 0 channels"), "{error}");
        let error = format!("{:#}", student("tyni").expect_err("misspelt"));
        assert!(
            error.contains("tyni") && error.contains("compact"),
            "{error}"
        );
    }
}
