"""Everything that is said and decided about an agreement, in one chain: each link's digest covers the one before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from wsla.store import codecs
from wsla.store.statements import Connection

START: Final = ""
ROOT: Final = "root"
TEXT: Final = "text"
VERDICT: Final = "verdict"
CORRECTION: Final = "correction"
INTENT: Final = "intent"
ENTRY: Final = "entry"
CLAIM: Final = "claim"
INTERVENTION: Final = "intervention"
THINNED: Final = "thinned"
RESTORED: Final = "restored"
ALONE: Final = frozenset({THINNED, RESTORED})
"""Kinds of links whose content is their subject."""

Read = Callable[[str, Sequence[object]], list[Any]]
"""Runs a query and gives its rows."""

_LAST: Final = "SELECT number, digest FROM chain WHERE agreement_id = ? ORDER BY number DESC LIMIT 1"
_INSERT: Final = """
    INSERT INTO chain (agreement_id, number, kind, subject, sha256, evidence, digest, recorded_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""


@frozen(kw_only=True)
class Link:
    """A link of an agreement's chain, numbered from 1.

    ``subject`` names the record among those of its ``kind``, ``sha256`` is that of its content; ``evidence`` is a JSON
    text, of verdicts alone; ``digest`` covers all of it and the digest of the link before.
    """

    number: int
    kind: str
    subject: str
    sha256: str
    evidence: str | None
    digest: str
    recorded_at: int

    def follows(self, previous: str) -> bool:
        """True where the digest is what it has to be behind another one."""
        said = (self.number, self.kind, self.subject, self.sha256, self.evidence, self.recorded_at)
        return self.digest == link_digest(previous, *said)


def sha256_of(content: str) -> str:
    """The SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(content.encode()).hexdigest()


def link_digest(
    previous: str, number: int, kind: str, subject: str, sha256: str, evidence: str | None, recorded_at: int
) -> str:
    """The digest of a link behind another one."""
    return sha256_of(
        f"{previous}\n{codecs.dump_json([number, kind, subject, sha256, evidence, recorded_at])}"
    )


def goal_of(goal: str, version: int | None) -> str:
    """What a goal is called where its judgements are told apart: by its name, and the version that took a window over
    (see ``Judged``)."""
    return codecs.sound_text(goal if version is None else f"{goal}@{version}")


def version_in(goal: str) -> int | None:
    """The version in what ``goal_of`` gave; None where there is none."""
    _, at, version = goal.rpartition("@")
    return int(version) if at and version.isdecimal() else None


def subject_of_judgement(goal: str, labels: str, start: int, end: int) -> str:
    """What names a judgement, by its columns."""
    return codecs.dump_json([goal, labels, start, end])


def content_of_intervention(said: Sequence[object]) -> str:
    """The content of an intervention, by its columns: kind, subject, target, at, until, author and note."""
    return codecs.dump_json(list(said))


class Chains:
    """The chains' ends within one transaction."""

    def __init__(self, connection: Connection, recorded_at: int) -> None:
        self._connection: Final = connection
        self._recorded_at: Final = recorded_at
        self._ends: Final[dict[int, tuple[int, str]]] = {}

    def add(self, agreement: int, kind: str, subject: str, content: str, evidence: str | None = None) -> None:
        """Add a link to the chain of an agreement."""
        end = self._ends.get(agreement)
        if end is None:
            # Claims and corrections add links too, in processes of their own: no end is kept beyond a transaction.
            end = self._connection.execute(_LAST, (agreement,)).fetchone() or (0, START)
        number, sha256 = end[0] + 1, sha256_of(content)
        digest = link_digest(end[1], number, kind, subject, sha256, evidence, self._recorded_at)
        values = (agreement, number, kind, subject, sha256, evidence, digest, self._recorded_at)
        self._connection.execute(_INSERT, values)
        self._ends[agreement] = (number, digest)


_RECORDS: Final = {
    TEXT: (
        "SELECT sequence, text FROM registrations JOIN agreement_texts ON agreement_texts.id = text_id"
        " WHERE registrations.agreement_id = ? ORDER BY sequence"
    ),
    VERDICT: (
        "SELECT goal, labels, window_start, window_end, content FROM judgements"
        " WHERE agreement_id = ? AND final = 1 ORDER BY window_end, window_start, goal, labels"
    ),
    CORRECTION: "SELECT sequence, content FROM corrections WHERE agreement_id = ? ORDER BY sequence",
    INTENT: "SELECT id, content FROM intents WHERE agreement_id = ? ORDER BY sequence",
    ENTRY: "SELECT id, content FROM entries WHERE agreement_id = ? ORDER BY sequence",
    CLAIM: (
        "SELECT claims.sequence, claims.digest FROM claims JOIN entries ON entries.id = entry_id"
        " WHERE agreement_id = ? ORDER BY claims.sequence"
    ),
    INTERVENTION: (
        "SELECT sequence, kind, subject, target, at, until, author, note FROM interventions"
        " WHERE agreement_id = ? ORDER BY sequence"
    ),
}


def records_of(read: Read, agreement: int, kind: str) -> list[tuple[str, str]]:
    """The records of a kind that an agreement's chain has links for: what names each, and its content."""
    rows = read(_RECORDS[kind], (agreement,))
    if kind == VERDICT:
        return [(subject_of_judgement(*identity), content) for *identity, content in rows]
    if kind == INTERVENTION:
        return [(str(sequence), content_of_intervention(said)) for sequence, *said in rows]
    return [(str(name), content) for name, content in rows]


def root_of(records: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    """The content of a root, by kind the records that it stands for: how many, and the SHA-256 of them."""
    return codecs.dump_json(
        {kind: [len(found), sha256_of(codecs.dump_json(found))] for kind, found in records.items() if found}
    )


KINDS: Final = tuple(_RECORDS)
_FIRST_KINDS: Final = (TEXT, VERDICT, CORRECTION, INTENT, ENTRY, CLAIM)
"""Those of the schema that brought the chain."""


def begin_chains(connection: Connection) -> None:
    """A part of a migration: the chain of each agreement begins with a root over everything that stands already."""
    read = _reader(connection)
    for (agreement,) in read("SELECT id FROM agreements ORDER BY id", ()):
        content = root_of({kind: records_of(read, agreement, kind) for kind in _FIRST_KINDS})
        Chains(connection, 0).add(agreement, ROOT, "", content)


def chain_interventions(connection: Connection) -> None:
    """A part of a migration: every intervention that stands already becomes a link."""
    read, chains = _reader(connection), Chains(connection, 0)
    for (agreement,) in read("SELECT id FROM agreements ORDER BY id", ()):
        for subject, content in records_of(read, agreement, INTERVENTION):
            chains.add(agreement, INTERVENTION, subject, content)


def _reader(connection: Connection) -> Read:
    def read(statement: str, values: Sequence[object]) -> list[Any]:
        return connection.execute(statement, values).fetchall()

    return read
