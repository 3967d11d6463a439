"""Observations in columns, for tests and for histories that are small enough to be held as objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from wsla.analysis.checked import Field
from wsla.analysis.types import BooleanType, TextType
from wsla.evaluation.batch.columns import Column, StreamColumns
from wsla.evaluation.batch.exact import LIMIT
from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Plan
from wsla.values.observations import Observation, Raw


def streams_of(plan: Plan, observations: Iterable[Observation]) -> list[StreamColumns]:
    """The streams of the plan's samples (rules M1 and M2), from observations in the order in which they were accepted.

    Records, and what is of no source of the plan or lacks a label, are left out.
    """
    sources = {source.name: source for source in plan.sources if not source.records}
    found: dict[tuple[str, Labels], dict[int, Mapping[str, Raw]]] = {}
    for observation in observations:
        source = sources.get(observation.source)
        if source is None:
            continue
        labels = tuple(
            (name, value) for name in source.labels if isinstance(value := observation.fields.get(name), str)
        )
        if len(labels) == len(source.labels):
            # M1: of samples with one instant the first that was accepted stands.
            found.setdefault((source.name, labels), {}).setdefault(observation.at, observation.fields)
    streams = []
    for (name, labels), rows in found.items():
        instants = sorted(rows)
        in_order = [rows[at] for at in instants]
        fields = {
            one.name: _column(one, [values.get(one.name) for values in in_order])
            for one in sources[name].fields
            if one.name not in sources[name].labels
        }
        at = np.array(instants, dtype=np.int64)
        streams.append(StreamColumns(source=name, labels=labels, at=at, fields=fields))
    return streams


def _column(field: Field, raw: Sequence[Raw]) -> Column:
    known = np.array([value is not None for value in raw], dtype=np.bool_)
    values: np.ndarray[Any, Any]
    match field.type:
        case BooleanType():
            values = np.array([value is True for value in raw], dtype=np.bool_)
        case TextType():
            values = np.array(["" if value is None else value for value in raw], dtype=object)
        case _:
            numbers = [0 if value is None else int(value) for value in raw]
            fits = all(-LIMIT <= number <= LIMIT for number in numbers)
            values = np.array(numbers, dtype=np.int64 if fits else object)
    return Column(values, None if known.all() else known)
