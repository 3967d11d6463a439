"""Where whole rows end in text that is still being written."""

from __future__ import annotations

from typing import Final, NamedTuple

LONGEST_CELL: Final = 128 * 1024
"""Bytes that a row with line breaks in its cells may have before its quotation marks are taken for wrong."""
_QUOTE: Final = ord('"')


class Cut(NamedTuple):
    """``end`` is behind the last whole row, ``lines`` how many lines these have.

    ``hangs`` is the length of a first line of which a cell is not closed, although more lines follow; 0 where there is
    none such. ``full`` is True where there may be more rows than were asked for."""

    end: int
    lines: int
    hangs: int
    full: bool


def cut_lines(data: bytes, most: int) -> Cut:
    """At most so many lines that are whole."""
    end = lines = 0
    while lines < most:
        following = data.find(b"\n", end) + 1
        if not following:
            return Cut(end, lines, 0, False)
        end, lines = following, lines + 1
    return Cut(end, lines, 0, end < len(data))


def cut_rows(data: bytes, most: int, delimiter: str) -> Cut:
    """At most so many rows of a table that are whole: a line break between quotation marks ends none."""
    separator = ord(delimiter)
    position = end = lines = whole = rows = first = 0
    is_open = False
    while rows < most:
        following = data.find(b"\n", position) + 1
        if not following:
            hangs = first if is_open and end == 0 and position > first else 0
            return Cut(end, whole, hangs, False)
        if is_open or data.find(b'"', position, following) >= 0:
            is_open = _ends_open(data[position:following], separator, is_open)
        position, lines = following, lines + 1
        first = first or following
        if not is_open:
            end, whole, rows = position, lines, rows + 1
    return Cut(end, whole, 0, end < len(data))


def _ends_open(line: bytes, separator: int, is_open: bool) -> bool:
    """True where a cell goes on in the next line; only at its beginning a quotation mark opens a cell."""
    at_start = not is_open
    position = 0
    while position < len(line):
        byte = line[position]
        if is_open:
            if byte == _QUOTE:
                if line[position + 1 : position + 2] == b'"':
                    position += 1
                else:
                    is_open = False
        else:
            is_open = byte == _QUOTE and at_start
        at_start = byte == separator and not is_open
        position += 1
    return is_open
