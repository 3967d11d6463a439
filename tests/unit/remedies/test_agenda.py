"""What is in the calendar of an agreement, by the kinds of its windows."""

from __future__ import annotations

import pytest
from attrs import evolve

from wsla.api import Agreement, loads
from wsla.remedies import agenda as module
from wsla.remedies.agenda import AgendaEntry, EntryKind, TooManyEntries, agenda
from wsla.values.instants import DAY, MINUTE, parse_instant

TEXT = """
agreement "Windows" version 1 {
  effective 2026-03-15T12:00 until 2026-12-31 in "America/New_York"
  grace 20m
  currency EUR
  party acme "Acme" provider
  party globex "Globex" consumer
  source probe = push every 5m
  source notices = records push { at announced  key id }
  metric planned = active(notices.starts, notices.ends)
  metric value = availability(probe.ok or planned) WINDOW
  goal available: acme guarantees value >= 99.9% {
    otherwise credit globex 5 EUR claimed within 2 months of window end
  }
}
"""


def agreement(window: str) -> Agreement:
    return loads(TEXT.replace("WINDOW", window))


def found(window: str, start: str, until: str, kind: EntryKind = EntryKind.WINDOW) -> list[AgendaEntry]:
    one = agreement(window)
    made = agenda(one.plan, one.instant(start), one.instant(until))
    return [entry for entry in made.entries if entry.kind is kind]


@pytest.mark.parametrize(
    ("window", "titles"),
    [
        ("each month", ["2026-03", "2026-04", "2026-05"]),
        ("each quarter", ["2026-Q1"]),
        ("each quarter starting 15th", ["2026-01-15 to 2026-04-15"]),
        ("over last 3 months", [f"the 3 months up to 2026-0{month}" for month in (3, 4, 5)]),
        ("each term", []),
        ("each 40d", ["2026-03-15 12:00 to 2026-04-24 12:00", "2026-04-24 12:00 to 2026-06-03 12:00"]),
    ],
)
def test_each_window_is_told_when_it_ends(window: str, titles: list[str]) -> None:
    shown = found(window, "2026-03-16", "2026-06-04")
    assert [one.title for one in shown] == [f"End of {title}: available" for title in titles]
    assert all(one.end - one.start == 20 * MINUTE for one in shown)


def test_the_whole_term_ends_with_it() -> None:
    (one,) = found("each term", "2026-12-01", "2027-01-01")
    assert one.start == parse_instant("2026-12-31T05:00:00Z")


def test_windows_on_ticks_of_days_are_told_and_shorter_ones_named() -> None:
    assert len(found("over last 30d every 1d", "2026-04-01", "2026-04-11")) == 10
    for window, why in (
        ("over last 30d every 1h", "available is judged every 1h"),
        ("each 5m", "available is judged every 5m"),
    ):
        one = agreement(window)
        made = agenda(one.plan, one.instant("2026-04-01"), one.instant("2026-05-01"))
        assert (made.entries, made.left_out) == ((), (why,))


def test_a_window_is_there_until_its_verdict_is_final() -> None:
    end = parse_instant("2026-05-01T04:00:00Z")
    plan = agreement("each month").plan

    def there(start: int, until: int) -> bool:
        return any(one.kind is EntryKind.WINDOW for one in agenda(plan, start, until).entries)

    assert there(end, end + 1)
    assert not there(end - DAY, end)
    assert there(end + 20 * MINUTE - 1, end + DAY)
    assert not there(end + 20 * MINUTE, end + DAY)


def test_claims_end_two_months_after_the_windows_last_day() -> None:
    shown = found("each month", "2026-05-31", "2026-07-02", EntryKind.CLAIM)
    assert [one.title for one in shown] == [
        "Last day to claim: available, 2026-03",
        "Last day to claim: available, 2026-04",
    ]
    assert shown[0].end == parse_instant("2026-06-01T04:00:00Z")


def test_windows_of_another_version_are_not_told() -> None:
    one = agreement("each month")
    plan = evolve(one.plan, judges_until=one.instant("2026-05-01"))
    made = agenda(plan, one.instant("2026-03-16"), one.instant("2026-09-01"))
    assert [entry.title for entry in made.entries if entry.kind is EntryKind.WINDOW] == [
        "End of 2026-03: available",
        "End of 2026-04: available",
    ]


def test_identities_are_the_same_whatever_time_is_asked_for() -> None:
    keys = [
        {one.key for one in found("each month", start, "2026-09-01")}
        for start in ("2026-03-16", "2026-05-15")
    ]
    assert keys[1] < keys[0]


def test_there_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ENTRIES", 4)  # three windows, and a last day to claim
    assert len(found("each month", "2026-03-16", "2026-06-02")) == 3
    with pytest.raises(TooManyEntries, match="more than 4 entries"):
        found("each month", "2026-03-16", "2026-07-02")
