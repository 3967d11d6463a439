"""Property: what columns are reduced to is what the rules say of every window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import HealthCheck, event, given, settings

from wsla.analysis.operations import Aggregate, OutageWindow
from wsla.analysis.types import BooleanType, Shape
from wsla.evaluation.batch.reduction import ColumnReduction
from wsla.evaluation.batch.series import SeriesColumns
from wsla.evaluation.batch.streams import streams_of
from wsla.evaluation.batch.supported import supports_aggregate, supports_signal
from wsla.evaluation.batch.values import each, values_of
from wsla.evaluation.reference.aggregates import OVER_TIME
from wsla.evaluation.reference.evaluator import Evaluator
from wsla.evaluation.reference.forgiving import time_spent
from wsla.evaluation.reference.judging import in_order, share_items
from wsla.evaluation.reference.looking import inner_windows
from wsla.evaluation.reference.over_time import time_of
from wsla.evaluation.reference.shapes import label_names
from wsla.evaluation.reference.streams import LabelSet
from wsla.testing.strategies import Case, cases
from wsla.values.instants import Interval
from wsla.values.intervals import clip, length

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=42)


def reduced(case: Case) -> ColumnReduction:
    plan = case.plan
    every = range(len(plan.operations))
    found = ColumnReduction(
        plan,
        [i for i in every if supports_aggregate(plan, i)],
        [i for i in every if is_truth(case, i) and supports_signal(plan, i)],
        case.start,
        case.until,
    )
    for stream in reversed(streams_of(plan, case.observations)):
        found.take(stream)
    return found


def is_truth(case: Case, index: int) -> bool:
    return isinstance(case.plan.operations[index].type, BooleanType)


def aggregate(case: Case, index: int) -> Aggregate:
    node = case.plan.operations[index]
    assert isinstance(node, Aggregate)
    return node


def over_samples(case: Case, index: int) -> bool:
    node = case.plan.operations[index]
    if not isinstance(node, Aggregate) or isinstance(node.window, OutageWindow):
        return False
    if node.argument is None:
        return node.source is not None and not case.plan.source(node.source).records
    return case.plan.operations[node.argument].shape is Shape.SIGNAL


@QUICK
@given(cases())
def test_values_bounds_and_coverage_are_those_of_the_rules(case: Case) -> None:
    plan, columns = case.plan, reduced(case)
    evaluator = Evaluator(plan, case.observations, case.start, case.until)
    for index, node in enumerate(plan.operations):
        if over_samples(case, index):
            event("supported" if supports_aggregate(plan, index) else f"not supported: {why(case, index)}")
        if not supports_aggregate(plan, index):
            continue
        assert isinstance(node, Aggregate)
        names = label_names(plan, index)
        starts = evaluator.combinations(index, case.until)
        assert columns.combinations(index) == {in_order(x, names): at for x, at in starts.items()}
        for labels, start in starts.items():
            expected = {
                window: value
                for window in evaluator.windows(node.window, labels, start, case.until, case.until)
                if (value := evaluator.series(index, labels, window, case.until)) is not None
            }
            series = columns.series(index, in_order(labels, names))
            assert values_of(series) == expected
            assert list(values_of(series)) == sorted(expected, key=lambda window: window.end)
            check_nothing(case, evaluator, index, labels, series)
            check_spent(case, evaluator, index, labels, series)


@QUICK
@given(cases())
def test_all_label_combinations_together_are_each_by_itself(case: Case) -> None:
    columns = reduced(case)
    for index in range(len(case.plan.operations)):
        if not supports_aggregate(case.plan, index):
            continue
        together = columns.together(index)
        assert together.labels == tuple(columns.combinations(index))
        found = list(zip(together.columns.starts.tolist(), pairs_of(together.columns), strict=True))
        for labels, rows in zip(together.labels, together.rows.tolist(), strict=True):
            own = columns.series(index, labels)
            part, found = found[:rows], found[rows:]
            assert part == list(zip(own.starts.tolist(), pairs_of(own), strict=True))
        assert not found


def pairs_of(series: SeriesColumns) -> list[object]:
    """All that is said of each window."""
    columns: list[Sequence[object]] = [
        series.ends.tolist(),
        *(each(x) for x in (series.value, series.lower, series.upper, series.coverage)),
    ]
    if series.spent is not None:
        columns += [x.tolist() for x in (series.spent.size, series.spent.bad, series.spent.missing)]
    columns.append([False] * len(series.ends) if series.nothing is None else series.nothing.tolist())
    return list(zip(*columns, strict=True))


def why(case: Case, index: int) -> str:
    node = aggregate(case, index)
    if node.forgiving is not None:
        return "forgiving"
    return node.function if node.function in ("longest", "outages") else "where or a signal"


def check_nothing(
    case: Case, evaluator: Evaluator, index: int, labels: LabelSet, series: SeriesColumns
) -> None:
    if series.nothing is None:
        return
    node = aggregate(case, index)
    for window, nothing in zip(values_of(series), series.nothing.tolist(), strict=True):
        asked = min(window.end, case.until)
        assert nothing == evaluator._look(index, node, labels, window, asked)[1]


def check_spent(
    case: Case, evaluator: Evaluator, index: int, labels: LabelSet, series: SeriesColumns
) -> None:
    if series.spent is None:
        return
    node = aggregate(case, index)
    spent = series.spent
    for place, window in enumerate(values_of(series)):
        asked = min(window.end, case.until)
        kept = evaluator.kept(node, window)
        found = (int(spent.size[place]), int(spent.bad[place]), int(spent.missing[place]))
        if node.function in OVER_TIME:
            segments, left = time_of(evaluator, node, labels, kept, asked)
            before = clip(left, Interval(min(asked, kept[0].start), asked))
            bad = time_spent(segments, before, node.forgiving, missed=False)
            worst = time_spent(segments, before, node.forgiving, missed=True)
            assert found == (length(left), bad, worst - bad)
        else:
            items = share_items(evaluator, index, labels, kept, asked)
            assert found == (len(items), items.count(False), 0)


@QUICK
@given(cases())
def test_windows_to_come_are_there_for_what_looks_at_series(case: Case) -> None:
    """M15: inner windows inside K, those to come included."""
    plan, columns = case.plan, reduced(case)
    evaluator = Evaluator(plan, case.observations, case.start, case.until)
    for node in plan.operations:
        if not isinstance(node, Aggregate) or node.argument is None:
            continue
        if not supports_aggregate(plan, node.argument) or isinstance(node.window, OutageWindow):
            continue
        names = label_names(plan, node.argument)
        for labels, start in evaluator.combinations(node.argument, case.until).items():
            series = columns.series(node.argument, in_order(labels, names))
            coming = columns.to_come(node.argument, in_order(labels, names))
            every = values_of(series) | values_of(coming)
            assert not set(values_of(series)) & set(values_of(coming))
            for window in evaluator.windows(node.window, labels, start, case.until, case.until):
                kept = evaluator.kept(node, window)
                if window.end <= case.until or not kept:
                    continue
                for inner, value in inner_windows(evaluator, node.argument, labels, kept, case.until):
                    assert every[inner] == value


@QUICK
@given(cases())
def test_truths_change_as_the_rules_say(case: Case) -> None:
    plan, columns = case.plan, reduced(case)
    evaluator = Evaluator(plan, case.observations, case.start, case.until)
    for index in range(len(plan.operations)):
        if not is_truth(case, index) or not supports_signal(plan, index):
            continue
        names = label_names(plan, index)
        for labels in evaluator.combinations(index, case.until):
            changes = columns.signal(index, in_order(labels, names))
            assert (changes.values.values[1:] != changes.values.values[:-1]).all()
            instants = {case.start, case.until} | evaluator.changes(index, labels, case.until)
            for at in sorted(x for x in instants if case.start <= x <= case.until):
                place = int(changes.at.searchsorted(at, side="right")) - 1
                found = -1 if place < 0 else int(changes.values.values[place])
                value = evaluator.signal(index, labels, at, case.until)
                assert found == (-1 if value is None else int(value))


def test_most_aggregates_over_samples_and_over_time_are_for_columns() -> None:
    """What is not (signals with a past, joined ones, and those that rest on series or records) is for the stream."""
    found: Counter[bool] = Counter()

    @settings(QUICK, derandomize=True, database=None, max_examples=100)
    @given(cases())
    def count(case: Case) -> None:
        found.update(
            supports_aggregate(case.plan, index)
            for index in range(len(case.plan.operations))
            if over_samples(case, index)
        )

    count()
    assert found[True] >= found.total() * 6 / 10
