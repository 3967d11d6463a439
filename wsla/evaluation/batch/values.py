"""From columns back to single values."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from wsla.analysis.operations import Value
from wsla.evaluation.batch.series import Ratios, SeriesColumns, Truths, Values
from wsla.evaluation.verdicts import SeriesValue
from wsla.values.instants import Interval

_TRUTHS = {1: True, 0: False, -1: None}


def values_of(series: SeriesColumns) -> dict[Interval, SeriesValue]:
    """The value of a series in each of its windows."""
    windows = zip(series.starts.tolist(), series.ends.tolist(), strict=True)
    columns = (each(x) for x in (series.value, series.lower, series.upper))
    coverage = exact(series.coverage)
    return {
        Interval(start, end): SeriesValue(value=value, lower=lower, upper=upper, coverage=covered)
        for (start, end), value, lower, upper, covered in zip(windows, *columns, coverage, strict=True)
    }


def each(values: Values) -> list[Value]:
    """Truths or numbers, one by one; None where they are unknown."""
    if isinstance(values, Truths):
        return [_TRUTHS[value] for value in values.values.tolist()]
    known = [True] * len(values.numerators) if values.known is None else values.known.tolist()
    return [value if here else None for value, here in zip(exact(values), known, strict=True)]


def exact(values: Ratios) -> list[Fraction]:
    """Numbers one by one; what they are where they are unknown means nothing."""
    below = (
        np.ones(len(values.numerators), dtype=np.int64)
        if values.denominators is None
        else values.denominators
    )
    pairs = zip(values.numerators.tolist(), below.tolist(), strict=True)
    return [Fraction(above, under) for above, under in pairs]
