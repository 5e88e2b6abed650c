//! Feature maps in half precision, for maps that are kept long.
//!
//! The bits of an IEEE 754 half are moved to where a float has them, and the exponent's offset is
//! corrected by a multiplication, which also makes subnormals right: a loop without branches, which
//! every instruction set runs in SIMD, WebAssembly's too, which has no instruction for it.

use fearless_simd::{Level, dispatch};

/// The largest half, as a float's bits.
const LARGEST: u32 = 0x477f_e000;
/// 2^112, the quotient of the two formats' exponent offsets.
const OFFSET: f32 = f32::from_bits((112 + 127) << 23);

/// Halves as floats. The bits of an infinity or NaN, which [`narrow`] never makes, become numbers.
///
/// # Panics
/// If the lengths differ: a mistake of the caller.
pub fn widen(level: Level, halves: &[u16], out: &mut [f32]) {
    assert_eq!(halves.len(), out.len());
    dispatch!(level, _simd => {
        for (out, half) in out.iter_mut().zip(halves) {
            let half = u32::from(*half);
            let magnitude = f32::from_bits((half & 0x7fff) << 13) * OFFSET;
            *out = f32::from_bits(magnitude.to_bits() | ((half & 0x8000) << 16));
        }
    });
}

/// Floats as the nearest halves, ties to even. What is larger than the largest half, or no number,
/// becomes the largest half.
///
/// # Panics
/// If the lengths differ: a mistake of the caller.
pub fn narrow(level: Level, values: &[f32], out: &mut [u16]) {
    assert_eq!(values.len(), out.len());
    dispatch!(level, _simd => {
        for (out, value) in out.iter_mut().zip(values) {
            let bits = value.to_bits();
            let magnitude = f32::from_bits((bits & 0x7fff_ffff).min(LARGEST)) * OFFSET.recip();
            let scaled = magnitude.to_bits();
            // Never wraps; a check would keep the loop from being vectorised where they are on.
            let rounded = scaled.wrapping_add(0xfff + ((scaled >> 13) & 1)) >> 13;
            *out = (rounded | ((bits >> 16) & 0x8000)) as u16;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::oracle::{levels, noise};
    use half::f16;

    #[test]
    fn every_half_is_widened_exactly_and_comes_back() {
        let halves: Vec<u16> = (0..=u16::MAX)
            .filter(|bits| f16::from_bits(*bits).is_finite())
            .collect();
        for level in levels() {
            let mut values = vec![0.0; halves.len()];
            widen(level, &halves, &mut values);
            for (half, value) in halves.iter().zip(&values) {
                let expected = f16::from_bits(*half).to_f32();
                assert_eq!(value.to_bits(), expected.to_bits(), "{level:?} {half:#x}");
            }
            let mut back = vec![1; halves.len()];
            narrow(level, &values, &mut back);
            assert_eq!(back, halves, "{level:?}");
        }
    }

    #[test]
    fn floats_become_the_nearest_half() {
        let mut values = vec![
            65_504.0, 65_519.0, 0.0, -0.0, 6e-8, -2.9e-8, 6.1e-5, 2_049.0,
        ];
        for exponent in -30..16 {
            values.extend(noise(97, 3).iter().map(|x| x * 2.0_f32.powi(exponent)));
        }
        for level in levels() {
            for len in [0, 1, 7, values.len()] {
                let mut halves = vec![0; len];
                narrow(level, &values[..len], &mut halves);
                for (half, value) in halves.iter().zip(&values) {
                    let expected = f16::from_f32(*value).to_bits();
                    assert_eq!(*half, expected, "{level:?} {value}");
                }
            }
        }
    }

    #[test]
    fn what_no_half_holds_becomes_the_largest() {
        let values = [
            65_520.0,
            1e30,
            f32::INFINITY,
            f32::NAN,
            -1e5,
            f32::NEG_INFINITY,
        ];
        for level in levels() {
            let mut halves = [0; 6];
            narrow(level, &values, &mut halves);
            let largest = f16::MAX.to_bits();
            let smallest = f16::MIN.to_bits();
            assert_eq!(halves[..3], [largest; 3], "{level:?}");
            assert_eq!(halves[3] & 0x7fff, largest, "{level:?}");
            assert_eq!(halves[4..], [smallest; 2], "{level:?}");
        }
    }
}
