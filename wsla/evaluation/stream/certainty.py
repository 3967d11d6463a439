"""Since when what was said of open windows is certain (rule M99): told at once where nobody has to look back for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wsla.evaluation.stream.events import StandingChanged
from wsla.evaluation.stream.layout import Layout
from wsla.evaluation.stream.machine import NEVER
from wsla.evaluation.verdicts import CERTAIN, Judgement, Labels


class Certainty:
    """What was told to be certain, and up to when every word is known.

    Of goals that are followed, words change when they are due or with an observation; so where every observation was
    looked at (it is ``quiet``) a word that is new was not so the instant before.
    """

    def __init__(self) -> None:
        # The window's start, and since when the word on it is certain.
        self.told: dict[tuple[str, Labels], tuple[int, int]] = {}
        self.quiet = False
        self._known_to = NEVER
        # The first observation since every goal was looked at.
        self.first_new: int | None = None

    def taken(self, at: int) -> None:
        """An observation was taken that nobody has looked at."""
        if self.quiet:
            self._known_to, self.quiet = at, False
        if self.first_new is None:
            self.first_new = at

    def reached(self, at: int) -> None:
        """Time has come to an instant before which no word that is followed has changed unnoticed."""
        if self.quiet:
            self._known_to = max(self._known_to, at)

    def looked(self, now: int, *, settled: bool) -> None:
        """Every goal was looked at; ``settled`` where no observation waits to take effect."""
        if settled:
            self.quiet, self._known_to, self.first_new = True, now, None

    def changed_from(self, at: int) -> None:
        """An observation came late: what was known of later instants may be otherwise."""
        self.quiet, self._known_to, self.first_new = False, min(self._known_to, at), None

    def looked_up_to(self) -> int:
        """The instant up to which every word that is followed is known."""
        return self._known_to

    def tell(self, now: int, judgement: Judgement, since: int) -> StandingChanged:
        """The word on a window is another one; ``since`` counts where it is certain."""
        key = (judgement.goal, judgement.labels)
        if judgement.verdict not in CERTAIN:
            self.told.pop(key, None)
            return StandingChanged(at=now, judgement=judgement)
        self.told[key] = (judgement.window.start, since)
        return StandingChanged(at=now, judgement=judgement, since=since)

    def later_than(self, at: int) -> dict[tuple[str, Labels], tuple[int, int]]:
        """What was told to be certain since an instant after this one."""
        return {key: found for key, found in self.told.items() if found[1] > at}

    def save(self) -> list[object]:
        told = [
            [goal, [list(label) for label in labels], *found]
            for (goal, labels), found in sorted(self.told.items())
        ]
        return [told, self.quiet, self._known_to, self.first_new]

    def load(self, saved: Any) -> None:
        told, self.quiet, self._known_to, self.first_new = saved
        self.told = {
            (goal, tuple((name, value) for name, value in labels)): (start, since)
            for goal, labels, start, since in told
        }


def of_records_alone(layout: Layout, aggregates: Iterable[int]) -> bool:
    """True where time alone changes nothing: of records only those count that were observed."""
    sources = [layout.source_of(index) for index in aggregates]
    return not layout.previous and all(source is not None and source.records for source in sources)
