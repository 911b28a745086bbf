"""How well damage is found: by class and width, on clean photos, and what a fill makes of it.

python benchmarks/detector.py found --data wds --root val-000.tar
python benchmarks/detector.py found --data wds --root DATA --size 768 --as-scans
python benchmarks/detector.py straight --data wds --root val-000.tar
python benchmarks/detector.py clean --data wds --root val-000.tar
python benchmarks/detector.py filled --data wds --root val-000.tar
python benchmarks/detector.py time
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import time
from collections.abc import Iterator

import cv2
import numpy as np
import torch

import inpaint.detect.detector
from inpaint.damage import dust, lines
from inpaint.damage.ageing import scan
from inpaint.damage.damage import BITS, Draw, labelled
from inpaint.damage.drawing import Canvas, Size
from inpaint.damage.layer import Kind, Layer
from inpaint.damage.stamps import stamps
from inpaint.data import ImageSource, open_source
from inpaint.data.crops import center_square
from inpaint.detect import DamageDetector
from inpaint.inference.inpainter import Inpainter
from inpaint.models.detector import CLASSES

SIZE = 256  # px
NEAR = 2  # px from damage at which a marked pixel still counts as right; masks are grown by this


def photos(source: ImageSource, count: int, size: int | None = SIZE) -> Iterator[np.ndarray]:
    """Clean photos at even distances: (size, size, 3) uint8, or as they are."""
    count = min(count, len(source))
    for number in range(count):
        image = source.load(number * len(source) // count)
        yield image if size is None else np.ascontiguousarray(center_square(image, size))


def shifted(kind: Kind, opacity: np.ndarray, contrast: float, rng: np.random.Generator) -> Layer:
    sign = 1.0 if rng.random() < 0.5 else -1.0
    change = sign * contrast
    return Layer(kind, opacity, (change, change, change), covering=False)


def cases() -> Iterator[tuple[str, Kind, Draw]]:
    """Name, class and drawing of each case."""
    for width in (1.0, 5 / 3, 3.0, 5.0):
        for contrast in (0.05, 0.1, 0.2, 0.4):

            def scratch(
                rng: np.random.Generator, size: Size, w: float = width, c: float = contrast
            ) -> list[Layer]:
                opacity = [lines.scratch(rng, size, width=w, length=150) for _ in range(2)]
                return [shifted("scratch", x, c, rng) for x in opacity]

            yield f"scratch {width:.1f} px, contrast {contrast}", "scratch", scratch
    for diameter in (2.0, 3.0, 5.0, 9.0):
        for contrast in (0.1, 0.2, 0.4):

            def speck(
                rng: np.random.Generator, size: Size, d: float = diameter, c: float = contrast
            ) -> list[Layer]:
                return [shifted("dust", dust.speck(rng, size, diameter=d, count=12), c, rng)]

            yield f"dust {diameter:.0f} px, contrast {contrast}", "dust", speck
    for name, draw in (("hairs", lines.hairs), ("folds", lines.folds), ("cracks", lines.cracks)):
        yield name, "scratch", draw
    for name, draw in (("fibres", dust.fibres), ("rings", dust.rings), ("stains", dust.stains)):
        yield name, "dust", draw
    yield "stamps", "stamp", stamps


def found(
    source: ImageSource, detector: DamageDetector, count: int, sensitivity: float, size: int
) -> None:
    """Precision and recall of each case, over the pixels of all photos, any class counting."""
    for name, kind, draw in cases():
        sums = np.zeros(4)  # right, marked, found, damaged
        same = 0.0
        for number, image in enumerate(photos(source, count, size)):
            rng = np.random.default_rng([11, number])
            pixels = image.astype(np.float32) / 255
            labels = labelled(pixels, draw(rng, (size, size)))
            detection = detector.detect(scan(rng, pixels), sensitivity=sensitivity)
            truth = labels == BITS[kind]
            drawn = (labels > 0).astype(np.uint8)
            near = cv2.dilate(drawn, np.ones((2 * NEAR + 1,) * 2, np.uint8)) > 0
            mask = detection.mask
            sums += [(mask & near).sum(), mask.sum(), (mask & truth).sum(), truth.sum()]
            index = CLASSES.index(kind)
            best = detection.scores.argmax(-1) == index
            same += float((truth & mask & best).sum())
        right, marked, hit, damaged = sums
        row = {
            "case": name,
            "precision": round(right / max(1, marked), 3),
            "recall": round(hit / max(1, damaged), 3),
            "right_class": round(same / max(1, hit), 3),
            "damaged_pixels": int(damaged),
        }
        print(json.dumps(row), flush=True)


def straight(
    source: ImageSource, detector: DamageDetector, count: int, sensitivity: float, size: int
) -> None:
    """Recall of straight even lines of 2 px, 40 levels lighter or darker; sharp and smooth ground.

    They look like wires most of all damage, and show most where the ground is smooth.
    """
    for blur in (0, 12):
        recalls = []
        for number, image in enumerate(photos(source, count, size)):
            ground = cv2.GaussianBlur(image, (0, 0), blur) if blur else image
            for turn in range(6):
                rng = np.random.default_rng([13, number, turn])
                middle, angle = rng.uniform(0.25 * size, 0.75 * size, 2), rng.uniform(0, np.pi)
                along = 2 * size * np.array([np.cos(angle), np.sin(angle)])
                canvas = Canvas((size, size))
                canvas.line(np.stack([middle - along, middle + along]), 2.0)
                line = canvas.opacity()[..., None]
                change = np.float32(40 if turn % 2 else -40) * line
                marked = cv2.convertScaleAbs((ground + change).clip(0, 255))
                mask = detector.detect(marked, sensitivity=sensitivity).mask
                recalls.append(float(mask[line[..., 0] > 0.5].mean()))
        row = {
            "ground": f"blurred, sigma {blur} px" if blur else "sharp",
            "lines": len(recalls),
            "recall": round(float(np.mean(recalls)), 3),
            "found_by_less_than_half": int(np.sum(np.array(recalls) < 0.5)),
        }
        print(json.dumps(row), flush=True)


def clean(source: ImageSource, detector: DamageDetector, count: int, sensitivity: float) -> None:
    """Share of clean photos that is marked, in their own size."""
    shares, classes = [], []
    for image in photos(source, count, None):
        detection = detector.detect(image, sensitivity=sensitivity)
        shares.append(detection.share)
        classes.append(list(detection.shares.values()))
    worst = np.argsort(shares)[::-1][:5]
    row = {
        "photos": len(shares),
        "marked_percent": round(100 * float(np.mean(shares)), 4),
        "worst_percent": [round(100 * shares[i], 2) for i in worst],
        "worst_numbers": worst.tolist(),
        "by_class_percent": np.round(100 * np.mean(classes, 0), 4).tolist(),
        "unmarked_photos": int(np.sum(np.array(shares) == 0)),
    }
    print(json.dumps(row))


def filled(
    source: ImageSource,
    detector: DamageDetector,
    count: int,
    sensitivity: float,
    grow: int,
    size: int,
) -> None:
    """PSNR against the clean photo: damaged, filled by what was found, filled by the true mask."""
    inpainter = Inpainter.load(style="faithful", device=detector.device)
    draws = [lines.scratches, lines.hairs, lines.cracks, dust.specks, dust.fibres, stamps]
    rows = []
    for number, image in enumerate(photos(source, count, size)):
        rng = np.random.default_rng([12, number])
        pixels = image.astype(np.float32) / 255
        chosen = [draws[number % len(draws)], draws[(number + 3) % len(draws)]]
        labels = labelled(pixels, [layer for draw in chosen for layer in draw(rng, (size, size))])
        damaged = cv2.convertScaleAbs(pixels, alpha=255)
        detection = detector.detect(damaged, sensitivity=sensitivity)
        truth = cv2.dilate((labels > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        by_found = inpainter.fill(damaged, detection.hole(grow))
        by_truth = inpainter.fill(damaged, truth)
        rows.append([psnr(x, image) for x in (damaged, by_found, by_truth)])
    means = np.mean(rows, 0).round(2).tolist()
    better = float(np.mean([row[1] > row[0] for row in rows]))
    names = ("damaged", "filled_by_found", "filled_by_truth")
    print(json.dumps({**dict(zip(names, means, strict=True)), "photos_better": round(better, 3)}))


def psnr(image: np.ndarray, clean_image: np.ndarray) -> float:
    """dB over the whole image, at most 60."""
    error = float(np.mean((image.astype(float) - clean_image) ** 2))
    return min(60.0, 10 * math.log10(255**2 / max(error, 1e-9)))


def measure_time(detector: DamageDetector) -> None:
    """Seconds and memory of one large image, by megapixels."""
    for height, width in ((1000, 1500), (3000, 4000), (4000, 6000)):
        rng = np.random.default_rng(0)
        small = rng.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
        image = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        start, cpu = time.perf_counter(), time.process_time()
        detector.detect(image)
        row = {
            "megapixels": height * width / 1e6,
            "seconds": round(time.perf_counter() - start, 2),
            "core_seconds": round(time.process_time() - cpu, 2),
            "memory_GB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
            "threads": torch.get_num_threads(),
        }
        print(json.dumps(row), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("what", choices=("found", "straight", "clean", "filled", "time"))
    parser.add_argument("--data", default="folder")
    parser.add_argument("--root", default="examples")
    parser.add_argument("--weights", default="detector")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--sensitivity", type=float, default=0.5)
    parser.add_argument("--grow", type=int, default=NEAR)
    parser.add_argument("--float32", action="store_true", help="without bfloat16, for time")
    parser.add_argument("--size", type=int, default=SIZE, help="side of the squares, px")
    parser.add_argument("--as-scans", action="store_true", help="looked at as large scans are")
    arguments = parser.parse_args()
    if arguments.as_scans:
        inpaint.detect.detector.SMALL = 400
    detector = DamageDetector.load(arguments.weights)
    if arguments.float32:
        detector.half = False
    if arguments.what == "time":
        measure_time(detector)
        return
    source = open_source(arguments.data, arguments.root, split="val")
    common = source, detector, arguments.count, arguments.sensitivity
    if arguments.what == "found":
        found(*common, arguments.size)
    elif arguments.what == "straight":
        straight(*common, arguments.size)
    elif arguments.what == "clean":
        clean(*common)
    else:
        filled(*common, arguments.grow, arguments.size)


if __name__ == "__main__":
    main()
