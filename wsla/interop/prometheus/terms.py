"""Quotients of sums of series: what is compared is brought to whole multiples of series, so that nothing is rounded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import gcd, lcm

from attrs import field, frozen

from wsla.interop.prometheus.promql import decimal

Assigned = Mapping[tuple[str, str], Fraction]
"""What each (source, field) is, all the time; of counters by how much it grows from sample to sample."""

_MIRRORED = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}


@frozen
class Term:
    """A recorded series: how it is selected, its labels, and its value where the fields never change.

    ``most`` is the number of looks in a full window, 1 for what is no window; ``every`` the time between two.
    ``never_absent`` where it has a value though nothing was observed.
    """

    selector: str
    labels: tuple[str, ...]
    steady: Callable[[Assigned], Fraction | None] = field(eq=False, repr=False)
    most: int = field(default=1, eq=False)
    every: int = field(default=1, eq=False)
    never_absent: bool = field(default=False, eq=False)


ValueOf = Callable[[Term], Fraction | None]
"""What a term comes to; None where it is unknown."""

Linear = Mapping[Term | None, Fraction]
"""A sum of multiples of terms; that of None is a plain number."""


@frozen
class Quotient:
    """``above / below``; where ``below`` is a plain number it is 1."""

    above: Linear
    below: Linear


ONE: Linear = {None: Fraction(1)}


def always(assigned: Assigned) -> ValueOf:
    """The values of terms where the fields never change."""
    return lambda term: term.steady(assigned)


def plus(left: Linear, right: Linear, times: Fraction = Fraction(1)) -> Linear:
    """``left + times * right``."""
    made = dict(left)
    for term, count in right.items():
        made[term] = made.get(term, Fraction(0)) + times * count
    return {term: count for term, count in made.items() if count}


def scaled(linear: Linear, factor: Fraction) -> Linear:
    """A sum with each multiple taken so many times."""
    return plus({}, linear, factor)


def number_of(quotient: Quotient) -> Fraction | None:
    """The plain number that a quotient is; None where it has a series."""
    if dict(quotient.below) != dict(ONE) or set(quotient.above) - {None}:
        return None
    return quotient.above.get(None, Fraction(0))


def combined(operator: str, left: Quotient, right: Quotient) -> Quotient | None:
    """``left operator right`` with one of ``+ - * /``; None where that is no quotient of sums."""
    first, second = number_of(left), number_of(right)
    match operator:
        case "+" | "-":
            sign = Fraction(1 if operator == "+" else -1)
            if dict(left.below) == dict(right.below):
                return Quotient(plus(left.above, right.above, sign), left.below)
            if second is not None:
                return Quotient(plus(left.above, left.below, sign * second), left.below)
            if first is not None:
                return Quotient(plus(scaled(right.below, first), right.above, sign), right.below)
        case "*":
            if second is not None:
                return Quotient(scaled(left.above, second), left.below)
            if first is not None:
                return Quotient(scaled(right.above, first), right.below)
        case "/" if second is not None:
            return Quotient(scaled(left.above, 1 / second), left.below) if second else None
        case "/" if dict(left.below) == dict(right.below):
            return Quotient(left.above, right.above)
        case "/" if first is not None:
            return Quotient(scaled(right.below, first), right.above)
    return None


@frozen
class Comparison:
    """``sum operator 0`` for a sum of multiples of terms."""

    sum: Linear
    operator: str

    @property
    def terms(self) -> tuple[Term, ...]:
        """The series that are compared."""
        return tuple(term for term in self.sum if term is not None)

    def total(self, value_of: ValueOf) -> Fraction | None:
        """What the sum comes to; None where a term is unknown."""
        total = Fraction(0)
        for term, count in self.sum.items():
            value = Fraction(1) if term is None else value_of(term)
            if value is None:
                return None
            total += count * value
        return total

    def holds(self, value_of: ValueOf) -> bool | None:
        """Whether it is true; None where a term is unknown."""
        total = self.total(value_of)
        if total is None:
            return None
        return {
            ">": total > 0,
            "<": total < 0,
            ">=": total >= 0,
            "<=": total <= 0,
            "==": total == 0,
            "!=": total != 0,
        }[self.operator]

    @property
    def text(self) -> str:
        """PromQL that has a value where it is true: whole multiples on both sides, or a series and a decimal."""
        (first, factor), *others = [(term, count) for term, count in self.sum.items() if term is not None]
        plain = self.sum.get(None, Fraction(0))
        limit = None if others else decimal(-plain / factor)
        if limit is not None:
            operator = self.operator if factor > 0 else _MIRRORED[self.operator]
            return f"{first.selector} {operator} {limit}"
        whole = lcm(*(count.denominator for count in self.sum.values()))
        counts = {term: int(count * whole) for term, count in self.sum.items()}
        common = gcd(*counts.values())
        counts = {term: count // common for term, count in counts.items()}
        left = {term: count for term, count in counts.items() if count > 0}
        right = {term: -count for term, count in counts.items() if count < 0}
        if set(left) <= {None}:
            left, right = right, left
            return f"{_written(left)} {_MIRRORED[self.operator]} {_written(right)}"
        return f"{_written(left)} {self.operator} {_written(right)}"


def _written(counts: Mapping[Term | None, int]) -> str:
    ordered = sorted(counts.items(), key=lambda one: one[0] is None)
    parts = [
        str(count) if term is None else term.selector if count == 1 else f"{count} * {term.selector}"
        for term, count in ordered
    ]
    return " + ".join(parts) or "0"
