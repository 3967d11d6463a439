"""The product: partials.sla judged from all samples."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy  # noqa: F401 - all programs are timed from after their imports
import polars  # noqa: F401

import wsla
from benchmarks.answers import Answer
from benchmarks.programs.agreements import MONTH_END, agreement
from benchmarks.programs.month_wsla import STEADY, only
from benchmarks.task import Task
from wsla.api import Report
from wsla.evaluation.report import counts_of, episodes_of


def run(task: Task) -> Answer:
    """The answer for every metric."""
    judged = agreement("partials.sla", task)
    return answer(task, wsla.evaluate(judged, {"probe": Path(task.path)}, start=task.start, until=MONTH_END))


def answer(task: Task, report: Report) -> Answer:
    """What a report says of every metric."""
    values = {
        (name, point.labels[0][1]): str(Fraction(point.value.value))
        for name in ("uptime", "answered")
        for point in report.metrics[name]
    }
    counts, episodes = counts_of(report.judgements), episodes_of(report.judgements)
    credits = {entry.labels: int(entry.amount) for entry in report.entries}
    found: Answer = {}
    for metric in map(str, range(task.count)):
        labels = (("metric", metric),)
        found[metric] = [
            values["uptime", metric],
            only(counts["available", labels]),
            values["answered", metric],
            credits.get(labels, 0),
            *(counts["steady", labels].get(verdict, 0) for verdict in STEADY),
            episodes["steady", labels],
        ]
    return found
