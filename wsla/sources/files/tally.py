"""What became of the rows of a table that is not read in the order of its rows."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Final

from wsla.evaluation.encoding import EXAMPLES, Refused, Reject, Rejects


class Tally:
    """Counts refused rows, and keeps the first few by the order of the file."""

    def __init__(self, refused: Refused | None = None) -> None:
        self.refused: Final = refused
        self._counts: Final[dict[str, int]] = {}
        self._first: Final[dict[str, int]] = {}
        self._examples: Final[list[tuple[int, str]]] = []
        self.duplicates = 0
        self.out_of_order = 0
        self.filtered = 0

    def reject(self, line: int, cells: Mapping[str, object], reason: str, detail: str | None = None) -> None:
        """A row that was refused, with its number from 1."""
        if self.refused is not None:
            self.refused(line, detail or reason, cells)
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
            examples=tuple(Reject(line=line, reason=reason) for line, reason in shown),
        )
