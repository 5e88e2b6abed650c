// Merges partial moments (count, mean, sum of squares around it) by Chan's formula, always in the same order, and makes
// of them what normalises the map: for each group of channels a factor and a summand.

struct Merge {
    partials: u32,
    groups: u32,
    // Where gamma and beta begin in the weights, and where the affine does.
    gamma: u32,
    affine: u32,
    eps: f32,
    // Larger values cannot be stored.
    largest: f32,
}

@group(0) @binding(0) var<uniform> params: Merge;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> partials: array<vec4<f32>>;
// The first element counts the merges, and those of values that could not be stored.
@group(0) @binding(3) var<storage, read_write> affine: array<vec4<f32>>;

var<workgroup> merged: array<vec4<f32>, 64>;

fn both(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
    let count = a.x + b.x;
    let distance = b.y - a.y;
    let share = b.x / max(count, 1.0);
    return vec4<f32>(
        count,
        a.y + distance * share,
        a.z + b.z + distance * distance * a.x * share,
        max(a.w, b.w),
    );
}

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) thread: u32) {
    var own = vec4<f32>();
    for (var i = thread; i < params.partials; i += 64u) {
        let partial = partials[i];
        // No value is farther from the mean than this.
        let largest = abs(partial.y) + sqrt(partial.z);
        own = both(own, vec4<f32>(partial.xyz, largest));
    }
    merged[thread] = own;
    workgroupBarrier();
    for (var half = 32u; half > 0u; half /= 2u) {
        if thread < half {
            merged[thread] = both(merged[thread], merged[thread + half]);
        }
        workgroupBarrier();
    }
    let all = merged[0];
    let inverse = inverseSqrt(all.z / max(all.x, 1.0) + params.eps);
    for (var group = thread; group < params.groups; group += 64u) {
        let scale = weights[params.gamma + 2u * group] * inverse;
        affine[params.affine + 2u * group] = scale;
        affine[params.affine + 2u * group + 1u] = weights[params.gamma + 2u * group + 1u] - all.y * scale;
    }
    if thread == 0u {
        affine[0] += vec4<f32>(1.0, select(1.0, 0.0, all.w <= params.largest), 0.0, 0.0);
    }
}
