"""The steps taken about claims: only ever added, each digest hanging on the one before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final

from wsla.remedies.claims import ClaimEvent, ClaimRefused, Claims, ClaimStep
from wsla.store import codecs
from wsla.store.chain import CLAIM, Chains
from wsla.store.codecs import bounded, sound_text
from wsla.store.statements import Connection

STEPS: Final = "SELECT entry_id, step, at, reason, digest FROM claims ORDER BY sequence"
_STEPS_OF: Final = (
    "SELECT entry_id, step, at, reason, digest FROM claims WHERE entry_id = ? ORDER BY sequence"
)
_START: Final = ""


def read_steps(rows: Iterable[Any]) -> list[tuple[ClaimEvent, str]]:
    """Steps with the digest of each."""
    return [
        (ClaimEvent(entry=entry, step=ClaimStep(step), at=at, reason=reason), digest)
        for entry, step, at, reason, digest in rows
    ]


def first_altered(steps: Iterable[tuple[ClaimEvent, str]]) -> str | None:
    """The entry of the first step that does not hang on those before it, or None."""
    previous = _START
    for event, digest in steps:
        if digest != _digest(previous, event):
            return event.entry
        previous = digest
    return None


def write_step(
    connection: Connection,
    entry_id: str,
    step: ClaimStep,
    at: int,
    reason: str | None,
    *,
    zone: str,
    recorded_at: int,
) -> ClaimEvent:
    """Add a step inside a transaction. Raises ClaimRefused where the entry's state does not allow it."""
    identifier = sound_text(entry_id)
    found = connection.execute(
        "SELECT content, agreement_id FROM entries WHERE id = ?", (identifier,)
    ).fetchone()
    if found is None:
        raise ClaimRefused("the ledger holds no such entry")
    steps = read_steps(connection.execute(_STEPS_OF, (identifier,)))
    sound = None if reason is None else sound_text(reason)
    entry = codecs.load_entry(found[0])
    event = Claims(event for event, _ in steps).take(entry, step, bounded(at), sound, zone)
    last = connection.execute("SELECT digest FROM claims ORDER BY sequence DESC LIMIT 1").fetchone()
    digest = _digest(_START if last is None else last[0], event)
    (sequence,) = connection.execute(
        "INSERT INTO claims (entry_id, step, at, reason, digest, recorded_at) VALUES (?, ?, ?, ?, ?, ?)"
        " RETURNING sequence",
        (identifier, step.value, event.at, sound, digest, recorded_at),
    ).fetchone()
    Chains(connection, recorded_at).add(found[1], CLAIM, str(sequence), digest)
    return event


def _digest(previous: str, event: ClaimEvent) -> str:
    content = codecs.dump_json([event.entry, event.step.value, event.at, event.reason])
    return hashlib.sha256(f"{previous}\n{content}".encode()).hexdigest()
