"""Files of history, one a source: as columns where that is possible, else as observations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from wsla.analysis.checked import Source
from wsla.evaluation.encoding import Rejects, observations_from_rows
from wsla.plan.model import Plan
from wsla.sources.files.places import is_columnar, is_long_text
from wsla.sources.files.reader import read_history
from wsla.values.calendars import find_zone
from wsla.values.observations import Observation

if TYPE_CHECKING:
    from wsla.evaluation.batch.alike import Streams
    from wsla.sources.files.columns import ColumnHistory

_BY_TIME: Final = attrgetter("at")


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
            found_columns = _in_columns(source, str(path), zone) if columns else None
            if found_columns is not None:
                self._columns[name] = found_columns
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

    def batches(self) -> Iterator[Streams]:
        """The streams of the files that are read in columns, those together that are alike.

        Raises DataError for damage that shows late, and NotInColumns for an instant that columns cannot hold.
        """
        for one in self._columns.values():
            yield from one.batches()

    @property
    def rejects(self) -> Mapping[str, Rejects]:
        """The rows that were refused, by source; only sources of which there are some."""
        found = {**self._rejects, **{name: one.rejects for name, one in self._columns.items()}}
        return {name: one for name, one in found.items() if one.total}


def _in_columns(source: Source, path: str, zone: ZoneInfo) -> ColumnHistory | None:
    """A file as columns; None where rows are better, or columns cannot be had."""
    if source.records or not (is_columnar(path) or is_long_text([path])):
        return None
    if not (find_spec("numpy") and find_spec("polars")):
        return None
    from wsla.sources.files.columns import open_columns
    from wsla.sources.files.tables import NotInColumns

    try:
        return open_columns(source, path, zone=zone)
    except NotInColumns:
        return None


def taken_apart(
    plan: Plan, data: Mapping[str, Iterable[Mapping[str, object]] | Path] | Iterable[Observation]
) -> tuple[dict[str, tuple[Source, Path]], list[Observation]]:
    """The files of data by the names of their sources, and all else as observations in order of time.

    Raises EncodingError for a value of a row that does not fit its field, KeyError for an unknown source.
    """
    if not isinstance(data, Mapping):
        return {}, sorted(data, key=_BY_TIME)
    zone = find_zone(plan.zone)
    files: dict[str, tuple[Source, Path]] = {}
    found: list[Observation] = []
    for name, rows in data.items():
        if isinstance(rows, Path):
            files[name] = (plan.source(name), rows)
        else:
            found.extend(observations_from_rows(plan.source(name), rows, zone))
    return files, sorted(found, key=_BY_TIME)


def ends_of(
    plan: Plan, data: Mapping[str, Iterable[Mapping[str, object]] | Path] | Iterable[Observation]
) -> list[int]:
    """The first and the last instant of what data have of a plan's sources; more than two where there are files."""
    if isinstance(data, Mapping):
        known = {source.name for source in plan.sources}
        data = {name: rows for name, rows in data.items() if name in known}
    files, beside = taken_apart(plan, data)
    ends = [observation.at for observation in (*beside[:1], *beside[-1:])]
    return [*ends, *Histories(files, find_zone(plan.zone), columns=True).instants()] if files else ends
