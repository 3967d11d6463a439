"""The hours that are made of events are those at which the events take place, one occurrence after the other."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

pytest.importorskip("icalendar", reason="what reads calendars is not installed")

from attrs import frozen
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from wsla.analysis.check import check_text
from wsla.diagnostics.source import SourceText
from wsla.interop.formats import import_text
from wsla.values.calendars import find_zone
from wsla.values.instants import Interval, from_local
from wsla.values.intervals import Intervals, clip, normalise
from wsla.values.schedules import intervals

ZONES = ("Europe/Berlin", "America/New_York", "UTC", "Asia/Kolkata")
START = datetime(2026, 3, 2)
FORM = "%Y%m%dT%H%M%S"


@frozen
class Made:
    """An event by its properties."""

    start: datetime
    lasts: timedelta
    rule: str
    left_out: tuple[int, ...]

    def text(self, number: int, zone: str) -> str:
        where = ":" if zone == "UTC" else f";TZID={zone}:"
        end = "Z" if zone == "UTC" else ""
        lines = [
            "BEGIN:VEVENT",
            f"UID:{number}",
            f"DTSTART{where}{self.start:{FORM}}{end}",
            f"DTEND{where}{self.start + self.lasts:{FORM}}{end}",
            f"RRULE:{self.rule}",
            *[f"EXDATE{where}{self.starts[one % len(self.starts)]:{FORM}}{end}" for one in self.left_out],
            "SUMMARY:hours",
            "END:VEVENT",
        ]
        return "\n".join(lines)

    @property
    def starts(self) -> list[datetime]:
        found = rrulestr(self.rule, dtstart=self.start)
        return list(found.between(START - timedelta(days=1), START + timedelta(days=500), inc=True))


days = st.lists(
    st.sampled_from(("MO", "TU", "WE", "TH", "FR", "SA", "SU")), min_size=1, max_size=3, unique=True
)
weekly = days.map(lambda some: f"FREQ=WEEKLY;BYDAY={','.join(some)}")
monthly = st.sampled_from(
    (
        "FREQ=MONTHLY;BYDAY=1SU",
        "FREQ=MONTHLY;BYDAY=-1FR",
        "FREQ=MONTHLY;BYMONTHDAY=31",
        "FREQ=WEEKLY;INTERVAL=2",
        "FREQ=YEARLY;BYMONTH=7;BYDAY=2MO",
    )
)
rules = st.builds(
    lambda rule, end: f"{rule}{end}",
    weekly | st.just("FREQ=DAILY") | monthly,
    st.sampled_from(("", ";COUNT=3", ";COUNT=30")),
)


@st.composite
def events(draw: st.DrawFn) -> Made:
    start = START + timedelta(days=draw(st.integers(0, 40)), minutes=30 * draw(st.integers(0, 47)))
    rule = draw(rules)
    first = next(iter(rrulestr(rule, dtstart=start)), start)
    lasts = timedelta(minutes=30 * draw(st.integers(1, 48) | st.integers(49, 200)))
    return Made(first, lasts, rule, tuple(draw(st.lists(st.integers(0, 50), max_size=2))))


def taking_place(made: list[Made], zone: str, stretch: Interval) -> Intervals:
    found = []
    for one in made:
        gone = {one.starts[number % len(one.starts)] for number in one.left_out}
        for start in one.starts:
            bounds = [from_local(at, find_zone(zone)) for at in (start, start + one.lasts)]
            if start not in gone and bounds[0] < bounds[1]:
                found.append(Interval(*bounds))
    return clip(normalise(found), stretch)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ZONES), st.lists(events(), min_size=1, max_size=3))
def test_hours_are_those_of_the_events(zone: str, made: list[Made]) -> None:
    text = "\n".join(
        ["BEGIN:VCALENDAR", *(one.text(n, zone) for n, one in enumerate(made)), "END:VCALENDAR", ""]
    )
    _, found = import_text(SourceText(name="a.ics", text=text))
    assert found.text is not None
    assert {one.code for one in found.diagnostics} <= {"W1407", "W1406"}
    (agreement,), _ = check_text(SourceText(name="a.sla", text=found.text))
    until = from_local(START + timedelta(days=490), find_zone(zone))
    stretch = Interval(agreement.effective_start, until)
    schedules = agreement.schedules
    hours = intervals(schedules[0], stretch.start, stretch.end) if schedules else ()
    assert hours == taking_place(made, zone, stretch)
