//! Some of many, without preference for the first.

/// At most `limit` of the items, in their order and evenly spread over all.
pub fn spread<T>(all: Vec<T>, limit: usize) -> Vec<T> {
    let len = all.len();
    let count = limit.min(len);
    let mut places = (0..count).map(|i| i * len / count).peekable();
    let mut chosen = Vec::with_capacity(count);
    for (place, item) in all.into_iter().enumerate() {
        if places.next_if_eq(&place).is_some() {
            chosen.push(item);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_spread_and_none_is_taken_twice() {
        for (len, limit, expected) in [
            (10, 3, vec![0, 3, 6]),
            (4, 4, vec![0, 1, 2, 3]),
            (3, 9, vec![0, 1, 2]),
            (5, 1, vec![0]),
            (5, 0, vec![]),
            (0, 5, vec![]),
        ] {
            assert_eq!(
                spread((0..len).collect(), limit),
                expected,
                "{limit} of {len}"
            );
        }
    }
}
