//! The plan of a streamed run: which maps are stored, and which rows of the others are made when.
//!
//! A map's normalisation needs the moments of all of its values, so every step is a *sweep* from
//! the top of the picture to its bottom. A sweep makes its target's rows, band by band, from the
//! nearest stored maps. Of every map on the way it keeps a *window*, the few rows that are still
//! needed, so it makes each row once. What is stored is decided by the memory that there is:
//!
//! - at least the chain of maps at the lowest resolution, without the wide ones inside of residual
//!   blocks. Its rows are given up as they are read for the last time, while those of the next map
//!   are stored: no two of the chain are ever there as a whole.
//! - whatever else fits, those maps first whose storing saves the most work for a byte.

use std::collections::BTreeSet;
use std::ops::Range;

use super::bands::threads;
use super::dense::DenseConv;
use super::depthwise::DepthwiseConv;
use super::network::{InputSpec, Network, Operation, SizedInput, Step};

/// The share of the memory that windows should not exceed.
const WINDOWS_SHARE: u64 = 16;

/// What it costs to move a value, in multiply-accumulate operations: the memory is slow.
const VALUE_WORK: f64 = 32.0;

/// What a run reads and makes, in this order: the picture, each step's map, the head's output.
pub(super) struct Node<'a> {
    pub making: Making<'a>,
    /// Nodes that it is made from.
    pub inputs: Vec<usize>,
    /// How they are read.
    pub input: SizedInput,
    pub size: [usize; 2],
    /// Values of a row.
    pub row_len: usize,
    /// Rows that are computed together.
    pub block_rows: usize,
    /// Of one row, in multiply-accumulate operations.
    pub work: f64,
}

/// How a node's rows are made.
#[derive(Clone, Copy)]
pub(super) enum Making<'a> {
    /// From the photo's pixels: planes.
    Picture,
    Dense(&'a DenseConv),
    Depthwise(&'a DepthwiseConv),
    Add,
}

/// One way through the picture.
pub(super) struct Sweep {
    /// The node whose rows are wanted.
    pub target: usize,
    /// The nodes whose rows it takes, in order, the target last.
    pub nodes: Vec<usize>,
    /// So many blocks of rows of a node are made together.
    blocks: usize,
    /// Of every node, the most rows that its window holds.
    pub window_rows: Vec<usize>,
}

/// The plan for pictures of one size.
pub(super) struct StreamPlan<'a> {
    pub nodes: Vec<Node<'a>>,
    pub sweeps: Vec<Sweep>,
    stored: Vec<bool>,
    /// Of every stored node, the last sweep that reads it.
    last_read: Vec<usize>,
}

impl<'a> StreamPlan<'a> {
    /// For a picture of `size`, whose maps should take no more than `memory` bytes. They may take
    /// more, see [`StreamPlan::bytes`].
    pub fn new(network: &'a Network, size: [usize; 2], memory: u64) -> Self {
        let nodes = nodes(network, size);
        let stored = least_stored(network);
        let mut plan = Self {
            nodes,
            sweeps: Vec::new(),
            last_read: Vec::new(),
            stored,
        };
        // Bytes for the windows of each sweep.
        let windows: Vec<u64> = (1..plan.nodes.len())
            .map(|target| plan.window_bytes(&plan.sweep(target, 1)))
            .map(|least| least.max(memory / WINDOWS_SHARE))
            .collect();
        plan.store_more(memory, &windows);
        plan.last_read = plan.last_read(&plan.stored);
        plan.sweeps = (1..plan.nodes.len())
            .zip(&windows)
            .map(|(target, bytes)| plan.widest_sweep(target, *bytes))
            .collect();
        plan
    }

    /// Bytes of stored maps and windows at most.
    pub fn bytes(&self) -> u64 {
        let stored = self.stored_bytes(&self.stored);
        let sweeps = self.sweeps.iter().zip(stored);
        let bytes = sweeps.map(|(sweep, stored)| self.window_bytes(sweep) + stored);
        bytes.max().unwrap_or(0)
    }

    /// Bytes of a sweep's windows.
    fn window_bytes(&self, sweep: &Sweep) -> u64 {
        4 * sweep.window_values(&self.nodes)
    }

    /// Work of the whole run, in multiply-accumulate operations.
    pub fn total_work(&self) -> f64 {
        self.work(&self.stored)
    }

    pub fn is_stored(&self, node: usize) -> bool {
        self.stored[node]
    }

    /// Whether the sweep reads a node's stored rows.
    pub fn reads(&self, sweep: &Sweep, node: usize) -> bool {
        self.stored[node] && node != sweep.target
    }

    /// Whether nobody reads a stored node after the sweep.
    pub fn reads_last(&self, sweep: &Sweep, node: usize) -> bool {
        self.reads(sweep, node) && self.last_read[node] == sweep.target
    }

    /// Work of one row of a node in a sweep.
    pub fn row_work(&self, sweep: &Sweep, node: usize) -> f64 {
        self.nodes[node].row_work(self.reads(sweep, node))
    }

    /// Moves the windows of a sweep down by a band of its target, whose window then is the band;
    /// `false` if there is no other. A window's new rows are those beyond its old end.
    pub fn advance(&self, sweep: &Sweep, windows: &mut [Range<usize>]) -> bool {
        let is_done = |node: usize, row: usize| row == self.nodes[node].size[0];
        if is_done(sweep.target, windows[sweep.target].end) {
            return false;
        }
        // The rows that a node's readers want next.
        let none = Range {
            start: usize::MAX,
            end: 0,
        };
        let mut wanted = vec![none; self.nodes.len()];
        wanted[sweep.target].end = windows[sweep.target].end + 1;
        for &index in sweep.nodes.iter().rev() {
            let node = &self.nodes[index];
            let made = windows[index].end;
            let mut end = made;
            if wanted[index].end > made {
                let step = node.block_rows * sweep.blocks;
                end = wanted[index].end.next_multiple_of(step).min(node.size[0]);
            }
            windows[index] = wanted[index].start.clamp(windows[index].start, made)..end;
            if self.reads(sweep, index) || is_done(index, made) {
                continue;
            }
            // Rows of the next band must stay even if this one has no part in it.
            let rows = node.input_rows(made..end.max(made + 1));
            for input in &node.inputs {
                let wanted = &mut wanted[*input];
                wanted.start = wanted.start.min(rows.start);
                if end > made {
                    wanted.end = wanted.end.max(rows.end);
                }
            }
        }
        true
    }

    /// The sweep with the most blocks that threads can share whose windows take at most `bytes`.
    fn widest_sweep(&self, target: usize, bytes: u64) -> Sweep {
        let mut blocks = 2 * threads();
        loop {
            let sweep = self.sweep(target, blocks);
            if blocks == 1 || self.window_bytes(&sweep) <= bytes {
                return sweep;
            }
            blocks /= 2;
        }
    }

    fn sweep(&self, target: usize, blocks: usize) -> Sweep {
        let mut sweep = Sweep {
            target,
            nodes: self.nodes_for(target, &self.stored),
            blocks,
            window_rows: vec![0; self.nodes.len()],
        };
        let mut windows = vec![0..0; self.nodes.len()];
        while self.advance(&sweep, &mut windows) {
            for (most, window) in sweep.window_rows.iter_mut().zip(&windows) {
                *most = window.len().max(*most);
            }
        }
        sweep
    }

    /// The nodes whose rows it takes to make the target's, in order.
    fn nodes_for(&self, target: usize, stored: &[bool]) -> Vec<usize> {
        let mut nodes = BTreeSet::from([target]);
        let mut open = vec![target];
        while let Some(node) = open.pop() {
            if node == target || !stored[node] {
                let new = self.nodes[node].inputs.iter();
                open.extend(new.copied().filter(|input| nodes.insert(*input)));
            }
        }
        nodes.into_iter().collect()
    }

    /// Of every stored node, the target of the last sweep that reads it.
    fn last_read(&self, stored: &[bool]) -> Vec<usize> {
        let mut last = vec![0; self.nodes.len()];
        for target in 1..self.nodes.len() {
            for node in self.nodes_for(target, stored) {
                if node != target && stored[node] {
                    last[node] = target;
                }
            }
        }
        last
    }

    /// Bytes of the stored maps during each sweep at most. While one takes the place of another, row
    /// by row, there are never more of both than of the larger.
    fn stored_bytes(&self, stored: &[bool]) -> Vec<u64> {
        let last = self.last_read(stored);
        let before = |target: usize| -> u64 {
            let lives = |node: &usize| stored[*node] && *node < target && target <= last[*node];
            let nodes = (0..self.nodes.len()).filter(lives);
            nodes.map(|node| self.nodes[node].stored_bytes()).sum()
        };
        (1..self.nodes.len())
            .map(|target| before(target).max(before(target + 1)))
            .collect()
    }

    fn work(&self, stored: &[bool]) -> f64 {
        let of_node = |target: usize, node: usize| {
            let is_read = stored[node] && node != target;
            self.nodes[node].row_work(is_read) * self.nodes[node].size[0] as f64
        };
        (1..self.nodes.len())
            .flat_map(|target| {
                let nodes = self.nodes_for(target, stored);
                nodes.into_iter().map(move |node| of_node(target, node))
            })
            .sum()
    }

    /// Stores what saves work, as long as every sweep keeps within `memory` bytes with its windows.
    fn store_more(&mut self, memory: u64, windows: &[u64]) {
        let with = |stored: &[bool], node: usize| {
            let mut stored = stored.to_vec();
            stored[node] = true;
            stored
        };
        let work = self.work(&self.stored);
        // The picture is there anyway, and nobody reads the head's output.
        let mut saving: Vec<(usize, f64)> = (1..self.nodes.len() - 1)
            .filter(|node| !self.stored[*node])
            .map(|node| {
                let saved = work - self.work(&with(&self.stored, node));
                (node, saved / self.nodes[node].stored_bytes() as f64)
            })
            .collect();
        saving.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut work = work;
        for (node, _) in saving {
            let stored = with(&self.stored, node);
            let work_then = self.work(&stored);
            let bytes = self.stored_bytes(&stored);
            let fits = bytes.iter().zip(windows).all(|(a, b)| a + b <= memory);
            if work_then < work && fits {
                (self.stored, work) = (stored, work_then);
            }
        }
    }
}

impl Sweep {
    /// Values of all windows.
    pub fn window_values(&self, nodes: &[Node]) -> u64 {
        let rows = self.window_rows.iter().zip(nodes);
        rows.map(|(rows, node)| *rows as u64 * node.row_len as u64)
            .sum()
    }
}

impl Node<'_> {
    /// Rows of its inputs that these rows are made of, not counting reflections.
    fn input_rows(&self, rows: Range<usize>) -> Range<usize> {
        let wanted = match self.making {
            Making::Dense(conv) => conv.input_rows(rows),
            Making::Depthwise(_) => rows.start as isize - 1..rows.end as isize + 1,
            Making::Picture | Making::Add => rows.start as isize..rows.end as isize,
        };
        let clamp = |row: isize| row.clamp(0, self.input.height() as isize) as usize;
        self.input
            .stored_rows(clamp(wanted.start)..clamp(wanted.end))
    }

    /// Work of one row, read from where it is stored or made.
    fn row_work(&self, is_read: bool) -> f64 {
        if is_read {
            self.row_len as f64 * VALUE_WORK
        } else {
            self.work
        }
    }

    /// Bytes that it takes if it is stored, in half precision, a vector a row.
    fn stored_bytes(&self) -> u64 {
        self.size[0] as u64 * (2 * self.row_len as u64 + size_of::<Vec<u16>>() as u64)
    }
}

/// Of every node, whether it is stored with the least memory: maps at the lowest resolution, but not
/// those inside of residual blocks, which depthwise steps make or read and sums take the place of.
fn least_stored(network: &Network) -> Vec<bool> {
    let inside = |(i, step): (usize, &Step)| {
        let replaced = step.input.maps.first().copied();
        match step.operation {
            Operation::Dense(_) => [None, None],
            Operation::Depthwise(_) => [replaced, Some(i)],
            Operation::Add => [replaced, None],
        }
    };
    let steps = network.steps.iter().enumerate();
    let inside: BTreeSet<usize> = steps.flat_map(inside).flatten().collect();
    let lowest = network.steps.iter().map(|step| step.output.halvings).max();
    let is_stored =
        |(i, step): (usize, &Step)| Some(step.output.halvings) == lowest && !inside.contains(&i);
    let maps = network.steps.iter().enumerate().map(is_stored);
    // Neither the picture nor the head's output.
    [false].into_iter().chain(maps).chain([false]).collect()
}

fn nodes(network: &Network, size: [usize; 2]) -> Vec<Node<'_>> {
    let pixels = size[0] as f64 * size[1] as f64;
    let node = |making, input: &InputSpec, size_made: [usize; 2], channels: usize, macs: f64| {
        let row_len = size_made[1].saturating_mul(channels);
        Node {
            making,
            inputs: match input.maps[..] {
                [] => vec![0],
                _ => input.maps.iter().map(|map| map + 1).collect(),
            },
            input: network.sized(input, size),
            size: size_made,
            row_len,
            block_rows: match making {
                Making::Dense(conv) => conv.block_size(size_made)[0],
                _ => 1,
            },
            work: macs * pixels / size_made[0] as f64 + row_len as f64 * VALUE_WORK,
        }
    };
    let picture = Node {
        inputs: Vec::new(),
        ..node(
            Making::Picture,
            &InputSpec::default(),
            size,
            network.planes,
            0.0,
        )
    };
    let steps = network.steps.iter().map(|step| {
        let making = match &step.operation {
            Operation::Dense(conv) => Making::Dense(conv),
            Operation::Depthwise(conv) => Making::Depthwise(conv),
            Operation::Add => Making::Add,
        };
        let map = &step.output;
        let size = network.size_at(size, map.halvings);
        node(making, &step.input, size, map.channels, step.macs)
    });
    let head = &network.head;
    let making = Making::Dense(&head.conv);
    let head = node(making, &head.input, size, head.conv.channels(), head.macs);
    [picture].into_iter().chain(steps).chain([head]).collect()
}
