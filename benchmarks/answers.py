"""Answers, exact: what all programs must agree on to the last digit before any time is shown."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.task import MINUTE, Task

Answer = dict[str, list[Any]]
"""For each metric or service, by its number as text, whole numbers and texts in a fixed order."""

SLICE = 5 * MINUTE
SLOW = 250.0

_MINUTES_IN_SLICE = 5
_MINUTES_IN_WINDOW = 60
_NANOSECONDS_IN_STEP = 10_000


@dataclass(frozen=True)
class Panes:
    """One metric, reduced: time by the minute in nanoseconds, samples by five minutes.

    ``known`` and ``good`` are cut exactly at the minutes. ``p99`` is in milliseconds, not a number where a slice has no
    samples.
    """

    known: NDArray[np.int64]
    good: NDArray[np.int64]
    samples: NDArray[np.int64]
    failed: NDArray[np.int64]
    p99: NDArray[np.float64]


def month(task: Task, panes: Panes) -> list[Any]:
    """The second stage that the programs by hand share: everything that month.sla asks about one metric."""
    if 10 * int(panes.known.sum()) < 9 * (task.end - task.start):
        raise ValueError("too little is known for verdicts by the value alone")
    kept = ~_maintained(task)
    known, good = int(panes.known[kept].sum()), int(panes.good[kept].sum())
    failing = _mean_failing(panes)
    p99 = panes.p99[~np.isnan(panes.p99)]
    steps = np.rint(p99 * 100).astype(np.int64)
    typical = Fraction(int(steps.sum()) * _NANOSECONDS_IN_STEP, p99.size)
    slow = int((p99 > SLOW).sum())
    return [
        str(Fraction(good, known)),
        _word(1000 * good >= 999 * known),
        str(1 - failing),
        _tier(failing),
        str(typical),
        _word(typical <= 200_000_000),
        slow,
        _word(slow <= 100),
        *_hours(panes),
    ]


def services(numbers: NDArray[np.int16], good: NDArray[np.int64], total: NDArray[np.int64]) -> Answer:
    """Everything that buckets.sla asks about each service."""
    columns = zip(numbers.tolist(), good.tolist(), total.tolist(), strict=True)
    return {
        str(number): [str(Fraction(served, asked)), _word(1000 * served >= 999 * asked)]
        for number, served, asked in columns
    }


def _maintained(task: Task) -> NDArray[np.bool_]:
    """Which minutes are maintenance: Sundays from two to four."""
    minutes = np.arange(task.start // MINUTE, task.end // MINUTE)
    hours, days = minutes // 60 % 24, minutes // (60 * 24)
    # The epoch began on a Thursday.
    return ((days + 4) % 7 == 0) & (hours >= 2) & (hours < 4)


def _mean_failing(panes: Panes) -> Fraction:
    """The mean of failed by all samples over the slices, of which the empty ones count as zero."""
    by_size = np.zeros(int(panes.samples.max()) + 1, dtype=np.int64)
    np.add.at(by_size, panes.samples, panes.failed)
    sizes = np.flatnonzero(by_size)
    total = sum((Fraction(int(by_size[size]), int(size)) for size in sizes), Fraction(0))
    return total / panes.samples.size


def _tier(failing: Fraction) -> str:
    """The credit in euros for a mean share of failures."""
    if failing <= Fraction(1, 1000):
        return "0"
    if failing <= Fraction(1, 100):
        return "100"
    return "250" if failing <= Fraction(1, 20) else "1000"


def _hours(panes: Panes) -> list[int]:
    """How often the last hour, looked at every minute, met the goal, violated it, or was unknown; runs of violations.

    Nothing is known before the term, and no window reaches further back.
    """
    size = panes.known.size
    low = np.maximum(np.arange(1, size + 1) - _MINUTES_IN_WINDOW, 0)
    known, good = (_totals(pane)[1:] - _totals(pane)[low] for pane in (panes.known, panes.good))
    length = (np.arange(1, size + 1) - low) * MINUTE
    surely_met = 1000 * good >= 999 * length
    surely_violated = 1000 * (length - (known - good)) < 999 * length
    covered = (10 * known >= 9 * length) & (known > 0)
    above = 1000 * good >= 999 * known
    met = surely_met | (~surely_violated & covered & above)
    violated = surely_violated | (~surely_met & covered & ~above)
    starts = violated & ~np.concatenate(([False], violated[:-1]))
    return [int(met.sum()), int(violated.sum()), int((~met & ~violated).sum()), int(starts.sum())]


def _totals(pane: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(pane)))


def _word(met: bool) -> str:
    return "met" if met else "violated"
