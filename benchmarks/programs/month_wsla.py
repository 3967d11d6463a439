"""The product: month.sla, read, checked, planned and judged, remedies included."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy  # noqa: F401 - all programs are timed from after their imports
import polars  # noqa: F401

import wsla
from benchmarks.answers import Answer
from benchmarks.programs.agreements import MONTH_END, agreement
from benchmarks.task import Task
from wsla.api import Report
from wsla.evaluation.report import counts_of, episodes_of
from wsla.evaluation.verdicts import Verdict

STEADY = (Verdict.MET, Verdict.VIOLATED, Verdict.UNKNOWN)


def run(task: Task) -> Answer:
    """The answer for every metric."""
    report = wsla.evaluate(
        agreement("month.sla", task), {"probe": Path(task.path)}, start=task.start, until=MONTH_END
    )
    return answer(task, report)


def answer(task: Task, report: Report) -> Answer:
    """What a report says of every metric, in the order in which programs by hand say it."""
    values: dict[tuple[str, str], Any] = {
        (name, point.labels[0][1]): point.value.value
        for name in ("uptime", "answered", "typical", "slow")
        for point in report.metrics[name]
    }
    counts, episodes = counts_of(report.judgements), episodes_of(report.judgements)
    credits = {entry.labels: int(entry.amount) for entry in report.entries}
    found: Answer = {}
    for metric in map(str, range(task.count)):
        labels = (("metric", metric),)
        hours = counts["steady", labels]
        found[metric] = [
            str(Fraction(values["uptime", metric])),
            only(counts["available", labels]),
            str(Fraction(values["answered", metric])),
            str(credits.get(labels, 0)),
            str(Fraction(values["typical", metric])),
            only(counts["quick", labels]),
            int(values["slow", metric]),
            only(counts["smooth", labels]),
            *(hours.get(verdict, 0) for verdict in STEADY),
            episodes["steady", labels],
        ]
    return found


def only(counts: Any) -> str:
    """The verdict of a goal that has one window."""
    ((verdict, number),) = counts.items()
    assert number == 1
    return str(verdict.value)
