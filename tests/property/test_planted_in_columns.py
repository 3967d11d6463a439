"""The same bugs planted in the batch evaluator and in partial results: the comparison must see each of them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

import pytest

pytest.importorskip("numpy", reason="numpy is not installed")

import numpy as np
from attrs import evolve, field, frozen

from wsla.analysis.operations import Window
from wsla.evaluation.batch import frames, over_samples, ratios
from wsla.evaluation.batch.exact import ratios as fractions
from wsla.evaluation.batch.rows import Rows
from wsla.evaluation.batch.series import Ratios
from wsla.evaluation.batch.slices import count_in
from wsla.evaluation.batch.vectors import Number
from wsla.evaluation.panes import collect, grid
from wsla.evaluation.panes.measures import Kind
from wsla.evaluation.panes.reduction import PaneReduction
from wsla.evaluation.panes.sums import Places
from wsla.evaluation.reference import evaluate
from wsla.evaluation.verdicts import Verdict
from wsla.plan.model import Plan
from wsla.testing.boundaries import boundary_cases
from wsla.testing.engines import Engine, by_columns, by_panes
from wsla.testing.plans import BOOLEAN, NUMBER, PlanBuilder
from wsla.testing.statistics import drawn
from wsla.testing.strategies import Case, observations
from wsla.values.calendars import ExactWindow
from wsla.values.instants import DAY, HOUR, MINUTE, SECOND

from .test_planted_bugs import BERLIN, ENOUGH, START, in_utc, overlapping_in_utc

Made = tuple[Plan, int]
"""A plan, and until when it is judged."""


def days() -> Made:
    """What is judged in columns: samples alone, in local days."""
    build = PlanBuilder(start=START)
    build.samples("probe", {"ok": BOOLEAN, "load": NUMBER}, staleness=3 * HOUR, every=HOUR)
    ok, load = build.field("probe", "ok"), build.field("probe", "load")
    build.metrics["increase"] = build.aggregate("increase", load, BERLIN, source="probe")
    return _with_shares(build, ok, BERLIN), START + 4 * DAY


def days_of_panes() -> Made:
    """The same without what partial results do not give."""
    build = PlanBuilder(start=START)
    build.samples("probe", {"ok": BOOLEAN}, staleness=3 * HOUR, every=HOUR)
    return _with_shares(build, build.field("probe", "ok"), BERLIN), START + 4 * DAY


def minutes_of_panes() -> Made:
    """Windows of a few panes, in each of which there are several samples."""
    build = PlanBuilder(start=START)
    build.samples("probe", {"ok": BOOLEAN}, staleness=MINUTE, every=10 * SECOND)
    ok = build.field("probe", "ok")
    return _with_shares(build, ok, ExactWindow(3 * MINUTE, origin_ns=START)), START + 6 * MINUTE


def _with_shares(build: PlanBuilder, ok: int, window: Window) -> Plan:
    build.metrics["good"] = build.aggregate("share", ok, window, source="probe")
    build.available("up", ok, Fraction(9, 10), window)
    return build.build()


@cache
def generated(make: Callable[[], Made]) -> tuple[list[Case], list[Any]]:
    """Cases, and what the rules say of them."""
    plan, until = make()
    cases = [
        Case(plan=plan, observations=seen, start=START, until=until)
        for seen in drawn(observations(plan, START, until), ENOUGH)
    ]
    return cases, [evaluate(x.plan, x.observations, x.start, x.until) for x in cases]


def disagreements(engine: Engine, make: Callable[[], Made]) -> int:
    """In how many generated cases an engine does not say what the rules say."""
    return sum(
        engine(case.plan, case.observations, case.start, case.until) != outcome
        for case, outcome in zip(*generated(make), strict=True)
    )


def misjudged_nanoseconds(engine: Engine, _: Callable[[], Made]) -> int:
    """In how many cases on the boundary the verdict is wrong."""
    wrong = 0
    for case, sign, beside in drawn(boundary_cases(), 100):
        met = beside < 0 or (beside == 0 and sign == ">=")
        [judgement] = engine(case.plan, case.observations, case.start, case.until).judgements
        wrong += judgement.verdict is not (Verdict.MET if met else Verdict.VIOLATED)
    return wrong


# The bugs


_rows = Rows.__init__


def closed_rows(rows: Rows, at: Any, seen: frames.Frames, streams: int = 1) -> None:
    """A sample at a window's end counts in it too."""
    _rows(rows, at, seen, streams)
    _, ends = seen.so_far
    on_the_end = np.searchsorted(at, ends, side="right") - np.searchsorted(at, ends)
    rows.high = np.minimum(rows.high + np.tile(on_the_end, streams), rows.size)  # type: ignore[misc]


class ClosedPanes:
    """numpy, where a sample on the edge between two panes is dealt to the one before."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def searchsorted(self, at: Any, edges: Any) -> Any:
        return np.searchsorted(at, edges, side="left" if np.ndim(edges) == 0 else "right")


def in_floats(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda one, other: compare(np.asarray(one).astype(float), np.asarray(other).astype(float))


FLOAT_COMPARISONS = {
    sign: in_floats(compare)
    for sign, compare in (
        ("<=", operator.le),
        ("<", operator.lt),
        (">=", operator.ge),
        (">", operator.gt),
        ("==", operator.eq),
        ("!=", operator.ne),
    )
}
_look = over_samples.look
_value = over_samples._value


def look_at_halves(node: Any, seen: Any, view: Any, known: Any) -> Any:
    part = _look(node, seen, view, known)
    if node.function != "share":
        return part
    rows, argument = view.rows(seen), view.truth(node.argument)
    middle = rows.low + (rows.high - rows.low) // 2
    halves = ((rows.low, middle), (middle, rows.high))
    one, other = (
        end - begin if argument.known is None else count_in(rows.of(argument.known), begin, end)
        for begin, end in halves
    )
    good, better = (count_in(rows.of(argument.true), begin, end) for begin, end in halves)
    both = (one > 0) & (other > 0)
    above = np.where(both, good * other + better * one, good + better)
    below = np.where(both, 2 * one * other, one + other)
    return evolve(part, amounts={**part.amounts, "above": above, "below": below})


def mean_of_halves(node: Any, sizes: Any, part: Any) -> Ratios:
    """A share as the mean of the shares of two halves."""
    if node.function != "share" or "above" not in part.amounts:
        return _value(node, sizes, part)
    return fractions(part.amounts["above"], np.maximum(part.amounts["below"], 1), known=part.items > 0)


_over_samples = PaneReduction._over_samples


def mean_of_panes(panes: PaneReduction, look: Any) -> Any:
    """A share as the mean of the shares of the panes in which there is something."""
    series, node = _over_samples(panes, look), look.node
    if node.function != "share":
        return series
    sums, places = panes._sums[look.source], look.shape.places
    every = np.arange(int(places.high.max(initial=0)))
    names = [look.names[kind, node.argument, node.where] for kind in (Kind.TRUE, Kind.COUNT)]
    of_panes = sums.sums(names, look.groups, node.filter, Places(every, every + 1))
    found = []
    for true, count in zip(*(of_panes[name].tolist() for name in names), strict=True):
        for low, high in zip(places.low.tolist(), places.high.tolist(), strict=True):
            shares = [Fraction(true[x], count[x]) for x in range(low, high) if count[x]]
            found.append(sum(shares, Fraction(0)) / max(len(shares), 1))
    if look.which is not None:
        found = [one for one, chosen in zip(found, look.which.ravel().tolist(), strict=True) if chosen]
    value = Ratios(
        np.array([x.numerator for x in found], object),
        np.array([x.denominator for x in found], object),
        series.value.known,
    )
    return evolve(series, value=value)


def steps_without_reset(vector: Any, count: int) -> Number:
    """A counter that began anew grew by nothing."""
    number = over_samples.common(vector)
    values = np.broadcast_to(number.numerators, (count,))
    places = np.arange(count) if number.known is None else np.flatnonzero(number.known)
    known, grown = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=values.dtype)
    known[places[1:]] = True
    grown[places[1:]] = np.maximum(values[places[1:]] - values[places[:-1]], 0)
    return Number(grown, None, number.scale, known)


_between = grid.windows_between


def between_in_utc(of: Plan, window: Any, start: int, until: int) -> Any:
    return _between(of, in_utc(window), start, until)


@frozen(kw_only=True)
class Bug:
    """What is put in the place of what: ``planted`` by the owner and name by which each is looked up."""

    engine: Engine
    planted: Mapping[tuple[Any, str], Any]
    case: Callable[[], Made] = field(default=days)
    seen_in: Callable[[Engine, Callable[[], Made]], int] = disagreements


BUGS = {
    "a closed interval, batch": Bug(engine=by_columns, planted={(Rows, "__init__"): closed_rows}),
    "a float comparison, batch": Bug(
        engine=by_columns,
        planted={(ratios, "_COMPARISONS"): FLOAT_COMPARISONS},
        seen_in=misjudged_nanoseconds,
    ),
    "a sum of ratios, batch": Bug(
        engine=by_columns,
        planted={(over_samples, "look"): look_at_halves, (over_samples, "_value"): mean_of_halves},
    ),
    "a missed reset, batch": Bug(engine=by_columns, planted={(over_samples, "steps"): steps_without_reset}),
    "a wrong zone, batch": Bug(
        engine=by_columns, planted={(frames, "windows_overlapping"): overlapping_in_utc}
    ),
    "a closed interval, panes": Bug(
        engine=by_panes, planted={(collect, "np"): ClosedPanes()}, case=days_of_panes
    ),
    "a sum of ratios, panes": Bug(
        engine=by_panes, planted={(PaneReduction, "_over_samples"): mean_of_panes}, case=minutes_of_panes
    ),
    "a wrong zone, panes": Bug(
        engine=by_panes, planted={(grid, "windows_between"): between_in_utc}, case=days_of_panes
    ),
}
"""Partial results hold no counters, whose reset could be missed, and what compares them is the batch evaluator."""


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_a_planted_bug_is_seen_and_nothing_without_it(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bug.seen_in(bug.engine, bug.case) == 0
    for (owner, name), planted in bug.planted.items():
        monkeypatch.setattr(owner, name, planted)
    assert bug.seen_in(bug.engine, bug.case) > 0, "no generated case shows it"
