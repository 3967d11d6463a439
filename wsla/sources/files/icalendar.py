"""Announced times in a calendar: a row for each occurrence of an event, and for each version of it in the file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from attrs import evolve, frozen

from wsla.analysis.checked import Field
from wsla.diagnostics.diagnostic import Severity
from wsla.diagnostics.source import SourceText
from wsla.evaluation.encoding import DataError, History
from wsla.ical.events import Calendar, Event, read_calendar
from wsla.ical.occurrences import Expansion, TooMany, once
from wsla.sources.files.table import Meter, Request, lay_out, matches
from wsla.values.instants import format_instant, to_datetime

LARGEST_FILE: Final = 16 * 1024 * 1024
"""How many bytes a calendar may have."""
YEARS: Final = 10
"""For so many years after the newest time in a calendar a rule without end is followed."""
COLUMNS: Final = (
    "uid",
    "announced",
    "starts",
    "ends",
    "cause",
    "summary",
    "description",
    "location",
    "status",
    "sequence",
)
"""The columns of a calendar."""
OTHER_NAMES: Final = {
    **dict.fromkeys(("key", "number", "id", "notice"), "uid"),
    **dict.fromkeys(
        ("at", "announced_at", "entered", "entered_at", "created", "updated", "dtstamp"), "announced"
    ),
    **dict.fromkeys(("start", "starts_at", "begin", "begins", "from", "dtstart"), "starts"),
    **dict.fromkeys(("end", "ends_at", "until", "to", "dtend"), "ends"),
    **dict.fromkeys(("category", "categories", "kind", "type", "reason"), "cause"),
    **dict.fromkeys(("title", "subject", "name", "text"), "summary"),
}
"""What agreements call these columns, too."""


@frozen(kw_only=True)
class _Row:
    """What one version says of one occurrence: cells in the order of ``COLUMNS``, and the line of its event."""

    line: int
    cells: tuple[object, ...]


def read_icalendar(wanted: Request, size: int) -> History:
    """The announced times in a calendar. Raises DataError where it is none, or the source has samples."""
    if not wanted.source.records:
        raise DataError(f"{wanted.shown} is a calendar, which holds records: `source x = records csv …`")
    if size > LARGEST_FILE:
        raise DataError(f"{wanted.shown} is larger than {LARGEST_FILE // 1024 // 1024} MiB")
    with open(wanted.path, "rb") as file:
        content = file.read(LARGEST_FILE)
    meter = Meter(wanted.progress, size)
    history = read_events(wanted, content)
    meter.finish()
    return history


def read_events(wanted: Request, content: bytes) -> History:
    """The announced times in the bytes of a calendar. Raises DataError where it is none."""
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise DataError(f"{wanted.shown} is not written in UTF-8") from None
    source = SourceText(name=wanted.path, text=text)
    try:
        calendar = read_calendar(source)
    except ModuleNotFoundError:
        raise DataError("what reads calendars is not installed: pip install 'wsla[calendar]'") from None
    wrong = [one for one in calendar.diagnostics if one.severity is Severity.ERROR]
    if not calendar.events and wrong:
        line, column = wrong[0].position
        raise DataError(f"{wanted.shown}, line {line}, column {column}: {wrong[0].message}")
    wanted = evolve(wanted, fields=tuple(map(_named, wanted.fields)))
    layout = lay_out(wanted, COLUMNS)
    positions = [COLUMNS.index(name) for name in layout.columns]
    filters = [(COLUMNS.index(name), value) for name, value in layout.filters]
    collector = wanted.collector(layout.fields)
    for one in wrong:
        collector.reject(one.position[0], one.message)
    if not calendar.stated:
        # Local times of nobody knows where: the agreement's zone, where its source says so, else no time at all.
        if wanted.zone is not None:
            calendar = evolve(calendar, zone=wanted.zone.key)
        else:
            for event in calendar.events:
                if event.start.zone is None:
                    line = source.position(event.span.start)[0]
                    collector.reject(
                        line, "its times have no zone, and the calendar names none (X-WR-TIMEZONE)"
                    )
            known = tuple(one for one in calendar.events if one.start.zone is not None)
            calendar = evolve(calendar, events=known)
    try:
        for row in _rows(calendar, source):
            if all(matches(row.cells[position], value) for position, value in filters):
                collector.add(row.line, [row.cells[position] for position in positions])
            else:
                collector.filtered += 1
    except TooMany as problem:
        raise DataError(f"{wanted.shown}: {problem}") from None
    return collector.finish()


def announced(event: Event) -> int | None:
    """Since when what an event says has been known, as far as the calendar tells.

    An event that was never revised in a way that matters (its SEQUENCE is 0) was announced when it was CREATED; one
    that was, or is cancelled, when it was last changed: it may have been moved only then.
    """
    changed = event.modified if event.modified is not None else event.stamped
    if event.created is None:
        return changed
    if changed is None or (event.sequence == 0 and not event.cancelled):
        return event.created
    return max(event.created, changed)


def _named(field: Field) -> Field:
    """A field with the column of a calendar that it means, by the name of its column or its own."""
    for name in (field.column, field.name):
        lower = name.casefold().replace("-", "_")
        found = lower if lower in COLUMNS else OTHER_NAMES.get(lower)
        if found is not None:
            return evolve(field, column=found)
    return field


def _rows(calendar: Calendar, source: SourceText) -> Iterator[_Row]:
    zone = calendar.zone
    expansion = Expansion(zone=zone)
    until = _until(calendar)
    changed = {
        (one.uid, one.replaced.instant(zone), announced(one))
        for one in calendar.events
        if one.replaced is not None
    }
    for event in calendar.events:
        said = announced(event)
        line = source.position(event.span.start)[0]
        if event.replaced is not None:
            starts, ends = once(event).instants(zone)
            key = f"{event.uid} {format_instant(event.replaced.instant(zone))}"
            yield _row(event, line, key, said, starts, ends)
            continue
        for one in expansion.of(event, until):
            starts, ends = one.instants(zone)
            if (event.uid, starts, said) in changed:
                continue
            key = f"{event.uid} {format_instant(starts)}" if event.is_recurring else event.uid
            yield _row(event, line, key, said, starts, ends)


def _row(event: Event, line: int, key: str, said: int | None, starts: int, ends: int) -> _Row:
    # A record without a start and an end is no announced time (rule M49).
    gone = event.cancelled
    return _Row(
        line=line,
        cells=(
            key,
            None if said is None else format_instant(said),
            None if gone else format_instant(starts),
            None if gone else format_instant(ends),
            event.categories[0] if event.categories else None,
            event.summary or None,
            event.description or None,
            event.location or None,
            event.status or "confirmed",
            str(event.sequence),
        ),
    )


def _until(calendar: Calendar) -> datetime:
    """Until when rules without end are followed, which nothing but the calendar decides."""
    years = [one.start.local.year for one in calendar.events]
    stamps = [
        at for one in calendar.events for at in (one.created, one.modified, one.stamped) if at is not None
    ]
    years += [to_datetime(max(stamps)).year] if stamps else []
    return datetime(max(years, default=2000) + YEARS, 1, 1)
