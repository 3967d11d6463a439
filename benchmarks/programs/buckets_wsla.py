"""The product: buckets.sla, read, checked, planned and judged, remedies included."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy  # noqa: F401 - all programs are timed from after their imports
import polars  # noqa: F401

import wsla
from benchmarks.answers import Answer
from benchmarks.programs.agreements import MONTH_END, agreement
from benchmarks.task import Task


def run(task: Task) -> Answer:
    """The answer for every service."""
    report = wsla.evaluate(
        agreement("buckets.sla", task), {"requests": Path(task.path)}, start=task.start, until=MONTH_END
    )
    verdicts = {judgement.labels: judgement.verdict.value for judgement in report.judgements}
    return {
        point.labels[0][1]: [str(Fraction(point.value.value)), verdicts[point.labels]]
        for point in report.metrics["served"]
    }
