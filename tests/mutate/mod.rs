//! Damaged copies of files, the same in every run, for readers that must not panic, hang or fill the memory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// No input may keep a processor busy for longer.
const LONGEST: Duration = Duration::from_secs(2);
/// Nor may the process ever have held more.
const MOST_BYTES: u64 = 1 << 30;
/// Inputs of a target, unless the variable `NIJIGEN_INPUTS` says more.
const INPUTS: usize = 3000;

/// Gives `target` damaged copies of the seeds, and tells what it took.
///
/// # Panics
/// If the target panics, takes too long, or fills the memory; the input is kept in the folder for temporary files.
pub fn feed(name: &str, seeds: &[Vec<u8>], target: impl Fn(&[u8])) {
    let inputs = std::env::var("NIJIGEN_INPUTS").ok();
    let inputs = inputs
        .and_then(|inputs| inputs.parse().ok())
        .unwrap_or(INPUTS);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let started = Instant::now();
    let mut worst = Duration::ZERO;
    for number in 0..inputs {
        let input = damaged(seeds, &mut random);
        let took = || {
            let begun = busy(started);
            catch_unwind(AssertUnwindSafe(|| target(&input))).map(|()| busy(started) - begun)
        };
        let took = took();
        let is_fine = took.as_ref().is_ok_and(|took| *took <= LONGEST);
        if !is_fine || (number % 256 == 0 && peak_bytes() > MOST_BYTES) {
            let path = std::env::temp_dir().join(format!("nijigen-{name}-{number}"));
            let kept = std::fs::write(&path, &input);
            panic!(
                "{name}: input {number} took {took:?}, at most {} bytes were held; it is {} ({kept:?})",
                peak_bytes(),
                path.display()
            );
        }
        worst = worst.max(took.unwrap_or_default());
    }
    assert!(peak_bytes() <= MOST_BYTES, "{name}: {} bytes", peak_bytes());
    println!(
        "{name}: {inputs} inputs in {:.0} s of a processor, the slowest {:.1} ms, at most {} MB held",
        busy(started).as_secs_f32(),
        1e3 * worst.as_secs_f32(),
        peak_bytes() >> 20
    );
}

/// How long this thread has kept a processor busy; where the system does not tell, what has passed since the start.
pub fn busy(started: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told
        .split_whitespace()
        .next()
        .and_then(|time| time.parse().ok());
    nanoseconds.map_or_else(|| started.elapsed(), Duration::from_nanos)
}

/// The most bytes that this process has held; 0 where the system does not tell.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    1024 * kilobytes.unwrap_or(0)
}

/// Random numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, which is at least 1. Half of them are near 0, where headers are.
    fn place(&mut self, end: usize) -> usize {
        let end = if self.next() & 1 == 0 {
            end.min(256)
        } else {
            end
        };
        self.next() as usize % end
    }
}

/// One of the seeds with one to eight faults.
fn damaged(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    const EXTREMES: [u64; 8] = [0, 1, 0x7f, 0x80, 0xff, 0x7fff_ffff, 0x8000_0000, u64::MAX];
    let seed = |random: &mut Random| &seeds[random.next() as usize % seeds.len()];
    let mut bytes = seed(random).clone();
    for _ in 0..=random.next() % 8 {
        if bytes.is_empty() {
            return bytes;
        }
        let at = random.place(bytes.len());
        let length = 1 + random.place(bytes.len() - at);
        match random.next() % 16 {
            0..5 => bytes[at] = random.next() as u8,
            5..7 => bytes[at] ^= 1 << (random.next() % 8),
            7..10 => {
                let value = EXTREMES[random.next() as usize % EXTREMES.len()];
                let size = [1, 2, 4, 8][random.next() as usize % 4].min(bytes.len() - at);
                let value = match random.next() % 2 {
                    0 => value.to_le_bytes(),
                    _ => (value << (64 - 8 * size)).to_be_bytes(),
                };
                bytes[at..at + size].copy_from_slice(&value[..size]);
            }
            10 => bytes.truncate(at),
            11 => drop(bytes.drain(at..at + length)),
            12 => {
                let part = bytes[at..at + length].to_vec();
                let to = random.place(bytes.len());
                bytes.splice(to..to, part);
            }
            13 => {
                let to = random.place(bytes.len());
                let length = length.min(bytes.len() - to.max(at));
                bytes.copy_within(at..at + length, to);
            }
            14 => {
                let other = seed(random);
                let from = random.place(other.len().max(1)).min(other.len());
                bytes.truncate(at);
                bytes.extend(&other[from..]);
            }
            _ => bytes[at..at + length].fill(random.next() as u8),
        }
    }
    bytes
}
