"""Streams with the same instants are reduced in one go, and come to what each of them comes to by itself."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from wsla.analysis.operations import TimeFilter
from wsla.evaluation.batch.alike import AlikeStreams, one_by_one
from wsla.evaluation.batch.columns import Column
from wsla.evaluation.batch.reduction import ColumnReduction
from wsla.evaluation.batch.supported import supports_aggregate
from wsla.evaluation.batch.values import values_of
from wsla.plan.model import Plan
from wsla.testing.plans import BOOLEAN, DURATION, NUMBER, TEXT, PlanBuilder
from wsla.values.calendars import CalendarUnit, CalendarWindow, ExactWindow, RollingWindow
from wsla.values.instants import DAY, HOUR, MINUTE, SECOND
from wsla.values.schedules import ALL_WEEK, Schedule, WeeklyHours

STACKED = ("count", "sum", "mean", "min", "max", "span", "variance", "share")
SINGLY = ("percentile", "last", "increase", "streak", "availability", "time_mean")
QUICK = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


def builder(staleness: int | None = 90 * SECOND) -> PlanBuilder:
    build = PlanBuilder(start=0)
    fields = {"ok": BOOLEAN, "elapsed": DURATION, "load": NUMBER, "state": TEXT}
    build.samples("probe", fields, staleness=staleness, labels=("name",), every=MINUTE)
    return build


def alike(at: Any, loads: Any, known: Any = None, times: int = 1) -> AlikeStreams:
    """A stream for each row of ``loads``, which has a number for each instant."""
    numbers = np.asarray(loads)
    count = len(numbers)
    return AlikeStreams(
        source="probe",
        labels=tuple((("name", f"s{number}"),) for number in range(count)),
        at=np.asarray(at, dtype=np.int64),
        fields={
            "load": Column(numbers.ravel(), None if known is None else np.asarray(known).ravel(), times),
            "ok": Column(numbers.ravel() % 3 > 0),
        },
    )


def both(
    plan: Plan, index: int, streams: AlikeStreams, until: int
) -> tuple[ColumnReduction, ColumnReduction]:
    """What the streams come to together, and one by one."""
    together, singly = (ColumnReduction(plan, [index], [], 0, until) for _ in range(2))
    together.take(streams)
    for stream in one_by_one([streams]):
        singly.take(stream)
    return together, singly


def assert_same(plan: Plan, index: int, streams: AlikeStreams, until: int) -> None:
    one, other = both(plan, index, streams, until)
    assert one.combinations(index) == other.combinations(index)
    for labels in one.combinations(index):
        assert values_of(one.series(index, labels)) == values_of(other.series(index, labels))
    if one.combinations(index):
        assert values_of(one.together(index).columns) == values_of(other.together(index).columns)


def aggregate(build: PlanBuilder, function: str, window: Any, **options: Any) -> int:
    name = "ok" if function in ("share", "availability", "streak") else "load"
    if function == "percentile":
        options["parameter"] = Fraction(9, 10)
    return build.aggregate(function, build.field("probe", name), window, **options)


@st.composite
def loads(draw: st.DrawFn) -> tuple[Any, Any]:
    steps = draw(st.lists(st.integers(1, 20), min_size=1, max_size=30))
    at = np.cumsum(steps) * MINUTE
    kind = draw(st.sampled_from([np.int8, np.uint16, np.int32, np.int64, object]))
    low, high = (0, 100) if kind is object else (int(np.iinfo(kind).min), int(np.iinfo(kind).max))
    edge = st.sampled_from([max(low, -(2**63) + 1), high, 0, 1])
    numbers = st.one_of(edge, st.integers(0, 100), st.just(2**70) if kind is object else st.just(7))
    streams = draw(st.integers(1, 4))
    found = draw(st.lists(numbers, min_size=len(at) * streams, max_size=len(at) * streams))
    return at, np.array(found, dtype=kind).reshape(streams, len(at))


@QUICK
@given(
    made=loads(),
    function=st.sampled_from(STACKED + SINGLY),
    window=st.sampled_from(
        [ExactWindow(5 * MINUTE), CalendarWindow(CalendarUnit.DAY), RollingWindow(HOUR, 10 * MINUTE)]
    ),
    until=st.integers(1, 400).map(lambda minutes: minutes * MINUTE),
    by=st.sampled_from([("name",), ()]),
    excluding=st.booleans(),
    where=st.booleans(),
)
def test_together_they_come_to_what_they_come_to_singly(
    made: Any, function: str, window: Any, until: int, by: tuple[str, ...], excluding: bool, where: bool
) -> None:
    build = builder()
    options: dict[str, Any] = {"by": by}
    if excluding:
        night = build.schedule(Schedule("night", "UTC", (WeeklyHours(ALL_WEEK, HOUR, 2 * HOUR),)))
        options["filter"] = TimeFilter(excluding=(night,))
    if where:
        options["where"] = build.compare(build.field("probe", "load"), ">", build.constant(0))
    index = aggregate(build, function, window, **options)
    plan = build.build()
    assume(supports_aggregate(plan, index))
    assert_same(plan, index, alike(*made), until)


MINUTES = np.arange(10) * MINUTE
NUMBERS = np.arange(30, dtype=np.int16).reshape(3, 10)


@pytest.fixture
def _never_singly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ColumnReduction, "reduce", lambda *_: pytest.fail("a stream was reduced by itself"))


@pytest.mark.usefixtures("_never_singly")
@pytest.mark.parametrize("function", STACKED)
def test_all_streams_are_reduced_at_once(function: str) -> None:
    build = builder()
    index = aggregate(build, function, ExactWindow(5 * MINUTE), by=("name",))
    found = ColumnReduction(build.build(), [index], [], 0, HOUR)
    found.take(alike(MINUTES, NUMBERS))
    assert len(found.combinations(index)) == 3


@pytest.mark.usefixtures("_never_singly")
def test_sums_do_not_run_over_into_the_next_stream() -> None:
    build = builder()
    index = aggregate(build, "sum", CalendarWindow(CalendarUnit.DAY), by=("name",))
    found = ColumnReduction(build.build(), [index], [], 0, DAY)
    found.take(alike(MINUTES, NUMBERS, times=10**6))
    values = [
        one.value for x in found.combinations(index) for one in values_of(found.series(index, x)).values()
    ]
    assert values == [45, 145, 245]


@pytest.mark.parametrize("function", ["sum", "count"])
def test_of_an_argument_that_is_not_always_known_each_stream_tells_when(function: str) -> None:
    build = builder()
    index = aggregate(build, function, ExactWindow(5 * MINUTE), by=("name",))
    known = np.ones((3, 10), dtype=np.bool_)
    known[1, 4] = False
    assert_same(build.build(), index, alike(MINUTES, NUMBERS, known), 10 * MINUTE)
    one, _ = both(build.build(), index, alike(MINUTES, NUMBERS, known), 10 * MINUTE)
    coverage = [
        [x.coverage for x in values_of(one.series(index, labels)).values()]
        for labels in one.combinations(index)
    ]
    assert coverage[0] == coverage[2] == [1, 1]
    assert coverage[1] == [coverage[1][0], 1]
    assert coverage[1][0] < 1


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint32, np.int32])
@pytest.mark.parametrize("function", [*STACKED, "median", "percentile", "first", "last", "mode", "rate"])
@pytest.mark.parametrize("by", [("name",), ()])
def test_short_numbers_come_to_what_long_ones_do(function: str, kind: Any, by: tuple[str, ...]) -> None:
    limits = np.iinfo(kind)
    chance = np.random.default_rng(1)
    numbers = chance.choice(np.array([limits.min, limits.max, 0, 1, 2], dtype=kind), size=(3, 200))
    build = builder()
    index = aggregate(build, function, ExactWindow(90 * MINUTE), by=by)
    plan = build.build()
    found = []
    for streams in (
        alike(np.arange(200) * MINUTE, x, times=1000) for x in (numbers, numbers.astype(np.int64))
    ):
        both_ways = both(plan, index, streams, 200 * MINUTE)
        assert_same(plan, index, streams, 200 * MINUTE)
        found.append([values_of(both_ways[0].series(index, x)) for x in both_ways[0].combinations(index)])
    assert found[0] == found[1]
    assert any(one.value is not None for series in found[0] for one in series.values())


def test_a_label_that_is_looked_at_is_that_of_each_stream() -> None:
    build = builder()
    second = build.compare(build.field("probe", "name"), "==", build.constant("s1"))
    index = build.aggregate("count", None, ExactWindow(HOUR), source="probe", where=second, by=("name",))
    found = ColumnReduction(build.build(), [index], [], 0, HOUR)
    found.take(alike(MINUTES, NUMBERS))
    values = [
        one.value for x in found.combinations(index) for one in values_of(found.series(index, x)).values()
    ]
    assert values == [0, 10, 0]


def test_what_is_later_than_asked_is_not_known() -> None:
    """Rule M5."""
    streams = alike(MINUTES, NUMBERS)
    assert streams.before(DAY) is streams
    assert len(streams.before(0).at) == 0
    some = streams.before(2 * MINUTE)
    assert some.at.tolist() == [0, MINUTE]
    assert some.fields["load"].values.tolist() == [0, 1, 10, 11, 20, 21]
