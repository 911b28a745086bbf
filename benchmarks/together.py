"""What filling pictures together saves: the network alone, and whole runs over a folder.

    python benchmarks/together.py PICTURES      # a folder, or tars with pictures

Milliseconds of processor time a picture, and as a share of one at a time, medians of alternating
rounds. `network` is passes of 1, 2, 4 and 8 inputs. `run` is `inpaint fill --batch-size N` from
files to files, with a mask for each picture or one for all.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch
from batch import make_set
from measure import alternating
from PIL import Image

from inpaint.batch import Request, Settings, Task, make_plan
from inpaint.batch.run import run_local
from inpaint.checkpoints.weights import DEFAULT_WEIGHTS
from inpaint.images import read_picture
from inpaint.inference.inpainter import Inpainter
from inpaint.masks import fixed_hole
from inpaint.masks.read import read_hole

BUCKET = 1  # holes of 10 to 20 %


def row(name: str, seconds: dict[int, list[float]], count: int) -> str:
    cells = []
    for values in seconds.values():
        share = median(v / one for v, one in zip(values, seconds[1], strict=True))
        cells.append(f"{1000 * median(values) / count:.1f} ({share:.2f})")
    return f"| {name} | " + " | ".join(cells) + " |"


def passes(inpainter: Inpainter, side: int, options: argparse.Namespace) -> str:
    count = max(options.sizes)
    holes = [fixed_hole((side, side), n, seed=0, bucket=BUCKET) for n in range(count)]
    valid = torch.from_numpy(1 - np.stack(holes)[:, None].astype(np.float32))
    image = torch.rand(count, 3, side, side).to(memory_format=torch.channels_last)

    def run(size: int) -> None:
        for at in range(0, count, size):
            inpainter.network(image[at : at + size], valid[at : at + size])

    with torch.inference_mode():
        ways = {size: lambda size=size: run(size) for size in options.sizes}
        return row(
            f"network, {side} px", alternating(ways, options.rounds, clock=time.process_time), count
        )


def runs(inpainter: Inpainter, side: int, one: bool, options: argparse.Namespace) -> list[str]:
    """The row, and how many values of the holes are others than one at a time."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        make_set(options.pictures, folder, options.count, (side,))
        for path in (folder / "photos").iterdir():  # squares, and so of one size
            image = Image.open(path).resize((side, side))
            image.save(path.with_suffix(".png"))
            if path.suffix != ".png":
                path.unlink()
        for number, path in enumerate(sorted((folder / "masks").iterdir())):
            hole = fixed_hole((side, side), 0 if one else number, seed=0, bucket=BUCKET)
            Image.fromarray(hole.astype(np.uint8) * 255).save(path)

        def tasks(size: int) -> list[Task]:
            request = Request(
                (str(folder / "photos"),),
                mask=str(folder / "masks"),
                output=str(folder / f"out{size}"),
                overwrite=True,
            )
            return make_plan(request).tasks

        def run(size: int) -> None:
            for record in run_local(tasks(size), inpainter, Settings(), batch_size=size):
                assert record.status == "done", record

        ways = {size: lambda size=size: run(size) for size in options.sizes}
        kind = "one mask" if one else "own masks"
        text = row(
            f"run, {side} px, {kind}",
            alternating(ways, options.rounds, clock=time.process_time),
            options.count,
        )
        others = []
        for size in options.sizes[1:]:
            differing = total = 0
            for task, alone in zip(tasks(size), tasks(1), strict=True):
                pixels, hole = read_picture(task.output).pixels, read_hole(task.mask)
                differing += int((pixels != read_picture(alone.output).pixels).sum())
                total += 3 * int(hole.sum())
            others.append(f"{size}: {differing} of {total}")
        return [text, f"values in holes that differ from one at a time: {', '.join(others)}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pictures", type=Path, help="a folder or a tar with pictures")
    parser.add_argument("--weights", default=DEFAULT_WEIGHTS)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--count", type=int, default=48, help="pictures of a run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sides", type=int, nargs="+", default=(128, 256))
    parser.add_argument("--sizes", type=int, nargs="+", default=(1, 2, 4, 8))
    options = parser.parse_args()
    torch.set_num_threads(1)
    inpainter = Inpainter.load(options.weights, device=options.device)
    print("| | " + " | ".join(f"{size} together" for size in options.sizes) + " |")
    notes = []
    for side in options.sides:
        print(passes(inpainter, side, options))
        for one in (False, True):
            text, note = runs(inpainter, side, one, options)
            print(text, flush=True)
            notes.append(note)
    print("\n".join(notes))


if __name__ == "__main__":
    main()
