//! What the kernels multiply and move a pixel of the picture, by their plan and at least: the table of docs/performance.md,
//!
//!     cargo nextest run --locked --workspace --features nijigen/gpu -E 'test(kernels_waste_little)' --no-capture

use super::kernel::{GROUP, Kernel, Storage};
use super::network::{Network, Step};
use super::step_geometry::Geometry;
use crate::model::{GeneratorConfig, TensorValues, Upsampling};

/// Of one step, for one pixel of the picture.
#[derive(Clone, Copy, Default)]
struct Work {
    /// Multiplications with an addition.
    products: f64,
    /// Bytes of feature maps that threads read and write. Most of what is read again comes from a cache.
    bytes: f64,
}

impl Work {
    fn plus(self, other: Self) -> Self {
        Self {
            products: self.products + other.products,
            bytes: self.bytes + other.bytes,
        }
    }
}

/// With every product of the convolution made once, and every map read once by each step that needs it.
fn least(network: &Network, step: &Step, geometry: &Geometry, size: [usize; 2]) -> Work {
    let pixels = |[width, height]: [usize; 2]| (width * height) as f64;
    let value = Storage::F32.group_bytes() as f64 / GROUP as f64;
    let read = step.terms.iter().map(|map| network.maps[*map].channels);
    let read = read.sum::<usize>() as f64 * pixels(geometry.stored);
    let written = step.channels_out as f64 * pixels(geometry.out);
    Work {
        products: step.macs,
        bytes: (read + written) * value / pixels(size),
    }
}

/// With workgroups of whole tiles and whole groups of channels, each of which reads its own input.
fn planned(network: &Network, step: &Step, geometry: &Geometry, size: [usize; 2]) -> Work {
    let kernel = step.kernel;
    let group = Storage::F32.group_bytes() as f64;
    let [columns, rows] = geometry.out;
    let out_groups = step.channels_out.div_ceil(GROUP);
    let in_groups = step.channels_in.div_ceil(GROUP);
    let workgroups = kernel.workgroups(columns, rows, out_groups).map(f64::from);
    let workgroups: f64 = workgroups.into_iter().product();
    let made = (kernel.tile_width() * kernel.tile_height()) as f64;
    let window = (step.side * step.side) as f64;
    let (products, read) = match kernel {
        Kernel::Depthwise { .. } => {
            let columns = kernel.pixels() + step.side - 1;
            let read = made / kernel.pixels() as f64 * (columns * step.side) as f64;
            (made * window * GROUP as f64, read)
        }
        Kernel::Dense { .. } | Kernel::Head { .. } | Kernel::Point => {
            let sums = (kernel.out_groups() * GROUP * in_groups * GROUP) as f64;
            (
                made * window * sums,
                kernel.tile_len() as f64 * in_groups as f64,
            )
        }
    };
    let taps = match step.resize.map(|resize| resize.by) {
        Some(Upsampling::AlignCorners | Upsampling::HalfPixel) => 4.0,
        Some(Upsampling::DepthToSpace) | None => 1.0,
    };
    let sums = match step.stores_sum {
        Some(map) => network.maps[map].groups() as f64 * (columns * rows) as f64 * group,
        None => 0.0,
    };
    let written = match step.output {
        Some(_) => out_groups as f64 * group,
        None => step.channels_out as f64 * group / GROUP as f64,
    } * (columns * rows) as f64;
    let pixels = (size[0] * size[1]) as f64;
    Work {
        products: workgroups * products / pixels,
        bytes: (workgroups * read * taps * step.terms.len() as f64 * group + written + sums)
            / pixels,
    }
}

#[test]
fn kernels_waste_little() {
    const SIZE: [usize; 2] = [512, 512];
    for (name, config, most_bytes) in [
        ("tiny", GeneratorConfig::tiny(), 7.0),
        ("compact", GeneratorConfig::compact(), 9.0),
        ("full", GeneratorConfig::animegan2(), 14.0),
    ] {
        let weights = config.tensors().into_iter().map(|spec| {
            let values = vec![0.0; spec.shape.iter().product()];
            let shape = spec.shape;
            (spec.name, TensorValues { shape, values })
        });
        let network = Network::new(&config, &weights.collect()).unwrap();
        let mut sums = [Work::default(); 2];
        for step in &network.steps {
            let geometry = Geometry::new(&network, step, SIZE);
            for (sum, work) in sums.iter_mut().zip([least, planned]) {
                *sum = sum.plus(work(&network, step, &geometry, SIZE));
            }
        }
        let [least, planned] = sums;
        eprintln!(
            "| {name} | {:.0} | {:.0} | {:.2} | {:.0} | {:.0} | {:.1} |",
            least.products,
            planned.products,
            planned.products / least.products,
            least.bytes,
            planned.bytes,
            planned.bytes / least.bytes,
        );
        assert!(planned.products >= least.products, "{name}");
        assert!(planned.products < 1.05 * least.products, "{name}");
        assert!(planned.bytes < most_bytes * least.bytes, "{name}");
    }
}
