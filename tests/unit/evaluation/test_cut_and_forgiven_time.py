"""Time cut by a condition, and outages too short to count: rules M50 to M53, to the nanosecond."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest

from wsla.analysis.operations import Forgiving, TimeFilter, Window
from wsla.evaluation.reference import evaluate
from wsla.evaluation.stream import StreamEvaluator
from wsla.evaluation.verdicts import Judgement, SeriesValue
from wsla.plan.model import Budget, UnknownTime
from wsla.testing.plans import BOOLEAN, NUMBER, PlanBuilder, observe
from wsla.values.calendars import ExactWindow, RollingWindow
from wsla.values.instants import HOUR, MINUTE, SECOND
from wsla.values.observations import Observation
from wsla.values.schedules import ALL_WEEK, Schedule, WeeklyHours

APRIL = 1_775_001_600 * SECOND  # 2026-04-01T00:00Z
EACH_HOUR = ExactWindow(HOUR)
UNDER_5 = Forgiving(length=5 * MINUTE, strictly=True)
UP_TO_5 = Forgiving(length=5 * MINUTE, strictly=False)
NANOSECOND = Fraction(1, MINUTE)

Moment = int | Fraction


def plan() -> PlanBuilder:
    build = PlanBuilder(start=APRIL)
    build.samples("probe", {"ok": BOOLEAN, "load": NUMBER})
    build.samples("flag", {"on": BOOLEAN})
    # Not from minute 20 to minute 30 of every hour of the first four.
    cuts = tuple(WeeklyHours(ALL_WEEK, h * HOUR + 20 * MINUTE, h * HOUR + 30 * MINUTE) for h in range(4))
    build.schedule(Schedule("pause", "UTC", cuts))
    return build


def at(minute: Moment) -> int:
    return APRIL + int(minute * MINUTE)


def states(
    changes: Mapping[Moment, bool | None], source: str = "probe", field: str = "ok"
) -> list[Observation]:
    return [observe(source, at(minute), **{field: value}) for minute, value in changes.items()]


def judged(
    build: PlanBuilder, index: int, seen: list[Observation], minutes: Moment = 60
) -> list[SeriesValue]:
    """The values of the windows as asked at a minute, by the rules; the stream has to give the same."""
    build.metrics["m"] = index
    made, until = build.build(), at(minutes)
    seen = sorted(seen, key=lambda one: one.at)
    outcome = evaluate(made, seen, APRIL, until)
    stream = StreamEvaluator(made, APRIL)
    for observation in seen:
        stream.observe(observation)
    restored = StreamEvaluator.restore(made, stream.snapshot())
    assert stream.outcome(until) == outcome
    assert restored.outcome(until) == outcome
    return [point.value for point in outcome.metrics["m"]]


def value(lower: object, middle: object, upper: object, coverage: object = 1) -> SeriesValue:
    return SeriesValue(value=middle, lower=lower, upper=upper, coverage=Fraction(coverage))  # type: ignore[arg-type]


def minutes(number: Moment) -> Fraction:
    return Fraction(number) * MINUTE


def over(
    build: PlanBuilder,
    function: str = "availability",
    *,
    where: bool = False,
    window: Window = EACH_HOUR,
    **rest: Any,
) -> int:
    argument = build.field("probe", "load" if function == "time_mean" else "ok")
    condition = build.field("flag", "on") if where else None
    return build.aggregate(function, argument, window, where=condition, **rest)


# --- M50: where


UP_AND_DOWN = {0: True, 10: False, 20: True}


def test_time_in_which_the_condition_is_false_is_not_there() -> None:
    build = plan()
    # Down for ten minutes, five of them not looked at; fifteen are cut out in all.
    seen = states(UP_AND_DOWN) + states({0: True, 15: False, 30: True}, "flag", "on")
    share = Fraction(40, 45)
    assert judged(build, over(build, where=True), seen) == [value(share, share, share)]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("availability", value(Fraction(35, 60), Fraction(35, 40), Fraction(55, 60), Fraction(40, 60))),
        ("duration", value(minutes(35), minutes(35), minutes(55), Fraction(40, 60))),
        ("longest", value(minutes(30), minutes(30), minutes(45), Fraction(40, 60))),
        ("outages", value(1, 1, None, Fraction(40, 60))),
    ],
)
def test_where_the_condition_is_unknown_so_is_the_time(function: str, expected: SeriesValue) -> None:
    build = plan()
    # Up until 10, down until 20; nothing is known of the flag until 5 and from 15 to 30.
    seen = states(UP_AND_DOWN) + states({5: True, 15: None, 30: True}, "flag", "on")
    assert judged(build, over(build, function, where=True), seen) == [expected]


def test_a_mean_is_weighted_by_the_time_that_is_left() -> None:
    build = plan()
    million = 1_000_000
    seen = [observe("probe", at(minute), load=load * million) for minute, load in ((0, 1), (30, 4))]
    seen += states({0: True, 45: False}, "flag", "on")
    assert judged(build, over(build, "time_mean", where=True), seen) == [value(2, 2, 2)]


def test_a_cut_splits_a_run() -> None:
    build = plan()
    seen = states({0: True}) + states({0: True, 20: False, 25: True}, "flag", "on")
    longest = minutes(35)
    assert judged(build, over(build, "longest", where=True), seen) == [value(longest, longest, longest)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # The service is down when the cut begins, and still when it ends: one outage.
        ({0: True, 10: False, 40: True}, 1),
        # It falls inside the cut: the outage starts where the cut ends.
        ({0: True, 22: False, 40: True}, 1),
        # It falls and recovers inside the cut: nothing was seen.
        ({0: True, 21: False, 24: True}, 0),
        # It recovers inside the cut and falls again: the recovery was not seen.
        ({0: True, 10: False, 21: True, 24: False, 40: True}, 1),
    ],
)
def test_an_outage_is_looked_for_as_if_cut_time_did_not_exist(
    changes: dict[Moment, bool | None], expected: int
) -> None:
    build = plan()
    seen = states(changes) + states({0: True, 20: False, 25: True}, "flag", "on")
    assert judged(build, over(build, "outages", where=True), seen) == [value(expected, expected, expected)]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("availability", value(0, None, 1)),
        ("duration", value(0, None, 0)),
        ("downtime", value(0, None, 0)),
        ("longest", value(0, None, 0)),
        ("outages", value(0, None, 0)),
        ("time_mean", value(None, None, None)),
    ],
)
def test_where_no_time_is_left_there_is_no_value(function: str, expected: SeriesValue) -> None:
    build = plan()
    seen = states({0: True}) + states({0: False}, "flag", "on")
    assert judged(build, over(build, function, where=True), seen) == [expected]


def test_a_window_without_time_left_is_idle() -> None:
    build = plan()
    idle = build.constant(Fraction(1, 2))
    seen = states({0: True, 70: False}) + states({0: False, 70: True}, "flag", "on")
    assert judged(build, over(build, where=True, idle=idle), seen, 120) == [
        value(Fraction(1, 2), Fraction(1, 2), Fraction(1, 2)),
        value(0, 0, 0),
    ]


def test_time_to_come_is_left_as_long_as_it_is_not_cut() -> None:
    build = plan()
    # Asked after half an hour, ten minutes of which are cut: 20 known, 30 to come.
    seen = states({0: True, 10: False}) + states({0: True, 15: False, 25: True}, "flag", "on")
    assert judged(build, over(build, where=True), seen, 30) == [
        value(Fraction(10, 50), Fraction(1, 2), Fraction(40, 50), Fraction(20, 50))
    ]


def goal_of(
    build: PlanBuilder, aggregate: int, seen: list[Observation], minutes: Moment, policy: UnknownTime
) -> Judgement:
    """The judgement of the first hour, asked at a minute."""
    target = Fraction(9, 10)
    time = build.operations[aggregate].function == "availability"  # type: ignore[union-attr]
    build.goal(
        "kept",
        build.compare(aggregate, ">=", build.constant(target, build.operations[aggregate].type)),
        EACH_HOUR,
        value=aggregate,
        unknown_time=policy,
        budget=Budget(aggregate=aggregate, target=target, time=time),
    )
    made = build.build()
    seen = sorted(seen, key=lambda one: one.at)
    outcome = evaluate(made, seen, APRIL, at(minutes))
    stream = StreamEvaluator(made, APRIL)
    for observation in seen:
        stream.observe(observation)
    assert stream.outcome(at(minutes)) == outcome
    return outcome.judgements[0]


@pytest.mark.parametrize(
    ("asked", "budget", "spent"),
    [
        # Nothing is cut yet: a tenth of sixty minutes.
        (20, 6, 10),
        # Ten minutes are cut: a tenth of fifty, of which nothing was spent meanwhile.
        (30, 5, 10),
        (60, 5, 10),
    ],
)
def test_a_budget_is_a_share_of_the_time_that_is_left(asked: int, budget: int, spent: int) -> None:
    """M51."""
    build = plan()
    seen = states({0: True, 10: False, 20: True}) + states({0: True, 20: False, 30: True}, "flag", "on")
    found = goal_of(build, over(build, where=True), seen, asked, UnknownTime.EXCLUDED)
    assert (found.budget, found.budget_left) == (minutes(budget), minutes(budget - spent))


# --- M52: forgiving


@pytest.mark.parametrize(
    ("lost", "forgiving", "forgiven"),
    [
        (5 - NANOSECOND, UNDER_5, True),
        (Fraction(5), UNDER_5, False),
        (Fraction(5), UP_TO_5, True),
        (5 + NANOSECOND, UP_TO_5, False),
    ],
)
def test_an_outage_of_exactly_the_limit(lost: Fraction, forgiving: Forgiving, forgiven: bool) -> None:
    counted = Fraction(0) if forgiven else lost
    seen = states({0: True, 10: False, 10 + lost: True})
    share = 1 - counted / 60
    for function, expected in {
        "availability": share,
        "duration": minutes(60 - counted),
        "downtime": minutes(counted),
        "outages": int(not forgiven),
    }.items():
        build = plan()
        index = over(build, function, forgiving=forgiving)
        assert judged(build, index, seen) == [value(expected, expected, expected)]


def downtimes(
    changes: dict[Moment, bool | None], asked: Moment = 60, **rest: Any
) -> list[tuple[Fraction | None, ...]]:
    """Value and bounds of the forgiving downtime of each window, in minutes."""
    build = plan()
    seen = states(changes)
    if rest.get("where"):
        seen += states({0: True, 20: False, 21: True}, "flag", "on")
    found = judged(build, over(build, "downtime", forgiving=UNDER_5, **rest), seen, asked)
    return [
        tuple(None if x is None else Fraction(x) / MINUTE for x in (one.lower, one.value, one.upper))  # type: ignore[arg-type]
        for one in found
    ]


def test_the_edge_of_a_window_cuts_an_outage() -> None:
    # Four minutes in the one, four in the other: neither is five.
    assert downtimes({0: True, 56: False, 64: True}, 120) == [(0, 0, 0), (0, 0, 0)]
    assert downtimes({0: True, 55: False, 64: True}, 120) == [(5, 5, 5), (0, 0, 0)]


def test_a_cut_of_a_schedule_splits_an_outage() -> None:
    without_pause = TimeFilter(excluding=("pause",))
    assert downtimes({0: True, 16: False, 34: True}, filter=without_pause) == [(0, 0, 0)]
    assert downtimes({0: True, 15: False, 34: True}, filter=without_pause) == [(5, 5, 5)]
    assert downtimes({0: True, 16: False, 35: True}, filter=without_pause) == [(5, 5, 5)]


def test_a_cut_by_a_condition_splits_an_outage() -> None:
    assert downtimes({0: True, 16: False, 25: True}, where=True) == [(0, 0, 0)]
    assert downtimes({0: True, 15: False, 25: True}, where=True) == [(5, 5, 5)]
    # Only that condition does: without it the nine minutes are one outage.
    assert downtimes({0: True, 16: False, 25: True}) == [(9, 9, 9)]


def test_unknown_time_ends_an_outage_but_bounds_reckon_with_one() -> None:
    # 3 down, 1 unknown, 3 down: each is short, all together would be seven.
    assert downtimes({0: True, 10: False, 13: None, 14: False, 17: True}) == [(0, 0, 7)]
    # 6 down, 1 unknown, 3 down: six count at least, ten at most.
    assert downtimes({0: True, 10: False, 16: None, 17: False, 20: True}) == [(6, 6, 10)]
    # Unknown time alone, too short to be an outage that counts; and long enough.
    assert downtimes({0: True, 10: None, 14: True}) == [(0, 0, 0)]
    assert downtimes({0: True, 10: None, 15: True}) == [(0, 0, 5)]


def test_two_outages_may_have_been_one() -> None:
    build = plan()
    seen = states({0: True, 10: False, 16: None, 17: False, 23: True, 40: False, 46: True})
    assert judged(build, over(build, "outages", forgiving=UNDER_5), seen) == [
        value(2, 3, None, Fraction(59, 60))
    ]


def test_an_outage_under_way_may_grow() -> None:
    # Three minutes so far: forgiven as yet, but all that is to come may be down.
    assert downtimes({0: True, 50: False}, 53) == [(0, 0, 10)]
    # Five: they stay.
    assert downtimes({0: True, 50: False}, 55) == [(5, 5, 10)]


def test_too_little_time_to_come_for_another_outage() -> None:
    assert downtimes({0: True, 10: False, 13: True}, 55) == [(0, 0, 5)]
    assert downtimes({0: True, 10: False, 13: True}, 55 + NANOSECOND) == [(0, 0, 0)]


@pytest.mark.parametrize("where", [False, True])
def test_unknown_time_that_would_be_forgiven_is_left_out_of_the_lower_bound(where: bool) -> None:
    # Five of ten minutes are down for good; the last one, still to come, would be forgiven, or may be cut.
    build = plan()
    ten = ExactWindow(10 * MINUTE)
    seen = states({0: False, 5: True}) + states({0: True}, "flag", "on")
    assert judged(build, over(build, where=where, window=ten, forgiving=UNDER_5), seen, 9) == [
        value(Fraction(4, 9), Fraction(4, 9), Fraction(1, 2), Fraction(9, 10))
    ]


@pytest.mark.parametrize(("policy", "left"), [(UnknownTime.EXCLUDED, 6), (UnknownTime.MISSED, -1)])
def test_what_is_forgiven_is_not_taken_from_a_budget(policy: UnknownTime, left: int) -> None:
    """M23, M52: three minutes down, one unknown, three down; a tenth of an hour may be."""
    build = plan()
    seen = states({0: True, 10: False, 13: None, 14: False, 17: True})
    found = goal_of(build, over(build, forgiving=UNDER_5), seen, 60, policy)
    assert (found.budget, found.budget_left) == (minutes(6), minutes(left))


def test_a_rolling_window_cuts_an_outage_at_both_edges() -> None:
    rolling = RollingWindow(20 * MINUTE, 5 * MINUTE)
    found = downtimes({0: True, 20: False, 26: True}, 45, window=rolling)
    assert [middle for _, middle, _ in found] == [0, 0, 0, 0, 5, 6, 6, 6, 0]


# --- M53: forgiving over windows


def share_of_minutes(
    build: PlanBuilder, *, where: bool = False, window: Window = EACH_HOUR, forgiving: Forgiving = UNDER_5
) -> int:
    minute = ExactWindow(MINUTE)
    good = over(build, window=minute)
    condition = build.compare(good, ">=", build.constant(Fraction(1), build.operations[good].type))
    flag = build.aggregate("duration", build.field("flag", "on"), minute) if where else None
    inside = None if flag is None else build.compare(flag, ">", build.constant(Fraction(0)))
    return build.aggregate("share", condition, window, where=inside, forgiving=forgiving)


@pytest.mark.parametrize(
    ("lost", "forgiving", "bad"), [(4, UNDER_5, 0), (5, UNDER_5, 5), (5, UP_TO_5, 0), (6, UP_TO_5, 6)]
)
def test_consecutive_bad_windows_are_one_outage(lost: int, forgiving: Forgiving, bad: int) -> None:
    build = plan()
    seen = states({0: True, 10: False, 10 + lost: True})
    share = 1 - Fraction(bad, 60)
    assert judged(build, share_of_minutes(build, forgiving=forgiving), seen) == [value(share, share, share)]


def test_an_unknown_window_ends_a_run_but_bounds_reckon_with_one() -> None:
    build = plan()
    # Three bad, one unknown, three bad: seven in a row at worst.
    seen = states({0: True, 10: False, 13: None, 14: False, 17: True})
    assert judged(build, share_of_minutes(build), seen) == [
        value(Fraction(53, 60), Fraction(1), Fraction(1), Fraction(59, 60))
    ]


def test_a_window_that_is_not_looked_at_ends_a_run() -> None:
    build = plan()
    seen = states({0: True, 10: False, 17: True}) + states({0: True, 13: False, 14: True}, "flag", "on")
    assert judged(build, share_of_minutes(build, where=True), seen) == [value(1, 1, 1)]


def test_windows_to_come_may_lengthen_a_run() -> None:
    build = plan()
    # Bad since minute 50; asked at 53, ten in a row are possible.
    seen = states({0: True, 50: False})
    assert judged(build, share_of_minutes(build), seen, 53) == [
        value(Fraction(50, 60), Fraction(1), Fraction(1), Fraction(53, 60))
    ]
    build = plan()
    # Good at 56, four to come cannot be five in a row.
    seen = states({0: True, 50: False, 53: True})
    assert judged(build, share_of_minutes(build), seen, 56) == [
        value(Fraction(1), Fraction(1), Fraction(1), Fraction(56, 60))
    ]


def test_forgiven_windows_are_not_taken_from_a_budget() -> None:
    build = plan()
    seen = states({0: True, 10: False, 14: True, 30: False, 35: True})
    found = goal_of(build, share_of_minutes(build), seen, 60, UnknownTime.EXCLUDED)
    assert (found.budget, found.budget_left) == (6, 1)
