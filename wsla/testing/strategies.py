"""Hypothesis strategies for small valid plans and for what may be observed under them.

Made for comparing engines: rich in window kinds, functions, policies and boundary instants, small in number.
Hypothesis is imported here alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from attrs import frozen
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from wsla.analysis.operations import Active, Aggregate, Limited, OutageWindow, SourceField, Window
from wsla.analysis.types import BooleanType, InstantType, NumberType
from wsla.plan.model import Field, Plan, Source
from wsla.testing.formulas import Formulas, Scale
from wsla.values import schedules
from wsla.values.calendars import (
    CalendarUnit,
    CalendarWindow,
    ExactWindow,
    OverlappingWindow,
    RollingWindow,
    anchor_on_day,
    anchor_on_weekday,
    windows_overlapping,
)
from wsla.values.instants import DAY, HOUR, MINUTE, SECOND
from wsla.values.observations import Observation, Raw

# 1 March and 20 October 2026, 00:00 UTC: months in which Berlin and New York change their clocks.
_MARCH: Final = 1_772_323_200 * SECOND
_OCTOBER: Final = 1_792_454_400 * SECOND
# 29 March 2026, 00:40 UTC: twenty minutes before Berlin's clocks go forward.
_SPRING_NIGHT: Final = 1_774_744_800 * SECOND

_ZONES: Final = ("UTC", "Europe/Berlin", "America/New_York")

HOURS: Final = Scale(
    unit=HOUR,
    origins=(_MARCH, _OCTOBER, _MARCH + 26 * DAY),
    spans=(2 * DAY, 5 * DAY, 11 * DAY + 7 * HOUR, 31 * DAY),
    outer=(
        *(CalendarWindow(CalendarUnit.DAY, zone=zone) for zone in _ZONES),
        *(CalendarWindow(CalendarUnit.WEEK, zone=zone) for zone in _ZONES),
        *(CalendarWindow(CalendarUnit.MONTH, zone=zone) for zone in _ZONES),
        CalendarWindow(CalendarUnit.DAY, 2, zone="Europe/Berlin"),
        CalendarWindow(CalendarUnit.WEEK, anchor=anchor_on_weekday(5), zone="Europe/Berlin"),
        CalendarWindow(CalendarUnit.MONTH, anchor=anchor_on_day(15)),
        ExactWindow(36 * HOUR),
        ExactWindow(DAY, 5 * HOUR),
        *(OverlappingWindow(CalendarWindow(CalendarUnit.DAY, zone=zone), 3) for zone in _ZONES),
        OverlappingWindow(CalendarWindow(CalendarUnit.WEEK, zone="Europe/Berlin"), 2),
        OverlappingWindow(CalendarWindow(CalendarUnit.MONTH), 12),
        RollingWindow(2 * DAY, DAY),
        RollingWindow(12 * HOUR, DAY),
    ),
    inner=(
        CalendarWindow(CalendarUnit.DAY, zone="Europe/Berlin"),
        ExactWindow(12 * HOUR),
        ExactWindow(7 * HOUR, 3 * HOUR),
        OverlappingWindow(CalendarWindow(CalendarUnit.DAY, zone="America/New_York"), 2),
        RollingWindow(18 * HOUR, 12 * HOUR),
        RollingWindow(9 * HOUR, 12 * HOUR),
        RollingWindow(6 * HOUR, 6 * HOUR),
    ),
)
"""Up to a month, at hours."""

SECONDS: Final = Scale(
    unit=SECOND,
    origins=(_MARCH, _SPRING_NIGHT),
    spans=(5 * MINUTE, 22 * MINUTE + 30 * SECOND, HOUR),
    outer=(
        CalendarWindow(CalendarUnit.DAY, zone="Europe/Berlin"),
        ExactWindow(10 * MINUTE),
        ExactWindow(7 * MINUTE, 90 * SECOND),
        RollingWindow(15 * MINUTE, 5 * MINUTE),
        RollingWindow(3 * MINUTE, 5 * MINUTE),
    ),
    inner=(
        ExactWindow(2 * MINUTE),
        ExactWindow(100 * SECOND),
        RollingWindow(3 * MINUTE, 2 * MINUTE),
        RollingWindow(2 * MINUTE, 2 * MINUTE),
        RollingWindow(90 * SECOND, 3 * MINUTE),
    ),
)
"""Up to an hour, at seconds."""


@frozen(kw_only=True)
class Case:
    """Something to be judged: a plan, observations in order of ``at``, and the stretch ``[start, until)``."""

    plan: Plan
    observations: tuple[Observation, ...]
    start: int
    until: int


def plans() -> SearchStrategy[Plan]:
    """Small valid plans: sources of each kind, one to three goals, up to two rules, some metrics."""
    return _plans()


@st.composite
def _plans(draw: DrawFn) -> Plan:
    return Formulas(draw, draw(st.sampled_from((HOURS, SECONDS)))).plan()


@st.composite
def stretches(draw: DrawFn, plan: Plan) -> tuple[int, int]:
    """A stretch ``(start, until)`` that begins within the term, and ends on a boundary as often as not."""
    scale = _scale_of(plan)
    start = plan.effective_start + draw(st.sampled_from((0, 0, 1, 5))) * scale.unit
    until = start + draw(st.sampled_from(scale.spans))
    edges = [edge for edge in _edges(plan, start, until) if start < edge]
    on_edge = draw(st.booleans())
    if edges and on_edge:
        until = draw(st.sampled_from(edges)) + draw(st.sampled_from((0, 0, 1)))
    return start, until


@st.composite
def observations(draw: DrawFn, plan: Plan, start: int, until: int) -> tuple[Observation, ...]:
    """Observations in order of ``at``: gaps, duplicates, unknown fields, instants on edges and beside them."""
    unit = _scale_of(plan).unit
    edges = _edges(plan, start, until)
    read = {(x.source, x.field) for x in plan.operations if isinstance(x, SourceField)}
    found: list[Observation] = []
    for source in plan.sources:
        instants = _instants(source, edges, start, until, unit)
        used = frozenset(name for owner, name in read if owner == source.name) | {source.at}
        fields = _fields(source, used, instants)
        rows = st.tuples(instants, fields)
        least = draw(st.sampled_from((0, 2, 4)))
        for at, values in draw(st.lists(rows, min_size=least, max_size=14)):
            found.append(Observation(source=source.name, at=at, fields=values))
        # A run at the source's own pace, so that some windows are covered without a gap.
        if not source.records and draw(st.booleans()):
            pace = source.staleness or 6 * unit
            first = draw(st.sampled_from((start - pace, start, start + pace)))
            count = min(draw(st.integers(2, 30)), (until - first) // pace + 2)
            cycle = draw(st.lists(fields, min_size=1, max_size=3))
            found += [
                Observation(source=source.name, at=first + i * pace, fields=cycle[i % len(cycle)])
                for i in range(count)
            ]
        if len(source.labels) > 1 and draw(st.booleans()):
            found += draw(_joining(source, instants, fields, unit))
        for node in plan.operations:
            if isinstance(node, Active) and node.source == source.name:
                found += draw(st.lists(_announcement(plan, node, instants, fields, unit), max_size=3))
    return tuple(sorted(found, key=lambda observation: observation.at))


@st.composite
def _joining(
    draw: DrawFn,
    source: Source,
    instants: SearchStrategy[int],
    fields: SearchStrategy[dict[str, Raw]],
    unit: int,
) -> list[Observation]:
    """A stream that begins while another with the same first label is down."""
    down = draw(instants)
    labels = dict.fromkeys(source.labels, draw(st.sampled_from(_LABELS)))
    joining = {**labels, source.labels[-1]: "new"}
    at = down + draw(st.sampled_from((1, unit, 3 * unit)))
    return [
        Observation(source=source.name, at=down, fields={**draw(fields), **labels, "ok": False}),
        Observation(source=source.name, at=at, fields={**draw(fields), **joining}),
    ]


@st.composite
def _announcement(
    draw: DrawFn,
    plan: Plan,
    node: Active,
    instants: SearchStrategy[int],
    fields: SearchStrategy[dict[str, Raw]],
    unit: int,
) -> Observation:
    """A record of an announced time, known before it begins, as it does, or too late."""
    begin, length = draw(instants), draw(st.sampled_from((1, unit, 3 * unit, -unit)))
    values = draw(fields)
    for index, at in ((node.start, begin), (node.end, begin + length)):
        named = plan.operations[index]
        if isinstance(named, SourceField):
            values = {**values, named.field: at}
    return Observation(
        source=node.source, at=begin + draw(st.sampled_from((-3 * unit, -unit, 0, 1, unit))), fields=values
    )


def cases() -> SearchStrategy[Case]:
    """Plans with observations and a stretch to judge."""
    return _cases()


@st.composite
def _cases(draw: DrawFn) -> Case:
    plan = draw(plans())
    start, until = draw(stretches(plan))
    seen = draw(observations(plan, start, until))
    return Case(plan=plan, observations=seen, start=start, until=until)


def _scale_of(plan: Plan) -> Scale:
    return HOURS if any(source.every == HOURS.unit for source in plan.sources) else SECONDS


def _windows(plan: Plan) -> set[Window]:
    return {operation.window for operation in plan.operations if isinstance(operation, Aggregate | Limited)}


def _edges(plan: Plan, start: int, until: int) -> list[int]:
    """Instants at which something begins or ends: windows, the term, schedules, the stretch itself."""
    edges = {start, until, plan.effective_start, plan.effective_end or until}
    for window in _windows(plan):
        if isinstance(window, RollingWindow):
            ticks = window.ticks(start, until + 1)[:40]
            edges.update(ticks)
            edges.update(tick - window.length_ns for tick in ticks)
        elif isinstance(window, OutageWindow):
            continue
        elif isinstance(window, OverlappingWindow):
            for found in list(windows_overlapping(window.period, start, until))[:40]:
                edges.update((found.start, found.end))
        else:
            for found in list(windows_overlapping(window, start, until))[:40]:
                edges.update((found.start, found.end))
    for schedule in plan.schedules:
        for stretch in schedules.intervals(schedule, start, until)[:20]:
            edges.update((stretch.start, stretch.end))
    return sorted(edges)


def _instants(source: Source, edges: Sequence[int], start: int, until: int, unit: int) -> SearchStrategy[int]:
    grid = st.integers(-3, (until - start) // unit + 1).map(lambda step: start + step * unit)
    # A sample on an edge, or one that expires on an edge.
    on_edge = st.sampled_from(edges)
    expiring = on_edge.map(lambda edge: edge - (source.staleness or 0))
    beside = st.tuples(on_edge, st.sampled_from((-1, 1))).map(lambda pair: pair[0] + pair[1])
    return st.one_of(grid, grid, on_edge, expiring, beside)


_LABELS: Final = ("eu", "us")
_KEYS: Final = ("k0", "k1", "k2", "k3")


def _fields(
    source: Source, used: frozenset[str], instants: SearchStrategy[int]
) -> SearchStrategy[dict[str, Raw]]:
    named = {
        field.name: _raw(field, instants)
        for field in source.fields
        if field.name in used and field.name not in source.labels and field.name != source.key
    }
    # Now and then a field is missing altogether, which says the same as None.
    values = st.one_of(st.fixed_dictionaries(named), st.fixed_dictionaries({}, optional=named))
    if source.key is not None:
        return st.tuples(st.sampled_from(_KEYS), values).map(lambda pair: _keyed(source, *pair))
    if source.labels:
        labels = st.fixed_dictionaries({name: st.sampled_from(_LABELS) for name in source.labels})
        return st.tuples(labels, values).map(lambda pair: {**pair[0], **pair[1]})
    return values


def _keyed(source: Source, key: str, values: dict[str, Raw]) -> dict[str, Raw]:
    # All versions of a record carry the same labels.
    labels = {name: _LABELS[_KEYS.index(key) % len(_LABELS)] for name in source.labels}
    return {str(source.key): key, **labels, **values}


def _raw(field: Field, instants: SearchStrategy[int]) -> SearchStrategy[Raw]:
    match field.type:
        case BooleanType():
            return st.sampled_from((True, True, False, None))
        case InstantType():
            return st.one_of(instants, instants, instants, st.none())
        case NumberType():
            steps = (0, 1, 2, 3, Fraction(3, 2), -1)
            step = Fraction(1) if field.resolution == 1 else 1 / field.resolution
            scale = SECOND if field.resolution == 1 else int(step)
            return st.sampled_from((*(int(x * scale) for x in steps), None))
        case _:
            return st.sampled_from(("open", "waiting", "closed", None))
