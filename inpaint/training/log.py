"""What a training run tells: JSON lines, TensorBoard, a progress bar."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from inpaint.training.json_log import JsonLog


class RunLog:
    """The log of the main process; the other processes have none.

    `log.jsonl` holds one JSON object a line, `tensorboard/` the same figures and sample grids.
    """

    def __init__(self, folder: Path, *, start: int, total: int, resumed: bool) -> None:
        """start, total: the first step to come and the number of steps of the whole run."""
        self.lines = JsonLog(folder, start=start, resumed=resumed)
        self.board = SummaryWriter(folder / "tensorboard", purge_step=start)
        pause = 0.1 if sys.stderr.isatty() else 30.0  # s; a file keeps every line of the bar
        self.bar = tqdm(initial=start, total=total, unit="step", smoothing=0.02, mininterval=pause)
        self._pictures, self._since = 0, time.perf_counter()

    def step(self, images: int) -> None:
        """Count a finished step of so many images."""
        self._pictures += images
        self.bar.update()

    def losses(self, step: int, values: dict[str, float]) -> None:
        """Write a line of losses with the speed since the last one."""
        now = time.perf_counter()
        speed = self._pictures / (now - self._since)
        self._pictures, self._since = 0, now
        self.bar.set_postfix_str(f"{speed:.0f} pictures/s, loss {values['total']:.3f}")
        self.write("train", step, {**values, "pictures_per_s": round(speed, 2)})

    def write(self, kind: str, step: int, values: dict[str, float]) -> None:
        """Append a line {"kind": ..., "step": ..., values} and the same scalars."""
        self.lines.write(kind, step, values)
        for name, value in values.items():
            self.board.add_scalar(f"{kind}/{name}", value, step)

    def grid(self, step: int, rows: list[Tensor]) -> None:
        """Add an image grid; rows are batches (N, 3, H, W) in [0, 1], shown below each other."""
        framed = [F.pad(row.clamp(0, 1), (0, 2, 0, 2), value=1) for row in rows]  # white, 2 px
        grid = torch.cat([torch.cat(list(row), -1) for row in framed], -2)
        self.board.add_image("samples", grid, step)

    def restart_clock(self) -> None:
        """Leave the time since the last line of losses out of the speed."""
        self._pictures, self._since = 0, time.perf_counter()

    def close(self) -> None:
        """End the bar and write what TensorBoard still holds."""
        self.bar.close()
        self.board.close()
