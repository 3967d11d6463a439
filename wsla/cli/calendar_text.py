"""The calendar of an agreement to read: a list by days, and as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence

from wsla.cli.paint import Paint
from wsla.plan.model import Plan
from wsla.remedies.agenda import Agenda, AgendaEntry, EntryKind, hours_of
from wsla.values.calendars import find_zone
from wsla.values.instants import MINUTE, Interval, format_instant, to_datetime
from wsla.values.schedules import Schedule

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_STYLES = {
    EntryKind.WINDOW: "cyan",
    EntryKind.CLAIM: "red",
    EntryKind.REPORT: "green",
    EntryKind.REVIEW: "green",
    EntryKind.NOTICE: "yellow",
}
_MOST_STRETCHES = 10_000


def agenda_lines(
    plan: Plan, entries: Sequence[AgendaEntry], schedules: Sequence[Schedule], start: int, until: int
) -> Iterator[str]:
    """The list: the hours of schedules in short, then what comes, a day once."""
    paint = Paint(sys.stdout)
    zone = find_zone(plan.zone)
    first, last = (f"{to_datetime(at, zone):%Y-%m-%d}" for at in (start, until - 1))
    yield paint.text(f"{plan.title}, version {plan.version}: {first} to {last} ({plan.zone})", bold=True)
    if schedules:
        yield ""
        wide = max(len(one.name) for one in schedules)
        for one in schedules:
            stretches = hours_of(plan, one, start, until)
            yield f"{paint.text('hours', 'blue')}  {one.name:<{wide}}  {_in_short(stretches, plan)}"
    day = ""
    for entry in entries:
        begins = to_datetime(max(entry.start, start), zone)
        today = f"{begins:%Y-%m-%d} {_DAYS[begins.weekday()]}"
        if today != day:
            yield ""
            yield paint.text(today, bold=True)
            day = today
        kind = paint.text(f"{entry.kind.value:<6}", _STYLES.get(entry.kind))
        yield f"  {begins:%H:%M}  {kind}  {entry.title}{_until(entry, plan)}"
    if not entries:
        yield ""
        yield "nothing else in this time"


def _in_short(stretches: Sequence[Interval], plan: Plan) -> str:
    if not stretches:
        return "no time"
    zone = find_zone(plan.zone)
    start, end = (to_datetime(at, zone) for at in (stretches[0].start, stretches[0].end))
    to = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
    minutes = sum(one.length for one in stretches) // MINUTE
    whole = f"{minutes // 60:,}h" + (f" {minutes % 60}m" if minutes % 60 else "")
    times = "once" if len(stretches) == 1 else f"{len(stretches):,} times"
    return f"{whole}, {times}, first {start:%Y-%m-%d %H:%M} to {to}"


def _until(entry: AgendaEntry, plan: Plan) -> str:
    if entry.end == entry.start:
        return ""
    zone = find_zone(plan.zone)
    start, end = to_datetime(entry.start, zone), to_datetime(entry.end, zone)
    shown = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
    match entry.kind:
        case EntryKind.WINDOW:
            return f" (final at {shown})"
        case EntryKind.CLAIM:
            return f" (before {shown})"
        case _:
            return f" (to {shown})"


def agenda_json(plan: Plan, found: Agenda, schedules: Sequence[Schedule], start: int, until: int) -> str:
    """The same for programs; of a schedule up to some thousand stretches."""
    zone = find_zone(plan.zone)

    def shown(instant: int) -> str:
        return format_instant(instant, zone)

    value = {
        "agreement": plan.title,
        "version": plan.version,
        "zone": plan.zone,
        "start": shown(start),
        "end": shown(until),
        "entries": [
            {
                "kind": one.kind.value,
                "start": shown(one.start),
                "end": shown(one.end),
                "title": one.title,
                "text": one.text,
            }
            for one in found.entries
        ],
        "hours": [
            {
                "schedule": one.name,
                "stretches": [
                    {"start": shown(stretch.start), "end": shown(stretch.end)}
                    for stretch in hours_of(plan, one, start, until)[:_MOST_STRETCHES]
                ],
            }
            for one in schedules
        ],
        "left_out": list(found.left_out),
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
