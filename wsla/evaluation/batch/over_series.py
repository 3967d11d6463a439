"""Aggregates over the windows of another series, in columns (rule M15)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from attrs import frozen

from wsla.analysis.operations import Aggregate
from wsla.evaluation.batch.approximate import highest, lowest, told
from wsla.evaluation.batch.cells import Cells, chosen_cells, nothing_known
from wsla.evaluation.batch.columns import Flags
from wsla.evaluation.batch.grid import KeptColumns, Windows, windows_between
from wsla.evaluation.batch.ratios import both_known, calculate, known_of, take, values_at
from wsla.evaluation.batch.sequences import Stack
from wsla.evaluation.batch.series import Ratios, SeriesColumns, Spent, Truths, Values
from wsla.evaluation.batch.sums import Ranked, Stretches, from_fractions, sums_of
from wsla.evaluation.stream.over_series import Gathered, Item
from wsla.evaluation.verdicts import Labels, SeriesValue
from wsla.values.buckets import Buckets
from wsla.values.instants import Interval

if TYPE_CHECKING:
    from wsla.evaluation.batch.formulas import Formulas

_HALF: Final = Fraction(1, 2)


@frozen(eq=False, kw_only=True)
class _Items:
    """The inner windows that are looked at, with the stretch of them that each outer window has.

    ``value`` is unknown in those that had not ended; ``sure`` tells those for which ``where`` is true.
    """

    windows: Windows
    value: Values
    lower: Values
    upper: Values
    coverage: Ratios
    sure: Flags
    known: Flags
    stretches: Stretches


def gathered(
    formulas: Formulas, index: int, node: Aggregate, group: tuple[Labels, ...], horizon: int
) -> Stack:
    """An aggregate over a series in each of its existing windows up to the horizon."""
    plan = formulas.plan
    begins = formulas.begins(index, group)
    first = min((begin for begin in begins if begin is not None), default=horizon)
    every = windows_between(plan, node.window, first, horizon)
    far = max(int(every.ends[-1]) if len(every) else horizon, formulas.until)
    kept = KeptColumns(plan, node.filter, int(every.starts[0]) if len(every) else first, far)
    every = every.some(kept.sizes(kept.cut(every)) > 0)
    # Each combination has the windows that end after it begins.
    lows = [len(every) if x is None else int(np.searchsorted(every.ends, x, side="right")) for x in begins]
    rows = np.concatenate([np.arange(low, len(every)) for low in lows])
    combo = np.repeat(np.arange(len(group)), [len(every) - low for low in lows])
    windows = Windows(every.starts[rows], every.ends[rows], None if len(group) == 1 else combo)
    term_end = far if plan.effective_end is None else min(far, plan.effective_end)
    items, any_ = _items(formulas, node, group, windows, kept, max(formulas.until, term_end))
    truth = formulas.layout.truth(index)
    value, lower, upper = _results(node, items, truth)
    number = items.stretches.lengths
    bad = _missed(node, items)
    columns = SeriesColumns(
        starts=windows.starts,
        ends=windows.ends,
        value=value,
        lower=lower,
        upper=upper,
        coverage=_coverage(items, number),
        nothing=~any_,
        spent=None if bad is None else Spent(size=number, bad=bad, missing=np.zeros_like(number)),
    )
    return Stack(columns, windows.combo)


def _items(
    formulas: Formulas,
    node: Aggregate,
    group: tuple[Labels, ...],
    windows: Windows,
    kept: KeptColumns,
    horizon: int,
) -> tuple[_Items, Flags]:
    """What is looked at, and in which windows there is anything at all, whatever ``where`` says of it."""
    assert node.argument is not None
    until = formulas.until
    stack = formulas.stack(node.argument, group, horizon)
    found, inner = stack.columns, stack.windows
    covered = kept.covers(inner)
    rows: Any = slice(None) if covered.all() else np.flatnonzero(covered)
    cut = kept.cut(windows)
    mine = inner.rows(rows)
    stretches = _stretches(formulas, mine, cut)
    any_ = stretches.lengths > 0
    truth = formulas.layout.truth(node.argument)
    cells = Cells(value=found.value, lower=found.lower, upper=found.upper, coverage=found.coverage)
    sure = np.ones(len(inner.ends), dtype=np.bool_)
    if node.where is not None:
        condition = formulas.cells(node.where, group, inner, horizon)
        assert isinstance(condition.value, Truths)
        inside = np.broadcast_to(condition.value.values, sure.shape).copy()
        if condition.exists is not None:
            inside[~condition.exists] = -1
        inside[inner.ends > until] = -1
        sure = inside == 1
        cells = chosen_cells(sure, cells, nothing_known(truth))
        rows = np.arange(len(inside))[rows][inside[rows] != 0]
        mine = inner.rows(rows)
        stretches = _stretches(formulas, mine, cut)
    known = sure & (inner.ends <= until)
    looked_at = known_of(cells.value)
    if looked_at is not None:
        known = known & looked_at
    coverage = take(_full(cells.coverage, len(inner.ends)), rows)
    assert isinstance(coverage, Ratios)
    length = len(inner.ends)
    same = cells.value is cells.lower is cells.upper
    value = take(_full(cells.value, length), rows)
    items = _Items(
        windows=mine,
        value=value,
        lower=value if same else take(_full(cells.lower, length), rows),
        upper=value if same else take(_full(cells.upper, length), rows),
        coverage=coverage,
        sure=sure[rows],
        known=known[rows],
        stretches=stretches,
    )
    return items, any_


def _full(values: Values, length: int) -> Values:
    """Each part a row long; a single row is one too."""
    if isinstance(values, Truths):
        return Truths(np.broadcast_to(values.values, (length,)))
    return Ratios(
        np.broadcast_to(values.numerators, (length,)),
        None if values.denominators is None else np.broadcast_to(values.denominators, (length,)),
        None if values.known is None else np.broadcast_to(values.known, (length,)),
    )


def _stretches(formulas: Formulas, inner: Windows, outer: Windows) -> Stretches:
    keys, combo = formulas.keys, inner.combo
    first = np.searchsorted(keys(inner.starts, combo), keys(outer.starts, outer.combo), side="left")
    last = np.searchsorted(keys(inner.ends, combo), keys(outer.ends, outer.combo), side="right")
    return Stretches(first, np.maximum(first, last))


def _coverage(items: _Items, number: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Ratios:
    """The sum of the known items' coverage over their number; 1 where there are none (M15)."""
    sums = sums_of(items.coverage, items.known, items.stretches)
    found = calculate("/", sums, Ratios(np.maximum(number, 1)))
    empty = number == 0
    below = np.ones(1, dtype=np.int64) if found.denominators is None else found.denominators
    return Ratios(np.where(empty, 1, found.numerators), np.where(empty, 1, below))


def _missed(node: Aggregate, items: _Items) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
    """How many known items are bad and not forgiven."""
    if not isinstance(items.value, Truths):
        return None
    if node.forgiving is not None:
        return np.array([run.missed for run in _runs(node, items)], dtype=np.int64)
    return items.stretches.count(items.known & (items.value.values == 0))


def _results(node: Aggregate, items: _Items, truth: bool) -> tuple[Values, Values, Values]:
    stretches, known = items.stretches, items.known
    number, count = stretches.lengths, stretches.count(items.known)
    function = node.function
    if function == "count":
        return Ratios(count), Ratios(count), Ratios(number)
    if function == "share" and node.forgiving is None:
        return (
            _share(items.value, known, count, stretches),
            _share(items.lower, None, number, stretches),
            _share(items.upper, None, number, stretches),
        )
    if function in ("first", "last"):
        return _edge(items, function)
    value, lower, upper = items.value, items.lower, items.upper
    if isinstance(value, Truths) or isinstance(lower, Truths) or isinstance(upper, Truths):
        return _one_by_one(node, items, truth)
    match function:
        case "sum" | "mean":
            divisors = (count, number, number) if function == "mean" else (None, None, None)
            parts = ((value, known), (lower, None), (upper, None))
            found = [
                _total(part, which, number if which is None else count, divisor, stretches)
                for (part, which), divisor in zip(parts, divisors, strict=True)
            ]
            return found[0], found[1], found[2]
        case "min" | "max" | "median" | "percentile":
            share = _HALF if function == "median" else node.parameter
            ranked = (
                _by_rank(function, share, value, known, 1 if function == "min" else -1, stretches),
                _by_rank(function, share, lower, None, -1, stretches),
                _by_rank(function, share, upper, None, 1, stretches),
            )
            if node.within is None:
                return ranked
            buckets = Buckets(node.within)
            return told(ranked[0], buckets), lowest(ranked[1], buckets), highest(ranked[2], buckets)
        case _:
            return _one_by_one(node, items, truth)


def _share(
    values: Values,
    which: Flags | None,
    number: np.ndarray[tuple[int], np.dtype[np.int64]],
    stretches: Stretches,
) -> Ratios:
    assert isinstance(values, Truths)
    good = values.values == 1
    return Ratios(
        stretches.count(good if which is None else good & which),
        np.maximum(number, 1),
        None if (number > 0).all() else number > 0,
    )


def _total(
    values: Ratios,
    which: Flags | None,
    number: np.ndarray[tuple[int], np.dtype[np.int64]],
    divisor: np.ndarray[tuple[int], np.dtype[np.int64]] | None,
    stretches: Stretches,
) -> Ratios:
    """A sum or, divided, a mean; of bounds there is none where one of them is missing."""
    every = np.ones(len(values.numerators), dtype=np.bool_)
    looked_at = every if which is None else which
    exists = number > 0
    if which is None and values.known is not None:
        exists = exists & (stretches.count(~values.known) == 0)
        looked_at = values.known
    sums = sums_of(values, looked_at, stretches)
    if divisor is not None:
        sums = calculate("/", sums, Ratios(np.maximum(divisor, 1)))
    return Ratios(sums.numerators, sums.denominators, None if exists.all() else exists)


def _by_rank(
    function: str,
    share: Fraction | None,
    values: Ratios,
    which: Flags | None,
    absent: int,
    stretches: Stretches,
) -> Ratios:
    ranked = Ranked(values)
    places = ranked.places(which, absent)
    if function == "min":
        return ranked.least(places, stretches)
    if function == "max":
        return ranked.greatest(places, stretches)
    assert share is not None
    return ranked.percentile(share, places, which, stretches)


def _edge(items: _Items, function: str) -> tuple[Values, Values, Values]:
    """The first or last known item; bounds are those of the first or last item."""
    stretches = items.stretches
    total = len(items.known)
    if not total:
        rows = edge = np.zeros(len(stretches.first), dtype=np.int64)
    elif function == "last":
        edge = np.maximum(stretches.last - 1, 0)
        rows = np.maximum.accumulate(np.where(items.known, np.arange(total), -1))[edge]
    else:
        edge = np.minimum(stretches.first, total - 1)
        following = np.where(items.known, np.arange(total), total)
        rows = np.minimum.accumulate(following[::-1])[::-1][edge]
    inside = (rows >= stretches.first) & (rows < stretches.last)
    some = stretches.lengths > 0
    rows = np.clip(rows, 0, max(total - 1, 0))
    return (
        _picked(items.value, rows, inside, None),
        _picked(items.lower, edge, some, False),
        _picked(items.upper, edge, some, True),
    )


def _picked(
    values: Values, rows: np.ndarray[tuple[int], np.dtype[np.int64]], known: Flags, otherwise: bool | None
) -> Values:
    if isinstance(values, Truths):
        absent = np.int8(-1 if otherwise is None else otherwise)
        if not len(values.values):
            return Truths(np.full(len(rows), absent, dtype=np.int8))
        return Truths(np.where(known, values.values[rows], absent).astype(np.int8))
    if not len(values.numerators):
        return Ratios(np.zeros(len(rows), dtype=np.int64), None, np.zeros(len(rows), dtype=np.bool_))
    own = None if values.known is None else values.known[rows]
    return Ratios(
        values.numerators[rows],
        None if values.denominators is None else values.denominators[rows],
        both_known(own, known),
    )


def _one_by_one(node: Aggregate, items: _Items, truth: bool) -> tuple[Values, Values, Values]:
    """Functions that are rare: item by item."""
    found = [run.result(node.function, truth) for run in _runs(node, items)]
    return (
        _column([one.value for one in found], truth),
        _column([one.lower for one in found], truth),
        _column([one.upper for one in found], truth),
    )


def _runs(node: Aggregate, items: _Items) -> Iterator[Gathered]:
    """The items of each outer window, put together."""
    total = len(items.known)
    lows, highs = values_at(items.lower, total), values_at(items.upper, total)
    values = values_at(items.value, total)
    covers = values_at(items.coverage, total)
    singles = [
        Item(
            Interval(start, end),
            SeriesValue(
                value=value if known else None,
                lower=lower,
                upper=upper,
                coverage=Fraction(cover) if known and isinstance(cover, int | Fraction) else Fraction(0),
            ),
            True if sure else None,
        )
        for start, end, value, lower, upper, cover, known, sure in zip(
            items.windows.starts.tolist(),
            items.windows.ends.tolist(),
            values,
            lows,
            highs,
            covers,
            items.known.tolist(),
            items.sure.tolist(),
            strict=True,
        )
    ]
    stretches = items.stretches
    buckets = None if node.within is None else Buckets(node.within)
    for first, last in zip(stretches.first.tolist(), stretches.last.tolist(), strict=True):
        run = Gathered(node.function, node.parameter, node.forgiving, buckets)
        for item in singles[first:last]:
            run.add(item)
        yield run


def _column(values: list[object], truth: bool) -> Values:
    if truth:
        return Truths(np.array([-1 if x is None else int(x is True) for x in values], dtype=np.int8))
    return from_fractions([x if isinstance(x, int | Fraction) else None for x in values])
