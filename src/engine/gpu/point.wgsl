// A 1 x 1 convolution of all channels: nothing is read twice by a workgroup, so a thread reads for itself, and makes more
// channels of it.

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let block = params.first_block + workgroup.z;
    let first_group = block * OUT_GROUPS;
    let corner = vec2<i32>(i32(workgroup.x * TILE_WIDTH), params.first_row + i32(workgroup.y * TILE_HEIGHT));
    let x = corner.x + i32(PIXELS * (thread % 4u));
    let y = corner.y + i32(thread / 4u);
    let stores_sum = params.stores_sum == 1u && block == 0u && y < params.end_row;
    var weight = block * params.groups_in * OUT_GROUPS * 4u;
ACCUMULATORS
    for (var group = 0u; group < params.groups_in; group++) {
PRODUCTS
        weight += OUT_GROUPS * 4u;
        if stores_sum {
            let at = (u32(y) * params.groups_in + group) * u32(params.out.x) + u32(x) - params.base_sum;
STORE_SUM
        }
    }
STORE
}
