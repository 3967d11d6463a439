"""Columns one after the other, and streams as the observations that they hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from attrs import evolve

from wsla.evaluation.batch.columns import Column, StreamColumns
from wsla.evaluation.batch.ratios import spread
from wsla.evaluation.batch.series import Ratios, SeriesColumns, Truths, Values
from wsla.values.observations import Observation, Raw


def with_more(first: SeriesColumns, more: SeriesColumns) -> SeriesColumns:
    """Two stretches of a series, one after the other."""
    if not len(more.ends):
        return first
    one, other = len(first.ends), len(more.ends)
    coverage = behind(first.coverage, more.coverage, one, other)
    assert isinstance(coverage, Ratios)
    nothing = None
    if first.nothing is not None or more.nothing is not None:
        nothing = np.concatenate(
            [
                np.zeros(one, dtype=np.bool_) if first.nothing is None else first.nothing,
                np.zeros(other, dtype=np.bool_) if more.nothing is None else more.nothing,
            ]
        )
    return evolve(
        first,
        starts=np.concatenate([first.starts, more.starts]),
        ends=np.concatenate([first.ends, more.ends]),
        value=behind(first.value, more.value, one, other),
        lower=behind(first.lower, more.lower, one, other),
        upper=behind(first.upper, more.upper, one, other),
        coverage=coverage,
        nothing=nothing,
        spent=None,
    )


def behind(first: Values, more: Values, one: int, other: int) -> Values:
    """Two columns, of ``one`` and of ``other`` rows, one after the other."""
    left, right = spread(first, one), spread(more, other)
    if isinstance(left, Truths) and isinstance(right, Truths):
        return Truths(np.concatenate([left.values, right.values]))
    assert isinstance(left, Ratios)
    assert isinstance(right, Ratios)
    denominators = None
    if left.denominators is not None or right.denominators is not None:
        denominators = np.concatenate([_or_ones(left.denominators, one), _or_ones(right.denominators, other)])
    known = None
    if left.known is not None or right.known is not None:
        known = np.concatenate(
            [
                np.ones(one, dtype=np.bool_) if left.known is None else left.known,
                np.ones(other, dtype=np.bool_) if right.known is None else right.known,
            ]
        )
    return Ratios(np.concatenate([left.numerators, right.numerators]), denominators, known)


def _or_ones(denominators: Any, number: int) -> Any:
    return np.ones(number, dtype=np.int64) if denominators is None else denominators


def observations_of(stream: StreamColumns) -> Iterator[Observation]:
    """The samples of a stream one by one, in order of time."""
    names = list(stream.fields)
    columns = [_raw(column) for column in stream.fields.values()]
    labels: dict[str, Raw] = dict(stream.labels)
    for at, *values in zip(stream.at.tolist(), *columns, strict=True):
        fields = {**labels, **dict(zip(names, values, strict=True))}
        yield Observation(source=stream.source, at=at, fields=fields)


def _raw(column: Column) -> list[Raw]:
    values: list[Raw] = column.values.tolist()
    if column.known is None:
        return values
    return [value if known else None for value, known in zip(values, column.known.tolist(), strict=True)]
