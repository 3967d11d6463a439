"""How many verdicts of a goal were missed: of the last few, or in a row (rule M62)."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from wsla.analysis.operations import VerdictCount
from wsla.evaluation.verdicts import Verdict


class Tally:
    """The count for one label combination, as little of the verdicts as it needs."""

    __slots__ = ("_last", "_run", "_whole_run")

    def __init__(self, node: VerdictCount) -> None:
        self._whole_run: Final = node.of_last is None
        self._run = 0
        self._last: deque[bool] = deque(maxlen=node.of_last or 0)

    def add(self, verdict: Verdict) -> int:
        """The count once this verdict is added."""
        missed = verdict is Verdict.VIOLATED
        if self._whole_run:
            self._run = 0 if verdict is Verdict.MET else self._run + missed
            return self._run
        self._last.append(missed)
        return sum(self._last)

    def save(self) -> list[object]:
        """The tally as JSON holds it."""
        return [self._run, list(self._last)]

    def load(self, saved: Any) -> None:
        """What ``save`` gave."""
        self._run, last = saved
        self._last.extend(last)
