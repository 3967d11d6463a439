"""Where in a table each combination of labels has its rows, found by a look at the columns of the labels alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final

import numpy as np
import polars
from attrs import frozen
from numpy.typing import NDArray

from wsla.sources.files.ahead import ahead

Label = tuple[object, ...]
"""The cells of the label columns, as Python has them."""

_ROWS_PER_LOOK: Final = 1 << 21
_ROWS_PER_RUN: Final = 100
"""Where runs are shorter than this on average, rows of a label do not stand together."""

_ROWS_WORTH_A_READ: Final = 50_000


@frozen
class Group:
    """The rows of one combination of labels: half-open ranges, in the order of the file."""

    label: Label
    ranges: tuple[tuple[int, int], ...]


@frozen
class Groups:
    """Every combination of labels with its rows, in the order of the file.

    ``seams`` are rows at which the file begins another block of rows, and tables of more than one block are copied.
    """

    groups: tuple[Group, ...] = ()
    seams: frozenset[int] = frozenset()

    def in_batches(self, rows: int) -> Iterator[list[Group]]:
        """Neighbouring groups that are read at once, of so many rows at most; a group that is larger, or in several
        places, stands alone. A batch ends at a seam where it can.
        """
        batch: list[Group] = []
        for group in self.groups:
            if batch and (len(group.ranges) > 1 or batch[-1].ranges[-1][1] != group.ranges[0][0]):
                yield batch
                batch = []
            while batch and group.ranges[0][1] - batch[0].ranges[0][0] > rows:
                count = self._up_to_seam(batch)
                yield batch[:count]
                batch = batch[count:]
            batch.append(group)
            if len(group.ranges) > 1:
                yield batch
                batch = []
        if batch:
            yield batch

    def _up_to_seam(self, batch: Sequence[Group]) -> int:
        ends = (count for count in range(len(batch), 0, -1) if batch[count - 1].ranges[-1][1] in self.seams)
        return next(ends, len(batch))


def find_groups(table: polars.LazyFrame, labels: Sequence[polars.Expr], rows: int) -> Groups | None:
    """Where each combination of labels has its rows; None where these are scattered."""
    if not rows:
        return Groups()
    if not labels:
        return Groups((Group(label=(), ranges=((0, rows),)),))
    found: dict[Label, list[tuple[int, int]]] = {}
    seams: set[int] = set()
    runs = 0
    for run in _runs(table, labels, rows, seams):
        if run is None:
            return None
        start, end, label = run
        ranges = found.setdefault(label, [])
        if ranges and ranges[-1][1] == start:
            ranges[-1] = (ranges[-1][0], end)
            continue
        ranges.append((start, end))
        runs += 1
        if runs * _ROWS_PER_RUN > max(end, _ROWS_PER_LOOK):
            return None
    if runs != len(found) and runs * _ROWS_WORTH_A_READ > rows:
        return None
    return Groups(
        tuple(Group(label=label, ranges=tuple(ranges)) for label, ranges in found.items()), frozenset(seams)
    )


def _runs(
    table: polars.LazyFrame, labels: Sequence[polars.Expr], rows: int, seams: set[int]
) -> Iterator[tuple[int, int, Label] | None]:
    """Stretches of rows with the same labels; None where these are so short that they are of no use."""
    named = [label.alias(str(place)) for place, label in enumerate(labels)]
    starts = range(0, rows, _ROWS_PER_LOOK)
    looks = (table.select(named).slice(start, _ROWS_PER_LOOK).collect for start in starts)
    for start, part in zip(starts, ahead(looks), strict=True):
        seams.update(accumulate(part.to_series(0).chunk_lengths(), initial=start))
        begins = np.zeros(len(part), dtype=np.bool_)
        begins[0] = True
        for column in part:
            if column.dtype.is_integer() and column.null_count() == 0:
                whole = column.to_numpy()
                begins[1:] |= whole[1:] != whole[:-1]
            else:
                begins[1:] |= column.slice(1).ne_missing(column.slice(0, len(part) - 1)).to_numpy()
        places = _places(begins)
        ends = [*(places[1:] + start).tolist(), start + len(part)]
        if len(places) * _ROWS_PER_RUN > max(len(part), _ROWS_PER_LOOK):
            yield None
            return
        yield from zip((places + start).tolist(), ends, part[places].rows(), strict=True)


def _places(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Where the flags are set, which few are: eight are looked at at once."""
    whole = len(flags) // 8 * 8
    eights = flags[:whole].view(np.uint64).nonzero()[0]
    near = (eights[:, np.newaxis] * 8 + np.arange(8)).ravel()
    return np.concatenate((near[flags[near]], flags[whole:].nonzero()[0] + whole))


def ranges_of(batch: Sequence[Group]) -> tuple[tuple[int, int], ...]:
    """The rows of a batch."""
    if len(batch) == 1:
        return batch[0].ranges
    return ((batch[0].ranges[0][0], batch[-1].ranges[-1][1]),)
