"""Signals that rest on the past: runs of a condition, budgets of time and announced times (rules M46 to M49).

Each is a function of the instant alone: the condition before it, or the records known at it, decide.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Final, NamedTuple, assert_never, cast

from wsla.analysis.operations import Active, Debounced, Limited, Stateful, Sustained, Value
from wsla.evaluation.reference.records import of_record
from wsla.evaluation.reference.streams import LabelSet
from wsla.evaluation.reference.windows import in_term
from wsla.values.calendars import window_containing, windows_overlapping
from wsla.values.instants import Interval
from wsla.values.intervals import clip, length

if TYPE_CHECKING:
    from wsla.evaluation.reference.evaluator import Evaluator

BEFORE: Final = -(1 << 63)
FOREVER: Final = 1 << 63


class Run(NamedTuple):
    """A condition has one value throughout ``[start, end)``, and another before and after."""

    start: int
    end: int
    value: Value


class Past:
    """The signals of a plan that rest on what was before."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self.runs = cache(self._runs)

    def value(self, index: int, node: Stateful, labels: LabelSet, at: int, asked: int) -> Value:
        """The value of such a signal at an instant that is not later than the one asked about."""
        match node:
            case Sustained():
                return sustained(node, self.runs(node.condition, labels, asked), at)
            case Debounced():
                runs = self.runs(node.condition, labels, asked)
                taken = [value for start, value in debounced(node, runs) if start <= at]
                return taken[-1] if taken else None
            case Limited():
                return self._limited(node, labels, at, asked)
            case Active():
                return self._active(node, labels, at, asked)
            case _ as never:
                assert_never(never)

    def changes(self, node: Stateful, labels: LabelSet, asked: int) -> frozenset[int]:
        """Every instant up to the one asked about at which such a signal may take another value."""
        match node:
            case Sustained():
                runs = self.runs(node.condition, labels, asked)
                return frozenset(at for run in runs for at in (run.start, run.end + node.length))
            case Debounced():
                return frozenset(at for at, _ in debounced(node, self.runs(node.condition, labels, asked)))
            case Limited():
                return self._changes_of_limited(node, labels, asked)
            case Active():
                return self._changes_of_active(node, labels, asked)
            case _ as never:
                assert_never(never)

    def _runs(self, condition: int, labels: LabelSet, asked: int) -> list[Run]:
        evaluator = self._evaluator
        edges = sorted(at for at in evaluator.changes(condition, labels, asked) if at <= asked)
        found: list[Run] = []
        for start, end in pairwise([BEFORE, *edges, FOREVER]):
            value = evaluator.signal(condition, labels, start, asked)
            if found and found[-1].value is value:
                found[-1] = Run(found[-1].start, end, value)
            else:
                found.append(Run(start, end, value))
        return found

    # --- limited (M48)

    def _limited(self, node: Limited, labels: LabelSet, at: int, asked: int) -> Value:
        value = self._evaluator.signal(node.condition, labels, at, asked)
        if value is False or at == BEFORE:
            return value
        window = window_containing(node.window, at)
        used = self._true_time(node, labels, Interval(window.start, at), asked) if window.start < at else 0
        return False if used >= node.length else value

    def _true_time(self, node: Limited, labels: LabelSet, time: Interval, asked: int) -> int:
        runs = self.runs(node.condition, labels, asked)
        kept = in_term(self._evaluator.plan, time)
        return sum(length(clip(kept, Interval(run.start, run.end))) for run in runs if run.value is True)

    def _changes_of_limited(self, node: Limited, labels: LabelSet, asked: int) -> frozenset[int]:
        found = set(self._evaluator.changes(node.condition, labels, asked))
        for window in windows_overlapping(node.window, self._evaluator.plan.effective_start, asked + 1):
            found.add(window.start)
            left = node.length
            for run in self.runs(node.condition, labels, asked):
                for stretch in clip(in_term(self._evaluator.plan, window), Interval(run.start, run.end)):
                    if run.value is True and 0 < left <= stretch.length:
                        found.add(stretch.start + left)
                    left -= stretch.length if run.value is True else 0
        return frozenset(found)

    # --- active (M49)

    def _active(self, node: Active, labels: LabelSet, at: int, asked: int) -> Value:
        found: list[Value] = [False]
        for time, holds in self._announced(node, labels, min(at + 1, asked)):
            if time.contains(at):
                found.append(holds)
        return True if True in found else None if None in found else False

    def _announced(self, node: Active, labels: LabelSet, asked: int) -> list[tuple[Interval, Value]]:
        """The times of the records that are known at an instant, each with whether its condition holds."""
        plan = self._evaluator.plan
        found = []
        for record in self._evaluator.facts.records(node.source, labels, asked):
            start, end = of_record(plan, node.start, record), of_record(plan, node.end, record)
            holds = True if node.where is None else of_record(plan, node.where, record)
            if start is not None and end is not None and start < end:  # type: ignore[operator]
                # Instants are whole nanoseconds: t >= x where t >= ceil(x).
                time = Interval(ceil(cast(int, start)), ceil(cast(int, end)))
                found.append((time, holds))
        return found

    def _changes_of_active(self, node: Active, labels: LabelSet, asked: int) -> frozenset[int]:
        facts = self._evaluator.facts
        rows = {
            row.at for record in facts.records(node.source, frozenset(), asked) for row in record.versions
        }
        edges = {
            x
            for at in rows
            for time, _ in self._announced(node, labels, at + 1)
            for x in (time.start, time.end)
        }
        return frozenset(rows | edges)


def sustained(node: Sustained, runs: list[Run], at: int) -> bool | None:
    """M46: false until the length has passed since the condition was false, unknown likewise."""
    near = [run.value for run in runs if run.start <= at < run.end + node.length]
    return False if False in near else None if None in near else True


def debounced(node: Debounced, runs: list[Run]) -> list[tuple[int, Value]]:
    """M47: the instants at which the signal takes a value, with the value."""
    found: list[tuple[int, Value]] = []
    for run in runs:
        needed = node.up if run.value else node.down
        if run.value is None or (found and found[-1][1] is run.value):
            continue
        if not found:
            found.append((run.start, run.value))
        elif run.end - run.start >= needed:
            found.append((run.start + needed, run.value))
    return found
