"""What is sent to daemons that stand by, on its way to the one that judges: a letter waits until it is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

from wsla.store import codecs
from wsla.store.codecs import sound_text
from wsla.store.letters_sql import ANSWER, FORGET, SEND, WAITING
from wsla.store.postgres import PostgresSession
from wsla.store.records import Observed
from wsla.store.statements import Session
from wsla.values.observations import Observation


@frozen(kw_only=True)
class Letter:
    """Observations that were ``sent`` for a source, or a ``beat`` of it: good, not good, or None where it is none.
    ``noted`` is what the one that judges took the beat for."""

    id: str
    agreement: str
    source: str
    beat: bool | None = None
    sent: tuple[Observed, ...] = field(default=(), repr=False)
    noted: Observed | None = None


class Letters:
    """The side of the one that judges, over its session. Every method may raise StoreError."""

    def __init__(self, session: Session) -> None:
        self._session: Final = session

    def waiting(self, known: Iterable[str], limit: int) -> list[Letter]:
        """Letters without an answer, in the order in which they were sent, but for those that are ``known``."""
        return [_letter(row) for row in self._session.read(WAITING, (list(known), limit))]

    def note(self, noted: Mapping[str, Observed]) -> set[str]:
        """Notes what beats are taken for, so that they are taken once; gives those that were still there."""
        with self._session.transaction() as connection:
            return {
                identifier
                for identifier, one in noted.items()
                if connection.execute(
                    "UPDATE letters SET noted = ? WHERE id = ? AND noted IS NULL AND answer IS NULL",
                    (codecs.dump_json(_row(one)), identifier),
                ).rowcount
            }

    def noted(self) -> list[Observed]:
        """What beats without an answer were taken for, in order of time; it may be stored or not."""
        rows = self._session.read(
            "SELECT agreement, source, noted FROM letters WHERE answer IS NULL AND noted IS NOT NULL"
        )
        found = [_observed(agreement, source, codecs.load_json(noted)) for agreement, source, noted in rows]
        return sorted(found, key=lambda one: one.observation.at)

    def answer(self, answers: Mapping[str, str]) -> None:
        """Answers letters. What was answered a while ago and is still there goes: nobody waits for it."""
        with self._session.transaction() as connection:
            connection.executemany(ANSWER, [(answer, identifier) for identifier, answer in answers.items()])
            connection.execute(FORGET)


class Sender:
    """The side of one that stands by, with a connection of its own. Every method may raise StoreError."""

    def __init__(self, url: str, now: Callable[[], int]) -> None:
        self._session: Final = PostgresSession(
            url, writer=False, member=True, busy_timeout=5.0, now=now, fault=lambda _: None
        )

    def send(self, letters: Sequence[Letter]) -> None:
        """Stores letters. When it returns they are on the disk; the same ones may be sent again."""
        with self._session.transaction() as connection:
            for one in letters:
                content = codecs.dump_json([_row(observed) for observed in one.sent])
                values = (one.id, sound_text(one.agreement), sound_text(one.source), one.beat, content)
                connection.execute(SEND, values)

    def answers(self, identifiers: Iterable[str]) -> dict[str, str]:
        """The answers that there are by now."""
        rows = self._session.read(
            "SELECT id, answer FROM letters WHERE answer IS NOT NULL AND id = ANY(?::text[])",
            (list(identifiers),),
        )
        return dict(rows)

    def take_away(self, identifiers: Iterable[str]) -> None:
        """Takes letters away, answered or not."""
        with self._session.transaction() as connection:
            connection.execute("DELETE FROM letters WHERE id = ANY(?::text[])", (list(identifiers),))

    def close(self) -> None:
        """Ends the connection."""
        self._session.close()


def _row(one: Observed) -> list[Any]:
    seen = one.observation
    return [one.stream, one.row, seen.at, one.received_at, dict(seen.fields), seen.reason, seen.failure]


def _observed(agreement: str, source: str, row: Sequence[Any]) -> Observed:
    stream, name, at, received_at, fields, reason, failure = row
    observation = Observation(source=source, at=at, fields=fields, reason=reason, failure=failure)
    return Observed(agreement, observation, received_at, stream, name)


def _letter(row: Sequence[Any]) -> Letter:
    identifier, agreement, source, beat, content, noted = row
    return Letter(
        id=identifier,
        agreement=agreement,
        source=source,
        beat=beat,
        sent=tuple(_observed(agreement, source, one) for one in codecs.load_json(content)),
        noted=None if noted is None else _observed(agreement, source, codecs.load_json(noted)),
    )
