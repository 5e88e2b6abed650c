// A convolution of all channels: a workgroup makes TILE_WIDTH x TILE_HEIGHT pixels of OUT_GROUPS groups of channels, a
// thread PIXELS pixels side by side. Its input is made ready once, in the workgroup's memory.

// Of one group of channels: compilers and workgroups set all of this memory to zero, and more workgroups run beside each
// other where each has less.
var<workgroup> tile: array<vec4<f32>, TILE_LEN>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let left = PIXELS * (thread % 4u);
    let top = thread / 4u;
    let block = params.first_block + workgroup.z;
    let first_group = block * OUT_GROUPS;
    let corner = vec2<i32>(i32(workgroup.x * TILE_WIDTH), params.first_row + i32(workgroup.y * TILE_HEIGHT));
    let input_corner = corner * STRIDE - params.pad;
    var weight = block * params.groups_in * KERNEL * KERNEL * OUT_GROUPS * 4u;
ACCUMULATORS
    for (var group = 0u; group < params.groups_in; group++) {
        workgroupBarrier();
        for (var i = thread; i < TILE_LEN; i += 64u) {
            let y = input_corner.y + i32(i / INPUT_WIDTH);
            let x = input_corner.x + i32(i % INPUT_WIDTH);
            tile[i] = input_at(group, y, x);
        }
        workgroupBarrier();
        for (var ky = 0u; ky < KERNEL; ky++) {
            let row = (top * u32(STRIDE) + ky) * INPUT_WIDTH + left * u32(STRIDE);
PRODUCTS
            weight += KERNEL * OUT_GROUPS * 4u;
        }
    }
    let x = corner.x + i32(left);
    let y = corner.y + i32(top);
STORE
}
