"""Reads the final verdicts of another agreement out of the store: what is on the disk counts, and counts once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from wsla.evaluation.encoding import DataError
from wsla.evaluation.verdicts import Judgement
from wsla.sources.following import MOST_ROWS, Found, NotFollowed
from wsla.sources.network.failures import Failure
from wsla.sources.pushed import Row
from wsla.sources.verdicts import VerdictsTarget, observed
from wsla.store.errors import StoreError
from wsla.store.records import Rejudged, stream_of
from wsla.store.sqlite import Store


class VerdictFollower:
    """Follows one goal. ``store`` is the address of the store; ``trouble`` says why an agreement, by its title,
    gives no verdicts on a goal at the moment; None where it does."""

    def __init__(self, target: VerdictsTarget, store: str, trouble: Callable[[str, str], str | None]) -> None:
        self._target: Final = target
        self._store: Final = store
        self._trouble: Final = trouble
        self._since = 0
        self._until = 0
        self._known: set[tuple[str, str]] = set()

    def begin(self, place: Any, since: int) -> None:
        """Goes on from a place that was kept."""
        self._since = since
        same = isinstance(place, dict) and place.get("of") == place_of(self._target)
        self._until = int(place["until"]) if same else since
        self._known = set()

    def look(self, now: int) -> Found:
        """The windows that became final. Raises NotFollowed."""
        problem = self._trouble(self._target.agreement, self._target.goal)
        judged = self._judged(now)
        new = [one for one in judged if _identity(one.judgement) not in self._known]
        if problem is not None and not new:
            raise NotFollowed(Failure.OBSERVER_AGREEMENT.value, problem)
        if not new:
            return Found()
        try:
            # Where there is no window any more, there is nothing to observe.
            rows = [row_of(self._target, one.judgement) for one in new if one.exists]
        except DataError as reason:
            raise NotFollowed(Failure.OBSERVER_AGREEMENT.value, str(reason)) from None
        self._until = judged[-1].judgement.window.end
        self._known = {_identity(one.judgement) for one in judged if one.judgement.window.end == self._until}
        return Found(
            rows=tuple(row for row in rows if row[2].at >= self._since),
            place={"of": place_of(self._target), "until": self._until},
            more=len(judged) >= MOST_ROWS,
        )

    def cancel(self) -> None:
        """The store answers, or says that it does not."""

    def close(self) -> None:
        """Nothing is open between two looks."""

    def _judged(self, now: int) -> list[Rejudged]:
        """The next windows as they stand, in order of their ends; those that end together are never parted."""
        title = self._target.agreement
        found: list[Rejudged] = []
        try:
            with Store.open(self._store, writer=False) as store:
                judged = store.judgements(title, self._until - 1, now, final_only=True)
                later = {
                    (one.judgement.goal, one.judgement.labels, one.judgement.window): one
                    for one in store.rejudged(title, self._until - 1)
                }
                for said in judged:
                    if said.goal != self._target.goal:
                        continue
                    if len(found) >= MOST_ROWS and said.window.end != found[-1].judgement.window.end:
                        break
                    one = later.get((said.goal, said.labels, said.window))
                    found.append(Rejudged(title, 0, said) if one is None else one)
        except StoreError as problem:
            raise NotFollowed(Failure.OBSERVER_AGREEMENT.value, str(problem)) from None
        return found


def place_of(target: VerdictsTarget) -> list[str]:
    """What the place of a target, as it is kept, is of: the agreement and the goal."""
    return [target.agreement, target.goal]


def row_of(target: VerdictsTarget, one: Judgement) -> Row:
    """A window as it is observed. Raises DataError."""
    source = target.declared
    observation = observed(target, one)
    if source.records:
        return ("", " ".join(_identity(one)), observation)
    return (stream_of([observation.fields[name] for name in source.labels]), "", observation)


def _identity(one: Judgement) -> tuple[str, str]:
    return (f"{one.window.start}-{one.window.end}", json.dumps(one.labels, ensure_ascii=True))
