"""Which streams that stand one behind the other in a table are alike: the same instants, and nothing unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from attrs import frozen

from wsla.evaluation.batch.columns import Instants
from wsla.evaluation.verdicts import Labels
from wsla.sources.files.pieces import Piece


@frozen(eq=False)
class Run:
    """Rows of a piece: those of one stream, or of several alike at the instants ``at``.

    ``at`` is None where a stream's instants do not ascend.
    """

    labels: tuple[Labels, ...]
    begin: int
    end: int
    at: Instants | None


class Stacking:
    """Finds such streams. Those that have the same instants share one array of them, also from piece to piece."""

    def __init__(self) -> None:
        self._at: Instants = _NOTHING

    def runs(self, piece: Piece, streams: Iterable[tuple[Labels, int, int]]) -> Iterator[Run]:
        """The streams of a piece, each with its labels and where its rows begin and end."""
        waiting: list[Labels] = []
        begin = end = 0
        for labels, first, last in streams:
            own = piece.at[first:last]
            is_same = np.array_equal(own, self._at)
            if is_same and waiting and end == first and _is_known(piece, first, last):
                waiting.append(labels)
                end = last
                continue
            if waiting:
                yield Run(tuple(waiting), begin, end, self._at)
                waiting = []
            if not is_same and not (own[1:] > own[:-1]).all():
                yield Run((labels,), first, last, None)
                continue
            if not is_same:
                # The whole piece is not kept for the sake of it.
                self._at = own.copy()
            begin, end = first, last
            if _is_known(piece, first, last):
                waiting.append(labels)
            else:
                yield Run((labels,), first, last, self._at)
        if waiting:
            yield Run(tuple(waiting), begin, end, self._at)


def _is_known(piece: Piece, first: int, last: int) -> bool:
    return all(one.known is None or bool(one.known[first:last].all()) for one in piece.fields.values())


_NOTHING: Final[Instants] = np.zeros(0, dtype=np.int64)
