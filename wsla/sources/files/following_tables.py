"""Parquet files of a folder or a pattern: each new or changed one is read once it is whole, row by row."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from attrs import define, field

from wsla.analysis.checked import Source
from wsla.evaluation.encoding import DataError, History, quoted, source_fields
from wsla.sources.files.places import COLUMNAR
from wsla.sources.files.table import lay_out
from wsla.sources.files.tables import exact, needed_columns, polars_problems, scan
from wsla.sources.following import MOST_ROWS, Found, NotFollowed, Refusals, following, identified
from wsla.sources.network.failures import Failure
from wsla.values.instants import SECOND

if TYPE_CHECKING:
    from wsla.sources.following import Following

_WHOLE_WITHIN: Final = 60 * SECOND
_Seen = tuple[int, int, int, int]


@define(eq=False)
class TableFollower:
    """Follows the Parquet files of a source. ``wall`` gives nanoseconds since 1970, as times of files count them."""

    source: Source
    path: str
    zone: ZoneInfo | None = None
    wall: Callable[[], int] = time.time_ns
    _read: dict[str, tuple[_Seen, int]] = field(init=False, factory=dict)
    _broken: dict[str, tuple[_Seen, str]] = field(init=False, factory=dict)
    _since: int = field(init=False, default=0)

    def begin(self, place: Any, since: int) -> None:
        """Goes on from a place that was kept."""
        self._since = since
        files = place.get("files", ()) if isinstance(place, dict) else ()
        self._read = {path: (tuple(seen), rows) for path, seen, rows in files}

    def look(self, now: int) -> Found:
        """The next rows of the first file that has some. Raises NotFollowed."""
        told: list[str] = []
        there = self._there()
        gone = self._read.keys() - there.keys()
        for path in gone:
            # One that was moved within the folder is the same file.
            seen, _ = self._read[path]
            moved = next(
                (name for name, one in there.items() if one == seen and name not in self._read), None
            )
            if moved is not None:
                self._read[moved] = self._read[path]
            del self._read[path]
        for path, seen in there.items():
            known, rows = self._read.get(path, (seen, 0))
            broken = self._broken.get(path)
            if broken is not None and broken[0] == seen:
                if len(there) == 1:
                    raise NotFollowed(Failure.OBSERVER_FILE.value, broken[1])
                continue
            if known == seen and rows < 0:
                continue
            try:
                return self._read_on(path, seen, rows if known == seen else 0, now, told)
            except DataError as problem:
                # Somebody may be writing it just now.
                if self.wall() - seen[3] > _WHOLE_WITHIN:
                    self._broken[path] = (seen, str(problem))
                    told.append(str(problem))
        return Found(place=self._place() if gone else None, told=tuple(told))

    def cancel(self) -> None:
        """A read cannot be broken off."""

    def close(self) -> None:
        """Nothing is open between two looks."""

    def _there(self) -> dict[str, _Seen]:
        """The files that there are, with what changes when they do. Raises NotFollowed where there are none."""
        if os.path.isdir(self.path):
            names = sorted(name for name in os.listdir(self.path) if not name.startswith("."))
            paths = [os.path.join(self.path, name) for name in names if name.casefold().endswith(COLUMNAR)]
        elif glob.has_magic(self.path) and not os.path.exists(self.path):
            paths = sorted(glob.glob(self.path, recursive=True))
        else:
            paths = [self.path]
        found: dict[str, _Seen] = {}
        problem: OSError | None = None
        for path in paths:
            try:
                status = os.stat(path)
            except OSError as trouble:
                problem = trouble
                continue
            found[path] = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if not found:
            reason = f"there is no file {quoted(self.path)}"
            if problem is not None and not isinstance(problem, FileNotFoundError):
                reason = f"{quoted(self.path)} cannot be read: {problem.strerror or problem}"
            raise NotFollowed(Failure.OBSERVER_FILE.value, reason)
        return found

    def _read_on(self, path: str, seen: _Seen, start: int, now: int, told: list[str]) -> Found:
        refusals = Refusals(told)
        wanted = following(
            self.source,
            path,
            self.zone,
            source_fields(self.source),
            now,
            refused=partial(_refused, refusals, path),
        )
        history, whole = _slice(wanted, start)
        self._broken.pop(path, None)
        # Less than nothing: there is no more of it.
        self._read[path] = (seen, -1 if whole else start + MOST_ROWS)
        return Found(
            rows=identified(
                self.source, history.observations, self._since, f"{os.path.basename(path)}#{start}"
            ),
            place=self._place(),
            told=refusals.lines(),
            refused=refusals.count,
            more=True,
        )

    def _place(self) -> object:
        return {"files": [[path, list(seen), rows] for path, (seen, rows) in self._read.items()]}


def _slice(wanted: Following, start: int) -> tuple[History, bool]:
    """The rows from ``start`` on, and whether these are the last. Raises DataError."""
    with polars_problems(wanted):
        import polars

        table = scan(wanted.path)
        schema = table.collect_schema()
        layout = lay_out(wanted, schema.names())
        columns = [exact(polars.col(name), schema[name]) for name in needed_columns(layout)]
        part = table.slice(start, MOST_ROWS).select(columns).collect()
        collector = wanted.collector(layout.fields)
        positions = [part.columns.index(name) for name in layout.columns]
        for number, row in enumerate(part.iter_rows(), start + 1):
            collector.add(number, [row[position] for position in positions])
        return collector.finish(), part.height < MOST_ROWS


def _refused(refusals: Refusals, path: str, line: int, reason: str, _: object) -> None:
    refusals.refuse(path, line, reason)
