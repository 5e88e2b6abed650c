    // Moments of what this workgroup stores, in two passes: see Chan, Golub and LeVeque, 1983.
    let pixels = min(i32(TILE_WIDTH), params.out.x - corner.x) * min(i32(TILE_HEIGHT), params.end_row - corner.y);
    let count = f32(u32(pixels) * min(4u * OUT_GROUPS, params.channels_out - 4u * first_group));
    let mean = sum_of_all(own_sum, thread) / count;
SQUARES
    let squares = sum_of_all(own_squares, thread);
    if thread == 0u {
        let at = (workgroup.z * workgroups.y + workgroup.y) * workgroups.x + workgroup.x;
        partials[params.partial + at] = vec4<f32>(count, mean, squares, 0.0);
    }
