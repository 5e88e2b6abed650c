/// Cubic step from 0 at `low` to 1 at `high`; where `high` is less than `low`, it goes down.
pub fn smoothstep(x: f32, low: f32, high: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_up_and_down() {
        let values = [0.0, 1.0, 2.0, 3.0, 4.0].map(|x| smoothstep(x, 1.0, 3.0));
        assert_eq!(values, [0.0, 0.0, 0.5, 1.0, 1.0]);
        let values = [0.0, 2.0, 4.0].map(|x| smoothstep(x, 3.0, 1.0));
        assert_eq!(values, [1.0, 0.5, 0.0]);
    }
}
