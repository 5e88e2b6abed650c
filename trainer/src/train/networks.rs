//! What a training run changes: networks, moving average, optimisers, step; and how it is stored.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use burn::tensor::Device;
use nijigen::model::{
    Generator, GeneratorConfig, TensorValues, Weights, load_weights, read_weights,
};
use serde::{Deserialize, Serialize};

use super::colour_path::set_colour_path;
use super::optimise::{Optimiser, with_stable_ids};
use crate::checkpoint::Checkpoint;
use crate::config::TrainConfig;
use crate::discriminator::Discriminator;
use crate::folder::visible_paths;
use crate::weights_file::weights_bytes;

/// Version of the folder's layout.
const VERSION: u32 = 1;

/// Networks under training.
pub struct Networks {
    /// The generator.
    pub generator: Generator,
    /// Exponential moving average of its weights.
    pub ema: Weights,
    /// The discriminator, if any stage uses one.
    pub discriminator: Option<Discriminator>,
    /// Adam for the generator.
    pub generator_optimiser: Optimiser,
    /// Adam for the discriminator.
    pub discriminator_optimiser: Optimiser,
    /// Steps done.
    pub step: usize,
}

/// What a checkpoint is of.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointHeader {
    version: u32,
    step: usize,
    generator: GeneratorConfig,
    discriminator: bool,
}

impl Networks {
    /// Fresh networks on `device` (with autodiff), their weights random from the seed or those of
    /// the generator in `init`.
    ///
    /// # Errors
    /// If the weights in `init` do not belong to the configured generator.
    pub fn new(config: &TrainConfig, init: Option<&Weights>, device: &Device) -> Result<Self> {
        device.seed(config.seed);
        let generator_config = config.generator.config();
        let generator = match init {
            Some(weights) => generator_config
                .init_with(weights, device)
                .context("generator.init is of another architecture")?,
            None => {
                let random = generator_config.init(device)?;
                if config.generator.colour_path {
                    let mut weights = random.weights()?;
                    set_colour_path(&generator_config, &mut weights);
                    generator_config.init_with(&weights, device)?
                } else {
                    random
                }
            }
        };
        let generator = with_stable_ids(generator);
        let discriminator = config
            .uses(|weights| weights.adversarial)
            .then(|| config.discriminator.config().init(device))
            .transpose()?
            .map(with_stable_ids);
        Ok(Self {
            ema: generator.weights()?,
            generator,
            discriminator,
            generator_optimiser: Optimiser::new(&config.optimiser),
            discriminator_optimiser: Optimiser::new(&config.optimiser),
            step: 0,
        })
    }

    /// Moves the average towards the generator's weights. In the first steps it follows faster,
    /// so that the random weights are soon forgotten.
    ///
    /// # Errors
    /// If the device cannot be read.
    pub fn update_ema(&mut self, decay: f32) -> Result<()> {
        let steps = (self.step + 1) as f32;
        let decay = decay.min(steps / (steps + 10.0));
        for (name, TensorValues { values, .. }) in self.generator.weights()? {
            let Some(mean) = self.ema.get_mut(&name) else {
                bail!("the moving average has no tensor {name}");
            };
            for (mean, value) in mean.values.iter_mut().zip(values) {
                *mean += (1.0 - decay) * (value - *mean);
            }
        }
        Ok(())
    }

    /// The moving average as a network on `device` (without autodiff).
    ///
    /// # Errors
    /// None in practice: the weights are its own.
    pub fn ema_generator(&self, device: &Device) -> Result<Generator> {
        Ok(self.generator.config().init_with(&self.ema, device)?)
    }

    /// Stores everything in a new folder of `checkpoints` named after the step. It appears under
    /// its name only when complete; the oldest beyond `keep` are removed after that.
    ///
    /// # Errors
    /// If anything cannot be written; earlier checkpoints are untouched then.
    pub fn save(&self, checkpoints: &Path, keep: usize) -> Result<PathBuf> {
        let path = checkpoints.join(format!("step_{:08}", self.step));
        let partial = checkpoints.join(format!(".partial_{:08}", self.step));
        let saved = self.write(&partial).and_then(|()| {
            if path.is_dir() {
                // The same step once more, after a resume: the same contents.
                fs::remove_dir_all(&path)?;
            }
            fs::rename(&partial, &path).map_err(Into::into)
        });
        if let Err(error) = saved {
            // The error that matters is the one above.
            let _ = fs::remove_dir_all(&partial);
            return Err(error.context(format!(
                "cannot write the checkpoint {}; the earlier ones are untouched",
                path.display()
            )));
        }
        let all = list(checkpoints)?;
        for (_, old) in &all[..all.len().saturating_sub(keep)] {
            fs::remove_dir_all(old).with_context(|| format!("cannot remove {}", old.display()))?;
        }
        Ok(path)
    }

    fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let write = |name: &str, bytes: Vec<u8>| -> Result<()> {
            let path = folder.join(name);
            fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
        };
        write(
            "generator.safetensors",
            weights_bytes(&self.generator.weights()?)?,
        )?;
        write("ema.safetensors", weights_bytes(&self.ema)?)?;
        write("generator.adam", self.generator_optimiser.to_bytes()?)?;
        if let Some(discriminator) = &self.discriminator {
            write(
                "discriminator.safetensors",
                weights_bytes(&read_weights(discriminator)?)?,
            )?;
            write(
                "discriminator.adam",
                self.discriminator_optimiser.to_bytes()?,
            )?;
        }
        let header = CheckpointHeader {
            version: VERSION,
            step: self.step,
            generator: self.generator.config().clone(),
            discriminator: self.discriminator.is_some(),
        };
        write("checkpoint.json", serde_json::to_vec_pretty(&header)?)
    }

    /// Goes on from the checkpoint in `folder`.
    ///
    /// # Errors
    /// If it is incomplete, of another version or of another architecture.
    pub fn load(config: &TrainConfig, folder: &Path, device: &Device) -> Result<Self> {
        let inside = || format!("in the checkpoint {}", folder.display());
        let fresh = Self::new(config, None, device)?;
        fresh.load_from(config, folder, device).with_context(inside)
    }

    fn load_from(self, config: &TrainConfig, folder: &Path, device: &Device) -> Result<Self> {
        let read =
            |name: &str| fs::read(folder.join(name)).with_context(|| format!("cannot read {name}"));
        let header: CheckpointHeader = serde_json::from_slice(&read("checkpoint.json")?)
            .context("checkpoint.json is damaged")?;
        if header.version != VERSION {
            bail!("its version is {}, expected {VERSION}", header.version);
        }
        if header.generator != config.generator.config() {
            bail!(
                "it is of another generator ({} parameters), expected the configured {} ({} parameters)",
                header.generator.parameter_count(),
                config.generator.name(),
                config.generator.config().parameter_count()
            );
        }
        if header.discriminator != self.discriminator.is_some() {
            bail!(
                "it has {} discriminator, but the configuration uses {}",
                if header.discriminator { "a" } else { "no" },
                if header.discriminator { "none" } else { "one" }
            );
        }
        let generator_config = config.generator.config();
        let weights = read_all(&folder.join("generator.safetensors"))?;
        generator_config.check_weights(&weights)?;
        let ema = read_ema(config, folder)?;
        let (discriminator, discriminator_optimiser) = match self.discriminator {
            Some(discriminator) => {
                let weights = read_all(&folder.join("discriminator.safetensors"))?;
                check_same_shapes(&read_weights(&discriminator)?, &weights)?;
                (
                    Some(load_weights(discriminator, &weights, device)),
                    self.discriminator_optimiser
                        .load(read("discriminator.adam")?)?,
                )
            }
            None => (None, self.discriminator_optimiser),
        };
        Ok(Self {
            generator: load_weights(self.generator, &weights, device),
            ema,
            discriminator,
            generator_optimiser: self.generator_optimiser.load(read("generator.adam")?)?,
            discriminator_optimiser,
            step: header.step,
        })
    }
}

/// Checkpoints of a folder by step, the newest last.
///
/// # Errors
/// If the folder cannot be listed.
pub fn list(checkpoints: &Path) -> Result<Vec<(usize, PathBuf)>> {
    let mut all = Vec::new();
    for path in visible_paths(checkpoints)? {
        let name = path.file_name().unwrap_or_default();
        let step = name
            .to_str()
            .and_then(|name| name.strip_prefix("step_"))
            .and_then(|step| step.parse().ok());
        if let Some(step) = step {
            all.push((step, path));
        }
    }
    all.sort();
    Ok(all)
}

/// The moving average of the generator's weights in a checkpoint's folder.
///
/// # Errors
/// If it cannot be read or is of another architecture than the configured one.
pub fn read_ema(config: &TrainConfig, folder: &Path) -> Result<Weights> {
    let weights = read_all(&folder.join("ema.safetensors"))?;
    config.generator.config().check_weights(&weights)?;
    Ok(weights)
}

/// All tensors of a safetensors file.
fn read_all(path: &Path) -> Result<Weights> {
    let mut checkpoint = Checkpoint::read(path)?;
    let names: Vec<String> = checkpoint.names().map(str::to_owned).collect();
    names
        .into_iter()
        .map(|name| {
            let tensor = checkpoint
                .take(&name)?
                .ok_or_else(|| anyhow!("tensor {name} is missing"))?;
            Ok((name, tensor))
        })
        .collect()
}

fn check_same_shapes(expected: &Weights, found: &Weights) -> Result<()> {
    for (name, tensor) in expected {
        match found.get(name) {
            None => bail!("tensor {name} is missing"),
            Some(other) if other.shape != tensor.shape => bail!(
                "tensor {name} has shape {:?}, expected {:?}",
                other.shape,
                tensor.shape
            ),
            Some(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Tensor, TensorData};

    fn config(text: &str) -> TrainConfig {
        let stage = "[[stages]]\nname = 'x'\nsteps = 5\nweights = { colour = 1.0 }\n";
        TrainConfig::parse(&format!("{text}{stage}")).expect("it is valid")
    }

    /// Training takes other ways through depthwise convolutions and upsampling than inference.
    #[test]
    fn training_computes_what_inference_does() -> Result<()> {
        for (architecture, upsampling) in [
            ("compact", "half_pixel"),
            ("animegan2", "align_corners"),
            ("deep", "half_pixel"),
            ("compact", "depth_to_space"),
        ] {
            let config = config(&format!(
                "[generator]\narchitecture = '{architecture}'\nupsampling = '{upsampling}'\n"
            ));
            let device = Device::flex();
            let networks = Networks::new(&config, None, &device.clone().autodiff())?;
            let values: Vec<f32> = (0..3 * 36 * 28).map(|i| (i as f32 * 0.7).sin()).collect();
            let x = Tensor::from_data(TensorData::new(values, [1, 3, 36, 28]), &device);
            let expected = networks.ema_generator(&device)?.forward(x.clone());
            let trained = networks.generator.forward(Tensor::from_inner(x)).inner();
            let error = (expected - trained).abs().max().into_scalar::<f32>();
            assert!(error < 1e-4, "{architecture}: {error}");
        }
        Ok(())
    }

    #[test]
    fn a_failed_checkpoint_leaves_the_previous_one() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let device = Device::flex().autodiff();
        let config = config("");
        let mut networks = Networks::new(&config, None, &device)?;
        networks.step = 1;
        networks.save(folder.path(), 2)?;
        // Something in the way of the next one, as a full disk would be.
        fs::write(folder.path().join(".partial_00000002"), "x")?;
        networks.step = 2;
        let error = networks
            .save(folder.path(), 2)
            .expect_err("it cannot be written");
        assert!(
            format!("{error:#}").contains("the earlier ones are untouched"),
            "{error:#}"
        );
        let all = list(folder.path())?;
        assert_eq!(all.len(), 1);
        let loaded = Networks::load(&config, &all[0].1, &device)?;
        assert_eq!(loaded.step, 1);
        assert_eq!(loaded.ema, networks.ema);
        Ok(())
    }

    #[test]
    fn old_checkpoints_go_and_other_architectures_are_refused() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let device = Device::flex().autodiff();
        let mut networks = Networks::new(&config(""), None, &device)?;
        for step in [1, 2, 3] {
            networks.step = step;
            networks.save(folder.path(), 2)?;
        }
        let all = list(folder.path())?;
        assert_eq!(
            all.iter().map(|(step, _)| *step).collect::<Vec<_>>(),
            [2, 3]
        );
        let other = config("[generator]\narchitecture = 'animegan2'\n");
        let error = Networks::load(&other, &all[0].1, &device)
            .err()
            .expect("another network");
        let text = format!("{error:#}");
        assert!(
            text.contains("1375027 parameters") && text.contains("animegan2"),
            "{text}"
        );
        Ok(())
    }
}
