"""Methods that live outside of this process: commands, and folders of results made elsewhere."""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np

from inpaint.evaluate.protocol import Case
from inpaint.images import ImageError, decode_rgb

_ENDINGS = (".png", ".webp", ".jpg", ".jpeg")


def fill_by_command(template: str, image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The image that a command writes: RGB uint8 (H, W, 3).

    template: a command line with `{image}`, `{mask}` and `{out}`, which become the paths of an
    RGB PNG, of a PNG that is white where to fill, and of the image it has to write. It is
    split as a shell would, but no shell runs it.

    Raises RuntimeError with the last line of its stderr when it fails or writes nothing.
    """
    with tempfile.TemporaryDirectory(prefix="inpaint-") as folder:
        paths = {name: str(Path(folder) / f"{name}.png") for name in ("image", "mask", "out")}
        write_png(Path(paths["image"]), image)
        write_png(Path(paths["mask"]), hole.astype(np.uint8) * 255)
        words = [_replaced(word, paths) for word in shlex.split(template)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode or not Path(paths["out"]).is_file():
            last = (done.stderr.strip().splitlines() or ["nothing on stderr"])[-1]
            raise RuntimeError(f"{words[0]} wrote no picture (exit {done.returncode}): {last}")
        return decode_rgb(Path(paths["out"]).read_bytes())


def result_of_folder(folder: Path, case: Case) -> np.ndarray:
    """A result made elsewhere: RGB uint8 (H, W, 3).

    The file's name is that of the case, `INDEX_BUCKET_BORDER` such as `00012_0.1-0.2_B.png`;
    `write_case` writes inputs under the same names. Raises FileNotFoundError or ImageError.
    """
    for ending in _ENDINGS:
        path = folder / f"{case.id}{ending}"
        if path.is_file():
            try:
                return decode_rgb(path.read_bytes())
            except ImageError as error:
                raise ImageError(f"{path}: {error}") from error
    raise FileNotFoundError(f"no result {case.id}.png in {folder}")


def write_case(folder: Path, case: Case) -> None:
    """Write `images/NAME.png`, gray in its hole, and `masks/NAME.png`, white = fill."""
    for kind, pixels in (("images", case.image), ("masks", case.hole.astype(np.uint8) * 255)):
        path = folder / kind / f"{case.id}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_png(path, pixels)


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write RGB uint8 (H, W, 3) or gray (H, W)."""
    data = cv2.imencode(".png", pixels[..., ::-1] if pixels.ndim == 3 else pixels)[1]
    path.write_bytes(data.tobytes())


def _replaced(word: str, paths: dict[str, str]) -> str:
    return re.sub(r"\{(image|mask|out)\}", lambda match: paths[match[1]], word)
