//! Which configurations can be built and run.

use super::config::{COLOURS, GeneratorConfig, PIXELS_OF_DEPTH, StridePadding, Upsampling};
use super::layers::{Convolution, Layer};
use super::module_path::ModulePath;
use crate::error::{Error, Result};

/// Widest layer a configuration may ask for; guards against absurd files.
const MAX_CHANNELS: usize = 4096;
/// Most planes that a network may be given.
const MAX_INPUT_CHANNELS: usize = 64;
/// Most layers of one part of the network.
const MAX_LAYERS: usize = 64;
/// Most halvings.
const MAX_LEVEL: usize = 4;
/// Largest convolution kernel.
const MAX_KERNEL: usize = 7;

/// Shortest side that any generator runs at. The reflections of a network of two halvings fit into 8
/// pixels; a little more keeps the normalisation's statistics sensible.
const LEAST_SIDE_PX: usize = 16;
/// Longest side that a network may need: that of the known answer's picture.
const MOST_LEAST_SIDE_PX: usize = 32;

impl GeneratorConfig {
    /// Checks that the network can be built and run.
    ///
    /// # Errors
    /// [`Error::ConfigInvalid`], naming the layer, the value and what was expected.
    pub fn validate(&self) -> Result<()> {
        self.check_counts()?;
        check(
            (COLOURS..=MAX_INPUT_CHANNELS).contains(&self.input_channels),
            || {
                format!(
                    "input_channels is {}, expected {COLOURS} to {MAX_INPUT_CHANNELS}",
                    self.input_channels
                )
            },
        )?;
        check(self.norm_eps > 0.0 && self.norm_eps < 1.0, || {
            format!(
                "norm_eps is {}, expected above 0 and below 1",
                self.norm_eps
            )
        })?;
        let layers = self.layers();
        for layer in &layers {
            check_layer(layer)?;
        }
        let halvings = self.encoder.iter().filter(|spec| spec.stride == 2).count();
        check(
            halvings == self.decoder.len() && halvings <= MAX_LEVEL,
            || {
                format!(
                    "{halvings} encoder layers with stride 2 and {} decoder stages, expected as many, at most {MAX_LEVEL}",
                    self.decoder.len()
                )
            },
        )?;
        for layer in &layers {
            self.check_resize(layer, &layers)?;
            check_sum(layer, &layers)?;
            check(self.pads_fit(layer, MOST_LEAST_SIDE_PX), || {
                format!(
                    "{} reflects more pixels than a picture of {MOST_LEAST_SIDE_PX} pixels has left there",
                    layer.path
                )
            })?;
        }
        Ok(())
    }

    /// Shortest side in pixels of a picture that the network can be given: 16, or more where a
    /// reflection would not fit into a feature map otherwise.
    pub fn min_side_px(&self) -> usize {
        let layers = self.layers();
        let fits = |side: &usize| layers.iter().all(|layer| self.pads_fit(layer, *side));
        let side = (LEAST_SIDE_PX..MOST_LEAST_SIDE_PX).find(fits);
        // That is enough for every valid configuration.
        side.unwrap_or(MOST_LEAST_SIDE_PX)
    }

    /// Whether a side of the picture is long enough for what the layer reflects.
    fn pads_fit(&self, layer: &Layer, side: usize) -> bool {
        let [before, after] = layer.padding();
        let [padded, _] = self.size_at([side; 2], layer.level_in());
        before.max(after) < padded
    }

    /// Checks how many layers each part has.
    fn check_counts(&self) -> Result<()> {
        let within = |name: &str, least: usize, count: usize| {
            check((least..=MAX_LAYERS).contains(&count), || {
                format!("{name} has {count} layers, expected {least} to {MAX_LAYERS}")
            })
        };
        within("encoder", 1, self.encoder.len())?;
        within("residuals", 0, self.residuals.len())?;
        within("bridge", 0, self.bridge.len())?;
        within("decoder", 0, self.decoder.len())?;
        for (i, stage) in self.decoder.iter().enumerate() {
            within(&format!("decoder.{i}"), 1, stage.convs.len())?;
        }
        Ok(())
    }

    fn check_resize(&self, layer: &Layer, layers: &[Layer]) -> Result<()> {
        if layer.resize.map(|resize| resize.by) != Some(Upsampling::DepthToSpace) {
            return Ok(());
        }
        check(self.stride_padding == StridePadding::Symmetric, || {
            "upsampling is depth_to_space, expected stride_padding symmetric with it".into()
        })?;
        let channels = layers[layer.input].channels;
        check(channels.is_multiple_of(PIXELS_OF_DEPTH), || {
            format!(
                "{} makes pixels of {channels} channels, expected a multiple of {PIXELS_OF_DEPTH}",
                layer.path
            )
        })
    }
}

fn check(is_right: bool, what: impl FnOnce() -> String) -> Result<()> {
    if is_right {
        return Ok(());
    }
    Err(Error::ConfigInvalid(what()))
}

/// Checks a layer by itself.
fn check_layer(layer: &Layer) -> Result<()> {
    let Layer { path, channels, .. } = layer;
    check((1..=MAX_CHANNELS).contains(channels), || {
        format!("{path} has {channels} channels, expected 1 to {MAX_CHANNELS}")
    })?;
    let Some(Convolution { kernel, stride, .. }) = layer.convolution() else {
        return Ok(());
    };
    check(!kernel.is_multiple_of(2) && kernel <= MAX_KERNEL, || {
        format!("{path} has kernel {kernel}, expected an odd number up to {MAX_KERNEL}")
    })?;
    if !matches!(path, ModulePath::Encoder(_)) {
        return check(stride == 1, || {
            format!("{path} has stride {stride}, expected 1")
        });
    }
    // Stride-2 layers pad by one pixel, which fits a 3x3 kernel only.
    check(stride == 1 || (stride == 2 && kernel == 3), || {
        format!(
            "{path} has stride {stride} and kernel {kernel}, expected stride 1, or stride 2 with kernel 3"
        )
    })
}

/// Checks that what a layer adds is like what it makes.
fn check_sum(layer: &Layer, layers: &[Layer]) -> Result<()> {
    let Layer { path, channels, .. } = layer;
    let Some(added) = layer.adds.map(|i| &layers[i]) else {
        return Ok(());
    };
    check(added.path != ModulePath::Picture, || {
        format!("{path} adds the picture itself, expected a layer before the first halving")
    })?;
    check(added.channels == *channels, || {
        format!(
            "{path} has {channels} channels but its skip brings {}, those of {}",
            added.channels, added.path
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::config::ConvSpec;
    use super::*;

    #[test]
    fn refusals_name_layer_and_value() {
        let check = |change: &dyn Fn(&mut GeneratorConfig), words: &str| {
            let mut config = GeneratorConfig::compact();
            change(&mut config);
            let error = config.validate().unwrap_err().to_string();
            assert!(error.contains(words), "{error:?} lacks {words:?}");
        };
        check(&|c| c.encoder[1].stride = 3, "encoder.1 has stride 3");
        check(
            &|c| c.encoder[1].kernel = 5,
            "encoder.1 has stride 2 and kernel 5",
        );
        check(&|c| c.encoder[0].kernel = 4, "encoder.0 has kernel 4");
        check(&|c| c.encoder[0].channels = 0, "encoder.0 has 0 channels");
        check(&|c| c.encoder.clear(), "encoder has 0 layers");
        check(
            &|c| c.residuals[8].hidden = 5000,
            "residuals.8.expand has 5000",
        );
        check(
            &|c| c.decoder[1].convs[0].stride = 2,
            "decoder.1.convs.0 has stride 2",
        );
        check(
            &|c| c.decoder[0].convs[0].channels = 40,
            "decoder.0.convs.0 has 40 channels but its skip brings 48, those of encoder.1",
        );
        check(&|c| drop(c.decoder.pop()), "1 decoder stages");
        check(&|c| c.decoder[0].convs.clear(), "decoder.0 has 0 layers");
        check(&|c| c.head.kernel = 9, "head has kernel 9");
        check(&|c| c.norm_eps = f64::NAN, "norm_eps is NaN");
        check(&|c| c.input_channels = 2, "input_channels is 2");
        check(
            &|c| c.encoder = c.encoder.split_off(1),
            "decoder.1.convs.0 adds the picture itself",
        );
        check(
            &|c| {
                c.upsampling = Upsampling::DepthToSpace;
                c.stride_padding = StridePadding::RightBottom;
            },
            "upsampling is depth_to_space, expected stride_padding symmetric",
        );
        check(
            &|c| {
                c.upsampling = Upsampling::DepthToSpace;
                c.residuals[8].channels = 126;
            },
            "decoder.0.convs.0 makes pixels of 126 channels, expected a multiple of 4",
        );
    }

    /// Networks of a halving more in front of `compact`, each at half the resolution.
    fn deeper(halvings: usize) -> GeneratorConfig {
        let mut config = GeneratorConfig::compact();
        let (down, up) = (config.encoder[1], config.decoder[1].clone());
        for _ in 0..halvings {
            config.encoder.insert(
                1,
                ConvSpec {
                    channels: 24,
                    ..down
                },
            );
            config.decoder.push(up.clone());
        }
        config
    }

    #[test]
    fn the_shortest_side_follows_from_the_reflections() {
        let side = |config: GeneratorConfig| {
            config
                .validate()
                .map(|()| config.min_side_px())
                .map_err(|error| error.to_string())
        };
        for config in [GeneratorConfig::animegan2(), GeneratorConfig::compact()] {
            assert_eq!(side(config), Ok(16));
        }
        let with_bridge = |halvings, kernel| {
            let mut config = deeper(halvings);
            config.bridge = vec![ConvSpec {
                channels: 128,
                kernel,
                stride: 1,
            }];
            side(config)
        };
        // Two pixels are left of 16 after three halvings.
        assert_eq!(with_bridge(1, 3), Ok(16));
        // Rounding up, 17 pixels leave three, 25 leave four.
        assert_eq!(with_bridge(1, 5), Ok(17));
        assert_eq!(with_bridge(1, 7), Ok(25));
        assert_eq!(with_bridge(2, 3), Ok(17));
        let error = with_bridge(2, 5).unwrap_err();
        assert!(error.contains("bridge.0 reflects more pixels"), "{error}");
        let error = with_bridge(3, 3).unwrap_err();
        assert!(
            error.contains("5 decoder stages, expected as many, at most 4"),
            "{error}"
        );
    }
}
