"""Observations as streams in columns (rule M2), as stage one of batch has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from wsla.analysis.types import BooleanType, TextType
from wsla.evaluation.batch.columns import Column, StreamColumns
from wsla.plan.model import Field, Plan, Source
from wsla.values.observations import Observation, Raw


def streams_of(plan: Plan, observations: Iterable[Observation]) -> list[StreamColumns]:
    """The streams of all sources of samples; of doubled samples the first stands (rule M1)."""
    found: dict[str, dict[tuple[tuple[str, str], ...], dict[int, Observation]]] = {}
    for one in observations:
        source = next((x for x in plan.sources if x.name == one.source), None)
        if source is None or source.records:
            continue
        labels = [(name, one.fields.get(name)) for name in source.labels]
        if all(isinstance(value, str) for _, value in labels):
            own = tuple((name, str(value)) for name, value in labels)
            found.setdefault(source.name, {}).setdefault(own, {}).setdefault(one.at, one)
    return [
        _stream(plan.source(name), labels, [rows[at] for at in sorted(rows)])
        for name, streams in found.items()
        for labels, rows in streams.items()
    ]


def _stream(source: Source, labels: tuple[tuple[str, str], ...], rows: list[Observation]) -> StreamColumns:
    return StreamColumns(
        source=source.name,
        labels=labels,
        at=np.array([row.at for row in rows], np.int64),
        fields={x.name: _column(x, [row.fields.get(x.name) for row in rows]) for x in source.fields},
    )


def _column(field: Field, values: list[Raw]) -> Column:
    kind: Any = np.int64
    missing: Any = 0
    if isinstance(field.type, BooleanType):
        kind, missing = np.bool_, False
    elif isinstance(field.type, TextType):
        kind, missing = object, ""
    elif any(isinstance(value, int) and abs(value) >= 1 << 63 for value in values):
        kind = object
    known = np.array([value is not None for value in values], np.bool_)
    filled = np.array([missing if value is None else value for value in values], kind)
    return Column(filled, None if known.all() else known)
