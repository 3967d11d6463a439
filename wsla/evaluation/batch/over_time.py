"""Functions over time in columns (rules M12 and M50), and what of a budget of time is spent (rules M23 and M51)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from attrs import evolve

from wsla.analysis.operations import Aggregate
from wsla.evaluation.batch.columns import Instants
from wsla.evaluation.batch.exact import LIMIT, magnitude, ratios
from wsla.evaluation.batch.frames import Frames
from wsla.evaluation.batch.outages import forgiving, longest, outages
from wsla.evaluation.batch.outcome import Found
from wsla.evaluation.batch.series import Integers, Ratios, Spent
from wsla.evaluation.batch.signals import View
from wsla.evaluation.batch.times import Left, Times, times_of
from wsla.evaluation.batch.vectors import Number, common

FUNCTIONS: Final = frozenset({"availability", "duration", "downtime", "time_mean", "longest", "outages"})


def look(node: Aggregate, frames: Frames, view: View) -> Found | Times:
    """The value of a function over time in every window; or, where they are shorter, the times on which it rests."""
    if node.function == "time_mean":
        return _time_mean(node, frames, view)
    times = times_of(node, view)
    return times if times.runs < len(frames) else found(node, frames, times)


def found(node: Aggregate, frames: Frames, times: Times) -> Found:
    """The value of a function over the time of a condition in every window."""
    left = Left.of(frames, times)
    if node.forgiving is not None:
        return forgiving(node.function, node.forgiving, frames, times, left)
    match node.function:
        case "longest":
            return longest(frames, times, left)
        case "outages":
            return outages(frames, times, left)
        case _:
            return _measured(node, frames.within(times.true.upto), left)


def found_of_all(node: Aggregate, frames: Frames, times: Sequence[Times]) -> Found | None:
    """The values of one label combination behind those of the other; None where that is no quicker than one by one."""
    if node.forgiving is not None or node.function in ("longest", "outages"):
        return None
    true = np.concatenate([frames.within(one.true.upto) for one in times])
    return _measured(node, true, Left.of_all([Left.of(frames, one) for one in times]))


def _measured(node: Aggregate, true: Instants, left: Left) -> Found:
    false = left.known - true
    spent = Spent(size=left.size, bad=false, missing=left.missing)
    if node.function == "availability":
        return Found(
            value=ratios(true, np.maximum(left.known, 1), known=left.some),
            lower=ratios(true, left.above_zero),
            # Where nothing is left of the time all may have been good (rule M50).
            upper=ratios(np.where(left.size > 0, left.size - false, 1), left.above_zero),
            coverage=left.coverage,
            nothing=left.nothing,
            spent=spent,
        )
    counted = false if node.function == "downtime" else true
    return Found(
        value=ratios(counted, known=left.some),
        lower=ratios(counted),
        upper=ratios(counted + left.size - left.known),
        coverage=left.coverage,
        nothing=left.nothing,
        spent=spent,
    )


def _time_mean(node: Aggregate, frames: Frames, view: View) -> Found:
    assert node.argument is not None
    vector = view.vector(node.argument)
    assert isinstance(vector, Number)
    known, cut = view.time_known(node.argument), None
    if node.where is not None:
        inside = view.truth(node.where).true
        vector = evolve(vector, known=inside if vector.known is None else vector.known & inside)
        # Where no row holds the value is unknown, whatever is known of ``where``.
        assert vector.known is not None
        known, cut = view.time_where(vector.known, otherwise=False), view.time_false(node.where)
    left = Left.of(frames, Times(true=known, false=None, known=known, cut=cut))
    integral = _Integral(view, vector)
    total = frames.within(integral.upto)
    value = ratios(total, np.maximum(left.known, 1), scale=integral.scale, known=left.some)
    full = left.full & left.some
    bound = Ratios(
        numerators=np.where(full, value.numerators, 0),
        denominators=None if value.denominators is None else np.where(full, value.denominators, 1),
        known=full,
    )
    return Found(value=value, lower=bound, upper=bound, coverage=left.coverage, nothing=left.nothing)


class _Integral:
    """The integral of a signal over the time in which it is known, up to an instant."""

    def __init__(self, view: View, vector: Number) -> None:
        number = common(vector)
        self.scale: Final = number.scale
        values = np.broadcast_to(number.numerators, (len(view.at),))
        if number.known is not None:
            values = np.where(number.known, values, 0)
        self._at = view.at
        self._values = values
        self._lasting = _lasting(view)
        self._before = _running(values, self._lasting)

    def upto(self, instants: Instants) -> Integers:
        found: Any = np.zeros(len(instants), dtype=object)
        if not len(self._at):
            return np.asarray(found)
        place = np.searchsorted(self._at, instants, side="right")
        behind = np.maximum(place - 1, 0)
        part = np.minimum(instants - self._at[behind], self._lasting[behind])
        part = np.where(place > 0, part, 0)
        high, low = self._before
        found = low[behind].astype(object) + self._values[behind].astype(object) * part.astype(object)
        if high is not None:
            found = found + high[behind].astype(object) * (1 << _SPLIT)
        return np.where(place > 0, found, 0)


_SPLIT: Final = 32


def _lasting(view: View) -> Instants:
    """How long each row holds."""
    ends = np.append(view.at[1:], view.until)
    lasting: Instants = ends - view.at
    staleness = view.holding.staleness
    return lasting if staleness is None else np.minimum(lasting, staleness)


def _running(values: Integers, lasting: Instants) -> tuple[Integers | None, Integers]:
    """The sums of value times length before each row, in two parts: the first counts in 2 ** 32."""
    most = magnitude(values) * magnitude(lasting)
    if most > LIMIT:
        values, lasting = values.astype(object), lasting.astype(object)
    parts = values * lasting
    if parts.dtype == object or most * max(1, len(parts)) <= LIMIT:
        return None, _before(parts)
    return _before(parts >> _SPLIT), _before(parts & ((1 << _SPLIT) - 1))


def _before(parts: Integers) -> Integers:
    found = np.zeros(len(parts) + 1, dtype=parts.dtype)
    np.cumsum(parts, out=found[1:])
    return found
