"""A first stage of the batch engine that asks the reference evaluator: slow, and right by definition."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from wsla.analysis.operations import Aggregate, OutageWindow, SourceField
from wsla.analysis.types import BooleanType, NumberType, Shape
from wsla.evaluation.batch.columns import StreamColumns
from wsla.evaluation.batch.evaluator import FirstStage
from wsla.evaluation.batch.ratios import whole_numbers
from wsla.evaluation.batch.series import Ratios, SeriesColumns, SignalColumns, Spent, Truths, Values
from wsla.evaluation.batch.together import Together
from wsla.evaluation.reference.aggregates import OVER_TIME
from wsla.evaluation.reference.evaluator import Evaluator
from wsla.evaluation.reference.forgiving import time_spent
from wsla.evaluation.reference.judging import share_items
from wsla.evaluation.reference.over_time import time_of
from wsla.evaluation.reference.pointwise import operands
from wsla.evaluation.reference.windows import known_at, windows_between
from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Plan
from wsla.values.calendars import RollingWindow
from wsla.values.instants import Interval
from wsla.values.intervals import clip, length
from wsla.values.observations import Observation


def double(observations: Iterable[Observation]) -> FirstStage:
    """The stage for a case with these observations, those of records among them."""
    seen = tuple(observations)

    def begin(
        plan: Plan, aggregates: Collection[int], signals: Collection[int], start: int, until: int
    ) -> DoubleReduction:
        return DoubleReduction(plan, seen, start, until)

    return FirstStage(aggregate=_gives_aggregate, signal=_gives_signal, begin=begin)


def _gives_aggregate(plan: Plan, index: int) -> bool:
    node = plan.operations[index]
    assert isinstance(node, Aggregate)
    return not isinstance(node.window, OutageWindow) and isinstance(node.type, NumberType | BooleanType)


def _gives_signal(plan: Plan, index: int) -> bool:
    # Every other one, so that signals are put together of parts as well.
    return index % 2 == 0 and _rests_on_samples(plan, index)


def _rests_on_samples(plan: Plan, index: int) -> bool:
    node = plan.operations[index]
    if node.shape is Shape.SCALAR or isinstance(node, SourceField):
        return True
    parts = operands(node)
    return bool(parts) and all(_rests_on_samples(plan, part) for part in parts)


class DoubleReduction:
    """Columns made of what the reference evaluator says, window by window."""

    def __init__(self, plan: Plan, observations: tuple[Observation, ...], start: int, until: int) -> None:
        self.plan = plan
        self.until = until
        self.evaluator = Evaluator(plan, observations, start, until)
        self.taken: list[StreamColumns] = []

    def take(self, stream: StreamColumns) -> None:
        self.taken.append(stream)

    def combinations(self, index: int) -> dict[Labels, int]:
        found = self.evaluator.combinations(index, self.until)
        return {tuple(sorted(labels)): start for labels, start in found.items()}

    def series(self, index: int, labels: Labels) -> SeriesColumns:
        return self._columns(index, labels, to_come=False)

    def together(self, index: int, among: Sequence[Labels]) -> Together:
        return Together.of({labels: self.series(index, labels) for labels in among})

    def to_come(self, index: int, labels: Labels) -> SeriesColumns:
        return self._columns(index, labels, to_come=True)

    def _columns(self, index: int, labels: Labels, *, to_come: bool) -> SeriesColumns:
        node, evaluator, until = self.plan.operations[index], self.evaluator, self.until
        assert isinstance(node, Aggregate)
        own = frozenset(labels)
        start = evaluator.combinations(index, until)[own]
        rows: list[tuple[Interval, Any, bool, tuple[int, int, int]]] = []
        windows = evaluator.windows(node.window, own, start, until, until)
        if to_come:
            later = windows_between(self.plan, node.window, start, self._horizon())
            windows = [window for window in later if window not in windows]
        for window in windows:
            asked = known_at(window, until)
            value, empty = evaluator._look(index, node, own, window, asked)
            if value is not None:
                rows.append((window, value, empty, self._spent(index, node, own, window, asked)))
        truth = isinstance(node.type, BooleanType)
        budgeted = node.function in ("availability", "share")
        return SeriesColumns(
            starts=np.array([row[0].start for row in rows], dtype=np.int64),
            ends=np.array([row[0].end for row in rows], dtype=np.int64),
            value=_column([row[1].value for row in rows], truth=truth),
            lower=_column([row[1].lower for row in rows], truth=truth),
            upper=_column([row[1].upper for row in rows], truth=truth),
            coverage=_numbers([row[1].coverage for row in rows]),
            nothing=np.array([row[2] for row in rows], dtype=np.bool_),
            spent=Spent(
                size=np.array([row[3][0] for row in rows], dtype=np.int64),
                bad=np.array([row[3][1] for row in rows], dtype=np.int64),
                missing=np.array([row[3][2] for row in rows], dtype=np.int64),
            )
            if budgeted
            else None,
        )

    def _horizon(self) -> int:
        """The end of the last window of any kind that has begun."""
        found = self.until
        for node in self.plan.operations:
            if isinstance(node, Aggregate) and not isinstance(node.window, OutageWindow | RollingWindow):
                windows = windows_between(self.plan, node.window, self.until - 1, self.until)
                found = max([found, *(window.end for window in windows)])
        return found

    def _spent(
        self, index: int, node: Aggregate, own: frozenset[tuple[str, str]], window: Interval, asked: int
    ) -> tuple[int, int, int]:
        evaluator = self.evaluator
        kept = evaluator.kept(node, window)
        if node.function in OVER_TIME and node.function == "availability":
            segments, left = time_of(evaluator, node, own, kept, asked)
            before = clip(left, Interval(min(asked, kept[0].start), asked))
            bad = time_spent(segments, before, node.forgiving, missed=False)
            return length(left), bad, time_spent(segments, before, node.forgiving, missed=True) - bad
        if node.function == "share":
            items = share_items(evaluator, index, own, kept, asked)
            return len(items), sum(item is False for item in items), 0
        return 0, 0, 0

    def signal(self, index: int, labels: Labels) -> SignalColumns:
        evaluator, until = self.evaluator, self.until
        own = frozenset(labels)
        instants = sorted(at for at in evaluator.changes(index, own, until) if at <= until)
        values = [evaluator.signal(index, own, at, until) for at in instants]
        kept = [
            (at, x)
            for i, (at, x) in enumerate(zip(instants, values, strict=True))
            if x != (values[i - 1] if i else None)
        ]
        return SignalColumns(
            at=np.array([at for at, _ in kept], dtype=np.int64),
            values=Truths(np.array([-1 if x is None else int(bool(x)) for _, x in kept], dtype=np.int8)),
        )


def _column(values: list[Any], *, truth: bool) -> Values:
    if truth:
        return Truths(np.array([-1 if x is None else int(x) for x in values], dtype=np.int8))
    return _numbers(values)


def _numbers(values: list[Any]) -> Ratios:
    fractions = [Fraction(0 if value is None else value) for value in values]
    return Ratios(
        whole_numbers([x.numerator for x in fractions]),
        whole_numbers([x.denominator for x in fractions]),
        np.array([value is not None for value in values], dtype=np.bool_),
    )
