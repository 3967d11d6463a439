"""What became of the rows of a table that is not read in the order of its rows."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

from wsla.evaluation.encoding import EXAMPLES, Refused, Reject, Rejects


class Tally:
    """Counts refused rows, and keeps the first few by the order of the table.

    ``files`` are the names of the files that the table is made of, ``ends`` how many rows it has at the end of each;
    ``refused`` is what takes the refused rows of each, ``header`` the lines before the first row.
    """

    def __init__(
        self,
        files: Sequence[str] = (),
        ends: Sequence[int] = (),
        refused: Sequence[Refused | None] = (),
        header: int = 0,
    ) -> None:
        self._header: Final = header
        self._files: Final = files
        self._ends: Final = ends
        self._refused: Final = refused
        self._counts: Final[dict[str, int]] = {}
        self._first: Final[dict[str, int]] = {}
        self._examples: Final[list[tuple[int, str]]] = []
        self.duplicates = 0
        self.out_of_order = 0
        self.filtered = 0

    def reject(self, line: int, cells: Mapping[str, object], reason: str, detail: str | None = None) -> None:
        """A row that was refused, with its number from 1."""
        if self._refused:
            place, own = self._placed(line)
            told = self._refused[place]
            if told is not None:
                told(own, detail or reason, cells)
        self._counts[reason] = self._counts.get(reason, 0) + 1
        self._first[reason] = min(line, self._first.get(reason, line))
        heapq.heappush(self._examples, (-line, detail or reason))
        if len(self._examples) > EXAMPLES:
            heapq.heappop(self._examples)

    @property
    def rejects(self) -> Rejects:
        """The rows that were refused, as if they had been looked at in their order."""
        reasons = sorted(self._counts, key=self._first.__getitem__)
        shown = sorted((-line, reason) for line, reason in self._examples)
        return Rejects(
            counts={reason: self._counts[reason] for reason in reasons},
            examples=tuple(self._example(line, reason) for line, reason in shown),
        )

    @property
    def wants_cells(self) -> bool:
        """True where somebody looks at the cells of refused rows."""
        return any(self._refused)

    def _example(self, line: int, reason: str) -> Reject:
        if len(self._files) < 2:
            return Reject(line=line + self._header, reason=reason)
        place, own = self._placed(line)
        return Reject(line=own, reason=reason, file=self._files[place])

    def _placed(self, line: int) -> tuple[int, int]:
        """(which file, the number of the row there)."""
        place = bisect_right(self._ends, line - 1)
        return place, line - (self._ends[place - 1] if place else 0) + self._header
