//! What a picture of one size needs, before anything is allocated for it: which maps share a buffer, and how many rows
//! a dispatch can make so that what it reads and writes can be bound.

use super::kernel::{GROUP, Storage};
use super::network::{Map, Network, Step};
use super::step_geometry::Geometry;
use crate::engine::buffer_plan::{BufferPlan, Lifetime};
use crate::error::{Error, Result};

/// Bytes of feature maps that are asked of any device. WebGPU does not tell how much memory there is; what an adapter
/// takes in one buffer, if that is more, is the only hint.
const SURE_BYTES: u64 = 1 << 30;
/// Bytes of the finished rows that are copied to the host at a time.
const READ_BYTES: u64 = 16 << 20;
/// Bytes of a partial moment.
pub const PARTIAL_BYTES: u64 = 16;

/// What a device can hold.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// Bytes of one buffer.
    pub buffer: u64,
    /// Bytes of a buffer that a shader sees at a time.
    pub binding: u64,
    /// To which bytes a window into a buffer is aligned.
    pub alignment: u64,
}

impl Capacity {
    /// Of a device.
    pub fn of(limits: &wgpu::Limits) -> Self {
        Self {
            buffer: limits.max_buffer_size,
            binding: limits.max_storage_buffer_binding_size,
            alignment: limits.min_storage_buffer_offset_alignment.into(),
        }
    }
}

/// The plan for pictures of one size.
#[derive(Debug)]
pub struct SizePlan {
    /// Width and height.
    pub size: [usize; 2],
    pub storage: Storage,
    /// Bytes of each buffer of maps.
    pub buffers: Vec<u64>,
    /// The buffer of each map.
    pub of_map: Vec<usize>,
    /// Of each step, the rows of its output that one dispatch can make at most.
    pub band_rows: Vec<usize>,
    /// How many partial moments a step makes at most.
    pub partials: u64,
    /// Rows of the picture that are copied to the host at a time.
    pub read_rows: usize,
}

impl SizePlan {
    /// With maps in f32 if that is possible, else in f16.
    ///
    /// # Errors
    /// [`Error::GpuCapacity`] with the numbers if the device cannot hold what is needed.
    pub fn new(network: &Network, size: [usize; 2], capacity: Capacity) -> Result<Self> {
        Self::stored(network, size, capacity, Storage::F32)
            .or_else(|_| Self::stored(network, size, capacity, Storage::F16))
    }

    /// With maps stored so.
    ///
    /// # Errors
    /// Those of [`SizePlan::new`].
    pub fn stored(
        network: &Network,
        size: [usize; 2],
        capacity: Capacity,
        storage: Storage,
    ) -> Result<Self> {
        let [width, height] = size;
        let refused = |what: String| {
            Error::GpuCapacity(format!("a picture of {width} x {height} pixels {what}"))
        };
        let plan = BufferPlan::new(&lifetimes(network, size));
        let buffers: Vec<u64> = plan
            .buffers
            .iter()
            .map(|groups| (*groups as u64).saturating_mul(storage.group_bytes()))
            .collect();
        let largest = buffers.iter().copied().max().unwrap_or(0);
        if largest > capacity.buffer {
            return Err(refused(format!(
                "needs a buffer of {}, the device takes {}",
                mebibytes(largest),
                mebibytes(capacity.buffer)
            )));
        }
        let all = plan.len().saturating_mul(storage.group_bytes());
        let most = capacity.buffer.max(SURE_BYTES);
        if all > most {
            return Err(refused(format!(
                "needs feature maps of {}, of which {} can be expected here",
                mebibytes(all),
                mebibytes(most)
            )));
        }
        let mut band_rows = Vec::new();
        let mut partials = 0;
        let mut read_rows = height;
        for step in &network.steps {
            let geometry = Geometry::new(network, step, size);
            let [columns, rows] = geometry.out;
            let tile = step.kernel.tile_height();
            let bytes = |rows: usize| most_bound(&geometry, network, step, rows, storage, capacity);
            let fits = |rows: usize| bytes(rows) <= capacity.binding;
            let mut most = rows.next_multiple_of(tile);
            while most > tile && !fits(most) {
                most = (most / 2).next_multiple_of(tile);
                if most / 2 < tile {
                    most = tile;
                }
            }
            // Bands are of whole tiles.
            let groups = step.channels_out.div_ceil(GROUP);
            let workgroups = step.kernel.workgroups(columns, rows, groups);
            let count: u64 = workgroups.iter().map(|count| u64::from(*count)).product();
            let bound = bytes(most)
                .max(step.weights.bytes())
                .max(count * PARTIAL_BYTES);
            if bound > capacity.binding {
                return Err(refused(format!(
                    "needs {} to be bound for {most} rows of {}, the device binds {}",
                    mebibytes(bound),
                    step.name,
                    mebibytes(capacity.binding)
                )));
            }
            band_rows.push(most);
            partials = partials.max(count);
            if step.output.is_none() {
                let in_a_read = (READ_BYTES.min(capacity.binding) / (12 * width as u64)) as usize;
                read_rows = (in_a_read / tile * tile).max(tile).min(height);
            }
        }
        Ok(Self {
            size,
            storage,
            buffers,
            of_map: plan.of_map,
            band_rows,
            partials,
            read_rows,
        })
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// When each map is needed, and its groups of channels of pixels.
fn lifetimes(network: &Network, size: [usize; 2]) -> Vec<Lifetime> {
    let len = |map: &Map| {
        let [width, height] = network.size_at(size, map.level);
        width.saturating_mul(height).saturating_mul(map.groups())
    };
    // The picture is there before the first step.
    let mut lifetimes: Vec<Lifetime> = network
        .maps
        .iter()
        .map(|map| Lifetime {
            first: 0,
            last: 0,
            len: len(map),
        })
        .collect();
    for (i, step) in network.steps.iter().enumerate() {
        for map in step.output.into_iter().chain(step.stores_sum) {
            lifetimes[map].first = i;
            lifetimes[map].last = i;
        }
        for map in &step.terms {
            lifetimes[*map].last = i;
        }
    }
    lifetimes
}

/// Bytes of the largest window that is bound when so many rows are made at a time.
fn most_bound(
    geometry: &Geometry,
    network: &Network,
    step: &Step,
    rows: usize,
    storage: Storage,
    capacity: Capacity,
) -> u64 {
    let group = storage.group_bytes();
    let [columns, height] = geometry.out;
    let out_bytes = match step.output {
        Some(map) => columns as u64 * network.maps[map].groups() as u64 * group,
        None => columns as u64 * 12,
    };
    let in_bytes = geometry.stored[0] as u64 * network.maps[step.terms[0]].groups() as u64 * group;
    let taps = match step.resize {
        Some(_) => 8 * (geometry.logical[0] + geometry.logical[1]) as u64,
        None => 0,
    };
    let rows = rows.min(height);
    let most_read = if rows == height {
        geometry.stored[1]
    } else {
        // Resized rows are read with one neighbour; a row more for where a band begins.
        let logical = (rows - 1) * step.stride + step.side;
        match step.resize {
            None => logical,
            Some(_) => (logical * geometry.stored[1]).div_ceil(geometry.logical[1]) + 3,
        }
        .min(geometry.stored[1])
    };
    let windows = (rows as u64 * out_bytes).max(most_read as u64 * in_bytes);
    let alignment = if rows == height {
        0
    } else {
        capacity.alignment
    };
    (windows + alignment).max(taps)
}

#[cfg(test)]
mod tests {
    use super::super::step_geometry::row_taps;
    use super::*;
    use crate::model::{GeneratorConfig, TensorValues, Upsampling};

    const MIB: u64 = 1 << 20;

    fn network(config: &GeneratorConfig) -> Network {
        let tensors = config.tensors().into_iter();
        let weights = tensors.map(|spec| {
            let values = vec![0.0; spec.shape.iter().product()];
            let shape = spec.shape;
            (spec.name, TensorValues { shape, values })
        });
        Network::new(config, &weights.collect()).unwrap()
    }

    fn capacity(buffer: u64, binding: u64) -> Capacity {
        Capacity {
            buffer: buffer * MIB,
            binding: binding * MIB,
            alignment: 256,
        }
    }

    /// Every band of every step, with all that it reads, can be bound.
    fn check_bands(network: &Network, plan: &SizePlan, capacity: Capacity) {
        for (step, band) in network.steps.iter().zip(&plan.band_rows) {
            let geometry = Geometry::new(network, step, plan.size);
            let group = plan.storage.group_bytes();
            let in_row =
                geometry.stored[0] as u64 * network.maps[step.terms[0]].groups() as u64 * group;
            let rows = geometry.out[1];
            assert_eq!(band % step.kernel.tile_height(), 0, "{}", step.name);
            for first in (0..rows).step_by(*band) {
                let rows = first..rows.min(first + band);
                let read = geometry.stored_rows(step, &rows);
                let offset = read.start as u64 * in_row / capacity.alignment * capacity.alignment;
                assert!(
                    read.end as u64 * in_row - offset <= capacity.binding,
                    "{} {rows:?}",
                    step.name
                );
                let [_, last] = geometry.last_input(step, &rows).map(|last| last + 1);
                assert!(last > 0);
            }
            if let Some(map) = step.output {
                let out_row = geometry.out[0] as u64 * network.maps[map].groups() as u64 * group;
                let rows = (*band).min(rows) as u64;
                assert!(rows * out_row <= capacity.binding, "{}", step.name);
            }
        }
        for bytes in &plan.buffers {
            assert!(*bytes <= capacity.buffer);
        }
    }

    /// What a desktop's adapter has, and one without more than every adapter.
    #[test]
    fn photos_of_24_megapixels() {
        let full = network(&GeneratorConfig::animegan2());
        let compact = network(&GeneratorConfig::compact());
        let large = capacity(8 << 10, 2 << 10);
        for network in [&full, &compact] {
            let plan = SizePlan::new(network, [6000, 4000], large).unwrap();
            assert_eq!(plan.storage, Storage::F16);
            check_bands(network, &plan, large);
        }
        let small = capacity(256, 128);
        for network in [&full, &compact] {
            let words = SizePlan::new(network, [6000, 4000], small)
                .unwrap_err()
                .to_string();
            let expected = "a picture of 6000 x 4000 pixels needs a buffer of ";
            assert!(
                words.contains(expected) && words.contains("the device takes 256.0 MiB"),
                "{words}"
            );
        }
    }

    #[test]
    fn bands_can_be_bound() {
        for config in [
            GeneratorConfig::animegan2(),
            GeneratorConfig::compact(),
            GeneratorConfig::deep().with_upsampling(Upsampling::DepthToSpace),
        ] {
            let network = network(&config);
            for (size, capacity) in [
                ([1024, 1024], capacity(256, 128)),
                ([1024, 1024], capacity(256, 32)),
                ([1201, 997], capacity(512, 16)),
                ([1500, 65], capacity(256, 8)),
                ([65, 3001], capacity(64, 3)),
            ] {
                let plan = SizePlan::new(&network, size, capacity).unwrap();
                check_bands(&network, &plan, capacity);
            }
        }
    }

    #[test]
    fn half_precision_is_taken_where_floats_do_not_fit() {
        let network = network(&GeneratorConfig::animegan2());
        let storage = |side| {
            SizePlan::new(&network, [side; 2], capacity(256, 128))
                .unwrap()
                .storage
        };
        assert_eq!(storage(1000), Storage::F32);
        assert_eq!(storage(1400), Storage::F16);
        assert!(SizePlan::new(&network, [1500; 2], capacity(256, 128)).is_err());
    }

    /// The rows that the shaders ask for, one by one.
    #[test]
    fn windows_hold_what_is_read() {
        for config in [GeneratorConfig::animegan2(), GeneratorConfig::compact()] {
            let network = network(&config);
            for size in [[64, 49], [33, 95]] {
                for step in &network.steps {
                    let geometry = Geometry::new(&network, step, size);
                    let height = geometry.logical[1] as isize;
                    let rows = geometry.out[1];
                    for first in (0..rows).step_by(4) {
                        let rows = first..rows.min(first + 4);
                        let held = geometry.stored_rows(step, &rows);
                        for y in rows {
                            for ky in 0..step.side {
                                let row = (y * step.stride + ky) as isize - step.pad as isize;
                                let row = row.abs().min(2 * (height - 1) - row.abs()) as usize;
                                let stored = match step.resize {
                                    None => row..row + 1,
                                    Some(resize) => {
                                        let tap = row_taps(&geometry, resize.by)[row];
                                        tap.low..tap.high + 1
                                    }
                                };
                                assert!(
                                    held.start <= stored.start && stored.end <= held.end,
                                    "{}",
                                    step.name
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}
