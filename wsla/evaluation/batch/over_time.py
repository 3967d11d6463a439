"""Functions over time in columns (rule M12), and what of a budget of time is spent (rule M23)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from wsla.analysis.operations import Aggregate
from wsla.evaluation.batch.columns import Instants
from wsla.evaluation.batch.exact import LIMIT, magnitude, ratios
from wsla.evaluation.batch.frames import Frames
from wsla.evaluation.batch.outcome import Found
from wsla.evaluation.batch.series import Integers, Ratios, Spent
from wsla.evaluation.batch.signals import View
from wsla.evaluation.batch.vectors import Number, common

FUNCTIONS: Final = frozenset({"availability", "duration", "downtime", "time_mean"})


def look(node: Aggregate, frames: Frames, view: View) -> Found:
    """The value of a function over time in every window."""
    assert node.argument is not None
    if node.function == "time_mean":
        return _time_mean(node.argument, frames, view)
    known = frames.within(view.time_known(node.argument).upto)
    if node.function == "downtime":
        false = frames.within(view.time_false(node.argument).upto)
        true = known - false
        counted = false
    else:
        true = frames.within(view.time_true(node.argument).upto)
        false = known - true
        counted = true
    size = frames.sizes
    some = known > 0
    spent = Spent(size=size, bad=false, missing=frames.before_asked() - known)
    coverage = ratios(known, size)
    if node.function == "availability":
        return Found(
            value=ratios(true, np.where(some, known, 1), known=some),
            lower=ratios(true, size),
            upper=ratios(size - false, size),
            coverage=coverage,
            spent=spent,
        )
    return Found(
        value=ratios(counted, known=some),
        lower=ratios(counted),
        upper=ratios(counted + size - known),
        coverage=coverage,
        spent=spent,
    )


def _time_mean(argument: int, frames: Frames, view: View) -> Found:
    known = frames.within(view.time_known(argument).upto)
    some = known > 0
    vector, nowhere = view.vector(argument), view.nowhere(argument)
    assert isinstance(vector, Number)
    assert isinstance(nowhere, Number)
    total = frames.within(_Integral(view, vector).upto)
    value = ratios(total, np.where(some, known, 1), scale=common(vector).scale, known=some)
    if nowhere.known is None or nowhere.known[0]:
        raise TypeError("a value that is always known is no signal of a stream")
    full = (known == frames.sizes) & some
    bound = Ratios(
        numerators=np.where(full, value.numerators, 0),
        denominators=None if value.denominators is None else np.where(full, value.denominators, 1),
        known=full,
    )
    return Found(value=value, lower=bound, upper=bound, coverage=ratios(known, frames.sizes))


class _Integral:
    """The integral of a signal over the time in which it is known, up to an instant."""

    def __init__(self, view: View, vector: Number) -> None:
        number = common(vector)
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
    return lasting if view.staleness is None else np.minimum(lasting, view.staleness)


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
