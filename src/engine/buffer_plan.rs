//! Which feature map lives in which buffer: buffers are used again once nobody reads the map.

/// When a feature map is needed, in steps, and how large it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime {
    /// The step that writes it.
    pub first: usize,
    /// The last step that reads it.
    pub last: usize,
    /// Its number of elements.
    pub len: usize,
}

/// Buffers, and the buffer of each map.
#[derive(Debug, PartialEq)]
pub(super) struct BufferPlan {
    /// Number of elements of each buffer.
    pub buffers: Vec<usize>,
    /// The buffer of each map.
    pub of_map: Vec<usize>,
}

impl BufferPlan {
    /// The largest maps choose first; each takes the first buffer whose maps are all dead while it
    /// lives. Buffers are made in falling size, so whatever is free is large enough.
    pub fn new(maps: &[Lifetime]) -> Self {
        let mut order: Vec<usize> = (0..maps.len()).collect();
        order.sort_by_key(|i| std::cmp::Reverse(maps[*i].len));
        let mut buffers: Vec<usize> = Vec::new();
        let mut tenants: Vec<Vec<usize>> = Vec::new();
        let mut of_map = vec![0; maps.len()];
        for map in order {
            let lives_beside = |other: &usize| {
                maps[map].first <= maps[*other].last && maps[*other].first <= maps[map].last
            };
            let free = tenants
                .iter()
                .position(|maps| !maps.iter().any(lives_beside));
            let buffer = free.unwrap_or_else(|| {
                buffers.push(maps[map].len);
                tenants.push(Vec::new());
                buffers.len() - 1
            });
            tenants[buffer].push(map);
            of_map[map] = buffer;
        }
        Self { buffers, of_map }
    }

    /// Elements of all buffers together.
    pub fn len(&self) -> u64 {
        let lens = self.buffers.iter().map(|len| *len as u64);
        lens.fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifetime(first: usize, last: usize, len: usize) -> Lifetime {
        Lifetime { first, last, len }
    }

    #[test]
    fn a_chain_needs_two_buffers() {
        let maps: Vec<_> = (0..6).map(|i| lifetime(i, i + 1, 10 + i)).collect();
        let plan = BufferPlan::new(&maps);
        assert_eq!(plan.of_map, [1, 0, 1, 0, 1, 0]);
        assert_eq!(plan.buffers, [15, 14]);
        assert_eq!(plan.len(), 29);
    }

    #[test]
    fn maps_in_use_never_share_a_buffer() {
        let maps = [
            lifetime(0, 5, 100),
            lifetime(1, 2, 50),
            lifetime(2, 3, 20),
            lifetime(3, 4, 60),
            lifetime(4, 5, 10),
            lifetime(5, 6, 100),
        ];
        let plan = BufferPlan::new(&maps);
        for (i, a) in maps.iter().enumerate() {
            assert!(plan.buffers[plan.of_map[i]] >= a.len);
            for (j, b) in maps.iter().enumerate().skip(i + 1) {
                if b.first <= a.last {
                    assert_ne!(plan.of_map[i], plan.of_map[j], "maps {i} and {j}");
                }
            }
        }
        // The first map lives beside all but none of the others needs more than two at a time.
        assert_eq!(plan.buffers, [100, 100, 20]);
    }
}
