"""What a calendar can say of schedules comes back from it as it was."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

pytest.importorskip("icalendar", reason="what writes calendars is not installed")

from hypothesis import given, settings
from hypothesis import strategies as st

from wsla.analysis.check import check_text
from wsla.analysis.checked import CheckedAgreement
from wsla.diagnostics.source import SourceText
from wsla.interop.formats import FORMATS, exporter, import_text
from wsla.values.instants import DAY
from wsla.values.schedules import intervals

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ZONES = ("Europe/Berlin", "America/New_York", "UTC", "Asia/Kolkata", "Australia/Lord_Howe")
START = date(2026, 1, 1)

dates = st.integers(-20, 800).map(lambda number: START + timedelta(days=number))
ranges = st.builds(
    lambda first, length: f"{first} until {first + timedelta(days=length)}" if length else f"{first}",
    dates,
    st.integers(0, 40),
)
weekdays = st.lists(st.sampled_from(DAYS), min_size=1, max_size=4, unique=True).map(", ".join)
clocks = st.integers(0, 95).map(lambda number: f"{number // 4:02}:{number % 4 * 15:02}")
clock_ranges = (
    st.tuples(clocks, clocks | st.just("24:00")).filter(lambda both: both[0] != both[1]).map("-".join)
)
included = weekdays | st.just("every day") | st.lists(ranges, min_size=1, max_size=2).map(", ".join)
excluded = st.lists(ranges | st.sampled_from(DAYS), max_size=3).map(", ".join)


@st.composite
def hours(draw: st.DrawFn) -> str:
    clock = ", ".join(draw(st.lists(clock_ranges, max_size=2)))
    out = draw(excluded)
    return f"{draw(included)} {clock}{f' except {out}' if out else ''}"


def checked(text: str) -> CheckedAgreement:
    agreements, problems = check_text(SourceText(name="a.sla", text=text))
    assert agreements, [one.message for one in problems]
    return agreements[0]


def with_schedules(zone: str, until: str, schedules: list[list[str]]) -> str:
    lines = [f"schedule s{n} {{ {' '.join(one)} }}" for n, one in enumerate(schedules)]
    return f'agreement "Hours" version 1 {{ effective {START}{until} in "{zone}" {chr(10).join(lines)} }}'


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.sampled_from(("", " until 2027-03-01")),
    st.lists(st.lists(hours(), min_size=1, max_size=3), min_size=1, max_size=2),
)
def test_hours_come_back_as_they_were(zone: str, until: str, schedules: list[list[str]]) -> None:
    text = with_schedules(zone, until, schedules)
    before = checked(text)
    end = before.effective_end or before.effective_start + 820 * DAY
    exported = exporter(FORMATS["icalendar"]).export_agreement(before, SourceText(name="a.sla", text=text))
    if not exported.files:
        assert not any(intervals(one, before.effective_start, end) for one in before.schedules)
        return
    _, found = import_text(SourceText(name="a.ics", text=exported.files[0].text.replace("\r\n", "\n")))
    assert found.text is not None
    assert not [one for one in found.diagnostics if one.code != "W1010"]
    after = checked(found.text)
    assert after.zone == zone
    again = {one.name: one for one in after.schedules}
    # The agreement that is made begins with the first event; what its lines say of the time before is no matter.
    begin = max(before.effective_start, after.effective_start)
    for one in before.schedules:
        made = intervals(again[one.name], begin, end) if one.name in again else ()
        assert made == intervals(one, before.effective_start, end)
