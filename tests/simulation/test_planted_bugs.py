"""Bugs of the kind people make, planted in the daemon one at a time: some of the first seeds must see each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from wsla.daemon import appointments
from wsla.daemon.judge import Given, Judge
from wsla.daemon.outbox import Outbox
from wsla.daemon.writer import Item
from wsla.remedies import corrections
from wsla.store.reading import Reading
from wsla.store.records import Batch, DeliveryOutcome, WriteResult
from wsla.store.sqlite import Store
from wsla.store.writing import Writing
from wsla.testing.simulation.simulation import run_seed

ENOUGH = 60
"""Seeds of which at least one must show a bug."""

Planting = Callable[[pytest.MonkeyPatch], None]


def intents_apart_from_their_verdicts(patch: pytest.MonkeyPatch) -> None:
    """What was decided is committed with the next transaction, and not with the verdict that it follows from."""
    write = Store.write

    def apart(self: Store, batch: Batch) -> WriteResult:
        waiting = self.__dict__.pop("waiting", ())
        self.__dict__["waiting"] = batch.decisions
        return write(self, evolve(batch, decisions=waiting))

    patch.setattr(Store, "write", apart)


def marked_before_it_is_sent(patch: pytest.MonkeyPatch) -> None:
    """A message counts as delivered before anybody has tried to deliver it."""
    attempt = Outbox._attempt

    async def marked(self: Outbox, lane: Any, item: Any, number: int) -> Any:
        outcome = DeliveryOutcome(
            intent_id=item.intent.id, target=item.target, at=self._clock.now(), delivered=True
        )
        self._writer.submit(Item(outcomes=(outcome,)))
        return await attempt(self, lane, item, number)

    patch.setattr(Outbox, "_attempt", marked)


def the_last_observation_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A daemon that starts again does not read the last of what was stored since the engine's state was noted."""
    after_snapshot = Reading.observations_after_snapshot

    def forgetful(self: Reading, agreement: str) -> Iterator[Any]:
        yield from list(after_snapshot(self, agreement))[:-1]

    patch.setattr(Reading, "observations_after_snapshot", forgetful)


def booked_again_on_replay(patch: pytest.MonkeyPatch) -> None:
    """An entry that is booked already is booked once more when it is computed again."""
    book = Writing._book

    def twice(self: Writing, agreement: int, key: str, entry: Any) -> None:
        found = self.connection.execute("SELECT 1 FROM entries WHERE id = ?", (entry.id,)).fetchone()
        book(self, agreement, key, evolve(entry, id=f"{entry.id}|again") if found else entry)

    patch.setattr(Writing, "_book", twice)


def acknowledged_before_it_is_stored(patch: pytest.MonkeyPatch) -> None:
    """Who sends something hears that it is stored as soon as it was taken."""
    take = Judge.take

    def hasty(self: Judge, observed: Any, given: Given) -> None:
        if not given.done.done():
            given.done.set_result([])
        take(self, observed, given)

    patch.setattr(Judge, "take", hasty)


def corrected_again(patch: pytest.MonkeyPatch) -> None:
    """A correction does not see what the one before it has booked."""
    correct = corrections.correct

    def forgetful(plan: Any, judged: Any, found: Any, booked: Any, at: int) -> Any:
        first = [one for one in booked if one.kind != corrections.ADJUSTMENT]
        return correct(plan, judged, found, first, at)

    patch.setattr(corrections, "correct", forgetful)


def what_rules_booked_uncounted(patch: pytest.MonkeyPatch) -> None:
    """A correction applies the caps anew as if no rule had ever booked a credit."""
    decide = corrections._decide

    def forgetful(plan: Any, judgements: Any, of_rules: Any) -> Any:
        return decide(plan, judgements, [])

    patch.setattr(corrections, "_decide", forgetful)


def what_rules_booked_taken_back(patch: pytest.MonkeyPatch) -> None:
    """A correction books back what rules have booked, for no verdict gives it."""
    adjusting = corrections._adjusting
    correct = corrections.correct

    def greedy(plan: Any, judged: Any, found: Any, booked: Any, at: int) -> Any:
        entries = list(booked)

        def all_of_it(plan: Any, of_goals: Any, owed: Any, at: int) -> Any:
            return adjusting(plan, entries, owed, at)

        patch.setattr(corrections, "_adjusting", all_of_it)
        return correct(plan, judged, found, entries, at)

    patch.setattr(corrections, "correct", greedy)


def reports_left_out_after_a_start(patch: pytest.MonkeyPatch) -> None:
    """What fell due by the calendar while no daemon ran is not decided any more."""

    def hasty(history: Any, plan: Any, now: int) -> int:
        return now

    patch.setattr(appointments, "_since", hasty)


def first_that_fails(folder: Path) -> int | None:
    return next((seed for seed in range(ENOUGH) if run_seed(seed, folder).problems), None)


@pytest.mark.parametrize(
    "plant",
    [
        intents_apart_from_their_verdicts,
        marked_before_it_is_sent,
        the_last_observation_forgotten,
        booked_again_on_replay,
        acknowledged_before_it_is_stored,
        corrected_again,
        what_rules_booked_uncounted,
        what_rules_booked_taken_back,
        reports_left_out_after_a_start,
    ],
    ids=lambda plant: plant.__name__,
)
def test_a_planted_bug_is_seen(plant: Planting, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    assert first_that_fails(folder) is not None
