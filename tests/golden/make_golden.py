"""Makes the golden files beside this script, with PyTorch as the reference.

    pip install torch==2.9.0 numpy safetensors
    python make_golden.py [--verify FOLDER]

Weights and inputs come from a formula that the Rust tests repeat (tests/formula/mod.rs), so only
outputs are stored. --verify FOLDER first compares the network defined here with recorded outputs
of the public implementation: random.safetensors, SIZE_in.npy, SIZE_out.npy, SIZE_out_noalign.npy.
"""

import argparse
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

HERE = pathlib.Path(__file__).parent
# Every how many values of an activation one is kept.
STRIDE = 61


class ConvNormLReLU(nn.Sequential):
    """Reflection padding, convolution, GroupNorm(1), LeakyReLU: bryandlee/animegan2-pytorch."""

    def __init__(self, cin, cout, kernel=3, stride=1, groups=1, bias=False):
        half = kernel // 2
        padding = (0, 1, 0, 1) if stride == 2 else (half,) * 4
        super().__init__(
            nn.ReflectionPad2d(padding),
            nn.Conv2d(cin, cout, kernel, stride, groups=groups, bias=bias),
            nn.GroupNorm(1, cout),
            nn.LeakyReLU(0.2),
        )


class InvertedResidual(nn.Module):
    def __init__(self, cin, cout, expansion=2):
        super().__init__()
        hidden = cin * expansion
        self.residual = cin == cout
        self.layers = nn.Sequential(
            ConvNormLReLU(cin, hidden, 1),
            ConvNormLReLU(hidden, hidden, 3, groups=hidden, bias=True),
            nn.Conv2d(hidden, cout, 1, bias=False),
            nn.GroupNorm(1, cout),
        )

    def forward(self, x):
        y = self.layers(x)
        return x + y if self.residual else y


class AnimeGan2(nn.Module):
    def __init__(self):
        super().__init__()
        c = ConvNormLReLU
        self.block_a = nn.Sequential(c(3, 32, 7), c(32, 64, stride=2), c(64, 64))
        self.block_b = nn.Sequential(c(64, 128, stride=2), c(128, 128))
        self.block_c = nn.Sequential(
            c(128, 128),
            InvertedResidual(128, 256),
            InvertedResidual(256, 256),
            InvertedResidual(256, 256),
            InvertedResidual(256, 256),
            c(256, 128),
        )
        self.block_d = nn.Sequential(c(128, 128), c(128, 128))
        self.block_e = nn.Sequential(c(128, 64), c(64, 64), c(64, 32, 7))
        self.out_layer = nn.Sequential(nn.Conv2d(32, 3, 1, bias=False), nn.Tanh())

    def forward(self, x, align_corners, observe=lambda x: None):
        def run(block, x):
            for layer in block:
                x = layer(x)
                observe(x)
            return x

        def up(x, size):
            return F.interpolate(x, size, mode="bilinear", align_corners=align_corners)

        full = x.shape[-2:]
        x = run(self.block_a, x)
        half = x.shape[-2:]
        x = run(self.block_c, run(self.block_b, x))
        x = run(self.block_d, up(x, half))
        x = run(self.block_e, up(x, full))
        x = self.out_layer(x)
        observe(x)
        return x


def conv_norm(cin, cout, kernel=3, stride=1, groups=1, act=True):
    layers = [
        nn.Conv2d(
            cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False, padding_mode="reflect"
        ),
        nn.GroupNorm(1, cout),
    ]
    return nn.Sequential(*layers, nn.LeakyReLU(0.2)) if act else nn.Sequential(*layers)


class Block(nn.Module):
    def __init__(self, channels, expansion=4):
        super().__init__()
        hidden = channels * expansion
        self.l = nn.Sequential(
            conv_norm(channels, hidden, 1),
            conv_norm(hidden, hidden, 3, groups=hidden),
            conv_norm(hidden, channels, 1, act=False),
        )

    def forward(self, x):
        return x + self.l(x)


class Compact(nn.Module):
    def __init__(self):
        super().__init__()
        self.s0, self.s1, self.s2 = (
            conv_norm(3, 24),
            conv_norm(24, 48, stride=2),
            conv_norm(48, 128, stride=2),
        )
        self.m = nn.Sequential(*[Block(128) for _ in range(9)])
        self.d1, self.d0 = conv_norm(128, 48), conv_norm(48, 24)
        self.o = nn.Conv2d(24, 3, 3, padding=1, padding_mode="reflect")

    def forward(self, x, align_corners, observe=lambda x: None):
        def up(x, like):
            size = like.shape[-2:]
            return F.interpolate(x, size, mode="bilinear", align_corners=align_corners)

        s0 = self.s0(x)
        observe(s0)
        s1 = self.s1(s0)
        observe(s1)
        x = self.s2(s1)
        observe(x)
        for block in self.m:
            x = block(x)
            observe(x)
        x = self.d1(up(x, s1)) + s1
        observe(x)
        x = self.d0(up(x, s0)) + s0
        observe(x)
        x = torch.tanh(self.o(x))
        observe(x)
        return x


def formula(name, shape):
    """Numbers in [-1, 1) from FNV-1a of the name and splitmix64 of the index."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x100000001B3) % 2**64
    z = np.arange(np.prod(shape), dtype=np.uint64) + np.uint64(seed)
    z = z + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return (2.0 * ((z >> np.uint64(40)) / 2.0**24) - 1.0).reshape(shape)


def with_formula_weights(network):
    state = {}
    for name, tensor in network.state_dict().items():
        values = formula(name, tuple(tensor.shape))
        if tensor.dim() == 4:
            values = values * np.sqrt(3.0 / np.prod(tensor.shape[1:]))
        elif name.endswith(".weight"):
            values = 1.0 + 0.2 * values
        else:
            values = 0.2 * values
        state[name] = torch.from_numpy(values.astype(np.float32))
    network.load_state_dict(state)
    return network.eval()


def make(network, modes):
    golden = {}
    for height, width in ((64, 64), (50, 66)):
        x = torch.from_numpy(formula("input", (1, 3, height, width)).astype(np.float32))
        for mode in modes:
            steps = []
            output = network(x, mode == "align_corners", steps.append)
            name = f"{height}x{width}.{mode}"
            golden[f"{name}.output"] = output.contiguous()
            if height == 64:
                for i, step in enumerate(steps):
                    golden[f"{name}.block.{i}"] = step.flatten()[::STRIDE].contiguous()
    return golden


def verify(folder):
    network = AnimeGan2()
    network.load_state_dict(load_file(folder / "random.safetensors"))
    for source in sorted(folder.glob("*_in.npy")):
        x = torch.from_numpy(np.load(source))
        size = source.name.removesuffix("_in.npy")
        for suffix, align in (("_out", True), ("_out_noalign", False)):
            expected = np.load(folder / f"{size}{suffix}.npy")
            error = np.abs(network(x, align).numpy() - expected).max()
            print(f"{size}{suffix}: {error:.2e}")
            assert error < 2e-5


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--verify", type=pathlib.Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.verify:
        verify(arguments.verify)
    full = with_formula_weights(AnimeGan2())
    save_file(make(full, ("align_corners", "half_pixel")), HERE / "animegan2.safetensors")
    compact = with_formula_weights(Compact())
    save_file(make(compact, ("half_pixel",)), HERE / "compact.safetensors")


if __name__ == "__main__":
    main()
