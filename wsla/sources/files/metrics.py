"""Samples of metrics as rows: one for each sample, or where fields are called like metrics one for each instant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wsla.evaluation.encoding import SECOND_VALUE, History
from wsla.sources.files.jsonl import Objects
from wsla.sources.files.table import Request, matches

VALUE: Final = "value"
"""The column of a sample's value; the name of its metric is in ``metric``, its instant in ``time``."""


def value_columns(wanted: Request) -> list[str]:
    """The columns of the fields that are neither labels nor the instant."""
    source = wanted.source
    return [one.column for one in wanted.fields if one.name not in (*source.labels, source.at)]


class MetricRows:
    """Takes samples as rows. Where no field is in the column ``value``, the columns are metrics, and the samples of an
    instant that have the same labels of the source are one row.
    """

    def __init__(self, wanted: Request) -> None:
        self._objects: Final = Objects(wanted)
        self._wanted: Final = wanted
        values = value_columns(wanted)
        self._metrics: Final = set(values) if values and VALUE not in values else None
        self._labels: Final = [one.column for one in wanted.fields if one.name in wanted.source.labels]
        self._time: Final = (
            next(one.column for one in wanted.fields if one.name == wanted.source.at) or "time"
        )
        self._rows: Final[dict[tuple[object, ...], dict[str, object]]] = {}
        self._numbers: Final[dict[tuple[object, ...], int]] = {}

    def reject(self, number: int, reason: str, text: str) -> None:
        """A line that is no sample."""
        self._objects.collector.reject(number, reason, None, [text])

    def add(self, number: int, row: Mapping[str, object]) -> None:
        """A sample with the columns ``time``, ``metric`` and ``value``, and one for each label."""
        if self._metrics is None:
            self._objects.add(number, row)
            return
        name = str(row.get("metric"))
        objects = self._objects
        objects.keys.update(dict.fromkeys((*row, name)))
        if name not in self._metrics or not all(
            matches(row.get(column), value) for column, value in self._wanted.where
        ):
            objects.objects += 1
            objects.collector.filtered += 1
            return
        time = row.get(self._time)
        key = (time, *(row.get(label) for label in self._labels))
        together = self._rows.setdefault(
            key, {self._time: time, **{label: row.get(label) for label in self._labels}}
        )
        self._numbers.setdefault(key, number)
        if together.setdefault(name, row[VALUE]) != row[VALUE]:
            self.reject(number, f"{name}: {SECOND_VALUE}", str(row[VALUE]))

    def finish(self) -> History:
        """Everything that was read. Raises DataError where there is no sample of a metric that is needed."""
        objects = self._objects
        for key, row in self._rows.items():
            if "" in objects.columns:
                objects.columns[objects.columns.index("")] = self._time
            objects.objects += 1
            objects.collector.add(self._numbers[key], [row.get(column) for column in objects.columns])
        return objects.finish()
