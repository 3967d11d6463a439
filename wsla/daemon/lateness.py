"""How late looks began, counted in classes, as a histogram of Prometheus shows it: overload is seen there first."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from attrs import frozen

from wsla.values.instants import MILLISECOND, SECOND

BOUNDS: Final = (
    5 * MILLISECOND, 10 * MILLISECOND, 25 * MILLISECOND, 50 * MILLISECOND, 100 * MILLISECOND, 250 * MILLISECOND,
    500 * MILLISECOND, SECOND, 2_500 * MILLISECOND, 5 * SECOND, 10 * SECOND,
)  # fmt: skip
"""The upper ends of the classes, themselves included, in nanoseconds; one more class has no end."""


@frozen(kw_only=True)
class LatenessCounts:
    """How many looks began how late: a count for each class of ``BOUNDS`` and one for the rest, and the sum of all
    (nanoseconds). ``missed`` looks were so late that they were not made; they are in no class."""

    counts: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    total: int = 0
    missed: int = 0


class Lateness:
    """Counts looks by how late they began."""

    def __init__(self) -> None:
        self._counts: Final = [0] * (len(BOUNDS) + 1)
        self._total = 0
        self._missed = 0

    def note(self, late: int) -> None:
        """A look began so many nanoseconds late."""
        self._counts[bisect_left(BOUNDS, late)] += 1
        self._total += late

    def note_missed(self) -> None:
        """A look was not made."""
        self._missed += 1

    def counts(self) -> LatenessCounts:
        """All that was counted since the start."""
        return LatenessCounts(counts=tuple(self._counts), total=self._total, missed=self._missed)
