"""Stores as earlier versions of wsla left them: their steps of the schema, and rows written without today's code."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path

from wsla.store import codecs, schema
from wsla.store.columns import CODEC, Look, pack

from .conftest import KEY, TARGETS, entry, intent, judgement

LOOKS = tuple(range(10, 110, 10))
PACKED = tuple(range(1000, 1010))
STEP = ["e0", "claimed", 20, None]


def sha256(*lines: str) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def build(path: Path, version: int) -> None:
    """Makes the store of an agreement under the schema of a version; what that version did not know is not in it."""
    connection = sqlite3.connect(path, isolation_level=None)
    for migration in schema.MIGRATIONS[:version]:
        for step in migration:
            if isinstance(step, str):
                connection.execute(step)
            else:
                step(connection)
    connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute("PRAGMA journal_mode = WAL")
    add = connection.execute
    add("BEGIN")
    add("INSERT INTO agreements VALUES (1, ?)", (KEY,))
    add("INSERT INTO agreement_texts VALUES (1, 1, 'sum', 'Shop', 1, 'the text')")
    add("INSERT INTO registrations VALUES (1, 1, 1, 5)")
    add("INSERT INTO streams VALUES (1, 1, 'probe', '')")
    for at in LOOKS:
        add(
            "INSERT INTO observations (agreement_id, stream_id, row, at, received_at, fields)"
            " VALUES (1, 1, '', ?, ?, ?)",
            (at, at + 1, '{"up":true}'),
        )
    for one in (judgement(0, 50), judgement(50, 100), judgement(100, 150, final=False)):
        add(
            "INSERT INTO judgements VALUES (1, ?, '[]', ?, ?, ?, ?, ?, 7)",
            (
                one.goal,
                one.window.start,
                one.window.end,
                one.verdict.value,
                int(one.final),
                codecs.dump_judgement(one),
            ),
        )
    for number in range(2):
        told = intent(f"i{number}")
        add(
            "INSERT INTO intents (id, agreement_id, at, content, recorded_at) VALUES (?, 1, 10, ?, 7)",
            (told.id, codecs.dump_intent(told)),
        )
        state = ("pending", 10, None) if number else ("delivered", None, 11)
        add(
            "INSERT INTO outbox (intent_id, target, state, next_attempt_at, delivered_at) VALUES (?, ?, ?, ?, ?)",
            (told.id, str(TARGETS[0]), *state),
        )
    digest = ""
    for number in range(2):
        booked = entry(f"e{number}")
        content = codecs.dump_entry(booked)
        digest = sha256(digest, KEY, content)
        add(
            "INSERT INTO entries (id, agreement_id, at, content, digest, recorded_at) VALUES (?, 1, 10, ?, ?, 7)",
            (booked.id, content, digest),
        )
    add("INSERT INTO snapshots VALUES (1, 'v', 100, 9, '[1]')")
    if version >= 2:
        add(
            "INSERT INTO claims (entry_id, step, at, reason, digest, recorded_at) VALUES (?, ?, ?, ?, ?, 20)",
            (*STEP, sha256("", json.dumps(STEP, separators=(",", ":")))),
        )
    if version >= 3:
        add("UPDATE observations SET late = 1 WHERE at = 10")
        add(
            "INSERT INTO corrections VALUES (1, 1, 30, 0, 50, ?, 30)",
            (codecs.dump_judgement(judgement(0, 50)),),
        )
    if version >= 4:
        content = pack([Look(at, at, "", {"up": False}, None, None) for at in PACKED])
        add(
            "INSERT INTO segments VALUES (1, 1, 1, ?, ?, ?, ?, ?, ?)",
            (PACKED[0], PACKED[-1], len(PACKED), CODEC, hashlib.sha256(content).digest(), content),
        )
    if version >= 5:
        add('INSERT INTO rollups VALUES (1, 0, 5, 3, \'{"count":3,"fields":{}}\')')
        add("INSERT INTO thinned VALUES (1, 5)")
    if version >= 8:
        add("INSERT INTO interventions VALUES (1, 'silence', 1, '', NULL, 30, 40, 'Ana', 'quiet', 31)")
    add("COMMIT")
    connection.close()
