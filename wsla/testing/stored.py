"""Cases whose samples lie in a table: what a store must be given so that it can be compared with the rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from attrs import evolve

from wsla.analysis.types import BooleanType, InstantType, TextType
from wsla.evaluation.batch.streams import streams_of
from wsla.evaluation.panes import PaneTable
from wsla.evaluation.panes.collect import wanted
from wsla.plan.model import Field, Plan, Source
from wsla.sources.stores.push import SqlStore, Table, push
from wsla.testing.strategies import Case
from wsla.values.observations import Raw

Fill = Callable[[str, Mapping[str, str], Sequence[Sequence[Raw]]], None]
"""Makes a table of columns with their types (``truth``, ``whole`` or ``text``), and fills it."""


def with_instants(plan: Plan) -> Plan:
    """The same plan, with the instants of samples in a column ``at`` that counts nanoseconds."""
    return evolve(plan, sources=tuple(_with_instant(source) for source in plan.sources))


def _with_instant(source: Source) -> Source:
    if source.records or any(x.name == source.at for x in source.fields):
        return source
    at = Field(name=source.at, column=source.at, type=InstantType(), unit_stated=True, resolution=Fraction(1))
    # Numbers are in the table as they are stored.
    fields = tuple(evolve(x, unit_factor=x.resolution, unit_stated=True) for x in source.fields)
    return evolve(source, fields=(*fields, at))


def panes_from_store(case: Case, store: SqlStore, fill: Fill) -> PaneTable:
    """The panes of a case that a store makes of tables, one for each source; doubled samples are not in them."""
    plan = with_instants(case.plan)
    asked = wanted(plan)
    sources = {}
    for name, measures in asked.sources.items():
        source = plan.source(name)
        columns = {x.column: _kind(x) for x in source.fields}
        rows: list[tuple[Raw, ...]] = []
        for stream in streams_of(case.plan, case.observations):
            if stream.source == name:
                labels = dict(stream.labels)
                for place, at in enumerate(stream.at.tolist()):
                    found = {source.at: at, **labels}
                    for x in source.fields:
                        column = stream.fields.get(x.name)
                        if x.name not in found and column is not None:
                            known = column.known is None or bool(column.known[place])
                            found[x.name] = column.values[place : place + 1].tolist()[0] if known else None
                    rows.append(tuple(found[x.name] for x in source.fields))
        fill(name, columns, rows)
        sources[name] = push(store, plan, source, Table(name=name), measures, asked.length, case.until).panes
    return PaneTable(length=asked.length, until=case.until, sources=sources)


def _kind(field: Field) -> str:
    match field.type:
        case BooleanType():
            return "truth"
        case TextType():
            return "text"
        case _:
            return "whole"
