"""One step of an agreement's life: what follows from an observation comes out with it."""

from __future__ import annotations

import json

import pytest

from wsla.api import loads
from wsla.engine import Engine
from wsla.evaluation.stream import TriggerChanged
from wsla.monitor import Monitor
from wsla.remedies.decisions import Intent, LedgerEntry
from wsla.values.instants import MINUTE, SECOND, parse_instant
from wsla.values.observations import Observation

TEXT = """agreement "Live" version 1 {
  effective 2026-01-01
  currency EUR
  grace 1m
  party a provider { email "a@example.org" }
  party b consumer { email "b@example.org" }
  source probe = http "http://127.0.0.1/" every 30s
  metric uptime = availability(probe.ok) each 10m
  goal up: a guarantees uptime >= 90% { otherwise credit b 5 EUR }
  when not probe.ok for 3m { notify a on recovery: notify b }
}
"""
START = parse_instant("2026-01-01T00:00:00Z")


def engine() -> Engine:
    return Engine(loads(TEXT).plan, START)


def probe(second: int, ok: bool) -> Observation:
    return Observation(source="probe", at=START + second * SECOND, fields={"ok": ok})


def run(live: Engine, seconds: range, ok: bool) -> None:
    for second in seconds:
        live.observe(probe(second, ok))


def test_a_rule_acts_with_the_observation_at_which_its_time_is_up() -> None:
    monitor = Monitor(loads(TEXT), START)
    intents = [
        (second, output.at)
        for second in range(0, 600, 30)
        for output in monitor.observe("probe", START + second * SECOND, ok=False)
        if isinstance(output, Intent)
    ]
    assert intents == [(180, START + 3 * MINUTE)]


def test_recovery_comes_with_the_first_good_observation() -> None:
    monitor = Monitor(loads(TEXT), START)
    for second in range(0, 240, 30):
        monitor.observe("probe", START + second * SECOND, ok=False)
    outputs = monitor.observe("probe", START + 240 * SECOND, ok=True)
    (told,) = [output for output in outputs if isinstance(output, Intent)]
    assert told.at == START + 240 * SECOND
    assert [target.party for target in told.targets] == ["b"]
    (change,) = [output for output in outputs if isinstance(output, TriggerChanged)]
    assert change.value is False


def test_without_immediate_what_changes_at_an_instant_waits_for_others_of_that_instant() -> None:
    monitor = Monitor(loads(TEXT), START, immediate=False)
    assert monitor.observe("probe", START, ok=True) == []
    later = monitor.observe("probe", START + 30 * SECOND, ok=True)
    assert [output.value for output in later if isinstance(output, TriggerChanged)] == [False]


def test_a_credit_is_booked_when_the_grace_is_over_and_not_before() -> None:
    live = engine()
    run(live, range(0, 600, 30), False)
    assert not [one for one in live.advance(START + 11 * MINUTE - 1) if isinstance(one, LedgerEntry)]
    entries = [one for one in live.advance(START + 11 * MINUTE) if isinstance(one, LedgerEntry)]
    assert [str(entry.amount) for entry in entries] == ["5.00"]
    assert not [one for one in live.advance(START + 12 * MINUTE) if isinstance(one, LedgerEntry)]


@pytest.mark.parametrize("second", [0, 90, 150, 180, 210, 390, 600, 630])
def test_a_snapshot_at_any_moment_changes_nothing(second: int) -> None:
    def goes(live: Engine, restart: int | None) -> list[object]:
        found: list[object] = []
        for at in range(0, 700, 30):
            if at == restart:
                live = Engine.restore(live.plan, json.loads(json.dumps(live.snapshot())))
            found += live.observe(probe(at, at % 420 > 300))
        return [*found, *live.advance(START + 30 * MINUTE)]

    assert goes(engine(), second) == goes(engine(), None)
