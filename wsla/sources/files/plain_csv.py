"""Large CSV as a table of texts, where it is so plain that columns and rows cannot differ about it."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars

from wsla.sources.files.csv import delimiter_of
from wsla.sources.files.packed import opened
from wsla.sources.files.table import Request
from wsla.sources.files.tables import NotInColumns

_BYTES_AT_ONCE: Final = 1 << 24
_LONGEST_LINE: Final = 1 << 17
_NOT_PLAIN: Final = (b'"', b"\0", b"\r")


def plain_csv(wanted: Request) -> tuple[polars.LazyFrame, int]:
    """The table and its number of rows. Raises NotInColumns where only the reader of rows knows what is meant.

    Plain is a file of UTF-8 without quotation marks, blank lines and carriage returns, of which all lines have as many
    cells as the header.
    """
    tabs = wanted.path.casefold().endswith(".tsv")
    rows = -1
    header: list[str] = []
    delimiter = ""
    with opened(wanted.path) as (content, _):
        rest = b""
        while read := content.read(_BYTES_AT_ONCE):
            part, newline, rest = (rest + read).rpartition(b"\n")
            if not header:
                first = part.partition(b"\n")[0]
                header, delimiter = _header(first, tabs=tabs)
            rows += _lines(part + newline, len(header), delimiter)
        if rest:
            rows += _lines(rest + b"\n", len(header), delimiter)
    if rows < 1 or len(set(header)) < len(header):
        raise NotInColumns
    table = polars.scan_csv(
        wanted.path,
        has_header=False,
        skip_rows=1,
        separator=delimiter,
        quote_char=None,
        schema=dict.fromkeys(header, polars.String()),
        glob=False,
    )
    return table, rows


def _header(line: bytes, *, tabs: bool) -> tuple[list[str], str]:
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotInColumns from None
    delimiter = "\t" if tabs else delimiter_of(text)
    header = [cell.strip() for cell in text.split(delimiter)]
    if len(header) < 2:
        raise NotInColumns
    return header, delimiter


def _lines(part: bytes, width: int, delimiter: str) -> int:
    """How many lines there are, all of them plain. Raises NotInColumns."""
    if not width or any(one in part for one in _NOT_PLAIN):
        raise NotInColumns
    if not part.isascii():
        try:
            part.decode("utf-8")
        except UnicodeDecodeError:
            raise NotInColumns from None
    letters = np.frombuffer(part, dtype=np.uint8)
    ends = np.flatnonzero(letters == ord("\n"))
    delimiters = np.flatnonzero(letters == ord(delimiter))
    counts = np.diff(np.searchsorted(delimiters, ends), prepend=0)
    lengths = np.diff(ends, prepend=-1)
    if (counts != width - 1).any() or (lengths > _LONGEST_LINE).any():
        raise NotInColumns
    return len(ends)
