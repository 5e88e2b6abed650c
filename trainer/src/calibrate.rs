//! Ranges of a network's activations, measured on photos, and what quantising by them does.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context, Result, ensure};
use burn::tensor::{Device, Tensor};
use half::f16;
use indicatif::ProgressIterator;
use nijigen::engine::Engine;
use nijigen::model::{Layer, Tap};
use nijigen::style::{Affine, ConvolutionRanges, Style, ValueRange};

use crate::data::scan::{ImageFile, load};
use crate::likeness::picture;
use crate::picture::tensor_values;
use crate::tapped::TappedEngine;

/// Ranges by the names of convolutions' weights, as a style file has them.
pub type Ranges = BTreeMap<String, ConvolutionRanges>;

/// How a range is taken from the values that were seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// From the least value to the largest.
    MinMax,
    /// The shortest that keeps this share of the values, in percent, with as many cut off at either
    /// end: rare values no longer make the steps of all others coarse.
    Percentile(f64),
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::MinMax => f.write_str("min-max"),
            Self::Percentile(percent) => write!(f, "percentile {percent}"),
        }
    }
}

/// The ranges around the convolutions with these `weights` while the style's network draws the
/// photos, their longer side shrunk to at most `long_side_px`. A convolution whose values are all the
/// same gets none.
///
/// # Errors
/// If there are no photos, one cannot be read, or the device cannot be.
pub fn calibrate(
    style: &Style,
    weights: &BTreeSet<String>,
    photos: &[ImageFile],
    long_side_px: usize,
    method: Method,
    device: &Device,
) -> Result<Ranges> {
    ensure!(
        !photos.is_empty(),
        "there are no photos to calibrate the activations on"
    );
    let seen: RefCell<BTreeMap<String, Around>> = RefCell::default();
    let unreadable = RefCell::new(None);
    let observe = |layer: &Layer, tap, x: Tensor<4>| {
        let name = layer.path.weight();
        if tap != Tap::Activation && weights.contains(&name) {
            match tensor_values(x.clone()) {
                Ok(values) => {
                    let mut seen = seen.borrow_mut();
                    seen.entry(name).or_default().at(tap).add(&values);
                }
                Err(error) => *unreadable.borrow_mut() = Some(error),
            }
        }
        x
    };
    let engine = TappedEngine::new(style, device, observe)?;
    for photo in photos.iter().progress() {
        let named = || format!("in {}", photo.path.display());
        let photo = load(&photo.path).with_context(named)?;
        picture(&engine, style.header(), &photo, long_side_px)?;
        if let Some(error) = unreadable.take() {
            return Err(error);
        }
    }
    drop(engine);
    let ranges = seen.into_inner().into_iter().map(|(name, around)| {
        let ranges = ConvolutionRanges {
            input: around.input.range(method),
            products: around.products.range(method),
        };
        (name, ranges)
    });
    let valid = |ranges: &ConvolutionRanges| ranges.input.is_valid() && ranges.products.is_valid();
    Ok(ranges.filter(|(_, ranges)| valid(ranges)).collect())
}

/// The style's network with its activations rounded as 8-bit integers of its header's ranges would
/// be. What is computed of them is not rounded further.
///
/// # Errors
/// If the network cannot be built.
pub fn calibrated_engine(style: &Style, device: &Device) -> Result<impl Engine + use<>> {
    let ranges = style.header().activation_ranges.clone();
    let round = move |layer: &Layer, tap, x| {
        let Some(ranges) = ranges.get(&layer.path.weight()) else {
            return x;
        };
        match tap {
            Tap::Input => rounded(x, ranges.input),
            Tap::Products => rounded(x, ranges.products),
            Tap::Activation => x,
        }
    };
    Ok(TappedEngine::new(style, device, round)?)
}

/// The values that 8-bit integers of the range stand for, nearest to those of `x`.
fn rounded(x: Tensor<4>, range: ValueRange) -> Tensor<4> {
    let Affine { scale, zero_point } = range.affine();
    let zero = f32::from(zero_point);
    (x / scale).round().clamp(-zero, 255.0 - zero) * scale
}

/// What was seen before and after a convolution.
#[derive(Default)]
struct Around {
    input: Seen,
    products: Seen,
}

impl Around {
    fn at(&mut self, tap: Tap) -> &mut Seen {
        match tap {
            Tap::Input => &mut self.input,
            _ => &mut self.products,
        }
    }
}

/// The least and the largest of some values, and how often each value occurred, rounded to half
/// precision: such a histogram needs no range beforehand, and its bins are finer than the steps of
/// 8 bits.
struct Seen {
    low: f32,
    high: f32,
    counts: Vec<u64>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            low: f32::INFINITY,
            high: f32::NEG_INFINITY,
            counts: vec![0; 1 << 16],
        }
    }
}

impl Seen {
    fn add(&mut self, values: &[f32]) {
        for &value in values {
            self.low = self.low.min(value);
            self.high = self.high.max(value);
            self.counts[place(value)] += 1;
        }
    }

    fn range(&self, method: Method) -> ValueRange {
        let Method::Percentile(percent) = method else {
            return ValueRange {
                low: self.low,
                high: self.high,
            };
        };
        let total: u64 = self.counts.iter().sum();
        let cut = (total as f64 * (100.0 - percent) / 200.0) as u64;
        let places = 0..self.counts.len();
        ValueRange {
            low: self.value_after(cut, places.clone()),
            high: self.value_after(cut, places.rev()),
        }
    }

    /// The value that `cut` others come before in the order of `places`.
    fn value_after(&self, cut: u64, mut places: impl Iterator<Item = usize>) -> f32 {
        let mut passed = 0;
        let found = places.find(|&place| {
            passed += self.counts[place];
            passed > cut
        });
        found.map_or(f32::NAN, value)
    }
}

/// Where a value is counted: the bits of its half precision, so that larger values come later.
fn place(value: f32) -> usize {
    let limit = f16::MAX.to_f32();
    let bits = f16::from_f32(value.clamp(-limit, limit)).to_bits();
    let ordered = if bits & SIGN == 0 { bits | SIGN } else { !bits };
    ordered.into()
}

/// The value counted there.
fn value(place: usize) -> f32 {
    let ordered = place as u16;
    let bits = if ordered & SIGN == 0 {
        !ordered
    } else {
        ordered & !SIGN
    };
    f16::from_bits(bits).to_f32()
}

/// Sign of a number in half precision.
const SIGN: u16 = 1 << 15;

#[cfg(test)]
mod tests {
    use std::fs;

    use nijigen::imaging::Planes;
    use nijigen::model::{GeneratorConfig, ResidualSpec};
    use tempfile::TempDir;

    use super::*;
    use crate::data::scan::list;
    use crate::parity::output;
    use crate::test_style;

    fn small() -> Style {
        let mut config = GeneratorConfig::compact();
        config.residuals = vec![ResidualSpec::new(40, 128); 2];
        test_style::style(&config)
    }

    fn convolutions(style: &Style) -> BTreeSet<String> {
        let tensors = style.weights().iter();
        let convolutions = tensors.filter(|(_, tensor)| tensor.shape.len() == 4);
        convolutions.map(|(name, _)| name.clone()).collect()
    }

    fn with_ranges(style: &Style, activation_ranges: Ranges) -> Style {
        style
            .with_header(|header| header.activation_ranges = activation_ranges)
            .unwrap()
    }

    /// A folder with one photo, whose values go from 20 to 220.
    fn photo() -> TempDir {
        let folder = TempDir::new().unwrap();
        let photo = image::RgbImage::from_fn(48, 40, |x, y| {
            image::Rgb([(20 + x * 4) as u8, (220 - y * 5) as u8, 100])
        });
        photo.save(folder.path().join("a.png")).unwrap();
        folder
    }

    fn ranges(style: &Style, method: Method) -> Ranges {
        let folder = photo();
        let photos = list(&[folder.path().into()]).unwrap();
        let device = Device::flex();
        calibrate(style, &convolutions(style), &photos, 64, method, &device).unwrap()
    }

    #[test]
    fn ranges_of_known_values() {
        let mut seen = Seen::default();
        let values: Vec<f32> = (-500..500).map(|i| i as f32 / 8.0).collect();
        seen.add(&values[..300]);
        seen.add(&values[300..]);
        seen.add(&[1e9]);
        let range = |method| <[f32; 2]>::from(seen.range(method));
        assert_eq!(range(Method::MinMax), [-62.5, 1e9]);
        // 1001 values, of which 10 are cut off at either end.
        assert_eq!(range(Method::Percentile(98.0)), [-61.25, 61.25]);
        // Beyond half precision.
        assert_eq!(range(Method::Percentile(100.0)), [-62.5, 65504.0]);
    }

    #[test]
    fn places_keep_the_order_and_the_value() {
        let values = [-65504.0, -2.5, -1e-7, -0.0, 0.0, 1e-7, 0.75, 65504.0];
        for pair in values.windows(2) {
            assert!(place(pair[0]) < place(pair[1]), "{pair:?}");
        }
        for of in values {
            assert_eq!(value(place(of)), f16::from_f32(of).to_f32());
        }
    }

    #[test]
    fn every_convolution_is_measured_where_it_takes_and_gives_its_values() {
        let style = small();
        let ranges = ranges(&style, Method::MinMax);
        assert!(ranges.keys().eq(&convolutions(&style)));
        let first: [f32; 2] = ranges["encoder.0.conv.weight"].input.into();
        for (found, expected) in first.into_iter().zip([20.0, 220.0]) {
            assert!((found - (expected / 127.5 - 1.0)).abs() < 1e-6, "{first:?}");
        }
        // The last products are what tanh makes the picture of.
        let device = Device::flex();
        let engine = TappedEngine::new(&style, &device, |_, _, x| x).unwrap();
        let folder = photo();
        let photo = load(&folder.path().join("a.png")).unwrap();
        let drawn = output(&engine, &Planes::from_photo(&photo).unwrap()).unwrap();
        let values = drawn.values().iter().copied();
        let last = ranges["head.weight"].products;
        assert!((values.clone().fold(1.0, f32::min) - last.low.tanh()).abs() < 1e-5);
        assert!((values.fold(-1.0, f32::max) - last.high.tanh()).abs() < 1e-5);
        // LeakyReLU has made negative values small.
        let inside = ranges["residuals.0.depthwise.conv.weight"].input;
        assert!(-inside.low < 0.5 * inside.high, "{inside:?}");
    }

    #[test]
    fn percentiles_lie_within_min_max() {
        let style = small();
        let (whole, part) = (
            ranges(&style, Method::MinMax),
            ranges(&style, Method::Percentile(99.0)),
        );
        for (name, whole) in &whole {
            let part = part[name];
            assert!(part.products.low > whole.products.low, "{name}");
            assert!(part.products.high < whole.products.high, "{name}");
        }
    }

    #[test]
    fn activations_are_rounded_where_the_style_says_so() {
        let style = small();
        let folder = photo();
        let photo = load(&folder.path().join("a.png")).unwrap();
        let photo = Planes::from_photo(&photo).unwrap();
        let device = Device::flex();
        let drawn = |activation_ranges: Ranges| {
            let style = with_ranges(&style, activation_ranges);
            output(&calibrated_engine(&style, &device).unwrap(), &photo).unwrap()
        };
        let exact = drawn(Ranges::new());
        let plain = TappedEngine::new(&style, &device, |_, _, x| x).unwrap();
        assert_eq!(exact, output(&plain, &photo).unwrap());
        let difference = |input: [f32; 2], products: [f32; 2]| {
            let ranges = ConvolutionRanges {
                input: input.into(),
                products: products.into(),
            };
            drawn(Ranges::from([("head.weight".into(), ranges)])).max_abs_difference(&exact)
        };
        let (all, much) = ([-16.0, 16.0], [-1e4, 1e4]);
        let whole = difference(all, [-5.1, 5.1]);
        assert!(whole > 1e-3 && whole < 0.3, "{whole}");
        // What lies beyond a range is cut off, and a wide one has coarse steps.
        assert!(difference(all, [-0.01, 5.1]) > 2.0 * whole);
        assert!(difference(much, [-5.1, 5.1]) > 2.0 * whole);
    }

    #[test]
    fn no_photos_are_refused() {
        let style = small();
        let device = Device::flex();
        let weights = convolutions(&style);
        let error = calibrate(&style, &weights, &[], 64, Method::MinMax, &device).unwrap_err();
        assert!(error.to_string().contains("no photos"), "{error}");
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("bad.png"), "text").unwrap();
        let photos = list(&[folder.path().into()]).unwrap();
        let result = calibrate(&style, &weights, &photos, 64, Method::MinMax, &device);
        assert!(result.unwrap_err().to_string().contains("bad.png"));
    }
}
