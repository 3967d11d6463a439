"""Series of a plan in columns, built up from what the first stage gives (rules M7, M16, M35, M58 and M74)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar, assert_never

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
from wsla.evaluation.batch.grid import Windows, reach, step_of
from wsla.evaluation.batch.over_series import gathered
from wsla.evaluation.batch.ratios import select
from wsla.evaluation.batch.sequences import Stack, joined_columns, stacked, with_cells
from wsla.evaluation.batch.series import ManyAtOnce, Reduction, SeriesColumns
from wsla.evaluation.scalars import scalar_value
from wsla.evaluation.stream.layout import OVER_TIME, Layout, in_order, operands, restrict
from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Plan

NO_WINDOWS: Final = Windows(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))

_ROWS_TOGETHER: Final = 1 << 16
_ROWS_REMEMBERED: Final = 1 << 20
_KEPT_ROWS: Final = 1 << 18
"""How many windows are looked at together, how many are remembered, and for how many the columns of goals are kept."""

T = TypeVar("T")

Group = tuple[Labels, ...]
"""Label combinations that are looked at together."""


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
        self._stacks: Final[dict[tuple[int, Group, int], Stack]] = {}
        self._combinations: Final[dict[int, Mapping[Labels, int]]] = {}
        self._low, high = reach(plan, start, until)
        self._span: Final = high - self._low + 1
        self._together: Final = max(1, (2**63 - 1) // self._span - 1)
        self._kept_rows = _KEPT_ROWS
        self._rows = 0
        self._last: tuple[object, Any] | None = None

    # Label combinations

    def combinations(self, index: int) -> Mapping[Labels, int]:
        """Each label combination of an operation, with the instant from which it is evaluated (rule M10)."""
        if index not in self._combinations:
            names = self.layout.names(index)
            found: dict[Labels, int] = {} if names else {(): self._start}
            if names:
                wanted = frozenset(names)
                for labels, first in self._first_seen(index):
                    own = restrict(labels, wanted)
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

    # Groups of combinations

    def groups(self, indexes: Sequence[int], shown: Callable[[Labels], Labels]) -> list[Group]:
        """The label combinations of the first of some formulas, in order of the labels as they are shown.

        Those that are looked at together are a group: as many as instants can be told apart, or one where a formula
        asks for the labels themselves.
        """
        found = sorted(self.combinations(indexes[0]), key=shown)
        rows = max(self._windows_of(index) for index in indexes)
        size = max(1, min(self._together, _ROWS_TOGETHER // rows))
        if any(self._asks_labels(index) for index in indexes):
            size = 1
        return [tuple(found[first : first + size]) for first in range(0, len(found), size)]

    def _windows_of(self, index: int) -> int:
        """About how many windows a formula looks at for each label combination."""
        node = self.plan.operations[index]
        if not isinstance(node, Aggregate):
            return max((self._windows_of(x) for x in operands(node)), default=1)
        own = 1 + (self.until - self._start) // step_of(node.window)
        below = node.argument if self.over_series(index) else None
        return own if below is None else max(own, self._windows_of(below))

    def _asks_labels(self, index: int) -> bool:
        node = self.plan.operations[index]
        if isinstance(node, Label):
            return True
        below = operands(node)
        if isinstance(node, Aggregate) and self.over_series(index):
            below = tuple(x for x in (node.argument, node.where) if x is not None)
        return any(self._asks_labels(x) for x in below)

    def keys(self, instants: Instants, combo: Instants | None) -> Instants:
        """Instants of several combinations, in one order: by combination, then by time."""
        return instants if combo is None else instants - self._low + combo * self._span

    def own(self, index: int, labels: Labels) -> Labels:
        """The labels that an operation has a value by; what has none combines with every combination."""
        return restrict(labels, self.layout.names(index))

    def begins(self, index: int, group: Group) -> list[int | None]:
        """From when on an operation is evaluated for each combination of a group; None where it has none."""
        combinations, wanted = self.combinations(index), frozenset(self.layout.names(index))
        return [combinations.get(restrict(labels, wanted)) for labels in group]

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

    def stack(self, index: int, group: Group, horizon: int | None = None) -> Stack:
        """A series in each of its existing windows up to the horizon; its value so far in those that are open."""
        horizon = self.until if horizon is None else horizon
        if not self.layout.names(index) and len(group) == 1:
            group = ((),)
        key = (index, group, horizon)
        found = self._stacks.get(key)
        if found is None:
            found = self._find_stack(*key)
            self._rows += len(found.windows)
            if self._rows > _ROWS_REMEMBERED:
                self._stacks.clear()
                self._rows = len(found.windows)
            self._stacks[key] = found
        return found

    def keeps(self, rows: int) -> bool:
        """True while what so many windows have measured may be kept, with what was kept before; it counts as kept."""
        if rows > self._kept_rows:
            return False
        self._kept_rows -= rows
        return True

    def once(self, key: object, make: Callable[[], T]) -> T:
        """What is made; what was made last is not made again."""
        if self._last is None or self._last[0] != key:
            self._last = (key, make())
        found: T = self._last[1]
        return found

    def _find_stack(self, index: int, group: Group, horizon: int) -> Stack:
        node = self.plan.operations[index]
        if isinstance(node, Previous):
            return self._before(index, self.stack(node.operand, group, horizon))
        if not isinstance(node, Aggregate):
            windows = self.windows(index, group, horizon)
            return stacked(windows, self.cells(index, group, windows, horizon))
        found = (
            gathered(self, index, node, group, horizon)
            if self.over_series(index)
            else self._of_first_stage(index, group, horizon)
        )
        columns = found.columns
        if node.idle is None or columns.nothing is None:
            return found
        # In a closed window only; in an open one nothing is certain then.
        cells = self._with_idle(
            columns.nothing, columns.ends, node.idle, found.cells, self.layout.truth(index)
        )
        return Stack(with_cells(columns, cells), found.combo)

    def _of_first_stage(self, index: int, group: Group, horizon: int) -> Stack:
        names = self.layout.names(index)
        reduction = self._reduction
        if names and horizon <= self.until and isinstance(reduction, ManyAtOnce):
            begins = self.begins(index, group)
            there = [place for place, begin in enumerate(begins) if begin is not None]
            found = reduction.together(index, [in_order(group[place], names) for place in there])
            places = np.repeat(np.array(there, dtype=np.int64), np.array(found.rows, dtype=np.int64))
            return Stack(found.columns, None if len(group) == 1 else places)
        parts: list[SeriesColumns] = []
        combo: list[int] = []
        for place, begin in enumerate(self.begins(index, group)):
            if begin is None:
                continue
            labels = self.own(index, group[place])
            part = reduction.series(index, labels)
            if horizon > self.until:
                part = joined_columns([part, reduction.to_come(index, labels)])
            parts.append(part)
            combo.append(place)
        if not parts:
            return stacked(NO_WINDOWS, nothing_known(self.layout.truth(index)))
        places = np.repeat(np.array(combo, dtype=np.int64), [len(part.ends) for part in parts])
        return Stack(joined_columns(parts), None if len(group) == 1 else places)

    def _before(self, index: int, found: Stack) -> Stack:
        """Each value one window later."""
        number = len(found.windows)
        first = np.arange(number) == 0
        if found.combo is not None:
            first[1:] = found.combo[1:] != found.combo[:-1]
        before = found.rows(np.maximum(np.arange(number) - 1, 0)).cells
        return stacked(found.windows, chosen_cells(first, nothing_known(self.layout.truth(index)), before))

    def windows(self, index: int, group: Group, horizon: int | None = None) -> Windows:
        """The windows that a formula has (rule M7)."""
        labelled = bool(self.layout.names(index))
        found: Windows | None = None
        for leaf in dict.fromkeys(self._leaves(index)):
            if bool(self.layout.names(leaf)) is labelled:
                found = self._union(found, self.stack(leaf, group, horizon).windows)
        return NO_WINDOWS if found is None else found

    def _union(self, one: Windows | None, other: Windows) -> Windows:
        if one is None or not len(one) or one.same_as(other):
            return other
        if not len(other):
            return one
        ends = [self.keys(x.ends, x.combo) for x in (one, other)]
        _, rows = np.unique(np.concatenate(ends), return_index=True)
        combo = None
        if one.combo is not None and other.combo is not None:
            combo = np.concatenate([one.combo, other.combo])[rows]
        return Windows(
            np.concatenate([one.starts, other.starts])[rows],
            np.concatenate([one.ends, other.ends])[rows],
            combo,
        )

    def cells(self, index: int, group: Group, windows: Windows, horizon: int | None = None) -> Cells:
        """A formula's values in these windows."""
        node, operations = self.plan.operations[index], self.plan.operations
        truth = self.layout.truth(index)
        if node.shape is Shape.SCALAR:
            return self._certain(index)

        def operand(x: int) -> Cells:
            return where_it_exists(self.cells(x, group, windows, horizon), self.layout.truth(x))

        found: Cells
        match node:
            case Aggregate() | Previous():
                stack, here = self.rows(index, group, windows, horizon)
                return evolve(stack.cells, exists=here)
            case Label(label=label):
                return certain(dict(group[0]).get(label), truth)
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
                nothing = self.idle(only, group, windows, horizon)
                found = self._with_idle(nothing, windows.ends, value, operand(only), truth)
            case Constant() | SourceField() | Elapsed() | AtLeastDown() | Latest() | VerdictState():
                raise TypeError(f"operation {index} is no series: {type(operations[index]).__name__}")
            case Sustained() | Debounced() | Limited() | Active() | Across() | VerdictCount():
                raise TypeError(f"operation {index} is not kept in columns: {type(node).__name__}")
            case _:
                assert_never(node)
        return evolve(found, exists=self.exists(index, group, windows, horizon))

    def _with_idle(self, nothing: Flags, ends: Instants, idle: int, cells: Cells, truth: bool) -> Cells:
        """M16, M35: a fixed value in closed windows with nothing to look at; no bounds in open ones."""
        closed = ends <= self.until
        found = chosen_cells(nothing & closed, self._certain(idle), cells)
        may_be = nothing & ~closed
        if not may_be.any():
            return found
        unsure = nothing_known(truth)
        lower, upper = (
            select(may_be, x, y)
            for x, y in zip((unsure.lower, unsure.upper), (found.lower, found.upper), strict=True)
        )
        return evolve(found, lower=lower, upper=upper)

    def _certain(self, index: int) -> Cells:
        return certain(scalar_value(self.plan.operations, index), self.layout.truth(index))

    def exists(self, index: int, group: Group, windows: Windows, horizon: int | None = None) -> Flags | None:
        """In which of these windows a formula has a value; None where in all."""
        leaves = list(dict.fromkeys(self._leaves(index)))
        if not leaves:
            return None
        labelled = bool(self.layout.names(index))
        found = np.zeros(len(windows), dtype=np.bool_)
        for leaf in leaves:
            if bool(self.layout.names(leaf)) is labelled:
                here = self.rows(leaf, group, windows, horizon)[1]
                if here is None:
                    return None
                found |= here
        return found

    def idle(self, index: int, group: Group, windows: Windows, horizon: int | None = None) -> Flags:
        """In which of these windows none of a formula's aggregates has anything to look at."""
        node = self.plan.operations[index]
        found = np.ones(len(windows), dtype=np.bool_)
        if not isinstance(node, Aggregate):
            for x in operands(node):
                found &= self.idle(x, group, windows, horizon)
            return found
        stack, here = self.rows(index, group, windows, horizon)
        nothing = stack.columns.nothing
        found &= False if nothing is None else nothing
        return found if here is None else found | ~here

    def rows(
        self, index: int, group: Group, windows: Windows, horizon: int | None = None
    ) -> tuple[Stack, Flags | None]:
        """A leaf in these windows, and where it has them; None for the flags where it has all."""
        found = self.stack(index, group, horizon)
        own = found.windows
        if own.same_as(windows):
            return found, None
        if not len(own):
            nothing = stacked(windows, nothing_known(self.layout.truth(index)))
            return nothing, np.zeros(len(windows), dtype=np.bool_)
        rows = np.searchsorted(self.keys(own.ends, own.combo), self.keys(windows.ends, windows.combo))
        rows = np.minimum(rows, len(own) - 1)
        here: Flags = (own.ends[rows] == windows.ends) & (own.starts[rows] == windows.starts)
        if own.combo is not None and windows.combo is not None:
            here &= own.combo[rows] == windows.combo
        return found.rows(rows), None if here.all() else here
