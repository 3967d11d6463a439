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


ENGINES: Final[Mapping[str, Engine]] = {
    "reference": by_rules,
    "stream": by_stream,
    **({"batch": by_columns} if find_spec("numpy") and find_spec("polars") else {}),
}
"""The engines that are there, by name."""
