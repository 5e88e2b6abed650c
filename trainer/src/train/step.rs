//! One training step: the discriminator, then the generator. On several devices, each takes its share of the batch, and
//! the networks on the first one learn from the mean of their gradients.

use anyhow::{Context, Result};
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use nijigen::model::Generator;

use super::features::Features;
use super::loader::Batch;
use super::networks::Networks;
use super::shares::{at_once, mean, replica};
use crate::config::{
    ColourLoss, LossConfig, LossWeights, RealPictures, Reference, StageConfig, StyleTarget,
    TrainConfig,
};
use crate::data::faces::Landmarks;
use crate::discriminator::Discriminator;
use crate::losses::{self, Region};
use crate::picture::tensor_values;
use crate::precision::in_f32;

/// Values of a step by name, unweighted where they are loss terms.
pub type Terms = Vec<(&'static str, f64)>;

/// Everything a step needs besides the networks and the batch.
pub struct StepContext<'a> {
    /// The run's configuration.
    pub config: &'a TrainConfig,
    /// The current stage.
    pub stage: &'a StageConfig,
    /// Steps of the stage that are done.
    pub done: usize,
    /// The perceptual backbone, if any stage uses one.
    pub features: Option<&'a Features>,
    /// The teacher of the stage, if it has one, on the device without autodiff.
    pub teacher: Option<&'a Generator>,
    /// The device, with autodiff.
    pub device: &'a Device,
}

/// A batch on the device; none of its tensors is tracked.
struct DeviceBatch {
    photo: Tensor<4>,
    /// The generator's input: the photo, and guide planes if there are any.
    input: Tensor<4>,
    /// How much each pixel counts in the regression, `[batch, 1, height, width]`.
    regression_weights: Option<Tensor<4>>,
    target: Option<Tensor<4>>,
    style: Option<Tensor<4>>,
    /// The style crops of all shares, where their mean is a target.
    all_styles: Option<Tensor<4>>,
    smooth: Option<Tensor<4>>,
}

impl DeviceBatch {
    /// What a loss compares outputs with; the photo where the stage has no target.
    fn reference(&self, reference: Reference) -> Tensor<4> {
        match (reference, &self.target) {
            (Reference::Target, Some(target)) => target.clone(),
            _ => self.photo.clone(),
        }
    }
}

/// A weighted sum of loss terms under construction.
#[derive(Default)]
struct Objective {
    total: Option<Tensor<1>>,
    names: Vec<&'static str>,
    values: Vec<Tensor<1>>,
}

impl Objective {
    fn add(&mut self, name: &'static str, weight: f64, value: Tensor<1>) {
        self.names.push(name);
        self.values.push(value.clone().inner());
        let weighted = value * weight;
        self.total = Some(match self.total.take() {
            Some(total) => total + weighted,
            None => weighted,
        });
    }

    /// The terms' values, read from the device at once, and the gradients of `module`.
    fn differentiate<M: Module>(self, module: &M) -> Result<(Terms, GradientsParams)> {
        let total = self.total.context("the stage has no loss")?;
        let gradients = GradientsParams::from_grads(total.backward(), module);
        let values = tensor_values(Tensor::cat(self.values, 0))?;
        let values = values.into_iter().map(f64::from);
        Ok((self.names.into_iter().zip(values).collect(), gradients))
    }
}

/// The mean of the shares' terms; one that a share lacks is 0 there.
fn mean_terms(shares: Vec<Terms>) -> Terms {
    let count = shares.len() as f64;
    let mut mean = Terms::new();
    for (name, value) in shares.into_iter().flatten() {
        match mean.iter_mut().find(|(other, _)| *other == name) {
            Some((_, sum)) => *sum += value / count,
            None => mean.push((name, value / count)),
        }
    }
    mean
}

impl StepContext<'_> {
    fn progress(&self) -> f64 {
        self.done as f64 / self.stage.steps as f64
    }

    fn rate(&self, base: f64, step: usize) -> f64 {
        let optimiser = &self.config.optimiser;
        let decays = (step / optimiser.decay_every) as i32;
        base * self.stage.rate_factor(self.done) * optimiser.decay.powi(decays)
    }

    /// A share of `samples` on the device; `all_styles` are the style crops of all shares, if they are needed.
    fn device_batch(
        &self,
        batch: Batch,
        samples: usize,
        all_styles: Vec<f32>,
    ) -> Result<(DeviceBatch, BatchExtras)> {
        let crop = self.config.data.crop_px;
        let tensor_of = |samples: usize, values: Vec<f32>| {
            (!values.is_empty()).then(|| {
                let planes = values.len() / (samples * crop * crop);
                let shape = [samples, planes, crop, crop];
                Tensor::from_data(TensorData::new(values, shape), self.device)
            })
        };
        let tensor = |values| tensor_of(samples, values);
        let photo = tensor(batch.photo).context("the batch has no photos")?;
        let input = match tensor(batch.guides) {
            Some(guides) => Tensor::cat(vec![photo.clone(), guides], 1),
            None => photo.clone(),
        };
        let target = match self.teacher {
            Some(teacher) => Some(Tensor::from_inner(teacher.forward(input.clone().inner()))),
            None => tensor(batch.target),
        };
        Ok((
            DeviceBatch {
                photo,
                input,
                regression_weights: tensor(batch.regression_weights),
                target,
                style: tensor(batch.style),
                all_styles: tensor_of(self.config.data.batch, all_styles),
                smooth: tensor(batch.smooth),
            },
            BatchExtras {
                style_weights: batch.style_weights,
                regions: landmark_regions(&batch.landmarks, crop),
            },
        ))
    }

    /// The style crops of a whole batch, if a share of it needs them all.
    fn all_styles(&self, batch: &Batch) -> Vec<f32> {
        let is_mean = self.config.losses.style_target == StyleTarget::Mean;
        match is_mean && self.stage.weights.style.is_used() {
            true => batch.style.clone(),
            false => Vec::new(),
        }
    }
}

/// What of a batch stays on the host.
struct BatchExtras {
    style_weights: Vec<f32>,
    regions: Vec<Region>,
}

/// A device's share of a step.
struct Share {
    /// A replica, whose gradients are to be averaged.
    generator: Generator,
    batch: DeviceBatch,
    extras: BatchExtras,
    output: Tensor<4>,
}

/// Runs a step on `networks` and returns it with the step's terms. `contexts` are those of the devices; the networks are
/// on the first one.
///
/// # Errors
/// If a device cannot be read or the batch lacks something.
pub fn step(
    mut networks: Networks,
    batch: Batch,
    contexts: &[StepContext],
) -> Result<(Networks, Terms)> {
    let context = &contexts[0];
    let shares = draw(&networks.generator, batch, contexts)?;
    let mut terms = Terms::new();

    let rate = context.rate(context.stage.discriminator_rate, networks.step);
    let learns = rate > 0.0 && context.stage.weights.discriminator_fake.is_used();
    if let Some(mut discriminator) = networks.discriminator.take() {
        if learns {
            discriminator = discriminator.power_iteration();
            let (more, gradients) = discriminator_gradients(&discriminator, &shares, contexts)?;
            terms.extend(more);
            let optimiser = &mut networks.discriminator_optimiser;
            discriminator = optimiser.step(discriminator, gradients, rate)?.0;
        }
        networks.discriminator = Some(discriminator);
    }

    let discriminator = networks.discriminator.as_ref();
    let (more, gradients) =
        generator_gradients(&networks.generator, discriminator, shares, contexts)?;
    terms.extend(more);
    let rate = context.rate(context.stage.generator_rate, networks.step);
    let (generator, norm) =
        networks
            .generator_optimiser
            .step(networks.generator, gradients, rate)?;
    networks.generator = generator;
    networks.update_ema(context.config.optimiser.ema)?;
    networks.step += 1;
    terms.push(("gradient_norm", f64::from(norm)));
    Ok((networks, terms))
}

/// Each device draws its share of a batch.
fn draw(generator: &Generator, batch: Batch, contexts: &[StepContext]) -> Result<Vec<Share>> {
    let config = contexts[0].config;
    let samples = config.data.batch / contexts.len();
    let all_styles = contexts[0].all_styles(&batch);
    let batches = batch.shares(config.data.batch, contexts.len())?;
    let parts = contexts.iter().zip(batches).enumerate();
    let parts = parts.map(|(i, (context, batch))| (replica(generator, i, context.device), batch));
    at_once(parts.collect(), |i, (generator, batch)| {
        let (batch, extras) = contexts[i].device_batch(batch, samples, all_styles.clone())?;
        let precision = config.precision;
        let output = precision
            .of_module(&generator)
            .forward(precision.of(batch.input.clone()));
        Ok(Share {
            generator,
            batch,
            extras,
            output: in_f32(output),
        })
    })
}

/// Means over the shares.
fn discriminator_gradients(
    discriminator: &Discriminator,
    shares: &[Share],
    contexts: &[StepContext],
) -> Result<(Terms, GradientsParams)> {
    let parts = shares.iter().zip(contexts).enumerate();
    let parts =
        parts.map(|(i, (share, context))| (replica(discriminator, i, context.device), share));
    let learned = at_once(parts.collect(), |i, (discriminator, share)| {
        let output = share.output.clone().detach();
        discriminator_objective(&discriminator, output, &share.batch, &contexts[i])?
            .differentiate(&discriminator)
    })?;
    let (terms, gradients): (Vec<_>, _) = learned.into_iter().unzip();
    let gradients = mean(discriminator, gradients, contexts[0].device);
    Ok((mean_terms(terms), gradients))
}

/// Means over the shares.
fn generator_gradients(
    generator: &Generator,
    discriminator: Option<&Discriminator>,
    shares: Vec<Share>,
    contexts: &[StepContext],
) -> Result<(Terms, GradientsParams)> {
    // A mean over a share's faces counts by how many they are.
    let regions: usize = shares.iter().map(|share| share.extras.regions.len()).sum();
    let parts = shares.into_iter().zip(contexts).enumerate();
    let parts = parts.map(|(i, (share, context))| {
        let discriminator = discriminator.map(|network| replica(network, i, context.device));
        (share, discriminator)
    });
    let learned = at_once(parts.collect(), |i, (share, discriminator)| {
        let faces = (share.extras.regions.len() * contexts.len()) as f64 / regions.max(1) as f64;
        generator_objective(&share, faces, discriminator.as_ref(), &contexts[i])?
            .differentiate(&share.generator)
    })?;
    let (terms, gradients): (Vec<_>, _) = learned.into_iter().unzip();
    let gradients = mean(generator, gradients, contexts[0].device);
    Ok((mean_terms(terms), gradients))
}

/// What the discriminator gets to see of a picture.
fn seen(x: Tensor<4>, grayscale: bool) -> Tensor<4> {
    if grayscale { losses::grayscale(x) } else { x }
}

/// The logits of a discriminator that computes in the run's precision.
fn judgement(discriminator: &Discriminator, x: Tensor<4>, context: &StepContext) -> Tensor<4> {
    in_f32(discriminator.forward(context.config.precision.of(x)))
}

fn discriminator_objective(
    discriminator: &Discriminator,
    output: Tensor<4>,
    batch: &DeviceBatch,
    context: &StepContext,
) -> Result<Objective> {
    let gray = context.config.discriminator.grayscale;
    let weights = &context.stage.weights;
    let progress = context.progress();
    let judge = |x: Tensor<4>| judgement(discriminator, seen(x, gray), context);
    let real = match context.config.discriminator.real {
        RealPictures::Style => batch.style.clone(),
        RealPictures::Target => batch.target.clone(),
    };
    let real = real.context("the batch has no real pictures for the discriminator")?;
    let mut objective = Objective::default();
    objective.add(
        "discriminator_real",
        weights.discriminator_real.at(progress),
        losses::real_loss(judge(real.clone())),
    );
    objective.add(
        "discriminator_fake",
        weights.discriminator_fake.at(progress),
        losses::fake_loss(judge(output)),
    );
    if weights.discriminator_gray.is_used() {
        objective.add(
            "discriminator_gray",
            weights.discriminator_gray.at(progress),
            losses::fake_loss(judgement(discriminator, losses::grayscale(real), context)),
        );
    }
    if weights.discriminator_smooth.is_used() {
        let smooth = batch
            .smooth
            .clone()
            .context("the batch has no smooth crops")?;
        // AnimeGANv2 shows these in gray whatever else is in colour.
        objective.add(
            "discriminator_smooth",
            weights.discriminator_smooth.at(progress),
            losses::fake_loss(judgement(discriminator, losses::grayscale(smooth), context)),
        );
    }
    Ok(objective)
}

/// `faces` is how much the mean over a share's faces counts.
fn generator_objective(
    share: &Share,
    faces: f64,
    discriminator: Option<&Discriminator>,
    context: &StepContext,
) -> Result<Objective> {
    let (output, batch) = (&share.output, &share.batch);
    let weights = &context.stage.weights;
    let progress = context.progress();
    let settings = &context.config.losses;
    let mut objective = Objective::default();
    regression_terms(&mut objective, output, batch, weights, progress)?;
    if weights.colour.is_used() {
        let reference = batch.reference(settings.colour_reference);
        let value = match settings.colour {
            ColourLoss::LabAb => losses::lab_ab_l1(output.clone(), reference),
            ColourLoss::Lab => losses::lab_l1(output.clone(), reference),
            ColourLoss::YuvHuber => losses::yuv_huber(output.clone(), reference),
        };
        objective.add("colour", weights.colour.at(progress), value);
    }
    if weights.total_variation.is_used() {
        objective.add(
            "total_variation",
            weights.total_variation.at(progress),
            losses::total_variation(output.clone(), settings.total_variation_distance),
        );
    }
    perceptual_terms(&mut objective, share, faces, context)?;
    if weights.adversarial.is_used() {
        let discriminator = discriminator.context("there is no discriminator")?;
        // Its weights are not trained here: leaving them out of the graph saves a third.
        let fixed = discriminator.clone().no_grad();
        let logits = judgement(
            &fixed,
            seen(output.clone(), context.config.discriminator.grayscale),
            context,
        );
        objective.add(
            "adversarial",
            weights.adversarial.at(progress),
            losses::generator_loss(logits),
        );
    }
    Ok(objective)
}

fn regression_terms(
    objective: &mut Objective,
    output: &Tensor<4>,
    batch: &DeviceBatch,
    weights: &LossWeights,
    progress: f64,
) -> Result<()> {
    if !(weights.regression.is_used() || weights.regression_gradient.is_used()) {
        return Ok(());
    }
    let target = batch.target.clone().context("the batch has no targets")?;
    objective.add(
        "regression",
        weights.regression.at(progress),
        match &batch.regression_weights {
            Some(weights) => {
                losses::weighted_l1_loss(output.clone(), target.clone(), weights.clone())
            }
            None => losses::l1_loss(output.clone(), target.clone()),
        },
    );
    objective.add(
        "regression_gradient",
        weights.regression_gradient.at(progress),
        losses::gradient_loss(output.clone(), target),
    );
    Ok(())
}

/// Losses on the backbone's features; `faces` as in [`generator_objective`].
fn perceptual_terms(
    objective: &mut Objective,
    share: &Share,
    faces: f64,
    context: &StepContext,
) -> Result<()> {
    let Share {
        batch,
        extras,
        output,
        ..
    } = share;
    let weights = &context.stage.weights;
    let progress = context.progress();
    let settings = &context.config.losses;
    let Some(features) = context.features else {
        return Ok(());
    };
    if weights.content.is_used() {
        let of_output = features.content(output.clone());
        let of_reference = features.content(batch.reference(settings.content_reference));
        objective.add(
            "content",
            weights.content.at(progress),
            losses::content_loss(of_output, of_reference, settings.content_distance),
        );
    }
    if weights.style.is_used() {
        let value = style_term(output, batch, extras, features, settings)?;
        objective.add("style", weights.style.at(progress), value);
    }
    if weights.landmark.is_used() && !extras.regions.is_empty() {
        let of_crops = |x: Tensor<4>| features.landmark(x);
        let reference = batch.reference(settings.landmark_reference);
        let value = losses::landmark_loss(output.clone(), reference, &extras.regions, &of_crops)?;
        // A factor of 1 would be another operation.
        let value = if faces == 1.0 { value } else { value * faces };
        objective.add("landmark", weights.landmark.at(progress), value);
    }
    Ok(())
}

/// Regions around eyes, nose and mouth of every face in a batch of crops.
fn landmark_regions(landmarks: &[Option<Landmarks>], crop_px: usize) -> Vec<Region> {
    let faces = landmarks.iter().enumerate();
    faces
        .filter_map(|(sample, points)| Some((sample, points.as_ref()?)))
        .flat_map(|(sample, points)| {
            losses::landmark_boxes(points, [crop_px; 2])
                .into_iter()
                .map(move |square| Region { sample, square })
        })
        .collect()
}

fn style_term(
    output: &Tensor<4>,
    batch: &DeviceBatch,
    extras: &BatchExtras,
    features: &Features,
    settings: &LossConfig,
) -> Result<Tensor<1>> {
    let crops = batch.all_styles.as_ref().or(batch.style.as_ref());
    let reference = crops.cloned().context("the batch has no style crops")?;
    let reference = seen(reference, settings.style_grayscale);
    let of_output = features.style(seen(output.clone(), settings.style_grayscale));
    let of_style = features.style(reference);
    let device = output.device();
    let cluster_weights = Tensor::<1>::from_floats(extras.style_weights.as_slice(), &device);
    let layers = of_style.len() as f64;
    let mut sum: Option<Tensor<1>> = None;
    for (output, style) in of_output.into_iter().zip(of_style) {
        let target = losses::gram(style);
        let target = match settings.style_target {
            StyleTarget::PerImage => target,
            StyleTarget::Mean => losses::mean_gram(target),
        };
        let value = losses::style_loss(
            losses::gram(output),
            target,
            settings.style_distance,
            Some(cluster_weights.clone()),
        ) / layers;
        sum = Some(match sum {
            Some(sum) => sum + value,
            None => value,
        });
    }
    sum.context("losses.style_taps is empty")
}

#[cfg(test)]
mod tests {
    use burn::module::{ModuleVisitor, Param};

    use super::*;
    use crate::formula;

    /// Gradients by the order of the parameters.
    struct Read<'a> {
        gradients: &'a GradientsParams,
        values: Vec<Vec<f32>>,
    }

    impl ModuleVisitor for Read<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.gradients.get::<D>(param.id) {
                let values = gradient.into_data().try_to_vec::<f32>().expect("floats");
                self.values.push(values);
            }
        }
    }

    fn read<M: Module>(module: &M, gradients: &GradientsParams) -> Vec<Vec<f32>> {
        let mut read = Read {
            gradients,
            values: Vec::new(),
        };
        module.visit(&mut read);
        read.values
    }

    fn config(target: StyleTarget) -> TrainConfig {
        let mut config = TrainConfig::open("smoke").expect("a preset");
        config.data.batch = 4;
        config.data.crop_px = 32;
        config.losses.style_target = target;
        config
    }

    /// With a face in some of the photos.
    fn batch(config: &TrainConfig) -> Batch {
        let (samples, crop) = (config.data.batch, config.data.crop_px);
        let planes = |name: &str| -> Vec<f32> {
            let values = formula::values(name, samples * 3 * crop * crop);
            values.into_iter().map(|value| value as f32).collect()
        };
        let face = |at: f32| {
            Some(
                [
                    [8.0, 10.0],
                    [20.0, 10.0],
                    [14.0, 16.0],
                    [9.0, 22.0],
                    [19.0, 22.0],
                ]
                .map(|[x, y]: [f32; 2]| [x + at, y]),
            )
        };
        Batch {
            photo: planes("photo"),
            target: planes("target"),
            style: planes("style"),
            smooth: planes("smooth"),
            style_weights: vec![1.0, 0.5, 2.0, 1.0],
            guides: Vec::new(),
            regression_weights: Vec::new(),
            landmarks: vec![face(0.0), None, None, face(3.0)],
        }
    }

    /// Terms, and gradients of discriminator and generator, of a stage on so many devices.
    fn learned(
        config: &TrainConfig,
        stage: &StageConfig,
        count: usize,
    ) -> (Terms, [Vec<Vec<f32>>; 2]) {
        let device = Device::flex().autodiff();
        let networks = Networks::new(config, None, &device).expect("networks");
        let batch = batch(config);
        let crop = config.data.crop_px;
        let shape = [config.data.batch, 3, crop, crop];
        let photos = Tensor::from_data(TensorData::new(batch.photo.clone(), shape), &device);
        let features = Features::open(config, photos, &device).expect("a random backbone");
        let contexts: Vec<_> = (0..count)
            .map(|_| StepContext {
                config,
                stage,
                done: 0,
                features: features.as_ref(),
                teacher: None,
                device: &device,
            })
            .collect();
        let shares = draw(&networks.generator, batch, &contexts).expect("pictures");
        let mut terms = Terms::new();
        let mut of_discriminator = Vec::new();
        if stage.weights.discriminator_fake.is_used() {
            let discriminator = networks.discriminator.as_ref().expect("a discriminator");
            let (more, gradients) =
                discriminator_gradients(discriminator, &shares, &contexts).expect("gradients");
            terms.extend(more);
            of_discriminator = read(discriminator, &gradients);
        }
        let discriminator = networks.discriminator.as_ref();
        let (more, gradients) =
            generator_gradients(&networks.generator, discriminator, shares, &contexts)
                .expect("gradients");
        terms.extend(more);
        let of_generator = read(&networks.generator, &gradients);
        (terms, [of_discriminator, of_generator])
    }

    /// Sums in another order differ by so much of the largest value.
    const TOLERANCE: f32 = 2e-5;

    #[test]
    fn averaged_gradients_are_those_of_the_joint_batch() {
        let mut seen = std::collections::BTreeSet::new();
        for target in [StyleTarget::PerImage, StyleTarget::Mean] {
            let config = config(target);
            for stage in &config.stages {
                let (terms, joint) = learned(&config, stage, 1);
                for count in [2, 4] {
                    let (other_terms, averaged) = learned(&config, stage, count);
                    assert_eq!(terms.len(), other_terms.len());
                    for (name, value) in &terms {
                        let (_, other) = other_terms
                            .iter()
                            .find(|(other, _)| other == name)
                            .expect("the same terms");
                        let error = (value - other).abs();
                        assert!(error <= 1e-5 * value.abs().max(1.0), "{name}: {error}");
                        seen.insert(*name);
                    }
                    for (joint, averaged) in joint.iter().zip(&averaged) {
                        assert_eq!(joint.len(), averaged.len());
                        for (i, (joint, averaged)) in joint.iter().zip(averaged).enumerate() {
                            let largest = joint.iter().fold(0.0f32, |most, v| most.max(v.abs()));
                            let error = joint
                                .iter()
                                .zip(averaged)
                                .fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
                            assert!(
                                error <= TOLERANCE * largest.max(1e-3),
                                "{} on {count} devices, parameter {i}: {error} of {largest}",
                                stage.name
                            );
                        }
                    }
                }
            }
        }
        for term in [
            "regression",
            "content",
            "style",
            "landmark",
            "adversarial",
            "discriminator_real",
        ] {
            assert!(seen.contains(term), "no stage has {term}: {seen:?}");
        }
    }

    #[test]
    fn a_batch_that_cannot_be_divided_is_told() {
        let config = config(StyleTarget::PerImage);
        let error = batch(&config)
            .shares(4, 3)
            .err()
            .expect("4 by 3")
            .to_string();
        assert!(
            error.contains("data.batch is 4") && error.contains("3 devices"),
            "{error}"
        );
    }
}
