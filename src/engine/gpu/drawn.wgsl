    if x + PIXEL < params.out.x {
        // Beyond this it is 1, and some drivers make no number of it.
        let drawn = tanh(clamp(sum_0_PIXEL, vec4<f32>(-15.0), vec4<f32>(15.0)));
        let at = 3u * u32(y) * u32(params.out.x) + u32(x) + PIXELu - params.base_out;
        output[at] = drawn.x;
        output[at + u32(params.out.x)] = drawn.y;
        output[at + 2u * u32(params.out.x)] = drawn.z;
    }
