"""Verdicts and budgets of a goal in columns (rules M21 to M23), and amounts where somebody asks (rule M28)."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any, Final, assert_never

import numpy as np
from numpy.typing import NDArray

from wsla.analysis.operations import Previous, VerdictCount
from wsla.evaluation.batch.cells import Cells, where_it_exists
from wsla.evaluation.batch.columns import Flags
from wsla.evaluation.batch.formulas import Formulas, Group
from wsla.evaluation.batch.grid import Windows
from wsla.evaluation.batch.ratios import calculate, of_value, spread, surely, take, values_at
from wsla.evaluation.batch.series import Integers, Ratios, Truths, Values
from wsla.evaluation.batch.table import CODES, GoalColumns, Measured, rows_that_matter
from wsla.evaluation.stream.algebra import certain
from wsla.evaluation.stream.layout import in_order, operands
from wsla.evaluation.stream.point import Point
from wsla.evaluation.stream.series import aggregates_needed, bind_amount, bind_series
from wsla.evaluation.verdicts import SeriesValue, Verdict
from wsla.plan.model import Goal, UnknownTime
from wsla.values.instants import Interval

Codes = NDArray[np.int8]


def judge_goal(formulas: Formulas, goal: Goal) -> list[GoalColumns]:
    """The judgements of a goal, sorted by labels and windows."""
    layout = formulas.layout
    parts = [goal.condition, goal.value, *layout.amounts(goal), *layout.refund_conditions(goal)]
    parts += [] if goal.provided is None else [goal.provided]
    groups = formulas.groups(parts, lambda labels: in_order(labels, goal.by))
    return [_judge(formulas, goal, group) for group in groups]


def windows_judged(formulas: Formulas, goal: Goal, group: Group) -> Windows:
    """The windows in which a goal has a verdict (M11, M69)."""
    plan = formulas.plan
    windows = formulas.windows(goal.condition, group)
    if plan.judges_from is not None:
        windows = windows.some(windows.starts >= plan.judges_from)
    if plan.judges_until is not None:
        windows = windows.some(windows.starts < plan.judges_until)
    return windows


def verdict_codes(formulas: Formulas, goal: Goal, group: Group, windows: Windows) -> tuple[Codes, Cells]:
    """The verdict in each window as its place in ``CODES``, and the condition on which it rests."""
    condition = formulas.cells(goal.condition, group, windows)
    number = len(windows.ends)
    value, lower, upper = (_truths(x, number) for x in (condition.value, condition.lower, condition.upper))
    closed = _closed(goal, condition, value, lower, upper)
    if goal.provided is not None:
        provided = formulas.cells(goal.provided, group, windows)
        told = _truths(where_it_exists(provided, truth=True).value, number)
        closed = np.where(
            told == 1, closed, np.where(told == 0, _code(Verdict.NOT_APPLICABLE), _code(Verdict.UNKNOWN))
        ).astype(np.int8)
    ended = windows.ends <= formulas.until
    if ended.all():
        return closed, condition
    still_open = np.select(
        [lower == 1, upper == 0, value == 1, value == 0],
        [_code(x) for x in (Verdict.SECURED, Verdict.LOST, Verdict.ON_TRACK, Verdict.AT_RISK)],
        _code(Verdict.UNKNOWN),
    )
    return np.where(ended, closed, still_open).astype(np.int8), condition


def _closed(goal: Goal, condition: Cells, value: Codes, lower: Codes, upper: Codes) -> Codes:
    """By the bounds, else by the goal's policy (M21)."""
    found = np.where(lower == 1, _code(Verdict.MET), _code(Verdict.VIOLATED)).astype(np.int8, copy=False)
    unsure = np.flatnonzero((lower != 1) & (upper != 0))
    if len(unsure):
        found[unsure] = _by_policy(goal, condition, value[unsure], unsure)
    return found


def _by_policy(goal: Goal, condition: Cells, value: Codes, rows: NDArray[np.int64]) -> Any:
    match goal.unknown_time:
        case UnknownTime.MET:
            return _code(Verdict.MET)
        case UnknownTime.MISSED:
            return _code(Verdict.VIOLATED)
        case UnknownTime.UNKNOWN:
            return _code(Verdict.UNKNOWN)
        case UnknownTime.EXCLUDED:
            enough = surely(">=", take(condition.coverage, rows), of_value(goal.minimum_coverage))
            by_value = np.where(value == 1, _code(Verdict.MET), _code(Verdict.VIOLATED))
            return np.where(enough & (value >= 0), by_value, _code(Verdict.UNKNOWN))
        case _:
            assert_never(goal.unknown_time)


def _code(verdict: Verdict) -> np.int8:
    return np.int8(CODES.index(verdict))


def _truths(values: Values, number: int) -> Codes:
    found = spread(values, number)
    assert isinstance(found, Truths)
    return found.values


def _judge(formulas: Formulas, goal: Goal, group: Group) -> GoalColumns:
    windows = windows_judged(formulas, goal, group)
    codes, condition = verdict_codes(formulas, goal, group, windows)
    number = len(windows)
    edges = np.array([0, number]) if windows.combo is None else _edges(windows.combo, len(group))
    closed = windows.ends <= formulas.until
    matter = rows_that_matter(goal, codes, closed, edges)
    amounts = bool(formulas.layout.amounts(goal) or formulas.layout.refund_conditions(goal))
    known: tuple[Windows, Cells] | None = (windows, condition) if formulas.keeps(number) else None
    key = (goal.name, group)

    def measured() -> Measured:
        if known is not None:
            return _measured(formulas, goal, group, known[0], codes, known[1])
        again = windows_judged(formulas, goal, group)
        return _measured(formulas, goal, group, again, codes, formulas.cells(goal.condition, group, again))

    return GoalColumns(
        goal=goal,
        labels=tuple(in_order(labels, goal.by) for labels in group),
        edges=edges,
        codes=codes,
        closed=closed,
        matter=matter,
        amounts=amounts,
        spans=(windows.starts[matter], windows.ends[matter]),
        measured=cache(measured) if known is not None else lambda: formulas.once(key, measured),
    )


def _edges(combo: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """Where the rows of each label combination begin, and behind the last."""
    return np.searchsorted(combo, np.arange(number + 1)).astype(np.int64)


def _measured(
    formulas: Formulas, goal: Goal, group: Group, windows: Windows, codes: Codes, condition: Cells
) -> Measured:
    shown = where_it_exists(
        formulas.cells(goal.value, group, windows), truth=formulas.layout.truth(goal.value)
    )
    budget, left = _budget(formulas, goal, group, windows)
    amounts = Amounts(formulas, goal, group, windows, codes)
    return Measured(
        starts=windows.starts,
        ends=windows.ends,
        value=shown.value,
        lower=shown.lower,
        upper=shown.upper,
        coverage=condition.coverage,
        budget=budget,
        left=left,
        amounts=amounts if amounts.wanted else None,
    )


def _budget(
    formulas: Formulas, goal: Goal, group: Group, windows: Windows
) -> tuple[Ratios | None, Ratios | None]:
    """The budget and what is left of it (M23)."""
    if goal.budget is None:
        return None, None
    stack, here = formulas.rows(goal.budget.aggregate, group, windows)
    spent = stack.columns.spent
    if spent is None:
        return None, None
    share = of_value(1 - goal.budget.target)
    assert isinstance(share, Ratios)
    allowed = calculate("*", Ratios(spent.size, None, here), share)
    gone: Integers = spent.bad
    if goal.budget.time and goal.unknown_time is UnknownTime.MISSED:
        gone = gone + spent.missing
    return allowed, calculate("-", allowed, Ratios(gone))


class Amounts:
    """What the credits and refunds of a goal ask for, for some of its windows."""

    def __init__(self, formulas: Formulas, goal: Goal, group: Group, windows: Windows, codes: Codes) -> None:
        self._formulas: Final = formulas
        self._goal: Final = goal
        self._group: Final = group
        self._windows: Final = windows
        self._codes: Final = codes
        layout = formulas.layout
        self._amounts: Final = layout.amounts(goal)
        self._conditions: Final = layout.refund_conditions(goal)
        self.wanted: Final = bool(self._amounts or self._conditions)

    def at(self, rows: NDArray[np.int64]) -> list[tuple[tuple[int, Fraction | None], ...]]:
        """(operation, amount) of each, in these rows; nothing for a window that is still open."""
        formulas, goal = self._formulas, self._goal
        operations = formulas.plan.operations
        amounts = [(index, bind_amount(operations, index, goal.unknown_time)) for index in self._amounts]
        conditions = [(index, bind_series(operations, index)) for index in self._conditions]
        windows = self._windows.rows(rows)
        combo = [0] * len(windows) if windows.combo is None else windows.combo.tolist()
        leaves = {
            leaf: self._points(leaf, windows)
            for index in (*self._amounts, *self._conditions)
            for leaf in self._leaves(index)
        }
        counts = {
            index: self._counted(node)[rows].tolist()
            for index in formulas.layout.tallies
            if isinstance(node := operations[index], VerdictCount) and node.goal == goal.name
        }
        labelled = bool(formulas.layout.names(goal.condition))
        closed = (windows.ends <= formulas.until).tolist()
        found: list[tuple[tuple[int, Any], ...]] = []
        for row, is_closed in enumerate(closed):
            if not is_closed:
                found.append(())
                continue
            labels = self._group[combo[row]]
            points = {
                leaf: {formulas.own(leaf, labels): made[row]}
                for leaf, made in leaves.items()
                if made[row] is not None
            }
            window = Interval(int(windows.starts[row]), int(windows.ends[row]))
            for index, counted in counts.items():
                point = Point(window, certain(counted[row], truth=False))
                points[index] = {labels if labelled else (): point}
            found.append(
                (
                    *((index, amount(points, labels)) for index, amount in amounts),
                    *((index, int(read(points, labels).value is True)) for index, read in conditions),
                )
            )
        return found

    def _leaves(self, index: int) -> list[int]:
        operations = self._formulas.plan.operations
        found = [leaf for leaf, _ in aggregates_needed(operations, index)]
        waiting = [index]
        while waiting:
            position = waiting.pop()
            if isinstance(operations[position], Previous):
                found.append(position)
            waiting.extend(operands(operations[position]))
        return list(dict.fromkeys(found))

    def _points(self, leaf: int, windows: Windows) -> list[Any]:
        """The leaf's value in each of these windows as the formulas of amounts read it."""
        stack, here = self._formulas.rows(leaf, self._group, windows)
        columns, number = stack.columns, len(windows)
        parts = [
            values_at(x, number) for x in (columns.value, columns.lower, columns.upper, columns.coverage)
        ]
        exists = [True] * number if here is None else here.tolist()
        nothing = [False] * number if columns.nothing is None else columns.nothing.tolist()
        return [
            Point(
                Interval(start, end),
                SeriesValue(value=value, lower=lower, upper=upper, coverage=Fraction(coverage)),
                empty=empty,
            )
            if is_there
            else None
            for start, end, value, lower, upper, coverage, is_there, empty in zip(
                windows.starts.tolist(), windows.ends.tolist(), *parts, exists, nothing, strict=True
            )
        ]

    def _counted(self, node: VerdictCount) -> NDArray[np.int64]:
        """How many verdicts were missed, up to and including each (M62)."""
        combo = self._windows.combo
        if combo is None:
            return misses(self._codes, node.of_last)
        edges = _edges(combo, len(self._group))
        parts = [misses(self._codes[low:high], node.of_last) for low, high in pairwise(edges.tolist())]
        return np.concatenate(parts)


def misses(codes: Codes, of_last: int | None) -> NDArray[np.int64]:
    """How many of the last verdicts are *violated*, up to and including each; without ``of_last`` since the last
    *met* (M62).
    """
    violated = np.concatenate([[0], np.cumsum(codes == _code(Verdict.VIOLATED))])
    places = np.arange(len(codes))
    if of_last is not None:
        since = np.maximum(places + 1 - of_last, 0)
    else:
        since = np.maximum.accumulate(np.where(codes == _code(Verdict.MET), places + 1, 0))
    found: NDArray[np.int64] = violated[places + 1] - violated[since]
    return found


def held(codes: Codes, verdict: str, count: int, of_last: int) -> Flags:
    """Whether at least so many of the last verdicts are this one, up to and including each (M25)."""
    same = np.concatenate([[0], np.cumsum(codes == _code(Verdict(verdict)))])
    places = np.arange(len(codes))
    flags: Flags = same[places + 1] - same[np.maximum(places + 1 - of_last, 0)] >= count
    return flags
