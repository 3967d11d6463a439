"""Functions over samples in columns (rules M13, M16 to M18, M33, M34 and M56)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

import numpy as np

from wsla.analysis.operations import Aggregate
from wsla.evaluation.batch.approximate import highest, lowest, told
from wsla.evaluation.batch.columns import Flags, Instants
from wsla.evaluation.batch.exact import LIMIT, magnitude, ratios, times
from wsla.evaluation.batch.frames import Frames, Positions
from wsla.evaluation.batch.outcome import Found
from wsla.evaluation.batch.parts import Items, Part, time_of
from wsla.evaluation.batch.rows import Rows
from wsla.evaluation.batch.series import Integers, Ratios, Spent, Truths, Values
from wsla.evaluation.batch.signals import View
from wsla.evaluation.batch.slices import Slices, count_in
from wsla.evaluation.batch.stretches import Stretches
from wsla.evaluation.batch.vectors import Number, Truth, Vector, common
from wsla.values.buckets import Buckets
from wsla.values.roots import square_root

FUNCTIONS: Final = frozenset(
    {"count", "sum", "mean", "min", "max", "median", "percentile", "share", "first", "last"}
    | {"span", "variance", "stddev", "mode", "streak", "increase", "rate"}
)

JOINED_LATER: Final = frozenset({"median", "percentile", "first", "last", "mode", "streak"})
"""Functions of several streams that no parts of single streams give: they need the items themselves."""


_SHORT: Final = frozenset({"sum", "mean", "median", "percentile", "min", "max", "first", "last"})
"""Functions that add numbers up, or choose among them: to that short ones are good enough."""


def look(node: Aggregate, frames: Frames, view: View, known: Integers | Stretches) -> Part:
    """What a stream adds; ``known`` is the time in which the argument is known."""
    rows = view.rows(frames)
    shared: dict[str, Any] = {
        "samples": rows.counts,
        "known": known,
        "takes_part": (frames.asked > view.at[0] if len(view.at) else frames.asked < 0).view(np.int8),
    }
    if node.function == "share":
        items, good = _truths(node, view, rows)
        return Part(items=items, amounts={"good": good}, **shared)
    found = items_of(node, view, rows)
    amounts = {} if found.numerators is None else amounts_of(node, found)
    items = rows.counts if found.low is rows.low else found.high - found.low
    return Part(items=items, amounts=amounts, scale=found.scale, **shared)


def _truths(node: Aggregate, view: View, rows: Rows) -> tuple[Positions, Positions]:
    assert node.argument is not None
    argument = view.truth(node.argument)
    inside = None if node.where is None else view.truth(node.where).true
    good, known = argument.true, argument.known
    if inside is not None:
        good = good & inside
        known = inside if known is None else known & inside
    items = rows.counts if known is None else count_in(rows.of(known), rows.low, rows.high)
    return items, count_in(rows.of(good), rows.low, rows.high)


def items_of(node: Aggregate, view: View, rows: Rows) -> Items:
    """The items of a stream."""
    chosen: Flags | None = None if node.where is None else view.truth(node.where).true
    numerators: Integers | None = None
    most, scale = 0, Fraction(1)
    if node.argument is not None:
        vector = view.short(node.argument) if node.function in _SHORT else view.vector(node.argument)
        if node.function in ("increase", "rate"):
            vector = steps(vector, len(view.at))
        if node.function != "count":
            number = as_number(vector)
            numerators, most, scale = number.numerators, number.most, number.scale
        if vector.known is not None:
            chosen = vector.known if chosen is None else chosen & vector.known
    # Where nobody will put the items of several streams in one order, their instants are not copied.
    at = rows.of(view.at) if node.function in JOINED_LATER else view.at[:0]
    low, high = rows.low, rows.high
    if numerators is not None:
        numerators = rows.of(numerators)
    if chosen is not None:
        places = np.flatnonzero(rows.of(chosen))
        if len(places) < rows.size:
            low, high = np.searchsorted(places, low), np.searchsorted(places, high)
            at = at[places] if len(at) else at
            numerators = None if numerators is None else numerators[places]
    edges = (lambda: rows.edges) if low is rows.low else None
    return Items(at=at, numerators=numerators, most=most, scale=scale, low=low, high=high, edges=edges)


def as_number(vector: Vector) -> Number:
    """Numbers without denominators; truths are 0 and 1."""
    if isinstance(vector, Truth):
        return Number(vector.true.astype(np.int8))
    assert isinstance(vector, Number)
    return common(vector)


def steps(vector: Vector, count: int) -> Number:
    """M34: how much a counter grew since the known value before; unknown where there is none."""
    assert isinstance(vector, Number)
    number = common(vector)
    values = np.broadcast_to(number.numerators, (count,))
    places = (
        np.arange(count) if number.known is None else np.flatnonzero(np.broadcast_to(number.known, (count,)))
    )
    known = np.zeros(count, dtype=np.bool_)
    known[places[1:]] = True
    new, old = values[places[1:]], values[places[:-1]]
    if magnitude(new) + magnitude(old) > LIMIT:
        new, old = new.astype(object), old.astype(object)
    grown = np.zeros(count, dtype=new.dtype)
    grown[places[1:]] = np.where(new >= old, new - old, np.maximum(new, 0))
    return Number(grown, None, number.scale, known)


def amounts_of(node: Aggregate, items: Items) -> dict[str, Integers]:
    """What a function needs of the items of each window, before it is scaled."""
    assert items.numerators is not None
    slices = Slices(items.numerators, items.low, items.high, items.most, items.edges)
    match node.function:
        case "sum" | "mean" | "increase" | "rate":
            return {"total": slices.sums()}
        case "min":
            return {"least": slices.least()}
        case "max":
            return {"greatest": slices.greatest()}
        case "span":
            return {"least": slices.least(), "greatest": slices.greatest()}
        case "variance" | "stddev":
            return {"total": slices.sums(), "squares": slices.squares()}
        case "median" | "percentile":
            rank = Fraction(1, 2) if node.function == "median" else node.parameter
            assert rank is not None
            return {"value": slices.ranked(rank)}
        case "first":
            return {"value": slices.firsts()}
        case "last":
            return {"value": slices.lasts()}
        case "mode":
            return {"value": slices.modes()}
        case "streak":
            return {"value": _streaks(items)}
        case _:
            raise ValueError(f"there is no function {node.function!r} over samples")


def _streaks(items: Items) -> Positions:
    """How many of the latest items, in a row, are true."""
    assert items.numerators is not None
    false = np.flatnonzero(items.numerators == 0)
    place = np.searchsorted(false, items.high) - 1
    last = np.where(place >= 0, false[np.maximum(place, 0)] if len(false) else -1, -1)
    found: Positions = np.minimum(items.high - items.low, items.high - 1 - last)
    return found


def found(node: Aggregate, sizes: Instants, part: Part, may_grow: Flags | None, *, boolean: bool) -> Found:
    """M13: the value in every window of these sizes, with bounds and coverage; the part is unpacked.

    ``may_grow`` says in which windows another stream may still take part; None is in none.
    """
    whole = times(sizes, np.maximum(part.takes_part, 1))
    full = (part.takes_part > 0) & (time_of(part) == whole).astype(np.bool_)
    coverage = ratios(time_of(part), whole)
    if may_grow is not None:
        full = full & ~may_grow
    lower, upper, value = _bounded(node, _value(node, sizes, part), full)
    spent = None
    if node.function == "share":
        bad = part.items - part.amounts["good"]
        spent = Spent(size=part.items, bad=bad, missing=np.zeros(len(sizes), dtype=np.int64))
    return Found(
        value=_as_truths(value, -1) if boolean else value,
        lower=_as_truths(lower, 0) if boolean else lower,
        upper=_as_truths(upper, 1) if boolean else upper,
        coverage=coverage,
        nothing=part.samples == 0,
        spent=spent,
    )


def _value(node: Aggregate, sizes: Instants, part: Part) -> Ratios:
    items, amounts, scale = part.items, part.amounts, part.scale
    some = items > 0
    match node.function:
        case "count":
            return Ratios(numerators=items)
        case "share":
            return ratios(amounts["good"], np.maximum(items, 1), known=some)
        case "sum" | "increase":
            return ratios(amounts["total"], scale=scale, known=some)
        case "mean":
            return ratios(amounts["total"], np.maximum(items, 1), scale=scale, known=some)
        case "rate":
            return ratios(amounts["total"], sizes, scale=scale, known=some)
        case "min":
            return ratios(amounts["least"], scale=scale, known=some)
        case "max":
            return ratios(amounts["greatest"], scale=scale, known=some)
        case "span":
            one, other = amounts["greatest"], amounts["least"]
            return ratios(one.astype(object) - other.astype(object), scale=scale, known=some)
        case "variance" | "stddev":
            return _spread(node, amounts, np.maximum(items, 1), scale, some)
        case "streak":
            return ratios(amounts["value"], known=some)
        case _:
            return ratios(amounts["value"], scale=scale, known=some)


def _spread(
    node: Aggregate, amounts: Mapping[str, Integers], items: Positions, scale: Fraction, some: Flags
) -> Ratios:
    """M33: the mean square of the distance from the mean, or its root."""
    count, total = items.astype(object), amounts["total"].astype(object)
    above = count * amounts["squares"].astype(object) - total * total
    if node.function == "variance":
        return ratios(above, count * count, scale=scale * scale, known=some)
    assert node.parameter is not None
    roots = np.zeros(len(items), dtype=object)
    for place in np.flatnonzero(some).tolist():
        variance = Fraction(above[place]) / count[place] ** 2 * scale * scale
        roots[place] = square_root(variance, node.parameter)
    return ratios(roots, known=some)


def _bounded(node: Aggregate, value: Ratios, full: Flags) -> tuple[Ratios, Ratios, Ratios]:
    if node.within is not None:
        # M102: nothing is known of a percentile where samples are missing, else the bounds of its bucket.
        buckets, sure = Buckets(node.within), _where_known(value, full)
        return lowest(sure, buckets), highest(sure, buckets), told(value, buckets)
    if full.all():
        return value, value, value
    lower = upper = _where_known(value, full)
    if node.function == "share":
        # Where all is known both bounds are the value, else it lies between nothing and all.
        return _or_else(lower, full, 0), _or_else(upper, full, 1), value
    if node.function in ("count", "max", "span", "increase", "rate"):
        lower = value
    elif node.function == "min":
        upper = value
    return lower, upper, value


def _where_known(value: Ratios, full: Flags) -> Ratios:
    known = full if value.known is None else value.known & full
    below = value.denominators
    return Ratios(
        numerators=value.numerators,
        denominators=None if below is None else np.where(known, below, 1),
        known=known,
    )


def _or_else(value: Ratios, full: Flags, other: int) -> Ratios:
    assert value.denominators is not None
    assert value.known is not None
    return Ratios(
        numerators=np.where(full, value.numerators, other),
        denominators=np.where(full, value.denominators, 1),
        known=value.known | ~full,
    )


def _as_truths(value: Values, missing: int) -> Truths:
    assert isinstance(value, Ratios)
    found = value.numerators.astype(np.int8)
    return Truths(found if value.known is None else np.where(value.known, found, np.int8(missing)))
