//! What a dispatch is told, as the shaders' structures have it.

/// Bytes of [`Parameters`].
pub const PARAMETER_BYTES: usize = 4 * 32;
/// Bytes of [`MergeParameters`].
pub const MERGE_BYTES: usize = 4 * 6;

/// `Params` of `map.wgsl`, where each field is told of. Sizes are width and height.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parameters {
    pub stored: [u32; 2],
    pub logical: [u32; 2],
    pub out: [u32; 2],
    pub first_row: u32,
    pub end_row: u32,
    pub last_input: [u32; 2],
    pub pad: u32,
    pub groups_in: u32,
    pub groups_stored: u32,
    pub groups_out: u32,
    pub channels_out: u32,
    pub base_first: u32,
    pub base_second: u32,
    pub base_out: u32,
    pub base_sum: u32,
    pub affine: [u32; 2],
    pub slope: [f32; 2],
    pub bias: u32,
    pub terms: u32,
    pub resize: u32,
    pub stores_sum: u32,
    pub partial: u32,
    pub first_block: u32,
}

impl Parameters {
    /// As the shader reads them.
    pub fn words(&self) -> Vec<u32> {
        [
            &self.stored[..],
            &self.logical,
            &self.out,
            &[self.first_row, self.end_row],
            &self.last_input,
            &[
                self.pad,
                self.groups_in,
                self.groups_stored,
                self.groups_out,
                self.channels_out,
                self.base_first,
                self.base_second,
                self.base_out,
                self.base_sum,
            ],
            &self.affine,
            &self.slope.map(f32::to_bits),
            &[
                self.bias,
                self.terms,
                self.resize,
                self.stores_sum,
                self.partial,
                self.first_block,
                // To whole vectors.
                0,
                0,
                0,
            ],
        ]
        .concat()
    }
}

/// `Merge` of `merge.wgsl`, where each field is told of.
#[derive(Clone, Copy, Debug)]
pub struct MergeParameters {
    pub partials: u32,
    pub groups: u32,
    pub gamma: u32,
    pub affine: u32,
    pub eps: f32,
    pub largest: f32,
}

impl MergeParameters {
    /// As the shader reads them.
    pub fn words(&self) -> Vec<u32> {
        vec![
            self.partials,
            self.groups,
            self.gamma,
            self.affine,
            self.eps.to_bits(),
            self.largest.to_bits(),
        ]
    }
}
