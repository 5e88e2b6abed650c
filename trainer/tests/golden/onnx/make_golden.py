"""Checks the ONNX models beside this script and makes onnxruntime.json of what they answer.

    pip install numpy onnx==1.23.2 onnxruntime==1.32.0
    python make_golden.py
    pip install torch==2.9.0 onnxscript safetensors
    python make_golden.py --torch      # makes the torch-*.onnx anew

The models of styles are written by `cargo test -p trainer write_golden_models -- --ignored`. Styles
and pictures come from the formula of tests/formula/mod.rs, so that only answers are stored.
"""

import argparse
import json
import pathlib
import sys

import numpy as np
import onnx

HERE = pathlib.Path(__file__).parent
# Every how many values of an output one is kept.
STRIDE = 13


def formula(name, count):
    """`count` numbers in [-1, 1), as in tests/formula/mod.rs."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x0100000001B3 % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(count, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return 2 * ((z >> np.uint64(40)).astype(np.float64) / (1 << 24)) - 1


def known_answer_input():
    """The picture of src/style/known_answer.rs."""
    c, y, x = np.meshgrid(np.arange(3), np.arange(32), np.arange(32), indexing="ij")
    wave = (x * (c + 3) + y * (5 - c)) % 64
    triangle = np.minimum(wave, 64 - wave) / 16 - 1
    return np.where(x < 16, triangle, -triangle).astype(np.float32)[None]


def answers(path, pictures):
    import onnxruntime

    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(picture):
        return session.run(["output"], {"input": picture})[0]

    # Each picture of a batch is normalised by itself.
    first, second = pictures["32x32"], -pictures["32x32"]
    both = run(np.concatenate([first, second]))
    assert np.abs(both[:1] - run(first)).max() < 1e-6
    assert np.abs(both[1:] - run(second)).max() < 1e-6
    found = {}
    for size, picture in pictures.items():
        output = run(picture)
        assert output.shape == picture.shape
        found[size] = [round(float(v), 7) for v in output.ravel()[::STRIDE]]
    return found


def export_torch():
    """The public generator in narrow widths, by both of PyTorch's exporters."""
    import torch

    sys.path.insert(0, str(HERE.parents[3] / "tests/golden"))
    from make_golden import AnimeGan2, ConvNormLReLU, InvertedResidual

    def residual(cin, hidden, cout=12):
        block = InvertedResidual(cin, cout, 1)
        layers = block.layers
        layers[0] = ConvNormLReLU(cin, hidden, 1)
        layers[1] = ConvNormLReLU(hidden, hidden, 3, groups=hidden, bias=True)
        layers[2] = torch.nn.Conv2d(hidden, cout, 1, bias=False)
        return block

    c, sequence = ConvNormLReLU, torch.nn.Sequential
    network = AnimeGan2()
    network.block_a = sequence(c(3, 5, 7), c(5, 8, stride=2), c(8, 7))
    network.block_b = sequence(c(7, 9, stride=2), c(9, 8))
    hidden = [(10, 11), (12, 16), (12, 9), (12, 12)]
    network.block_c = sequence(c(8, 10), *[residual(*widths) for widths in hidden], c(12, 8))
    network.block_d = sequence(c(8, 9), c(9, 8))
    network.block_e = sequence(c(8, 9), c(9, 8), c(8, 6, 7))
    network.out_layer[0] = torch.nn.Conv2d(6, 3, 1, bias=False)
    state = {}
    for name, tensor in network.state_dict().items():
        scale = (3 / tensor[0].numel()) ** 0.5 if tensor.dim() == 4 else 0.2
        offset = 1.0 if tensor.dim() == 1 and is_norm(network, name) and "weight" in name else 0.0
        values = offset + formula(name, tensor.numel()) * scale
        state[name] = torch.tensor(values.astype(np.float32)).reshape(tensor.shape)
    network.load_state_dict(state)
    network.eval()

    class Public(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, x):
            return self.network(x, True)

    x = torch.zeros(1, 3, 32, 32)
    for name, opset, options in [
        ("torch-folded", 17, dict(dynamo=False, do_constant_folding=True)),
        ("torch-unfolded", 11, dict(dynamo=False, do_constant_folding=False)),
        ("torch-opset18", 18, dict(dynamo=True, external_data=False)),
    ]:
        path = HERE / f"{name}.onnx"
        torch.onnx.export(Public(), (x,), path, opset_version=opset, input_names=["input"],
                          output_names=["output"], **options)
        # Where each node comes from in Python takes more bytes than the weights.
        model = onnx.load(path)
        for node in model.graph.node:
            node.ClearField("metadata_props")
            node.ClearField("doc_string")
        del model.graph.value_info[:]
        onnx.save(model, path)


def is_norm(network, name):
    import torch

    return isinstance(network.get_submodule(name.rsplit(".", 1)[0]), torch.nn.GroupNorm)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--torch", action="store_true")
    if parser.parse_args().torch:
        export_torch()
        return
    pictures = {
        "32x32": known_answer_input(),
        "45x35": formula("picture", 3 * 35 * 45).astype(np.float32).reshape(1, 3, 35, 45),
    }
    found = {
        path.stem: answers(path, pictures)
        for path in sorted(HERE.glob("*.onnx"))
        if not path.stem.startswith("torch")
    }
    (HERE / "onnxruntime.json").write_text(json.dumps(found) + "\n")


main()
