"""Makes golden.json beside this script: picture metrics by OpenCV and NumPy.

    pip install numpy opencv-python-headless
    python make_golden.py

The Rust tests (src/evaluate/picture_metrics.rs) make the same outputs from the same photo.
"""

import json
import pathlib

import cv2
import numpy as np

HERE = pathlib.Path(__file__).parent
PHOTO = HERE.parents[3] / "tests/browser/fixtures/astronaut-256.png"
BLOCK = 16
# Every how many values of a blurred picture one is kept.
STRIDE = 1021


def box_blur_brighter(photo):
    padded = np.pad(photo.astype(np.int32), ((1, 1), (1, 1), (0, 0)), mode="edge")
    h, w = photo.shape[:2]
    total = sum(padded[y : y + h, x : x + w] for y in range(3) for x in range(3))
    return np.minimum(total // 9 + 12, 255).astype(np.uint8)


def checkered(photo):
    y, x = np.indices(photo.shape[:2])
    sign = np.where((x + y) % 2 == 0, 3, -3)
    return np.clip(photo.astype(np.int32) + sign[..., None], 0, 255).astype(np.uint8)


def posterised(photo):
    return (photo // 48 * 48 + 7)[..., [0, 2, 1]]


def luma(rgb):
    rgb = rgb.astype(np.float32)
    return 0.299 * rgb[..., 0] + 0.587 * rgb[..., 1] + 0.114 * rgb[..., 2]


def blur(plane, sigma):
    return cv2.GaussianBlur(plane, (0, 0), sigma)


def gradient(plane):
    dx = cv2.Sobel(plane, cv2.CV_32F, 1, 0)
    dy = cv2.Sobel(plane, cv2.CV_32F, 0, 1)
    return np.hypot(dx, dy) / 8


def edges(plane):
    eight_bit = np.clip(blur(plane, 1.2), 0, 255).astype(np.uint8)
    return cv2.Canny(eight_bit, 40, 100) > 0


def opponents(rgb):
    """CIE a* and b* for D65; cv2.cvtColor interpolates them on a coarse grid, up to 1 % off."""
    v = rgb / 255
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    to_xyz = [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
    xyz = linear @ np.array(to_xyz).T / [0.950456, 1, 1.088754]
    x, y, z = np.moveaxis(np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116), -1, 0)
    return np.stack([500 * (x - y), 200 * (y - z)], axis=-1)


def checkerboard(plane, area):
    """Amplitude of patterns of period 2: demodulated, averaged over blocks of the area."""
    h, w = plane.shape
    high, low = np.array([1, -2, 1]) / 4, np.array([1, 2, 1]) / 4
    y, x = np.indices((h, w))
    in_x, in_y = 1 - 2 * (x % 2), 1 - 2 * (y % 2)
    plane = plane.astype(np.float64)
    kept = [(high, low, in_x), (low, high, in_y), (high, high, in_x * in_y)]
    responses = [cv2.sepFilter2D(plane, -1, kx, ky) * sign * area for kx, ky, sign in kept]
    total = count = 0.0
    for top in range(1, h - 1, BLOCK):
        for left in range(1, w - 1, BLOCK):
            block = np.s_[top : min(top + BLOCK, h - 1), left : min(left + BLOCK, w - 1)]
            total += np.linalg.norm([response[block].sum() for response in responses])
            count += area[block].sum()
    return total / max(count, 1)


def metrics(photo, output):
    before, after = luma(photo), luma(output)
    edgeless = gradient(before) < 4
    wanted = edges(before)
    near = cv2.dilate(edges(after).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    lab_before, lab_after = opponents(photo), opponents(output)
    chroma = [np.hypot(lab[..., 0], lab[..., 1]).mean() for lab in (lab_before, lab_after)]
    saturation = chroma[1] / chroma[0]
    stain = blur(lab_after, 12) - saturation * blur(lab_before, 12)
    result = {
        "flat": (gradient(after) < 1).mean(),
        "hf": np.abs(after - blur(after, 1.5))[edgeless].mean(),
        "edge_recall": (wanted & near).sum() / wanted.sum(),
        "ink": np.maximum(blur(after, 3) - after - 8, 0).mean(),
        "saturation": saturation,
        "luma_shift": (after - before).mean(),
        "blotch": np.hypot(stain[..., 0], stain[..., 1]).mean(),
        "checkerboard": checkerboard(after, edgeless) - checkerboard(before, edgeless),
        "black": after.mean() < 8,
    }
    return {name: round(float(value), 6) for name, value in result.items()}


def main():
    photo = np.ascontiguousarray(cv2.imread(str(PHOTO))[..., ::-1])
    outputs = {f.__name__: f(photo) for f in (box_blur_brighter, checkered, posterised)}
    canny = cv2.Canny(np.rint(luma(photo)).astype(np.uint8), 40, 100) > 0
    columns = np.arange(photo.shape[1])
    golden = {
        "metrics": {name: metrics(photo, output) for name, output in outputs.items()},
        # Sigmas whose kernels tell 8 sigma + 1 from other rules for their length.
        "blur": {
            str(sigma): [round(float(v), 4) for v in blur(luma(photo), sigma).ravel()[::STRIDE]]
            for sigma in (0.8, 1.1, 3.0, 12.0)
        },
        # For each row, how many edges there are and the sum of their columns.
        "canny_edges": [[int(row.sum()), int(columns[row].sum())] for row in canny],
    }
    text = json.dumps(golden, separators=(",", ":"))
    for key in ('"metrics"', '"blur"', '"canny_edges"'):
        text = text.replace(key, "\n" + key)
    (HERE / "golden.json").write_text(text + "\n")
    print(json.dumps(golden["metrics"], indent=1))


if __name__ == "__main__":
    main()
