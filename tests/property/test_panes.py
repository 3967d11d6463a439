"""Property: what panes give of an aggregate is what the rules say, and panes of parts are panes of the whole."""

from __future__ import annotations

from itertools import pairwise
from unittest.mock import patch

import pytest

pytest.importorskip("numpy", reason="what holds columns is not installed")

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from wsla.analysis.operations import Aggregate
from wsla.evaluation.batch.columns import StreamColumns
from wsla.evaluation.batch.ratios import values_at
from wsla.evaluation.batch.series import SeriesColumns
from wsla.evaluation.batch.streams import streams_of
from wsla.evaluation.batch.together import Together
from wsla.evaluation.panes import PaneReduction, PanesError, PaneTable, merged, panes_of, sums
from wsla.evaluation.panes.measures import measures_of, supported
from wsla.evaluation.reference import evaluate
from wsla.plan.model import Plan
from wsla.testing.engines import by_panes
from wsla.testing.pane_cases import pane_cases
from wsla.testing.reductions import assert_panes_are_right
from wsla.testing.strategies import Case, cases

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=28)


@QUICK
@given(st.one_of(pane_cases(), pane_cases(), cases()))
def test_panes_give_what_the_rules_say(case: Case) -> None:
    """Rules M3, M10 to M13, M16, M23 and M50."""
    assume(supported(case.plan))
    assert_panes_are_right(case, panes_of(case.plan, streams_of(case.plan, case.observations), case.until))


def part(stream: StreamColumns, begin: int, end: int) -> StreamColumns:
    rows = slice(*np.searchsorted(stream.at, [begin, end]))
    fields = {name: column.rows(rows) for name, column in stream.fields.items()}
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
    assert_panes_are_right(case, together)


@QUICK
@given(pane_cases(), st.data())
def test_streams_may_be_in_different_tables(case: Case, data: st.DataObject) -> None:
    assume(supported(case.plan))
    streams = streams_of(case.plan, case.observations)
    tables = [panes_of(case.plan, [stream], case.until) for stream in streams]
    assume(tables)
    assert_panes_are_right(case, merged(data.draw(st.permutations(tables))))


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


@QUICK
@given(st.one_of(pane_cases(), cases()))
def test_panes_beside_samples_give_the_outcome_of_the_rules(case: Case) -> None:
    """What panes give comes from them, the rest from samples, and the verdicts are those of the rules."""
    found = by_panes(case.plan, case.observations, case.start, case.until)
    expected = evaluate(case.plan, case.observations, case.start, case.until)
    assert tuple(found.judgements) == expected.judgements
    assert {name: tuple(points) for name, points in found.metrics.items()} == expected.metrics
    assert found.triggers == expected.triggers


def shown(columns: SeriesColumns) -> list[object]:
    number = len(columns.ends)
    parts = (columns.value, columns.lower, columns.upper, columns.coverage)
    return [columns.starts.tolist(), columns.ends.tolist(), *(values_at(part, number) for part in parts)]


@QUICK
@given(pane_cases(), st.sampled_from([1, 5, 1 << 16]), st.data())
def test_label_combinations_together_are_those_one_by_one(case: Case, rows: int, data: st.DataObject) -> None:
    """In any order, some of them or all, however many are added up at once."""
    panes = panes_of(case.plan, streams_of(case.plan, case.observations), case.until)
    reduction = PaneReduction(case.plan, panes, case.start, case.until)
    with patch.object(sums, "_ROWS_TOGETHER", rows):
        for index in supported(case.plan):
            every = data.draw(st.permutations(sorted(reduction.combinations(index))))
            among = every[: data.draw(st.integers(0, len(every)))]
            if not among:
                continue
            found = reduction.together(index, among)
            expected = Together.of({labels: reduction.series(index, labels) for labels in among})
            assert found.labels == expected.labels
            assert found.rows.tolist() == expected.rows.tolist()
            assert shown(found.columns) == shown(expected.columns)
            if found.columns.nothing is not None:
                assert np.array_equal(found.columns.nothing, expected.columns.nothing)
