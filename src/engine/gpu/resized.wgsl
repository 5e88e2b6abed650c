
// The input after the resize, at a pixel inside of it.
fn resized_at(group: u32, y: i32, x: i32) -> vec4<f32> {
    var value = vec4<f32>();
    if params.resize == 0u {
        value = stored_at(group, y, x);
    } else if params.resize == 1u {
        let row = taps[y];
        let column = taps[params.logical.y + x];
        let below = bitcast<f32>(row.y);
        let beside = bitcast<f32>(column.y);
        // One place of code for the four places in the map, which compilers would repeat.
        for (var i = 0; i < 4; i++) {
            let is_below = i / 2;
            let is_beside = i % 2;
            let share = select(1.0 - below, below, is_below == 1) * select(1.0 - beside, beside, is_beside == 1);
            let place = vec2<i32>(i32(column.x) + is_beside, i32(row.x) + is_below);
            let inside = min(place, params.stored - 1);
            value += share * stored_at(group, inside.y, inside.x);
        }
    } else {
        let part = 2 * (y & 1) + (x & 1);
        for (var i = 0u; i < 4u; i++) {
            if 4u * group + i < params.groups_stored {
                value[i] = stored_at(4u * group + i, y / 2, x / 2)[part];
            }
        }
    }
    return value;
}
