"""Series in columns: one value a window, exact, with bounds and coverage (rule M12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from wsla.evaluation.batch.columns import Flags, Instants
from wsla.evaluation.verdicts import Labels

if TYPE_CHECKING:
    from wsla.evaluation.batch.together import Together

Integers = NDArray[Any]
"""``int64`` where nothing can overflow, else an ``object`` array of ``int``."""


@frozen(eq=False)
class Ratios:
    """Exact numbers: ``numerators`` over ``denominators`` (above zero), which need not be in lowest terms.

    Where ``known`` is False the number is unknown, or there is no bound; the denominator is 1 there. A
    ``denominators`` of None means that all are 1, a ``known`` of None that all are known.
    """

    numerators: Integers
    denominators: Integers | None = None
    known: Flags | None = None


@frozen(eq=False)
class Truths:
    """Truths by Kleene: 1 true, 0 false, -1 unknown."""

    values: NDArray[np.int8]


Values = Ratios | Truths


@frozen(eq=False, kw_only=True)
class Spent:
    """What a budget rests on (rule M23), a window each: nanoseconds where it is of time, else items.

    ``size`` is all that there is of it, ``bad`` what is known to be bad, ``missing`` what is unknown before the instant
    asked about.
    """

    size: Integers
    bad: Integers
    missing: Integers


@frozen(eq=False, kw_only=True)
class SeriesColumns:
    """The values of a series for one label combination, in its existing windows (rule M11), in order of time.

    ``starts`` and ``ends`` are the windows as judgements show them (not cut to the term). Bounds of truths are never
    unknown. ``coverage`` is always known. ``nothing`` says in which windows there was nothing to look at (rules M16,
    M35); None where there was something in all. ``spent`` is there for aggregates that may have a budget.
    """

    starts: Instants
    ends: Instants
    value: Values
    lower: Values
    upper: Values
    coverage: Ratios
    nothing: Flags | None = None
    spent: Spent | None = None


@frozen(eq=False, kw_only=True)
class SignalColumns:
    """A truth as it changes: from ``at[i]`` on it is ``values[i]``, without repeats; unknown before the first."""

    at: Instants
    values: Truths


class Reduction(Protocol):
    """What is left of the observations after the first stage: the values of aggregates, and the changes of truths."""

    def combinations(self, index: int) -> Mapping[Labels, int]:
        """Each label combination of an operation, with the instant from which it is evaluated (rule M10)."""

    def series(self, index: int, labels: Labels) -> SeriesColumns:
        """An aggregate over time or over samples, in every existing window; the open one as known at ``until``."""

    def to_come(self, index: int, labels: Labels) -> SeriesColumns:
        """The windows of an aggregate that do not exist at ``until`` yet, but will lie inside an open window of an
        aggregate over its series (rule M15), as known at ``until``.
        """

    def signal(self, index: int, labels: Labels) -> SignalColumns:
        """A boolean signal that rests on samples alone."""


@runtime_checkable
class ManyAtOnce(Protocol):
    """A reduction that gives the series of several label combinations quicker together than one by one."""

    def together(self, index: int, among: Sequence[Labels]) -> Together:
        """The series of these label combinations, one behind the other."""
