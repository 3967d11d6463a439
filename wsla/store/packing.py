"""Rows of observations that have grown old become segments: one transaction, all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from attrs import define

from wsla.store import codecs
from wsla.store.columns import MOST_LOOKS, Look
from wsla.store.evidence import StoredHours, keep_whole_hours
from wsla.store.segments import LONGEST, add_segment, looks_of
from wsla.store.statements import Connection
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
# Small segments waste the rest of their last page: four and more become one that is worth its pages.
STREAMS_TO_MERGE: Final = """
    SELECT stream_id FROM segments WHERE count < 2048 GROUP BY stream_id
    HAVING count(*) >= ? AND sum(count) >= ?
    ORDER BY stream_id
"""
WORTH_MERGING: Final = (4, 2_048)
_SMALL: Final = """
    SELECT id, first_at, last_at, count FROM segments WHERE stream_id = ? AND count < 2048 ORDER BY first_at, id
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
    connection: Connection, streams: Iterable[int], before: int, fault: Callable[[str], None]
) -> PackResult:
    """Pack the rows of streams that lie before an instant, inside a transaction; at most ``MOST_LOOKS`` of each."""
    result = PackResult()
    for stream in streams:
        rows = connection.execute(_ROWS, (stream, whole_hours(before), MOST_LOOKS)).fetchall()
        for piece in _pieces(rows):
            _pack(connection, stream, piece, result, fault)
    return result


def merge_streams(connection: Connection, streams: Iterable[int], fault: Callable[[str], None]) -> PackResult:
    """Merge small segments of streams, inside a transaction; at most one merger of each stream."""
    result = PackResult()
    for stream in streams:
        group: list[int] = []
        count = begin = 0
        for number, first_at, last_at, more in connection.execute(_SMALL, (stream,)).fetchall():
            if count + more > MOST_LOOKS or last_at - begin > LONGEST:
                if _is_worth_it(group, count):
                    break
                group, count = [], 0
            begin = begin if group else first_at
            group.append(number)
            count += more
        if _is_worth_it(group, count):
            _merge(connection, stream, group, result, fault)
    return result


def _is_worth_it(group: list[int], count: int) -> bool:
    fewest, looks = WORTH_MERGING
    return len(group) >= fewest and count >= looks


def _merge(
    connection: Connection,
    stream: int,
    group: list[int],
    result: PackResult,
    fault: Callable[[str], None],
) -> None:
    looks: list[Look] = []
    for number in group:
        agreement, codec, checksum, content = connection.execute(
            "SELECT agreement_id, codec, sha256, content FROM segments WHERE id = ?", (number,)
        ).fetchone()
        looks.extend(looks_of(number, codec, checksum, content))
    connection.executemany("DELETE FROM segments WHERE id = ?", ((number,) for number in group))
    fault("mid-merge")
    looks.sort(key=lambda look: look.at)
    result.size += add_segment(connection, agreement, stream, looks)
    result.observations += len(looks)
    result.segments += 1


def _pieces(rows: list[tuple[Any, ...]]) -> list[list[tuple[Any, ...]]]:
    pieces: list[list[tuple[Any, ...]]] = []
    for row in rows:
        if not pieces or row[1] - pieces[-1][0][1] > LONGEST:
            pieces.append([])
        pieces[-1].append(row)
    return pieces


def _pack(
    connection: Connection,
    stream: int,
    rows: list[tuple[Any, ...]],
    result: PackResult,
    fault: Callable[[str], None],
) -> None:
    (agreement,) = connection.execute("SELECT agreement_id FROM streams WHERE id = ?", (stream,)).fetchone()
    # All at once: that takes a fifth of the time.
    fields = codecs.load_json(f"[{','.join(row[4] for row in rows)}]")
    looks = [
        Look(at, received_at, row, cells, reason, failure)
        for (_, at, received_at, row, _, reason, failure), cells in zip(rows, fields, strict=True)
    ]

    def read(statement: str, values: Sequence[object]) -> list[Any]:
        return connection.execute(statement, values).fetchall()

    keep_whole_hours(read, StoredHours(read, connection.execute), stream, looks)
    result.size += add_segment(connection, agreement, stream, looks)
    fault("mid-pack")
    connection.executemany("DELETE FROM observations WHERE arrival = ?", ((row[0],) for row in rows))
    fault("after-pack-delete")
    result.observations += len(rows)
    result.segments += 1
