"""Property: what panes give of an aggregate is what the rules say, and panes of parts are panes of the whole."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

pytest.importorskip("numpy")

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from wsla.analysis.operations import Aggregate
from wsla.evaluation.batch.columns import Column, StreamColumns
from wsla.evaluation.batch.series import Ratios, SeriesColumns, Truths
from wsla.evaluation.panes import PaneReduction, PanesError, PaneTable, merged, panes_of
from wsla.evaluation.panes.measures import measures_of, supported
from wsla.evaluation.reference.aggregates import known_time, time_in
from wsla.evaluation.reference.evaluator import Evaluator
from wsla.evaluation.reference.judging import share_items
from wsla.evaluation.reference.over_time import time_of
from wsla.evaluation.reference.windows import known_at
from wsla.evaluation.verdicts import SeriesValue
from wsla.plan.model import Plan
from wsla.testing.pane_cases import pane_cases
from wsla.testing.strategies import Case, cases
from wsla.testing.streams import streams_of
from wsla.values.instants import Interval
from wsla.values.intervals import clip, length

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=60)


def ratio(values: Any, place: int) -> Fraction | None:
    assert isinstance(values, Ratios)
    if values.known is not None and not values.known[place]:
        return None
    bottom = 1 if values.denominators is None else int(values.denominators[place])
    return Fraction(int(values.numerators[place]), bottom)


def rows(series: SeriesColumns) -> dict[Interval, tuple[SeriesValue, bool, tuple[int, int, int] | None]]:
    found = {}
    assert not isinstance(series.value, Truths)
    for place, (start, end) in enumerate(zip(series.starts.tolist(), series.ends.tolist(), strict=True)):
        coverage = ratio(series.coverage, place)
        assert coverage is not None
        value = SeriesValue(
            value=ratio(series.value, place),
            lower=ratio(series.lower, place),
            upper=ratio(series.upper, place),
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


def by_the_rules(
    evaluator: Evaluator, index: int, labels: frozenset[tuple[str, str]], start: int
) -> dict[Interval, tuple[SeriesValue, bool, tuple[int, int, int] | None]]:
    node = evaluator.plan.operations[index]
    assert isinstance(node, Aggregate)
    found = {}
    for window in evaluator.windows(node.window, labels, start, evaluator.until, evaluator.until):
        asked = known_at(window, evaluator.until)
        value, empty = evaluator._look(index, node, labels, window, asked)
        if value is not None:
            found[window] = (value, empty, spent(evaluator, index, node, labels, window, asked))
    return dict(sorted(found.items()))


def spent(
    evaluator: Evaluator, index: int, node: Aggregate, labels: Any, window: Interval, asked: int
) -> tuple[int, int, int] | None:
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


def assert_as_the_rules_say(case: Case, panes: PaneTable) -> None:
    evaluator = Evaluator(case.plan, case.observations, case.start, case.until)
    reduction = PaneReduction(case.plan, panes, case.start, case.until)
    for index in supported(case.plan):
        expected = evaluator.combinations(index, case.until)
        found = reduction.combinations(index)
        assert {frozenset(labels): at for labels, at in found.items()} == expected
        for labels, start in found.items():
            rules = by_the_rules(evaluator, index, frozenset(labels), start)
            assert rows(reduction.series(index, labels)) == rules


@QUICK
@given(st.one_of(pane_cases(), pane_cases(), cases()))
def test_panes_give_what_the_rules_say(case: Case) -> None:
    """Rules M3, M10 to M13, M16, M23 and M50."""
    assume(supported(case.plan))
    assert_as_the_rules_say(case, panes_of(case.plan, streams_of(case.plan, case.observations), case.until))


def part(stream: StreamColumns, begin: int, end: int) -> StreamColumns:
    rows = slice(*np.searchsorted(stream.at, [begin, end]))
    fields = {
        name: Column(column.values[rows], None if column.known is None else column.known[rows])
        for name, column in stream.fields.items()
    }
    return StreamColumns(source=stream.source, labels=stream.labels, at=stream.at[rows], fields=fields)


def parts(plan: Plan, streams: list[StreamColumns], cuts: list[int], until: int) -> list[PaneTable]:
    edges = [-(1 << 62), *cuts, until]
    return [panes_of(plan, [part(x, begin, end) for x in streams], end) for begin, end in pairwise(edges)]


def same(a: PaneTable, b: PaneTable) -> bool:
    if (a.length, a.until, a.sources.keys()) != (b.length, b.until, b.sources.keys()):
        return False
    for name, one in a.sources.items():
        other = b.sources[name]
        if (one.streams, one.kinds, one.signature) != (other.streams, other.kinds, other.signature):
            return False
        if not (np.array_equal(one.stream, other.stream) and np.array_equal(one.pane, other.pane)):
            return False
        if not all(np.array_equal(one.columns[x], other.columns[x]) for x in one.kinds):
            return False
    return True


@QUICK
@given(pane_cases(), st.data())
def test_panes_of_parts_are_those_of_the_whole_in_any_grouping(case: Case, data: st.DataObject) -> None:
    assume(supported(case.plan))
    streams = streams_of(case.plan, case.observations)
    instants = st.sampled_from([x.at + step for x in case.observations for step in (0, 1)] or [case.start])
    cuts = sorted(x for x in data.draw(st.sets(instants, min_size=1, max_size=3)) if x < case.until)
    found = parts(case.plan, streams, cuts, case.until)
    left, right = found[0], found[-1]
    for table in found[1:]:
        left = merged([left, table])
    for table in found[-2::-1]:
        right = merged([right, table])
    together = merged(data.draw(st.permutations(found)))
    assert same(left, right)
    assert same(left, together)
    assert_as_the_rules_say(case, together)


@QUICK
@given(pane_cases(), st.data())
def test_streams_may_be_in_different_tables(case: Case, data: st.DataObject) -> None:
    assume(supported(case.plan))
    streams = streams_of(case.plan, case.observations)
    tables = [panes_of(case.plan, [stream], case.until) for stream in streams]
    assume(tables)
    assert_as_the_rules_say(case, merged(data.draw(st.permutations(tables))))


@QUICK
@given(cases())
def test_what_panes_do_not_give_they_refuse(case: Case) -> None:
    panes = panes_of(case.plan, [], case.until)
    reduction = PaneReduction(case.plan, panes, case.start, case.until)
    for index, node in enumerate(case.plan.operations):
        if not isinstance(node, Aggregate) or reduction.gives(index):
            continue
        with pytest.raises(PanesError):
            reduction.combinations(index)
        with pytest.raises(PanesError):
            measures_of(case.plan, index)
