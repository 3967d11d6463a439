"""Stage one as one SQL statement: a row for each stream and pane, with the measures that panes hold.

Time is dealt out exactly: within a sample's own pane by the statement; what a sample holds beyond the end of its pane
comes back as one instant, from which the panes after it are filled here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from wsla.evaluation.panes.collect import empty
from wsla.evaluation.panes.measures import Kind, Measure, PanesError
from wsla.evaluation.panes.table import Builder, SourcePanes, Stream, nothing
from wsla.plan.model import Plan, Source
from wsla.sources.stores.dialects import Dialect
from wsla.sources.stores.fields import Written
from wsla.sources.stores.formulas import Formulas

_FIXED: Final = ("pane", "first_at", "last_at", "held_until", "doubled")


@frozen(kw_only=True)
class Wanted:
    """What is asked of a table: ``relation`` is what stands behind FROM, ``filters`` conditions on its rows."""

    plan: Plan
    source: Source
    measures: Mapping[str, Measure]
    length: int
    until: int
    dialect: Dialect
    relation: str
    at: Written
    fields: Mapping[str, Written]
    filters: tuple[str, ...] = ()


def statement(wanted: Wanted, *, distinct: bool = False) -> str:
    """The statement; with ``distinct`` rows that are there twice count once."""
    d, labels = wanted.dialect, _labels(wanted.source)
    stale = wanted.source.staleness
    end = d.whole(wanted.until)
    kept = "COALESCE(next_ns, " + end + ")"
    if stale is not None:
        kept = f"LEAST({kept}, at_ns + {d.whole(stale)})"
    # The remainder has the sign of the instant: before 1970 it is moved into the pane.
    inside = d.remainder(f"({d.remainder('at_ns', wanted.length)} + {d.whole(wanted.length)})", wanted.length)
    own = [*labels, *(f"f{number}" for number in range(len(wanted.fields)))]
    columns = ", ".join(["at_ns", *own])
    partition = f"PARTITION BY {', '.join(labels)} " if labels else ""
    groups = ", ".join([*labels, "pane"])
    selected = ", ".join([*labels, *_aggregated(wanted)])
    return f"""\
WITH read_rows AS (
{_read(wanted)}
), seen AS (
SELECT {"DISTINCT " if distinct else ""}{columns} FROM read_rows WHERE fits AND at_ns < {end}
), in_order AS (
SELECT {columns}, LEAD(at_ns) OVER ({partition}ORDER BY at_ns) AS next_ns FROM seen
), dealt AS (
SELECT {columns}, next_ns, {d.quotient(f"(at_ns - {inside})", wanted.length)} AS pane,
  at_ns - {inside} + {d.whole(wanted.length)} AS pane_end, {kept} AS held_until FROM in_order
), judged AS (
SELECT {", ".join(["at_ns", "next_ns", "pane", "pane_end", "held_until", *labels])}{_judged(wanted)} FROM dealt
)
SELECT {selected} FROM judged GROUP BY {groups} ORDER BY {groups}"""


def count_of_misfits(wanted: Wanted) -> str:
    """A statement for the number of rows that do not fit their fields, or have no instant or label."""
    return f"WITH read_rows AS (\n{_read(wanted)}\n)\nSELECT COUNT(*) FROM read_rows WHERE NOT fits"


def first_and_last(wanted: Wanted) -> str:
    """A statement for the first and the last instant of rows that fit."""
    return f"WITH read_rows AS (\n{_read(wanted)}\n)\nSELECT MIN(at_ns), MAX(at_ns) FROM read_rows WHERE fits"


def panes_from(wanted: Wanted, rows: Iterable[Sequence[Any]]) -> SourcePanes:
    """The panes that the statement's rows are. Raises PanesError where the rows hold two samples for one instant."""
    labels = len(wanted.source.labels)
    columns = list(zip(*rows, strict=True))
    if not columns:
        return empty(wanted.source, {name: measure.kind for name, measure in wanted.measures.items()})
    kinds = {name: measure.kind for name, measure in wanted.measures.items()}
    values = [_without_none(column, 0) for column in columns[labels:]]
    pane, first, last, held, doubled = values[: len(_FIXED)]
    if doubled.any():
        raise PanesError(_DOUBLED)
    found: dict[str, NDArray[np.int64]] = {}
    tails: dict[str, NDArray[np.int64]] = {}
    place = len(_FIXED)
    for name, kind in kinds.items():
        if kind.is_time:
            found[name], tails[name] = values[place], values[place + 1]
            place += 2
        else:
            found[name] = _without_none(columns[labels + place], nothing(kind))
            place += 1
    names = list(zip(*columns[:labels], strict=True)) if labels else [()] * len(pane)
    number = {own: place for place, own in enumerate(dict.fromkeys(names))}
    stream = np.array([number[own] for own in names], np.int64)
    builder = Builder(kinds)
    streams: list[Stream] = []
    for own, place in number.items():
        rows_of = np.flatnonzero(stream == place) if len(number) > 1 else np.arange(len(pane))
        builder.add(place, pane[rows_of], {name: one[rows_of] for name, one in found.items()})
        spread, times, origin = _beyond(pane[rows_of], held[rows_of], wanted.length)
        if len(spread):
            beyond = {name: times * one[rows_of][origin] for name, one in tails.items()}
            builder.add(place, spread, beyond)
        latest = rows_of[-1]
        streams.append(
            Stream(
                labels=tuple(zip(wanted.source.labels, own, strict=True)),
                first=int(first[rows_of].min()),
                last=int(last[latest]),
                until=wanted.until,
                states=frozenset(name for name, one in tails.items() if one[latest]),
            )
        )
    return builder.finish(empty(wanted.source, kinds), tuple(streams))


_DOUBLED: Final = "it holds different rows for the same instant, and no order says which of them stands"


def _labels(source: Source) -> list[str]:
    return [f"l{number}" for number in range(len(source.labels))]


def _read(wanted: Wanted) -> str:
    labels = [wanted.fields[name] for name in wanted.source.labels]
    fits = [x.fits for x in (wanted.at, *wanted.fields.values()) if x.fits is not None]
    fits += [f"{wanted.at.value} IS NOT NULL", *(f"{label.value} IS NOT NULL" for label in labels)]
    columns = [
        f"{wanted.at.value} AS at_ns",
        *(f"{label.value} AS l{number}" for number, label in enumerate(labels)),
        *(f"{field.value} AS f{number}" for number, field in enumerate(wanted.fields.values())),
        f"CASE WHEN {' AND '.join(fits)} THEN TRUE ELSE FALSE END AS fits",
    ]
    where = f"\nWHERE {' AND '.join(wanted.filters)}" if wanted.filters else ""
    return "SELECT " + ",\n  ".join(columns) + f"\nFROM {wanted.relation}{where}"


def _judged(wanted: Wanted) -> str:
    """A column for each measure: what one sample adds to it."""
    formulas = Formulas(
        wanted.plan, wanted.dialect, {name: f"f{number}" for number, name in enumerate(wanted.fields)}
    )
    return "".join(
        f",\n  {_of_one(formulas, measure)} AS m{number}"
        for number, measure in enumerate(wanted.measures.values())
    )


def _of_one(formulas: Formulas, measure: Measure) -> str:
    argument, where = measure.argument, measure.where
    conditions = [] if where is None else [formulas.truth(where)]
    match measure.kind:
        case Kind.SAMPLES | Kind.HELD:
            return "1"
        case Kind.KNOWN:
            assert argument is not None
            conditions = [formulas.known(argument)]
        case Kind.CUT | Kind.DOWN:
            assert argument is not None
            conditions.append(f"(NOT {formulas.truth(argument)})")
        case Kind.UP | Kind.TRUE:
            assert argument is not None
            conditions.append(formulas.truth(argument))
        case Kind.COUNT:
            conditions += [] if argument is None else [formulas.known(argument)]
        case Kind.SUM | Kind.LEAST | Kind.GREATEST:
            assert argument is not None
            number = formulas.number(argument)
            return number if where is None else f"CASE WHEN {formulas.truth(where)} THEN {number} END"
    return f"CASE WHEN {' AND '.join(conditions)} THEN 1 ELSE 0 END" if conditions else "1"


def _aggregated(wanted: Wanted) -> list[str]:
    latest = "next_ns IS NULL OR next_ns >= pane_end"
    found = [
        "pane",
        "MIN(at_ns) AS first_at",
        "MAX(at_ns) AS last_at",
        f"MAX(CASE WHEN {latest} THEN held_until END) AS latest_until",
        "SUM(CASE WHEN next_ns = at_ns THEN 1 ELSE 0 END) AS doubled",
    ]
    within = "LEAST(held_until, pane_end) - at_ns"
    for number, measure in enumerate(wanted.measures.values()):
        own = f"m{number}"
        match measure.kind:
            case kind if kind.is_time:
                found.append(f"SUM({own} * ({within})) AS s{number}")
                found.append(f"MAX(CASE WHEN {latest} THEN {own} ELSE 0 END) AS t{number}")
            case Kind.LEAST:
                found.append(f"MIN({own}) AS s{number}")
            case Kind.GREATEST:
                found.append(f"MAX({own}) AS s{number}")
            case _:
                found.append(f"COALESCE(SUM({own}), 0) AS s{number}")
    return found


def _beyond(
    pane: NDArray[np.int64], held: NDArray[np.int64], length: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The panes behind each pane in which its latest sample holds, with for how long, and the row it is of."""
    start = (pane + 1) * length
    count = np.maximum(-(-(held - start) // length), 0)
    origin = np.repeat(np.arange(len(pane)), count)
    within = np.arange(len(origin)) - np.repeat(np.cumsum(count) - count, count)
    panes = pane[origin] + 1 + within
    return panes, np.minimum(held[origin] - panes * length, length), origin


def _without_none(column: Sequence[Any], none: int) -> NDArray[np.int64]:
    try:
        return np.array([none if value is None else int(value) for value in column], np.int64)
    except OverflowError:
        raise PanesError("its numbers are too large for partial results") from None
