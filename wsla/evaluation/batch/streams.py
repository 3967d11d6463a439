"""Streams as columns and as observations: one from the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from attrs import evolve

from wsla.analysis.types import BooleanType, TextType
from wsla.evaluation.batch.columns import Column, StreamColumns
from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Field, Source
from wsla.values.observations import Observation, Raw


def until_instant(stream: StreamColumns, until: int) -> StreamColumns:
    """The samples before an instant."""
    number = int(np.searchsorted(stream.at, until, side="left"))
    if number == len(stream.at):
        return stream
    fields = {
        name: Column(column.values[:number], None if column.known is None else column.known[:number])
        for name, column in stream.fields.items()
    }
    return evolve(stream, at=stream.at[:number], fields=fields)


def observations_of(stream: StreamColumns, source: Source) -> Iterator[Observation]:
    """The samples of a stream one by one, in order of time."""
    names = list(stream.fields)
    columns = [_raw(column) for column in stream.fields.values()]
    labels: dict[str, Raw] = dict(stream.labels)
    for at, *values in zip(stream.at.tolist(), *columns, strict=True):
        yield Observation(source=source.name, at=at, fields={**labels, **dict(zip(names, values, strict=True))})


def _raw(column: Column) -> list[Raw]:
    values: list[Raw] = column.values.tolist()
    if column.known is None:
        return values
    return [value if known else None for value, known in zip(values, column.known.tolist(), strict=True)]


def streams_of(source: Source, observations: Iterable[Observation]) -> list[StreamColumns]:
    """The streams of a source of samples, from its observations in the order in which they were accepted.

    Where a label is unknown the sample is in no stream (M2); of two of one stream and instant the first stands (M1).
    """
    found: dict[Labels, list[Observation]] = {}
    names = tuple(sorted(source.labels))
    for one in observations:
        texts = [one.fields.get(name) for name in names]
        labels = tuple((name, text) for name, text in zip(names, texts, strict=True) if isinstance(text, str))
        if len(labels) == len(names):
            found.setdefault(labels, []).append(one)
    return [_stream(source, labels, rows) for labels, rows in found.items()]


def _stream(source: Source, labels: Labels, rows: list[Observation]) -> StreamColumns:
    at = np.array([one.at for one in rows], dtype=np.int64)
    order = np.argsort(at, kind="stable")
    at = at[order]
    first = np.ones(len(at), dtype=np.bool_)
    first[1:] = at[1:] != at[:-1]
    order = order[first]
    kept = [rows[row] for row in order.tolist()]
    fields = {
        field.name: _column(field, [one.fields.get(field.name) for one in kept])
        for field in source.fields
        if field.name not in source.labels
    }
    return StreamColumns(source=source.name, labels=labels, at=at[first], fields=fields)


def _column(field: Field, values: list[Raw]) -> Column:
    known = np.array([value is not None for value in values], dtype=np.bool_)
    missing: Any = "" if isinstance(field.type, TextType) else 0
    plain = values if known.all() else [missing if value is None else value for value in values]
    kind: Any = np.int64
    if isinstance(field.type, TextType):
        kind = object
    elif isinstance(field.type, BooleanType):
        kind = np.bool_
    try:
        found = np.array(plain, dtype=kind)
    except OverflowError:
        found = np.array(plain, dtype=object)
    return Column(found, None if known.all() else known)
