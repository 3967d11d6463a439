"""Engines are compared on everything that a plan can say and on all that may happen: what is never drawn fails here."""

from __future__ import annotations

from typing import get_args

from attrs import evolve

from wsla.analysis.functions import FUNCTIONS
from wsla.analysis.operations import Operation
from wsla.testing.happenings import EVENTS
from wsla.testing.plans import BOOLEAN, NUMBER, PlanBuilder, observe
from wsla.testing.statistics import EXPECTED, drawn, occurring
from wsla.testing.strategies import Case, cases
from wsla.values.calendars import ExactWindow
from wsla.values.instants import MINUTE

ENOUGH = 300
"""Generated cases among which each of them occurs."""


def test_every_construct_and_every_event_is_drawn() -> None:
    counted = occurring(drawn(cases(), ENOUGH))
    assert counted.keys() == EXPECTED | EVENTS


def test_whatever_is_new_in_the_language_is_expected_to_be_drawn() -> None:
    assert {kind.__name__ for kind in get_args(Operation)} <= EXPECTED
    assert {f"function {name}" for name in FUNCTIONS} <= EXPECTED


def test_what_occurs_is_counted_once_a_case() -> None:
    build = PlanBuilder(start=0)
    build.samples("probe", {"ok": BOOLEAN, "load": NUMBER}, labels=("region", "host"), staleness=MINUTE)
    window = ExactWindow(2 * MINUTE)
    build.metrics["grown"] = build.aggregate(
        "increase", build.field("probe", "load"), window, source="probe", by=("region",)
    )
    build.metrics["seen"] = build.aggregate("count", None, window, source="probe", by=("region",))

    def seen(at: int, host: str, load: int | None, *, ok: bool = True) -> object:
        return observe("probe", at, region="eu", host=host, load=load, ok=ok)

    case = Case(
        plan=build.build(),
        observations=(
            seen(MINUTE, "a", 3, ok=False),
            seen(MINUTE + 1, "b", None),
            seen(2 * MINUTE + 1, "a", 2),
            seen(2 * MINUTE + 1, "a", 2),
        ),
        start=0,
        until=8 * MINUTE,
    )
    quiet = evolve(case, observations=case.observations[2:3])
    counted = occurring([case, case, quiet])
    assert {name: number for name, number in counted.items() if name in EVENTS} == {
        "unknown value": 2,
        "gap": 2,
        "doubled": 2,
        "reset": 2,
        "a label that comes": 3,
        "a label that goes": 3,
        "a second label that joins in an outage": 2,
        "empty window": 3,
        "a nanosecond behind an edge": 3,
        "expires on an edge": 2,
    }
    assert counted["function count"] == counted["by one of two labels"] == 3
    assert counted["function rate"] == counted["window RollingWindow"] == 0
