"""Functions over windows, at their boundaries: streaks (M56), rounding (M57), the window before (M58)."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

import wsla
from wsla.evaluation.verdicts import SeriesValue

BERLIN = ZoneInfo("Europe/Berlin")
SECOND = 1_000_000_000
HOUR = 3600 * SECOND
START = datetime(2026, 1, 1, tzinfo=BERLIN)

TEXT = """\
agreement "Series" version 1 {{
  effective 2026-01-01 in "Europe/Berlin"
  party acme "Acme" provider
  party globex "Globex" consumer

  source probe = push {{ holds until next  ok ok  load load }}
  schedule weekdays {{ Monday-Friday }}

  {body}
}}
"""


def agreement(body: str) -> wsla.Agreement:
    return wsla.loads(TEXT.format(body=body))


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def probes(text: wsla.Agreement, rows: list[tuple[float, dict[str, object]]]) -> list[wsla.Observation]:
    return [wsla.Observation(source="probe", at=text.instant(day(at)), fields=fields) for at, fields in rows]


def series(
    text: wsla.Agreement, rows: list[wsla.Observation], until: float, name: str = "m"
) -> list[SeriesValue]:
    return [point.value for point in wsla.evaluate(text, rows, start=START, until=day(until)).metrics[name]]


def lost(text: wsla.Agreement, hours: list[int]) -> list[wsla.Observation]:
    """The probe is down for so many hours of each day, and known all the time."""
    rows: list[tuple[float, dict[str, object]]] = []
    for number, count in enumerate(hours):
        rows.append((number, {"ok": count == 0, "load": None}))
        if 0 < count < 24:
            rows.append((number + count / 24, {"ok": True, "load": None}))
    return probes(text, rows)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([True, True, False], 0),
        ([False, True, True], 2),
        ([True, True, True], 3),
        ([True, False, None], 0),
        ([False, True, None, True], 2),
        ([None], None),
        ([], None),
    ],
)
def test_a_streak_is_the_true_items_at_the_end(seen: list[bool | None], expected: int | None) -> None:
    """M56: what is unknown is passed over; nothing known, nothing said."""
    text = agreement("metric m = streak(probe.ok) each day")
    rows: list[tuple[float, dict[str, object]]] = [
        (0.1 + n / 10, {"ok": ok, "load": None}) for n, ok in enumerate(seen)
    ]
    assert series(text, probes(text, rows), 1)[0].value == expected


def test_a_streak_begins_anew_in_every_window_and_counts_windows_too() -> None:
    """M56 over a series: three good days in a row at the end of the week."""
    text = agreement(
        "metric daily = downtime(probe.ok) each day\n metric m = streak(daily <= 1h) over last 3 days"
    )
    values = [value.value for value in series(text, lost(text, [0, 2, 1, 0, 1, 5, 0]), 7)]
    assert values == [1, 0, 1, 2, 3, 0, 1]


@pytest.mark.parametrize(
    ("written", "load", "expected"),
    [
        ("round(max(probe.load), 1)", "0.25", Fraction(2, 10)),
        ("round(max(probe.load), 1)", "0.35", Fraction(4, 10)),
        ("round(max(probe.load), 1)", "0.250001", Fraction(3, 10)),
        ("round(max(probe.load), 0)", "2.5", Fraction(2)),
        ("round(max(probe.load), 0)", "-2.5", Fraction(-2)),
        ("round(max(probe.load), 0)", "-3.5", Fraction(-4)),
        ("max(round(probe.load, 0))", "3.5", Fraction(4)),
        ("round(max(probe.load), 6)", "0.123457", Fraction("0.123457")),
    ],
)
def test_rounding_is_half_to_even(written: str, load: str, expected: Fraction) -> None:
    """M57, of series and of signals."""
    text = agreement(f"metric m = {written} each day")
    rows = probes(text, [(0, {"ok": True, "load": int(Fraction(load) * 10**6)})])
    found = series(text, rows, 1)[0]
    assert (found.value, found.lower, found.upper) == (expected, expected, expected)


def test_a_share_is_rounded_as_a_fraction_with_its_bounds() -> None:
    """M57: 23/24 is 0.9583; where an hour is unknown, the bounds are rounded too."""
    text = agreement("metric m = round(availability(probe.ok), 4) each day")
    (found,) = series(text, probes(text, [(1 / 24, {"ok": True, "load": None})]), 1)
    assert (found.value, found.lower, found.upper) == (1, Fraction(9583, 10_000), 1)


def test_times_are_rounded_in_seconds() -> None:
    """M57: a minute and a half second to whole seconds is a minute."""
    text = agreement("metric m = round(downtime(probe.ok), 0) each day")
    rows = probes(text, [(0, {"ok": False, "load": None})])
    rows += [
        wsla.Observation(
            source="probe", at=text.instant(START) + 60 * SECOND + SECOND // 2, fields={"ok": True}
        )
    ]
    assert series(text, rows, 1)[0].value == 60 * SECOND


def test_a_promise_may_be_rounded() -> None:
    """M57: 99.99% of the day, rounded to two places of the share, keeps a promise of 100%."""
    text = agreement("goal g: acme guarantees round(availability(probe.ok), 2) each day >= 100%")
    rows = probes(text, [(0, {"ok": False, "load": None}), (0.001, {"ok": True, "load": None})])
    assert [one.verdict.value for one in wsla.evaluate(text, rows, start=START, until=day(1)).judgements] == [
        "met"
    ]


def test_the_window_before() -> None:
    """M58: unknown in the first, then what each window was at its end; an open window has one before it too."""
    text = agreement("metric daily = downtime(probe.ok) each day\n metric m = previous(daily)")
    found = series(text, lost(text, [3, 0, 5, 1]), 3.5)
    assert [one.value for one in found] == [None, 3 * HOUR, 0, 5 * HOUR]
    assert (found[0].lower, found[0].upper, found[0].coverage) == (None, None, 0)
    assert (found[1].lower, found[1].upper, found[1].coverage) == (3 * HOUR, 3 * HOUR, 1)


def test_the_window_before_is_the_latest_that_exists() -> None:
    """M58 and M11: before Monday 5 January comes Friday 2 January, since nothing is kept of the days between."""
    text = agreement(
        "metric daily = downtime(probe.ok) each day during weekdays\n metric m = previous(daily)"
    )
    found = series(text, lost(text, [1, 2, 3, 4, 5, 6]), 6)
    assert [one.value for one in found] == [None, 1 * HOUR, 2 * HOUR, 5 * HOUR]


def test_a_goal_may_be_missed_by_being_worse_than_before() -> None:
    """M58 in a goal: worse than the day before, where that is known."""
    text = agreement(
        "metric daily = downtime(probe.ok) each day\n"
        "goal better: acme guarantees daily <= previous(daily) { otherwise notify globex }"
    )
    found = wsla.evaluate(text, lost(text, [3, 3, 4, 2]), start=START, until=day(4))
    assert [one.verdict.value for one in found.judgements] == ["unknown", "met", "violated", "met"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("metric m = round(availability(probe.ok), 10) each day", "E0342"),
        ("metric m = round(availability(probe.ok), probe.load) each day", "E0342"),
        ("metric m = round(availability(probe.ok)) each day", "E0206"),
        ("metric m = max(round(not probe.ok, 2)) each day", "E0303"),
        ("metric m = max(previous(probe.load)) each day", "E0343"),
        ("metric m = previous(availability(probe.ok), 2) each day", "E0206"),
        ("metric m = previous(availability(probe.ok) where probe.ok) each day", "E0314"),
        ("metric m = streak(probe.load + 1) each day", "E0303"),
        ("metric m = prevous(availability(probe.ok)) each day", "E0205"),
        ("metric m = count(round(probe.load, 2)) each day", None),
        ("metric m = previous(previous(availability(probe.ok))) each day", None),
    ],
)
def test_what_can_be_written(body: str, code: str | None) -> None:
    found = [one.code for one in wsla.check(TEXT.format(body=body)) if one.code.startswith("E")]
    assert found == ([] if code is None else [code])
