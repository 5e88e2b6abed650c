//! Speed of the CPU engine's kernels on one thread, in operations of the direct algorithm
//! (multiplications and additions): `cargo bench --bench kernels`. Divide elements a second by the
//! processor's peak to see what is left.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fearless_simd::Level;
use nijigen::kernels::matmul::{PackedWeights, Rows, multiply};
use nijigen::kernels::moments::Moments;
use nijigen::kernels::region::{Input, Pixels, Term, Upsample, fill};
use nijigen::kernels::tanh::tanh;
use nijigen::kernels::winograd::{self, TILE, WinogradScratch, WinogradWeights};
use nijigen::kernels::{Block, depthwise, lanes};

/// 1x1 convolutions of 128 pixels.
fn products(c: &mut Criterion) {
    let level = Level::new();
    let mut group = c.benchmark_group("matmul");
    for (depth, columns) in [(128, 512), (512, 128), (64, 64)] {
        let pixels = 128;
        let data = vec![0.5; pixels * depth];
        let starts: Vec<usize> = (0..pixels).map(|i| i * depth).collect();
        let weights = PackedWeights::new(depth, columns, lanes(level), |k, n| (k + n) as f32);
        let mut out = vec![0.0; pixels * weights.columns()];
        group.throughput(Throughput::Elements((2 * pixels * depth * columns) as u64));
        group.bench_function(format!("{depth} to {columns}"), |b| {
            b.iter(|| {
                let rows = Rows {
                    data: black_box(&data),
                    starts: &starts,
                    segments: &[0],
                    segment_len: depth,
                };
                multiply(level, rows, &weights, &mut out, weights.columns());
            });
        });
    }
}

/// Blocks of tiles as the engine computes them.
fn winograds(c: &mut Criterion) {
    let level = Level::new();
    let mut group = c.benchmark_group("winograd");
    for (kernel, channels_in, channels_out) in [(3, 128, 128), (3, 64, 64), (7, 64, 32)] {
        let tiles = [2, 16];
        let channels = [channels_out, channels_in, channels_in];
        let weights = WinogradWeights::new(channels, kernel, lanes(level), |o, i, y, x| {
            (o + i + y + x) as f32 * 1e-3
        });
        let pixels = tiles.map(|tiles| tiles * TILE);
        let region = tiles.map(|tiles| weights.input_side(tiles));
        let region = vec![0.5; region[0] * region[1] * channels_in];
        let stride = pixels[1] * channels_out;
        let mut out = vec![0.0; pixels[0] * stride];
        let mut scratch = WinogradScratch::default();
        let macs = pixels[0] * pixels[1] * channels_in * channels_out * kernel * kernel;
        group.throughput(Throughput::Elements(2 * macs as u64));
        group.bench_function(
            format!("{kernel}x{kernel} {channels_in} to {channels_out}"),
            |b| {
                b.iter(|| {
                    let region = black_box(&region);
                    let mut block = Block {
                        values: &mut out,
                        size: pixels,
                        stride,
                    };
                    winograd::convolve(level, &weights, region, tiles, &mut scratch, &mut block);
                });
            },
        );
    }
}

/// What moves pixels rather than multiplies them; throughput in values.
fn passes(c: &mut Criterion) {
    let level = Level::new();
    let (height, width, channels) = (34, 66, 128);
    let data = vec![0.5; height * width * channels];
    let mut group = c.benchmark_group("passes");
    group.throughput(Throughput::Elements((32 * 64 * channels) as u64));
    let (weights, bias) = (vec![0.1; 9 * channels], vec![0.0; channels]);
    let mut out = vec![0.0; 32 * 64 * channels];
    group.bench_function("depthwise 3x3", |b| {
        b.iter(|| {
            let row_len = width * channels;
            for (y, out) in out.chunks_exact_mut(64 * channels).enumerate() {
                let rows = [y, y + 1, y + 2].map(|y| &black_box(&data)[y * row_len..][..row_len]);
                depthwise::convolve3x3_row(level, rows, &weights, &bias, out);
            }
        });
    });
    let term = Term {
        data: &data,
        scale: &bias,
        shift: &bias,
        slope: 0.2,
    };
    let upsample = Upsample::new([height, width], [2 * height, 2 * width], true);
    let (mut region, mut scratch) = (Vec::new(), Vec::new());
    for (name, upsample) in [("region", None), ("region, upsampled", Some(&upsample))] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let terms = black_box([term]);
                let input = Input {
                    pixels: Pixels::Terms(&terms),
                    size: [height, width],
                    rows: 0..height,
                    channels,
                    upsample,
                };
                fill(level, &input, 0..32, 0..64, &mut region, &mut scratch);
            });
        });
    }
    group.bench_function("moments", |b| {
        b.iter(|| Moments::of(level, black_box(&out)))
    });
    let mut values = vec![0.5; 32 * 64 * channels];
    group.bench_function("tanh", |b| b.iter(|| tanh(level, black_box(&mut values))));
}

criterion_group!(benches, products, winograds, passes);
criterion_main!(benches);
