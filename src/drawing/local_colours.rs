//! Borders between regions where the colours of a photo have them: a network tells roughly where regions are, and the colours that
//! each has nearby tell the rest.

use crate::filter::gaussian::{blur, weighted_blur};
use crate::filter::plane::Plane;
use crate::filter::resize::halve;
use crate::geometry::smoothstep;

use super::frame::Frame;

/// Standard deviations, in widths of the face, over which colours of a region are looked for, over which the network's borders may be
/// wrong, and over which the found ones are smoothed.
const NEARBY: f32 = 0.13;
const BAND: f32 = 0.045;
const SMOOTH: f32 = 0.008;
/// Pixels of which one is made where colours of a region are looked for.
const COARSE: f32 = 4.0;
/// Shares of the network from and at which a place is an example of a region.
const EXAMPLE: [f32; 2] = [0.75, 0.95];
/// Least variance of the colours of a region in CIE L*a*b*, and what lightness counts beside the opponents.
const LEAST_VARIANCE: f32 = 30.0;
const LIGHTNESS: f32 = 0.6;
/// How much the network's shares count, and the least of them.
const PRIOR: f32 = 2.0;
const LEAST_SHARE: f32 = 0.01;

/// Shares of regions at each pixel of a square picture in CIE L*a*b*, from those of a network.
pub(super) fn along_colours<const N: usize>(
    frame: &Frame,
    lab: &[[f32; 3]],
    shares: &[Plane; N],
) -> [Plane; N] {
    let unit = frame.unit();
    let scaled = |i: usize| [LIGHTNESS * lab[i][0], lab[i][1], lab[i][2]];
    // What is broad needs few pixels.
    let coarse = |plane: &Plane| halve(&halve(plane));
    let planes = [0, 1, 2].map(|c| coarse(&frame.plane(|i| scaled(i)[c])));
    let squares = coarse(&frame.plane(|i| scaled(i).iter().map(|v| v * v).sum()));
    let nearby = NEARBY * unit / COARSE;
    let likeness = shares.each_ref().map(|share| {
        let example = coarse(&share.map(|v| smoothstep(v, EXAMPLE[0], EXAMPLE[1])));
        let mean = planes
            .each_ref()
            .map(|plane| weighted_blur(plane, &example, nearby));
        let mean_square = weighted_blur(&squares, &example, nearby);
        let known = blur(&example, nearby);
        let prior = blur(share, BAND * unit);
        frame.plane(|i| {
            let [x, y] = frame.pixel(i).map(|v| v / COARSE - 0.5);
            let own: [f32; 3] = std::array::from_fn(|c| mean[c].sample(x, y));
            let length: f32 = own.iter().map(|v| v * v).sum();
            let variance = (mean_square.sample(x, y) - length).max(0.0) + LEAST_VARIANCE;
            let off: f32 = own
                .iter()
                .zip(scaled(i))
                .map(|(a, b)| (a - b).powi(2))
                .sum();
            // Without examples nearby only the network is asked.
            let is_known = smoothstep(known.sample(x, y), 0.0, 0.02);
            let by_colour = -0.5 * (off / variance + (variance / LEAST_VARIANCE).ln());
            PRIOR * (prior.values()[i] + LEAST_SHARE).ln() + is_known * by_colour
        })
    });
    let sum = frame.plane(|i| likeness.iter().map(|plane| plane.values()[i].exp()).sum());
    likeness.map(|plane| {
        let share = frame.plane(|i| plane.values()[i].exp() / sum.values()[i].max(1e-12));
        blur(&share, SMOOTH * unit)
    })
}
