"""Collectors for the first item, the commonest value, the span, the variance and its root (M33), and streaks (M56)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from wsla.analysis.operations import Value
from wsla.evaluation.stream.exact import text_of, value_of, whole
from wsla.values.roots import square_root

UNORDERED: Final = frozenset({"mode", "span", "streak", "variance", "stddev"})
"""Functions that greater values do not make greater: bounds of items do not bound them."""


class First:
    """The value of the earliest item."""

    __slots__ = ("any", "value")

    def __init__(self) -> None:
        self.any = False
        self.value: Any = None

    def add(self, value: Any) -> None:
        if not self.any:
            self.any, self.value = True, value

    def add_many(self, value: Any, times: int) -> None:
        if times:
            self.add(value)

    def plus(self, other: First) -> None:
        if other.any:
            self.add(other.value)

    def result(self, side: int = -1) -> Value:
        return self.value  # type: ignore[no-any-return]

    def save(self) -> list[object]:
        return [self.any, text_of(self.value)]

    def load(self, saved: list[Any]) -> None:
        self.any, self.value = saved[0], value_of(saved[1])


class Streak:
    """How many of the latest items, in a row, are true."""

    __slots__ = ("length", "number")

    def __init__(self) -> None:
        self.number = 0
        self.length = 0

    def add(self, value: Any) -> None:
        self.add_many(value, 1)

    def add_many(self, value: Any, times: int) -> None:
        if times:
            self.number += times
            self.length = self.length + times if value is True else 0

    def plus(self, other: Streak) -> None:
        if other.number:
            self.length = other.length + (self.length if other.length == other.number else 0)
            self.number += other.number

    def result(self, side: int = -1) -> Value:
        return self.length if self.number else None

    def save(self) -> list[object]:
        return [self.number, self.length]

    def load(self, saved: list[Any]) -> None:
        self.number, self.length = saved


class Tally:
    """``mode`` and ``span``: how often each value occurred. Items without bound are left out."""

    __slots__ = ("mode", "times")

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self.times: dict[Any, int] = {}

    def add(self, value: Any) -> None:
        self.add_many(value, 1)

    def add_many(self, value: Any, times: int) -> None:
        if value is not None and times:
            self.times[value] = self.times.get(value, 0) + times

    def plus(self, other: Tally) -> None:
        for value, number in other.times.items():
            self.add_many(value, number)

    def result(self, side: int = -1) -> Value:
        times = self.times
        if not times:
            return None
        if self.mode:
            most = max(times.values())
            return min(value for value, number in times.items() if number == most)  # type: ignore[no-any-return]
        return max(times) - min(times)  # type: ignore[no-any-return]

    def save(self) -> list[object]:
        return [[text_of(value), number] for value, number in self.times.items()]

    def load(self, saved: list[Any]) -> None:
        self.times = {value_of(value): number for value, number in saved}


class Variance:
    """The population variance, exactly, or its root to a step. Items without bound are left out."""

    __slots__ = ("number", "squares", "step", "total")

    def __init__(self, step: Fraction | None = None) -> None:
        self.step: Final = step
        self.number = 0
        self.total: Any = 0
        self.squares: Any = 0

    def add(self, value: Any) -> None:
        self.add_many(value, 1)

    def add_many(self, value: Any, times: int) -> None:
        if value is not None:
            self.number += times
            self.total += value * times
            self.squares += value * value * times

    def plus(self, other: Variance) -> None:
        self.number += other.number
        self.total += other.total
        self.squares += other.squares

    def minus(self, other: Variance) -> None:
        self.number -= other.number
        self.total -= other.total
        self.squares -= other.squares

    def result(self, side: int = -1) -> Value:
        number = self.number
        if not number:
            return None
        variance = Fraction(self.squares * number - self.total * self.total) / (number * number)
        return whole(variance if self.step is None else square_root(variance, self.step))

    def save(self) -> list[object]:
        return [self.number, text_of(self.total), text_of(self.squares)]

    def load(self, saved: list[Any]) -> None:
        self.number, self.total, self.squares = saved[0], value_of(saved[1]), value_of(saved[2])


def collector(function: str, step: Fraction | None) -> First | Streak | Tally | Variance:
    """A fresh collector for one of these functions."""
    match function:
        case "first":
            return First()
        case "streak":
            return Streak()
        case "variance":
            return Variance()
        case "stddev":
            return Variance(step)
        case _:
            return Tally(mode=function == "mode")
