"""The rows of a stream that lie in the kept time of windows."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

import numpy as np

from wsla.evaluation.batch.columns import Instants
from wsla.evaluation.batch.frames import Frames, Positions
from wsla.evaluation.batch.slices import Edges


class Rows:
    """The rows of a view that are in the kept time of some frames; each window's are those from ``low`` to ``high``.

    Of several ``streams`` at these instants, one behind the other, so are the windows.
    """

    def __init__(self, at: Instants, frames: Frames, streams: int = 1) -> None:
        low, high, starts, ends = frames.up_to_edges(lambda edges: np.searchsorted(at, edges))
        pieces = [
            (start, end) for start, end in zip(starts.tolist(), ends.tolist(), strict=True) if start < end
        ]
        if streams > 1:
            kept = sum(end - start for start, end in pieces)
            behind = np.arange(streams)[:, np.newaxis] * kept
            low, high = (low + behind).ravel(), (high + behind).ravel()
            pieces = _repeated(pieces, len(at), streams)
        self.low: Final[Positions] = low
        self.high: Final[Positions] = high
        self._total: Final = len(at) * streams
        self._pieces: Final = pieces

    @cached_property
    def edges(self) -> Edges:
        """The ends of windows in order."""
        return Edges.of(self.low, self.high)

    @cached_property
    def size(self) -> int:
        """How many rows there are in kept time."""
        return sum(end - start for start, end in self._pieces)

    @cached_property
    def counts(self) -> Positions:
        """How many rows each window has."""
        found: Positions = self.high - self.low
        return found

    def of(self, column: Any) -> Any:
        """The part of a column; a single value stands for all rows."""
        if len(column) != self._total:
            return np.broadcast_to(column, (self.size,))
        if len(self._pieces) == 1:
            start, end = self._pieces[0]
            return column[start:end]
        return np.concatenate([column[:0], *(column[start:end] for start, end in self._pieces)])


def _repeated(pieces: list[tuple[int, int]], rows: int, streams: int) -> list[tuple[int, int]]:
    """The pieces of each of the streams; those that touch are one."""
    found: list[tuple[int, int]] = []
    for behind in range(0, rows * streams, rows):
        for start, end in pieces:
            if found and found[-1][1] == start + behind:
                found[-1] = (found[-1][0], end + behind)
            else:
                found.append((start + behind, end + behind))
    return found
