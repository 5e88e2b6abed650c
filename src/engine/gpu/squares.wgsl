    if is_there_NUMBER && x + PIXEL < params.out.x {
        let off = channels_NUMBER * (sum_NUMBER_PIXEL - mean);
        own_squares += dot(off, off);
    }
