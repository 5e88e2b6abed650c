//! Which channels of a generator can only be removed together.
//!
//! A layer's output channels are the next layer's input channels. Where activations are added
//! (inverted residuals, skips), all the layers that feed the sum share their channels, and a
//! depthwise layer has the channels of the layer before it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use nijigen::model::{GeneratorConfig, Layer, TensorValues, Weights};

/// The groups of channels of a network, by number, and where they occur.
pub struct Wiring {
    /// The group of each layer's output; the head has none.
    pub layers: BTreeMap<Layer, usize>,
    /// Channels of each group.
    pub widths: Vec<usize>,
    cuts: Vec<Cut>,
}

/// The tensors whose names begin so, and the groups along their first and second dimension.
struct Cut {
    prefix: String,
    out: Option<usize>,
    input: Option<usize>,
}

impl Wiring {
    /// The groups of a valid configuration.
    pub fn new(config: &GeneratorConfig) -> Self {
        let mut wiring = Self {
            layers: BTreeMap::new(),
            widths: Vec::new(),
            cuts: Vec::new(),
        };
        // The group that flows on; the photo's colours are none.
        let mut current = None;
        let mut levels = Vec::new();
        for (i, spec) in config.encoder.iter().enumerate() {
            if spec.stride == 2 {
                levels.push(current);
            }
            let out = wiring.fresh(spec.channels);
            wiring.set(Layer::Encoder(i), out);
            wiring.cut(format!("encoder.{i}."), Some(out), current);
            current = Some(out);
        }
        for (i, block) in config.residuals.iter().enumerate() {
            let hidden = wiring.fresh(block.hidden);
            wiring.set(Layer::Expand(i), hidden);
            wiring.set(Layer::Depthwise(i), hidden);
            let out = match current {
                Some(group) if wiring.widths[group] == block.channels => group,
                _ => wiring.fresh(block.channels),
            };
            wiring.set(Layer::Residual(i), out);
            let name = format!("residuals.{i}");
            wiring.cut(format!("{name}.expand."), Some(hidden), current);
            wiring.cut(format!("{name}.depthwise."), Some(hidden), None);
            wiring.cut(format!("{name}.project"), Some(out), Some(hidden));
            current = Some(out);
        }
        for (i, spec) in config.bridge.iter().enumerate() {
            let out = wiring.fresh(spec.channels);
            wiring.set(Layer::Bridge(i), out);
            wiring.cut(format!("bridge.{i}."), Some(out), current);
            current = Some(out);
        }
        for (s, stage) in config.decoder.iter().enumerate() {
            let level = levels.pop().flatten().filter(|_| stage.skip);
            for (i, spec) in stage.convs.iter().enumerate() {
                let is_last = i + 1 == stage.convs.len();
                let out = match level.filter(|_| is_last) {
                    Some(level) => level,
                    None => wiring.fresh(spec.channels),
                };
                wiring.set(Layer::Decoder(s, i), out);
                wiring.cut(format!("decoder.{s}.convs.{i}."), Some(out), current);
                current = Some(out);
            }
        }
        wiring.cut("head.weight".into(), None, current);
        wiring
    }

    fn fresh(&mut self, channels: usize) -> usize {
        self.widths.push(channels);
        self.widths.len() - 1
    }

    fn set(&mut self, layer: Layer, group: usize) {
        self.layers.insert(layer, group);
    }

    fn cut(&mut self, prefix: String, out: Option<usize>, input: Option<usize>) {
        self.cuts.push(Cut { prefix, out, input });
    }

    /// The group of the channels that the tensor `name` makes, if any.
    pub fn group_of(&self, name: &str) -> Option<usize> {
        self.cut_of(name)?.out
    }

    fn cut_of(&self, name: &str) -> Option<&Cut> {
        self.cuts.iter().find(|cut| name.starts_with(&cut.prefix))
    }

    /// `config` with other widths of the groups.
    pub fn resized(&self, config: &GeneratorConfig, widths: &[usize]) -> GeneratorConfig {
        let mut resized = config.clone();
        for (&layer, &group) in &self.layers {
            let width = widths[group];
            match layer {
                Layer::Encoder(i) => resized.encoder[i].channels = width,
                Layer::Expand(i) | Layer::Depthwise(i) => resized.residuals[i].hidden = width,
                Layer::Residual(i) => resized.residuals[i].channels = width,
                Layer::Bridge(i) => resized.bridge[i].channels = width,
                Layer::Decoder(s, i) => resized.decoder[s].convs[i].channels = width,
                Layer::Head => {}
            }
        }
        resized
    }

    /// Whether an inverted residual would add its input with these widths but did not before, as
    /// it does where the number of channels stays the same.
    pub fn adds_a_residual(&self, config: &GeneratorConfig, widths: &[usize]) -> bool {
        let mut current = config.encoder.len().checked_sub(1).map(Layer::Encoder);
        (0..config.residuals.len()).any(|i| {
            let out = Layer::Residual(i);
            let group = |layer| self.layers.get(&layer);
            let before = current.replace(out).and_then(group);
            match (before, group(out)) {
                (Some(a), Some(b)) => a != b && widths[*a] == widths[*b],
                _ => false,
            }
        })
    }

    /// The weights with only the channels `kept` of each group, in ascending order.
    ///
    /// # Errors
    /// If a tensor does not have the channels that the network says.
    pub fn sliced(&self, weights: &Weights, kept: &[Vec<usize>]) -> Result<Weights> {
        let slice = |(name, tensor): (&String, &TensorValues)| {
            let mut tensor = tensor.clone();
            if let Some(cut) = self.cut_of(name) {
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
        for config in [GeneratorConfig::tiny(), GeneratorConfig::animegan2()] {
            let wiring = Wiring::new(&config);
            let mut weights = config
                .init(&device)
                .expect("valid")
                .weights()
                .expect("flex can be read");
            // Copies, so that means and variances stay the same.
            for (name, tensor) in &mut weights {
                let cut = wiring.cut_of(name);
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
                let values = (0..3 * 32 * 32).map(|i| (i as f32 * 0.37).sin()).collect();
                let x = Tensor::from_data(TensorData::new(values, [1, 3, 32, 32]), &device);
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
            group(&compact, Layer::Encoder(2)),
            group(&compact, Layer::Residual(8))
        );
        assert_eq!(
            group(&compact, Layer::Encoder(0)),
            group(&compact, Layer::Decoder(1, 0))
        );
        let full = Wiring::new(&GeneratorConfig::animegan2());
        assert_ne!(
            group(&full, Layer::Encoder(5)),
            group(&full, Layer::Residual(0))
        );
        assert_eq!(
            group(&full, Layer::Residual(0)),
            group(&full, Layer::Residual(3))
        );
    }

    #[test]
    fn widths_that_would_add_a_residual_are_noticed() {
        let config = GeneratorConfig::animegan2();
        let wiring = Wiring::new(&config);
        let mut widths = wiring.widths.clone();
        assert!(!wiring.adds_a_residual(&config, &widths));
        widths[wiring.layers[&Layer::Residual(0)]] = 128;
        assert!(wiring.adds_a_residual(&config, &widths));
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
