"""Draws functions over time: with conditions that cut time, and with outages that are too short to count."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from wsla.analysis.operations import Forgiving, Window

if TYPE_CHECKING:
    from wsla.testing.formulas import Formulas


def over_time(formulas: Formulas, function: str, argument: int, window: Window, by: tuple[str, ...]) -> int:
    """A function over time of an argument."""
    where = formulas.truth(formulas.pick(by, ()), depth=1) if formulas.sometimes(3) else None
    return formulas.build.aggregate(
        function,
        argument,
        window,
        where=where,
        filter=formulas.filter(),
        by=by,
        idle=formulas.idle(),
        forgiving=None if function in ("time_mean", "longest") else forgiving_outages(formulas),
    )


def forgiving_outages(formulas: Formulas) -> Forgiving | None:
    """Which outages do not count: mostly every one does."""
    if not formulas.sometimes(3):
        return None
    # In the order of the gaps between samples, and between them.
    steps = formulas.pick(1, 2, 3, 8, 30, Fraction(5, 2), Fraction(1, formulas.scale.unit))
    return Forgiving(length=int(steps * formulas.scale.unit), strictly=formulas.pick(True, False))
