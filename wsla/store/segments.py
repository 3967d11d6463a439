"""Packed observations in the tables: taken out whole and checked, and asked whether they hold an observation."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from attrs import define, field

from wsla.store.columns import CODEC, Look, pack, unpack
from wsla.store.errors import StoreCorrupt, StoreTooNew
from wsla.store.statements import Connection
from wsla.values.instants import DAY

LONGEST: Final = 8 * DAY
"""From the first to the last instant of a segment at most, so that those of a moment are found among few."""
_MOST_KEPT: Final = 32

_INSERT: Final = """
    INSERT INTO segments (agreement_id, stream_id, first_at, last_at, count, codec, sha256, content)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""


@define
class Packed:
    """Which observations of streams are packed already, for who adds more of them. Forget it when a transaction
    fails."""

    _until: dict[int, int] = field(factory=dict)
    _held: dict[int, frozenset[tuple[int, str]]] = field(factory=dict)

    def holds(self, connection: Connection, stream: int, at: int, row: str) -> bool:
        """True where a segment holds that row of the stream at that instant."""
        until = self._until.get(stream)
        if until is None:
            found = connection.execute(
                "SELECT max(last_at) FROM segments WHERE stream_id = ?", (stream,)
            ).fetchone()[0]
            # Nothing is earlier than the first instant that the column holds.
            until = self._until[stream] = -(2**63) - 1 if found is None else found
        if at > until:
            return False
        covering = connection.execute(
            "SELECT id FROM segments WHERE stream_id = ? AND last_at >= ? AND first_at <= ?", (stream, at, at)
        )
        return any((at, row) in self._rows(connection, number) for (number,) in covering.fetchall())

    def forget(self) -> None:
        """Look everything up again."""
        self._until.clear()
        self._held.clear()

    def _rows(self, connection: Connection, number: int) -> frozenset[tuple[int, str]]:
        held = self._held.get(number)
        if held is None:
            if len(self._held) >= _MOST_KEPT:
                self._held.clear()
            codec, checksum, content = connection.execute(
                "SELECT codec, sha256, content FROM segments WHERE id = ?", (number,)
            ).fetchone()
            looks = looks_of(number, codec, checksum, content)
            held = self._held[number] = frozenset((look.at, look.row) for look in looks)
        return held


def looks_of(number: int, codec: int, checksum: bytes, content: bytes) -> list[Look]:
    """The looks of a segment. Raises StoreCorrupt where its content is not what was written, StoreTooNew for another
    codec than this wsla's."""
    if codec != CODEC:
        raise StoreTooNew(
            f"Packed observations were written by a later wsla (codec {codec}). Use that version."
        )
    if hashlib.sha256(content).digest() != checksum:
        raise StoreCorrupt(
            f"The store is damaged (segment {number} is not what was written). Nothing was changed. "
            "Go on from a backup: `wsla restore`."
        )
    return unpack(content)


def add_segment(connection: Connection, agreement: int, stream: int, looks: list[Look]) -> int:
    """Write looks of a stream, in order of ``at``, as one segment; the bytes of its content."""
    content = pack(looks)
    values: tuple[Any, ...] = (agreement, stream, looks[0].at, looks[-1].at, len(looks), CODEC)
    connection.execute(_INSERT, (*values, hashlib.sha256(content).digest(), content))
    return len(content)
