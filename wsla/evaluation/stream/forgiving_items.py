"""Short outages that do not count, over the windows of a series (rule M53)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from wsla.analysis.operations import Forgiving
from wsla.evaluation.stream.algebra import ZERO
from wsla.evaluation.stream.forgiving import Runs
from wsla.evaluation.verdicts import SeriesValue
from wsla.values.instants import Interval


class ItemRuns:
    """Runs of false windows: by their values, by their lower bounds and by their upper bounds."""

    __slots__ = ("lowers", "uppers", "values")

    def __init__(self, forgiving: Forgiving) -> None:
        self.values: Final = Runs(forgiving)
        self.lowers: Final = Runs(forgiving)
        self.uppers: Final = Runs(forgiving)

    def add(self, window: Interval, series: SeriesValue, certain: bool, times: int) -> None:
        """The next window, or so many that are alike and fill this stretch; where not ``certain``, it is unknown
        whether they take part at all.
        """
        start, end = window.start, window.end
        unknown = not certain or series.value is None
        self.values.feed(start, end, times, certain and series.value is False)
        self.lowers.feed(start, end, times, not certain or series.lower is False, times if unknown else 0)
        self.uppers.feed(start, end, times, certain and series.upper is False)

    @property
    def bad(self) -> int:
        """How many windows are known to be false and count."""
        return self.values.ended().bad

    def result(self, number: int, known: int, coverage: Fraction) -> SeriesValue:
        """The share of good windows."""
        if not number:
            return SeriesValue(value=None, lower=None, upper=None, coverage=coverage)
        worst = self.lowers.ended()
        certain = number - worst.loose
        return SeriesValue(
            value=Fraction(known - self.bad, known) if known else None,
            lower=Fraction(certain - worst.bad, certain) if certain else ZERO,
            upper=Fraction(number - self.uppers.ended().bad, number),
            coverage=coverage,
        )

    def save(self) -> list[object]:
        return [self.values.save(), self.lowers.save(), self.uppers.save()]

    def load(self, saved: list[Any]) -> None:
        self.values.load(saved[0])
        self.lowers.load(saved[1])
        self.uppers.load(saved[2])
