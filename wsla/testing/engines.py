"""Every engine in one form: a plan, observations in order of time and a stretch go in, an outcome comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Final

from wsla.evaluation import reference
from wsla.evaluation.report import Outcome
from wsla.evaluation.stream import StreamEvaluator
from wsla.plan.model import Plan
from wsla.values.observations import Observation

Engine = Callable[[Plan, Sequence[Observation], int, int], Outcome]
"""Judges ``[start, until)`` as asked at ``until``: (plan, observations, start, until)."""


def by_rules(plan: Plan, observations: Sequence[Observation], start: int, until: int) -> Outcome:
    """The reference: the rules themselves."""
    return reference.evaluate(plan, observations, start, until)


def by_stream(plan: Plan, observations: Sequence[Observation], start: int, until: int) -> Outcome:
    """The streaming evaluator, fed one by one."""
    evaluator = StreamEvaluator(plan, start)
    for observation in observations:
        if observation.at < until:
            evaluator.observe(observation)
    return evaluator.outcome(until)


def by_columns(plan: Plan, observations: Sequence[Observation], start: int, until: int) -> Outcome:
    """The batch evaluator, samples in columns; it needs the extra for columns."""
    from wsla.evaluation.batch.evaluator import BatchEvaluator

    evaluator = BatchEvaluator(plan, start, until)
    evaluator.observe(observations)
    return evaluator.outcome()


def by_panes(plan: Plan, observations: Sequence[Observation], start: int, until: int) -> Outcome:
    """The batch evaluator, where what partial results give comes from them; it needs the extra for columns."""
    from wsla.evaluation.batch.evaluator import BatchEvaluator
    from wsla.evaluation.batch.streams import streams_of
    from wsla.evaluation.panes import panes_of
    from wsla.evaluation.panes.stage import first_stage, needed_whole

    streams = streams_of(plan, observations)
    names = set(panes_of(plan, [], until).sources)
    names -= needed_whole(plan, names).keys()
    panes = panes_of(plan, [stream for stream in streams if stream.source in names], until)
    evaluator = BatchEvaluator(plan, start, until, first_stage(names, panes))
    for stream in streams:
        if stream.source not in names:
            evaluator.take(stream)
    records = {source.name for source in plan.sources if source.records}
    evaluator.observe(one for one in observations if one.source in records)
    return evaluator.outcome()


ENGINES: Final[Mapping[str, Engine]] = {
    "reference": by_rules,
    "stream": by_stream,
    **({"batch": by_columns} if find_spec("numpy") and find_spec("polars") else {}),
}
"""The engines that are there, by name."""
