"""The product: partials.sla judged from partial results by the minute, which `make` has stored beforehand."""

from __future__ import annotations

import numpy  # noqa: F401 - all programs are timed from after their imports
import polars  # noqa: F401

from benchmarks.answers import Answer
from benchmarks.programs.agreements import MONTH_END, agreement
from benchmarks.programs.partials_raw import answer
from benchmarks.task import Task
from wsla.api import Report
from wsla.evaluation.batch.evaluator import BatchEvaluator
from wsla.evaluation.panes import fitted, panes_of
from wsla.evaluation.panes.stage import first_stage
from wsla.remedies.decider import decide
from wsla.sources.files.columns import open_columns
from wsla.sources.files.partials import read_partials, write_partials
from wsla.values.calendars import find_zone


def make(task: Task) -> None:
    """Stores what `run` judges from, as `wsla eval --write-partials` does."""
    plan = agreement("partials.sla", task).plan
    history = open_columns(plan.source("probe"), task.path, zone=find_zone(plan.zone))
    write_partials(_beside(task), panes_of(plan, history.streams(), MONTH_END))


def run(task: Task) -> Answer:
    """The answer for every metric, as `wsla eval --partials` finds it."""
    judged = agreement("partials.sla", task)
    plan = judged.plan
    panes = fitted(plan, read_partials(_beside(task)))
    stage = first_stage(set(panes.sources), panes)
    outcome = BatchEvaluator(plan, task.start, MONTH_END, stage).outcome()
    report = Report(
        agreement=judged,
        start=task.start,
        until=MONTH_END,
        judgements=outcome.judgements,
        metrics=outcome.metrics,
        decisions=decide(plan, outcome),
    )
    return answer(task, report)


def _beside(task: Task) -> str:
    return task.path.removesuffix(".parquet") + "-partials.parquet"
