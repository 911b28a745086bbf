"""A training step as one CUDA graph.

A step of a compact network is some thousand small kernels. The host needs longer to launch them
than a GPU to run them; a graph is launched at once.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Step = Callable[[Tensor, Tensor], dict[str, Tensor]]

_WARM_UP = 3  # steps without a graph, in which libraries make their choices and workspaces


def capturing(device: torch.device) -> bool:
    """Whether kernels are recorded now, so that no value can be looked at."""
    return device.type == "cuda" and torch.cuda.is_current_stream_capturing()


class GraphedStep:
    """Runs a step on the GPU, from its fourth call on as a graph.

    The step must not depend on anything but its arguments and what lies on the GPU, and must
    never wait for the GPU. Random numbers are drawn from torch's generator as it is at each call.
    """

    def __init__(self, step: Step) -> None:
        """step: takes the images and holes of a batch, always of one size; returns values."""
        self.step = step
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.stream = torch.cuda.Stream()

    def __call__(self, image: Tensor, hole: Tensor) -> dict[str, Tensor]:
        """The step's values, which the next call overwrites."""
        self.calls += 1
        if self.calls <= _WARM_UP:
            return self._run(image, hole)
        if self.graph is None:
            self._capture(image, hole)
        assert self.graph is not None
        self.image.copy_(image)
        self.hole.copy_(hole)
        self.graph.replay()
        return self.values

    def _run(self, image: Tensor, hole: Tensor) -> dict[str, Tensor]:
        """On a stream of its own, as what follows is recorded on one."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            values = self.step(image, hole)
        torch.cuda.current_stream().wait_stream(self.stream)
        return values

    def _capture(self, image: Tensor, hole: Tensor) -> None:
        self.image, self.hole = image.clone(), hole.clone()
        graph = torch.cuda.CUDAGraph()
        # Thread-local: the loader's thread pins memory meanwhile.
        with torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"):
            self.values = self.step(self.image, self.hole)
        self.graph = graph
