// A convolution of each channel by itself: a workgroup makes TILE_WIDTH x TILE_HEIGHT pixels of one group of channels, a
// thread PIXELS pixels side by side.

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let first_group = params.first_block + workgroup.z;
    let corner = vec2<i32>(i32(workgroup.x * TILE_WIDTH), params.first_row + i32(workgroup.y * TILE_HEIGHT));
    let x = corner.x + i32(PIXELS * (thread % 4u));
    let y = corner.y + i32(thread / 4u);
    var weight = first_group * KERNEL * KERNEL;
ACCUMULATORS
    for (var ky = 0u; ky < KERNEL; ky++) {
        let row = y - params.pad + i32(ky);
        let column = x - params.pad;
PRODUCTS
        weight += KERNEL;
    }
STORE
}
