"""Observations older than what is kept become roll-ups: one transaction, all of it or nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from attrs import define

from wsla.store import codecs
from wsla.store.chain import THINNED, Chains
from wsla.store.columns import Look
from wsla.store.rollups import Rollup
from wsla.store.segments import looks_of
from wsla.store.statements import Connection

# Of each stream the last observation stays: it may hold until today.
STREAMS_TO_THIN: Final = """
    SELECT id FROM streams
    WHERE agreement_id = ? AND id > ? AND (
        EXISTS (SELECT 1 FROM segments WHERE stream_id = streams.id AND last_at < ?)
        OR EXISTS (SELECT 1 FROM observations WHERE stream_id = streams.id AND at < ?)
    )
    ORDER BY id LIMIT ?
"""
_SEGMENTS: Final = """
    SELECT id, codec, sha256, content FROM segments WHERE stream_id = ?1 AND last_at < ?2
        AND id <> (SELECT id FROM segments WHERE stream_id = ?1 AND last_at < ?2 ORDER BY last_at DESC, id DESC LIMIT 1)
    ORDER BY first_at, id
"""
_ROWS: Final = """
    SELECT arrival, at, received_at, row, fields, reason, failure FROM observations
    WHERE stream_id = ?1 AND at < ?2
        AND arrival <= (SELECT arrival FROM snapshots WHERE snapshots.agreement_id = observations.agreement_id)
        AND arrival < (SELECT max(arrival) FROM observations)
        AND at < (SELECT max(at) FROM observations WHERE stream_id = ?1 AND at < ?2)
"""
_ADD: Final = """
    INSERT INTO rollups (stream_id, start, length, count, content) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (stream_id, start, length) DO UPDATE SET count = excluded.count, content = excluded.content
"""
_NOTE: Final = """
    INSERT INTO thinned (stream_id, until) VALUES (?, ?)
    ON CONFLICT (stream_id) DO UPDATE SET until = excluded.until
    WHERE thinned.until < excluded.until
"""
OUT_OF_KEEPING: Final = "its instant lies before what the store still keeps of its source"


@define
class ThinResult:
    """What thinning did: observations that are no longer kept, and the roll-ups that they went into."""

    observations: int = 0
    rollups: int = 0


def thin_stream(
    connection: Connection, stream: int, until: int, length: int, fault: Callable[[str], None]
) -> ThinResult:
    """Roll up what a stream holds before an instant, in stretches of ``length``, inside a transaction."""
    segments: list[int] = []
    rows: list[int] = []
    parts: defaultdict[int, Rollup] = defaultdict(Rollup)
    result = ThinResult()
    for look in _looks(connection, stream, until, segments, rows):
        parts[look.at // length * length].take(look)
        result.observations += 1
    if not result.observations:
        return result
    for start, rollup in sorted(parts.items()):
        key = (stream, codecs.bounded(start), length)
        kept = connection.execute(
            "SELECT content FROM rollups WHERE stream_id = ? AND start = ? AND length = ?", key
        ).fetchone()
        if kept is not None:
            rollup.add(Rollup.load(kept[0]))
        connection.execute(_ADD, (*key, rollup.count, rollup.dump()))
        result.rollups += 1
    fault("mid-thinning")
    connection.executemany("DELETE FROM segments WHERE id = ?", ((number,) for number in segments))
    connection.executemany("DELETE FROM observations WHERE arrival = ?", ((number,) for number in rows))
    connection.execute("DELETE FROM digests WHERE stream_id = ? AND hour < ?", (stream, until))
    connection.execute(_NOTE, (stream, codecs.bounded(until)))
    fault("after-thinning")
    return result


def note_thinning(chains: Chains, connection: Connection, done: Mapping[int, ThinResult], until: int) -> None:
    """Say in the chain of each agreement which of its streams are no longer kept whole, and how many went."""
    found: defaultdict[int, list[object]] = defaultdict(list)
    for stream, result in done.items():
        if result.observations:
            agreement, source, name = connection.execute(
                "SELECT agreement_id, source, stream FROM streams WHERE id = ?", (stream,)
            ).fetchone()
            found[agreement].append([source, name, until, result.observations])
    for agreement, listed in found.items():
        content = codecs.dump_json(listed)
        chains.add(agreement, THINNED, content, content)


def thinned_until(connection: Connection, stream: int) -> int | None:
    """The instant before which not everything of a stream is kept; None where all of it is."""
    found = connection.execute("SELECT until FROM thinned WHERE stream_id = ?", (stream,)).fetchone()
    return None if found is None else int(found[0])


def _looks(
    connection: Connection, stream: int, until: int, segments: list[int], rows: list[int]
) -> Iterator[Look]:
    """The looks to roll up; where they lie is noted in the lists."""
    found: Iterable[tuple[int, int, bytes, bytes]] = connection.execute(_SEGMENTS, (stream, until)).fetchall()
    for number, codec, checksum, content in found:
        segments.append(number)
        yield from looks_of(number, codec, checksum, content)
    for arrival, *rest, fields, reason, failure in connection.execute(_ROWS, (stream, until)).fetchall():
        rows.append(arrival)
        at, received_at, row = rest
        yield Look(at, received_at, row, codecs.load_fields(fields), reason, failure)
