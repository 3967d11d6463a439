"""The data of one version of an agreement as ``wsla eval`` judges it: large tables in columns, all else by rows."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import click

from wsla.cli.eval_data import (
    Reading,
    files_of,
    judge_counted,
    read_file,
    tell_missing,
    tell_rows,
)
from wsla.cli.progress import progress_bar

if TYPE_CHECKING:
    from wsla.api import Agreement, Report
    from wsla.evaluation.batch.alike import Streams
    from wsla.evaluation.batch.columns import StreamColumns
    from wsla.sources.files.columns import ColumnHistory
    from wsla.values.observations import Observation


class Inputs:
    """What the files of a version hold. Tables of samples are not read before they are judged."""

    def __init__(self, agreement: Agreement, reading: Reading, *, in_columns: bool) -> None:
        """Opens the files, in columns only where that is wanted. Raises UsageError and ClickException."""
        self.agreement: Final = agreement
        self.observations: Final[list[Observation]] = []
        self._columns: Final[list[tuple[str, str, ColumnHistory]]] = []
        self._advance: Callable[[int, int, int], None] | None = None
        self._is_empty = False
        files = files_of(agreement, reading)
        for name, paths in files.items():
            table = self._table(name, paths, reading) if in_columns else None
            if table is not None:
                self._columns.append((name, paths[0] if len(paths) == 1 else f"{len(paths)} files", table))
                continue
            for path in paths:
                history = read_file(agreement, name, path, reading)
                tell_rows(name, path, history)
                self.observations.extend(history.observations)
        tell_missing(agreement, files)
        if not self.observations and not any(table.rows for _, _, table in self._columns):
            raise _nothing()
        self.observations.sort(key=lambda observation: observation.at)

    def _table(self, name: str, paths: list[str], reading: Reading) -> ColumnHistory | None:
        from wsla.sources.files import DataError
        from wsla.sources.files.places import is_columnar, is_long_text

        source = self.agreement.plan.source(name)
        if source.records or not (all(map(is_columnar, paths)) or is_long_text(paths)):
            return None
        if find_spec("numpy") is None or find_spec("polars") is None:
            return None
        from wsla.sources.files.columns import open_columns
        from wsla.sources.files.tables import NotInColumns

        try:
            return open_columns(
                source,
                paths,
                refused=lambda path: reading.refusals.of(name, path),
                progress=self._tell_progress,
                **reading.options(self.agreement, source),
            )
        except NotInColumns:
            return None
        except DataError as problem:
            raise click.ClickException(str(problem)) from None

    def ends(self) -> tuple[int, int]:
        """The first and the last instant of all data. Raises ClickException where there is not one observation."""
        found = [end for _, _, table in self._columns for end in (table.first, table.last) if end is not None]
        found += [one.at for one in (*self.observations[:1], *self.observations[-1:])]
        if not found:
            raise _nothing()
        return min(found), max(found)

    def judge(self, start: int, until: int) -> Report:
        """The stretch judged; what was remarkable in the tables is told then. Raises ClickException."""
        from wsla.api import judge_columns
        from wsla.sources.files import DataError

        if not self._columns:
            return judge_counted(self.agreement, self.observations, start, until)
        self._is_empty = not self.observations
        try:
            with progress_bar("reading and judging") as advance:
                self._advance = advance
                report = judge_columns(self.agreement, self._batches(), start, until, self.observations)
        except DataError as problem:
            raise click.ClickException(str(problem)) from None
        for name, path, table in self._columns:
            tell_rows(name, path, table)
        if self._is_empty:
            raise _nothing()
        return report

    def streams(self, names: Container[str]) -> Iterator[StreamColumns]:
        """The samples of the sources of these names. Raises ClickException, and NotInColumns as ``Inputs`` does."""
        from wsla.evaluation.batch.streams import streams_of
        from wsla.sources.files import DataError

        yield from streams_of(self.agreement.plan, (one for one in self.observations if one.source in names))
        for name, path, table in self._columns:
            if name in names:
                try:
                    yield from table.streams()
                except DataError as problem:
                    raise click.ClickException(str(problem)) from None
                tell_rows(name, path, table)

    def _batches(self) -> Iterator[Streams]:
        for _, _, table in self._columns:
            for streams in table.batches():
                self._is_empty = False
                yield streams

    def _tell_progress(self, done: int, whole: int, rows: int) -> None:
        if self._advance is not None:
            self._advance(done, whole, rows)


def _nothing() -> click.ClickException:
    return click.ClickException("there is not a single observation in the data")
