"""Judgements and metrics as columns that are read as sequences: single ones are made when they are asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from typing import Any, Final, Protocol, TypeVar, overload

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from wsla.evaluation.batch.columns import Flags, Instants
from wsla.evaluation.batch.ratios import Fractions, take, values_at
from wsla.evaluation.batch.sequences import Stack
from wsla.evaluation.batch.series import Ratios, Values
from wsla.evaluation.report import Counts, JudgedColumns, SeriesPoint, counts_of, episodes_of
from wsla.evaluation.stream.algebra import ONE
from wsla.evaluation.verdicts import Judgement, Labels, SeriesValue, Verdict
from wsla.plan.model import Goal, Plan
from wsla.values.calendars import RollingWindow
from wsla.values.instants import Interval

CODES: Final = tuple(Verdict)
"""Verdicts by their codes in columns."""

_AT_ONCE: Final = 4096

Rows = NDArray[np.int64]


class AmountsAt(Protocol):
    """Gives what credits and refunds ask for, a tuple for each of these rows."""

    def at(self, rows: Rows) -> list[tuple[tuple[int, Fraction | None], ...]]: ...


@frozen(eq=False, kw_only=True)
class Measured:
    """What a goal's judgements show beside the verdict, a window each; a column of one row suits every window.

    ``value``, ``lower``, ``upper`` are those of the measured series; ``budget`` and ``left`` are None where there is
    none at all.
    """

    starts: Instants
    ends: Instants
    value: Values
    lower: Values
    upper: Values
    coverage: Ratios
    budget: Ratios | None
    left: Ratios | None
    amounts: AmountsAt | None


@frozen(eq=False, kw_only=True)
class GoalColumns:
    """The judgements of a goal, in order of labels and time. ``codes`` are places in ``CODES``.

    Rows from ``edges[i]`` to ``edges[i + 1]`` are those of the label combination ``labels[i]``. ``closed`` tells the
    windows that have ended. ``matter`` are the rows of ``rows_that_matter``, with ``amounts`` where that is True, and
    ``spans`` the starts and ends of their windows. All else is worked out by ``measured`` when somebody asks: there may
    be millions.
    """

    goal: Goal
    labels: tuple[Labels, ...]
    edges: Instants
    codes: NDArray[np.int8]
    closed: Flags
    matter: Rows
    amounts: bool
    spans: tuple[Instants, Instants]
    measured: Callable[[], Measured]

    def __len__(self) -> int:
        return len(self.codes)

    def that_matter(self) -> list[Judgement]:
        """The judgements of the rows that matter; without what was measured, but for what credits ask for."""
        if self.amounts:
            return self.made(self.matter)
        starts, ends = self.spans
        rows, name, labels, nothing = self.matter, self.goal.name, self.labels, Fraction(0)
        return [
            Judgement(
                goal=name,
                labels=labels[combo],
                window=Interval(start, end),
                verdict=CODES[code],
                value=None,
                lower=None,
                upper=None,
                coverage=nothing,
                final=closed,
            )
            for combo, start, end, code, closed in zip(
                places_of(self.edges, rows),
                starts.tolist(),
                ends.tolist(),
                self.codes[rows].tolist(),
                self.closed[rows].tolist(),
                strict=True,
            )
        ]

    def made(self, rows: Rows) -> list[Judgement]:
        """The judgements of these rows."""
        number, name, labels = len(rows), self.goal.name, self.labels
        one_each, found = Fractions(), self.measured()

        def single(values: Values | None) -> list[Any]:
            return [None] * number if values is None else values_at(take(values, rows), number, one_each)

        value = single(found.value)
        amounts = [()] * number if found.amounts is None else found.amounts.at(rows)
        return [
            Judgement(
                goal=name,
                labels=labels[combo],
                window=Interval(start, end),
                verdict=CODES[code],
                value=measured,
                lower=low,
                upper=high,
                coverage=ONE if coverage == 1 else Fraction(coverage),
                budget=None if budget is None else Fraction(budget),
                budget_left=None if left is None else Fraction(left),
                final=closed,
                amounts=asked,
            )
            for combo, start, end, code, measured, low, high, coverage, budget, left, closed, asked in zip(
                places_of(self.edges, rows),
                found.starts[rows].tolist(),
                found.ends[rows].tolist(),
                self.codes[rows].tolist(),
                value,
                value if found.lower is found.value else single(found.lower),
                value if found.upper is found.value else single(found.upper),
                single(found.coverage),
                single(found.budget),
                single(found.left),
                self.closed[rows].tolist(),
                amounts,
                strict=True,
            )
        ]

    def counts(self) -> dict[tuple[str, Labels], Mapping[Verdict, int]]:
        """How many verdicts of each kind there are, by goal and labels."""
        kinds, combined = len(CODES), self.codes.astype(np.int64)
        if len(self.labels) > 1:
            combined += np.repeat(np.arange(len(self.labels)) * kinds, np.diff(self.edges))
        numbered = np.bincount(combined, minlength=len(self.labels) * kinds)
        found: dict[tuple[str, Labels], Mapping[Verdict, int]] = {}
        for labels, numbers in zip(self.labels, numbered.reshape(-1, kinds).tolist(), strict=True):
            told = {verdict: number for verdict, number in zip(CODES, numbers, strict=True) if number}
            if told:
                found[self.goal.name, labels] = told
        return found

    def episodes(self) -> dict[tuple[str, Labels], int]:
        """How many runs of *violated* there are, by goal and labels."""
        bad = self.codes == CODES.index(Verdict.VIOLATED)
        begins = bad & _changed(self.codes, self.edges)
        windows = np.diff(self.edges).tolist()
        return {
            (self.goal.name, labels): number
            for labels, number, some in zip(self.labels, self._sums(begins), windows, strict=True)
            if some
        }

    def _sums(self, flags: Flags) -> list[int]:
        """How many of the flags are set for each label combination."""
        sums = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(flags)])
        found: list[int] = (sums[self.edges[1:]] - sums[self.edges[:-1]]).tolist()
        return found


def _changed(codes: NDArray[np.int8], edges: Instants) -> Flags:
    """Where the verdict, or the labels, are others than in the row before."""
    found = np.ones(len(codes), dtype=np.bool_)
    found[1:] = codes[1:] != codes[:-1]
    found[edges[:-1][np.diff(edges) > 0]] = True
    return found


def rows_that_matter(goal: Goal, codes: NDArray[np.int8], closed: Flags, edges: Instants) -> Rows:
    """The rows of final verdicts from which something follows, or could."""
    if goal.refunds:
        return np.flatnonzero(closed)
    follows = np.zeros(len(CODES), dtype=np.bool_)
    follows[CODES.index(Verdict.VIOLATED)] = bool(goal.otherwise)
    follows[CODES.index(Verdict.MET)] = bool(goal.rewarding)
    some = closed & follows[codes]
    # Of equal verdicts in a row the first alone is carried out: it, and the one that ends the row, are told.
    if isinstance(goal.window, RollingWindow) and some.any():
        return np.flatnonzero(closed & _changed(codes, edges))
    return np.flatnonzero(some)


@frozen(eq=False)
class _Plain:
    """Judgements that another engine made."""

    judgements: Sequence[Judgement]

    def __len__(self) -> int:
        return len(self.judgements)

    def made(self, rows: Rows) -> list[Judgement]:
        return [self.judgements[row] for row in rows.tolist()]


@frozen(eq=False, kw_only=True)
class PointColumns:
    """The values of a metric for a group of label combinations: worked out when somebody asks."""

    labels: tuple[Labels, ...]
    measured: Callable[[], Stack]

    def __len__(self) -> int:
        return len(self.measured().windows)

    def made(self, rows: Rows) -> list[SeriesPoint]:
        """The points of these rows."""
        stack, number, labels, one_each = self.measured(), len(rows), self.labels, Fractions()
        columns = stack.columns

        def single(values: Values) -> list[Any]:
            return values_at(take(values, rows), number, one_each)

        value = single(columns.value)
        return [
            SeriesPoint(
                labels=labels[combo],
                window=Interval(start, end),
                value=SeriesValue(
                    value=found,
                    lower=low,
                    upper=high,
                    coverage=ONE if coverage == 1 else Fraction(coverage),
                ),
            )
            for combo, start, end, found, low, high, coverage in zip(
                [0] * number if stack.combo is None else stack.combo[rows].tolist(),
                columns.starts[rows].tolist(),
                columns.ends[rows].tolist(),
                value,
                value if columns.lower is columns.value else single(columns.lower),
                value if columns.upper is columns.value else single(columns.upper),
                single(columns.coverage),
                strict=True,
            )
        ]


def places_of(edges: Instants, rows: Rows) -> list[int]:
    """Between which two of the edges each row is."""
    found: list[int] = (np.searchsorted(edges, rows, side="right") - 1).tolist()
    return found


U = TypeVar("U")


class _Section(Protocol[U]):
    def __len__(self) -> int: ...
    def made(self, rows: Rows) -> list[U]: ...


class Lazy(Sequence[U]):
    """Sections one after the other, read as one sequence; equal to the tuple of all that is in it."""

    def __init__(self, sections: Sequence[_Section[U]]) -> None:
        self._sections: Final = tuple(sections)

    @cached_property
    def _offsets(self) -> tuple[int, ...]:
        return (0, *accumulate(len(section) for section in self._sections))

    def __len__(self) -> int:
        return self._offsets[-1]

    def __iter__(self) -> Iterator[U]:
        for section in self._sections:
            for first in range(0, len(section), _AT_ONCE):
                yield from section.made(np.arange(first, min(first + _AT_ONCE, len(section))))

    @overload
    def __getitem__(self, index: int) -> U: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[U, ...]: ...
    def __getitem__(self, index: int | slice) -> U | tuple[U, ...]:
        if isinstance(index, slice):
            return tuple(self._at(position) for position in range(*index.indices(len(self))))
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(index)
        return self._at(position)

    def _at(self, position: int) -> U:
        number = bisect_right(self._offsets, position) - 1
        return self._sections[number].made(np.array([position - self._offsets[number]]))[0]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))


class PointTable(Lazy[SeriesPoint]):
    """The values of a metric."""


class VerdictTable(Lazy[Judgement], JudgedColumns):
    """Judgements in columns, sorted as an outcome's; ``parts`` are the columns of goals judged in columns."""

    def __init__(self, sections: Sequence[GoalColumns | Sequence[Judgement]]) -> None:
        """A section of single judgements has those of one goal that another engine judged."""
        super().__init__([x if isinstance(x, GoalColumns) else _Plain(x) for x in sections])
        self.parts: Final = tuple(x for x in self._sections if isinstance(x, GoalColumns))
        self._whole: Final[dict[GoalColumns, dict[tuple[Labels, Interval], Judgement]]] = {}

    def counts(self) -> Counts:
        """How many verdicts of each kind there are."""
        found: dict[tuple[str, Labels], Mapping[Verdict, int]] = {}
        for section in self._sections:
            if isinstance(section, GoalColumns):
                found.update(section.counts())
            elif isinstance(section, _Plain):
                found.update(counts_of(section.judgements))
        return found

    def episodes(self) -> Mapping[tuple[str, Labels], int]:
        """How many runs of windows *violated* there are."""
        found: dict[tuple[str, Labels], int] = {}
        for section in self._sections:
            if isinstance(section, GoalColumns):
                found.update(section.episodes())
            elif isinstance(section, _Plain):
                found.update(episodes_of(section.judgements))
        return found

    def that_matter(self, plan: Plan) -> Iterator[Judgement]:
        """Those without which decisions would be others."""
        for section in self._sections:
            if isinstance(section, GoalColumns):
                yield from section.that_matter()
            elif isinstance(section, _Plain):
                yield from section.judgements

    @cached_property
    def _parts_of(self) -> Mapping[tuple[str, Labels], GoalColumns]:
        return {
            (part.goal.name, labels): part
            for part in self.parts
            if not part.amounts
            for labels in part.labels
        }

    def whole(self, judgement: Judgement) -> Judgement:
        """One of those that matter, with all that it has measured."""
        part = self._parts_of.get((judgement.goal, judgement.labels))
        if part is None:
            return judgement
        if part not in self._whole:
            # Whoever asks for one will ask for the others: each costs as much as all of them.
            self._whole[part] = {(one.labels, one.window): one for one in part.made(part.matter)}
        return self._whole[part][judgement.labels, judgement.window]
