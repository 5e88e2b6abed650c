//! Whether 8-bit products pay on this machine: no table of processors knows, so both are timed.

use fearless_simd::Level;

use crate::kernels::int8::{self, Quantized, QuantizedWeights};
use crate::kernels::lanes;
use crate::kernels::matmul::{self, PackedWeights, Rows};

/// A layer of the compact network.
const CHANNELS: [usize; 2] = [128, 512];
/// Pixels of a block.
const PIXELS: usize = 128;
/// Products in a row of each kind: together some milliseconds, for clocks that tick slowly.
const PRODUCTS: usize = 8;
/// For so long, since a browser begins with slow code and replaces it while it runs.
const LASTS_MS: f64 = 120.0;
/// More rounds than that take: the clock stands still.
const MOST_ROUNDS: usize = 200;

/// How much faster than in `f32` a product is in 8-bit integers, with `now`, a clock in
/// milliseconds; the fastest rounds count, for others may be using the processor. 0 where 8-bit
/// products are not right.
pub fn int8_speedup(now: impl Fn() -> f64) -> f64 {
    let level = Level::new();
    if !int8::is_exact(level) {
        return 0.0;
    }
    let lanes = lanes(level);
    let [depth, columns] = CHANNELS;
    let weight = |k: usize, column: usize| ((k * 7 + column * 3) % 11) as f32 - 5.0;
    let packed = PackedWeights::new(depth, columns, lanes, weight);
    let quantized = QuantizedWeights::new(depth, columns, lanes, weight);
    let pixels: Vec<f32> = (0..PIXELS * depth).map(|i| (i % 13) as f32).collect();
    let starts: Vec<usize> = (0..PIXELS).map(|i| i * depth).collect();
    let rows = Rows {
        data: &pixels,
        starts: &starts,
        segments: &[0],
        segment_len: depth,
    };
    let mut scratch = Quantized::default();
    let mut out = vec![0.0; PIXELS * columns];
    let time = |product: &mut dyn FnMut()| {
        let started = now();
        for _ in 0..PRODUCTS {
            product();
        }
        now() - started
    };
    let mut fastest = [f64::INFINITY; 2];
    let started = now();
    for _ in 0..MOST_ROUNDS {
        if now() - started >= LASTS_MS {
            break;
        }
        let f32_ms = time(&mut || matmul::multiply(level, rows, &packed, &mut out, columns));
        let int8_ms = time(&mut || {
            int8::multiply(level, &pixels, &quantized, &mut scratch, &mut out, columns);
        });
        fastest = [fastest[0].min(f32_ms), fastest[1].min(int8_ms)];
    }
    fastest[0] / fastest[1]
}
