"""A store that goes on from an earlier state of itself: what may have been done since is a possible repeat."""

from __future__ import annotations

from attrs import frozen

from wsla.store.chain import RESTORED, Chains
from wsla.store.codecs import dump_json
from wsla.store.statements import Connection


@frozen(kw_only=True)
class Restored:
    """A store that was made from a backup that was taken at an instant (nanoseconds; None where that is not known).

    ``repeats`` counts the messages that were waiting then, and may have been delivered since.
    """

    taken_at: int | None
    agreements: int
    repeats: int


def mark_restored(connection: Connection, now: int) -> Restored:
    """Notes a restoration, and the messages that may have been delivered since the backup; within a transaction."""
    (taken_at,) = connection.execute("SELECT max(at) FROM copies WHERE kind = 'backup'").fetchone()
    repeats = connection.execute("UPDATE outbox SET possible_repeat = 1 WHERE state = 'pending'").rowcount
    connection.execute("INSERT INTO copies (kind, at) VALUES ('restored', ?)", (now,))
    chains = Chains(connection, now)
    agreements = connection.execute("SELECT id FROM agreements ORDER BY id").fetchall()
    content = dump_json([taken_at, now])
    for (agreement,) in agreements:
        chains.add(agreement, RESTORED, content, content)
    return Restored(taken_at=taken_at, agreements=len(agreements), repeats=repeats)
