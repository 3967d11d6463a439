"""Property: samples that take the short way change what they would have changed on the long way, and when."""

from __future__ import annotations

import json
from collections.abc import Iterable

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from wsla.engine import Engine, Output
from wsla.evaluation.rows import Rows
from wsla.testing.strategies import Case, cases
from wsla.values.observations import Observation

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=28)


def long_way(case: Case, observations: Iterable[Observation]) -> tuple[list[list[Output]], Engine]:
    """What every observation changes, and the engine, where no sample is noted in a lane."""
    engine = Engine(case.plan, case.start)
    found = []
    for observation in observations:
        outputs = engine.observe(observation)
        outputs.extend(engine.advance(observation.at + 1))
        found.append(outputs)
    return found, engine


@st.composite
def steady(draw: DrawFn) -> Case:
    """Cases in which samples come often and mostly say the same, as they do in life."""
    case = draw(cases())
    found = list(case.observations)
    for source in case.plan.sources:
        own = [one for one in found if one.source == source.name]
        if source.records or not own or not draw(st.integers(0, 3)):
            continue
        pace = max(1, (case.until - case.start) // draw(st.integers(20, 90)))
        pattern = draw(st.lists(st.sampled_from(own), min_size=1, max_size=4))
        usual = {name: value for name, value in own[-1].fields.items() if value is not None}
        for number in range((case.until - case.start) // pace):
            fields = pattern[number % len(pattern)].fields if draw(st.integers(0, 5)) == 0 else usual
            found.append(Observation(source=source.name, at=case.start + number * pace, fields=fields))
    return evolve(case, observations=tuple(sorted(found, key=lambda one: one.at)))


@QUICK
@given(steady(), st.data())
def test_the_short_way_is_the_long_way(case: Case, data: st.DataObject) -> None:
    observations = list(case.observations)
    for _ in range(data.draw(st.integers(0, 2))):
        # Now and then one is late.
        if len(observations) > 3:
            position = data.draw(st.integers(0, len(observations) - 1))
            late = observations.pop(position)
            observations.insert(min(len(observations), position + data.draw(st.integers(1, 9))), late)
    expected, plain = long_way(case, observations)
    engine = Engine(case.plan, case.start)
    restart = data.draw(st.integers(0, len(observations)))
    for number, (observation, outputs) in enumerate(zip(observations, expected, strict=True)):
        if number == restart:
            engine = Engine.restore(case.plan, json.loads(json.dumps(engine.snapshot())))
        assert engine.observe_at_once(observation) == outputs
    last = max((one.at for one in observations), default=case.start)
    assert engine.next_due() == plain.next_due()
    assert engine.judgements(last + 1) == plain.judgements(last + 1)
    assert engine.advance(case.until + case.plan.grace) == plain.advance(case.until + case.plan.grace)


def in_chunks(observations: list[Observation], data: st.DataObject) -> list[list[Observation]]:
    """Observations in chunks of one source each, which may be as small as one."""
    found: list[list[Observation]] = []
    for observation in observations:
        cut = not found or found[-1][-1].source != observation.source
        if cut or data.draw(st.integers(0, 20)) == 0:
            found.append([])
        found[-1].append(observation)
    return found


def as_rows(chunk: list[Observation]) -> Rows:
    """Columns of all fields; what an observation lacks is unknown."""
    names = sorted({name for observation in chunk for name in observation.fields})
    columns = {name: [observation.fields.get(name) for observation in chunk] for name in names}
    return Rows(chunk[0].source, [observation.at for observation in chunk], columns)


@QUICK
@given(steady(), st.data())
def test_columns_in_any_chunks_are_their_observations_one_by_one(case: Case, data: st.DataObject) -> None:
    chunks = [as_rows(chunk) for chunk in in_chunks(list(case.observations), data)]
    engine, plain = Engine(case.plan, case.start), Engine(case.plan, case.start)
    for rows in chunks:
        told: list[Output] = []
        for position in range(len(rows)):
            observation = rows.observation(position)
            told += plain.observe(observation)
            told += plain.advance(observation.at + 1)
        assert engine.observe_rows(rows) == told
    assert engine.advance(case.until + case.plan.grace) == plain.advance(case.until + case.plan.grace)
    assert engine.judgements(case.until + 1) == plain.judgements(case.until + 1)
