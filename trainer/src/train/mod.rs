//! `nijigen train`: from a prepared set to a generator.

mod augment;
mod colour_path;
mod features;
mod loader;
mod networks;
mod optimise;
mod pairs;
mod report;
mod samples;
mod shares;
mod step;
mod view;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use burn::tensor::{Device, Tensor, TensorData};
use clap::Args;
use indicatif::ProgressBar;
use nijigen::model::Generator;
use nijigen::style::{Style, sha256_hex};
use serde_json::{Map, Value};

use self::features::Features;
use self::loader::{Loader, Sources};
use self::networks::Networks;
use self::report::write_report;
use self::samples::Samples;
use self::step::{StepContext, Terms, step};
use self::watch::Watch;
use crate::config::{StageConfig, Target, TrainConfig};
use crate::data::prepared::{MANIFEST, Prepared};
use crate::progress_bar::progress_bar;
use crate::run_dir::{Environment, RunDir, git_commit};
use crate::style_file::open_style;

pub use self::networks::{list as list_checkpoints, read_ema};
pub use self::pairs::{Pair, read_landmarks};

/// Options of `nijigen train`.
#[derive(Args)]
pub struct TrainArguments {
    /// Preset (recipe, seed, paper-hayao, paper-paprika, paper-shinkai, distill, smoke) or TOML
    /// file.
    #[arg(long, default_value = "recipe", value_name = "NAME|FILE")]
    config: String,
    /// Folder made by `nijigen prepare`.
    #[arg(long, value_name = "DIR", required_unless_present = "resume")]
    prepared: Option<PathBuf>,
    /// Folder that the run's folder is made in.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: PathBuf,
    /// Device: flex, tch, cuda, vulkan or wgpu. A resumed run keeps its own unless this is given.
    #[arg(long)]
    device: Option<String>,
    /// Devices of that kind, each of which takes an equal share of every batch.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    devices: u32,
    /// Go on with a run, from its newest checkpoint.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["config", "prepared", "runs"])]
    resume: Option<PathBuf>,
}

/// Trains, or goes on training.
///
/// # Errors
/// For bad input, before anything is written; when the device or the disk fails or a loss goes
/// astray, naming it.
pub fn run(arguments: &TrainArguments) -> Result<()> {
    if let Some(root) = &arguments.resume {
        let interrupted = interrupted()?;
        return resume(root, arguments, &interrupted);
    }
    let config = TrainConfig::open(&arguments.config)?;
    let place = Place {
        prepared: arguments
            .prepared
            .as_ref()
            .context("--prepared is missing")?,
        runs: &arguments.runs,
        device: arguments.device.as_deref(),
        devices: arguments.devices as usize,
    };
    start(&config, &arguments.config, &place)
}

/// A flag that Ctrl-C sets.
fn interrupted() -> Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))
        .context("cannot listen for Ctrl-C")?;
    Ok(interrupted)
}

/// Where a run takes its samples from, is stored, and computes.
pub struct Place<'a> {
    /// Folder made by `nijigen prepare`.
    pub prepared: &'a Path,
    /// Folder that the run's folder is made in.
    pub runs: &'a Path,
    /// Name of the device; flex if absent.
    pub device: Option<&'a str>,
    /// How many of them.
    pub devices: usize,
}

/// Starts a run of `config`, which the run's folder calls `name`.
///
/// # Errors
/// Those of [`run`].
pub fn start(config: &TrainConfig, name: &str, place: &Place) -> Result<()> {
    let interrupted = interrupted()?;
    let folder = place.prepared;
    let prepared = Prepared::open(folder)?;
    let device_name = place.device.unwrap_or("flex");
    let devices = autodiff_devices(device_name, place.devices)?;
    check_shares(config, devices.len())?;
    let init = config
        .generator
        .init
        .as_ref()
        .map(|path| open_style(path))
        .transpose()?;
    let networks = Networks::new(config, init.as_ref().map(Style::weights), &devices[0])?;
    let environment = Environment {
        config: name.to_owned(),
        prepared: std::path::absolute(folder)?,
        prepared_sha256: manifest_sha256(&prepared)?,
        device: device_name.to_owned(),
        command: std::env::args().collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: git_commit(),
        started: jiff::Zoned::now()
            .strftime("%Y-%m-%dT%H:%M:%S%:z")
            .to_string(),
        processors: std::thread::available_parallelism().map_or(1, usize::from),
    };
    let session = Session::open(config, &prepared, networks.step, devices, &interrupted)?;
    let run = RunDir::create(place.runs, config, &environment)?;
    println!("run: {}", run.root().display());
    session.train(&run, networks, &interrupted)
}

/// Devices for training, at least one.
fn autodiff_devices(name: &str, count: usize) -> Result<Vec<Device>> {
    let devices = crate::device::devices(name, count)?;
    Ok(devices.into_iter().map(Device::autodiff).collect())
}

/// Before anything is written.
fn check_shares(config: &TrainConfig, devices: usize) -> Result<()> {
    let batch = config.data.batch;
    ensure!(
        batch.is_multiple_of(devices),
        "data.batch is {batch}, expected a multiple of the {devices} devices"
    );
    Ok(())
}

fn resume(root: &Path, arguments: &TrainArguments, interrupted: &AtomicBool) -> Result<()> {
    let (run, config, environment) = RunDir::open(root)?;
    let prepared = Prepared::open(&environment.prepared)?;
    if manifest_sha256(&prepared)? != environment.prepared_sha256 {
        bail!(
            "the prepared set {} has changed since the run began",
            environment.prepared.display()
        );
    }
    let name = arguments.device.as_ref().unwrap_or(&environment.device);
    let devices = autodiff_devices(name, arguments.devices as usize)?;
    check_shares(&config, devices.len())?;
    let mut checkpoints = list_checkpoints(&run.checkpoints())?;
    let Some((_, newest)) = checkpoints.pop() else {
        bail!("{} has no checkpoint to go on from", root.display());
    };
    let networks = match Networks::load(&config, &newest, &devices[0]) {
        Ok(networks) => networks,
        Err(error) => {
            let works =
                |(_, path): &&(usize, PathBuf)| Networks::load(&config, path, &devices[0]).is_ok();
            return Err(match checkpoints.iter().rev().find(works) {
                None => error,
                Some((step, path)) => error.context(format!(
                    "the newest checkpoint cannot be read; {}, of step {step}, can: the run goes on from there if {} is removed",
                    path.display(),
                    newest.display()
                )),
            });
        }
    };
    println!("going on from {}", newest.display());
    Session::open(&config, &prepared, networks.step, devices, interrupted)?.train(
        &run,
        networks,
        interrupted,
    )
}

/// What a prepared set is recognised by.
fn manifest_sha256(prepared: &Prepared) -> Result<String> {
    let path = prepared.path(MANIFEST);
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(sha256_hex(&bytes))
}

/// What stays the same while a run lasts.
struct Session<'a> {
    config: &'a TrainConfig,
    /// The networks are on the first one.
    workplaces: Vec<Workplace>,
    samples: Samples,
    sources: Arc<Sources>,
}

/// A device, and what losses need on it.
struct Workplace {
    device: Device,
    features: Option<Features>,
    /// Of each stage.
    teachers: Vec<Option<Generator>>,
}

impl Workplace {
    /// With `photos`, planes of a batch, by which layers are scaled.
    fn new(config: &TrainConfig, photos: Vec<f32>, device: Device) -> Result<Self> {
        let crop = config.data.crop_px;
        let shape = [config.data.batch, 3, crop, crop];
        let photos = Tensor::from_data(TensorData::new(photos, shape), &device);
        let teachers = config.stages.iter().map(|stage| teacher(stage, &device));
        Ok(Self {
            features: Features::open(config, photos, &device)?,
            teachers: teachers.collect::<Result<_>>()?,
            device,
        })
    }
}

impl<'a> Session<'a> {
    fn open(
        config: &'a TrainConfig,
        prepared: &Prepared,
        first_step: usize,
        devices: Vec<Device>,
        interrupted: &AtomicBool,
    ) -> Result<Self> {
        if first_step >= config.total_steps() {
            bail!("the run is complete: {first_step} steps are done");
        }
        let sources = Arc::new(Sources::new(prepared, config)?);
        // The same photos whether the run is new or resumed, so that layers are scaled alike.
        let photos = sources.photos()?;
        let workplaces = devices
            .into_iter()
            .map(|device| Workplace::new(config, photos.clone(), device))
            .collect::<Result<_>>()?;
        sources.draw_targets(interrupted)?;
        let drawn = config
            .stages
            .iter()
            .any(|stage| stage.target == Target::Procedural);
        let held_out = config
            .stages
            .iter()
            .filter_map(|stage| stage.pairs.as_deref())
            .map(Pair::list_held_out)
            .next_back()
            .transpose()?
            .unwrap_or_default();
        let count = config.log.sample_photos;
        let samples = if held_out.is_empty() {
            Samples::open(prepared, count, drawn.then_some(&config.procedural))?
        } else {
            Samples::of_pairs(held_out, count)?
        };
        Ok(Self {
            config,
            workplaces,
            samples,
            sources,
        })
    }

    fn train(self, run: &RunDir, mut networks: Networks, interrupted: &AtomicBool) -> Result<()> {
        let total = self.config.total_steps();
        let log_config = &self.config.log;
        let mut log = run.log_from(networks.step)?;
        let loader = Loader::start(self.sources.clone(), networks.step);
        let bar = bar_of(total, networks.step)?;
        let mut watch = Watch::default();
        let mut means = Means::default();
        while networks.step < total {
            let Some((index, done)) = self.config.stage_at(networks.step) else {
                break;
            };
            let stage = &self.config.stages[index];
            let started = Instant::now();
            let batch = loader
                .next()
                .map_err(|error| stopped(run, log_config.keep_checkpoints, &networks, error))?;
            let waited = started.elapsed();
            let contexts: Vec<_> = self
                .workplaces
                .iter()
                .map(|place| StepContext {
                    config: self.config,
                    stage,
                    done,
                    features: place.features.as_ref(),
                    teacher: place.teachers[index].as_ref(),
                    device: &place.device,
                })
                .collect();
            let terms;
            (networks, terms) = step(networks, batch, &contexts)?;
            self.check(run, &mut watch, &networks, &terms, &bar)?;
            means.add(&terms);
            means.add(&[
                ("step_ms", started.elapsed().as_secs_f64() * 1e3),
                ("wait_ms", waited.as_secs_f64() * 1e3),
            ]);
            bar.set_message(stage.name.clone());
            bar.inc(1);

            let at = networks.step;
            let last = at == total || interrupted.load(Ordering::Relaxed);
            let keep = log_config.keep_checkpoints;
            if at.is_multiple_of(log_config.metrics_every) || last {
                log.write(&means.take(at, &stage.name))
                    .map_err(|error| stopped(run, keep, &networks, error))?;
            }
            if at.is_multiple_of(log_config.checkpoint_every) || last {
                networks
                    .save(&run.checkpoints(), keep)
                    .with_context(|| format!("training stopped; {}", goes_on(run)))?;
            }
            if at.is_multiple_of(log_config.samples_every) || last {
                self.sample(run, &networks)
                    .and_then(|()| write_report(run, self.config, !last))
                    .map_err(|error| stopped(run, keep, &networks, error))?;
            }
            if last && at < total {
                bar.abandon();
                println!(
                    "interrupted; saved step {at}. Go on with: nijigen train --resume {}",
                    run.root().display()
                );
                return Ok(());
            }
        }
        bar.finish();
        println!("done: {}", run.report().display());
        Ok(())
    }

    /// Stops a run that has gone astray and warns of a discriminator that has won.
    fn check(
        &self,
        run: &RunDir,
        watch: &mut Watch,
        networks: &Networks,
        terms: &Terms,
        bar: &ProgressBar,
    ) -> Result<()> {
        watch.check(networks.step, terms).with_context(|| {
            format!(
                "training stopped; the last checkpoint is kept, and after lowering a rate or a \
                 weight in its config.toml the run goes on with: nijigen train --resume {}",
                run.root().display()
            )
        })?;
        let of = |name: &str| {
            terms
                .iter()
                .find(|(other, _)| *other == name)
                .map(|(_, v)| *v)
        };
        if let (Some(real), Some(fake)) = (of("discriminator_real"), of("discriminator_fake"))
            && watch.discriminator_has_won(real + fake)
        {
            bar.println(format!(
                "warning: at step {} the discriminator tells all outputs from style images \
                 (loss {:.4}), so the generator learns nothing from it: lower discriminator_rate \
                 or raise the adversarial weight",
                networks.step,
                real + fake
            ));
        }
        Ok(())
    }

    fn sample(&self, run: &RunDir, networks: &Networks) -> Result<()> {
        let device = self.workplaces[0].device.clone().inner();
        let path = run.samples().join(format!("step_{:08}.jpg", networks.step));
        self.samples.write(
            &networks.ema_generator(&device)?,
            &self.config.generator,
            &device,
            &path,
        )
    }
}

/// An error that ends a run from outside, such as a full disk or a lost network share, once what is done is saved.
fn stopped(run: &RunDir, keep: usize, networks: &Networks, error: anyhow::Error) -> anyhow::Error {
    let step = networks.step;
    let saved = match networks.save(&run.checkpoints(), keep) {
        _ if step == 0 => "no step is done yet".into(),
        Ok(_) => format!("step {step} is saved"),
        Err(failed) => format!("step {step} could not be saved either ({failed:#})"),
    };
    error.context(format!("training stopped; {saved}; {}", goes_on(run)))
}

fn goes_on(run: &RunDir) -> String {
    format!(
        "once the cause is gone, the run goes on with: nijigen train --resume {}",
        run.root().display()
    )
}

/// The teacher's network of a stage that has one.
fn teacher(stage: &StageConfig, device: &Device) -> Result<Option<Generator>> {
    let Some(path) = &stage.teacher else {
        return Ok(None);
    };
    let style = open_style(path)?;
    let device = device.clone().inner();
    Ok(Some(
        style
            .header()
            .generator
            .init_with(style.weights(), &device)?,
    ))
}

/// Means of values between two lines of the log.
#[derive(Default)]
struct Means {
    sums: Vec<(&'static str, f64, usize)>,
}

impl Means {
    fn add(&mut self, terms: &[(&'static str, f64)]) {
        for &(name, value) in terms {
            match self.sums.iter_mut().find(|(other, ..)| *other == name) {
                Some((_, sum, count)) => {
                    *sum += value;
                    *count += 1;
                }
                None => self.sums.push((name, value, 1)),
            }
        }
    }

    fn take(&mut self, step: usize, stage: &str) -> Map<String, Value> {
        let mut line = Map::from_iter([
            ("step".to_owned(), Value::from(step)),
            ("stage".to_owned(), Value::from(stage)),
        ]);
        for (name, sum, count) in self.sums.drain(..) {
            line.insert(name.to_owned(), (sum / count as f64).into());
        }
        line
    }
}

fn bar_of(total: usize, done: usize) -> Result<ProgressBar> {
    let text = "{pos}/{len} {msg} {per_sec}, {elapsed} so far, {eta} left";
    let bar = progress_bar(total, text)?;
    bar.set_position(done as u64);
    bar.reset_eta();
    Ok(bar)
}
