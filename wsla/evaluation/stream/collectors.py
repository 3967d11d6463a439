"""Functions over items that come one by one: what is kept of them is no more than the function needs (M16, M17)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any, Final, Protocol

from wsla.analysis.operations import Value
from wsla.evaluation.stream import more_collectors
from wsla.evaluation.stream.bucketed import Bucketed
from wsla.evaluation.stream.exact import divide, text_of, value_of
from wsla.values.buckets import Buckets

HALF: Final = Fraction(1, 2)


class Collector(Protocol):
    """Items go in by ``add``; None is an item without bound. ``result`` may be asked for at any time.

    ``plus`` takes over the items of another collector for the same function, which come after its own; ``minus`` takes
    away what ``plus`` gave, where that is possible. ``side`` says what an item without bound stands for: -1 minus
    infinity, +1 plus infinity. An infinite result, or one over no items, is None.
    """

    def add(self, value: Any) -> None: ...
    def add_many(self, value: Any, times: int) -> None: ...
    def result(self, side: int = -1) -> Value: ...
    def save(self) -> list[object]: ...
    def load(self, saved: list[Any]) -> None: ...


class Count:
    """The number of items."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0

    def add(self, value: Any) -> None:
        self.number += 1

    def add_many(self, value: Any, times: int) -> None:
        self.number += times

    def plus(self, other: Count) -> None:
        self.number += other.number

    def minus(self, other: Count) -> None:
        self.number -= other.number

    def result(self, side: int = -1) -> Value:
        return self.number

    def save(self) -> list[object]:
        return [self.number]

    def load(self, saved: list[Any]) -> None:
        (self.number,) = saved


class Total:
    """``sum`` and ``mean``."""

    __slots__ = ("mean", "number", "total", "unbounded")

    def __init__(self, mean: bool) -> None:
        self.mean = mean
        self.number = 0
        self.total: Any = 0
        self.unbounded = 0

    def add(self, value: Any) -> None:
        if value is None:
            self.unbounded += 1
        else:
            self.number += 1
            self.total += value

    def add_many(self, value: Any, times: int) -> None:
        if value is None:
            self.unbounded += times
        else:
            self.number += times
            self.total += value * times

    def plus(self, other: Total) -> None:
        self.number += other.number
        self.total += other.total
        self.unbounded += other.unbounded

    def minus(self, other: Total) -> None:
        self.number -= other.number
        self.total -= other.total
        self.unbounded -= other.unbounded

    def result(self, side: int = -1) -> Value:
        if self.unbounded or not self.number:
            return None
        return divide(self.total, self.number) if self.mean else self.total

    def save(self) -> list[object]:
        return [self.number, text_of(self.total), self.unbounded]

    def load(self, saved: list[Any]) -> None:
        self.number, self.total, self.unbounded = saved[0], value_of(saved[1]), saved[2]


class Extreme:
    """``min`` and ``max``."""

    __slots__ = ("best", "greatest", "unbounded")

    def __init__(self, greatest: bool) -> None:
        self.greatest = greatest
        self.best: Any = None
        self.unbounded = 0

    def add(self, value: Any) -> None:
        if value is None:
            self.unbounded += 1
        elif self.best is None or (value > self.best if self.greatest else value < self.best):
            self.best = value

    def add_many(self, value: Any, times: int) -> None:
        if times:
            self.add(value)

    def plus(self, other: Extreme) -> None:
        self.unbounded += other.unbounded
        if other.best is not None:
            self.add(other.best)

    def result(self, side: int = -1) -> Value:
        wins = side > 0 if self.greatest else side < 0
        return None if wins and self.unbounded else self.best

    def save(self) -> list[object]:
        return [text_of(self.best), self.unbounded]

    def load(self, saved: list[Any]) -> None:
        self.best, self.unbounded = value_of(saved[0]), saved[1]


class Share:
    """The share of true items; an item without bound is false on the lower side and true on the upper."""

    __slots__ = ("number", "true", "unbounded")

    def __init__(self) -> None:
        self.number = 0
        self.true = 0
        self.unbounded = 0

    def add(self, value: Any) -> None:
        if value is None:
            self.unbounded += 1
        else:
            self.number += 1
            if value:
                self.true += 1

    def add_many(self, value: Any, times: int) -> None:
        if value is None:
            self.unbounded += times
        else:
            self.number += times
            if value:
                self.true += times

    def plus(self, other: Share) -> None:
        self.number += other.number
        self.true += other.true
        self.unbounded += other.unbounded

    def minus(self, other: Share) -> None:
        self.number -= other.number
        self.true -= other.true
        self.unbounded -= other.unbounded

    def result(self, side: int = -1) -> Value:
        open_ended = self.unbounded
        number = self.number + open_ended
        if not number:
            return None
        return divide(self.true + (open_ended if side > 0 else 0), number)

    def save(self) -> list[object]:
        return [self.number, self.true, self.unbounded]

    def load(self, saved: list[Any]) -> None:
        self.number, self.true, self.unbounded = saved


class Ranked:
    """``percentile`` and ``median``: the nearest rank."""

    __slots__ = ("rank", "unbounded", "values")

    def __init__(self, rank: Fraction) -> None:
        self.rank = rank
        self.values: list[Any] = []
        self.unbounded = 0

    def add(self, value: Any) -> None:
        if value is None:
            self.unbounded += 1
        else:
            self.values.append(value)

    def add_many(self, value: Any, times: int) -> None:
        if value is None:
            self.unbounded += times
        else:
            self.values.extend([value] * times)

    def plus(self, other: Ranked) -> None:
        self.values += other.values
        self.unbounded += other.unbounded

    def result(self, side: int = -1) -> Value:
        open_ended = self.unbounded
        number = len(self.values) + open_ended
        if not number:
            return None
        position = max(1, -(-self.rank.numerator * number // self.rank.denominator)) - 1
        if side < 0:
            position -= open_ended
        if not 0 <= position < len(self.values):
            return None
        # Sorting in place: the next sort finds all but the newest items in order.
        self.values.sort()
        return self.values[position]  # type: ignore[no-any-return]

    def save(self) -> list[object]:
        return [list(map(text_of, self.values)), self.unbounded]

    def load(self, saved: list[Any]) -> None:
        self.values[:] = [value_of(value) for value in saved[0]]
        self.unbounded = saved[1]


class Last:
    """The value of the latest item."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: Any = None

    def add(self, value: Any) -> None:
        self.value = value

    def add_many(self, value: Any, times: int) -> None:
        if times:
            self.value = value

    def plus(self, other: Last) -> None:
        if other.value is not None:
            self.value = other.value

    def result(self, side: int = -1) -> Value:
        return self.value  # type: ignore[no-any-return]

    def save(self) -> list[object]:
        return [text_of(self.value)]

    def load(self, saved: list[Any]) -> None:
        self.value = value_of(saved[0])


def add_all(gathered: Collector, values: list[Any]) -> None:
    """Adds many items at once; None among them is one that does not count."""
    if None in values:
        values = [value for value in values if value is not None]
    match gathered:
        case Ranked():
            gathered.values += values
        case Bucketed():
            gathered.add_all(values)
        case Total():
            gathered.number += len(values)
            gathered.total += sum(values)
        case Share():
            gathered.number += len(values)
            gathered.true += values.count(True)
        case Count():
            gathered.number += len(values)
        case Extreme() if values:
            gathered.add(max(values) if gathered.greatest else min(values))
        case _:
            for value in values:
                gathered.add(value)


def collector(
    function: str, parameter: Fraction | None, buckets: Buckets | None = None, edge: int = 0
) -> Collector:
    """A fresh collector for a function of the language; of a percentile with ``buckets`` it tells an ``edge`` or, with
    0, the middle of one.
    """
    match function:
        case "percentile" | "median" if buckets is not None:
            return Bucketed(HALF if parameter is None else parameter, buckets, edge)
        case "count":
            return Count()
        case "sum" | "mean":
            return Total(mean=function == "mean")
        case "min" | "max":
            return Extreme(greatest=function == "max")
        case "share":
            return Share()
        case "percentile":
            return Ranked(HALF if parameter is None else parameter)
        case "median":
            return Ranked(HALF)
        case "last":
            return Last()
        case "increase" | "rate":
            return Total(mean=False)
        case "first" | "mode" | "span" | "streak" | "variance" | "stddev":
            return more_collectors.collector(function, parameter)
        case _:
            raise ValueError(f"there is no aggregate {function!r}")


def collector_maker(
    function: str, parameter: Fraction | None, buckets: Buckets | None = None
) -> Callable[[], Collector]:
    """What makes fresh collectors for a function, for whoever needs many."""
    match function:
        case "count":
            return Count
        case "sum" | "increase" | "rate":
            return partial(Total, mean=False)
        case "mean":
            return partial(Total, mean=True)
        case "min" | "max":
            return partial(Extreme, greatest=function == "max")
        case "share":
            return Share
        case _:
            return partial(collector, function, parameter, buckets)
