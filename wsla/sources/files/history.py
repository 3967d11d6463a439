"""Files of history, one a source: as columns where that is possible, else as observations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from wsla.analysis.checked import Source
from wsla.evaluation.encoding import Rejects
from wsla.sources.files.reader import read_history
from wsla.values.observations import Observation

if TYPE_CHECKING:
    from wsla.evaluation.batch.columns import StreamColumns
    from wsla.sources.files.columns import ColumnHistory

_COLUMNAR: Final = (".parquet", ".arrow", ".feather", ".ipc")


class Histories:
    """What some files hold. ``rejects`` are complete once all streams have been read."""

    def __init__(self, files: Mapping[str, tuple[Source, Path]], zone: ZoneInfo, *, columns: bool) -> None:
        """Opens the files by the names of their sources, those of many rows in columns where that is wanted.

        Raises DataError for one that cannot be read.
        """
        self._columns: Final[dict[str, ColumnHistory]] = {}
        self._rejects: Final[dict[str, Rejects]] = {}
        self.observations: Final[list[Observation]] = []
        for name, (source, path) in files.items():
            columnar = columns and not source.records and path.name.casefold().endswith(_COLUMNAR)
            if columnar and find_spec("numpy") and find_spec("polars"):
                from wsla.sources.files.columns import open_columns

                self._columns[name] = open_columns(source, str(path), zone=zone)
            else:
                found = read_history(source, str(path), zone=zone)
                self._rejects[name] = found.rejects
                self.observations.extend(found.observations)

    @property
    def in_columns(self) -> bool:
        """Whether any file is read in columns."""
        return bool(self._columns)

    def instants(self) -> list[int]:
        """The first and the last instant of each file."""
        ends = [end for one in self._columns.values() for end in (one.first, one.last) if end is not None]
        read = [observation.at for observation in self.observations]
        return [*ends, min(read), max(read)] if read else ends

    def streams(self) -> Iterator[StreamColumns]:
        """The streams of the files that are read in columns, one after the other.

        Raises DataError for damage that shows late, and NotInColumns for an instant that columns cannot hold.
        """
        for one in self._columns.values():
            yield from one.streams()

    @property
    def rejects(self) -> Mapping[str, Rejects]:
        """The rows that were refused, by source; only sources of which there are some."""
        found = {**self._rejects, **{name: one.rejects for name, one in self._columns.items()}}
        return {name: one for name, one in found.items() if one.total}
