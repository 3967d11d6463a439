"""M99: the first nanosecond at which a window is lost or secured, by hand; by the rules and by the stream."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from wsla import Agreement, Monitor, StandingChanged, loads
from wsla.evaluation.encoding import observations_from_rows
from wsla.evaluation.reference.crossing import certain_from
from wsla.evaluation.verdicts import CERTAIN, Verdict
from wsla.values.calendars import find_zone
from wsla.values.instants import HOUR, MINUTE, SECOND, parse_instant
from wsla.values.observations import Observation

TEXT = """
agreement "Instants" version 1 {{
  effective 2026-01-01 in "{zone}"
  party a "A" provider
  party b "B" consumer
  schedule mornings {{ every day 06:00-12:00 }}
  source probe = push {{ {held} }}
  goal g: a guarantees {formula}
}}
"""

Told = tuple[Verdict, int]
Row = tuple[str, dict[str, object]]


def agreement(formula: str, zone: str = "UTC", held: str = "holds until next") -> Agreement:
    return loads(TEXT.format(formula=formula, zone=zone, held=held))


def observations(of: Agreement, rows: Sequence[Row]) -> list[Observation]:
    source = of.plan.source("probe")
    made = [{"at": at, **fields} for at, fields in rows]
    return [*observations_from_rows(source, made, find_zone(of.plan.zone))]


def by_rules(of: Agreement, rows: Sequence[Row], until: str) -> list[Told]:
    seen = observations(of, rows)
    start = min(one.at for one in seen)
    return sorted(certain_from(of.plan, seen, start, parse_instant(until)).values(), key=lambda told: told[1])


def by_sleeping(of: Agreement, rows: Sequence[Row], until: str) -> list[Told]:
    """What a monitor tells whose owner sleeps until it says, or until something is observed."""
    monitor, found = Monitor(of), []
    for at, fields in [*rows, (until, None)]:
        while (due := monitor.next_change()) is not None and due <= parse_instant(at):
            found += monitor.advance(due)
        if fields is not None:
            found += monitor.observe("probe", at, **fields)
    changes = [one for one in found if isinstance(one, StandingChanged)]
    assert all(one.since in (None, one.at) for one in changes)
    return [(one.judgement.verdict, one.at) for one in changes if one.judgement.verdict in CERTAIN]


def by_looking_late(of: Agreement, rows: Sequence[Row], until: str) -> list[Told]:
    """What a monitor tells that nobody asks between the observations."""
    monitor, found = Monitor(of), []
    for at, fields in rows:
        found += monitor.observe("probe", at, **fields)
    found += monitor.advance(until)
    changes = [one for one in found if isinstance(one, StandingChanged)]
    return [(one.judgement.verdict, one.since or 0) for one in changes if one.judgement.verdict in CERTAIN]


def instant(at: str, later: int = 0) -> int:
    return parse_instant(at) + later


def assert_told(of: Agreement, rows: Sequence[Row], until: str, expected: list[Told]) -> None:
    assert by_rules(of, rows, until) == expected
    assert by_sleeping(of, rows, until) == expected
    assert by_looking_late(of, rows, until) == expected


DAILY = "availability(probe.ok) each day >= 99%"
DOWN: dict[str, object] = {"ok": False}
UP: dict[str, object] = {"ok": True}


def test_the_budget_itself_is_not_lost_and_a_nanosecond_more_is() -> None:
    rows = [("2026-03-02T00:00:00Z", UP), ("2026-03-02T10:00:00Z", DOWN)]
    lost = instant("2026-03-02T10:00:00Z", 864 * SECOND + 1)
    assert_told(agreement(DAILY), rows, "2026-03-02T20:00:00Z", [(Verdict.LOST, lost)])
    # Up again at the last instant at which nothing is lost: what is left of the day must be all good.
    saved = [*rows, ("2026-03-02T10:14:24Z", UP)]
    assert_told(agreement(DAILY), saved, "2026-03-02T23:00:00Z", [])
    again = [*saved, ("2026-03-02T11:00:00Z", DOWN)]
    lost = instant("2026-03-02T11:00:00Z", 1)
    assert_told(agreement(DAILY), again, "2026-03-02T20:00:00Z", [(Verdict.LOST, lost)])


def test_above_the_target_is_lost_with_the_budget_itself() -> None:
    rows = [("2026-03-02T00:00:00Z", DOWN)]
    lost = instant("2026-03-02T00:00:00Z", 864 * SECOND)
    of = agreement("availability(probe.ok) each day > 99%")
    assert_told(of, rows, "2026-03-02T20:00:00Z", [(Verdict.LOST, lost)])


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-03-30", 24), ("2026-10-25", 25)])
def test_a_day_is_as_long_as_the_clock_makes_it(day: str, hours: int) -> None:
    midnight = f"{day}T00:00:00+0{1 if hours == 23 else 2}:00"
    budget = hours * HOUR // 100
    lost = instant(midnight, budget + 1)
    of = agreement(DAILY, zone="Europe/Berlin")
    assert_told(of, [(midnight, DOWN)], f"{day}T12:00:00Z", [(Verdict.LOST, lost)])


def test_secured_when_what_is_left_cannot_spend_the_budget() -> None:
    rows = [("2026-03-02T00:00:00Z", UP)]
    secured = instant("2026-03-03T00:00:00Z", -864 * SECOND)
    assert_told(agreement(DAILY), rows, "2026-03-02T23:59:00Z", [(Verdict.SECURED, secured)])


def test_time_outside_the_schedule_does_not_pass() -> None:
    # Six hours count, 216 seconds may be down: two minutes of them yesterday count for nothing.
    of = agreement("availability(probe.ok) each week during mornings >= 99%")
    rows = [("2026-03-02T00:00:00Z", UP), ("2026-03-02T11:00:00Z", DOWN)]
    # 42 hours a week, 1512 seconds.
    budget = 7 * 6 * HOUR // 100
    assert_told(
        of, rows, "2026-03-02T23:00:00Z", [(Verdict.LOST, instant("2026-03-02T11:00:00Z", budget + 1))]
    )
    late = [("2026-03-02T00:00:00Z", UP), ("2026-03-02T11:50:00Z", DOWN)]
    lost = instant("2026-03-03T06:00:00Z", budget - 10 * MINUTE + 1)
    assert_told(of, late, "2026-03-03T23:00:00Z", [(Verdict.LOST, lost)])


def test_silence_is_unknown_and_makes_nothing_certain_before_the_end() -> None:
    # After five minutes nothing is known any more: unknown time neither loses nor secures, whatever the policy.
    policy = "availability(probe.ok) each day >= 99% { unknown time counts as missed }"
    for formula in (DAILY, policy):
        of = agreement(formula, held="holds 5m")
        assert_told(of, [("2026-03-02T00:00:00Z", DOWN)], "2026-03-02T23:59:59Z", [])
        # Known again for long enough, it goes on where it stopped.
        rows = [
            ("2026-03-02T00:00:00Z", DOWN),
            ("2026-03-02T01:00:00Z", DOWN),
            ("2026-03-02T02:00:00Z", DOWN),
        ]
        lost = instant("2026-03-02T02:00:00Z", 864 * SECOND - 2 * 5 * MINUTE + 1)
        assert_told(of, rows, "2026-03-02T20:00:00Z", [(Verdict.LOST, lost)])


def test_a_forgiven_outage_counts_all_at_once() -> None:
    # Of an outage of up to an hour nothing counts; past the hour all of it does.
    of = agreement("availability(probe.ok, forgiving outages up to 1h) each day >= 99%")
    rows = [("2026-03-02T00:00:00Z", UP), ("2026-03-02T05:00:00Z", DOWN)]
    assert_told(of, rows, "2026-03-02T20:00:00Z", [(Verdict.LOST, instant("2026-03-02T06:00:00Z", 1))])


def test_a_month_of_days_is_lost_with_the_day() -> None:
    of = agreement("share(availability(probe.ok) each day >= 99%) each month >= 100%")
    rows = [("2026-03-01T00:00:00Z", UP), ("2026-03-02T10:00:00Z", DOWN)]
    lost = instant("2026-03-02T10:00:00Z", 864 * SECOND + 1)
    assert_told(of, rows, "2026-03-03T12:00:00Z", [(Verdict.LOST, lost)])


def test_each_label_has_its_own_instant() -> None:
    of = agreement("availability(probe.ok) each day by site >= 99%", held="label site holds until next")
    rows = [
        ("2026-03-02T00:00:00Z", {"site": "x", "ok": False}),
        ("2026-03-02T00:10:00Z", {"site": "y", "ok": False}),
    ]
    # What was before the first observation of a site is unknown, and no part of its windows is cut for that.
    expected = [
        (Verdict.LOST, instant("2026-03-02T00:00:00Z", 864 * SECOND + 1)),
        (Verdict.LOST, instant("2026-03-02T00:10:00Z", 864 * SECOND + 1)),
    ]
    assert_told(of, rows, "2026-03-02T20:00:00Z", expected)


def test_a_count_is_passed_with_the_observation() -> None:
    of = agreement("count(probe where not probe.ok) each day <= 1")
    rows = [("2026-03-02T00:00:00Z", DOWN), ("2026-03-02T01:00:00Z", UP), ("2026-03-02T02:00:00Z", DOWN)]
    assert_told(of, rows, "2026-03-02T20:00:00Z", [(Verdict.LOST, instant("2026-03-02T02:00:00Z", 1))])


def test_nothing_is_certain_of_a_window_with_nothing_in_it() -> None:
    of = agreement(DAILY, held="holds 5m")
    rows = [("2026-03-01T23:00:00Z", UP)]
    assert by_sleeping(of, rows, "2026-03-02T20:00:00Z") == by_rules(of, rows, "2026-03-02T20:00:00Z") == []


def test_late_data_moves_the_instant_and_takes_it_back() -> None:
    of = agreement(DAILY)
    monitor = Monitor(of)
    monitor.observe("probe", "2026-03-02T10:00:00Z", **DOWN)
    changes = monitor.advance("2026-03-02T10:15:00Z")
    lost = instant("2026-03-02T10:14:24Z", 1)
    assert [one.since for one in changes if isinstance(one, StandingChanged)][-1] == lost
    # Up for a minute, as is heard afterwards: still lost, a minute later.
    monitor.advance("2026-03-02T10:16:00Z")
    monitor.observe("probe", "2026-03-02T10:09:00Z", **UP)
    changes = monitor.observe("probe", "2026-03-02T10:10:00Z", **DOWN)
    changes += monitor.advance("2026-03-02T10:17:00Z")
    told = [one for one in changes if isinstance(one, StandingChanged)]
    assert told[-1].judgement.verdict is Verdict.LOST
    assert told[-1].since == lost + MINUTE
    # Up since five past: nothing is lost.
    changes = monitor.observe("probe", "2026-03-02T10:08:00Z", **UP)
    changes += monitor.observe("probe", "2026-03-02T10:10:00.000000001Z", **UP)
    changes += monitor.advance("2026-03-02T10:17:30Z")
    told = [one for one in changes if isinstance(one, StandingChanged)]
    assert [(one.judgement.verdict, one.since) for one in told][-1] == (Verdict.AT_RISK, None)
