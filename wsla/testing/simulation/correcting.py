"""Somebody who has windows judged again with what came too late, beside the daemon, and whose command may be killed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Final

from attrs import define

from wsla.reporting.correcting import reconsider
from wsla.reporting.stored import in_force
from wsla.store.errors import StoreError
from wsla.store.sqlite import Store
from wsla.testing.simulation.people import Running
from wsla.values.instants import MINUTE

Fault = Callable[[str], None]

_POINTS: Final = ("before-write", "mid-write", "before-commit", "after-commit")
_KILLED: Final = 0.4


class Killed(BaseException):
    """The command is gone, and the daemon is not."""


@define
class Corrector:
    """Does what ``wsla correct`` does, at instants of the timeline; where it is killed, once more later on.

    ``open`` opens the store beside a daemon, with what is called at its points of writing.
    """

    running: Running
    chance: Random
    open: Callable[[str, Fault], Store]

    def begin(self, instants: list[int]) -> None:
        """Plan them."""
        for at in instants:
            self.running.timeline.at(at, self.correct)

    def correct(self) -> None:
        """Every agreement, one after another."""
        timeline = self.running.timeline
        point = self.chance.choice(_POINTS) if self.chance.random() < _KILLED else None

        def fault(name: str) -> None:
            if name == point:
                raise Killed

        try:
            with suppress(StoreError), self.open(self.running.path, fault) as store:
                for one in store.agreements():
                    self._correct(store, one.key)
        except Killed:
            timeline.say("operator", f"correct is killed at {point}")
            timeline.after(self.chance.randrange(MINUTE, 3 * MINUTE), self.correct)

    def _correct(self, store: Store, key: str) -> None:
        agreement = in_force(store.agreement_history(key)[-1])
        if agreement is None:
            return
        timeline = self.running.timeline
        seen = reconsider(store, key, agreement, timeline.wall())
        found = seen.found
        timeline.say(
            "operator",
            f"correct “{key}”: {seen.late} late, {len(found.changed)} verdicts, {len(found.entries)} entries",
        )
        store.write(seen.batch())
