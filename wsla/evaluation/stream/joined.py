"""Signals joined over the streams that were seen so far (rule M60)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

from wsla.analysis.operations import Across, Value
from wsla.evaluation.stream.exact import compare, divide
from wsla.evaluation.stream.inlets import Watcher
from wsla.evaluation.stream.layout import restrict
from wsla.evaluation.stream.pointwise import Reader
from wsla.evaluation.verdicts import Labels

Bounds = tuple[Value, Value]


class Joined:
    """A joined signal as one watcher reads it. ``labels`` are those that are left, None where none can be seen yet."""

    __slots__ = ("_labels", "_limit", "_node", "_parts", "_reader", "watcher")

    def __init__(
        self,
        node: Across,
        labels: Labels | None,
        limit: Value,
        reader: Callable[[int, Labels], Reader],
        watcher: Watcher | None,
    ) -> None:
        self._node: Final = node
        self._labels: Final = labels
        self._limit: Final = limit
        self._reader: Final = reader
        self.watcher: Final = watcher
        # For each stream what is joined, and whether it counts.
        self._parts: Final[list[tuple[Reader, Reader | None]]] = []

    def takes(self, part: Labels) -> bool:
        """True where a label combination is one of those that are joined here."""
        return self._labels is not None and restrict(part, self._node.by) == self._labels

    def join(self, part: Labels) -> None:
        """A label combination that is taken was seen for the first time."""
        node = self._node
        where = None if node.where is None else self._reader(node.where, part)
        self._parts.append((self._reader(node.operand, part), where))

    def read(self) -> Value:
        """The value now."""
        known: list[Any] = []
        unknown = 0
        for value, where in self._parts:
            inside = True if where is None else where()
            if inside is False:
                continue
            found = value() if inside else None
            if found is None:
                unknown += 1
            else:
                known.append(found)
        operator = self._node.operator
        if operator is None:
            return None if unknown else _value(self._node.function, known)
        return decided(operator, between(self._node.function, known, unknown), self._limit)


def _value(function: str, known: list[Any]) -> Value:
    if function == "count":
        return len(known)
    if not known:
        return None
    match function:
        case "min":
            found: Value = min(known)
        case "max":
            found = max(known)
        case "sum":
            found = sum(known)
        case "share":
            found = Fraction(known.count(True), len(known))
        case _:
            found = divide(sum(known), len(known))
    return found


def between(function: str, known: list[Any], unknown: int) -> Bounds:
    """The least and the greatest that the number can be, whatever the unknown are; None where there is no bound."""
    value = _value(function, known)
    if not unknown:
        return value, value
    number = len(known) + unknown
    match function:
        case "count":
            return value, number
        case "max":
            return value, None
        case "min":
            return None, value
        case "share" if known:
            good = known.count(True)
            return Fraction(good, number), Fraction(good + unknown, number)
        case _:
            return None, None


def decided(operator: str, bounds: Bounds, limit: Value) -> bool | None:
    """A comparison that holds for every number between the bounds is true, one that holds for none is false."""
    least, most = bounds
    match operator:
        case ">" | ">=":
            return _settled(compare(operator, least, limit), compare(operator, most, limit))
        case "<" | "<=":
            return _settled(compare(operator, most, limit), compare(operator, least, limit))
        case _:
            same = _same(least, most, limit)
            return same if same is None or operator == "==" else not same


def _settled(worst: bool | None, best: bool | None) -> bool | None:
    if worst is True:
        return True
    return False if best is False else None


def _same(least: Value, most: Value, limit: Value) -> bool | None:
    if compare(">", least, limit) is True or compare("<", most, limit) is True:
        return False
    return True if least is not None and least == most == limit else None
