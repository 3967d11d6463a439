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
from wsla.store.records import stream_of
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
        same = isinstance(place, dict) and place.get("of") == self._of
        self._until = int(place["until"]) if same else since
        self._known = set()

    def look(self, now: int) -> Found:
        """The windows that became final. Raises NotFollowed."""
        problem = self._trouble(self._target.agreement, self._target.goal)
        judged = self._judged(now)
        rows: list[Row] = []
        for one in judged:
            if (identity := _identity(one)) in self._known:
                continue
            try:
                rows.append(self._row(one, identity))
            except DataError as reason:
                raise NotFollowed(Failure.OBSERVER_AGREEMENT.value, str(reason)) from None
        if problem is not None and not rows:
            raise NotFollowed(Failure.OBSERVER_AGREEMENT.value, problem)
        if not rows:
            return Found()
        self._until = judged[-1].window.end
        self._known = {_identity(one) for one in judged if one.window.end == self._until}
        return Found(
            rows=tuple(row for row in rows if row[2].at >= self._since),
            place={"of": self._of, "until": self._until},
            more=len(judged) >= MOST_ROWS,
        )

    def cancel(self) -> None:
        """The store answers, or says that it does not."""

    def close(self) -> None:
        """Nothing is open between two looks."""

    @property
    def _of(self) -> list[str]:
        return [self._target.agreement, self._target.goal]

    def _judged(self, now: int) -> list[Judgement]:
        """The next windows in order of their ends; those that end together are never parted."""
        found: list[Judgement] = []
        try:
            with Store.open(self._store, writer=False) as store:
                for one in store.judgements(self._target.agreement, self._until - 1, now, final_only=True):
                    if one.goal != self._target.goal:
                        continue
                    if len(found) >= MOST_ROWS and one.window.end != found[-1].window.end:
                        break
                    found.append(one)
        except StoreError as problem:
            raise NotFollowed(Failure.OBSERVER_AGREEMENT.value, str(problem)) from None
        return found

    def _row(self, one: Judgement, identity: tuple[str, str]) -> Row:
        source = self._target.declared
        observation = observed(self._target, one)
        if source.records:
            return ("", " ".join(identity), observation)
        return (stream_of([observation.fields[name] for name in source.labels]), "", observation)


def _identity(one: Judgement) -> tuple[str, str]:
    return (f"{one.window.start}-{one.window.end}", json.dumps(one.labels, ensure_ascii=True))
