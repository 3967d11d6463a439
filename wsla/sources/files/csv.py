"""CSV: a header, then a row a line; separated by commas, by tabs, or by semicolons where the header has no comma."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import IO, Final

from wsla.evaluation.cells import is_not_utf8
from wsla.evaluation.encoding import DataError, History
from wsla.sources.files.packed import opened
from wsla.sources.files.table import LONGEST_LINE, Meter, Request, lay_out

_RAGGED: Final = "another number of cells than the header has"
_WRONG_QUOTES: Final = "a quotation mark is out of place or not closed, or a cell is longer than 128 KiB"
_CHOSEN_BY_NO_UTF8: Final = "a column that rows are chosen by is not written in UTF-8"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


def read_csv(wanted: Request, size: int, *, tabs: bool) -> History:
    """The observations in a CSV file, packed or not. Raises DataError where it holds no such table."""
    meter = Meter(wanted.progress, size)
    with opened(wanted.path) as (content, raw):
        if content.peek(2)[:2] in _UTF16:
            raise DataError(f"{wanted.shown} is written in UTF-16; save it as UTF-8")
        # Bytes that are no UTF-8 spoil the row that they are in, not the file.
        with io.TextIOWrapper(content, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
            history = read_rows(wanted, _lines(wanted, text, raw, meter), tabs=tabs)
    meter.finish()
    return history


def _lines(wanted: Request, text: io.TextIOWrapper, raw: IO[bytes], meter: Meter) -> Iterator[str]:
    while line := text.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise DataError(f"{wanted.shown} has a line of more than {LONGEST_LINE} characters")
        meter.step(raw)
        yield line


def read_rows(wanted: Request, lines: Iterator[str], *, tabs: bool) -> History:
    """The observations in the lines of a table. Raises DataError where they are none."""
    blank = 0
    first = ""
    for first in lines:
        if first.strip():
            break
        blank += 1
    if not first.strip():
        raise DataError(f"{wanted.shown} is empty")
    delimiter = "\t" if tabs else delimiter_of(first)
    rows = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
    try:
        header = [cell.strip() for cell in next(rows)]
    except csv.Error:
        raise DataError(f"the header of {wanted.shown} cannot be read: {_WRONG_QUOTES}") from None
    if any(is_not_utf8(cell) for cell in header):
        raise DataError(f"the header of {wanted.shown} is not written in UTF-8")
    layout = lay_out(wanted, header)
    collector = wanted.collector(layout.fields)
    filters = [(header.index(column), value) for column, value in layout.filters]
    cells = _picker([header.index(column) for column in layout.columns])
    width = len(header)
    line = blank + rows.line_num + 1
    while True:
        try:
            for row in rows:
                here, line = line, blank + rows.line_num + 1
                if len(row) != width:
                    if any(map(str.strip, row)):
                        found = "1 cell" if len(row) == 1 else f"{len(row)} cells"
                        detail = f"{found} where the header has {width}"
                        collector.reject(here, _RAGGED, detail, row)
                elif filters and any(is_not_utf8(row[position]) for position, _ in filters):
                    collector.reject(here, _CHOSEN_BY_NO_UTF8, None, row)
                elif filters and not _is_asked_for(row, filters):
                    collector.filtered += 1
                else:
                    collector.add(here, cells(row))
            return collector.finish()
        except csv.Error:
            # The reader goes on with the line after the one that it gave up in.
            collector.reject(line, _WRONG_QUOTES)
            line = blank + rows.line_num + 1


def delimiter_of(header: str) -> str:
    """What separates the cells of a file that is not called so."""
    for delimiter in (",", ";", "\t"):
        if delimiter in header:
            return delimiter
    return ","


def _picker(positions: list[int]) -> Callable[[list[str]], Sequence[str]]:
    if len(positions) > 1:
        return itemgetter(*positions)
    return lambda row: [row[position] for position in positions]


def _is_asked_for(row: list[str], filters: list[tuple[int, str]]) -> bool:
    return all(row[position] == value for position, value in filters)
