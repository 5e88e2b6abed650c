//! Speed of the CPU engine's kernels on one thread, in operations of the direct algorithm
//! (multiplications and additions): `cargo bench --bench kernels`. Divide elements a second by the
//! processor's peak to see what is left.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fearless_simd::Level;
use nijigen::face::{FaceSquare, Features};
use nijigen::geometry::SimilarityTransform;
use nijigen::imaging::{FadingEllipse, PatchTone, Photo, paste, warp};
use nijigen::kernels::blend::{ToneChange, blend_rgba8};
use nijigen::kernels::halve::halve_rgba8;
use nijigen::kernels::matmul::{PackedWeights, Rows, multiply};
use nijigen::kernels::moments::Moments;
use nijigen::kernels::region::{Input, Pixels, fill};
use nijigen::kernels::sum::{Affine, Term};
use nijigen::kernels::tanh::tanh;
use nijigen::kernels::upsample::Upsample;
use nijigen::kernels::warp::{RgbaView, warp_similarity_rgba8};
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
        affine: Affine {
            scale: &bias,
            shift: &bias,
            slope: 0.2,
        },
    };
    let upsample = Upsample::bilinear([height, width], [2 * height, 2 * width], true);
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

/// Pixels of pictures; throughput in pixels of the result.
fn pictures(c: &mut Criterion) {
    let level = Level::new();
    let side: usize = 512;
    let pixels: Vec<[u8; 4]> = (0..side * side)
        .map(|i| (i as u32).wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let source = RgbaView {
        pixels: &pixels,
        width: side,
        height: side,
    };
    let mut out = vec![[0; 4]; side * side];
    let mut group = c.benchmark_group("pictures");
    group.throughput(Throughput::Elements((side * side) as u64));
    for (name, scale) in [("warp, enlarging", 0.5), ("warp, shrinking by 2.5", 2.5)] {
        group.bench_function(name, |b| {
            let to_source = SimilarityTransform::new(scale, 0.3, [-20.0, 10.0]);
            b.iter(|| warp_similarity_rgba8(level, black_box(source), to_source, &mut out, side));
        });
    }
    let weights = vec![0.5; side * side];
    let tone = ToneChange {
        gain: 1.1,
        shift: [-9.0; 3],
    };
    group.bench_function("blend", |b| {
        b.iter(|| blend_rgba8(level, &mut out, black_box(&pixels), &weights, tone));
    });
    group.throughput(Throughput::Elements((side * side / 4) as u64));
    group.bench_function("halve", |b| {
        b.iter(|| halve_rgba8(level, black_box(source)))
    });

    // All that a face costs beside the network: 100 px wide in a picture of 1024 x 1024, which was
    // twice as large as a photo.
    let photo = |side: usize| Photo::new(side, side, vec![99; side * side * 4]).expect("its bytes");
    let (photo, mut picture) = (photo(2048), photo(1024));
    let square = FaceSquare::ffhq(
        &Features {
            left_eye: [800.0, 900.0],
            right_eye: [895.0, 930.0],
            nose: [830.0, 960.0],
            mouth: [820.0, 1010.0],
        },
        1.3,
    );
    let head = FadingEllipse {
        center: [0.5, 0.5],
        radii: [0.46, 0.49],
        inner: 0.6,
    };
    group.throughput(Throughput::Elements(1));
    group.bench_function("a face cut out and put back", |b| {
        b.iter(|| {
            let from_crop = square.from_crop(512.0);
            let crop = warp(black_box(&photo), from_crop, [512, 512]).expect("a crop");
            let square = square.scaled([0.5, 0.5]);
            let to_crop = square.from_crop(512.0).inverse().expect("a square");
            let bounds = square.bounds([1024, 1024]);
            paste(
                &mut picture,
                bounds,
                &crop,
                to_crop,
                head,
                PatchTone::Picture,
            )
            .expect("a picture");
        });
    });
}

criterion_group!(benches, products, winograds, passes, pictures);
criterion_main!(benches);
