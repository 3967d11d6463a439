"""What happens in the observations of a case: gaps, resets, clock changes, streams that come and go …"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from wsla.analysis.operations import Active, Aggregate, Compare, Constant, OutageWindow, SourceField
from wsla.analysis.types import NumberType
from wsla.evaluation.reference.windows import windows_between
from wsla.plan.model import Field, Plan, Source
from wsla.testing.strategies import Case
from wsla.values import schedules
from wsla.values.calendars import CalendarWindow, OverlappingWindow
from wsla.values.instants import SECOND, Interval
from wsla.values.observations import Observation

EVENTS: Final = frozenset(
    {
        *("gap", "doubled", "two at one instant", "unknown value", "missing field", "nothing observed"),
        *("reset", "clock change", "empty window", "on a window's edge", "a nanosecond before an edge"),
        *(
            "a nanosecond behind an edge",
            "expires on an edge",
            "on a schedule's edge",
            "a number at its limit",
        ),
        *("before the stretch", "at the end or later", "a label that comes", "a label that goes"),
        *("a second label that joins in an outage", "new version of a record", "a record known late"),
        *("an announcement too late", "an announcement in time", "a time that ends before it begins"),
    }
)
"""What may happen in observations."""


_MANY: Final = 200
_CLOCK_CHANGES: Final = (
    # Berlin's and New York's of 2026.
    *(
        (zone, at * SECOND)
        for zone, at in (("Europe/Berlin", 1_774_746_000), ("Europe/Berlin", 1_792_890_000))
    ),
    *(
        (zone, at * SECOND)
        for zone, at in (("America/New_York", 1_772_953_200), ("America/New_York", 1_793_512_800))
    ),
)


def events(case: Case) -> set[str]:
    """The names, among ``EVENTS``, of what happens in a case."""
    found = set() if case.observations else {"nothing observed"}
    for source in case.plan.sources:
        own = [one for one in case.observations if one.source == source.name]
        found |= _of_source(case, source, own)
        found |= set(_of_records(case, source, own) if source.records else _of_samples(case, source, own))
    return found | set(_of_time(case))


def _of_source(case: Case, source: Source, own: list[Observation]) -> set[str]:
    found: set[str] = set()
    used = {x.field for x in case.plan.operations if isinstance(x, SourceField) and x.source == source.name}
    for one in own:
        if one.at < case.start:
            found.add("before the stretch")
        if one.at >= case.until:
            found.add("at the end or later")
        if any(name in one.fields and one.fields[name] is None for name in used):
            found.add("unknown value")
        if any(name not in one.fields for name in used):
            found.add("missing field")
    limits = _limits(case.plan, source)
    if any(one.fields.get(name) == limit for one in own for name, limit in limits):
        found.add("a number at its limit")
    return found


def _limits(plan: Plan, source: Source) -> list[tuple[str, int]]:
    """Fields of numbers with what they are compared with, as it would be observed."""
    found = []
    for node in plan.operations:
        if not isinstance(node, Compare):
            continue
        left, right = plan.operations[node.left], plan.operations[node.right]
        if isinstance(left, SourceField) and left.source == source.name and isinstance(right, Constant):
            kind = left.type
            if (
                isinstance(kind, NumberType)
                and right.value is not None
                and not isinstance(right.value, bool | str)
            ):
                steps = right.value / _field(source, left.field).resolution
                if steps.denominator == 1:
                    found.append((left.field, int(steps)))
    return found


def _streams(source: Source, own: list[Observation]) -> dict[tuple[object, ...], list[Observation]]:
    found: dict[tuple[object, ...], list[Observation]] = {}
    for one in own:
        found.setdefault(tuple(one.fields.get(name) for name in source.labels), []).append(one)
    return found


def _of_samples(case: Case, source: Source, own: list[Observation]) -> Iterator[str]:
    streams = _streams(source, own)
    for stream in streams.values():
        for one, other in pairwise(stream):
            if one.at == other.at:
                yield "doubled" if one.fields == other.fields else "two at one instant"
            if source.staleness is not None and other.at - one.at > source.staleness:
                yield "gap"
        yield from _resets(case, source, stream)
        if source.labels and case.start < stream[0].at < case.until:
            yield "a label that comes"
        if source.labels and source.staleness is not None and stream[-1].at + source.staleness < case.until:
            yield "a label that goes"
    if len(source.labels) > 1 and _joins_in_an_outage(list(streams.values())):
        yield "a second label that joins in an outage"


def _joins_in_an_outage(streams: list[list[Observation]]) -> bool:
    """True where a stream begins while another is known to be down."""
    for joining in streams:
        for other in streams:
            before = [one for one in other if one.at < joining[0].at]
            if other is not joining and before and before[-1].fields.get("ok") is False:
                return True
    return False


def _resets(case: Case, source: Source, stream: list[Observation]) -> Iterator[str]:
    operations = case.plan.operations
    for node in operations:
        if (
            isinstance(node, Aggregate)
            and node.function in ("increase", "rate")
            and node.source == source.name
        ):
            counter = operations[node.argument or 0]
            if isinstance(counter, SourceField):
                known = [
                    one.fields[counter.field] for one in stream if one.fields.get(counter.field) is not None
                ]
                if any(int(new or 0) < int(old or 0) for old, new in pairwise(known)):
                    yield "reset"


def _of_records(case: Case, source: Source, own: list[Observation]) -> Iterator[str]:
    if source.key is not None:
        keys = [one.fields.get(source.key) for one in own]
        if len(set(keys)) < len(keys):
            yield "new version of a record"
    for one in own:
        counted = one.fields.get(source.at)
        if isinstance(counted, int) and counted < one.at:
            yield "a record known late"
    for node in case.plan.operations:
        if isinstance(node, Active) and node.source == source.name:
            start, end = case.plan.operations[node.start], case.plan.operations[node.end]
            if isinstance(start, SourceField) and isinstance(end, SourceField):
                for one in own:
                    yield from _announced(one, one.fields.get(start.field), one.fields.get(end.field))


def _announced(one: Observation, start: object, end: object) -> Iterator[str]:
    if isinstance(start, int):
        yield "an announcement too late" if start < one.at else "an announcement in time"
        if isinstance(end, int) and end < start:
            yield "a time that ends before it begins"


def _of_time(case: Case) -> Iterator[str]:
    plan = case.plan
    instants = {one.at for one in case.observations}
    edges: set[int] = set()
    zones = {schedule.zone for schedule in plan.schedules}
    for node in plan.operations:
        if not isinstance(node, Aggregate) or isinstance(node.window, OutageWindow):
            continue
        period = node.window.period if isinstance(node.window, OverlappingWindow) else node.window
        if isinstance(period, CalendarWindow):
            zones.add(period.zone)
        windows = windows_between(plan, node.window, case.start, case.until)[:_MANY]
        edges.update(edge for window in windows for edge in (window.start, window.end))
        seen = [one.at for one in case.observations if node.source in (None, one.source)]
        if node.source is not None and any(_is_empty(window, seen) for window in windows):
            yield "empty window"
    for name, step in (
        ("on a window's edge", 0),
        ("a nanosecond before an edge", -1),
        ("a nanosecond behind an edge", 1),
    ):
        if any(edge + step in instants for edge in edges):
            yield name
    lengths = {source.name: source.staleness for source in plan.sources}
    if any(one.at + (lengths[one.source] or 0) in edges for one in case.observations if lengths[one.source]):
        yield "expires on an edge"
    for schedule in plan.schedules:
        if any(
            edge in instants
            for stretch in schedules.intervals(schedule, case.start, case.until)[:_MANY]
            for edge in (stretch.start, stretch.end)
        ):
            yield "on a schedule's edge"
    if any(zone in zones and case.start < at < case.until for zone, at in _CLOCK_CHANGES):
        yield "clock change"


def _is_empty(window: Interval, seen: list[int]) -> bool:
    return not any(window.start <= at < window.end for at in seen)


def _field(source: Source, name: str) -> Field:
    return next(one for one in source.fields if one.name == name)
