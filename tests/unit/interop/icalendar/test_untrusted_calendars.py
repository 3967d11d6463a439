"""Whatever a file holds, there is a diagnostic with its place, and never more work than the limits allow."""

from __future__ import annotations

import pytest

pytest.importorskip("icalendar", reason="what reads calendars is not installed")

from hypothesis import given, settings
from hypothesis import strategies as st

from wsla.diagnostics.source import SourceText
from wsla.ical import events, lines, occurrences
from wsla.interop.formats import FORMATS, import_text
from wsla.interop.icalendar import importing

HEAD = "BEGIN:VCALENDAR\nVERSION:2.0\n"
EVENT = (
    "BEGIN:VEVENT\nUID:a\nDTSTART;TZID=Europe/Berlin:20260105T080000\n"
    "DTEND;TZID=Europe/Berlin:20260105T180000\nRRULE:FREQ=WEEKLY\nSUMMARY:hours\nEND:VEVENT\n"
)
TAIL = "END:VCALENDAR\n"


def told(text: str) -> list[tuple[str, tuple[int, int]]]:
    _, found = import_text(SourceText(name="test.ics", text=text), FORMATS["icalendar"])
    return [(one.code, one.position) for one in found.diagnostics]


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("", "E1003", (1, 1)),
        ("hello\n", "E1003", (1, 1)),
        (HEAD + TAIL, "E1401", (1, 1)),
        (HEAD + EVENT, "E1003", (1, 1)),
        (HEAD + "END:VEVENT\n" + TAIL, "E1003", (3, 1)),
        (HEAD + "no colon\n" + EVENT + TAIL, "E1003", (3, 1)),
        (HEAD + EVENT.replace("hours", "ho\x00urs") + TAIL, "E1003", (8, 11)),
        (" folded\n" + HEAD, "E1003", (1, 1)),
        (HEAD + EVENT.replace("20260105T080000", "20260230T080000") + TAIL, "E1401", (5, 28)),
        (HEAD + EVENT.replace("20260105T080000", "2026\n 0230T080000") + TAIL, "E1401", (5, 28)),
        (HEAD + EVENT.replace("20260105T080000", "99990105T080000") + TAIL, "E1401", (5, 28)),
        (HEAD + EVENT.replace("DTSTART", "DTSTORT") + TAIL, "E1401", (3, 1)),
        (HEAD + EVENT.replace("FREQ=WEEKLY", "FREQ=SECONDLY") + TAIL, "E1404", (7, 7)),
        (HEAD + EVENT.replace("FREQ=WEEKLY", "FREQ=WEEKLY;INTERVAL=0") + TAIL, "E1401", (7, 7)),
        (HEAD + EVENT.replace("FREQ=WEEKLY", "FREQ=DAILY;BYHOUR=25") + TAIL, "E1401", (7, 7)),
        (HEAD + EVENT.replace("FREQ=WEEKLY", "FREQ=MONTHLY;BYDAY=0MO") + TAIL, "E1401", (7, 7)),
        (HEAD + EVENT.replace("FREQ=WEEKLY", "FREQ=YEARLY;RSCALE=HEBREW") + TAIL, "E1401", (7, 7)),
        (HEAD + EVENT.replace("UID:a", "UID:a\nSEQUENCE:many") + TAIL, "E1401", (5, 10)),
        (
            HEAD + EVENT.replace("DTEND;TZID=Europe/Berlin:20260105T180000", "DURATION:P9E9D") + TAIL,
            "E1401",
            (6, 10),
        ),
        (HEAD + "BEGIN:VEVENT\n" * 30, "E1004", (22, 1)),
    ],
)
def test_what_is_broken_is_told_at_its_place(text: str, code: str, place: tuple[int, int]) -> None:
    assert told(text)[0] == (code, place)


def test_a_line_that_cannot_be_read_hides_no_other() -> None:
    text = HEAD + "no colon\n" + EVENT + TAIL
    _, found = import_text(SourceText(name="test.ics", text=text))
    assert "Monday 08:00-18:00" in (found.text or "")


def test_there_are_limits_on_lines_and_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_EVENTS", 2)
    two = EVENT + EVENT.replace("UID:a", "UID:b")
    assert told(HEAD + two + TAIL) == []
    assert told(HEAD + two + EVENT.replace("UID:a", "UID:c") + TAIL) == [("E1004", (17, 1))]
    monkeypatch.setattr(lines, "MOST_LINES", 5)
    assert told(HEAD + EVENT + TAIL)[0] == ("E1004", (6, 1))


def test_there_are_limits_on_what_recurs(monkeypatch: pytest.MonkeyPatch) -> None:
    monthly = EVENT.replace("FREQ=WEEKLY", "FREQ=MONTHLY;COUNT=5")
    monkeypatch.setattr(occurrences, "MOST_OCCURRENCES", 5)
    assert told(HEAD + monthly + TAIL) == []
    monkeypatch.setattr(occurrences, "MOST_OCCURRENCES", 4)
    assert told(HEAD + monthly + TAIL) == [("E1404", (7, 1))]
    monkeypatch.setattr(occurrences, "MOST_OCCURRENCES", 5)
    monkeypatch.setattr(importing, "MOST_DATES", 4)
    assert told(HEAD + monthly + TAIL) == [("E1404", (7, 1))]


def test_a_rule_that_never_occurs_is_not_followed_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(occurrences, "MOST_STEPS", 1000)
    rule = "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;UNTIL=20290101"
    assert told(HEAD + EVENT.replace("FREQ=WEEKLY", rule) + TAIL) == [("E1404", (7, 1))]


PROPERTIES = st.sampled_from(
    [
        "DTSTART:20260105T080000Z",
        "DTSTART;VALUE=DATE:20260105",
        "DTSTART;TZID=Nowhere/Land:20260105T080000",
        "DTEND:20260105T180000Z",
        "DTEND;VALUE=DATE:20260105",
        "DURATION:-PT1H",
        "DURATION:P1W",
        "RRULE:FREQ=MONTHLY;COUNT=3",
        "RRULE:FREQ=",
        "RRULE:",
        "RDATE:",
        "RDATE;VALUE=PERIOD:20260105T080000Z/20260101T080000Z",
        "EXDATE:20260105T080000Z,",
        "EXDATE;VALUE=DATE:20260105",
        "RECURRENCE-ID:20260105T080000Z",
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20260105T080000Z",
        "STATUS:CANCELLED",
        'SUMMARY:\\,\\;\\n{}"#',
        "UID:a",
        "CREATED:now",
        "BEGIN:VALARM",
        "END:VALARM",
        "X;Y=Z",
        ":",
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(PROPERTIES, max_size=7), max_size=3), st.text(max_size=20))
def test_nothing_raises(parts: list[list[str]], junk: str) -> None:
    made = "".join(f"BEGIN:VEVENT\n{chr(10).join(one)}\nEND:VEVENT\n" for one in parts)
    for text in (HEAD + made + TAIL, HEAD + made + junk + "\n" + TAIL):
        _, found = import_text(SourceText(name="test.ics", text=text), FORMATS["icalendar"])
        assert found.text is not None or found.diagnostics
        assert not [one for one in found.diagnostics if one.source.name.endswith("as .sla")]
