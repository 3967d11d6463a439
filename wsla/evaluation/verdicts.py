"""What judging gives: verdicts with value, bounds, coverage and budget."""

from __future__ import annotations

from enum import Enum
from fractions import Fraction

from attrs import frozen

from wsla.analysis.operations import Value
from wsla.values.instants import Interval

Labels = tuple[tuple[str, str], ...]
"""Label names with their values, in the order of the goal's ``by``; empty where there are none."""


class Verdict(Enum):
    """What is said of a goal in a window. The last four are for a window that is still open."""

    MET = "met"
    VIOLATED = "violated"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not applicable"
    SECURED = "secured"
    ON_TRACK = "on track"
    AT_RISK = "at risk"
    LOST = "lost"


CLOSED_VERDICTS = frozenset({Verdict.MET, Verdict.VIOLATED, Verdict.UNKNOWN, Verdict.NOT_APPLICABLE})
CERTAIN = frozenset({Verdict.SECURED, Verdict.LOST})
"""What is said of an open window once nothing that is observed later changes it."""


@frozen(kw_only=True)
class SeriesValue:
    """One value of a series.

    ``value`` rests on what is known. ``lower`` and ``upper`` bound it whatever the unknown part was; None is
    unbounded (for a boolean, False and True). ``coverage`` is the share of the window that is known, 0 to 1.
    """

    value: Value
    lower: Value
    upper: Value
    coverage: Fraction


@frozen(kw_only=True)
class Judgement:
    """A goal in a window.

    ``value``, ``lower``, ``upper`` are those of the goal's measured series; ``budget`` and ``budget_left`` are
    nanoseconds where the budget is of time, items otherwise, None where the goal has none. ``final`` is True when the
    window has ended and, live, its grace has passed. ``amounts`` holds, for a closed window, the value of each
    operation that a credit of the goal asks for (rule M28), as (operation, amount in units of the currency), and for
    each condition of a refund 1 where it is true and 0 where it is not (rule M64).
    """

    goal: str
    labels: Labels
    window: Interval
    verdict: Verdict
    value: Value
    lower: Value
    upper: Value
    coverage: Fraction
    budget: Fraction | None = None
    budget_left: Fraction | None = None
    final: bool = True
    amounts: tuple[tuple[int, Fraction | None], ...] = ()
