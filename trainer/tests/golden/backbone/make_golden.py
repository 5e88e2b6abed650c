"""Makes vgg16_narrow.json beside this script: pip install torch==2.9.0; python make_golden.py

A VGG16 of a sixteenth of the width with weights and a picture by formula, evaluated in double
precision; trainer/src/backbone/vgg.rs has the same formulas.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
DEPTHS = [2, 2, 3, 3, 3]
CHANNELS = [4, 8, 16, 32, 32]
MEAN = [123.68, 116.779, 103.939]
SIDE_PX = 32
SAMPLES = 16


def noise(tensor, count):
    """Pseudo-random numbers in [-0.5, 0.5] for the tensor of that number."""
    i = torch.arange(count, dtype=torch.int64)
    return ((31 * i * i + 17 * i + 101 * tensor) % 1009).double() / 1008 - 0.5


def features(x):
    """Features by name, before (conv) and after (relu) each rectification."""
    found = {}
    x = ((x + 1) * 127.5 - torch.tensor(MEAN, dtype=torch.float64).view(1, 3, 1, 1)).flip(1)
    number, inputs = 0, 3
    for block, (depth, outputs) in enumerate(zip(DEPTHS, CHANNELS), 1):
        if block > 1:
            x = F.max_pool2d(x, 2)
        for conv in range(1, depth + 1):
            fan_in = 9 * inputs
            weight = noise(2 * number, outputs * fan_in) * math.sqrt(24 / fan_in)
            bias = noise(2 * number + 1, outputs) * 20
            # Weights are stored in single precision.
            weight, bias = weight.float().double(), bias.float().double()
            x = F.conv2d(x, weight.view(outputs, inputs, 3, 3), bias, padding=1)
            found[f"conv{block}_{conv}"] = x
            x = x.relu()
            found[f"relu{block}_{conv}"] = x
            number, inputs = number + 1, outputs
    return found


def summary(tensor):
    flat = tensor.detach().flatten()
    step = flat.numel() // SAMPLES
    return {
        "shape": list(tensor.shape),
        "sum": flat.sum().item(),
        "magnitude": flat.abs().mean().item(),
        "samples": [flat[step * k + k].item() for k in range(SAMPLES)],
    }


def main():
    c, y, x = torch.meshgrid(
        torch.arange(3), torch.arange(SIDE_PX), torch.arange(SIDE_PX), indexing="ij"
    )
    bytes_ = (7 * x + 13 * y + 29 * c + 5 * (x * y % 11)) % 256
    picture = (bytes_.double() / 127.5 - 1).float().double()[None].requires_grad_()
    found = features(picture)
    (gradient,) = torch.autograd.grad(found["relu3_3"].mean(), picture)
    golden = {name: summary(found[name]) for name in ["relu1_2", "relu3_3", "conv4_1"]}
    golden["gradient"] = summary(gradient)
    (HERE / "vgg16_narrow.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
