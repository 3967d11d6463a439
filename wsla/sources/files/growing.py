"""A file that grows: at each look the whole rows that were added since the one before."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Final
from zoneinfo import ZoneInfo

from attrs import evolve

from wsla.analysis.checked import Source
from wsla.evaluation.encoding import DataError, History, Rejects, quoted
from wsla.sources.files.csv import read_rows
from wsla.sources.files.jsonl import read_objects
from wsla.sources.files.packed import check_file, without_packing
from wsla.sources.files.table import LONGEST_LINE, request

_MOST_BYTES: Final = 64 * 1024 * 1024
_TABLES: Final = ("csv", "tsv")
_LINES: Final = ("jsonl", "ndjson")


class GrowingFile:
    """A CSV or JSON lines file to which somebody adds rows. ``anew`` counts how often another file took its place.

    Options are those of ``read_history``. Raises DataError for another kind of file.
    """

    def __init__(
        self,
        source: Source,
        path: str,
        *,
        zone: ZoneInfo | None = None,
        columns: Mapping[str, str] | None = None,
        where: Mapping[str, str] | None = None,
        time_unit: str | None = None,
    ) -> None:
        if os.path.isdir(path) or (glob.has_magic(path) and not os.path.exists(path)):
            raise DataError(
                f"{quoted(path)} stands for several files: what is followed is named file by file"
            )
        if without_packing(path) != path.casefold():
            raise DataError(f"{quoted(path)} cannot be followed: a packed file does not grow by rows")
        self._kind: Final = path.casefold().rpartition(".")[2]
        if self._kind not in (*_TABLES, *_LINES):
            raise DataError(
                f"{quoted(path)} cannot be followed: only .csv, .tsv, .jsonl and .ndjson files grow by rows"
            )
        self._path: Final = path
        self._wanted: Final = request(
            source, path, zone, columns or {}, where or {}, None, time_unit=time_unit
        )
        self._file: tuple[int, int] | None = None
        self._offset = 0
        self._lines = 0
        self._header = ""
        self._keys: dict[str, None] = {}
        self.anew = 0

    def look(self) -> History | None:
        """The rows that were added; None where there is no whole one. Raises DataError where it cannot be read."""
        added = self._added()
        if not added:
            return None
        text = added.decode("utf-8", errors="surrogateescape")
        before, self._lines = self._lines, self._lines + added.count(b"\n")
        if self._kind in _LINES:
            lines = ((number, line.strip()) for number, line in enumerate(added.split(b"\n"), before + 1))
            return read_objects(self._wanted, ((number, line) for number, line in lines if line), self._keys)
        if not self._header:
            text = text.removeprefix("\ufeff")
            header, rest = _first_line(text)
            if not header:
                return None
            self._header = header
            if not rest.strip():
                return None
            return read_rows(self._wanted, _lines(text), tabs=self._kind == "tsv")
        history = read_rows(self._wanted, _lines(self._header + text), tabs=self._kind == "tsv")
        return evolve(history, rejects=_moved(history.rejects, before - self._header.count("\n")))

    def _added(self) -> bytes:
        """The bytes up to the end of the last whole row; what comes after them waits."""
        check_file(self._path)
        try:
            with open(self._path, "rb") as content:
                found = os.fstat(content.fileno())
                identity = (found.st_dev, found.st_ino)
                if self._file is not None and (identity != self._file or found.st_size < self._offset):
                    self.anew += 1
                    self._offset, self._lines, self._header, self._keys = 0, 0, "", {}
                self._file = identity
                content.seek(self._offset)
                added = content.read(_MOST_BYTES)
        except OSError as problem:
            raise DataError(f"{quoted(self._path)} cannot be read: {problem.strerror or problem}") from None
        end = added.rfind(b"\n") + 1
        if self._kind in _TABLES:
            # A line break between quotation marks ends no row.
            while end and added.count(b'"', 0, end) % 2:
                end = added.rfind(b"\n", 0, end - 1) + 1
        if not end and len(added) > LONGEST_LINE:
            raise DataError(f"{quoted(self._path)} has a row of more than {LONGEST_LINE} bytes")
        self._offset += end
        return added[:end]


def _lines(text: str) -> Iterator[str]:
    return iter(StringIO(text, newline=""))


def _first_line(text: str) -> tuple[str, str]:
    """(up to the end of the first line that is not blank, the rest)."""
    position = 0
    for line in _lines(text):
        position += len(line)
        if line.strip():
            return text[:position], text[position:]
    return "", ""


def _moved(rejects: Rejects, lines: int) -> Rejects:
    examples = tuple(evolve(one, line=one.line + lines) for one in rejects.examples)
    return evolve(rejects, examples=examples)
