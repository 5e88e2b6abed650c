//! What a training run does, as a TOML file.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use nijigen::face::GUIDE_PLANES;
use nijigen::model::{GeneratorConfig, Upsampling};
use serde::{Deserialize, Serialize};

use crate::backbone::Vgg;
use crate::discriminator::{DiscriminatorConfig, DiscriminatorLayout};
use crate::losses::Distance;
use crate::precision::Precision;
use crate::procedural::ProceduralConfig;

/// Presets that come with the trainer, by name.
const PRESETS: [(&str, &str); 7] = [
    ("recipe", include_str!("../configs/recipe.toml")),
    ("seed", include_str!("../configs/seed.toml")),
    ("paper-hayao", include_str!("../configs/paper-hayao.toml")),
    (
        "paper-paprika",
        include_str!("../configs/paper-paprika.toml"),
    ),
    (
        "paper-shinkai",
        include_str!("../configs/paper-shinkai.toml"),
    ),
    ("distill", include_str!("../configs/distill.toml")),
    ("smoke", include_str!("../configs/smoke.toml")),
];

/// A training run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Seed of weights, samples and augmentation.
    pub seed: u64,
    /// What networks compute in.
    pub precision: Precision,
    /// The network that is trained.
    pub generator: GeneratorChoice,
    /// The discriminator, where a stage has adversarial weight.
    pub discriminator: DiscriminatorSettings,
    /// Samples and batches.
    pub data: DataConfig,
    /// Changes to the samples.
    pub augment: AugmentConfig,
    /// The procedural target.
    pub procedural: ProceduralConfig,
    /// The network whose features content, style and landmark losses compare.
    pub backbone: BackboneChoice,
    /// How losses measure.
    pub losses: LossConfig,
    /// Adam and what surrounds it.
    pub optimiser: OptimiserConfig,
    /// What is written, and how often.
    pub log: LogConfig,
    /// What is done, in this order.
    pub stages: Vec<StageConfig>,
}

/// Which generator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeneratorChoice {
    /// `compact`, `animegan2`, `tiny` or `deep`.
    pub architecture: Architecture,
    /// Bilinear upsampling mode; the architecture's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upsampling: Option<Upsampling>,
    /// A style file of the same architecture whose weights training starts from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<PathBuf>,
    /// Whether random weights start with a path for the photo's colours; for networks without
    /// skips.
    pub colour_path: bool,
    /// Whether it takes guide planes of a face besides the photo, as pairs with landmarks have them.
    pub guides: bool,
    /// Whether it is given photos in strokes ([`nijigen::strokes`]); for pairs of places.
    pub strokes: bool,
    /// Any other network, in place of the named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<GeneratorConfig>,
}

/// Generators that can be named in a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// For most devices: a quarter of animegan2's work.
    Compact,
    /// AnimeGANv2's own network, for computers.
    Animegan2,
    /// For phones and live pictures: a fourteenth of animegan2's work.
    Tiny,
    /// Sees twice as far as compact for half of its work: for places in strokes, and faces.
    Deep,
}

impl Architecture {
    /// The name in style files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Animegan2 => "animegan2",
            Self::Tiny => "tiny",
            Self::Deep => "deep",
        }
    }

    /// The network's configuration.
    pub fn config(self) -> GeneratorConfig {
        match self {
            Self::Compact => GeneratorConfig::compact(),
            Self::Animegan2 => GeneratorConfig::animegan2(),
            Self::Tiny => GeneratorConfig::tiny(),
            Self::Deep => GeneratorConfig::deep(),
        }
    }
}

impl GeneratorChoice {
    /// The network's configuration.
    pub fn config(&self) -> GeneratorConfig {
        let named = || self.architecture.config();
        self.as_chosen(self.network.clone().unwrap_or_else(named))
    }

    /// A network with this choice's upsampling and guide planes.
    fn as_chosen(&self, network: GeneratorConfig) -> GeneratorConfig {
        let mut network = match self.upsampling {
            Some(upsampling) => network.with_upsampling(upsampling),
            None => network,
        };
        if self.guides {
            network.input_channels = 3 + GUIDE_PLANES;
        }
        network
    }

    /// The network's name in style files.
    pub fn name(&self) -> &'static str {
        let config = self.config();
        let is_it = |named: &&Architecture| self.as_chosen(named.config()) == config;
        let named = Architecture::value_variants().iter().find(is_it);
        named.map_or("custom", |architecture| architecture.name())
    }
}

/// Which discriminator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiscriminatorSettings {
    /// `light` or `animegan2`.
    pub layout: DiscriminatorLayout,
    /// Channels of its first layer, to which all others are proportional.
    pub width: usize,
    /// What it takes for real: style crops, or the stage's regression targets (as in pix2pix).
    pub real: RealPictures,
    /// Whether it sees luma only, which keeps it from pulling at the colours.
    pub grayscale: bool,
}

/// What a discriminator takes for real.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RealPictures {
    /// Crops of style images.
    Style,
    /// The regression targets.
    Target,
}

/// Samples and batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Samples a step.
    pub batch: usize,
    /// Side of the square crops in pixels, a multiple of 4.
    pub crop_px: usize,
    /// Sizes of the photos that crops are taken from, relative to the prepared ones.
    pub photo_scales: Vec<f32>,
    /// Smallest and largest size of the style images that crops are taken from.
    pub style_scale: [f32; 2],
    /// Share of samples with a face, where there are any.
    pub face_share: f64,
    /// Share of the face samples whose crop is aimed at the face.
    pub aimed_share: f64,
    /// Share of the face samples taken from aligned faces.
    pub aligned_share: f64,
    /// How often photos are drawn whose file name begins so, 1 being usual.
    pub photo_weights: std::collections::BTreeMap<String, f64>,
    /// Weight of a style cluster in the style loss, by its number; 1 if not named.
    pub style_cluster_weights: std::collections::BTreeMap<String, f64>,
    /// Decoded images kept in memory, in MB.
    pub cache_mb: usize,
}

/// Changes to the samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentConfig {
    /// Probability of a horizontal flip.
    pub flip: f64,
    /// Largest change of brightness, in units of the full range.
    pub brightness: f32,
    /// Largest relative change of contrast.
    pub contrast: f32,
    /// Standard deviation of Gaussian noise on photos, in units of the full range.
    pub noise: f32,
    /// Largest relative change of each colour, for photo and target alike.
    pub cast: f32,
    /// Whether colours are changed in photos alone, for targets that are regions and no pictures.
    pub photo_alone: bool,
    /// Farthest that a sample is turned to either side, in degrees.
    pub turn_degrees: f32,
    /// Share of photos that are blurred, and of those that are compressed; their targets are not.
    pub degraded: f64,
    /// Standard deviation of the place of a face's landmarks, as a part of its crop's side.
    pub landmark_error: f32,
    /// Share of faces whose irises are not shown to the network, as detectors without them don't.
    pub irises_hidden: f64,
}

/// Which perceptual backbone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackboneChoice {
    /// `vgg16` or `vgg19`.
    pub kind: Vgg,
    /// A file made by `nijigen backbone`; the cache folder's if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Random weights with channels divided by this, for tests: such features mean nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub random_width_divisor: Option<usize>,
}

/// How losses measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossConfig {
    /// Layer of the content loss, such as `relu3_3`, or `conv4_4` before its ReLU.
    pub content_tap: String,
    /// Distance of the content loss.
    pub content_distance: Distance,
    /// What the content loss compares with. With the target it is a perceptual regression: details
    /// are drawn rather than averaged.
    pub content_reference: Reference,
    /// Layers of the style loss.
    pub style_taps: Vec<String>,
    /// Distance of the style loss.
    pub style_distance: Distance,
    /// Whether the style loss compares luma only.
    pub style_grayscale: bool,
    /// What the style loss compares with.
    pub style_target: StyleTarget,
    /// Layer of the landmark-local loss.
    pub landmark_tap: String,
    /// What the landmark-local loss compares with.
    pub landmark_reference: Reference,
    /// How much more the regression counts at lids, brows, lips and irises, for pairs with landmarks.
    pub feature_weight: f64,
    /// Whether features are divided by their mean on photos; off for weights that were published
    /// for unscaled features.
    pub normalise_features: bool,
    /// Which colour loss.
    pub colour: ColourLoss,
    /// Distance of the total variation loss.
    pub total_variation_distance: Distance,
    /// What the colour loss compares with.
    pub colour_reference: Reference,
}

/// Target of the style loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StyleTarget {
    /// The Gram matrix of one style crop for each photo.
    PerImage,
    /// The mean Gram matrix of the batch's style crops.
    Mean,
}

/// Formula of the colour loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColourLoss {
    /// L1 of Lab's a and b.
    LabAb,
    /// L1 of all of Lab, as AnimeGANv3.
    Lab,
    /// L1 of Y, Huber of U and V, as AnimeGANv2.
    YuvHuber,
}

/// What a loss compares the output with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reference {
    /// The photo.
    Photo,
    /// The stage's regression target.
    Target,
}

/// Adam and what surrounds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimiserConfig {
    /// Decay of the gradient's first moment.
    pub beta_1: f32,
    /// Decay of the gradient's second moment.
    pub beta_2: f32,
    /// Largest norm of the gradient of all parameters together.
    pub gradient_clip: f32,
    /// Factor on the learning rates every `decay_every` steps.
    pub decay: f64,
    /// Steps between two decays, over the whole run.
    pub decay_every: usize,
    /// Decay of the exponential moving average of the generator's weights, which is what is
    /// shipped.
    pub ema: f32,
}

/// What is written, and how often, in steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Lines in `metrics.jsonl`.
    pub metrics_every: usize,
    /// Sample grids and the report.
    pub samples_every: usize,
    /// Photos in a sample grid.
    pub sample_photos: usize,
    /// Checkpoints.
    pub checkpoint_every: usize,
    /// Checkpoints that are kept.
    pub keep_checkpoints: usize,
}

/// One part of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StageConfig {
    /// Name in the log.
    pub name: String,
    /// Steps of this stage.
    pub steps: usize,
    /// Learning rate of the generator.
    pub generator_rate: f64,
    /// Learning rate of the discriminator; 0 keeps it fixed.
    pub discriminator_rate: f64,
    /// Course of both rates over the stage.
    pub schedule: Schedule,
    /// Picture that the regression compares with.
    pub target: Target,
    /// A style file whose generator is the teacher, for the target `teacher`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teacher: Option<PathBuf>,
    /// A folder with `photo` and `target` folders that hold files of the same names, for the
    /// target `pairs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairs: Option<PathBuf>,
    /// Weights of the losses.
    pub weights: LossWeights,
}

/// Course of a learning rate over a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// The same throughout.
    Constant,
    /// Half a cosine down to zero, after a short warm-up.
    Cosine,
}

/// Picture that the regression compares the output with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// None: the regression has no weight.
    None,
    /// The procedural target of the photo.
    Procedural,
    /// The other picture of a pair.
    Pairs,
    /// The output of another generator.
    Teacher,
}

/// Weight of each loss; 0 leaves it out.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossWeights {
    /// L1 to the target.
    pub regression: Ramp,
    /// L1 of first differences to the target's.
    pub regression_gradient: Ramp,
    /// Content loss.
    pub content: Ramp,
    /// Style loss.
    pub style: Ramp,
    /// Colour loss.
    pub colour: Ramp,
    /// Total variation loss.
    pub total_variation: Ramp,
    /// Landmark-local perceptual loss.
    pub landmark: Ramp,
    /// Adversarial loss of the generator.
    pub adversarial: Ramp,
    /// The discriminator on style crops.
    pub discriminator_real: Ramp,
    /// The discriminator on outputs.
    pub discriminator_fake: Ramp,
    /// The discriminator on gray style crops.
    pub discriminator_gray: Ramp,
    /// The discriminator on edge-smoothed style crops.
    pub discriminator_smooth: Ramp,
}

/// A weight: one number, or a straight line from one to another over the stage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Ramp {
    /// The same throughout.
    Constant(f64),
    /// From the first at the stage's start to the second at its end.
    Linear([f64; 2]),
}

impl Default for Ramp {
    fn default() -> Self {
        Self::Constant(0.0)
    }
}

impl Ramp {
    /// The weight at `progress` through the stage, 0 to 1.
    pub fn at(self, progress: f64) -> f64 {
        match self {
            Self::Constant(value) => value,
            Self::Linear([from, to]) => from + progress * (to - from),
        }
    }

    /// Whether the weight is ever above zero.
    pub fn is_used(self) -> bool {
        match self {
            Self::Constant(value) => value > 0.0,
            Self::Linear([from, to]) => from > 0.0 || to > 0.0,
        }
    }
}

impl LossWeights {
    /// All weights by name.
    pub fn named(&self) -> [(&'static str, Ramp); 12] {
        [
            ("regression", self.regression),
            ("regression_gradient", self.regression_gradient),
            ("content", self.content),
            ("style", self.style),
            ("colour", self.colour),
            ("total_variation", self.total_variation),
            ("landmark", self.landmark),
            ("adversarial", self.adversarial),
            ("discriminator_real", self.discriminator_real),
            ("discriminator_fake", self.discriminator_fake),
            ("discriminator_gray", self.discriminator_gray),
            ("discriminator_smooth", self.discriminator_smooth),
        ]
    }
}

impl Default for GeneratorChoice {
    fn default() -> Self {
        Self {
            architecture: Architecture::Compact,
            upsampling: None,
            init: None,
            colour_path: false,
            guides: false,
            strokes: false,
            network: None,
        }
    }
}

impl Default for DiscriminatorSettings {
    fn default() -> Self {
        Self {
            layout: DiscriminatorLayout::Light,
            width: DiscriminatorConfig::full(DiscriminatorLayout::Light).width,
            real: RealPictures::Style,
            grayscale: true,
        }
    }
}

impl DiscriminatorSettings {
    /// The network's configuration.
    pub fn config(&self) -> DiscriminatorConfig {
        DiscriminatorConfig {
            layout: self.layout,
            width: self.width,
        }
    }
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            batch: 4,
            crop_px: 128,
            photo_scales: vec![1.0, 0.7],
            style_scale: [0.5, 1.05],
            face_share: 0.5,
            aimed_share: 0.6,
            aligned_share: 0.2,
            photo_weights: Default::default(),
            style_cluster_weights: Default::default(),
            cache_mb: 2048,
        }
    }
}

impl Default for AugmentConfig {
    fn default() -> Self {
        Self {
            flip: 0.5,
            brightness: 0.1,
            contrast: 0.1,
            noise: 0.01,
            cast: 0.0,
            photo_alone: false,
            turn_degrees: 0.0,
            degraded: 0.0,
            landmark_error: 0.0,
            irises_hidden: 0.0,
        }
    }
}

impl Default for BackboneChoice {
    fn default() -> Self {
        Self {
            kind: Vgg::Vgg16,
            path: None,
            random_width_divisor: None,
        }
    }
}

impl Default for LossConfig {
    fn default() -> Self {
        Self {
            content_tap: "relu3_3".into(),
            content_distance: Distance::L1,
            content_reference: Reference::Photo,
            style_taps: ["relu1_1", "relu2_1", "relu3_1"]
                .map(str::to_owned)
                .to_vec(),
            style_distance: Distance::L1,
            style_grayscale: true,
            style_target: StyleTarget::PerImage,
            landmark_tap: "relu3_3".into(),
            landmark_reference: Reference::Photo,
            feature_weight: 0.0,
            normalise_features: true,
            colour: ColourLoss::LabAb,
            total_variation_distance: Distance::L1,
            colour_reference: Reference::Target,
        }
    }
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        Self {
            beta_1: 0.9,
            beta_2: 0.99,
            gradient_clip: 1.0,
            decay: 0.9,
            decay_every: 50_000,
            ema: 0.998,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            metrics_every: 10,
            samples_every: 500,
            sample_photos: 6,
            checkpoint_every: 250,
            keep_checkpoints: 2,
        }
    }
}

impl Default for StageConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            steps: 0,
            generator_rate: 2e-4,
            discriminator_rate: 2e-4,
            schedule: Schedule::Constant,
            target: Target::None,
            teacher: None,
            pairs: None,
            weights: LossWeights::default(),
        }
    }
}

impl TrainConfig {
    /// Reads a preset by its name, or else a file.
    ///
    /// # Errors
    /// If there is neither, or for anything [`TrainConfig::parse`] refuses.
    pub fn open(name_or_path: &str) -> Result<Self> {
        if let Some((name, text)) = PRESETS.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(text).with_context(|| format!("in the preset {name}"));
        }
        let path = Path::new(name_or_path);
        let text = std::fs::read_to_string(path).with_context(|| {
            let names = PRESETS.map(|(name, _)| name).join(", ");
            format!("cannot read the configuration {name_or_path}, which is none of the presets {names} either")
        })?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    /// Reads a configuration from TOML and checks it.
    ///
    /// # Errors
    /// Syntax errors, unknown keys and values out of range, each named.
    pub fn parse(text: &str) -> Result<Self> {
        let config: Self = toml::from_str(text)?;
        config.validate()?;
        Ok(config)
    }

    /// Checks every value that has a range.
    ///
    /// # Errors
    /// Names the first setting out of range, its value and what was expected.
    pub fn validate(&self) -> Result<()> {
        let data = &self.data;
        in_range("data.batch", data.batch as f64, 1.0, 1024.0)?;
        in_range("data.crop_px", data.crop_px as f64, 32.0, 1024.0)?;
        if !data.crop_px.is_multiple_of(4) {
            bail!("data.crop_px is {}, expected a multiple of 4", data.crop_px);
        }
        if data.photo_scales.is_empty() {
            bail!("data.photo_scales is empty, expected at least one scale");
        }
        for &scale in data.photo_scales.iter().chain(&data.style_scale) {
            in_range("a scale of data", f64::from(scale), 0.05, 4.0)?;
        }
        if data.style_scale[0] > data.style_scale[1] {
            bail!(
                "data.style_scale is {:?}, expected the smaller one first",
                data.style_scale
            );
        }
        for (name, share) in [
            ("data.face_share", data.face_share),
            ("data.aimed_share", data.aimed_share),
            ("data.aligned_share", data.aligned_share),
            ("augment.flip", self.augment.flip),
            ("augment.brightness", f64::from(self.augment.brightness)),
            ("augment.contrast", f64::from(self.augment.contrast)),
            ("augment.noise", f64::from(self.augment.noise)),
            ("augment.cast", f64::from(self.augment.cast)),
            ("augment.degraded", self.augment.degraded),
            (
                "augment.landmark_error",
                f64::from(self.augment.landmark_error),
            ),
            ("augment.irises_hidden", self.augment.irises_hidden),
        ] {
            in_range(name, share, 0.0, 1.0)?;
        }
        in_range(
            "augment.turn_degrees",
            f64::from(self.augment.turn_degrees),
            0.0,
            180.0,
        )?;
        in_range(
            "losses.feature_weight",
            self.losses.feature_weight,
            0.0,
            1e3,
        )?;
        for (name, map) in [
            ("photo_weights", &data.photo_weights),
            ("style_cluster_weights", &data.style_cluster_weights),
        ] {
            for (key, &weight) in map {
                in_range(&format!("data.{name}.{key}"), weight, 0.0, 1e6)?;
            }
        }
        if self.generator.colour_path
            && self.generator.config().upsampling == Upsampling::DepthToSpace
        {
            bail!("generator.colour_path does not lead through the upsampling depth_to_space");
        }
        if let (Some(init), true) = (&self.generator.init, self.generator.colour_path) {
            bail!(
                "generator.colour_path is for random weights, but generator.init is {}",
                init.display()
            );
        }
        self.generator
            .config()
            .validate()
            .context("in generator.network")?;
        self.procedural.validate()?;
        let optimiser = &self.optimiser;
        for (name, value) in [
            ("optimiser.beta_1", f64::from(optimiser.beta_1)),
            ("optimiser.beta_2", f64::from(optimiser.beta_2)),
            ("optimiser.ema", f64::from(optimiser.ema)),
        ] {
            in_range(name, value, 0.0, 0.999_999)?;
        }
        in_range(
            "optimiser.gradient_clip",
            f64::from(optimiser.gradient_clip),
            1e-6,
            1e6,
        )?;
        in_range("optimiser.decay", optimiser.decay, 0.01, 1.0)?;
        for (name, value) in [
            ("optimiser.decay_every", optimiser.decay_every),
            ("log.metrics_every", self.log.metrics_every),
            ("log.samples_every", self.log.samples_every),
            ("log.checkpoint_every", self.log.checkpoint_every),
            ("log.keep_checkpoints", self.log.keep_checkpoints),
        ] {
            in_range(name, value as f64, 1.0, 1e12)?;
        }
        in_range(
            "log.sample_photos",
            self.log.sample_photos as f64,
            1.0,
            64.0,
        )?;
        if self.losses.style_taps.is_empty() {
            bail!("losses.style_taps is empty, expected at least one layer");
        }
        if self.stages.is_empty() {
            bail!("there are no [[stages]], expected at least one");
        }
        for (i, stage) in self.stages.iter().enumerate() {
            self.validate_references(stage)
                .and_then(|()| stage.validate())
                .with_context(|| format!("in stages[{i}] ({:?})", stage.name))?;
        }
        Ok(())
    }

    /// Checks that a stage has the target that its losses compare with.
    fn validate_references(&self, stage: &StageConfig) -> Result<()> {
        if stage.target != Target::None {
            return Ok(());
        }
        if stage.weights.content.is_used() && self.losses.content_reference == Reference::Target {
            bail!("losses.content_reference is \"target\" but the stage's target is \"none\"");
        }
        if stage.weights.discriminator_real.is_used()
            && self.discriminator.real == RealPictures::Target
        {
            bail!("discriminator.real is \"target\" but the stage's target is \"none\"");
        }
        Ok(())
    }

    /// Steps of all stages.
    pub fn total_steps(&self) -> usize {
        self.stages.iter().map(|stage| stage.steps).sum()
    }

    /// The index of the stage that step `step` (from 0) belongs to, and how many of the stage's
    /// steps are done; `None` after the last.
    pub fn stage_at(&self, step: usize) -> Option<(usize, usize)> {
        let mut start = 0;
        for (index, stage) in self.stages.iter().enumerate() {
            if step < start + stage.steps {
                return Some((index, step - start));
            }
            start += stage.steps;
        }
        None
    }

    /// Whether any stage uses a weight that `pick` selects.
    pub fn uses(&self, pick: impl Fn(&LossWeights) -> Ramp) -> bool {
        self.stages
            .iter()
            .any(|stage| pick(&stage.weights).is_used())
    }

    /// The whole configuration as TOML, each setting that differs from the default marked with
    /// it.
    ///
    /// # Errors
    /// If it cannot be written as TOML.
    pub fn resolved(&self) -> Result<String> {
        let text = toml::to_string(self)?;
        let defaults: toml::Table = toml::from_str(&toml::to_string(&Self::default())?)?;
        let stage_defaults: toml::Table =
            toml::from_str(&toml::to_string(&StageConfig::default())?)?;
        let mut section: Vec<String> = Vec::new();
        let mut out = String::new();
        for line in text.lines() {
            out.push_str(line);
            if line.starts_with('[') {
                section = line
                    .trim_matches(['[', ']'])
                    .split('.')
                    .map(str::to_owned)
                    .collect();
            } else if let Some((key, value)) = line.split_once(" = ") {
                let (table, path) = match section.split_first() {
                    Some((first, rest)) if first == "stages" => (&stage_defaults, rest),
                    _ => (&defaults, &section[..]),
                };
                let default = lookup(table, path, key);
                if default.as_deref() != Some(value) {
                    out.push_str(&match default {
                        Some(default) => format!("  # default: {default}"),
                        None => "  # not set by default".to_owned(),
                    });
                }
            }
            out.push('\n');
        }
        Ok(out)
    }
}

/// The value at `path.key` as TOML writes it.
fn lookup(table: &toml::Table, path: &[String], key: &str) -> Option<String> {
    let mut table = table;
    for name in path {
        table = table.get(name)?.as_table()?;
    }
    table.get(key).map(ToString::to_string)
}

fn in_range(name: &str, value: f64, low: f64, high: f64) -> Result<()> {
    if !(low..=high).contains(&value) {
        bail!("{name} is {value}, expected {low} to {high}");
    }
    Ok(())
}

impl StageConfig {
    fn validate(&self) -> Result<()> {
        in_range("steps", self.steps as f64, 1.0, 1e9)?;
        in_range("generator_rate", self.generator_rate, 0.0, 1.0)?;
        in_range("discriminator_rate", self.discriminator_rate, 0.0, 1.0)?;
        for (name, ramp) in self.weights.named() {
            for value in [ramp.at(0.0), ramp.at(1.0)] {
                in_range(&format!("weights.{name}"), value, 0.0, 1e6)?;
            }
        }
        let weights = &self.weights;
        let regression = weights.regression.is_used() || weights.regression_gradient.is_used();
        if regression && self.target == Target::None {
            bail!("the regression has a weight but target is \"none\"");
        }
        if (self.target == Target::Teacher) != self.teacher.is_some() {
            bail!("target \"teacher\" and a teacher file go together");
        }
        if (self.target == Target::Pairs) != self.pairs.is_some() {
            bail!("target \"pairs\" and a pairs folder go together");
        }
        let used = weights
            .named()
            .iter()
            .any(|(name, ramp)| !name.starts_with("discriminator") && ramp.is_used());
        if !used {
            bail!("no loss of the generator has a weight");
        }
        Ok(())
    }

    /// Factor on the learning rates after `done` steps of this stage.
    pub fn rate_factor(&self, done: usize) -> f64 {
        match self.schedule {
            Schedule::Constant => 1.0,
            Schedule::Cosine => {
                // Adam's moments are not yet settled in the first steps.
                let warm_up = ((done + 1) as f64 / 50.0).min(1.0);
                let progress = done as f64 / self.steps as f64;
                warm_up * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid() {
        for (name, _) in PRESETS {
            TrainConfig::open(name).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        }
        let styles = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/styles");
        for file in std::fs::read_dir(styles).expect("configurations of styles") {
            let path = file.expect("a file").path();
            let name = path.to_str().expect("a UTF-8 path");
            TrainConfig::open(name).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        }
    }

    #[test]
    fn misspelt_keys_and_bad_values_are_named() {
        let error = |text: &str| format!("{:#}", TrainConfig::parse(text).expect_err(text));
        assert!(error("[data]\nbach = 3").contains("unknown field `bach`"));
        assert!(
            error("[data]\ncrop_px = 130")
                .contains("data.crop_px is 130, expected a multiple of 4")
        );
        let stage = "[[stages]]\nname = 'x'\nsteps = 5\n";
        assert!(error(stage).contains("no loss of the generator has a weight"));
        let regression = format!("{stage}weights = {{ regression = 1.0 }}");
        assert!(error(&regression).contains("target is \"none\""));
        let unknown = format!("{stage}weights = {{ contnet = 1.0 }}");
        assert!(error(&unknown).contains("contnet"));
        let both = "[generator]\ncolour_path = true\nupsampling = 'depth_to_space'";
        assert!(error(both).contains("does not lead through the upsampling depth_to_space"));
        let both = "[generator]\ninit = 'a.safetensors'\ncolour_path = true";
        assert!(error(both).contains("generator.init is a.safetensors"));
    }

    #[test]
    fn ramps_and_rates() {
        assert_eq!(Ramp::Linear([1.0, 3.0]).at(0.5), 2.0);
        let stage = StageConfig {
            steps: 1000,
            schedule: Schedule::Cosine,
            ..Default::default()
        };
        assert!(stage.rate_factor(0) < 0.05);
        assert!((stage.rate_factor(500) - 0.5).abs() < 1e-9);
        assert!(stage.rate_factor(999) < 0.001);
    }

    #[test]
    fn resolved_marks_what_is_not_default_and_reads_back() {
        let config = TrainConfig::open("smoke").expect("the preset is valid");
        let resolved = config.resolved().expect("it can be written");
        assert!(resolved.contains("# default: 128"), "{resolved}");
        assert!(resolved.contains("flip = 0.5\n"), "{resolved}");
        assert_eq!(
            TrainConfig::parse(&resolved).expect("it reads back"),
            config
        );
    }

    #[test]
    fn stages_follow_each_other() {
        let stage = |steps| StageConfig {
            steps,
            ..Default::default()
        };
        let config = TrainConfig {
            stages: vec![stage(3), stage(2)],
            ..Default::default()
        };
        assert_eq!(config.total_steps(), 5);
        assert_eq!(config.stage_at(4), Some((1, 1)));
        assert!(config.stage_at(5).is_none());
    }
}
