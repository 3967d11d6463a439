"""How windows stand according to the store alone is how the engine that wrote it says that they stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="what answers over HTTP is not installed")

from wsla.api import loads
from wsla.daemon.agreements import sha256_of, state_version
from wsla.engine import Engine
from wsla.evaluation.stream import JudgementFinal, StandingChanged
from wsla.store.records import Batch, Judged, Observed, Snapshot
from wsla.store.sqlite import Store
from wsla.values.instants import SECOND
from wsla.values.observations import Observation
from wsla.web.beside import standing

TEXT = """agreement "Quick" version 1 {{
  effective 2026-01-01 in "UTC"
  party acme "Acme" provider
  source probe = http "https://acme.example/health" every 1s timeout 500ms
  metric uptime = availability(probe.ok) each 10s
  goal available: acme guarantees uptime >= {promised}
}}
"""
START = 1_780_000_000 * SECOND


def look(at: int, ok: bool) -> Observation:
    return Observation(source="probe", at=at, fields={"ok": ok})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(str(tmp_path / "wsla.db"), writer=True) as opened:
        yield opened


@pytest.mark.parametrize("noted_after", [0, 1, 17, 40])
def test_it_is_what_the_engine_says(store: Store, noted_after: int) -> None:
    agreement = loads(TEXT.format(promised="99%"))
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
    at, found = standing(store, agreement, now + SECOND)
    assert now <= at <= now + 1
    assert found == engine.judgements(at)
    assert found


def note(store: Store, agreement: Any, engine: Engine, at: int) -> None:
    state = state_version(agreement, START)
    store.write(Batch(snapshots=(Snapshot(agreement.title, state, at, engine.snapshot()),)))


def test_without_a_state_of_this_text_it_is_what_was_stored_last(store: Store) -> None:
    agreement, other = (loads(TEXT.format(promised=one)) for one in ("99%", "90%"))
    title = agreement.title
    store.register_agreement(
        title, title=title, version=1, text=agreement.text, sha256=sha256_of(agreement), at=START
    )
    engine = Engine(agreement.plan, START)
    outputs = [*engine.observe(look(START, True)), *engine.observe(look(START + SECOND, False))]
    outputs += engine.advance(START + 2 * SECOND)
    stood = [one.judgement for one in outputs if isinstance(one, StandingChanged)]
    store.write(Batch(judgements=tuple(Judged(title, one) for one in stood)))
    note(store, other, Engine(other.plan, START), START)
    now = START + 2 * SECOND
    asked_at, found = standing(store, agreement, now)
    assert asked_at == now
    assert [one.window for one in found] == [stood[-1].window]
    assert found == (stood[-1],)
