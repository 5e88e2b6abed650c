//! Which feature map lives in which buffer: buffers are used again once nobody reads the map.

/// When a feature map is needed, in steps, and how large it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime {
    /// The step that writes it.
    pub first: usize,
    /// The last step that reads it.
    pub last: usize,
    /// Its number of values.
    pub len: usize,
}

/// Buffers, and the buffer of each map.
#[derive(Debug, PartialEq)]
pub(super) struct MemoryPlan {
    /// Number of values of each buffer.
    pub buffers: Vec<usize>,
    /// The buffer of each map.
    pub of_map: Vec<usize>,
}

impl MemoryPlan {
    /// Maps must be in the order in which they are written. Each takes the free buffer that fits
    /// it best: the smallest that is large enough, or else the largest, which grows.
    pub fn new(maps: &[Lifetime]) -> Self {
        let mut buffers: Vec<usize> = Vec::new();
        // The step after which each buffer is free.
        let mut busy_until: Vec<usize> = Vec::new();
        let mut of_map = Vec::with_capacity(maps.len());
        for map in maps {
            let free = (0..buffers.len()).filter(|i| busy_until[*i] < map.first);
            let best = free.min_by_key(|i| {
                let fits = buffers[*i] >= map.len;
                (
                    !fits,
                    if fits {
                        buffers[*i]
                    } else {
                        usize::MAX - buffers[*i]
                    },
                )
            });
            let buffer = best.unwrap_or_else(|| {
                buffers.push(0);
                busy_until.push(0);
                buffers.len() - 1
            });
            buffers[buffer] = buffers[buffer].max(map.len);
            busy_until[buffer] = map.last;
            of_map.push(buffer);
        }
        Self { buffers, of_map }
    }

    /// Bytes of all buffers together.
    pub fn bytes(&self) -> usize {
        4 * self.buffers.iter().sum::<usize>()
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
        let plan = MemoryPlan::new(&maps);
        assert_eq!(plan.of_map, [0, 1, 0, 1, 0, 1]);
        assert_eq!(plan.buffers, [14, 15]);
        assert_eq!(plan.bytes(), 4 * 29);
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
        let plan = MemoryPlan::new(&maps);
        for (i, a) in maps.iter().enumerate() {
            assert!(plan.buffers[plan.of_map[i]] >= a.len);
            for (j, b) in maps.iter().enumerate().skip(i + 1) {
                if b.first <= a.last {
                    assert_ne!(plan.of_map[i], plan.of_map[j], "maps {i} and {j}");
                }
            }
        }
        assert!(plan.buffers.len() <= 3);
    }
}
