"""What people do about messages: try dead letters once more, drop one, acknowledge an episode, ask for silence.

Each is noted with its author and instant, a link of the agreement's chain, and only ever added; a running daemon finds
it within a second or so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal

from attrs import frozen

from wsla.plan.model import Target
from wsla.store.chain import INTERVENTION, Chains, content_of_intervention
from wsla.store.codecs import bounded, sound_text
from wsla.store.errors import StoreError
from wsla.store.statements import Connection

Kind = Literal["retry", "drop", "acknowledge", "silence"]
Withheld = Literal["dropped", "acknowledged", "silenced"]
Delivering = tuple[str, str]
"""An intent's identity and a target's name."""
Read = Callable[[str, Sequence[object]], list[Any]]

_COLUMNS: Final = "interventions.sequence, kind, agreements.key, subject, target, at, until, author, note"
_FROM: Final = " FROM interventions JOIN agreements ON agreements.id = agreement_id"
_INSERT: Final = """
    INSERT INTO interventions (kind, agreement_id, subject, target, at, until, author, note, recorded_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    RETURNING sequence
"""
_RETRY: Final = """
    UPDATE outbox SET state = 'pending', next_attempt_at = ?
    WHERE intent_id = ? AND target = ? AND state = 'dead'
"""
_DROP: Final = """
    UPDATE outbox SET state = 'dead', next_attempt_at = NULL, last_error = ?
    WHERE intent_id = ? AND target = ? AND state <> 'delivered'
"""
_WITHHOLD: Final = """
    INSERT INTO withheld (intent_id, target, kind) VALUES (?, ?, ?)
    ON CONFLICT (intent_id, target) DO UPDATE SET kind = excluded.kind
"""
NOT_WITHHELD: Final = """ NOT EXISTS (
    SELECT 1 FROM withheld WHERE withheld.intent_id = outbox.intent_id AND withheld.target = outbox.target
)"""


@frozen(kw_only=True)
class Intervention:
    """What somebody did, at an instant (nanoseconds since the epoch).

    ``subject`` is an intent's identity for ``retry`` and ``drop`` (with its ``target``), an episode for
    ``acknowledge``, the name of a goal or rule for ``silence``, or empty for all of the agreement; a silence ends at
    ``until``.
    """

    kind: Kind
    agreement: str
    subject: str
    at: int
    author: str
    target: str | None = None
    until: int | None = None
    note: str | None = None


def read_interventions(read: Read, kinds: Iterable[Kind]) -> list[Intervention]:
    """Interventions of some kinds, in the order in which they were noted."""
    wanted = sorted(kinds)
    marks = ", ".join("?" * len(wanted))
    rows = read(f"SELECT {_COLUMNS}{_FROM} WHERE kind IN ({marks}) ORDER BY interventions.sequence", wanted)
    return [
        Intervention(
            kind=kind,
            agreement=key,
            subject=subject,
            target=target,
            at=at,
            until=until,
            author=author,
            note=note,
        )
        for _, kind, key, subject, target, at, until, author, note in rows
    ]


def read_withheld(read: Read) -> dict[Delivering, Withheld]:
    """Deliveries that are not made for somebody's sake, and which of the three it was."""
    rows = read("SELECT intent_id, target, kind FROM withheld", ())
    return {(intent, target): kind for intent, target, kind in rows}


def note(connection: Connection, one: Intervention, recorded_at: int) -> None:
    """Adds an intervention inside a transaction, and does what it says of single deliveries.

    Raises StoreError for an agreement that the store does not hold, and KeyError where there is no such delivery, or
    its state does not allow it.
    """
    key = sound_text(one.agreement)
    found = connection.execute("SELECT id FROM agreements WHERE key = ?", (key,)).fetchone()
    if found is None:
        raise StoreError(f"The agreement {one.agreement} was never registered in this store.")
    subject, target = sound_text(one.subject), None if one.target is None else sound_text(one.target)
    said = None if one.note is None else sound_text(one.note)
    author, at = sound_text(one.author), bounded(one.at)
    changed = 1
    match one.kind:
        case "retry":
            changed = connection.execute(_RETRY, (at, subject, target)).rowcount
            connection.execute("DELETE FROM withheld WHERE intent_id = ? AND target = ?", (subject, target))
        case "drop":
            words = f"dropped by {author}: {said}"
            changed = connection.execute(_DROP, (words, subject, target)).rowcount
            if changed:
                connection.execute(_WITHHOLD, (subject, target, "dropped"))
        case "acknowledge" | "silence":
            pass
    if not changed:
        raise KeyError(subject)
    until = None if one.until is None else bounded(one.until)
    values = (one.kind, found[0], subject, target, at, until, author, said, recorded_at)
    (sequence,) = connection.execute(_INSERT, values).fetchone()
    content = content_of_intervention((one.kind, subject, target, at, until, author, said))
    Chains(connection, recorded_at).add(found[0], INTERVENTION, str(sequence), content)


def withhold(
    connection: Connection, intent_id: str, target: Target | str, kind: Withheld, reason: str
) -> int:
    """Ends a pending delivery without an attempt; returns how many there were (0 or 1)."""
    identifier, name = sound_text(intent_id), sound_text(str(target))
    changed = connection.execute(
        "UPDATE outbox SET state = 'dead', next_attempt_at = NULL, last_error = ?"
        " WHERE intent_id = ? AND target = ? AND state = 'pending'",
        (sound_text(reason), identifier, name),
    ).rowcount
    if changed:
        connection.execute(_WITHHOLD, (identifier, name, kind))
    return changed
