"""A value of an aggregate in one window, with what a budget needs to know of it."""

from __future__ import annotations

from attrs import define

from wsla.evaluation.verdicts import SeriesValue
from wsla.values.instants import Interval


@define
class Point:
    """``size`` is the kept time in nanoseconds, or the number of items; ``bad`` what of it is known to be false;
    ``missing`` the unknown part of it before the instant asked about (time only). ``empty`` tells that
    the window has ended without anything to look at; over time only where the plan asks for it.
    """

    window: Interval
    value: SeriesValue
    size: int = 0
    bad: int = 0
    missing: int = 0
    empty: bool = False
