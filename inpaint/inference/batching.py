"""One network for several threads, whose inputs of one size go through it in one batch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor

Network = Callable[[Tensor, Tensor], Tensor]


class Group:
    """Threads that fill a picture each, in step: the network waits until all have an input.

    So what shares a batch follows from the pictures, not from which thread is quicker. Each
    thread calls its own seat in place of the network, and leaves it when it needs it no more.
    """

    def __init__(
        self, network: Network, size: int, *, turn: AbstractContextManager[object] | None = None
    ) -> None:
        """network: see PConvUNet.forward; one with `one_at_a_time` set gets no batches.
        size: number of seats. turn: entered around the network's work, such as a semaphore."""
        self._network = network
        self._turn = nullcontext() if turn is None else turn
        self._lock = threading.Lock()
        self._busy = size  # seats that are neither left nor waiting for the network
        self._waiting: list[_Call] = []
        self.seats = [Seat(self) for _ in range(size)]

    def _call(self, image: Tensor, valid: Tensor) -> Tensor:
        call = _Call(image, valid)
        self._step(call)
        call.ready.wait()
        if call.share:
            self._run(call.share)
        if call.error is not None:
            raise call.error
        assert call.output is not None
        return call.output

    def _step(self, call: _Call | None = None) -> None:
        """A seat waits with this call, or is left. When none is busy any more, the network works:
        for each size of input by the thread whose call was the first."""
        with self._lock:
            self._busy -= 1
            if call is not None:
                self._waiting.append(call)
            if self._busy:
                return
            calls, self._waiting = self._waiting, []
            self._busy = len(calls)
        shares: dict[torch.Size, list[_Call]] = {}
        for waiting in calls:
            shares.setdefault(waiting.image.shape, []).append(waiting)
        for share in shares.values():
            share[0].share = share
            share[0].ready.set()

    def _run(self, calls: list[_Call]) -> None:
        together = len(calls) > 1 and not getattr(self._network, "one_at_a_time", False)
        with self._turn:
            if not (together and self._answer(calls)):
                for call in calls:  # so one that fails does not fail the others
                    self._answer([call])
        for call in calls:
            call.ready.set()

    def _answer(self, calls: list[_Call]) -> bool:
        """Whether the network has answered; if not, each of the calls has the error."""
        try:
            image = torch.cat([call.image for call in calls])
            outputs = self._network(image, torch.cat([call.valid for call in calls]))
            for call, output in zip(calls, outputs.split(1), strict=True):
                call.output, call.error = output, None
        except Exception as error:  # raised again in the threads of the calls
            for call in calls:
                call.error = error
            return False
        return True


class Seat:
    """What one thread of a group calls in place of the network."""

    def __init__(self, group: Group) -> None:
        self._group: Group | None = group

    def __call__(self, image: Tensor, valid: Tensor) -> Tensor:
        """See PConvUNet.forward; a batch of one. Raises what the network raises."""
        assert self._group is not None, "the seat has been left"
        return self._group._call(image, valid)

    def leave(self, _: object = None) -> None:
        """Make the others wait no longer for this thread; the second time nothing happens.

        The argument lets it be the callback of a future.
        """
        group, self._group = self._group, None
        if group is not None:
            group._step()


@dataclass(eq=False)
class _Call:
    image: Tensor
    valid: Tensor
    ready: threading.Event = field(default_factory=threading.Event)
    share: list[_Call] | None = None  # the calls to answer, if it is up to this one's thread
    output: Tensor | None = None
    error: Exception | None = None
