"""The latest scores of damage, kept so that another sensitivity does not run the network again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from inpaint.app.session import Patch
from inpaint.images import ImageData
from inpaint.inference.progress import OnProgress

MOST_BYTES = 200_000_000  # of scores: five photos of 12 megapixels
Patches = tuple[Patch, ...]
Find = Callable[[ImageData, OnProgress], np.ndarray]


class DamageScores:
    """Keeps the latest scores of each session, as far as they fit; thread-safe.

    Scores belong to a photo and to the patches of its fills: after another fill there are none.
    """

    def __init__(self, find: Find, *, most_bytes: int = MOST_BYTES) -> None:
        """find: gives the scores of an image, (H, W, 3) uint8, and calls its second argument with
        the share that is done."""
        self._find, self._most_bytes = find, most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[Patches, np.ndarray]] = OrderedDict()  # oldest first

    def get(self, token: str, patches: Patches) -> np.ndarray | None:
        """The scores of a session's photo with these fills, (H, W, 3) uint8, if they are kept."""
        with self._lock:
            kept = self._kept.get(token)
            if kept is None or kept[0] != patches:
                return None
            self._kept.move_to_end(token)
            return kept[1]

    def find(
        self, token: str, patches: Patches, image: ImageData, report: OnProgress
    ) -> np.ndarray:
        """The same, found in the image, (H, W), if they are not kept."""
        scores = self.get(token, patches)
        if scores is not None:
            return scores
        scores = self._find(image, report)
        with self._lock:
            self._kept[token] = patches, scores
            self._kept.move_to_end(token)
            while len(self._kept) > 1 and self.nbytes > self._most_bytes:
                self._kept.popitem(last=False)
        return scores

    def forget(self, token: str) -> None:
        """Drops the scores of a session, if there are any."""
        with self._lock:
            self._kept.pop(token, None)

    @property
    def nbytes(self) -> int:
        """Memory of all scores, in bytes."""
        return sum(scores.nbytes for _, scores in self._kept.values())
