"""What is claimed of an open window in which nothing known seems to be missing: the same by every engine."""

from __future__ import annotations

import pytest

pytest.importorskip("numpy", reason="what holds columns is not installed")

from wsla.api import loads
from wsla.evaluation.batch.streams import streams_of
from wsla.evaluation.encoding import observations_from_rows
from wsla.evaluation.panes import panes_of
from wsla.evaluation.panes.measures import supported
from wsla.evaluation.report import Outcome
from wsla.evaluation.verdicts import SeriesValue
from wsla.plan.model import Plan
from wsla.testing.engines import ENGINES
from wsla.testing.reductions import assert_panes_are_right
from wsla.testing.strategies import Case
from wsla.values.calendars import find_zone
from wsla.values.instants import parse_instant
from wsla.values.observations import Observation

TEXT = """
agreement "Open windows" version 1 {
  effective 2026-03-01 in "UTC"
  party a "A" provider
  party b "B" consumer
  schedule mornings { every day 00:00-12:00 }
  source probe = push { label site  holds until next }
  source gate  = push { holds until next }
  metric good    = METRIC
  goal g: a guarantees good CONDITION
}
"""
NOON_AND_LATER = parse_instant("2026-03-02T13:00:00Z")
MIDNIGHT = parse_instant("2026-03-03T00:00:00Z")


def case(metric: str, condition: str, rows: dict[str, list[dict[str, object]]], until: int) -> Case:
    plan = loads(TEXT.replace("METRIC", metric).replace("CONDITION", condition)).plan
    zone = find_zone(plan.zone)
    observations: list[Observation] = [
        one for name, found in rows.items() for one in observations_from_rows(plan.source(name), found, zone)
    ]
    start = parse_instant("2026-03-02T00:00:00Z")
    return Case(plan=plan, observations=tuple(observations), start=start, until=until)


def outcomes(of: Case) -> list[Outcome]:
    plan: Plan = of.plan
    assert_panes_are_right(of, panes_of(plan, streams_of(plan, of.observations), of.until))
    return [engine(plan, of.observations, of.start, of.until) for engine in ENGINES.values()]


def value_of(of: Case) -> SeriesValue:
    """The value of the window that is open; what every engine says, and panes where they give it."""
    first, *others = outcomes(of)
    for other in others:
        assert other == first
    return first.metrics["good"][-1].value


ONE_SITE: dict[str, list[dict[str, object]]] = {
    "probe": [{"at": "2026-03-02T00:00:00Z", "site": "x", "ok": True}]
}


@pytest.mark.parametrize(
    ("metric", "condition", "loosest"),
    [
        ("share(probe.ok) each day during mornings", ">= 99%", (0, 1)),
        ("count(probe where probe.ok) each day during mornings", "<= 5", (1, None)),
    ],
)
def test_another_stream_may_still_take_part(
    metric: str, condition: str, loosest: tuple[int, int | None]
) -> None:
    # M13: all of the morning is known of the one site that was seen, and the afternoon does not count.
    of = case(metric, condition, ONE_SITE, NOON_AND_LATER)
    assert supported(of.plan)
    still_open = value_of(of)
    assert still_open.coverage == 1
    assert (still_open.lower, still_open.upper) == loosest
    closed = value_of(case(metric, condition, ONE_SITE, MIDNIGHT))
    assert closed.lower == closed.value == closed.upper


@pytest.mark.parametrize("metric", ["share(probe.ok) each day by site during mornings"])
def test_where_each_stream_stands_alone_nothing_is_missing(metric: str) -> None:
    still_open = value_of(case(metric, ">= 99%", ONE_SITE, NOON_AND_LATER))
    assert still_open.lower == still_open.value == still_open.upper == 1


def test_what_has_passed_is_all_cut_out() -> None:
    # M16, M50: nothing so far was to be looked at, and the rest of the day may be.
    metric = "availability(gate.ok where gate.ok) each day, or 100% when idle"
    shut: dict[str, list[dict[str, object]]] = {"gate": [{"at": "2026-03-02T00:00:00Z", "ok": False}]}
    still_open = value_of(case(metric, ">= 99%", shut, NOON_AND_LATER))
    assert (still_open.lower, still_open.upper) == (None, None)
    closed = value_of(case(metric, ">= 99%", shut, MIDNIGHT))
    assert closed.lower == closed.value == closed.upper == 1
