    if is_there_NUMBER && x + PIXEL < params.out.x {
        let at = (u32(y) * params.groups_out + group_NUMBER) * u32(params.out.x) + u32(x) + PIXELu;
        output[at - params.base_out] = packed(sum_NUMBER_PIXEL);
        own_sum += dot(channels_NUMBER, sum_NUMBER_PIXEL);
    }
