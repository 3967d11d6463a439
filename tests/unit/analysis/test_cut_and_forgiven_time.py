"""The checker on conditions that cut time (M50) and on outages that are forgiven (M52, M53)."""

from __future__ import annotations

import pytest

from wsla.analysis import operations as op
from wsla.analysis.check import check_text
from wsla.diagnostics.source import SourceText
from wsla.values.instants import MINUTE

TEXT = """agreement "Test" version 1 {{
  effective 2026-01-01 until 2027-01-01
  party acme "Acme" provider {{ email "a@acme.example" }}
  party globex "Globex" consumer {{ email "g@globex.example" }}
  schedule nights {{ every day 00:00-06:00 }}
  source one = push every 1m
  source two = push every 1m {{ label region }}
  source flags = push every 1m
  source tickets = records push {{ key number  at closed }}
  metric planned = flags.planned
  metric speed = flags.speed * 2
  metric busy = count(one) each 5m >= 2
  metric good = share(one.ok) each 1m >= 90%
  metric overlapping = share(one.ok) over last 5m every 1m >= 90%
  metric m = {formula}
  goal kept: acme guarantees {goal} {{ otherwise notify globex }}
  goal rest: acme guarantees share(good where planned_or_not) each month >= 1% {{ otherwise notify globex }}
  goal more: acme guarantees share(overlapping) each month >= 1% and share(busy) each month > 1% {{
    otherwise notify globex
  }}
  goal final: acme guarantees availability(planned and speed > 1) each month < 99% {{ otherwise notify globex }}
}}
""".replace(" where planned_or_not", "")


def found(formula: str, goal: str) -> tuple[list[str], list[op.Aggregate]]:
    """The errors' codes, and the aggregates of the plan over time that cut or forgive."""
    checked, problems = check_text(SourceText(name="t.sla", text=TEXT.format(formula=formula, goal=goal)))
    aggregates = [
        operation
        for agreement in checked
        for operation in agreement.operations
        if isinstance(operation, op.Aggregate)
        and (operation.forgiving is not None or operation.where is not None)
    ]
    return [one.code for one in problems if one.code[0] == "E"], aggregates


@pytest.mark.parametrize(
    ("formula", "goal"),
    [
        ("availability(one.ok where not planned) each month", "m >= 99%"),
        ("availability(one.ok) each month excluding planned", "m >= 99%"),
        ("availability(one.ok) each month during planned during nights", "m >= 99%"),
        ("availability(one.ok where two.ok) each month by region", "m >= 99%"),
        ("availability(two.ok where planned) each month by region", "m >= 99%"),
        ("time_mean(one.load where planned) each month", "m <= 3"),
        ("longest(not one.ok where planned) each month", "m <= 3h"),
        ("availability(one.ok, forgiving outages under 5m) each month", "m >= 99%"),
        ("downtime(one.ok where planned, forgiving outages up to 90s) over last 1h", "m <= 3m"),
        ("outages(one.ok, forgiving outages under 5m) each month", "m <= 3"),
        ("share(good, forgiving outages under 5m) each month", "m >= 99%"),
        ("share(good where good, forgiving outages up to 1m) each month", "m >= 99%"),
    ],
)
def test_what_may_be_written(formula: str, goal: str) -> None:
    codes, aggregates = found(formula, goal)
    assert codes == []
    assert len(aggregates) == 1


@pytest.mark.parametrize(
    ("formula", "goal", "code"),
    [
        # time is cut by what is measured all the time
        ("availability(one.ok where busy) each month", "m >= 99%", "E0331"),
        ("availability(one.ok where true) each month", "m >= 99%", "E0331"),
        ("availability(one.ok where tickets.ok) each month", "m >= 99%", "E0331"),
        ("availability(one.ok) each month excluding busy", "m >= 99%", "E0331"),
        ("availability(one.ok where flags.speed) each month", "m >= 99%", "E0303"),
        ("availability(one.ok) each month during speed", "m >= 99%", "E0303"),
        ("availability(one.ok where two.ok) each month", "m >= 99%", "E0313"),
        # samples and windows are picked by `where`, the clock of a record stops with `pausing while`
        ("share(one.ok) each month excluding planned", "m >= 99%", "E0330"),
        ("share(good) each month during planned", "m >= 99%", "E0330"),
        ("count(tickets) each month excluding planned", "m >= 3", "E0330"),
        ("availability(one.ok) each month excluding nothing", "m >= 99%", "E0201"),
        # what has no outages, or none with a length
        ("longest(one.ok, forgiving outages under 5m) each month", "m >= 3h", "E0332"),
        ("time_mean(one.load, forgiving outages under 5m) each month", "m >= 3", "E0332"),
        ("share(one.ok, forgiving outages under 5m) each month", "m >= 99%", "E0332"),
        ("share(tickets.ok, forgiving outages under 5m) each month", "m >= 99%", "E0332"),
        ("count(tickets, forgiving outages under 5m) each month", "m >= 3", "E0332"),
        ("share(overlapping, forgiving outages under 5m) each month", "m >= 99%", "E0332"),
        # the words
        ("availability(one.ok, forgiving outages below 5m) each month", "m >= 99%", "E0333"),
        ("availability(one.ok, forgiving outages under to 5m) each month", "m >= 99%", "E0333"),
        ("availability(one.ok, forgiving outages up 5m) each month", "m >= 99%", "E0333"),
        ("availability(one.ok, forgiving gaps under 5m) each month", "m >= 99%", "E0333"),
        ("availability(one.ok, forgives outages under 5m) each month", "m >= 99%", "E0333"),
        ("availability(one.ok, forgiving) each month", "m >= 99%", "E0333"),
        ("availability(one.ok, forgiving outages under 5%) each month", "m >= 99%", "E0306"),
        ("availability(one.ok, forgiving outages under 0s) each month", "m >= 99%", "E0306"),
        # a single window is as long as a window
        ("share(good, forgiving outages under 1m) each month", "m >= 99%", "E0334"),
        ("share(good, forgiving outages up to 59s) each month", "m >= 99%", "E0334"),
    ],
)
def test_what_may_not_be_written(formula: str, goal: str, code: str) -> None:
    assert found(formula, goal)[0] == [code]


def test_elapsed_and_down_count_forgive_nothing() -> None:
    elapsed = "share(elapsed(tickets.opened, tickets.closed, forgiving outages under 5m) < 3h) each month"
    assert found(elapsed, "m >= 9%")[0] == ["E0332"]
    down = "availability(down_count(one.ok, flags.ok, forgiving outages under 5m) < 2) each month"
    assert found(down, "m >= 9%")[0] == ["E0332"]


@pytest.mark.parametrize(("words", "strictly"), [("under", True), ("up to", False)])
def test_the_plan_says_whether_the_limit_itself_is_forgiven(words: str, strictly: bool) -> None:
    _, aggregates = found(f"downtime(one.ok, forgiving outages {words} 5m) each month", "m <= 3m")
    assert aggregates[0].forgiving == op.Forgiving(length=5 * MINUTE, strictly=strictly)


def test_a_metric_behind_excluding_is_the_same_as_where() -> None:
    """M50: the very same operations."""
    _, written = found("availability(one.ok where flags.ok and not planned) each month", "m >= 9%")
    _, behind = found("availability(one.ok where flags.ok) each month excluding planned", "m >= 9%")
    assert written == behind
