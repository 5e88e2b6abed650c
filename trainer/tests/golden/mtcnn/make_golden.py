"""Makes networks.json and faces.json beside this script: what facenet-pytorch computes.

    pip download --no-deps facenet-pytorch==2.6.0
    unzip facenet_pytorch-2.6.0-py3-none-any.whl
    pip install torch==2.9.0 numpy pillow
    PYTHONPATH=. python make_golden.py

facenet-pytorch asks for old versions of torch and torchvision, so it is unpacked, not installed.
Stand-ins replace the packages that it imports and that are missing; of these, detection calls
nothing but torchvision's batched_nms.
"""

import importlib.util
import json
import pathlib
import sys
import types

import numpy as np
import torch
from PIL import Image

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[3]

SMALL = "tests/browser/fixtures/astronaut-256.png"
SMALLEST = "tests/fixtures/photos/plain.png"
# Photos side by side, crop (left, top, width, height) or None, minimum face in pixels.
CASES = [
    (["www/samples/astronaut.jpg"], None, 40),
    ([SMALL], None, 20),
    # The picture's edge cuts the face: crops are clipped, the box is not.
    ([SMALL], (100, 36, 131, 97), 20),
    ([SMALLEST, SMALL], None, 20),
    (["www/samples/chelsea.jpg"], None, 40),
    (["www/samples/coffee.jpg"], None, 40),
]


def batched_nms(boxes, scores, indices, threshold):
    """torchvision's non-maximum suppression, for boxes of one image."""
    assert (indices == 0).all()
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    order = scores.argsort(descending=True, stable=True)
    kept = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        low = torch.maximum(boxes[best, :2], boxes[order, :2])
        high = torch.minimum(boxes[best, 2:4], boxes[order, 2:4])
        shared = (high - low).clamp(min=0).prod(dim=1)
        order = order[shared / (areas[best] + areas[order] - shared) <= threshold]
    return torch.stack(kept) if kept else torch.empty(0, dtype=torch.int64)


def add_stand_ins():
    def add(name, **members):
        module = types.ModuleType(name)
        vars(module).update(members)
        sys.modules[name] = module

    if importlib.util.find_spec("torchvision") is None:
        add("torchvision")
        add("torchvision.transforms", functional=None)
        add("torchvision.ops")
        add("torchvision.ops.boxes", batched_nms=batched_nms)
    for name, member in (("requests", "adapters"), ("tqdm", "tqdm")):
        if importlib.util.find_spec(name) is None:
            add(name)
            add(f"{name}.{member}", HTTPAdapter=None)
            setattr(sys.modules[name], member, None)


def formula(batch, height, width):
    """Integers, so that every language makes the same input; values in [-1, 1)."""
    i = torch.arange(batch * 3 * height * width)
    return (i * 37 % 251 / 128.0 - 1.0).reshape(batch, 3, height, width)


def networks(mtcnn):
    # An odd side of P-Net's input makes its pooling round up.
    outputs = {
        "pnet": mtcnn.pnet(formula(1, 17, 20)),
        "rnet": mtcnn.rnet(formula(2, 24, 24)),
        "onet": mtcnn.onet(formula(2, 48, 48)),
    }
    names = {2: ("offsets", "probabilities"), 3: ("offsets", "landmarks", "probabilities")}
    return {
        network: {
            name: [round(value, 6) for value in tensor.flatten().tolist()]
            for name, tensor in zip(names[len(tensors)], tensors)
        }
        for network, tensors in outputs.items()
    }


def faces(mtcnn_class):
    cases = []
    for photos, crop, min_face_px in CASES:
        parts = [Image.open(ROOT / photo).convert("RGB") for photo in photos]
        height = max(part.height for part in parts)
        image = Image.new("RGB", (sum(part.width for part in parts), height))
        left = 0
        for part in parts:
            image.paste(part, (left, 0))
            left += part.width
        if crop:
            left, top, width, height = crop
            image = image.crop((left, top, left + width, top + height))
        mtcnn = mtcnn_class(min_face_size=min_face_px, keep_all=True)
        rects, scores, points = mtcnn.detect(image, landmarks=True)
        found = [] if rects is None else zip(rects, scores, points)
        case = {"photos": photos, "crop": crop, "min_face_px": min_face_px}
        case["faces"] = [
            {
                "score": round(float(score), 4),
                "rect": np.asarray(rect, float).round(2).tolist(),
                "landmarks": np.asarray(face_points, float).round(2).tolist(),
            }
            for rect, score, face_points in found
        ]
        cases.append(case)
    return cases


@torch.no_grad()
def main():
    torch.set_num_threads(1)
    add_stand_ins()
    from facenet_pytorch.models.mtcnn import MTCNN

    for name, golden in (("networks", networks(MTCNN())), ("faces", faces(MTCNN))):
        (HERE / f"{name}.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
