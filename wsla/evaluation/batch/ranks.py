"""The value at a rank, in each of many slices at once (rule M17)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from wsla.evaluation.batch.frames import Positions
from wsla.evaluation.batch.series import Integers

# So many greatest values are taken away one after the other before it pays to put all values in order.
_FROM_TOP: Final = 10


def ranked_in_rows(
    values: Integers, low: Positions, high: Positions, places: Positions, type_: type[np.signedinteger[Any]]
) -> Integers:
    """The values at these places of slices in ascending order; no slice is empty. All values fit the type."""
    counts = high - low
    width = int(counts.max())
    least = np.iinfo(type_).min
    if int(high.min()) < width:
        values = np.concatenate((np.full(width, least), values[: int(high.max())]))
        high = high + width
    # A row each, which ends with the slice; what is in front of a short one comes before all in order.
    matrix = np.lib.stride_tricks.sliding_window_view(values, width)[high - width].astype(type_)
    short = np.flatnonzero(counts < width)
    if len(short):
        missing = np.arange(width) < (width - counts[short])[:, None]
        matrix[short] = np.where(missing, least, matrix[short])
    from_top = counts - places - 1
    if int(from_top.max()) < _FROM_TOP:
        return _from_top(matrix, from_top, least)
    wanted = places + (width - counts)
    if wanted.min() == wanted.max():
        matrix.partition(wanted[0], axis=1)
    else:
        matrix.sort(axis=1)
    found: Integers = matrix[np.arange(len(matrix)), wanted]
    return found


def _from_top(matrix: Integers, from_top: Positions, least: int) -> Integers:
    rows = np.arange(len(matrix))
    found = np.empty(len(matrix), dtype=matrix.dtype)
    for step in range(int(from_top.max()) + 1):
        greatest = matrix.argmax(axis=1)
        here = from_top == step
        found[here] = matrix[rows[here], greatest[here]]
        matrix[rows, greatest] = least
    return found


def descend(values: Positions, low: Positions, high: Positions, places: Positions) -> Positions:
    """The same for slices that overlap: values, none below zero, are sorted bit by bit, and all slices follow."""
    found = np.zeros(len(low), dtype=np.int64)
    for bit in reversed(range(max(1, int(values.max()).bit_length()))):
        high_bit = (values >> bit) & 1 == 1
        zeros = np.zeros(len(values) + 1, dtype=np.int64)
        np.cumsum(~high_bit, out=zeros[1:])
        low_zero, high_zero = zeros[low], zeros[high]
        unset = high_zero - low_zero
        up = places >= unset
        found |= up.astype(np.int64) << bit
        low = np.where(up, zeros[-1] + low - low_zero, low_zero)
        high = np.where(up, zeros[-1] + high - high_zero, high_zero)
        places = np.where(up, places - unset, places)
        values = np.concatenate((values[~high_bit], values[high_bit]))
    return found
