"""Progress of a fill, over all its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from inpaint.inference.tiling import Region, Tile, scaled_size

OnProgress = Callable[[float], object]  # takes the share that is done, 0 to 1

# Work of each step for one pixel of the hole, in pixels that the network sees; measured for
# holes of 60,000 pixels. Texture takes 1.8 to 2.9 times as long as blending for up to six million.
_BLENDING = 2.0
_TEXTURE = 5.0


class Share:
    """Calls a function with the share of some work that is done: at its start, and as it goes on.

    What the function raises ends the work.
    """

    def __init__(self, on_progress: OnProgress | None, total: float) -> None:
        self._on_progress = on_progress
        self._total = total
        self._done = 0.0
        self._report(0.0)

    def advance(self, work: float) -> None:
        """So much more is done, in the unit of the total."""
        self._done += work
        self._report(self._done)

    def _report(self, done: float) -> None:
        if self._on_progress is not None:
            self._on_progress(min(1.0, done / max(self._total, 1.0)))


class Progress(Share):
    """The share of a fill, after each of its steps."""

    def __init__(
        self, on_progress: OnProgress | None, regions: Iterable[Region], *, textured: bool
    ) -> None:
        self._texture = _TEXTURE if textured else 0.0
        reported = on_progress is not None
        super().__init__(on_progress, sum(map(self._work, regions)) if reported else 0.0)

    def filled(self, tile: Tile, region: Region) -> None:
        """The network has filled a tile."""
        self.advance(_network_work(tile, region))

    def blended(self, region: Region) -> None:
        """A region's boundary is blended and refined."""
        self.advance(_blending_work(region))

    def of_texture(self, region: Region, number: int) -> OnProgress | None:
        """What the texture step of a region's tile calls with its own share."""
        if self._on_progress is None:
            return None
        tiles, work = len(region.tiles), self._texture_work(region)
        return lambda share: self._report(self._done + work * (number + share) / tiles)

    def textured(self, region: Region) -> None:
        """A region has its texture."""
        self.advance(self._texture_work(region))

    def finished(self) -> None:
        """All is done."""
        self._report(max(self._total, 1.0))

    def _work(self, region: Region) -> float:
        network = sum(_network_work(tile, region) for tile in region.tiles)
        return network + _blending_work(region) + self._texture_work(region)

    def _texture_work(self, region: Region) -> float:
        return self._texture * float(region.area)


def _blending_work(region: Region) -> float:
    return _BLENDING * float(region.area)


def _network_work(tile: Tile, region: Region) -> float:
    rows, columns = tile.context
    height, width = scaled_size(
        (rows.stop - rows.start, columns.stop - columns.start), region.factor
    )
    return float(height * width)
