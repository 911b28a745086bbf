"""What other busy programs cost a fill: quiet and busy, by turns, and their ratio.

    python benchmarks/busy.py             # beside two busy processes a core; --busy N

The hole is 20 % of 256x256 px. `fill` is a natural fill by `Inpainter`, which runs each operation
on one thread whatever torch's number is. `network` is the network alone with its operations on that
many threads, which `Inpainter` does not do: the row that shows why. Each row is a process of its
own, since OpenMP reads OMP_WAIT_POLICY when it is loaded; `inpaint` sets it to PASSIVE, and ACTIVE
is what was before. The processes take turns; medians.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from statistics import median

SIDE = 256  # px
POLICIES = ("PASSIVE", "ACTIVE")
THREADS = (1, 2)
WORKS = ("fill", "network")


@dataclass(frozen=True)
class Case:
    """A process that measures one kind of work whenever it gets a line."""

    work: str
    threads: int
    policy: str
    process: subprocess.Popen[str]

    def milliseconds(self) -> float:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(json.loads(self.process.stdout.readline()))


def measure(work: str, threads: int) -> None:
    """The process of a case: milliseconds as a line for each line that comes in."""
    import time

    import numpy as np
    import torch

    from inpaint import Inpainter

    torch.set_num_threads(threads)
    inpainter = Inpainter.load(device="cpu")
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    hole = np.zeros((SIDE, SIDE), bool)
    hole[70:185, 70:185] = True
    batch = torch.rand(1, 3, SIDE, SIDE), torch.from_numpy(~hole)[None, None].float()
    for _ in range(2):
        inpainter.fill(image, hole)
    for _ in sys.stdin:
        start = time.perf_counter()
        if work == "fill":
            inpainter.fill(image, hole)
        else:
            with torch.inference_mode():
                inpainter.network(*batch)
        print(json.dumps(1e3 * (time.perf_counter() - start)), flush=True)


@contextmanager
def cases() -> Iterator[list[Case]]:
    """All cases, started."""
    found = []
    for work, threads, policy in product(WORKS, THREADS, POLICIES):
        process = subprocess.Popen(
            [sys.executable, __file__, "--measure", work, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_WAIT_POLICY": policy},
            text=True,
        )
        found.append(Case(work, threads, policy, process))
        found[-1].milliseconds()  # waits until it is ready, so that they do not start at once
    try:
        yield found
    finally:
        for case in found:
            case.process.kill()
            case.process.wait()


@contextmanager
def busy_processes(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that use a core each, stopped at first."""
    found = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        for process in found:
            process.send_signal(signal.SIGSTOP)
        yield found
    finally:
        for process in found:
            process.kill()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--busy", type=int, help="busy processes; default: two a core")
    parser.add_argument("--rounds", type=int, default=7, help="default: %(default)s")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure[0], int(options.measure[1]))
        return
    cores = len(os.sched_getaffinity(0))
    count = 2 * cores if options.busy is None else options.busy
    times: dict[tuple[int, bool], list[float]] = {}
    with cases() as found, busy_processes(count) as others:
        for _ in range(options.rounds):
            for busy in (False, True):
                for process in others:
                    process.send_signal(signal.SIGCONT if busy else signal.SIGSTOP)
                for number, case in enumerate(found):
                    times.setdefault((number, busy), []).append(case.milliseconds())
    print(f"{cores} cores, {count} busy processes, medians of {options.rounds}\n")
    print("| work | threads | wait policy | quiet, ms | busy, ms | busy / quiet |")
    print("|---|---:|---|---:|---:|---:|")
    for number, case in enumerate(found):
        quiet, busy_time = (median(times[number, busy]) for busy in (False, True))
        print(
            f"| {case.work} | {case.threads} | {case.policy} | {quiet:.0f} | {busy_time:.0f} | "
            f"{busy_time / quiet:.1f} |"
        )


if __name__ == "__main__":
    main()
