//! Which channels of a generator can only be removed together.
//!
//! A layer's output channels are the next layer's input channels. Where activations are added
//! (inverted residuals, skips), all the layers that feed the sum share their channels, and a layer
//! that does not mix its channels has those of the layer before it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use nijigen::model::{GeneratorConfig, ModulePath, Shortcut, TensorValues, Upsampling, Weights};

/// The groups of channels of a network, by number, and where they occur.
pub struct Wiring {
    /// The group of each layer's output; picture and head have none.
    pub layers: BTreeMap<ModulePath, usize>,
    /// Channels of each group.
    pub widths: Vec<usize>,
    /// Groups of which no channel can be removed: depth-to-space makes the pixels of one channel of
    /// four of theirs.
    pub whole: BTreeSet<usize>,
    /// By the names of tensors.
    cuts: BTreeMap<String, Cut>,
}

/// The groups along a tensor's first and second dimension.
#[derive(Clone, Copy)]
struct Cut {
    out: Option<usize>,
    input: Option<usize>,
}

impl Wiring {
    /// The groups of a valid configuration.
    pub fn new(config: &GeneratorConfig) -> Self {
        let mut wiring = Self {
            layers: BTreeMap::new(),
            widths: Vec::new(),
            whole: BTreeSet::new(),
            cuts: BTreeMap::new(),
        };
        // Of each layer.
        let mut groups: Vec<Option<usize>> = Vec::new();
        for layer in config.layers() {
            let mut input = groups.get(layer.input).copied().flatten();
            let out = match layer.path {
                ModulePath::Picture | ModulePath::Head => None,
                _ if !layer.mixes_channels() => input,
                _ => match layer.adds {
                    Some(added) => groups[added],
                    None => Some(wiring.fresh(layer.channels)),
                },
            };
            if let Some(group) = out {
                wiring.layers.insert(layer.path, group);
            }
            let by_depth = |by| by == Upsampling::DepthToSpace;
            if layer.resize.is_some_and(|resize| by_depth(resize.by)) {
                wiring.whole.extend(input.take());
            }
            let input = input.filter(|_| layer.mixes_channels());
            for tensor in layer.tensors() {
                wiring.cuts.insert(tensor.name, Cut { out, input });
            }
            groups.push(out);
        }
        wiring
    }

    fn fresh(&mut self, channels: usize) -> usize {
        self.widths.push(channels);
        self.widths.len() - 1
    }

    /// The group of the channels that the tensor `name` makes, if any.
    pub fn group_of(&self, name: &str) -> Option<usize> {
        self.cuts.get(name)?.out
    }

    /// `config` with other widths of the groups. Inverted residuals that did not add their input do not
    /// begin to where it has become as wide as their output.
    pub fn resized(&self, config: &GeneratorConfig, widths: &[usize]) -> GeneratorConfig {
        let mut resized = config.clone();
        for (&path, &group) in &self.layers {
            if let Some(channels) = resized.channels_mut(path) {
                *channels = widths[group];
            }
        }
        for (before, after) in config.layers().iter().zip(resized.layers()) {
            if let (ModulePath::Project(i), None, Some(_)) = (after.path, before.adds, after.adds) {
                resized.residuals[i].shortcut = Shortcut::Never;
            }
        }
        resized
    }

    /// The weights with only the channels `kept` of each group, in ascending order.
    ///
    /// # Errors
    /// If a tensor does not have the channels that the network says.
    pub fn sliced(&self, weights: &Weights, kept: &[Vec<usize>]) -> Result<Weights> {
        let slice = |(name, tensor): (&String, &TensorValues)| {
            let mut tensor = tensor.clone();
            if let Some(cut) = self.cuts.get(name) {
                for (dim, group) in [(0, cut.out), (1, cut.input)] {
                    // Normalisations have one dimension only.
                    let Some(group) = group.filter(|_| dim < tensor.shape.len()) else {
                        continue;
                    };
                    ensure!(
                        tensor.shape[dim] == self.widths[group],
                        "{name} has the shape {:?}, expected {} channels in dimension {dim}",
                        tensor.shape,
                        self.widths[group]
                    );
                    tensor = select(&tensor, dim, &kept[group]);
                }
            }
            Ok((name.clone(), tensor))
        };
        weights
            .iter()
            .map(slice)
            .collect::<Result<_>>()
            .context("the weights do not fit their network")
    }
}

/// The entries `kept` of a tensor along `dim`.
fn select(tensor: &TensorValues, dim: usize, kept: &[usize]) -> TensorValues {
    let inner: usize = tensor.shape[dim + 1..].iter().product();
    let rows = tensor.values.chunks(tensor.shape[dim] * inner);
    let values = rows
        .flat_map(|row| {
            kept.iter()
                .flat_map(move |&i| &row[i * inner..(i + 1) * inner])
        })
        .copied()
        .collect();
    let mut shape = tensor.shape.clone();
    shape[dim] = kept.len();
    TensorValues { shape, values }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};

    use super::*;

    /// Where every other channel repeats the one before it, and nothing looks at it, the network
    /// without them makes the same picture.
    #[test]
    fn channels_that_nothing_looks_at_can_be_cut_out() {
        let device = Device::flex();
        device.seed(7);
        let mut guided = GeneratorConfig::deep();
        guided.input_channels = 5;
        guided.residuals.truncate(2);
        for config in [
            GeneratorConfig::tiny(),
            GeneratorConfig::animegan2(),
            guided,
        ] {
            let wiring = Wiring::new(&config);
            let mut weights = config
                .init(&device)
                .expect("valid")
                .weights()
                .expect("flex can be read");
            // Copies, so that means and variances stay the same.
            for (name, tensor) in &mut weights {
                let cut = wiring.cuts.get(name);
                if cut.is_some_and(|cut| cut.out.is_some()) {
                    let row = tensor.values.len() / tensor.shape[0];
                    for channel in (1..tensor.shape[0]).step_by(2) {
                        let copy = tensor.values[(channel - 1) * row..channel * row].to_vec();
                        tensor.values[channel * row..(channel + 1) * row].copy_from_slice(&copy);
                    }
                }
                if tensor.shape.len() == 4 && cut.is_some_and(|cut| cut.input.is_some()) {
                    let area = tensor.shape[2] * tensor.shape[3];
                    for (i, kernel) in tensor.values.chunks_mut(area).enumerate() {
                        if i % tensor.shape[1] % 2 == 1 {
                            kernel.fill(0.0);
                        }
                    }
                }
            }
            let kept: Vec<Vec<usize>> = wiring
                .widths
                .iter()
                .map(|&width| (0..width).step_by(2).collect())
                .collect();
            let widths: Vec<usize> = kept.iter().map(Vec::len).collect();
            let small = wiring.resized(&config, &widths);
            assert!(small.parameter_count() < config.parameter_count() / 3);
            let cut = wiring.sliced(&weights, &kept).expect("they fit");
            let picture = |config: &GeneratorConfig, weights: &Weights| {
                let shape = [1, config.input_channels, 32, 32];
                let count = shape.iter().product();
                let values = (0..count).map(|i: usize| (i as f32 * 0.37).sin()).collect();
                let x = Tensor::from_data(TensorData::new(values, shape), &device);
                let generator = config.init_with(weights, &device).expect("they fit");
                let output = generator.forward(x).into_data();
                output.try_into_vec::<f32>().expect("f32")
            };
            let (before, after) = (picture(&config, &weights), picture(&small, &cut));
            for (a, b) in before.iter().zip(&after) {
                assert!((a - b).abs() < 1e-4, "{a} became {b}");
            }
        }
    }

    #[test]
    fn sums_share_their_channels() {
        let compact = Wiring::new(&GeneratorConfig::compact());
        let group = |wiring: &Wiring, layer| wiring.layers[&layer];
        assert_eq!(
            group(&compact, ModulePath::Encoder(2)),
            group(&compact, ModulePath::Project(8))
        );
        assert_eq!(
            group(&compact, ModulePath::Encoder(0)),
            group(&compact, ModulePath::Decoder(1, 0))
        );
        let mut config = GeneratorConfig::animegan2();
        let full = Wiring::new(&config);
        assert_ne!(
            group(&full, ModulePath::Encoder(5)),
            group(&full, ModulePath::Project(0))
        );
        assert_eq!(
            group(&full, ModulePath::Project(0)),
            group(&full, ModulePath::Project(3))
        );
        config.residuals[2].shortcut = Shortcut::Never;
        let cut = Wiring::new(&config);
        assert_ne!(
            group(&cut, ModulePath::Project(0)),
            group(&cut, ModulePath::Project(3))
        );
    }

    #[test]
    fn residuals_do_not_begin_to_add_their_input() {
        let config = GeneratorConfig::animegan2();
        let wiring = Wiring::new(&config);
        let mut widths = wiring.widths.clone();
        assert_eq!(wiring.resized(&config, &widths), config);
        widths[wiring.layers[&ModulePath::Project(0)]] = 128;
        let resized = wiring.resized(&config, &widths);
        let adds = |config: &GeneratorConfig| -> Vec<Option<usize>> {
            config.layers().iter().map(|layer| layer.adds).collect()
        };
        assert_eq!(adds(&resized), adds(&config));
        assert_eq!(resized.residuals[0].channels, 128);
    }

    #[test]
    fn what_depth_to_space_takes_apart_stays_whole() {
        let config = GeneratorConfig::compact().with_upsampling(Upsampling::DepthToSpace);
        let wiring = Wiring::new(&config);
        let whole = [ModulePath::Project(8), ModulePath::Decoder(0, 0)];
        let whole = whole.map(|path| wiring.layers[&path]);
        assert_eq!(wiring.whole, BTreeSet::from(whole));
    }

    #[test]
    fn weights_of_another_shape_are_named() {
        let config = GeneratorConfig::tiny();
        let wiring = Wiring::new(&config);
        let weights = GeneratorConfig::compact()
            .init(&Device::flex())
            .expect("valid")
            .weights()
            .expect("flex can be read");
        let kept: Vec<Vec<usize>> = wiring.widths.iter().map(|&w| (0..w).collect()).collect();
        let error = format!("{:#}", wiring.sliced(&weights, &kept).expect_err("refused"));
        assert!(error.contains("decoder.0.convs.0.conv.weight"), "{error}");
    }
}
