"""What an availability promised over windows of one kind is worth over windows of another, in the worst of them."""

from __future__ import annotations

from fractions import Fraction
from typing import Final, assert_never

from wsla.values.calendars import CalendarWindow, ExactWindow, TumblingWindow, window_containing
from wsla.values.instants import DAY, Interval

LOOKED_AT: Final = 10_228 * DAY
"""28 years, after which weekdays and leap years fall alike again."""
MOST_WINDOWS: Final = 4000
"""How many windows are looked at, at most."""


def share_in(share: Fraction, promised: TumblingWindow, asked: TumblingWindow, start: int) -> Fraction:
    """M84: the least availability in a window of kind ``asked`` while each window ``promised`` has the share or more.

    A window may take all the time that may be lost in the promised windows that it touches. The windows looked at are
    those from the one that contains ``start``, for 28 years, 4000 at most.
    """
    if promised == asked:
        return share
    worst = share
    window = window_containing(asked, start)
    for _ in range(MOST_WINDOWS):
        if window.start >= start + LOOKED_AT:
            break
        worst = min(worst, 1 - _lost(1 - share, promised, window) / (window.end - window.start))
        window = window_containing(asked, window.end)
    return worst


def _lost(lost: Fraction, promised: TumblingWindow, window: Interval) -> Fraction:
    """The most time that may be lost within a window; ``lost`` is the share that each promised window may lose."""
    first, last = window_containing(promised, window.start), window_containing(promised, window.end - 1)
    if first == last:
        return _within(lost, first, window)
    match promised:
        case ExactWindow():
            between = lost * (last.start - first.end)
        case CalendarWindow():
            between = Fraction(0)
            inner = window_containing(promised, first.end)
            while inner != last:
                between += lost * (inner.end - inner.start)
                inner = window_containing(promised, inner.end)
        case _:
            assert_never(promised)
    return _within(lost, first, window) + between + _within(lost, last, window)


def _within(lost: Fraction, promised: Interval, window: Interval) -> Fraction:
    shared = min(promised.end, window.end) - max(promised.start, window.start)
    return min(lost * (promised.end - promised.start), Fraction(shared))
