"""The checker on outages, counters, less common functions, `down_count` and values when idle."""

from __future__ import annotations

import pytest

from wsla.analysis import operations as op
from wsla.analysis.check import check_text
from wsla.diagnostics.source import SourceText
from wsla.evaluation.stream import StreamEvaluator
from wsla.plan.build import build_plan
from wsla.values.instants import HOUR, MINUTE
from wsla.values.observations import Observation

HEAD = """agreement "Test" version 1 {
  effective 2026-01-01 until 2027-01-01
  currency EUR
  party acme "Acme" provider { email "a@acme.example" }
  party globex "Globex" consumer { email "g@globex.example" }
  source one = push every 1m { total requests  failed failures }
  source two = push every 1m
  source three = push every 1m
  source tickets = records push { key number  at closed }
"""
REST = "  goal kept: acme guarantees GOAL { otherwise notify globex }\n}\n"


def codes(body: str, goal: str) -> list[str]:
    text = HEAD + body + REST.replace("GOAL", goal)
    return [one.code for one in check_text(SourceText(name="t.sla", text=text))[1] if one.code[0] == "E"]


@pytest.mark.parametrize(
    ("formula", "goal"),
    [
        ("outages(one.ok) each month", "m <= 3"),
        ("longest(not one.ok) each month", "m <= 30m"),
        ("increase(one.total) each 5m", "m <= 1000"),
        ("rate(one.total) each 5m", "m <= 100/min"),
        ("span(one.elapsed) each 5m", "m <= 100ms"),
        ("mode(one.code) each 5m", "m == 200"),
        ("first(one.code) each 5m", "m == 200"),
        ("variance(one.load) each 5m", "m <= 4"),
        ("stddev(one.elapsed) each 5m", "m <= 30ms"),
        ("stddev(one.load) each 5m", "m <= 2"),
        ("increase(one.failed) / increase(one.total) each 5m, or 0% when idle", "m < 10%"),
        ("availability(down_count(one.ok, two.ok, three.ok) < 2) each month", "m >= 99.9%"),
        ("availability(2 > down_count(one.ok, two.ok, three.ok)) each month", "m >= 99.9%"),
        ("time_mean(down_count(one.ok, two.ok)) each month", "m < 0.01"),
    ],
)
def test_what_may_be_written(formula: str, goal: str) -> None:
    assert codes(f"  metric m = {formula}\n", goal) == []


@pytest.mark.parametrize(
    ("formula", "goal", "code"),
    [
        # an outage is counted, a run has a length
        ("outages(one.ok) each month", "m <= 3h", "E0302"),
        ("longest(one.ok) each month", "m <= 3", "E0302"),
        # a rate is by time, a variance in the square of the unit
        ("rate(one.total) each 5m", "m + 1s <= 100/min", "E0302"),
        ("rate(one.total) each 5m", "m <= 1000ms", "E0302"),
        ("increase(tickets.size) each month", "m <= 3", "E0309"),
        ("availability(down_count(one.ok) >= 5m) each month", "m >= 99%", "E0302"),
        ("availability(down_count(one.ok) >= 50%) each month", "m >= 99%", "E0302"),
        ("count(tickets where down_count(tickets.good) >= 1) each month", "m <= 3", "E0309"),
    ],
)
def test_what_may_not(formula: str, goal: str, code: str) -> None:
    assert code in codes(f"  metric m = {formula}\n", goal)


def test_a_value_when_idle_needs_windows() -> None:
    assert "E0312" in codes("  metric up = one.ok and two.ok, or true when idle\n", "share(up) each day > 1%")


@pytest.mark.parametrize(
    ("comparison", "wanted"),
    [
        (">= 2", {0: False, 1: False, 2: True, 3: True}),
        ("> 1", {0: False, 1: False, 2: True, 3: True}),
        ("< 1", {0: True, 1: False, 2: False, 3: False}),
        ("<= 1.5", {0: True, 1: True, 2: False, 3: False}),
        ("== 1", {0: False, 1: True, 2: False, 3: False}),
        ("== 1.5", {0: False, 1: False, 2: False, 3: False}),
        ("!= 3", {0: True, 1: True, 2: True, 3: False}),
    ],
)
@pytest.mark.parametrize("down", [0, 1, 2, 3])
def test_comparisons_of_the_number_of_those_down(comparison: str, wanted: dict[int, bool], down: int) -> None:
    # M36: how many of the conditions are false.
    formula = f"availability(down_count(one.ok, two.ok, three.ok) {comparison}) each 1h"
    text = HEAD + f"  metric m = {formula}\n" + REST.replace("GOAL", "m >= 50%")
    (agreement,), _ = check_text(SourceText(name="t.sla", text=text))
    plan = build_plan(agreement)
    assert any(isinstance(operation, op.AtLeastDown) for operation in plan.operations)
    start = plan.effective_start
    stream = StreamEvaluator(plan, start)
    for at in range(start, start + HOUR, MINUTE):
        for number, name in enumerate(("one", "two", "three")):
            stream.observe(Observation(source=name, at=at, fields={"ok": number >= down}))
    (point,) = stream.outcome(start + HOUR).metrics["m"]
    assert point.value.value == wanted[down]


@pytest.mark.parametrize(
    ("first", "second", "known"),
    [(False, False, True), (True, True, True), (True, False, False), (False, True, False)],
)
def test_the_known_conditions_decide_as_soon_as_they_can(first: bool, second: bool, known: bool) -> None:
    # M36: the third is never observed.
    formula = "availability(down_count(one.ok, two.ok, three.ok) >= 2) each 1h"
    text = HEAD + f"  metric m = {formula}\n" + REST.replace("GOAL", "m >= 50%")
    (agreement,), _ = check_text(SourceText(name="t.sla", text=text))
    plan = build_plan(agreement)
    start = plan.effective_start
    stream = StreamEvaluator(plan, start)
    for at in range(start, start + HOUR, MINUTE):
        stream.observe(Observation(source="one", at=at, fields={"ok": first}))
        stream.observe(Observation(source="two", at=at, fields={"ok": second}))
    (point,) = stream.outcome(start + HOUR).metrics["m"]
    assert point.value.value == ((not first) if known else None)
    assert point.value.coverage == (1 if known else 0)
