"""Columns one after the other, and streams as the observations that they hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from attrs import evolve, frozen

from wsla.evaluation.batch.cells import Cells
from wsla.evaluation.batch.columns import Column, Instants, StreamColumns
from wsla.evaluation.batch.grid import Windows
from wsla.evaluation.batch.ratios import spread, take
from wsla.evaluation.batch.series import Ratios, SeriesColumns, Spent, Truths, Values
from wsla.values.observations import Observation, Raw


@frozen(eq=False)
class Stack:
    """The columns of several label combinations, one after the other; ``combo`` as in ``Windows``."""

    columns: SeriesColumns
    combo: Instants | None = None

    @property
    def windows(self) -> Windows:
        """Its windows."""
        return Windows(self.columns.starts, self.columns.ends, self.combo)

    @property
    def cells(self) -> Cells:
        """Its values."""
        found = self.columns
        return Cells(value=found.value, lower=found.lower, upper=found.upper, coverage=found.coverage)

    def rows(self, rows: Any) -> Stack:
        """Some of the windows."""
        found, cells = self.columns, self.cells
        coverage, value = take(cells.coverage, rows), take(cells.value, rows)
        assert isinstance(coverage, Ratios)
        same = cells.value is cells.lower is cells.upper
        spent = found.spent
        if spent is not None:
            spent = evolve(spent, size=spent.size[rows], bad=spent.bad[rows], missing=spent.missing[rows])
        return Stack(
            SeriesColumns(
                starts=found.starts[rows],
                ends=found.ends[rows],
                value=value,
                lower=value if same else take(cells.lower, rows),
                upper=value if same else take(cells.upper, rows),
                coverage=coverage,
                nothing=None if found.nothing is None else found.nothing[rows],
                spent=spent,
            ),
            None if self.combo is None else self.combo[rows],
        )


def stacked(windows: Windows, cells: Cells) -> Stack:
    """A formula's values as columns of one row a window, without the windows that do not exist."""
    number = len(windows)
    value, coverage = spread(cells.value, number), spread(cells.coverage, number)
    assert isinstance(coverage, Ratios)
    same = cells.value is cells.lower is cells.upper
    found = SeriesColumns(
        starts=windows.starts,
        ends=windows.ends,
        value=value,
        lower=value if same else spread(cells.lower, number),
        upper=value if same else spread(cells.upper, number),
        coverage=coverage,
    )
    stack = Stack(found, windows.combo)
    return stack if cells.exists is None else stack.rows(np.flatnonzero(cells.exists))


def with_cells(columns: SeriesColumns, cells: Cells) -> SeriesColumns:
    """The same windows with other values."""
    return evolve(columns, value=cells.value, lower=cells.lower, upper=cells.upper, coverage=cells.coverage)


def joined_columns(parts: Sequence[SeriesColumns]) -> SeriesColumns:
    """Columns one after the other."""
    parts = [part for part in parts if len(part.ends)] or parts[:1]
    if len(parts) == 1:
        return parts[0]
    lengths = [len(part.ends) for part in parts]
    coverage = behind([part.coverage for part in parts], lengths)
    assert isinstance(coverage, Ratios)
    same = all(part.value is part.lower is part.upper for part in parts)
    value = behind([part.value for part in parts], lengths)
    nothing = None
    if any(part.nothing is not None for part in parts):
        nothing = np.concatenate(
            [
                np.zeros(len(part.ends), dtype=np.bool_) if part.nothing is None else part.nothing
                for part in parts
            ]
        )
    spent = [part.spent for part in parts if part.spent is not None]
    return SeriesColumns(
        starts=np.concatenate([part.starts for part in parts]),
        ends=np.concatenate([part.ends for part in parts]),
        value=value,
        lower=value if same else behind([part.lower for part in parts], lengths),
        upper=value if same else behind([part.upper for part in parts], lengths),
        coverage=coverage,
        nothing=nothing,
        spent=None
        if len(spent) < len(parts)
        else Spent(
            size=np.concatenate([part.size for part in spent]),
            bad=np.concatenate([part.bad for part in spent]),
            missing=np.concatenate([part.missing for part in spent]),
        ),
    )


def behind(parts: Sequence[Values], lengths: Sequence[int]) -> Values:
    """Columns of so many rows each, one after the other."""
    wide = [spread(part, length) for part, length in zip(parts, lengths, strict=True)]
    truths = [part.values for part in wide if isinstance(part, Truths)]
    if truths:
        return Truths(np.concatenate(truths))
    numbers = [part for part in wide if isinstance(part, Ratios)]
    denominators = None
    if any(part.denominators is not None for part in numbers):
        denominators = np.concatenate(
            [
                np.ones(len(part.numerators), dtype=np.int64)
                if part.denominators is None
                else part.denominators
                for part in numbers
            ]
        )
    known = None
    if any(part.known is not None for part in numbers):
        known = np.concatenate(
            [
                np.ones(len(part.numerators), dtype=np.bool_) if part.known is None else part.known
                for part in numbers
            ]
        )
    return Ratios(np.concatenate([part.numerators for part in numbers]), denominators, known)


def observations_of(stream: StreamColumns) -> Iterator[Observation]:
    """The samples of a stream one by one, in order of time."""
    names = list(stream.fields)
    columns = [_raw(column) for column in stream.fields.values()]
    labels: dict[str, Raw] = dict(stream.labels)
    for at, *values in zip(stream.at.tolist(), *columns, strict=True):
        fields = {**labels, **dict(zip(names, values, strict=True))}
        yield Observation(source=stream.source, at=at, fields=fields)


def _raw(column: Column) -> list[Raw]:
    values: list[Raw] = column.raws.tolist()
    if column.known is None:
        return values
    return [value if known else None for value, known in zip(values, column.known.tolist(), strict=True)]
