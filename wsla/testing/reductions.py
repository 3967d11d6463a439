"""What a first stage gives of a plan, compared with the rules, aggregate by aggregate and window by window."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from wsla.analysis.operations import Aggregate
from wsla.evaluation.batch.series import Ratios, Reduction, SeriesColumns, Truths, Values
from wsla.evaluation.panes import PaneReduction, PaneTable
from wsla.evaluation.panes.measures import supported
from wsla.evaluation.reference.aggregates import known_time, time_in
from wsla.evaluation.reference.evaluator import Evaluator
from wsla.evaluation.reference.judging import share_items
from wsla.evaluation.reference.over_time import time_of
from wsla.evaluation.reference.streams import LabelSet
from wsla.evaluation.reference.windows import known_at
from wsla.evaluation.verdicts import SeriesValue
from wsla.testing.strategies import Case
from wsla.values.instants import Interval
from wsla.values.intervals import clip, length

Spending = tuple[int, int, int] | None
Rows = dict[Interval, tuple[SeriesValue, bool, Spending]]
"""By window: the value, whether there was nothing to look at, and size, bad and missing of a budget."""


def _ratio(values: Values, place: int) -> Fraction | None:
    assert isinstance(values, Ratios)
    if values.known is not None and not values.known[place]:
        return None
    bottom = 1 if values.denominators is None else int(values.denominators[place])
    return Fraction(int(values.numerators[place]), bottom)


def _rows(series: SeriesColumns) -> Rows:
    found: Rows = {}
    assert not isinstance(series.value, Truths)
    for place, (start, end) in enumerate(zip(series.starts.tolist(), series.ends.tolist(), strict=True)):
        coverage = _ratio(series.coverage, place)
        assert coverage is not None
        value = SeriesValue(
            value=_ratio(series.value, place),
            lower=_ratio(series.lower, place),
            upper=_ratio(series.upper, place),
            coverage=coverage,
        )
        assert series.nothing is not None
        spent = series.spent
        found[Interval(start, end)] = (
            value,
            bool(series.nothing[place]),
            None
            if spent is None
            else (int(spent.size[place]), int(spent.bad[place]), int(spent.missing[place])),
        )
    assert [*found] == sorted(found)
    return found


def _by_the_rules(evaluator: Evaluator, index: int, labels: LabelSet, start: int) -> Rows:
    node = evaluator.plan.operations[index]
    assert isinstance(node, Aggregate)
    found: Rows = {}
    for window in evaluator.windows(node.window, labels, start, evaluator.until, evaluator.until):
        asked = known_at(window, evaluator.until)
        value, empty = evaluator._look(index, node, labels, window, asked)
        if value is not None:
            found[window] = (value, empty, _spent(evaluator, index, node, labels, window, asked))
    return dict(sorted(found.items()))


def _spent(
    evaluator: Evaluator, index: int, node: Aggregate, labels: LabelSet, window: Interval, asked: int
) -> Spending:
    kept = evaluator.kept(node, window)
    if node.function == "share":
        items = share_items(evaluator, index, labels, kept, asked)
        return len(items), items.count(False), 0
    if node.function not in ("availability", "duration", "downtime"):
        return None
    segments, left = time_of(evaluator, node, labels, kept, asked)
    before = clip(left, Interval(min(asked, kept[0].start), asked))
    # The condition that a budget is of is that of `availability`, false where it is bad.
    return length(left), time_in(segments, False), length(before) - known_time(segments)


def assert_as_the_rules_say(case: Case, reduction: Reduction, aggregates: Iterable[int]) -> None:
    """Each of the aggregates has the values of the rules, in the same windows."""
    evaluator = Evaluator(case.plan, case.observations, case.start, case.until)
    for index in aggregates:
        found = reduction.combinations(index)
        assert {frozenset(labels): at for labels, at in found.items()} == evaluator.combinations(
            index, case.until
        )
        for labels, start in found.items():
            rules = _by_the_rules(evaluator, index, frozenset(labels), start)
            assert _rows(reduction.series(index, labels)) == rules


def assert_panes_are_right(case: Case, panes: PaneTable) -> None:
    """Everything that panes give of a plan is what the rules say."""
    reduction = PaneReduction(case.plan, panes, case.start, case.until)
    assert_as_the_rules_say(case, reduction, supported(case.plan))
