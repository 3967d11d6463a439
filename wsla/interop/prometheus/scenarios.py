"""Examples for the rules' unit tests: what the fields always are, and which alerts have to fire of it.

Expected is what exact arithmetic says, not Prometheus: at a limit, a little above it and a little below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Final

from attrs import frozen

from wsla.interop.prometheus.alerts import Alert
from wsla.interop.prometheus.conditions import comparisons, holds
from wsla.interop.prometheus.promql import decimal
from wsla.interop.prometheus.terms import Assigned, Comparison, Term, always

_LONGEST: Final = 200
"""Looks that a test may take from the samples on; promtool does a few hundred in a second."""

_UNTIL_COUNTED: Final = 3
"""Looks until a counter has grown, and whatever rests on that is there."""

_ORDINARY: Final = Fraction(1000)
_LARGEST: Final = Fraction(2**40)
Key = tuple[str, str]


@frozen(kw_only=True)
class Scenario:
    """What never changes, and whether the alert fires after so many looks.

    ``fields`` are values of fields, of those that are ``grown`` by how much they grow from look to look. Where there
    are none, ``windows`` are the values of the series that the alert compares.
    """

    title: str
    alert: Alert
    looks: int
    fires: bool
    fields: Assigned
    grown: frozenset[Key]
    windows: Mapping[Term, Fraction]


@frozen(kw_only=True)
class Observed:
    """The fields that an alert rests on: those that are 1 or 0, and counters of which the growth is counted.

    ``whole`` is False where one value a field does not say all: of a counter the growth and the reading matter.
    """

    fields: tuple[Key, ...]
    truths: frozenset[Key]
    grown: frozenset[Key]
    whole: bool


def of_alert(alert: Alert, observed: Observed) -> Iterator[Scenario]:
    """The scenarios of an alert: from observations on where that is quick, else from what windows come to."""
    held = -(-alert.holding_for // alert.every) + _UNTIL_COUNTED
    filled = 1 if alert.timeless else max(term.most for term in alert.terms)
    at_limits = False
    if observed.whole and filled + held <= _LONGEST:
        seen: list[Assigned] = []
        for title, values in _candidates(alert, observed.fields, observed.truths):
            if values in seen or not all(map(_sayable, values.values())):
                continue
            seen.append(values)
            at_limits = at_limits or "limit" in title
            yield Scenario(
                title=title,
                alert=alert,
                looks=filled + held,
                fires=holds(alert.condition, always(values)),
                fields=values,
                grown=observed.grown,
                windows={},
            )
    if not at_limits and not any(term.never_absent for term in alert.terms):
        for title, windows in _at_limits(alert):
            yield Scenario(
                title=title,
                alert=alert,
                looks=held,
                fires=holds(alert.condition, windows.get),
                fields={},
                grown=frozenset(),
                windows=windows,
            )


def _candidates(
    alert: Alert, fields: tuple[Key, ...], truths: frozenset[Key]
) -> Iterator[tuple[str, Assigned]]:
    if truths == set(fields):
        for value, word in ((Fraction(0), "false"), (Fraction(1), "true")):
            yield f"what is observed is always {word}", dict.fromkeys(fields, value)
    for one in comparisons(alert.condition):
        numbers = (key for key in fields if key not in truths)
        yield from next(filter(None, (list(_around(one, key, fields, truths)) for key in numbers)), [])


def _around(
    compared: Comparison, key: Key, fields: tuple[Key, ...], truths: frozenset[Key]
) -> Iterator[tuple[str, Assigned]]:
    """Values at which both sides are equal, and those beside them."""
    others = {one: Fraction(1) if one in truths else _ORDINARY for one in fields}
    limit = _root(compared, key, others)
    if limit is not None and limit.denominator > 1:
        wider = {one: value if one in truths else value * limit.denominator for one, value in others.items()}
        whole = _root(compared, key, wider)
        if whole is not None and whole.denominator == 1:
            others, limit = wider, whole
    if limit is None:
        return
    for word, value in _beside(limit):
        values = {**others, key: value}
        shown = ", ".join(f"{source}.{name} {decimal(one)}" for (source, name), one in values.items())
        yield f"{word} ({shown})", values


def _root(compared: Comparison, key: Key, others: Assigned) -> Fraction | None:
    """Where a sum is zero if all but one field are given; None where it is no matter of that field."""
    first, second = (compared.total(always({**others, key: Fraction(value)})) for value in (0, 1))
    if first is None or second is None or first == second:
        return None
    found = first / (first - second)
    return found if compared.total(always({**others, key: found})) == 0 else None


def _at_limits(alert: Alert) -> Iterator[tuple[str, Mapping[Term, Fraction]]]:
    """Values of windows at which all comparisons of two series are equal, and those beside them."""
    compared = [one for one in comparisons(alert.condition) if len(one.terms) > 1]
    if not compared:
        return
    factor = 1
    for one in compared:
        factor *= _limit(one, dict.fromkeys(one.terms, Fraction(1))).denominator
    for word in ("at a limit", "above a limit", "below a limit"):
        values = {term: Fraction(term.most) * factor for term in alert.terms}
        free: set[Term] = set()
        for one in compared:
            first = one.terms[0]
            if first not in free:
                free.add(first)
                values[first] = dict(_beside(_limit(one, values)))[word]
        if all(map(_sayable, values.values())):
            yield f"all windows are {word}", values


def _limit(compared: Comparison, values: Mapping[Term, Fraction]) -> Fraction:
    first = compared.terms[0]
    rest = compared.total({**values, first: Fraction(0)}.get)
    assert rest is not None
    return -rest / compared.sum[first]


def _beside(limit: Fraction) -> Iterator[tuple[str, Fraction]]:
    least = Fraction(1) if limit.denominator == 1 and limit >= 1 else abs(limit) / 1000 or Fraction(1)
    yield "at a limit", limit
    yield "above a limit", limit + least
    yield "below a limit", limit - least


def _sayable(value: Fraction) -> bool:
    return decimal(value) is not None and 0 <= value < _LARGEST
