"""What an aggregate comes to in all windows, before those of one label combination are picked."""

from __future__ import annotations

from typing import Any

import numpy as np
from attrs import frozen

from wsla.analysis.operations import Value
from wsla.evaluation.batch.columns import Flags, Instants
from wsla.evaluation.batch.exact import chosen, constants
from wsla.evaluation.batch.ratios import FALSE, NO_NUMBERS, TRUE, select
from wsla.evaluation.batch.series import Ratios, SeriesColumns, Spent, Truths, Values


@frozen(eq=False, kw_only=True)
class Found:
    """As ``SeriesColumns``, for all windows of the frames."""

    value: Values
    lower: Values
    upper: Values
    coverage: Ratios
    nothing: Flags | None = None
    spent: Spent | None = None


def picked(found: Found, starts: Instants, ends: Instants, windows: Flags) -> SeriesColumns:
    """The windows that are flagged."""
    every = bool(windows.all())

    def pick(values: Any) -> Any:
        return values if values is None or every else values[windows]

    def numbers(values: Ratios) -> Ratios:
        return Ratios(
            numerators=pick(values.numerators),
            denominators=pick(values.denominators),
            known=pick(values.known),
        )

    def either(values: Values) -> Values:
        return Truths(pick(values.values)) if isinstance(values, Truths) else numbers(values)

    spent, value = found.spent, either(found.value)
    return SeriesColumns(
        starts=pick(starts),
        ends=pick(ends),
        value=value,
        lower=value if found.lower is found.value else either(found.lower),
        upper=value if found.upper is found.value else either(found.upper),
        coverage=numbers(found.coverage),
        nothing=pick(found.nothing),
        spent=None
        if spent is None
        else Spent(size=pick(spent.size), bad=pick(spent.bad), missing=pick(spent.missing)),
    )


def with_idle(found: Found, closed: Flags, value: Value) -> Found:
    """``or V when idle``: V in those closed windows in which there was nothing to look at, and no bounds in open ones
    (rule M16).
    """
    if found.nothing is None:
        return found
    idle = found.nothing & closed
    may_be = found.nothing & ~closed

    def replaced(values: Values, missing: int) -> Values:
        if isinstance(values, Truths):
            truth = missing if value is None else int(bool(value))
            return Truths(np.where(idle, np.int8(truth), values.values))
        assert not isinstance(value, str)
        return chosen(idle, constants(value, len(idle)), values)

    def bound(values: Values, missing: int) -> Values:
        filled = replaced(values, missing)
        if not may_be.any():
            return filled
        unsure = (FALSE if missing == 0 else TRUE) if isinstance(filled, Truths) else NO_NUMBERS
        return select(may_be, unsure, filled)

    return Found(
        value=replaced(found.value, -1),
        lower=bound(found.lower, 0),
        upper=bound(found.upper, 1),
        coverage=chosen(idle, constants(1, len(idle)), found.coverage),
        nothing=found.nothing,
        spent=found.spent,
    )
