"""Rows of observations that have grown old become segments: one transaction, all of it or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, Final

from attrs import define

from wsla.store import codecs
from wsla.store.columns import MOST_LOOKS, Look
from wsla.store.segments import LONGEST, add_segment
from wsla.values.instants import DAY, HOUR

ENOUGH: Final = 512
"""Rows of a stream that are worth a segment."""
ENOUGH_OF_OLD: Final = 64
"""The same for a stream whose oldest row is older than a day before the rest."""

STREAMS_TO_PACK: Final = """
    SELECT stream_id FROM observations WHERE at < ? GROUP BY stream_id
    HAVING count(*) >= ? OR (count(*) >= ? AND min(at) < ?)
    ORDER BY stream_id
"""
# The latest row of all stays, for the numbers of arrival go on from it; and so does what an engine has not noted.
_ROWS: Final = """
    SELECT arrival, at, received_at, row, fields, reason, failure FROM observations
    WHERE stream_id = ? AND at < ? AND late = 0
        AND arrival <= (SELECT arrival FROM snapshots WHERE snapshots.agreement_id = observations.agreement_id)
        AND arrival < (SELECT max(arrival) FROM observations)
    ORDER BY at, arrival LIMIT ?
"""


@define
class PackResult:
    """What packing did: observations that were rows, the segments that hold them now, and the bytes of these."""

    observations: int = 0
    segments: int = 0
    size: int = 0


def whole_hours(before: int) -> int:
    """The start of the hour in which an instant lies."""
    return before // HOUR * HOUR


def to_pack(before: int) -> list[object]:
    """The values of ``STREAMS_TO_PACK``, for rows before an instant."""
    cut = codecs.bounded(whole_hours(before))
    return [cut, ENOUGH, ENOUGH_OF_OLD, codecs.bounded(cut - DAY)]


def pack_streams(
    connection: sqlite3.Connection, streams: Iterable[int], before: int, fault: Callable[[str], None]
) -> PackResult:
    """Pack the rows of streams that lie before an instant, inside a transaction; at most ``MOST_LOOKS`` of each."""
    result = PackResult()
    for stream in streams:
        rows = connection.execute(_ROWS, (stream, whole_hours(before), MOST_LOOKS)).fetchall()
        for piece in _pieces(rows):
            _pack(connection, stream, piece, result, fault)
    return result


def _pieces(rows: list[tuple[Any, ...]]) -> list[list[tuple[Any, ...]]]:
    pieces: list[list[tuple[Any, ...]]] = []
    for row in rows:
        if not pieces or row[1] - pieces[-1][0][1] > LONGEST:
            pieces.append([])
        pieces[-1].append(row)
    return pieces


def _pack(
    connection: sqlite3.Connection,
    stream: int,
    rows: list[tuple[Any, ...]],
    result: PackResult,
    fault: Callable[[str], None],
) -> None:
    (agreement,) = connection.execute("SELECT agreement_id FROM streams WHERE id = ?", (stream,)).fetchone()
    looks = [
        Look(at, received_at, row, codecs.load_fields(fields), reason, failure)
        for _, at, received_at, row, fields, reason, failure in rows
    ]
    result.size += add_segment(connection, agreement, stream, looks)
    fault("mid-pack")
    connection.executemany("DELETE FROM observations WHERE arrival = ?", ((row[0],) for row in rows))
    fault("after-pack-delete")
    result.observations += len(rows)
    result.segments += 1
