"""What every kind of file needs: the order of columns, rows that were asked for, bytes, and how far reading is."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Final
from zoneinfo import ZoneInfo

from attrs import evolve, field, frozen

from wsla.analysis.checked import Field, Source
from wsla.evaluation.cells import Encoder, encoder
from wsla.evaluation.encoding import (
    Collector,
    DataError,
    Refused,
    may_lack,
    missing_columns,
    quoted,
    source_fields,
    time_column,
)
from wsla.sources.files.epochs import Epochs, counted_in, has_open_unit

LONGEST_LINE: Final = 16 * 1024 * 1024
"""Bytes or characters that a line may have; a longer one is no table of measurements."""

_LINES_PER_REPORT: Final = 5_000

Progress = Callable[[int, int, int], None]
"""Called with the bytes that are done, the bytes in all, and the rows so far."""


@frozen(kw_only=True)
class Request:
    """What is wanted from a file. ``fields`` are those that the file should hold, with the columns they are in."""

    source: Source
    path: str
    zone: ZoneInfo | None
    fields: tuple[Field, ...]
    where: tuple[tuple[str, str], ...]
    progress: Progress | None = field(default=None)
    refused: Refused | None = field(default=None)
    time_unit: str | None = field(default=None)

    @property
    def shown(self) -> str:
        """What messages call the file."""
        return quoted(self.path)

    def encoders(self, fields: Sequence[Field]) -> list[Encoder]:
        """What turns the cells of fields into what is stored."""
        return [Epochs(x, self.zone) if has_open_unit(x) else encoder(x, self.zone) for x in fields]

    def collector(self, fields: Sequence[Field]) -> Collector:
        """What takes rows with the cells of these fields."""
        return Collector(self.source, fields, self.zone, self.refused, self.encoders(fields))


def request(
    source: Source,
    path: str,
    zone: ZoneInfo | None,
    columns: Mapping[str, str],
    where: Mapping[str, str],
    progress: Progress | None,
    refused: Refused | None = None,
    time_unit: str | None = None,
) -> Request:
    """What is wanted for a source; ``columns`` replaces columns of fields. Raises DataError for an unknown field.

    ``time_unit`` is what the numbers of times count, where the agreement does not say it.
    """
    fields = source_fields(source)
    overrides = columns
    names = [x.name for x in fields]
    for name in overrides:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
            hint = f": is it `{near[0]}`?" if near else f"; its fields: {', '.join(f'`{x}`' for x in names)}"
            raise DataError(f"the source `{source.name}` has no field `{name}`{hint}")
    fields = tuple(evolve(x, column=overrides.get(x.name, x.column)) for x in fields)
    if time_unit is not None:
        fields = tuple(counted_in(x, time_unit) if has_open_unit(x) else x for x in fields)
    filters = tuple(where.items())
    return Request(
        source=source,
        path=path,
        zone=zone,
        fields=fields,
        where=filters,
        progress=progress,
        refused=refused,
        time_unit=time_unit,
    )


@frozen(kw_only=True)
class Layout:
    """Where in a row things are: ``fields`` that the file holds with their ``columns``, and ``filters`` likewise."""

    fields: tuple[Field, ...]
    columns: tuple[str, ...]
    filters: tuple[tuple[str, str], ...]


def lay_out(wanted: Request, columns: Sequence[str]) -> Layout:
    """Finds the fields among a file's columns. Raises DataError for a column that is missing or there twice."""
    found: list[Field] = []
    names: list[str] = []
    lacking: list[Field] = []
    for x in wanted.fields:
        column = x.column
        if not column:
            try:
                column = time_column(columns) or ""
            except DataError as problem:
                raise DataError(f"{wanted.shown}: {problem}") from None
        if column and column in columns:
            found.append(evolve(x, column=column))
            names.append(column)
        else:
            lacking.append(x)
    if lacking and not may_lack(wanted.source, [x.name for x in found]):
        raise missing_columns(lacking, columns, wanted.shown)
    check_filters(wanted, columns)
    for name in (*names, *(column for column, _ in wanted.where)):
        if columns.count(name) > 1:
            raise DataError(f"{wanted.shown} has the column `{name}` more than once")
    return Layout(fields=tuple(found), columns=tuple(names), filters=wanted.where)


def check_filters(wanted: Request, columns: Sequence[str]) -> None:
    """Raises DataError where rows are chosen by a column that is not there."""
    for column, _ in wanted.where:
        if column not in columns:
            stand_in = evolve(wanted.fields[0], name=column, column=column)
            raise missing_columns([stand_in], columns, wanted.shown)


def matches(cell: object, value: str) -> bool:
    """True where a cell is the value that is asked for, in any of the ways to write it."""
    if isinstance(cell, bool):
        return value.casefold() == str(cell).casefold()
    return value == ("" if cell is None else str(cell))


class Meter:
    """Tells how many bytes of a file have been read, every few thousand lines and at the end."""

    def __init__(self, progress: Progress | None, size: int) -> None:
        self._progress: Final = progress
        self._size: Final = size
        self._lines = 0

    def step(self, raw: IO[bytes]) -> None:
        """One more line."""
        self._lines += 1
        if self._progress is not None and self._lines % _LINES_PER_REPORT == 0:
            self._progress(min(raw.tell(), self._size), self._size, self._lines)

    def count(self) -> None:
        """One more row, of nobody knows how many."""
        self._lines += 1
        if self._progress is not None and self._lines % _LINES_PER_REPORT == 0:
            self._progress(0, 0, self._lines)

    def reach(self, done: int, of: int) -> None:
        """So many rows of all, for files that are not read line by line."""
        self._lines = done
        if self._progress is not None:
            self._progress(self._size * done // of, self._size, done)

    def finish(self) -> None:
        """Everything has been read."""
        if self._progress is not None:
            self._progress(self._size, self._size, self._lines)
