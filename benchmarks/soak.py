"""A folder filled again and again under faults: nothing lost, repeated or partial.

    python benchmarks/soak.py                     # 30 minutes; --minutes 5 for a quick look

Each cycle fills a set of small pictures, a tenth of them cut short, into a new folder, by the same
`inpaint fill --skip-existing` until all is done. Every run but the last of a cycle meets a fault,
by turns: it is killed (SIGKILL) or stopped (SIGINT) after some outputs, its disk is full, its file
system is slow and stalls until it is killed, or inputs are cut short while it runs and whole
afterwards. A calm run made the outputs that are right.

After each run all outputs must be there as before, byte for byte as in the calm run, and not
written again; at the end of a cycle, all must be there and no temporary file left. `lost`,
`repeated`, `partial`, `left behind` and `tracebacks` count what is not so; any makes the exit
code 1.

A full disk needs root, for a small file system in memory; for others, files are limited in size.
"""

from __future__ import annotations

import argparse
import builtins
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from inpaint.checkpoints.names import DEFAULT_WEIGHTS

EXAMPLES = Path(__file__).parent.parent / "examples"
FAULTS = ("killed", "stopped", "full disk", "slow disk", "truncated input")
BAD = 10  # each so many-th input is cut short for good
SIDES = (64, 96, 160, 240)  # px
DELAY = 0.05  # s, the most that a call waits on a slow disk; a hundredth of them, 20 times as long
DEADLINE = 600.0  # s, after which a run counts as hanging


@dataclass
class Tally:
    """What happened."""

    runs: Counter[str] = field(default_factory=Counter)
    exits: Counter[int] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    details: list[str] = field(default_factory=list)
    pictures: int = 0

    def problem(self, kind: str, detail: str) -> None:
        self.problems[kind] += 1
        self.details.append(f"{kind}: {detail}")


class Soak:
    """A set of pictures, and runs over it."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.options = folder, options
        self.rng = random.Random(options.seed)
        self.tally = Tally()
        self.photos = folder / "photos"
        self.bad = self._write_set(options.pictures)
        self.wanted: dict[str, bytes] = {}
        self.seen: dict[str, tuple[int, int]] = {}  # inode and time of writing of each output

    def _write_set(self, count: int) -> set[str]:
        """Write pictures and a mask; names of those that are cut short."""
        self.photos.mkdir()
        (self.folder / "masks").mkdir()
        names = sorted(EXAMPLES.glob("*.jpg"))
        bad = set()
        for number in range(count):
            side, suffix = SIDES[number % len(SIDES)], ("jpg", "png", "webp")[number % 3]
            with Image.open(names[number % len(names)]) as image:
                left = self.rng.randrange(image.width - side)
                part = image.convert("RGB").crop((left, 20, left + side, 20 + side))
            path = self.photos / f"{number:04d}.{suffix}"
            part.save(path)
            mask = np.zeros((side, side), np.uint8)
            mask[side // 3 : side // 2, side // 4 : 3 * side // 4] = 255
            Image.fromarray(mask).save(self.folder / f"masks/{number:04d}.png")
            if number % BAD == BAD - 1:
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
                bad.add(path.name)
        return bad

    def command(self, out: Path, *, slow: bool, limit: int | None) -> list[str]:
        start = [__file__, "--slow"] if slow else ["-m", "inpaint"]
        files = [str(self.photos), "--mask", str(self.folder / "masks"), "-o", str(out)]
        how = ["--skip-existing", "--weights", self.options.weights, "--style", self.options.style]
        if limit is not None:  # so that each fault meets some work
            how += ["--limit", str(limit)]
        return [sys.executable, *start, "fill", *files, *how, "--device", "cpu"]

    def run(self, out: Path, fault: str) -> None:
        """One run with a fault, and what must hold after it."""
        {
            "calm": self._calm,
            "killed": lambda o: self._interrupted(o, signal.SIGKILL),
            "stopped": lambda o: self._interrupted(o, signal.SIGINT),
            "full disk": self._full,
            "slow disk": lambda o: self._interrupted(o, signal.SIGKILL, slow=True),
            "truncated input": self._truncated,
        }[fault](out)
        self.tally.runs[fault] += 1
        self._check(out)

    def _start(
        self, out: Path, *, slow: bool = False, all: bool = False, **options: Any
    ) -> subprocess.Popen[str]:
        limit = None if all else self.options.pictures // len(FAULTS)
        command = self.command(out, slow=slow, limit=limit)
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)

    def _end(self, process: subprocess.Popen[str]) -> None:
        try:
            _, text = process.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            _, text = process.communicate()
            self.tally.problem("hanging", text[-500:])
        self.tally.exits[process.returncode] += 1
        if "Traceback" in text and process.returncode != -signal.SIGKILL:
            self.tally.problem("tracebacks", text[-2000:])

    def _calm(self, out: Path) -> None:
        self._end(self._start(out, all=True))

    def _interrupted(self, out: Path, by: signal.Signals, *, slow: bool = False) -> None:
        before, more = len(outputs(out)), self.rng.randint(1, max(2, self.options.pictures // 6))
        process = self._start(out, slow=slow)
        while process.poll() is None and len(outputs(out)) < before + more:
            time.sleep(0.005)
        process.send_signal(by)
        self._end(process)

    def _full(self, out: Path) -> None:
        if not mounted(out):
            limit = (resource.RLIMIT_FSIZE, (4096, 4096))
            self._end(self._start(out, preexec_fn=lambda: resource.setrlimit(*limit)))
            return
        used = sum(path.stat().st_blocks * 512 for path in out.rglob("*"))
        resize(out, used + 24 * 1024)
        try:
            self._end(self._start(out))
        finally:
            resize(out, ROOM)

    def _truncated(self, out: Path) -> None:
        missing = [p for p in sorted(self.photos.iterdir()) if p.name in self._missing(out)]
        chosen = self.rng.sample(missing, min(3, len(missing)))
        whole = {path: path.read_bytes() for path in chosen}
        for path, data in whole.items():
            path.write_bytes(data[: len(data) // 3])
        try:
            self._end(self._start(out, all=True))
        finally:
            for path, data in whole.items():
                path.write_bytes(data)

    def _missing(self, out: Path) -> set[str]:
        return set(self.wanted) - set(outputs(out))

    def _check(self, out: Path) -> None:
        found = outputs(out)
        for name in set(self.seen) - set(found):
            self.tally.problem("lost", name)
        for name, path in found.items():
            status = path.stat()
            own = status.st_ino, status.st_mtime_ns
            if self.seen.setdefault(name, own) != own:
                self.tally.problem("repeated", name)
            if path.read_bytes() != self.wanted.get(name):
                self.tally.problem("partial", name)

    def cycle(self, number: int) -> None:
        out = self.folder / f"out{number}"
        out.mkdir()
        on_disk = mount(out)
        self.seen = {}
        try:
            *interrupting, last = FAULTS  # the last one lets all else be done
            for fault in (*self.rng.sample(interrupting, len(interrupting)), last):
                if self._missing(out):
                    self.run(out, fault)
            self.run(out, "calm")
            for name in self._missing(out):
                self.tally.problem("lost", name)
            for path in out.rglob(".*"):
                self.tally.problem("left behind", path.name)
            self.tally.pictures += len(outputs(out))
        finally:
            if on_disk:
                subprocess.run(["umount", str(out)], check=True)

    def first(self) -> None:
        """The calm run that tells what is right."""
        out = self.folder / "calm"
        self._calm(out)
        self.wanted = {name: path.read_bytes() for name, path in outputs(out).items()}
        expected = {path.name for path in self.photos.iterdir()} - self.bad
        assert set(self.wanted) == expected, "the calm run did not fill all whole pictures"


ROOM = 64 * 1024 * 1024  # bytes of the small file system


def mount(folder: Path) -> bool:
    """Make the folder a small file system in memory; whether that worked."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", str(folder)]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0


def mounted(folder: Path) -> bool:
    return os.path.ismount(folder)


def resize(folder: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)


def outputs(folder: Path) -> dict[str, Path]:
    """The pictures in an output folder by name."""
    if not folder.is_dir():
        return {}
    paths = (path for path in folder.iterdir() if path.suffix in (".jpg", ".png", ".webp"))
    return {path.name: path for path in paths if not path.name.startswith(".")}


def slow_main(arguments: list[str]) -> int:
    """`inpaint` on a file system that is slow and now and then stalls."""
    rng = random.Random(0)

    def delayed(call: Callable[..., Any]) -> Callable[..., Any]:
        def wait(*inputs: Any, **options: Any) -> Any:
            time.sleep(rng.uniform(0, DELAY) * (20 if rng.random() < 0.01 else 1))
            return call(*inputs, **options)

        return wait

    from inpaint.batch import run  # all imports, at full speed
    from inpaint.cli import main

    assert run
    builtins.open = delayed(builtins.open)
    for name in ("replace", "unlink", "scandir"):
        setattr(os, name, delayed(getattr(os, name)))
    return main(arguments)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=30, help="default: %(default)s")
    parser.add_argument("--pictures", type=int, default=60, help="of a cycle; default: %(default)s")
    parser.add_argument("--weights", default=DEFAULT_WEIGHTS)
    parser.add_argument("--style", default="plain", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's `&` has ignored
    end = time.monotonic() + 60 * options.minutes
    with TemporaryDirectory() as name:
        soak = Soak(Path(name), options)
        soak.first()
        cycles = 0
        while not cycles or time.monotonic() < end:
            soak.cycle(cycles)
            cycles += 1
    tally = soak.tally
    print(f"{cycles} cycles, {sum(tally.runs.values())} runs, {tally.pictures} pictures filled")
    print("runs:", ", ".join(f"{count} {fault}" for fault, count in tally.runs.most_common()))
    print("exit codes:", ", ".join(f"{code}: {n}" for code, n in sorted(tally.exits.items())))
    kinds = ("lost", "repeated", "partial", "left behind", "tracebacks", "hanging")
    print(", ".join(f"{tally.problems[kind]} {kind}" for kind in kinds))
    print("\n".join(tally.details[:20]))
    return 1 if tally.problems else 0


if __name__ == "__main__":
    sys.exit(slow_main(sys.argv[2:]) if sys.argv[1:2] == ["--slow"] else main())
