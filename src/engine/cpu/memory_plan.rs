//! When feature maps are needed that are all kept, and so which of them can share a buffer.

use super::network::{Network, Operation};
use crate::engine::buffer_plan::{BufferPlan, Lifetime};

/// Buffers, of floats, of a network's maps for a picture of `size` (height, width); a map computed in
/// place shares that of its input.
pub(super) fn memory_plan(network: &Network, size: [usize; 2]) -> BufferPlan {
    let mut lifetimes: Vec<Lifetime> = Vec::new();
    // Of each map, its place in `lifetimes`.
    let mut place: Vec<usize> = Vec::new();
    for (i, step) in network.steps.iter().enumerate() {
        for map in &step.input.maps {
            lifetimes[place[*map]].last = i;
        }
        let in_place = match step.operation {
            Operation::Dense(_) => None,
            Operation::Depthwise(_) | Operation::Add => step.input.maps.first(),
        };
        place.push(in_place.map_or(lifetimes.len(), |map| place[*map]));
        if in_place.is_none() {
            let [height, width] = network.size_at(size, step.output.halvings);
            lifetimes.push(Lifetime {
                first: i,
                last: i,
                len: height
                    .saturating_mul(width)
                    .saturating_mul(step.output.channels),
            });
        }
    }
    for map in &network.head.input.maps {
        lifetimes[place[*map]].last = network.steps.len();
    }
    let mut plan = BufferPlan::new(&lifetimes);
    plan.of_map = place.iter().map(|i| plan.of_map[*i]).collect();
    plan
}
