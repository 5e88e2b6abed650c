"""Makes mtcnn.safetensors beside this script from the weights in PyPI's facenet-pytorch 2.6.0.

    pip download --no-deps facenet-pytorch==2.6.0
    unzip facenet_pytorch-2.6.0-py3-none-any.whl
    pip install torch==2.9.0 numpy safetensors
    python make_mtcnn.py facenet_pytorch/data

Tensors keep their PyTorch names, prefixed by their network's, and their shapes; values become f16.
"""

import argparse
import hashlib
import io
import pathlib

import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
SHA256 = {
    "pnet": "a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f",
    "rnet": "bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86",
    "onet": "165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d",
}


def main():
    parser = argparse.ArgumentParser(description="Converts facenet-pytorch's MTCNN weights.")
    parser.add_argument("folder", type=pathlib.Path, help="holds pnet.pt, rnet.pt and onet.pt")
    folder = parser.parse_args().folder
    tensors = {}
    for network, expected in SHA256.items():
        data = (folder / f"{network}.pt").read_bytes()
        found = hashlib.sha256(data).hexdigest()
        if found != expected:
            raise SystemExit(f"{network}.pt has the SHA-256 {found}, expected {expected}")
        for name, tensor in torch.load(io.BytesIO(data), weights_only=True).items():
            half = tensor.half().contiguous()
            if not torch.isfinite(half).all():
                raise SystemExit(f"{network}.{name} does not fit into f16")
            tensors[f"{network}.{name}"] = half
    save_file(tensors, HERE / "mtcnn.safetensors")


if __name__ == "__main__":
    main()
