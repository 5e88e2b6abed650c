
fn resized_at(group: u32, y: i32, x: i32) -> vec4<f32> {
    return stored_at(group, y, x);
}
