"""Windows to come: what the rules say of an aggregate where nothing can be known yet (rules M12, M13 and M15)."""

from __future__ import annotations

from typing import Any

import numpy as np
from attrs import evolve

from wsla.analysis.operations import Aggregate
from wsla.evaluation.batch.cells import nothing_known
from wsla.evaluation.batch.grid import KeptColumns, windows_between
from wsla.evaluation.batch.ratios import NO_NUMBERS, ONES, ZEROS, spread
from wsla.evaluation.batch.series import Ratios, SeriesColumns, Truths, Values
from wsla.plan.model import Plan


def to_come(
    plan: Plan, node: Aggregate, known: SeriesColumns, until: int, horizon: int, truth: bool
) -> SeriesColumns:
    """The windows that follow those that are known and begin before the horizon."""
    begin = max(until, int(known.ends[-1]) if len(known.ends) else until)
    windows = windows_between(plan, node.window, begin, horizon)
    if not len(windows.ends):
        return _columns(windows.starts, windows.ends, nothing_known(truth).value, NO_NUMBERS, NO_NUMBERS)
    kept = KeptColumns(plan, node.filter, int(windows.starts[0]), int(windows.ends[-1]))
    windows = windows.some(kept.sizes(kept.cut(windows)) > 0)
    cut = kept.cut(windows)
    value: Values = NO_NUMBERS
    lower: Values = NO_NUMBERS
    upper: Values = NO_NUMBERS
    match node.function:
        case "availability" | "share":
            lower, upper = ZEROS, ONES
        case "duration" | "downtime":
            lower, upper = ZEROS, Ratios(kept.sizes(cut))
        case "longest":
            lower, upper = ZEROS, Ratios(kept.longest(cut))
        case "outages":
            lower = ZEROS
        case "count":
            value = lower = ZEROS
        case _:
            nothing = nothing_known(truth)
            value, lower, upper = nothing.value, nothing.lower, nothing.upper
    return _columns(windows.starts, windows.ends, value, lower, upper)


def _columns(starts: Any, ends: Any, value: Values, lower: Values, upper: Values) -> SeriesColumns:
    number = len(ends)
    coverage = spread(ZEROS, number)
    assert isinstance(coverage, Ratios)
    return SeriesColumns(
        starts=starts,
        ends=ends,
        value=spread(value, number),
        lower=spread(lower, number),
        upper=spread(upper, number),
        coverage=coverage,
    )


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
