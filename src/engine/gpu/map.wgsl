// What all convolutions share: where their input comes from.
//
// A map is stored as [row][group of 4 channels][column], so that rows are contiguous and a window of rows can be bound.
// What is stored is raw; whoever reads it normalises and activates it, adds another map, resizes, and reflects.

struct Params {
    // Width and height of the input as it is stored, as it is seen after the resize, and of the output.
    stored: vec2<i32>,
    logical: vec2<i32>,
    out: vec2<i32>,
    // Rows of the output that this dispatch makes.
    first_row: i32,
    end_row: i32,
    // The last row and column of the input, before reflection, that they need.
    last_input_row: i32,
    last_input_column: i32,
    // Pixels that are reflected above and on the left.
    pad: i32,
    groups_in: u32,
    groups_stored: u32,
    groups_out: u32,
    channels_out: u32,
    // Elements before the bound windows of first and second term, output and stored sum.
    base_first: u32,
    base_second: u32,
    base_out: u32,
    base_sum: u32,
    // Where the terms' affines begin.
    affine_first: u32,
    affine_second: u32,
    slope_first: f32,
    slope_second: f32,
    // Where the bias begins in the weights.
    bias: u32,
    terms: u32,
    // 0 none, 1 bilinear, 2 depth to space.
    resize: u32,
    stores_sum: u32,
    // Where this dispatch's partial moments begin.
    partial: u32,
    // The first block of channels that it makes.
    first_block: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> first: array<Stored>;
@group(0) @binding(2) var<storage, read> second: array<Stored>;
// For each group of channels a factor and a summand.
@group(0) @binding(3) var<storage, read> affine: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> weights: array<vec4<f32>>;
// Of a bilinear resize, for rows and then for columns: the place before, and the share of the place after.
@group(0) @binding(5) var<storage, read> taps: array<vec2<u32>>;
@group(0) @binding(7) var<storage, read_write> partials: array<vec4<f32>>;

fn activated(value: vec4<f32>, at: u32, slope: f32) -> vec4<f32> {
    let normalised = affine[at] * value + affine[at + 1u];
    return max(normalised, slope * normalised);
}

// The sum of the terms at a stored pixel.
fn stored_at(group: u32, y: i32, x: i32) -> vec4<f32> {
    let at = (u32(y) * params.groups_stored + group) * u32(params.stored.x) + u32(x);
    var value = activated(unpacked(first[at - params.base_first]), params.affine_first + 2u * group, params.slope_first);
    if params.terms == 2u {
        value += activated(unpacked(second[at - params.base_second]), params.affine_second + 2u * group, params.slope_second);
    }
    return value;
}

fn reflected(at: i32, length: i32) -> i32 {
    let inside = abs(at);
    return min(inside, 2 * (length - 1) - inside);
}

// The input at a pixel that may lie beyond its border. What only pixels beyond the output would need is some pixel.
fn input_at(group: u32, y: i32, x: i32) -> vec4<f32> {
    let row = reflected(min(y, params.last_input_row), params.logical.y);
    let column = reflected(min(x, params.last_input_column), params.logical.x);
    return resized_at(group, row, column);
}

// Which of a group's channels there are.
fn channels_of(group: u32) -> vec4<f32> {
    return vec4<f32>(4u * group + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(params.channels_out));
}

var<workgroup> summed: array<f32, 64>;
var<workgroup> parts: array<f32, 8>;

// The sum over the workgroup, for all of it and always in the same order.
fn sum_of_all(value: f32, thread: u32) -> f32 {
    workgroupBarrier();
    summed[thread] = value;
    workgroupBarrier();
    if thread < 8u {
        var part = 0.0;
        for (var i = 0u; i < 8u; i++) {
            part += summed[8u * thread + i];
        }
        parts[thread] = part;
    }
    workgroupBarrier();
    var sum = 0.0;
    for (var i = 0u; i < 8u; i++) {
        sum += parts[i];
    }
    return sum;
}
