"""Percentiles that may be off by a stated error (M101, M102): the same in every engine, and kept as counts alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest

from wsla.api import loads
from wsla.engine import Engine
from wsla.evaluation.encoding import observations_from_rows
from wsla.evaluation.report import Outcome
from wsla.evaluation.stream import StreamEvaluator
from wsla.evaluation.verdicts import SeriesValue, Verdict
from wsla.plan.model import Plan
from wsla.testing.engines import ENGINES
from wsla.values.calendars import find_zone
from wsla.values.instants import HOUR, MINUTE, SECOND, parse_instant
from wsla.values.observations import Observation

TEXT = """
agreement "Shop" version 1 {
  effective 2026-03-01 in "UTC"
  party a "A" provider
  party b "B" consumer
  source probe   = push { label site  holds until next }
  source tickets = records push { key number  at closed }
  metric speed = METRIC
  goal fast: a guarantees speed LIMIT { POLICY otherwise notify b }
}
"""
MEDIAN = "median(probe.load, approximate within 1%) each 1h"
START = parse_instant("2026-03-02T00:00:00Z")


def plan_of(metric: str, limit: str = "<= 250", policy: str = "") -> Plan:
    return loads(TEXT.replace("METRIC", metric).replace("LIMIT", limit).replace("POLICY", policy)).plan


def seen(plan: Plan, rows: Sequence[dict[str, object]], source: str = "probe") -> tuple[Observation, ...]:
    rows = [{"at": f"2026-03-02T00:{n:02}:00Z", "site": "x", **row} for n, row in enumerate(rows)]
    return tuple(observations_from_rows(plan.source(source), rows, find_zone(plan.zone)))


def loads_of(plan: Plan, *values: object) -> tuple[Observation, ...]:
    """One sample a minute."""
    return seen(plan, [{"load": value} for value in values])


def outcome(plan: Plan, observations: Sequence[Observation], until: int = START + HOUR) -> Outcome:
    """What every engine says."""
    found = [engine(plan, observations, START, until) for engine in ENGINES.values()]
    assert all(one == found[0] for one in found)
    stream = StreamEvaluator(plan, START)
    for observation in observations:
        stream.observe(observation)
        stream = StreamEvaluator.restore(plan, json.loads(json.dumps(stream.snapshot())))
    assert stream.outcome(until) == found[0]
    return found[0]


def value_in(metric: str, *values: object) -> SeriesValue:
    plan = plan_of(metric)
    (point,) = outcome(plan, loads_of(plan, *values)).metrics["speed"]
    return point.value


@pytest.mark.parametrize(
    ("values", "told"),
    [
        # A single sample; one on the bound of a bucket; one just above.
        ([200], ("197.5", "198.75", 200)),
        ([250], ("247.5", "248.75", 250)),
        (["250.000001"], (250, "252.5", 255)),
        # All equal; an even number of them, of which the nearest rank is the lower middle one.
        ([300] * 7, (295, "297.5", 300)),
        ([200, 300], ("197.5", "198.75", 200)),
        ([300, 200, 700], (295, "297.5", 300)),
        # Zero has a bucket of its own, and negative numbers are mirror images.
        ([0], (0, 0, 0)),
        ([-1, 0, 1], (0, 0, 0)),
        ([-250, -250, 10], (-250, "-248.75", "-247.5")),
        # Very small and very great numbers.
        (["0.000001"], ("0.00000099", "0.000000995", "0.000001")),
        ([9 * 10**9], (89 * 10**8, 895 * 10**7, 9 * 10**9)),
    ],
)
def test_the_middle_of_the_bucket_of_the_nearest_rank(values: list[object], told: tuple[Any, ...]) -> None:
    """M102."""
    found = value_in(MEDIAN, *values)
    assert (found.lower, found.value, found.upper) == tuple(Fraction(one) for one in told)
    assert found.coverage == 1


def test_the_exact_percentile_is_within_the_error() -> None:
    values = [3, 17, 250, 999, 4, 4, 128, 77, 61, 5]
    for rank in (1, 10, 50, 90, 99, 100):
        exact = value_in(f"percentile(probe.load, {rank}) each 1h", *values).value
        found = value_in(f"percentile(probe.load, {rank}, approximate within 5%) each 1h", *values)
        assert isinstance(exact, int | Fraction)
        assert isinstance(found.value, int | Fraction)
        assert found.lower <= exact <= found.upper  # type: ignore[operator]
        assert abs(found.value - exact) < exact * Fraction(5, 100)


@pytest.mark.parametrize(
    ("limit", "policy", "expected"),
    [
        # The bucket is from 250 to 255, its middle 252.5. On the upper bound, and beyond, it is decided.
        ("<= 255", "unknown time counts as missed", Verdict.MET),
        ("< 250", "unknown time counts as met", Verdict.VIOLATED),
        # Inside the bucket the value decides, or the goal's policy.
        ("<= 253", "", Verdict.MET),
        ("<= 252", "", Verdict.VIOLATED),
        ("<= 252.5", "", Verdict.MET),
        ("< 252.5", "", Verdict.VIOLATED),
        ("<= 250", "", Verdict.VIOLATED),
        ("<= 253", "unknown time counts as missed", Verdict.VIOLATED),
        ("<= 252", "unknown time counts as met", Verdict.MET),
        ("<= 252", "unknown time is unknown", Verdict.UNKNOWN),
        (">= 253", "", Verdict.VIOLATED),
        (">= 252", "", Verdict.MET),
    ],
)
def test_a_limit_inside_the_bucket(limit: str, policy: str, expected: Verdict) -> None:
    """M102: the bounds decide where they can, else the value or the policy does (M21)."""
    plan = plan_of(MEDIAN, limit, policy)
    (judgement,) = outcome(plan, loads_of(plan, 251, 252, 600)).judgements
    assert judgement.verdict is expected
    assert (judgement.lower, judgement.value, judgement.upper) == (250, Fraction(505, 2), 255)


@pytest.mark.parametrize("value", ["249.999999", 250, "250.000001"])
def test_a_limit_of_two_digits_is_decided_as_by_the_exact_percentile(value: object) -> None:
    found = []
    for metric in (MEDIAN, MEDIAN.replace(", approximate within 1%", "")):
        plan = plan_of(metric)
        found.append(outcome(plan, loads_of(plan, value)).judgements[0].verdict)
    assert found[0] is found[1]


def test_missing_samples_leave_no_bounds() -> None:
    found = value_in(MEDIAN, 20, None, 40)
    assert (found.lower, found.value, found.upper) == (None, Fraction(1990 - 15, 100) + Fraction(1, 8), None)


def test_an_open_window_is_on_track_by_what_is_told() -> None:
    for limit, expected in (("<= 253", Verdict.ON_TRACK), ("<= 252", Verdict.AT_RISK)):
        plan = plan_of(MEDIAN, limit)
        (judgement,) = outcome(plan, loads_of(plan, 251), START + 30 * MINUTE).judgements
        assert judgement.verdict is expected
        assert (judgement.value, judgement.lower, judgement.upper) == (Fraction(505, 2), None, None)


def test_streams_are_counted_together_or_apart() -> None:
    rows = [{"load": load, "site": site} for load, site in ((100, "y"), (200, "x"), (300, "y"), (400, "x"))]
    together, apart = plan_of(MEDIAN), plan_of(f"{MEDIAN} by site")
    assert {one.value for one in outcome(together, seen(together, rows)).judgements} == {Fraction(795, 4)}
    assert {one.value for one in outcome(apart, seen(apart, rows)).judgements} == {
        Fraction(795, 4),
        Fraction(199, 2),
    }


@pytest.mark.parametrize("rows", [[251], [251, 100, 600], [0, 0]])
def test_records(rows: list[int]) -> None:
    plan = plan_of("median(tickets.size, approximate within 1%) each 1h")
    observations = seen(
        plan,
        [{"number": str(n), "closed": "2026-03-02T00:30:00Z", "size": size} for n, size in enumerate(rows)],
        "tickets",
    )
    (point,) = outcome(plan, observations).metrics["speed"]
    lower, told, upper = (point.value.lower, point.value.value, point.value.upper)
    assert (lower, told, upper) == ((0, 0, 0) if rows == [0, 0] else (250, Fraction(505, 2), 255))


def test_windows_of_a_series() -> None:
    """The bounds of the windows are ranked, and their buckets' bounds told."""
    plan = plan_of(
        "median(each_minute, approximate within 1%) each 1h\n  metric each_minute = max(probe.load) each 20m"
    )
    found = outcome(plan, loads_of(plan, *([251] * 20), *([100] * 20), 600)).metrics["speed"]
    assert [(x.value.lower, x.value.value, x.value.upper) for x in found] == [(250, Fraction(505, 2), 255)]


def test_windows_that_look_back() -> None:
    plan = plan_of("median(probe.load, approximate within 1%) over last 3m every 1m")
    found = outcome(plan, loads_of(plan, 100, 200, 300, 400, 500, 0, 0, 0, 0)).metrics["speed"]
    told = [point.value.value for point in found]
    middle = {
        100: Fraction(199, 2),
        200: Fraction(795, 4),
        300: Fraction(595, 2),
        400: Fraction(795, 2),
        0: 0,
    }
    assert told[:9] == [middle[x] for x in (100, 100, 200, 300, 400, 400, 0, 0, 0)]


# --- memory


@pytest.mark.parametrize("window", ["each day", "over last 1h every 30m"])
def test_a_monitor_keeps_counts_and_no_samples(window: str) -> None:
    """M101: however many samples there are, there are no more counts than buckets."""
    text = f"percentile(probe.load, 99, approximate within 1%) {window}"
    sizes: list[int] = []
    for metric in (text, text.replace(", approximate within 1%", "")):
        engine = Engine(plan_of(metric), START)
        for number in range(6000):
            load = 100 + (number * 7919) % 9901
            at = START + number * SECOND // 4
            fields = {"site": "x", "load": load * 10**9}
            engine.observe_at_once(Observation(source="probe", at=at, fields=fields))
        engine.advance(at + 1)
        snapshot: Any = engine.snapshot()
        ((_, _, run),) = snapshot["evaluator"]["machine"]["runs"]
        sizes.append(len(json.dumps(run)))
        if metric == text:
            _, _, _, gathered, panes, _ = run
            (counted,) = [gathered[0]] if panes is None else [pane[1] for pane in panes]
            # From 100 to 10,000 are two powers of ten: 100 itself, and twice 163 buckets above it.
            assert 300 < len(counted[::2]) <= 327
            assert sum(counted[1::2]) == 6000
    assert sizes[0] < 5000
    assert sizes[1] > 25_000
