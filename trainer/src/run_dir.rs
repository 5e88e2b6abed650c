//! The folder of one training run.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::config::TrainConfig;
use crate::write_file::write_file;

/// A run's folder: `<date>_<config>_<commit>`.
///
/// - `config.toml`: the whole configuration, what differs from the defaults marked
/// - `environment.json`: what it ran on and from
/// - `metrics.jsonl`: the losses, a line every few steps
/// - `samples/`: grids of photos, outputs and targets
/// - `checkpoints/`: everything needed to go on
/// - `report.html`: curves and grids
pub struct RunDir {
    root: PathBuf,
}

/// What a run runs on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Environment {
    /// Name or path of the configuration.
    pub config: String,
    /// The prepared set.
    pub prepared: PathBuf,
    /// SHA-256 of its manifest.
    pub prepared_sha256: String,
    /// The device.
    pub device: String,
    /// The command line.
    pub command: Vec<String>,
    /// Version of the trainer.
    pub version: String,
    /// Commit of the working folder, if it is a git repository.
    pub commit: Option<String>,
    /// Start, local time with offset.
    pub started: String,
    /// Processors the system reports.
    pub processors: usize,
}

/// The commit of the working folder, short.
pub fn git_commit() -> Option<String> {
    let output = Command::new("git")
        .args(["rev-parse", "--short", "HEAD"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let commit = text.trim();
    (output.status.success() && !commit.is_empty()).then(|| commit.to_owned())
}

impl RunDir {
    /// Makes the folder of a new run in `runs`.
    ///
    /// # Errors
    /// If it exists already or cannot be written.
    pub fn create(runs: &Path, config: &TrainConfig, environment: &Environment) -> Result<Self> {
        let name = Path::new(&environment.config)
            .file_stem()
            .map_or_else(|| "run".into(), |stem| stem.to_string_lossy());
        let date: String = environment
            .started
            .chars()
            .take(19)
            .filter(|c| *c != ':')
            .collect();
        let commit = environment.commit.as_deref().unwrap_or("nogit");
        let root = runs.join(format!("{date}_{name}_{commit}"));
        if root.exists() {
            bail!("the run {} exists already", root.display());
        }
        let run = Self { root };
        for folder in [run.samples(), run.checkpoints()] {
            fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        write_file(&run.root.join("config.toml"), config.resolved()?.as_bytes())?;
        write_file(
            &run.root.join("environment.json"),
            &serde_json::to_vec_pretty(environment)?,
        )?;
        Ok(run)
    }

    /// An existing run, its configuration and environment.
    ///
    /// # Errors
    /// If it is not a run's folder.
    pub fn open(root: &Path) -> Result<(Self, TrainConfig, Environment)> {
        let read = |name: &str| {
            fs::read_to_string(root.join(name)).with_context(|| {
                format!(
                    "{} is not a training run: cannot read its {name}",
                    root.display()
                )
            })
        };
        let config = TrainConfig::parse(&read("config.toml")?)
            .with_context(|| format!("in {}", root.join("config.toml").display()))?;
        let environment = serde_json::from_str(&read("environment.json")?)
            .with_context(|| format!("in {}", root.join("environment.json").display()))?;
        let run = Self {
            root: root.to_owned(),
        };
        Ok((run, config, environment))
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Folder of the sample grids.
    pub fn samples(&self) -> PathBuf {
        self.root.join("samples")
    }

    /// Folder of the checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.root.join("checkpoints")
    }

    /// The report.
    pub fn report(&self) -> PathBuf {
        self.root.join("report.html")
    }

    fn metrics(&self) -> PathBuf {
        self.root.join("metrics.jsonl")
    }

    /// Opens the log for appending, without the lines of steps after `step`, which a resumed run
    /// will write again.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub fn log_from(&self, step: usize) -> Result<MetricsLog> {
        let path = self.metrics();
        let kept: String = self
            .read_metrics()?
            .iter()
            .filter(|line| {
                let at = line.get("step").and_then(Value::as_u64);
                at.is_some_and(|at| at <= step as u64)
            })
            .map(|line| format!("{}\n", Value::Object(line.clone())))
            .collect();
        write_file(&path, kept.as_bytes())?;
        let file = OpenOptions::new()
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(MetricsLog { file, path })
    }

    /// The lines of the log so far. A line that was cut off is left out.
    ///
    /// # Errors
    /// If it exists but cannot be read.
    pub fn read_metrics(&self) -> Result<Vec<Map<String, Value>>> {
        let path = self.metrics();
        if !path.exists() {
            return Ok(Vec::new());
        }
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }
}

/// The open `metrics.jsonl`.
pub struct MetricsLog {
    file: File,
    path: PathBuf,
}

impl MetricsLog {
    /// Appends a line.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&mut self, line: &Map<String, Value>) -> Result<()> {
        let text = format!("{}\n", serde_json::to_string(line)?);
        self.file
            .write_all(text.as_bytes())
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment {
            config: "some/where/mine.toml".into(),
            prepared: "prepared".into(),
            prepared_sha256: "00".into(),
            device: "flex".into(),
            command: vec!["nijigen".into()],
            version: "0".into(),
            commit: Some("abc1234".into()),
            started: "2026-01-02T03:04:05+00:00".into(),
            processors: 1,
        }
    }

    #[test]
    fn is_made_once_and_found_again() -> Result<()> {
        let runs = tempfile::tempdir()?;
        let config = TrainConfig::open("smoke")?;
        let run = RunDir::create(runs.path(), &config, &environment())?;
        assert!(run.root().ends_with("2026-01-02T030405_mine_abc1234"));
        let error = RunDir::create(runs.path(), &config, &environment())
            .err()
            .map(|error| error.to_string());
        assert!(error.is_some_and(|text| text.contains("exists already")));
        let (_, read, _) = RunDir::open(run.root())?;
        assert_eq!(read, config);
        assert!(RunDir::open(runs.path()).is_err());
        Ok(())
    }

    #[test]
    fn a_resumed_log_forgets_what_comes_again() -> Result<()> {
        let runs = tempfile::tempdir()?;
        let run = RunDir::create(runs.path(), &TrainConfig::open("smoke")?, &environment())?;
        let line = |step: usize| Map::from_iter([("step".to_owned(), step.into())]);
        let mut log = run.log_from(0)?;
        for step in 1..=5 {
            log.write(&line(step))?;
        }
        let mut log = run.log_from(3)?;
        log.write(&line(4))?;
        let steps: Vec<_> = run
            .read_metrics()?
            .iter()
            .map(|l| l["step"].clone())
            .collect();
        assert_eq!(steps, [1, 2, 3, 4]);
        Ok(())
    }
}
