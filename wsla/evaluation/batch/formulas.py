"""Series of a plan in columns, built up from what the first stage gives (rules M7, M16, M35, M58 and M74)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, assert_never

import numpy as np
from attrs import evolve

from wsla.analysis.operations import (
    Across,
    Active,
    Aggregate,
    Arithmetic,
    AtLeastDown,
    Choice,
    Compare,
    Constant,
    Debounced,
    Elapsed,
    Idle,
    Label,
    Latest,
    Limited,
    Logical,
    Negation,
    Previous,
    SourceField,
    Sustained,
    VerdictCount,
    VerdictState,
    Window,
)
from wsla.analysis.types import Shape
from wsla.evaluation.batch.cells import (
    Cells,
    calculated,
    certain,
    chosen,
    chosen_cells,
    compared,
    joined,
    nothing_known,
    opposite,
    where_it_exists,
)
from wsla.evaluation.batch.columns import Flags, Instants
from wsla.evaluation.batch.grid import Windows
from wsla.evaluation.batch.over_series import gathered
from wsla.evaluation.batch.ratios import select, spread, take
from wsla.evaluation.batch.sequences import with_more
from wsla.evaluation.batch.series import Ratios, Reduction, SeriesColumns
from wsla.evaluation.scalars import scalar_value
from wsla.evaluation.stream.layout import OVER_TIME, Layout, operands, restrict
from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Plan

NOTHING: Final = np.zeros(0, dtype=np.int64)


class Formulas:
    """The series of a plan for the stretch ``[start, until)``, each computed once.

    A *horizon* later than ``until`` asks for windows to come too, in which nothing is known yet.
    """

    def __init__(self, plan: Plan, reduction: Reduction, start: int, until: int) -> None:
        self.plan: Final = plan
        self.layout: Final = Layout(plan, metrics=True)
        self.until: Final = until
        self._start: Final = start
        self._reduction: Final = reduction
        self._columns: Final[dict[tuple[int, Labels, int], SeriesColumns]] = {}
        self._combinations: Final[dict[int, Mapping[Labels, int]]] = {}

    # Label combinations

    def combinations(self, index: int) -> Mapping[Labels, int]:
        """Each label combination of an operation, with the instant from which it is evaluated (rule M10)."""
        if index not in self._combinations:
            names = self.layout.names(index)
            found: dict[Labels, int] = {} if names else {(): self._start}
            if names:
                for labels, first in self._first_seen(index):
                    own = restrict(labels, names)
                    found[own] = min(first, found.get(own, first))
            self._combinations[index] = found
        return self._combinations[index]

    def _first_seen(self, index: int) -> list[tuple[Labels, int]]:
        if not self.layout.names(index):
            return []
        match operation := self.plan.operations[index]:
            case Aggregate(argument=argument) if argument is not None and self.over_series(index):
                return self._first_seen(argument)
            case SourceField() | Aggregate() | Active():
                seen = self._reduction.combinations(index)
                return [(tuple(sorted(labels)), first) for labels, first in seen.items()]
            case Latest(operand=operand) | Across(operand=operand):
                return self._first_seen(operand)
            case VerdictState(goal=goal) | VerdictCount(goal=goal):
                return self._first_seen(self.layout.goals[goal].condition)
            case _:
                return [pair for x in operands(operation) for pair in self._first_seen(x)]

    def own(self, index: int, labels: Labels) -> Labels:
        """The labels that an operation has a value by; what has none combines with every combination."""
        return restrict(labels, self.layout.names(index))

    # Series

    def over_series(self, index: int) -> bool:
        """True for an aggregate over the windows of another series."""
        node = self.plan.operations[index]
        return (
            isinstance(node, Aggregate)
            and node.function not in OVER_TIME
            and node.argument is not None
            and self.plan.operations[node.argument].shape is Shape.SERIES
        )

    def window_kind(self, index: int) -> Window:
        """The windows of a series: those of the aggregates that it is made of."""
        node = self.plan.operations[index]
        if isinstance(node, Aggregate):
            return node.window
        return self.window_kind(self._leaves(index)[0] if not isinstance(node, Previous) else node.operand)

    def _leaves(self, index: int) -> list[int]:
        """What a formula looks up window by window: aggregates, and what was before."""
        node = self.plan.operations[index]
        if isinstance(node, Aggregate | Previous):
            return [index]
        return [leaf for x in operands(node) for leaf in self._leaves(x)]

    def columns(self, index: int, labels: Labels, horizon: int | None = None) -> SeriesColumns:
        """A series in each of its existing windows up to the horizon; its value so far in those that are open."""
        horizon = self.until if horizon is None else horizon
        key = (index, self.own(index, labels), horizon)
        if key not in self._columns:
            self._columns[key] = self._find_columns(*key)
        return self._columns[key]

    def _find_columns(self, index: int, labels: Labels, horizon: int) -> SeriesColumns:
        node = self.plan.operations[index]
        if isinstance(node, Previous):
            return self._before(index, self.columns(node.operand, labels, horizon))
        if not isinstance(node, Aggregate):
            return self._combined(index, labels, horizon)
        if self.over_series(index):
            found = gathered(self, index, node, labels, horizon)
        else:
            found = self._reduction.series(index, labels)
            if horizon > self.until:
                found = with_more(found, self._reduction.to_come(index, labels))
        if node.idle is None or found.nothing is None:
            return found
        # In a closed window only; in an open one nothing is certain then.
        cells = self._with_idle(
            found.nothing, found.ends, node.idle, _cells_of(found), self.layout.truth(index)
        )
        return evolve(found, value=cells.value, lower=cells.lower, upper=cells.upper, coverage=cells.coverage)

    def _before(self, index: int, found: SeriesColumns) -> SeriesColumns:
        """Each value one window later."""
        rows = np.maximum(np.arange(len(found.ends)) - 1, 0)
        first = np.arange(len(found.ends)) == 0
        cells = chosen_cells(first, nothing_known(self.layout.truth(index)), _rows(_cells_of(found), rows))
        return _series(Windows(found.starts, found.ends), cells)

    def _combined(self, index: int, labels: Labels, horizon: int) -> SeriesColumns:
        windows = self.windows(index, labels, horizon)
        return _series(windows, self.cells(index, labels, windows, horizon))

    def windows(self, index: int, labels: Labels, horizon: int | None = None) -> Windows:
        """The windows that a formula has (rule M7)."""
        labelled = bool(self.layout.names(index))
        found: Windows | None = None
        for leaf in dict.fromkeys(self._leaves(index)):
            if bool(self.layout.names(leaf)) is labelled:
                if self.own(leaf, labels) not in self.combinations(leaf):
                    continue
                columns = self.columns(leaf, labels, horizon)
                found = _union(found, Windows(columns.starts, columns.ends))
        return Windows(NOTHING, NOTHING) if found is None else found

    def cells(self, index: int, labels: Labels, windows: Windows, horizon: int | None = None) -> Cells:
        """A formula's values in these windows."""
        node, operations = self.plan.operations[index], self.plan.operations
        truth = self.layout.truth(index)
        if node.shape is Shape.SCALAR:
            return self._certain(index)

        def operand(x: int) -> Cells:
            return where_it_exists(self.cells(x, labels, windows, horizon), self.layout.truth(x))

        found: Cells
        match node:
            case Aggregate() | Previous():
                return self._looked_up(index, labels, windows, horizon)
            case Label(label=label):
                return certain(dict(labels).get(label), truth)
            case Compare(operator=sign, left=left, right=right):
                found = compared(sign, operand(left), operand(right))
            case Logical(operator=word, left=left, right=right):
                found = joined(word, operand(left), operand(right))
            case Negation(operand=only):
                found = opposite(operand(only))
            case Arithmetic(operator=sign, left=left, right=right):
                found = calculated(sign, operand(left), operand(right))
            case Choice(subject=subject, arms=arms, otherwise=otherwise):
                lines = [(arm.operator, operand(arm.bound), operand(arm.value)) for arm in arms]
                last = None if otherwise is None else operand(otherwise)
                found = chosen(operand(subject), lines, last, truth)
            case Idle(operand=only, value=value):
                nothing = self.idle(only, labels, windows, horizon)
                found = self._with_idle(nothing, windows.ends, value, operand(only), truth)
            case Constant() | SourceField() | Elapsed() | AtLeastDown() | Latest() | VerdictState():
                raise TypeError(f"operation {index} is no series: {type(operations[index]).__name__}")
            case Sustained() | Debounced() | Limited() | Active() | Across() | VerdictCount():
                raise TypeError(f"operation {index} is not kept in columns: {type(node).__name__}")
            case _:
                assert_never(node)
        return evolve(found, exists=self.exists(index, labels, windows, horizon))

    def _with_idle(self, nothing: Flags, ends: Instants, idle: int, cells: Cells, truth: bool) -> Cells:
        """M16, M35: a fixed value in closed windows with nothing to look at; no bounds in open ones."""
        closed = ends <= self.until
        found = chosen_cells(nothing & closed, self._certain(idle), cells)
        may_be = nothing & ~closed
        if not may_be.any():
            return found
        unsure = nothing_known(truth)
        return evolve(
            found,
            lower=select(may_be, unsure.lower, found.lower),
            upper=select(may_be, unsure.upper, found.upper),
        )

    def _certain(self, index: int) -> Cells:
        return certain(scalar_value(self.plan.operations, index), self.layout.truth(index))

    def exists(
        self, index: int, labels: Labels, windows: Windows, horizon: int | None = None
    ) -> Flags | None:
        """In which of these windows a formula has a value; None where in all."""
        labelled = bool(self.layout.names(index))
        found: Flags | None = None
        leaves = [x for x in dict.fromkeys(self._leaves(index)) if bool(self.layout.names(x)) is labelled]
        if not self._leaves(index):
            return None
        for leaf in leaves:
            _, here = self._rows_of(leaf, labels, windows, horizon)
            if here is None:
                return None
            found = here if found is None else found | here
        return np.zeros(len(windows.ends), dtype=np.bool_) if found is None else found

    def idle(self, index: int, labels: Labels, windows: Windows, horizon: int | None = None) -> Flags:
        """In which of these windows none of a formula's aggregates has anything to look at."""
        node = self.plan.operations[index]
        if not isinstance(node, Aggregate):
            found = np.ones(len(windows.ends), dtype=np.bool_)
            for x in operands(node):
                found = found & self.idle(x, labels, windows, horizon)
            return found
        columns, here = self._rows_of(index, labels, windows, horizon)
        if columns is None:
            return np.ones(len(windows.ends), dtype=np.bool_)
        nothing = columns.nothing
        empty = np.zeros(len(windows.ends), dtype=np.bool_) if nothing is None else nothing
        return empty if here is None else empty | ~here

    def _looked_up(self, index: int, labels: Labels, windows: Windows, horizon: int | None) -> Cells:
        columns, here = self._rows_of(index, labels, windows, horizon)
        if columns is None:
            return evolve(
                nothing_known(self.layout.truth(index)), exists=np.zeros(len(windows.ends), dtype=np.bool_)
            )
        return evolve(_cells_of(columns), exists=here)

    def rows(self, index: int, labels: Labels, windows: Windows) -> tuple[SeriesColumns | None, Flags | None]:
        """A leaf's columns in these windows, and where it has them; None for the flags where it has all."""
        return self._rows_of(index, labels, windows, None)

    def _rows_of(
        self, index: int, labels: Labels, windows: Windows, horizon: int | None
    ) -> tuple[SeriesColumns | None, Flags | None]:
        own = self.own(index, labels)
        if own not in self.combinations(index):
            return None, np.zeros(len(windows.ends), dtype=np.bool_)
        found = self.columns(index, own, horizon)
        if np.array_equal(found.ends, windows.ends):
            return found, None
        if not len(found.ends):
            return None, np.zeros(len(windows.ends), dtype=np.bool_)
        rows = np.minimum(np.searchsorted(found.ends, windows.ends), len(found.ends) - 1)
        here: Flags = (found.ends[rows] == windows.ends) & (found.starts[rows] == windows.starts)
        return _taken(found, rows), None if here.all() else here


def _union(one: Windows | None, other: Windows) -> Windows:
    if one is None or np.array_equal(one.ends, other.ends):
        return other
    ends = np.union1d(one.ends, other.ends)
    starts = np.empty_like(ends)
    for part in (one, other):
        starts[np.searchsorted(ends, part.ends)] = part.starts
    return Windows(starts, ends)


def _cells_of(columns: SeriesColumns) -> Cells:
    return Cells(value=columns.value, lower=columns.lower, upper=columns.upper, coverage=columns.coverage)


def _rows(cells: Cells, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Cells:
    coverage = take(cells.coverage, rows)
    assert isinstance(coverage, Ratios)
    value = take(cells.value, rows)
    if cells.value is cells.lower is cells.upper:
        return Cells(value=value, lower=value, upper=value, coverage=coverage)
    return Cells(value=value, lower=take(cells.lower, rows), upper=take(cells.upper, rows), coverage=coverage)


def _taken(columns: SeriesColumns, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> SeriesColumns:
    cells, spent = _rows(_cells_of(columns), rows), columns.spent
    return SeriesColumns(
        starts=columns.starts[rows],
        ends=columns.ends[rows],
        value=cells.value,
        lower=cells.lower,
        upper=cells.upper,
        coverage=cells.coverage,
        nothing=None if columns.nothing is None else columns.nothing[rows],
        spent=None
        if spent is None
        else evolve(spent, size=spent.size[rows], bad=spent.bad[rows], missing=spent.missing[rows]),
    )


def _series(windows: Windows, cells: Cells) -> SeriesColumns:
    """Columns of one row a window, without the windows that do not exist."""
    number = len(windows.ends)
    value, coverage = spread(cells.value, number), spread(cells.coverage, number)
    assert isinstance(coverage, Ratios)
    same = cells.value is cells.lower is cells.upper
    found = SeriesColumns(
        starts=windows.starts,
        ends=windows.ends,
        value=value,
        lower=value if same else spread(cells.lower, number),
        upper=value if same else spread(cells.upper, number),
        coverage=coverage,
    )
    return found if cells.exists is None else _taken(found, np.flatnonzero(cells.exists))
