//! One training step: the discriminator, then the generator.

use anyhow::{Context, Result};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use nijigen::model::Generator;

use super::features::Features;
use super::loader::Batch;
use super::networks::Networks;
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

    /// The terms' values, read from the device at once.
    fn terms(names: Vec<&'static str>, values: Vec<Tensor<1>>) -> Result<Terms> {
        let values = tensor_values(Tensor::cat(values, 0))?;
        Ok(names
            .into_iter()
            .zip(values.into_iter().map(f64::from))
            .collect())
    }
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

    fn device_batch(&self, batch: Batch) -> Result<(DeviceBatch, BatchExtras)> {
        let crop = self.config.data.crop_px;
        let samples = self.config.data.batch;
        let tensor = |values: Vec<f32>| {
            (!values.is_empty()).then(|| {
                let planes = values.len() / (samples * crop * crop);
                let shape = [samples, planes, crop, crop];
                Tensor::from_data(TensorData::new(values, shape), self.device)
            })
        };
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
                smooth: tensor(batch.smooth),
            },
            BatchExtras {
                style_weights: batch.style_weights,
                landmarks: batch.landmarks,
            },
        ))
    }
}

/// What of a batch stays on the host.
struct BatchExtras {
    style_weights: Vec<f32>,
    landmarks: Vec<Option<Landmarks>>,
}

/// Runs a step on `networks` and returns it with the step's terms.
///
/// # Errors
/// If the device cannot be read or the batch lacks something.
pub fn step(
    mut networks: Networks,
    batch: Batch,
    context: &StepContext,
) -> Result<(Networks, Terms)> {
    let weights = &context.stage.weights;
    let (batch, extras) = context.device_batch(batch)?;
    let precision = context.config.precision;
    let generator = precision.of_module(&networks.generator);
    let output = in_f32(generator.forward(precision.of(batch.input.clone())));
    let mut terms = Terms::new();

    let rate = context.rate(context.stage.discriminator_rate, networks.step);
    if let Some(discriminator) = networks.discriminator.take() {
        let discriminator = if rate > 0.0 && weights.discriminator_fake.is_used() {
            let (discriminator, more) = discriminator_step(
                discriminator,
                &mut networks.discriminator_optimiser,
                output.clone().detach(),
                &batch,
                context,
                rate,
            )?;
            terms.extend(more);
            discriminator
        } else {
            discriminator
        };
        networks.discriminator = Some(discriminator);
    }

    let objective = generator_objective(
        output,
        &batch,
        &extras,
        networks.discriminator.as_ref(),
        context,
    )?;
    let total = objective.total.context("the stage has no loss")?;
    let gradients = total.backward();
    terms.extend(Objective::terms(objective.names, objective.values)?);
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

/// What the discriminator gets to see of a picture.
fn seen(x: Tensor<4>, grayscale: bool) -> Tensor<4> {
    if grayscale { losses::grayscale(x) } else { x }
}

/// The logits of a discriminator that computes in the run's precision.
fn judgement(discriminator: &Discriminator, x: Tensor<4>, context: &StepContext) -> Tensor<4> {
    in_f32(discriminator.forward(context.config.precision.of(x)))
}

fn discriminator_step(
    discriminator: Discriminator,
    optimiser: &mut super::optimise::Optimiser,
    output: Tensor<4>,
    batch: &DeviceBatch,
    context: &StepContext,
    rate: f64,
) -> Result<(Discriminator, Terms)> {
    let gray = context.config.discriminator.grayscale;
    let weights = &context.stage.weights;
    let progress = context.progress();
    let discriminator = discriminator.power_iteration();
    let judge = |x: Tensor<4>| judgement(&discriminator, seen(x, gray), context);
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
            losses::fake_loss(judgement(&discriminator, losses::grayscale(real), context)),
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
            losses::fake_loss(judgement(
                &discriminator,
                losses::grayscale(smooth),
                context,
            )),
        );
    }
    let total = objective.total.context("the discriminator has no loss")?;
    let gradients = total.backward();
    let terms = Objective::terms(objective.names, objective.values)?;
    let (discriminator, _) = optimiser.step(discriminator, gradients, rate)?;
    Ok((discriminator, terms))
}

fn generator_objective(
    output: Tensor<4>,
    batch: &DeviceBatch,
    extras: &BatchExtras,
    discriminator: Option<&Discriminator>,
    context: &StepContext,
) -> Result<Objective> {
    let weights = &context.stage.weights;
    let progress = context.progress();
    let settings = &context.config.losses;
    let mut objective = Objective::default();
    regression_terms(&mut objective, &output, batch, weights, progress)?;
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
    perceptual_terms(&mut objective, &output, batch, extras, context)?;
    if weights.adversarial.is_used() {
        let discriminator = discriminator.context("there is no discriminator")?;
        // Its weights are not trained here: leaving them out of the graph saves a third.
        let fixed = discriminator.clone().no_grad();
        let logits = judgement(
            &fixed,
            seen(output, context.config.discriminator.grayscale),
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

/// Losses on the backbone's features.
fn perceptual_terms(
    objective: &mut Objective,
    output: &Tensor<4>,
    batch: &DeviceBatch,
    extras: &BatchExtras,
    context: &StepContext,
) -> Result<()> {
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
    if weights.landmark.is_used() {
        let crop = context.config.data.crop_px;
        let regions = landmark_regions(&extras.landmarks, crop);
        if !regions.is_empty() {
            let of_crops = |x: Tensor<4>| features.landmark(x);
            let reference = batch.reference(settings.landmark_reference);
            objective.add(
                "landmark",
                weights.landmark.at(progress),
                losses::landmark_loss(output.clone(), reference, &regions, &of_crops)?,
            );
        }
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
    let reference = batch
        .style
        .clone()
        .context("the batch has no style crops")?;
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
