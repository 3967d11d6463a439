"""Bugs of the kind people make, planted in one engine at a time: the comparison of engines must see each of them.

Every bug replaces a function in memory. What engines say without it is asked for first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache, partial
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve, frozen

from wsla.analysis.operations import Value
from wsla.evaluation.reference import aggregates, bounds, looking, windows
from wsla.evaluation.report import Outcome
from wsla.evaluation.stream import frames, series
from wsla.evaluation.stream.collectors import Share
from wsla.evaluation.stream.over_samples import CounterMember
from wsla.evaluation.stream.records import RecordTable
from wsla.evaluation.verdicts import Verdict
from wsla.plan.model import Plan
from wsla.testing.boundaries import boundary_cases
from wsla.testing.engines import ENGINES
from wsla.testing.plans import BOOLEAN, INSTANT, NUMBER, PlanBuilder
from wsla.testing.statistics import drawn
from wsla.testing.strategies import Case, observations
from wsla.values.calendars import (
    CalendarUnit,
    CalendarWindow,
    OverlappingWindow,
    window_containing,
    windows_overlapping,
)
from wsla.values.instants import DAY, HOUR, SECOND, Interval
from wsla.values.intervals import Intervals

ENOUGH = 60
"""Generated cases of which at least one must show a bug."""

START = 1_774_569_600 * SECOND
"""27 March 2026, 00:00 UTC: two days before Berlin's clocks go forward."""

BERLIN = CalendarWindow(CalendarUnit.DAY, zone="Europe/Berlin")


def plan() -> Plan:
    """Something of every family, in local days; what is drawn are the observations."""
    build = PlanBuilder(start=START)
    fields = {"ok": BOOLEAN, "load": NUMBER}
    build.samples("probe", fields, staleness=3 * HOUR, every=HOUR)
    build.records("events", {"size": NUMBER, "good": BOOLEAN}, every=HOUR)
    # A record may be known before the instant at which it counts: only so one lies on the edge of a window.
    build.records("tickets", {"opened": INSTANT}, at="opened", every=HOUR)
    ok, load = build.field("probe", "ok"), build.field("probe", "load")
    good = build.field("events", "good")
    build.metrics["increase"] = build.aggregate("increase", load, BERLIN, source="probe")
    build.metrics["samples"] = build.aggregate("share", ok, BERLIN, source="probe")
    build.metrics["events"] = build.aggregate("count", None, BERLIN, source="events")
    build.metrics["tickets"] = build.aggregate("count", None, BERLIN, source="tickets")
    build.metrics["good"] = build.aggregate("share", good, BERLIN, source="events")
    build.available("up", ok, Fraction(9, 10), BERLIN)
    return build.build()


@cache
def generated() -> list[Case]:
    small, until = plan(), START + 4 * DAY
    seen = drawn(observations(small, START, until), ENOUGH)
    return [Case(plan=small, observations=one, start=START, until=until) for one in seen]


@cache
def expected(number: int) -> Outcome:
    """What the streaming evaluator and, as other tests show, the reference say of a generated case."""
    case = generated()[number]
    return ENGINES["stream"](case.plan, case.observations, case.start, case.until)


def disagreements(engine: str) -> Iterator[int]:
    """The generated cases in which an engine does not say what is expected."""
    for number, case in enumerate(generated()):
        if ENGINES[engine](case.plan, case.observations, case.start, case.until) != expected(number):
            yield number


def misjudged_nanoseconds(engine: str) -> Iterator[Case]:
    """Cases on the boundary in which an engine's verdict is wrong, as `test_a_nanosecond_decides` asks."""
    for case, operator, beside in drawn(boundary_cases(), 100):
        met = beside < 0 or (beside == 0 and operator == ">=")
        [judgement] = ENGINES[engine](case.plan, case.observations, case.start, case.until).judgements
        if judgement.verdict is not (Verdict.MET if met else Verdict.VIOLATED):
            yield case


# The bugs


def closed_contains(kept: Intervals, at: int) -> bool:
    return any(stretch.start <= at <= stretch.end for stretch in kept)


_between = RecordTable.between


def closed_between(table: RecordTable, start: int, end: int) -> Iterator[Any]:
    return _between(table, start, end + 1)


def float_compare(symbol: str, left: Value, right: Value) -> bool | None:
    if left is None or right is None or isinstance(left, bool | str):
        return _compare(symbol, left, right)
    return _compare(symbol, float(left), float(right))  # type: ignore[arg-type]


_compare = bounds.compare
FLOAT_COMPARISONS = {sign: partial(float_compare, sign) for sign in ("<=", "<", ">=", ">", "==", "!=")}
_apply = aggregates.apply


def apply_halves(function: str, parameter: Fraction | None, values: Any) -> Any:
    """A share as the mean of the shares of two halves."""
    half = len(values) // 2
    if function != "share" or not half:
        return _apply(function, parameter, values)
    first, second = (_apply(function, parameter, part) for part in (values[:half], values[half:]))
    return (first + second) / 2


_share_add = Share.add
_ratios: dict[int, list[Fraction]] = {}


def add_ratio(share: Share, value: Any) -> None:
    """A share as the mean of what it was after every item."""
    _share_add(share, value)
    if share.number <= 1:
        _ratios[id(share)] = []
    if share.number:
        _ratios.setdefault(id(share), []).append(Fraction(share.true, share.number))


_share_result = Share.result


def mean_of_ratios(share: Share, side: int = -1) -> Any:
    ratios = _ratios.get(id(share), [])
    if not share.number or share.unbounded or not ratios:
        return _share_result(share, side)
    return sum(ratios, Fraction(0)) / len(ratios)


def steps_without_reset(values: Any) -> list[Fraction]:
    return [max(new - old, Fraction(0)) for old, new in pairwise(values)]


_take = CounterMember.take


def take_without_reset(member: CounterMember, at: int) -> None:
    value: Any = member.gauge.value
    if value is not None and member.before is not None and value < member.before:
        # The step of a counter that began anew is dropped.
        member.before = value
    _take(member, at)


def in_utc(window: Any) -> Any:
    match window:
        case OverlappingWindow():
            return evolve(window, period=in_utc(window.period))
        case CalendarWindow():
            return evolve(window, zone="UTC")
        case _:
            return window


def overlapping_in_utc(window: Any, start: int, end: int) -> Any:
    return windows_overlapping(in_utc(window), start, end)


def containing_in_utc(window: Any, at: int) -> Interval:
    return window_containing(in_utc(window), at)


@frozen
class Bug:
    """A function put in the place of another, named by where it is looked up."""

    engine: str
    where: Any
    name: str
    planted: Any
    also: tuple[tuple[Any, str, Any], ...] = ()
    shown_by: Callable[[str], Iterator[object]] = disagreements

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        for where, name, planted in ((self.where, self.name, self.planted), *self.also):
            patch.setattr(where, name, planted)


BUGS = {
    "a closed interval, reference": Bug("reference", looking, "contains", closed_contains),
    "a closed interval, stream": Bug("stream", RecordTable, "between", closed_between),
    "a float comparison, reference": Bug(
        "reference", bounds, "compare", float_compare, shown_by=misjudged_nanoseconds
    ),
    "a float comparison, stream": Bug(
        "stream", series, "COMPARISONS", FLOAT_COMPARISONS, shown_by=misjudged_nanoseconds
    ),
    "a sum of ratios, reference": Bug("reference", aggregates, "apply", apply_halves),
    "a sum of ratios, stream": Bug(
        "stream", Share, "add", add_ratio, also=((Share, "result", mean_of_ratios),)
    ),
    "a missed reset, reference": Bug("reference", looking, "steps", steps_without_reset),
    "a missed reset, stream": Bug("stream", CounterMember, "take", take_without_reset),
    "a wrong zone, reference": Bug("reference", windows, "windows_overlapping", overlapping_in_utc),
    "a wrong zone, stream": Bug("stream", frames, "window_containing", containing_in_utc),
}


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_a_planted_bug_is_seen(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(len(generated())):
        expected(number)
    bug.plant(monkeypatch)
    shown = next(bug.shown_by(bug.engine), None)
    assert shown is not None, "no generated case shows it"


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_is_seen_where_nothing_is_planted(engine: str) -> None:
    assert not list(misjudged_nanoseconds(engine))
    assert not [
        number
        for number, case in enumerate(generated()[:40])
        if ENGINES[engine](case.plan, case.observations, case.start, case.until) != expected(number)
    ]
