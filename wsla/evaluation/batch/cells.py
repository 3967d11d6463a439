"""Formulas over series in columns: values with bounds and coverage in every window (rule M19)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import numpy as np
from attrs import evolve, frozen

from wsla.analysis.operations import Value
from wsla.evaluation.batch.columns import Flags
from wsla.evaluation.batch.ratios import (
    FALSE,
    NO_NUMBERS,
    ONES,
    TRUE,
    UNSURE,
    ZEROS,
    as_ratios,
    both_known,
    calculate,
    compare,
    greatest,
    known_of,
    least,
    logic,
    negated,
    of_value,
    select,
    surely,
)
from wsla.evaluation.batch.series import Ratios, Truths, Values
from wsla.evaluation.stream import algebra
from wsla.evaluation.verdicts import SeriesValue


@frozen(eq=False, kw_only=True)
class Cells:
    """A series value a window. ``exists`` says which windows there are (rule M7), None where there are all.

    A column of one row suits every window. ``fixed`` is set where the whole is one value, whatever the window.
    """

    value: Values
    lower: Values
    upper: Values
    coverage: Ratios
    exists: Flags | None = None
    fixed: SeriesValue | None = None


NOTHING_NUMBER: Final = Cells(value=NO_NUMBERS, lower=NO_NUMBERS, upper=NO_NUMBERS, coverage=ZEROS)
NOTHING_TRUTH: Final = Cells(value=UNSURE, lower=FALSE, upper=TRUE, coverage=ZEROS)


def nothing_known(truth: bool) -> Cells:
    """What stands for a value where there is none."""
    return NOTHING_TRUTH if truth else NOTHING_NUMBER


def fixed_cells(value: SeriesValue) -> Cells:
    """One value for every window; a text can only be compared with another."""
    if isinstance(value.value, str):
        return evolve(NOTHING_NUMBER, coverage=_ratios(value.coverage), fixed=value)
    return Cells(
        value=of_value(value.value) if value.value is not None else _unknown_like(value),
        lower=of_value(value.lower),
        upper=of_value(value.upper),
        coverage=_ratios(value.coverage),
        fixed=value,
    )


def certain(value: Value, truth: bool) -> Cells:
    """A scalar beside a series."""
    return fixed_cells(algebra.certain(value, truth))


def _unknown_like(value: SeriesValue) -> Values:
    return UNSURE if isinstance(value.lower, bool) else NO_NUMBERS


def _ratios(value: Fraction) -> Ratios:
    found = of_value(value)
    assert isinstance(found, Ratios)
    return found


def where_it_exists(cells: Cells, truth: bool) -> Cells:
    """The values, with nothing known in windows that there are not."""
    if cells.exists is None:
        return cells
    return chosen_cells(cells.exists, cells, nothing_known(truth))


def chosen_cells(flags: Flags, left: Cells, right: Cells) -> Cells:
    """``left`` where the flag is set, else ``right``."""
    coverage = select(flags, left.coverage, right.coverage)
    assert isinstance(coverage, Ratios)
    return Cells(
        value=select(flags, left.value, right.value),
        lower=select(flags, left.lower, right.lower),
        upper=select(flags, left.upper, right.upper),
        coverage=coverage,
    )


def least_coverage(parts: Sequence[Cells]) -> Ratios:
    """The least of the operands'."""
    found = ONES
    for part in parts:
        if (
            part.coverage is ONES
            or part.coverage is found
            or (part.fixed is not None and _is_full(part.coverage))
        ):
            continue
        found = part.coverage if found is ONES else least(found, part.coverage)
    return found


def _is_full(coverage: Ratios) -> bool:
    below = 1 if coverage.denominators is None else coverage.denominators
    return bool(np.all(coverage.numerators == below))


def compared(sign: str, left: Cells, right: Cells) -> Cells:
    """A comparison: surely true, surely false, or between."""
    if left.fixed is not None and right.fixed is not None:
        return fixed_cells(algebra.compared(sign, left.fixed, right.fixed))
    value = compare(sign, left.value, right.value)
    coverage = least_coverage((left, right))
    if _is_point_everywhere(left) and _is_point_everywhere(right):
        # Unknown values have no bounds either, so that nothing is claimed of them.
        return Cells(
            value=Truths(value),
            lower=Truths(np.maximum(value, 0)),
            upper=Truths(np.abs(value)),
            coverage=coverage,
        )
    lower, upper = _bounds_of_comparison(sign, left, right)
    return Cells(
        value=Truths(value),
        lower=Truths(lower.astype(np.int8)),
        upper=Truths(upper.astype(np.int8)),
        coverage=coverage,
    )


def _is_point_everywhere(cells: Cells) -> bool:
    return cells.value is cells.lower is cells.upper or (cells.fixed is not None and _is_point(cells.fixed))


def _is_point(value: SeriesValue) -> bool:
    return value.value == value.lower == value.upper


_OPPOSITE: Final = {"<": ">=", ">=": "<", "<=": ">", ">": "<="}


def _bounds_of_comparison(sign: str, left: Cells, right: Cells) -> tuple[Flags, Flags]:
    match sign:
        case "<" | "<=":
            return surely(sign, left.upper, right.lower), ~surely(_OPPOSITE[sign], left.lower, right.upper)
        case ">" | ">=":
            return surely(sign, left.lower, right.upper), ~surely(_OPPOSITE[sign], left.upper, right.lower)
        case _:
            equal = is_point(left) & is_point(right) & surely("==", left.lower, right.lower)
            apart = surely("<", left.upper, right.lower) | surely(">", left.lower, right.upper)
            return (equal, ~apart) if sign == "==" else (apart, ~equal)


def is_point(cells: Cells) -> Flags:
    """Where the bounds are one value."""
    return surely("==", cells.lower, cells.upper)


def joined(word: str, left: Cells, right: Cells) -> Cells:
    """``and``, ``or``, ``implies``: the value and each bound by Kleene."""
    if left.fixed is not None and right.fixed is not None:
        return fixed_cells(algebra.joined(word, left.fixed, right.fixed))
    first, last = (left.upper, left.lower) if word == "implies" else (left.lower, left.upper)
    return Cells(
        value=_logic(word, left.value, right.value),
        lower=_logic(word, first, right.lower),
        upper=_logic(word, last, right.upper),
        coverage=least_coverage((left, right)),
    )


def _logic(word: str, left: Values, right: Values) -> Truths:
    assert isinstance(left, Truths)
    assert isinstance(right, Truths)
    return Truths(logic(word, left.values, right.values))


def opposite(operand: Cells) -> Cells:
    """``not``: the bounds change places."""
    if operand.fixed is not None:
        return fixed_cells(algebra.negated(operand.fixed))

    def turned(values: Values) -> Truths:
        assert isinstance(values, Truths)
        return Truths(negated(values.values))

    return Cells(
        value=turned(operand.value),
        lower=turned(operand.upper),
        upper=turned(operand.lower),
        coverage=operand.coverage,
    )


def calculated(sign: str, left: Cells, right: Cells) -> Cells:
    """Interval arithmetic."""
    if left.fixed is not None and right.fixed is not None:
        return fixed_cells(algebra.calculated(sign, left.fixed, right.fixed))
    value = calculate(sign, as_ratios(left.value), as_ratios(right.value))
    coverage = least_coverage((left, right))
    if _is_point_everywhere(left) and _is_point_everywhere(right):
        return Cells(value=value, lower=value, upper=value, coverage=coverage)
    low, high = as_ratios(left.lower), as_ratios(left.upper)
    least_, most = as_ratios(right.lower), as_ratios(right.upper)
    if sign in "+-":
        others = (least_, most) if sign == "+" else (most, least_)
        lower, upper = (calculate(sign, x, y) for x, y in zip((low, high), others, strict=True))
    else:
        corners = [calculate(sign, x, y) for x in (low, high) for y in _ends(least_, most, right)]
        lower = upper = corners[0]
        for corner in corners[1:]:
            lower, upper = least(lower, corner), greatest(upper, corner)
    known = both_known(both_known(low.known, high.known), both_known(least_.known, most.known))
    if sign in ("/", "started", "completed"):
        apart = (compare(">", least_, ZEROS) == 1) | (compare("<", most, ZEROS) == 1)
        known = both_known(known, apart)
    return Cells(
        value=value,
        lower=Ratios(lower.numerators, lower.denominators, known),
        upper=Ratios(upper.numerators, upper.denominators, known),
        coverage=coverage,
    )


def _ends(lower: Ratios, upper: Ratios, side: Cells) -> tuple[Ratios, ...]:
    return (lower,) if side.fixed is not None and _is_point(side.fixed) else (lower, upper)


def chosen(
    subject: Cells, arms: Sequence[tuple[str, Cells, Cells]], otherwise: Cells | None, truth: bool
) -> Cells:
    """A ``by`` table."""
    every = [subject, *(side for _, bound, result in arms for side in (bound, result))]
    every += [] if otherwise is None else [otherwise]
    if all(part.fixed is not None for part in every):
        return _chosen_fixed(subject, arms, otherwise, truth)
    found = nothing_known(truth) if otherwise is None else otherwise
    # The first arm that fits wins, so the last is laid down first.
    for sign, bound, result in reversed(arms):
        found = chosen_cells(_fits(sign, subject, bound), result, found)
    known = known_of(subject.value) if subject.fixed is None else np.array([subject.fixed.value is not None])
    if known is not None:
        found = chosen_cells(known, found, nothing_known(truth))
    exact = is_point(found) & _known_point(subject)
    no_bounds = nothing_known(truth)
    return Cells(
        value=found.value,
        lower=select(exact, found.value, no_bounds.lower),
        upper=select(exact, found.value, no_bounds.upper),
        coverage=least_coverage(every),
    )


def _fits(sign: str, subject: Cells, bound: Cells) -> Flags:
    if subject.fixed is not None and bound.fixed is not None:
        return np.array([algebra.compared(sign, subject.fixed, bound.fixed).value is True])
    return surely(sign, subject.value, bound.value)


def _known_point(subject: Cells) -> Flags:
    if subject.fixed is not None:
        return np.array([subject.fixed.lower is not None and subject.fixed.lower == subject.fixed.upper])
    return is_point(subject)


def _chosen_fixed(
    subject: Cells, arms: Sequence[tuple[str, Cells, Cells]], otherwise: Cells | None, truth: bool
) -> Cells:
    def single(cells: Cells) -> SeriesValue:
        assert cells.fixed is not None
        return cells.fixed

    lines = [(sign, single(bound), single(result)) for sign, bound, result in arms]
    last = None if otherwise is None else single(otherwise)
    return fixed_cells(algebra.chosen(single(subject), lines, last, truth))
