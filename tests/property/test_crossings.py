"""Property: windows that end under a sample on the short way are judged as on the long way; and they do end there."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from wsla.api import Agreement, loads
from wsla.engine import Engine, Output
from wsla.evaluation.rows import Rows
from wsla.evaluation.stream.events import JudgementFinal
from wsla.values.instants import MINUTE, SECOND, parse_instant
from wsla.values.observations import Observation

QUICK = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    max_examples=30,
    phases=(Phase.explicit, Phase.generate),
)
START = parse_instant("2026-03-28T22:00:00Z")
PACE = 10 * SECOND
TEXT = """agreement "Machines" version 1 {{
  effective 2026-01-01 in "Europe/Berlin"
  {grace}
  currency EUR
  party host "Host" provider
  party shop "Shop" consumer {{ email "it@shop.example" }}
  schedule office {{ every day 22:10-23:50 }}
  source probe = push {source} {{
    {label}
    latency latency in ms
    size    number
  }}
{goals}
}}
"""
VALUES = (
    ("mean(probe.latency)", "<= 120ms"),
    ("mean(probe.latency)", "> 115ms"),
    ("max(probe.latency)", "<= 240ms"),
    ("min(probe.latency)", "<= 60ms"),
    ("percentile(probe.latency, 95)", "<= 180ms"),
    ("percentile(probe.latency, 50)", ">= 90ms"),
    ("median(probe.size)", "< 7"),
    ("sum(probe.size)", ">= 100"),
    ("share(probe.latency <= 150ms)", ">= 90%"),
    ("share(probe.size > 3)", "< 60%"),
    ("count(probe)", ">= 20"),
    ("stddev(probe.latency)", "<= 45ms"),
    ("availability(probe.ok)", ">= 99%"),
)
WINDOWS = (
    "each 5m",
    "each 7m",
    "each 1h",
    "each day",
    "over last 1h every 5m",
    "over last 10m every 4m",
    "over last 20m every 1m",
)
OTHERS = ("", "", "", "during office", "excluding office")


@st.composite
def agreements(draw: st.DrawFn) -> tuple[Agreement, int]:
    """An agreement of simple goals, and the number of machines it is about (0: it has no labels)."""
    machines = draw(st.sampled_from((0, 0, 1, 3)))
    by = "by machine" if machines and draw(st.integers(0, 4)) else ""
    chosen = draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=3))
    goals = []
    for number, (value, limit) in enumerate(chosen):
        window = draw(st.sampled_from(WINDOWS))
        credit = draw(st.sampled_from(("", "", "{ otherwise credit shop 5 EUR }")))
        other = draw(st.sampled_from(OTHERS))
        own = "by machine" if machines and value.startswith("availability") else by
        goals.append(f"  goal g{number}: host guarantees {value} {window} {other} {own} {limit} {credit}")
    text = TEXT.format(
        grace=draw(st.sampled_from(("", "grace 0s", "grace 1m", "grace 11m"))),
        source=draw(st.sampled_from(("every 10s", "every 2m"))),
        label="label machine" if machines else "",
        goals="\n".join(goals),
    )
    return loads(text), machines


@st.composite
def observed(draw: st.DrawFn, machines: int) -> list[Observation]:
    """Samples of every machine ten seconds apart; now and then one is missing, late, bad, again or unknown."""
    chance = random.Random(draw(st.integers(0, 1 << 30)))
    trouble = draw(st.sampled_from((0, 0, 0.002, 0.02)))
    shift = draw(st.sampled_from((0, 1, SECOND, 3 * SECOND, PACE - 1)))
    apart = draw(st.sampled_from((0, SECOND)))
    found: list[Observation] = []
    for step in range(draw(st.integers(30, 140))):
        for machine in range(max(1, machines)):
            at = START + step * PACE + shift + machine * apart
            fields: dict[str, bool | int | str | None] = {
                "ok": chance.random() >= trouble,
                "latency": int(chance.lognormvariate(4.6, 0.4)) * 1_000_000,
                "size": chance.randint(1, 9),
            }
            if machines:
                fields["machine"] = f"m{machine}"
            if chance.random() < trouble:
                match chance.randint(0, 4):
                    case 0:
                        continue
                    case 1:
                        at -= chance.choice((SECOND, MINUTE, 5 * MINUTE))
                    case 2:
                        fields["latency"] = None
                    case 3:
                        at += 5 * MINUTE
                    case _:
                        found.append(Observation(source="probe", at=at, fields=dict(fields)))
            found.append(Observation(source="probe", at=at, fields=fields))
    return found


def long_way(agreement: Agreement, observations: list[Observation]) -> tuple[list[list[Output]], Engine]:
    engine = Engine(agreement.plan, START)
    found = []
    for observation in observations:
        outputs = engine.observe(observation)
        outputs.extend(engine.advance(observation.at + 1))
        found.append(outputs)
    return found, engine


def as_rows(chunk: list[Observation]) -> Rows:
    names = sorted({name for observation in chunk for name in observation.fields})
    columns = {name: [observation.fields.get(name) for observation in chunk] for name in names}
    return Rows("probe", [observation.at for observation in chunk], columns)


@QUICK
@given(agreements(), st.data())
def test_one_by_one_and_in_columns_windows_end_as_on_the_long_way(
    drawn: tuple[Agreement, int], data: st.DataObject
) -> None:
    agreement, machines = drawn
    observations = data.draw(observed(machines))
    expected, plain = long_way(agreement, observations)
    engine, columns = Engine(agreement.plan, START), Engine(agreement.plan, START)
    restart = data.draw(st.integers(0, len(observations)))
    for number, (observation, outputs) in enumerate(zip(observations, expected, strict=True)):
        if number == restart:
            engine = Engine.restore(agreement.plan, json.loads(json.dumps(engine.snapshot())))
        assert engine.observe_at_once(observation) == outputs
    size = data.draw(st.sampled_from((1, 7, 50, 1000)))
    for first in range(0, len(observations), size):
        rows = as_rows(observations[first : first + size])
        told = [output for outputs in expected[first : first + size] for output in outputs]
        assert columns.observe_rows(rows) == told
    last = max(one.at for one in observations)
    for found in (engine, columns):
        assert found.next_due() == plain.next_due()
        assert found.judgements(last + 1) == plain.judgements(last + 1)
    end = plain.advance(last + 30 * MINUTE)
    assert engine.advance(last + 30 * MINUTE) == end
    assert columns.advance(last + 30 * MINUTE) == end


@pytest.mark.parametrize("apart", [0, SECOND])
def test_windows_do_end_on_the_short_way(apart: int) -> None:
    goals = "\n".join(
        f"  goal g{number}: host guarantees {value} {window} by machine {limit}"
        for number, (value, limit, window) in enumerate(
            (
                ("mean(probe.latency)", "<= 120ms", "over last 1h every 5m"),
                ("percentile(probe.latency, 95)", "<= 180ms", "each 5m"),
                ("share(probe.latency <= 150ms)", ">= 90%", "each 5m"),
                ("max(probe.latency)", "<= 240ms", "each 7m"),
            )
        )
    )
    agreement = loads(TEXT.format(grace="grace 1m", source="every 10s", label="label machine", goals=goals))
    engine = Engine(agreement.plan, START)
    long_ways = 0
    observe_long = Engine.observe_long

    def counted(self: Engine, observation: Observation) -> list[Output]:
        nonlocal long_ways
        long_ways += 1
        return observe_long(self, observation)

    final = 0
    Engine.observe_long = counted  # type: ignore[method-assign]
    try:
        for step in range(400):
            for machine in (0, 1):
                latency = 90_000_000 + step % 80 * 1_000_000
                fields = {"ok": True, "latency": latency, "size": 1, "machine": f"m{machine}"}
                at = START + step * PACE + machine * apart
                for output in engine.observe_at_once(Observation(source="probe", at=at, fields=fields)):
                    final += isinstance(output, JudgementFinal)
    finally:
        Engine.observe_long = observe_long  # type: ignore[method-assign]
    # Two machines: at thirteen ends of five minutes three goals each, at nine of seven minutes one.
    assert final > 70
    # The first samples of each, and no more than now and then one.
    assert long_ways < 12
