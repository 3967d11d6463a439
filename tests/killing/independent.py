"""Whether a store and what came of it hang together: reads the store's tables, the logs of who sent and who received.

It imports nothing of wsla. Digests are computed as docs/reference/store.md states them.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

Rows = Callable[[str], list[Any]]

SLOW = 3600 * 10**9
PROMISED = Fraction(60, 100)
AMOUNTS = {"available": Decimal(5), "prompt": Decimal(2)}


def reader(url: str) -> Rows:
    """Runs queries on a store, beside whoever writes it: a file of SQLite, or a URL of PostgreSQL."""
    if url.startswith(("postgresql:", "postgres:")):
        import psycopg

        def ask_server(query: str) -> list[Any]:
            with psycopg.connect(url) as connection:
                return connection.execute(query).fetchall()  # type: ignore[call-overload]

        return ask_server

    def ask_file(query: str) -> list[Any]:
        connection = sqlite3.connect(f"file:{url}?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    return ask_file


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def dumped(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def lines(path: Path) -> list[Any]:
    """The values of a file of JSON lines; a last one that was cut short is none."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith(("}", "]"))]


def check_midway(rows: Rows, acknowledged: Path) -> dict[str, int]:
    """What holds at every moment; returns how much there was."""
    stored = {(key, at) for key, at in rows(_SENT)}
    sent = {(title, at) for title, at in lines(acknowledged)}
    missing = sent - stored
    assert not missing, f"{len(missing)} acknowledged observations are not stored, such as {min(missing)}"
    doubled = rows('SELECT stream_id, at FROM observations GROUP BY stream_id, at, "row" HAVING count(*) > 1')
    assert not doubled, f"observations are stored twice: {doubled[:3]}"
    check_chains(rows)
    check_ledger(rows)
    check_windows(rows)
    return {"acknowledged": len(sent), "stored": len(stored)}


def check_chains(rows: Rows) -> None:
    """Every link hangs on the one before, and every final verdict, intent and entry has one, of its content."""
    ends: dict[int, tuple[int, str]] = {}
    linked: dict[tuple[int, str], dict[str, str]] = defaultdict(dict)
    for agreement, number, kind, subject, content, evidence, digest, recorded in rows(
        "SELECT agreement_id, number, kind, subject, sha256, evidence, digest, recorded_at FROM chain"
        " ORDER BY agreement_id, number"
    ):
        before, previous = ends.get(agreement, (0, ""))
        assert number == before + 1, f"link {number} follows link {before}"
        said = dumped([number, kind, subject, content, evidence, recorded])
        assert digest == sha256(f"{previous}\n{said}"), f"link {number} does not hang on the one before"
        assert subject not in linked[agreement, kind], f"{kind} {subject} has two links"
        linked[agreement, kind][subject] = content
        ends[agreement] = (number, digest)
    records: dict[tuple[int, str], dict[str, str]] = defaultdict(dict)
    for agreement, goal, labels, start, end, content in rows(
        "SELECT agreement_id, goal, labels, window_start, window_end, content FROM judgements WHERE final = 1"
    ):
        records[agreement, "verdict"][dumped([goal, labels, start, end])] = sha256(content)
    for table, kind in (("intents", "intent"), ("entries", "entry")):
        for agreement, identity, content in rows(f"SELECT agreement_id, id, content FROM {table}"):
            records[agreement, kind][identity] = sha256(content)
    for place, found in records.items():
        assert linked[place] == found, f"the chain and what is stored differ in {place}"


def check_ledger(rows: Rows) -> None:
    """The digests of the entries, one behind the other."""
    previous = ""
    for key, content, digest in rows(
        "SELECT key, content, digest FROM entries JOIN agreements ON agreements.id = agreement_id"
        " ORDER BY entries.sequence"
    ):
        previous = sha256(f"{previous}\n{key}\n{content}")
        assert digest == previous, "the ledger's entries do not hang together"


def check_windows(rows: Rows) -> None:
    """Final windows of a goal follow each other: no hole, no overlap; and what is owed is booked with the verdict."""
    windows: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    violated = Counter()
    for key, goal, verdict, start, end in rows(
        "SELECT key, goal, verdict, window_start, window_end FROM judgements"
        " JOIN agreements ON agreements.id = agreement_id WHERE final = 1"
    ):
        windows[key, goal].append((start, end))
        if verdict == "violated":
            violated[key, goal, start, end] += 1
    for place, found in windows.items():
        found.sort()
        for (_, end), (start, _) in pairwise(found):
            assert end == start, f"{place}: a window ends at {end}, the next one starts at {start}"
    booked = Counter()
    for key, content in rows(
        "SELECT key, content FROM entries JOIN agreements ON agreements.id = agreement_id"
    ):
        entry = json.loads(content)
        assert Decimal(entry["amount"]) == AMOUNTS[entry["cause"]], entry
        booked[key, entry["cause"], *entry["window"]] += 1
    assert booked == violated, f"booked and violated differ: {(booked - violated) + (violated - booked)}"
    told = Counter()
    for key, content in rows(
        "SELECT key, content FROM intents JOIN agreements ON agreements.id = agreement_id"
    ):
        intent = json.loads(content)
        if intent["cause"] in AMOUNTS:
            told[key, intent["cause"], *intent["window"]] += 1
    assert told == violated, f"told and violated differ: {(told - violated) + (violated - told)}"


def check_end(rows: Rows, acknowledged: Path, received: Path) -> dict[str, int]:
    """What holds once everything is delivered and the daemon has stopped; returns how much there was."""
    found = check_midway(rows, acknowledged)
    waiting = rows("SELECT state, count(*) FROM outbox WHERE state <> 'delivered' GROUP BY state")
    assert not waiting, f"not everything is delivered: {waiting}"
    keys = Counter(one["key"] for one in lines(received) if one["taken"])
    identities = {identity for (identity,) in rows("SELECT id FROM intents")}
    assert set(keys) == identities, (
        f"{len(identities - set(keys))} messages never came, {len(set(keys) - identities)} were never decided"
    )
    check_shares(rows)
    entries = [json.loads(content) for (content,) in rows("SELECT content FROM entries")]
    owed = sum((Decimal(one["amount"]) for one in entries), Decimal())
    violated = Counter(
        goal for (goal,) in rows("SELECT goal FROM judgements WHERE final = 1 AND verdict = 'violated'")
    )
    assert owed == sum(AMOUNTS[goal] * count for goal, count in violated.items())
    return {
        **found,
        "verdicts": len(rows("SELECT 1 FROM judgements WHERE final = 1")),
        "violated": sum(violated.values()),
        "messages": len(keys),
        "repeated": sum(keys.values()) - len(keys),
        "owed": int(owed),
    }


def check_shares(rows: Rows) -> None:
    """The goal on what was sent, judged by hand: of each second the share of records that took less than an hour."""
    took: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for key, at, fields in rows(f"{_SENT.replace('key, at', 'key, at, fields')} AND late = 0"):
        took[key].append((at, json.loads(fields)["took"]))
    for key, verdict, start, end in rows(
        "SELECT key, verdict, window_start, window_end FROM judgements"
        " JOIN agreements ON agreements.id = agreement_id WHERE final = 1 AND goal = 'prompt'"
    ):
        inside = [length for at, length in took[key] if start <= at < end]
        if not inside:
            assert verdict != "violated", f"{key}: nothing came in {start}..{end}, and it is violated"
            continue
        share = Fraction(sum(length < SLOW for length in inside), len(inside))
        expected = "met" if share >= PROMISED else "violated"
        assert verdict == expected, f"{key}: {share} in {start}..{end} is {verdict}"


_SENT = (
    "SELECT key, at FROM observations JOIN streams ON streams.id = stream_id"
    " JOIN agreements ON agreements.id = observations.agreement_id WHERE source = 'tickets'"
)
