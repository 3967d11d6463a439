"""The observations of an agreement, rows and packed ones together, in order of time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from operator import itemgetter
from typing import Any, Final

from attrs import define

from wsla.store import codecs
from wsla.store.codecs import LARGEST, bounded, sound_text
from wsla.store.columns import Look
from wsla.store.segments import LONGEST, looks_of
from wsla.store.statements import Session
from wsla.values.observations import Observation

PAGE: Final = 2_000
"""Rows that are read at a time."""
_UNPACKED: Final = 20_000
"""Packed observations that are opened at a time, where one segment does not hold more."""

_BY_TIME: Final = itemgetter(0)
_ROWS: Final = """
    SELECT at, source, stream, received_at, row, fields, reason, failure
    FROM observations CROSS JOIN streams ON streams.id = observations.stream_id
"""
_SEGMENTS: Final = """
    SELECT segments.id, first_at, count, source, stream FROM segments
    CROSS JOIN streams ON streams.id = segments.stream_id
    WHERE segments.agreement_id = ? AND first_at > ? AND first_at < ? AND last_at >= ?
"""

Placed = tuple[int, str, str, Look]
"""An observation: its instant, source and stream, and the rest."""


@define
class _Open:
    """A segment that is being read."""

    source: str
    stream: str
    looks: list[Look]
    instants: list[int]
    position: int

    def until(self, end: int) -> Iterator[Placed]:
        """What comes before ``end`` and was not given yet."""
        begin, self.position = self.position, bisect_left(self.instants, end, self.position)
        for look in self.looks[begin : self.position]:
            yield look.at, self.source, self.stream, look


class Together:
    """Reads in stretches of time, each of them as of one moment: packing, which takes rows out and puts segments in,
    neither hides nor doubles anything."""

    def __init__(self, session: Session, agreement: int, source: str | None = None, *, late: bool) -> None:
        """Of one source where one is named; without what came too late where ``late`` is false."""
        self._session: Final = session
        self._agreement: Final = agreement
        self._source: Final = source
        self._late: Final = late
        self._open: dict[int, _Open] = {}

    def between(self, since: int, until: int) -> Iterator[Observation]:
        """Observations with ``since <= at < until``, both within 64 bits."""
        for _, source, _, look in self.placed(since, until):
            yield Observation(
                source=source, at=look.at, fields=look.fields, reason=look.reason, failure=look.failure
            )

    def placed(self, since: int, until: int) -> Iterator[Placed]:
        """The same, with streams and rows."""
        position = since
        while position < until:
            with self._session.at_once():
                rows, end = self._rows(position, until)
                end = self._segments(position, end)
            found = [one for segment in self._open.values() for one in segment.until(end)]
            found.extend(row for row in rows if row[0] < end)
            found.sort(key=_BY_TIME)
            yield from found
            position = end

    def _rows(self, position: int, until: int) -> tuple[list[Placed], int]:
        """Rows from a position on, and the instant before which they are all."""
        rows = self._page("at >= ? AND at < ?", [position, until], PAGE)
        if len(rows) < PAGE:
            return rows, until
        if rows[-1][0] > position:
            return rows, rows[-1][0]
        return self._page("at = ?", [position], LARGEST), position + 1

    def _page(self, condition: str, values: list[int], limit: int) -> list[Placed]:
        statement = f"{_ROWS} WHERE observations.agreement_id = ? AND {condition}"
        bound: list[object] = [self._agreement, *values]
        if not self._late:
            statement += " AND late = 0"
        if self._source is not None:
            statement += " AND source = ?"
            bound.append(sound_text(self._source))
        rows = self._session.read(f"{statement} ORDER BY at, arrival LIMIT ?", [*bound, limit])
        return [
            (at, source, stream, Look(at, received, row, codecs.load_fields(fields), reason, failure))
            for at, source, stream, received, row, fields, reason, failure in rows
        ]

    def _segments(self, position: int, end: int) -> int:
        """Opens the segments from a position on; the instant before which they are all, ``end`` at most."""
        statement = _SEGMENTS
        bound: list[object] = [self._agreement, bounded(position - LONGEST - 1), end, position]
        if self._source is not None:
            statement += " AND source = ?"
            bound.append(sound_text(self._source))
        unpacked = 0
        # Segments that were merged meanwhile are gone, and what is left of them lies in another one.
        before, self._open = self._open, {}
        for number, first_at, count, source, stream in self._session.read(
            f"{statement} ORDER BY first_at, segments.id", bound
        ):
            if number in before:
                self._open[number] = before[number]
                continue
            if unpacked and unpacked + count > _UNPACKED and first_at > position:
                return int(first_at)
            unpacked += count
            self._open[number] = self._opened(number, source, stream, position)
        return end

    def _opened(self, number: int, source: str, stream: str, position: int) -> _Open:
        row: tuple[Any, ...]
        (row,) = self._session.read("SELECT codec, sha256, content FROM segments WHERE id = ?", [number])
        looks = looks_of(number, *row)
        instants = [look.at for look in looks]
        return _Open(source, stream, looks, instants, bisect_left(instants, position))
