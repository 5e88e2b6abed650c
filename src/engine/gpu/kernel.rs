//! The kinds of pipelines, and their texts. Sizes are in uniforms: a kind's text depends on nothing but the kind.

use std::fmt::Write;

/// Channels of a group: those that a vector holds.
pub const GROUP: usize = 4;
/// Threads of a workgroup, in a line: some GPUs compute wrong values with square ones.
const THREADS: usize = 64;
/// Of them, those side by side.
const THREAD_COLUMNS: usize = 4;

/// How feature maps are stored. Arithmetic is in f32 always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Storage {
    /// 32 bits a value.
    F32,
    /// 16 bits a value, which WebGPU packs and unpacks on every adapter.
    F16,
}

impl Storage {
    /// Bytes of four channels of a pixel.
    pub const fn group_bytes(self) -> u64 {
        match self {
            Self::F32 => 16,
            Self::F16 => 8,
        }
    }

    /// The largest value that can be stored.
    pub const fn largest(self) -> f32 {
        match self {
            Self::F32 => f32::MAX,
            Self::F16 => 65504.0,
        }
    }
}

/// What a pipeline computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// A convolution of all channels, with a square kernel.
    Dense {
        /// Side of the kernel.
        side: usize,
        /// 1 or 2.
        stride: usize,
        /// Whether the input is resized.
        resizes: bool,
    },
    /// A 1 x 1 convolution of all channels of an input that is not resized.
    Point,
    /// A convolution of each channel by itself, with stride 1.
    Depthwise {
        /// Side of the kernel.
        side: usize,
    },
    /// The last layer: three channels, a bias and the hyperbolic tangent; stored as rows of three planes.
    Head {
        /// Side of the kernel.
        side: usize,
        /// Whether the input is resized.
        resizes: bool,
    },
}

impl Kernel {
    fn side(self) -> usize {
        match self {
            Self::Dense { side, .. } | Self::Depthwise { side } | Self::Head { side, .. } => side,
            Self::Point => 1,
        }
    }

    fn stride(self) -> usize {
        match self {
            Self::Dense { stride, .. } => stride,
            Self::Point | Self::Depthwise { .. } | Self::Head { .. } => 1,
        }
    }

    /// Pixels side by side that a thread makes: what a wide stride reads for more does not fit.
    pub fn pixels(self) -> usize {
        4 / self.stride()
    }

    /// Groups of four channels that a workgroup makes.
    pub fn out_groups(self) -> usize {
        match self {
            Self::Dense { .. } => 2,
            Self::Point => 4,
            Self::Depthwise { .. } | Self::Head { .. } => 1,
        }
    }

    /// Blocks of as many groups for so many channels.
    pub fn blocks(self, channels: usize) -> usize {
        channels.div_ceil(GROUP).div_ceil(self.out_groups())
    }

    /// Columns of the pixels that a workgroup makes.
    pub fn tile_width(self) -> usize {
        THREAD_COLUMNS * self.pixels()
    }

    /// Rows of the pixels that a workgroup makes.
    pub fn tile_height(self) -> usize {
        THREADS / THREAD_COLUMNS
    }

    /// Workgroups for so many columns, rows and groups of channels.
    pub fn workgroups(self, columns: usize, rows: usize, groups: usize) -> [u32; 3] {
        [
            columns.div_ceil(self.tile_width()) as u32,
            rows.div_ceil(self.tile_height()) as u32,
            groups.div_ceil(self.out_groups()) as u32,
        ]
    }

    /// Pixels of the input, side by side, that so many of the output are made of.
    fn input_side(self, pixels: usize) -> usize {
        (pixels - 1) * self.stride() + self.side()
    }

    /// Pixels of the input that a workgroup reads.
    pub fn tile_len(self) -> usize {
        self.input_side(self.tile_width()) * self.input_side(self.tile_height())
    }

    /// The text of its shader.
    pub fn text(self, storage: Storage) -> String {
        let body = match self {
            Self::Dense { .. } | Self::Head { .. } => include_str!("dense.wgsl"),
            Self::Point => include_str!("point.wgsl"),
            Self::Depthwise { .. } => include_str!("depthwise.wgsl"),
        };
        let body = body
            .replace("ACCUMULATORS", &self.accumulators())
            .replace("PRODUCTS", &self.products())
            .replace("STORE_SUM", &self.store_sum())
            .replace("STORE", &self.store());
        let constants = [
            ("PIXELS", self.pixels()),
            ("TILE_WIDTH", self.tile_width()),
            ("TILE_HEIGHT", self.tile_height()),
            ("OUT_GROUPS", self.out_groups()),
            ("KERNEL", self.side()),
            ("INPUT_WIDTH", self.input_side(self.tile_width())),
            ("TILE_LEN", self.tile_len()),
        ];
        let constants = constants.map(|(name, value)| format!("const {name} = {value}u;\n"));
        [
            storage_text(storage),
            self.output_text(),
            &constants.concat(),
            &format!("const STRIDE = {};\n", self.stride()),
            include_str!("map.wgsl"),
            match self {
                Self::Dense { resizes: true, .. } | Self::Head { resizes: true, .. } => {
                    include_str!("resized.wgsl")
                }
                _ => include_str!("plain.wgsl"),
            },
            &body,
        ]
        .concat()
    }

    fn output_text(self) -> &'static str {
        match self {
            Self::Head { .. } => {
                "@group(0) @binding(6) var<storage, read_write> output: array<f32>;\n"
            }
            _ => {
                "@group(0) @binding(6) var<storage, read_write> output: array<Stored>;\n\
                 @group(0) @binding(8) var<storage, read_write> sums: array<Stored>;\n"
            }
        }
    }

    /// A thread's sums, which begin with the bias if there is one.
    fn accumulators(self) -> String {
        let mut text = String::new();
        for o in 0..self.out_groups() {
            line(&mut text, format!("var bias_{o} = vec4<f32>();"));
            let at = format!("params.bias + min(first_group + {o}u, params.groups_out - 1u)");
            line(
                &mut text,
                format!("if params.bias > 0u {{ bias_{o} = weights[{at}]; }}"),
            );
            for pixel in 0..self.pixels() {
                line(&mut text, format!("var sum_{o}_{pixel} = bias_{o};"));
            }
        }
        text
    }

    /// Products of one row of the kernel.
    fn products(self) -> String {
        let mut text = String::new();
        let inputs = self.input_side(self.pixels());
        for i in 0..inputs {
            let input = match self {
                Self::Dense { .. } | Self::Head { .. } => format!("tile[row + {i}u]"),
                Self::Point => format!("input_at(group, y, x + {i})"),
                Self::Depthwise { .. } => format!("input_at(first_group, row, column + {i})"),
            };
            line(&mut text, format!("let input_{i} = {input};"));
        }
        for kx in 0..self.side() {
            if let Self::Depthwise { .. } = self {
                line(
                    &mut text,
                    format!("let weight_{kx} = weights[weight + {kx}u];"),
                );
                for pixel in 0..self.pixels() {
                    let input = pixel * self.stride() + kx;
                    line(
                        &mut text,
                        format!("sum_0_{pixel} += weight_{kx} * input_{input};"),
                    );
                }
                continue;
            }
            for o in 0..self.out_groups() {
                let weight = |i: usize| format!("weight_{kx}_{o}_{i}");
                for i in 0..GROUP {
                    let at = (kx * self.out_groups() + o) * GROUP + i;
                    line(
                        &mut text,
                        format!("let {} = weights[weight + {at}u];", weight(i)),
                    );
                }
                for pixel in 0..self.pixels() {
                    let input = pixel * self.stride() + kx;
                    let product = |(i, part)| format!("{} * input_{input}.{part}", weight(i));
                    let products = ["x", "y", "z", "w"].into_iter().enumerate().map(product);
                    let products = products.collect::<Vec<_>>().join(" + ");
                    line(&mut text, format!("sum_{o}_{pixel} += {products};"));
                }
            }
        }
        text
    }

    fn store_sum(self) -> String {
        let mut text = String::new();
        for pixel in 0..self.pixels() {
            let stored = format!("sums[at + {pixel}u] = packed(input_{pixel});");
            line(
                &mut text,
                format!("if x + {pixel} < params.out.x {{ {stored} }}"),
            );
        }
        text
    }

    /// Stores a thread's sums, and of a feature map the workgroup's moments.
    fn store(self) -> String {
        let mut text = String::new();
        if let Self::Head { .. } = self {
            line(&mut text, "if y >= params.end_row { return; }".into());
            for pixel in 0..self.pixels() {
                let drawn = include_str!("drawn.wgsl").replace("PIXEL", &pixel.to_string());
                text.push_str(&drawn);
            }
            return text;
        }
        let each = |part: &str| {
            let mut text = String::new();
            for o in 0..self.out_groups() {
                for pixel in 0..self.pixels() {
                    let part = part.replace("PIXEL", &pixel.to_string());
                    text.push_str(&part.replace("NUMBER", &o.to_string()));
                }
            }
            text
        };
        for o in 0..self.out_groups() {
            line(&mut text, format!("let group_{o} = first_group + {o}u;"));
            let is_there = format!("group_{o} < params.groups_out && y < params.end_row");
            line(&mut text, format!("let is_there_{o} = {is_there};"));
            line(
                &mut text,
                format!("let channels_{o} = channels_of(group_{o});"),
            );
        }
        let squares = each(include_str!("squares.wgsl"));
        text.push_str("    var own_sum = 0.0;\n    var own_squares = 0.0;\n");
        text.push_str(&each(include_str!("stored.wgsl")));
        text + &include_str!("moments.wgsl").replace("SQUARES", &squares)
    }
}

/// The text of the shader that merges moments.
pub const MERGE_TEXT: &str = include_str!("merge.wgsl");

fn storage_text(storage: Storage) -> &'static str {
    match storage {
        Storage::F32 => {
            "alias Stored = vec4<f32>;
fn packed(value: vec4<f32>) -> Stored { return value; }
fn unpacked(value: Stored) -> vec4<f32> { return value; }
"
        }
        Storage::F16 => {
            "alias Stored = vec2<u32>;
fn packed(value: vec4<f32>) -> Stored { return vec2<u32>(pack2x16float(value.xy), pack2x16float(value.zw)); }
fn unpacked(value: Stored) -> vec4<f32> { return vec4<f32>(unpack2x16float(value.x), unpack2x16float(value.y)); }
"
        }
    }
}

fn line(text: &mut String, line: String) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "    {line}");
}
