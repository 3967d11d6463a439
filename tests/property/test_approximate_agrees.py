"""Property: approximate percentiles are the same in every engine, in any order and chunks and over any restart (M101).

Their values are of every size, and often on the bounds of buckets; the general generator draws them of few.
"""

from __future__ import annotations

import json
from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from wsla.engine import Engine, Output
from wsla.evaluation.rows import Rows
from wsla.evaluation.stream import StreamEvaluator
from wsla.plan.model import UnknownTime
from wsla.testing.engines import ENGINES
from wsla.testing.plans import DURATION, PlanBuilder, observe
from wsla.testing.strategies import Case
from wsla.values.buckets import Buckets
from wsla.values.calendars import ExactWindow, RollingWindow
from wsla.values.instants import MINUTE, SECOND
from wsla.values.observations import Observation

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=40)
ERRORS = (Fraction(1, 100), Fraction(1, 3), Fraction(1, 3000))
UNTIL = 12 * MINUTE


@st.composite
def values(draw: DrawFn, error: Fraction) -> int:
    """Whole numbers on a bound of a bucket or beside one, and any others."""
    number = draw(
        st.integers(-(10**4), 10**4) | st.integers(1, 999).map(lambda x: x * 10**9) | st.integers(0, 10**15)
    )
    low, high = Buckets(error).around(number)
    return int(draw(st.sampled_from((number, round(low), round(high)))) + draw(st.integers(-1, 1)))


@st.composite
def dense_cases(draw: DrawFn) -> Case:
    """Percentiles over tumbling and rolling windows and over windows of a series, with goals that compare them."""
    error = draw(st.sampled_from(ERRORS))
    build = PlanBuilder()
    labels = draw(st.sampled_from(((), ("site",))))
    build.samples(
        "probe", {"elapsed": DURATION}, labels=labels, staleness=draw(st.sampled_from((None, MINUTE)))
    )
    elapsed = build.field("probe", "elapsed")
    windows = (ExactWindow(3 * MINUTE), ExactWindow(10 * MINUTE), RollingWindow(4 * MINUTE, MINUTE))
    for number in range(draw(st.integers(1, 3))):
        window = draw(st.sampled_from(windows))
        rank = draw(st.sampled_from((Fraction(1, 100), Fraction(1, 2), Fraction(99, 100), Fraction(1))))
        by = draw(st.sampled_from(((), labels)))
        index = build.aggregate(
            "percentile", elapsed, window, source="probe", parameter=rank, within=error, by=by
        )
        if draw(st.integers(0, 3)) == 0 and isinstance(window, ExactWindow) and not by:
            inner = build.aggregate("max", elapsed, ExactWindow(MINUTE), source="probe")
            index = build.aggregate("percentile", inner, window, parameter=rank, within=error)
        limit = build.constant(draw(values(error)), DURATION)
        condition = build.compare(index, draw(st.sampled_from(("<", "<=", ">", ">="))), limit)
        policy = draw(st.sampled_from(tuple(UnknownTime)))
        build.goal(f"g{number}", condition, window, value=index, by=by, unknown_time=policy)
        build.metrics[f"m{number}"] = index
    pace = draw(st.sampled_from((7 * SECOND, 30 * SECOND)))
    usual = draw(st.lists(values(error), min_size=1, max_size=6))
    sites = ("x", "y") if labels else ("",)
    observations = [
        observe(
            "probe",
            at + number,
            elapsed=None if draw(st.integers(0, 30)) == 0 else draw(st.sampled_from(usual)),
            **({"site": site} if labels else {}),
        )
        for at in range(0, draw(st.integers(1, 11)) * MINUTE, pace)
        for number, site in enumerate(sites)
    ]
    return Case(plan=build.build(), observations=tuple(observations), start=0, until=UNTIL)


@QUICK
@given(dense_cases(), st.data())
def test_every_engine_says_the_same(case: Case, data: st.DataObject) -> None:
    first, *others = (
        engine(case.plan, case.observations, case.start, case.until) for engine in ENGINES.values()
    )
    assert all(other == first for other in others)
    stream = StreamEvaluator(case.plan, case.start)
    restart = data.draw(st.integers(0, len(case.observations)))
    for number, observation in enumerate(data.draw(st.permutations(case.observations))):
        if number == restart:
            stream = StreamEvaluator.restore(case.plan, json.loads(json.dumps(stream.snapshot())))
        stream.observe(observation)
    assert stream.outcome(case.until) == first


@QUICK
@given(dense_cases(), st.data())
def test_chunks_and_restarts_change_nothing_while_time_goes_on(case: Case, data: st.DataObject) -> None:
    plain, engine = Engine(case.plan, case.start), Engine(case.plan, case.start)
    observations: list[Observation] = list(case.observations)
    while observations:
        size = data.draw(st.integers(1, len(observations)))
        chunk, observations = observations[:size], observations[size:]
        told: list[Output] = []
        for observation in chunk:
            told += plain.observe(observation)
            told += plain.advance(observation.at + 1)
        names = sorted(chunk[0].fields)
        columns = {name: [one.fields.get(name) for one in chunk] for name in names}
        assert engine.observe_rows(Rows("probe", [one.at for one in chunk], columns)) == told
        if data.draw(st.booleans()):
            engine = Engine.restore(case.plan, json.loads(json.dumps(engine.snapshot())))
    assert engine.judgements(UNTIL) == plain.judgements(UNTIL)
    end = case.until + case.plan.grace
    assert engine.advance(end) == plain.advance(end)


@QUICK
@given(dense_cases())
def test_the_exact_percentile_lies_between_the_bounds(case: Case) -> None:
    """M102."""
    from attrs import evolve

    from wsla.analysis.operations import Aggregate

    exact = evolve(
        case.plan,
        operations=tuple(
            evolve(node, within=None) if isinstance(node, Aggregate) else node
            for node in case.plan.operations
        ),
    )
    near, right = (ENGINES["reference"](plan, case.observations, 0, UNTIL) for plan in (case.plan, exact))
    for name, points in near.metrics.items():
        for point, other in zip(points, right.metrics[name], strict=True):
            told, true = point.value, other.value
            assert (told.value is None) is (true.value is None)
            assert told.coverage == true.coverage
            if isinstance(told.value, int | Fraction) and isinstance(true.value, int | Fraction):
                assert abs(told.value - true.value) <= ERRORS[1] * abs(true.value)
            for bound, other_bound, sign in ((told.lower, true.lower, 1), (told.upper, true.upper, -1)):
                assert (bound is None) is (other_bound is None)
                if isinstance(bound, int | Fraction) and isinstance(other_bound, int | Fraction):
                    assert sign * bound <= sign * other_bound
