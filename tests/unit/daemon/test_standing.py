"""How windows stand according to the store alone is how the engine that wrote it says that they stand."""

from __future__ import annotations

from typing import Any

import pytest

from wsla.daemon.agreements import sha256_of, state_version
from wsla.daemon.standing import stored_standing
from wsla.engine import Engine
from wsla.evaluation.stream import JudgementFinal, StandingChanged
from wsla.store.records import Batch, Judged, Observed, Snapshot
from wsla.store.sqlite import Store
from wsla.values.instants import SECOND
from wsla.values.observations import Observation

START = 1_780_000_000 * SECOND


def look(at: int, ok: bool) -> Observation:
    return Observation(source="probe", at=at, fields={"ok": ok})


@pytest.mark.parametrize("noted_after", [0, 1, 17, 40])
def test_it_is_what_the_engine_says(agreements: Any, store: Store, noted_after: int) -> None:
    agreement = agreements()
    title = agreement.title
    store.register_agreement(
        title, title=title, version=1, text=agreement.text, sha256=sha256_of(agreement), at=START
    )
    engine = Engine(agreement.plan, START)
    for number in range(40):
        if number == noted_after:
            note(store, agreement, engine, START + number * SECOND)
        one = look(START + number * SECOND, number % 7 != 3)
        judged = [
            Judged(title, output.judgement)
            for output in (*engine.observe(one), *engine.advance(one.at))
            if isinstance(output, JudgementFinal | StandingChanged)
        ]
        store.write(Batch(observations=(Observed(title, one, one.at),), judgements=tuple(judged)))
    now = START + 39 * SECOND
    if noted_after == 40:
        note(store, agreement, engine, now)
    assert stored_standing(store, agreement, now + SECOND) == (now, engine.judgements(now))
    assert engine.judgements(now)


def note(store: Store, agreement: Any, engine: Engine, at: int) -> None:
    state = state_version(agreement, START)
    store.write(Batch(snapshots=(Snapshot(agreement.title, state, at, engine.snapshot()),)))


def test_without_a_state_of_this_text_it_is_what_was_stored_last(agreements: Any, store: Store) -> None:
    agreement, other = agreements(), agreements(promised="90%")
    title = agreement.title
    store.register_agreement(
        title, title=title, version=1, text=agreement.text, sha256=sha256_of(agreement), at=START
    )
    engine = Engine(agreement.plan, START)
    outputs = [*engine.observe(look(START, True)), *engine.observe(look(START + SECOND, False))]
    outputs += engine.advance(START + 2 * SECOND)
    standing = [one.judgement for one in outputs if isinstance(one, StandingChanged)]
    store.write(Batch(judgements=tuple(Judged(title, one) for one in standing)))
    note(store, other, Engine(other.plan, START), START)
    now = START + 2 * SECOND
    asked_at, found = stored_standing(store, agreement, now)
    assert asked_at == now
    assert [one.window for one in found] == [standing[-1].window]
    assert found == (standing[-1],)
