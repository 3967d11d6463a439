"""What several daemons on one database tell each other: who lives, who looks at which source, and what was seen.

One of them, the writer, judges and acts. The others are members: they look at the sources that it grants them, and what
they saw waits in a table until the writer has stored it. A grant has a number; who lost it can add nothing more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from attrs import frozen

from wsla.store import codecs, lease
from wsla.store.codecs import bounded, sound_text
from wsla.store.errors import StoreError
from wsla.store.postgres import PostgresSession
from wsla.store.records import Observed
from wsla.store.schema import APPLICATION_ID
from wsla.store.sharing_sql import ADD, ENTER, GRANT, INCOMING, WRITER
from wsla.store.statements import Session
from wsla.values.observations import Observation

MOST_AT_ONCE: Final = 2_000

SharedSource = tuple[str, str]
"""The title of an agreement, and the name of a source."""


class Share(NamedTuple):
    """A source that a member looks at. Nothing of it comes any more from before ``pending`` (nanoseconds)."""

    agreement: str
    source: str
    member: str
    number: int
    pending: int

    @property
    def place(self) -> SharedSource:
        """What it is a share of."""
        return self.agreement, self.source


class Incoming(NamedTuple):
    """What a member saw, by the number under which it waits."""

    sequence: int
    observed: Observed


@frozen(kw_only=True)
class Found:
    """How things stand: by member that lives the agreements that it can look for (SHA-256 of the text by title); what
    is shared; what has come in, in order, and whether that is all of it."""

    members: Mapping[str, Mapping[str, str]]
    shares: tuple[Share, ...]
    incoming: tuple[Incoming, ...]
    whole: bool


class Sharing:
    """The writer's side, over its session. Every method may raise StoreError."""

    def __init__(self, session: Session) -> None:
        self._session: Final = session

    def look(self, known: Iterable[int] = ()) -> Found:
        """How things stand at one moment; of what has come in, what is not known yet."""
        with self._session.at_once():
            members = self._session.read("SELECT id, keeps FROM members WHERE until > clock_timestamp()")
            shares = self._session.read("SELECT agreement, source, member, number, pending FROM shares")
            rows = self._session.read(INCOMING, (list(known), MOST_AT_ONCE))
        return Found(
            members={name: json.loads(keeps) for name, keeps in members},
            shares=tuple(Share(*row) for row in shares),
            incoming=tuple(_incoming(row) for row in rows),
            whole=len(rows) < MOST_AT_ONCE,
        )

    def look_in_force(self, known: Iterable[int] = ()) -> Found:
        """The same. Raises StoreLocked where another writer is in force by now, which a writer that has nothing to
        write would not learn otherwise."""
        self._session.check_identity()
        return self.look(known)

    def grant(self, granted: Mapping[SharedSource, tuple[str, int]]) -> None:
        """Grants sources to members, each from an instant on."""
        with self._session.transaction() as connection:
            rows = [(*place, member, bounded(at)) for place, (member, at) in sorted(granted.items())]
            connection.executemany(GRANT, rows)

    def revoke(self, places: Iterable[SharedSource]) -> None:
        """Takes sources back: what was seen of them by now is there, and nothing more is added."""
        with self._session.transaction() as connection:
            connection.executemany("DELETE FROM shares WHERE agreement = ? AND source = ?", sorted(places))

    def revoke_all(self) -> None:
        """Takes everything back."""
        with self._session.transaction() as connection:
            connection.execute("DELETE FROM shares")

    def done(self, sequences: Iterable[int]) -> None:
        """What came in under these numbers is stored."""
        with self._session.transaction() as connection:
            connection.executemany("DELETE FROM incoming WHERE sequence = ?", [(one,) for one in sequences])


@frozen(kw_only=True)
class Told:
    """What a member learns: the server's time (nanoseconds); its shares; whether the writer is there (``held``), has
    not been heard of for a while (``ended``), or has left in order (``left``); and who it is, in words."""

    now: int
    shares: tuple[Share, ...]
    held: bool
    ended: bool
    left: bool
    holder: str


class Membership:
    """A member's side, with a connection of its own. Every method may raise StoreError."""

    def __init__(self, url: str, identifier: str, now: Callable[[], int]) -> None:
        self.identifier: Final = identifier
        self._session: Final = PostgresSession(
            url, writer=False, member=True, busy_timeout=5.0, now=now, fault=lambda _: None
        )

    def tick(self, keeps: Mapping[str, str]) -> Told:
        """Says that the member lives, and what it can look for; learns how things stand."""
        name = self.identifier
        with self._session.transaction() as connection:
            (now,) = connection.execute(
                ENTER, (name, codecs.dump_json(dict(keeps)), lease.LENGTH / 2)
            ).fetchone()
        shares = self._session.read(
            "SELECT agreement, source, member, number, pending FROM shares WHERE member = ?", (name,)
        )
        ((locks, ended, left, holder),) = self._session.read(WRITER, (APPLICATION_ID,))
        return Told(
            now=now,
            shares=tuple(Share(*row) for row in shares),
            held=locks > 0,
            ended=ended > 0,
            left=left > 0,
            holder=_name(json.loads(holder)),
        )

    def settle(self) -> bool:
        """True where what was added last, of which it was not known whether it was stored, was stored after all."""
        return self._session.settle()

    def add(
        self, pending: Mapping[Share, int], seen: Mapping[Share, Sequence[Observed]]
    ) -> set[SharedSource]:
        """Adds what was seen, and notes from when on more may come. What is no longer shared is left out: those are
        returned."""
        lost: set[SharedSource] = set()
        with self._session.transaction() as connection:
            for share in sorted(pending):
                changed = connection.execute(
                    "UPDATE shares SET pending = ? WHERE agreement = ? AND source = ? AND number = ?",
                    (bounded(pending[share]), *share.place, share.number),
                ).rowcount
                if not changed:
                    lost.add(share.place)
                    continue
                connection.executemany(ADD, [_row(one) for one in seen.get(share, ())])
        return lost

    def leave(self) -> None:
        """Says goodbye: what it looked at is others' at once."""
        with suppress(StoreError), self._session.transaction() as connection:
            connection.execute("DELETE FROM members WHERE id = ?", (self.identifier,))

    def close(self) -> None:
        """Ends the connection."""
        self._session.close()


def _name(holder: Any) -> str:
    match holder:
        case {"pid": int(pid), "host": str(host)}:
            return f"process {pid} on {host}"
    return "a process that did not leave its name"


def _row(one: Observed) -> tuple[object, ...]:
    seen = one.observation
    return (
        one.agreement,
        seen.source,
        sound_text(one.stream),
        bounded(seen.at),
        bounded(one.received_at),
        codecs.dump_fields(seen.fields),
        None if seen.reason is None else sound_text(seen.reason),
        seen.failure,
    )


def _incoming(row: Sequence[Any]) -> Incoming:
    sequence, agreement, source, stream, at, received_at, fields, reason, failure = row
    observation = Observation(
        source=source, at=at, fields=codecs.load_fields(fields), reason=reason, failure=failure
    )
    return Incoming(sequence, Observed(agreement, observation, received_at, stream))
