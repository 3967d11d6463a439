"""JSON lines: an object a line; its keys are the columns, and a key that an object lacks is unknown there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import IO, Final

from attrs import evolve

from wsla.evaluation.encoding import (
    DataError,
    History,
    may_lack,
    missing_columns,
    time_column,
)
from wsla.sources.files.packed import Content, opened
from wsla.sources.files.table import LONGEST_LINE, Meter, Request, check_filters, matches

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_NO_JSON: Final = "the line is no JSON"
_NO_OBJECT: Final = 'the line is no JSON object such as {"time": …}'
_NOT_UTF8: Final = "the line is not written in UTF-8"


def read_jsonl(wanted: Request, size: int) -> History:
    """The observations in a file of JSON lines, packed or not. Raises DataError where it holds no such lines."""
    meter = Meter(wanted.progress, size)
    with opened(wanted.path) as (content, raw):
        reading = Objects(wanted)
        empty = True
        for number, line in numbered_lines(wanted, content, raw, meter):
            empty = False
            reading.take(number, line)
        if empty:
            raise DataError(f"{wanted.shown} is empty")
        history = reading.finish()
    meter.finish()
    return history


def numbered_lines(
    wanted: Request, content: Content, raw: IO[bytes], meter: Meter
) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers from 1. Raises DataError for one that is far too long."""
    number = 0
    while line := content.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE:
            raise DataError(f"{wanted.shown} has a line of more than {LONGEST_LINE} bytes")
        meter.step(raw)
        line = line.strip()
        if number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if line:
            yield number, line


def read_objects(wanted: Request, lines: Iterable[tuple[int, bytes]], keys: dict[str, None]) -> History:
    """The observations in numbered lines; ``keys`` are those of earlier lines, and those of these are added.

    Raises DataError where no line has a key that is needed.
    """
    reading = Objects(wanted, keys)
    for number, line in lines:
        reading.take(number, line)
    return reading.finish()


class Objects:
    """Rows of which each has columns of its own: the columns seen so far, and what became of the rows."""

    def __init__(self, wanted: Request, keys: dict[str, None] | None = None) -> None:
        self.wanted: Final = wanted
        self.columns: Final = [x.column for x in wanted.fields]
        self.keys: Final[dict[str, None]] = {} if keys is None else keys
        self.collector: Final = wanted.collector(wanted.fields)
        self.objects = 0
        # Values are kept exact: no number passes through a float.
        self._decode: Final = json.JSONDecoder(parse_float=Decimal).decode

    def take(self, number: int, line: bytes) -> None:
        """One line that is not blank."""
        try:
            row = self._decode(line.decode("utf-8"))
        except UnicodeDecodeError:
            self.collector.reject(number, _NOT_UTF8, None, [line.decode("utf-8", "replace")])
            return
        except (ValueError, InvalidOperation, RecursionError):
            self.collector.reject(number, _NO_JSON, None, [line.decode("utf-8")])
            return
        if not isinstance(row, dict):
            self.collector.reject(number, _NO_OBJECT, None, [row])
            return
        self.add(number, row)

    def add(self, number: int, row: Mapping[str, object]) -> None:
        """One row. Raises DataError where several of its columns could hold the time."""
        self.objects += 1
        if row.keys() - self.keys.keys():
            self.keys.update(dict.fromkeys(row))
        if "" in self.columns:
            self._find_time(row)
        if not all(matches(row.get(column), value) for column, value in self.wanted.where):
            self.collector.filtered += 1
            return
        self.collector.add(number, [row.get(column) for column in self.columns])

    def _find_time(self, row: Mapping[str, object]) -> None:
        try:
            found = time_column(row)
        except DataError as problem:
            raise DataError(f"{self.wanted.shown}: {problem}") from None
        if found is not None:
            self.columns[self.columns.index("")] = found

    def finish(self) -> History:
        """Everything that was read. Raises DataError where no line has a key that is needed."""
        if self.objects:
            fields = [
                evolve(x, column=column) for x, column in zip(self.wanted.fields, self.columns, strict=True)
            ]
            held = [x.name for x in fields if x.column in self.keys]
            lacking = [x for x in fields if x.column not in self.keys]
            if lacking and not may_lack(self.wanted.source, held):
                raise missing_columns(lacking, list(self.keys), self.wanted.shown)
            check_filters(self.wanted, list(self.keys))
        return self.collector.finish()
