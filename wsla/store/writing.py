"""What a batch does to the tables, inside a transaction that somebody else begins and ends."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final, assert_never

from attrs import define, field

from wsla.remedies.decisions import Intent, LedgerEntry
from wsla.store import codecs
from wsla.store.chain import CORRECTION, ENTRY, INTENT, TEXT, VERDICT, Chains, goal_of, subject_of_judgement
from wsla.store.codecs import bounded, sound_text
from wsla.store.errors import StoreError
from wsla.store.evidence import StoredHours, evidence_of
from wsla.store.interventions import withhold
from wsla.store.records import (
    AgreementVersion,
    Decided,
    DeliveryOutcome,
    Judged,
    Observed,
    Place,
    Rejudged,
    Reviewed,
    Snapshot,
)
from wsla.store.segments import Packed
from wsla.store.statements import Connection, Cursor
from wsla.store.thinning import OUT_OF_KEEPING, thinned_until
from wsla.values.instants import HOUR

CHAIN_START: Final = ""
_OUT_OF_RANGE: Final = "its instant lies outside the years 1678 to 2261"

_INSERT_OBSERVATION: Final = """
    INSERT INTO observations (agreement_id, stream_id, row, at, received_at, fields, reason, failure, late)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (stream_id, at, row) DO NOTHING
"""
_WRITE_JUDGEMENT: Final = """
    INSERT INTO judgements
        (agreement_id, goal, labels, window_start, window_end, verdict, final, content, recorded_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (agreement_id, goal, labels, window_start, window_end) DO UPDATE
    SET verdict = excluded.verdict, final = excluded.final, content = excluded.content,
        recorded_at = excluded.recorded_at
    WHERE judgements.final = 0
"""
_FIND_JUDGEMENT: Final = """
    SELECT content FROM judgements
    WHERE agreement_id = ? AND goal = ? AND labels = ? AND window_start = ? AND window_end = ?
"""
_INSERT_INTENT: Final = """
    INSERT INTO intents (id, agreement_id, at, content, recorded_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (id) DO NOTHING
"""
_INSERT_DELIVERY: Final = """
    INSERT INTO outbox (intent_id, target, next_attempt_at, possible_repeat)
    VALUES (?1, ?2, ?3, 
        CASE WHEN ?3 < (SELECT max(at) FROM copies WHERE kind = 'restored') THEN 1 ELSE 0 END)
    ON CONFLICT (intent_id, target) DO NOTHING
"""
_INSERT_ENTRY: Final = """
    INSERT INTO entries (id, agreement_id, at, content, digest, recorded_at) VALUES (?, ?, ?, ?, ?, ?)
"""
_FINISH_DELIVERY: Final = """
    UPDATE outbox
    SET state = ?, attempts = attempts + 1, next_attempt_at = ?, last_attempt_at = ?, last_error = ?,
        delivered_at = ?
    WHERE intent_id = ? AND target = ? AND state = 'pending'
"""
_REVIEW: Final = """
    INSERT INTO reviews (agreement_id, at, arrival) VALUES (?, ?, ?)
    ON CONFLICT (agreement_id) DO UPDATE SET at = excluded.at, arrival = excluded.arrival
"""
_REPLACE_SNAPSHOT: Final = """
    INSERT INTO snapshots (agreement_id, version, at, arrival, content)
    VALUES (?, ?, ?, (SELECT coalesce(max(arrival), 0) FROM observations), ?)
    ON CONFLICT (agreement_id) DO UPDATE
    SET version = excluded.version, at = excluded.at, arrival = excluded.arrival, content = excluded.content
"""

_REPLACE_PLACE: Final = """
    INSERT INTO places (agreement_id, source, content) VALUES (?, ?, ?)
    ON CONFLICT (agreement_id, source) DO UPDATE SET content = excluded.content
"""


@define
class Names:
    """Numbers of agreements and streams by name, as committed. Forget them when a transaction fails."""

    agreements: dict[str, int] = field(factory=dict)
    streams: dict[tuple[int, str, str], int] = field(factory=dict)
    packed: Packed = field(factory=Packed)
    thinned: dict[int, int | None] = field(factory=dict)
    digested: dict[int, int] = field(factory=dict)

    def forget(self) -> None:
        """Look everything up again."""
        self.agreements.clear()
        self.streams.clear()
        self.thinned.clear()
        self.digested.clear()
        self.packed.forget()


@define
class Writing:
    """One transaction's writing. ``recorded_at`` is nanoseconds; the counts grow as it proceeds."""

    connection: Connection
    names: Names
    recorded_at: int
    new_observations: int = 0
    new_intents: int = 0
    new_entries: int = 0
    changed_deliveries: int = 0
    pending: int = 0
    refused: list[tuple[Observed, str]] = field(factory=list)
    contradictions: list[str] = field(factory=list)
    _chains: Chains = field(init=False)
    _evidence: dict[tuple[int, tuple[str, ...] | None, int, int], str] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._chains = Chains(self.connection, self.recorded_at)

    def register(self, agreement: AgreementVersion) -> None:
        """Keep a version's text; note that it is in force now unless it already was, and comes alone."""
        key = sound_text(agreement.key)
        self._run("INSERT INTO agreements (key) VALUES (?) ON CONFLICT (key) DO NOTHING", key)
        number = self._agreement(agreement.key)
        text = sound_text(agreement.text)
        self._run(
            "INSERT INTO agreement_texts (agreement_id, sha256, title, version, text) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (agreement_id, sha256) DO NOTHING",
            number,
            agreement.sha256,
            sound_text(agreement.title),
            agreement.version,
            text,
        )
        text_id, kept = self._run(
            "SELECT id, text FROM agreement_texts WHERE agreement_id = ? AND sha256 = ?",
            number,
            agreement.sha256,
        ).fetchone()
        if kept != text:
            raise StoreError(f"Two different texts of agreement {key} were given the same checksum.")
        latest = self._run(
            "SELECT text_id FROM registrations WHERE agreement_id = ? ORDER BY sequence DESC LIMIT 1", number
        ).fetchone()
        noted = latest == (text_id,)
        if agreement.beside:
            noted = (
                self._run(
                    "SELECT 1 FROM registrations WHERE agreement_id = ? AND text_id = ? AND at = ?",
                    number,
                    text_id,
                    bounded(agreement.at),
                ).fetchone()
                is not None
            )
        if not noted:
            (sequence,) = self._run(
                "INSERT INTO registrations (agreement_id, text_id, at) VALUES (?, ?, ?) RETURNING sequence",
                number,
                text_id,
                bounded(agreement.at),
            ).fetchone()
            self._chains.add(number, TEXT, str(sequence), text)

    def observe(self, observations: Iterable[Observed]) -> None:
        """Store observations; of two with one identity the first stands."""
        rows = []
        for observed in observations:
            agreement, observation, received_at, stream, row, late = Observed(*observed)
            if not codecs.fits(observation.at):
                self.refused.append((Observed(*observed), _OUT_OF_RANGE))
                continue
            number = self._agreement(agreement)
            stream_id, row = self._stream(number, observation.source, stream), sound_text(row)
            if self._is_thinned(stream_id, observation.at):
                self.refused.append((Observed(*observed), OUT_OF_KEEPING))
                continue
            if self.names.packed.holds(self.connection, stream_id, observation.at, row):
                continue
            if not late:
                self._forget_digest(stream_id, observation.at)
            rows.append(
                (
                    number,
                    stream_id,
                    row,
                    observation.at,
                    bounded(received_at),
                    codecs.dump_fields(observation.fields),
                    None if observation.reason is None else sound_text(observation.reason),
                    observation.failure,
                    int(late),
                )
            )
        if not rows:
            return
        self.new_observations += self.connection.executemany(_INSERT_OBSERVATION, rows).rowcount

    def judge(self, judged: Judged) -> None:
        """Store a judgement in place of an earlier one that is not final; a final one with what it rests on."""
        key, judgement, sources, version = Judged(*judged)
        number = self._agreement(key)
        goal, labels = goal_of(judgement.goal, version), codecs.dump_labels(judgement.labels)
        start, end = bounded(judgement.window.start), bounded(judgement.window.end)
        identity = (number, goal, labels, start, end)
        content = codecs.dump_judgement(judgement)
        written = self._run(
            _WRITE_JUDGEMENT,
            *identity,
            judgement.verdict.value,
            int(judgement.final),
            content,
            self.recorded_at,
        )
        if written.rowcount and judgement.final:
            evidence = self._evidence_of(number, sources, start, end)
            self._chains.add(
                number, VERDICT, subject_of_judgement(goal, labels, start, end), content, evidence
            )
        if written.rowcount == 0 and self._run(_FIND_JUDGEMENT, *identity).fetchone() != (content,):
            self.contradictions.append(
                f"the final judgement of {judgement.goal} {dict(judgement.labels) or ''} in {judgement.window}"
            )

    def _evidence_of(self, agreement: int, sources: Sequence[str] | None, start: int, end: int) -> str:
        # A thousand label combinations have a thousand verdicts, which rest on the same; all that is observed in a
        # transaction is in it before the first of them.
        known = (agreement, None if sources is None else tuple(sources), start, end)
        if known not in self._evidence:
            hours = StoredHours(self._read, self._digest)
            self._evidence[known] = evidence_of(self._read, hours, agreement, sources, start, end).dump()
        return self._evidence[known]

    def correct(self, rejudged: Rejudged) -> None:
        """Store what a final verdict is from a correction on; the verdict itself stays as it was said."""
        key, at, judgement, exists = Rejudged(*rejudged)
        number, content = self._agreement(key), codecs.dump_judgement(judgement, exists=exists)
        (sequence,) = self._run(
            "INSERT INTO corrections (agreement_id, at, window_start, window_end, content, recorded_at)"
            " VALUES (?, ?, ?, ?, ?, ?) RETURNING sequence",
            number,
            bounded(at),
            bounded(judgement.window.start),
            bounded(judgement.window.end),
            content,
            self.recorded_at,
        ).fetchone()
        self._chains.add(number, CORRECTION, str(sequence), content)

    def review(self, reviewed: Reviewed) -> None:
        """Note how far a correction has looked at what is stored of an agreement."""
        self._run(_REVIEW, self._agreement(reviewed.agreement), bounded(reviewed.at), reviewed.arrival)

    def decide(self, decided: Decided) -> None:
        """Store an intent with a delivery to each of its targets, or book an entry; of two with one id the first
        stands."""
        key, decision = decided
        match decision:
            case Intent():
                self._intend(self._agreement(key), decision)
            case LedgerEntry():
                self._book(self._agreement(key), key, decision)
            case _:
                assert_never(decision)

    def finish(self, outcome: DeliveryOutcome) -> None:
        """Note what became of an attempt; a delivery that is no longer pending stays as it is."""
        if outcome.withheld is not None:
            changed = withhold(
                self.connection, outcome.intent_id, outcome.target, outcome.withheld, outcome.reason or ""
            )
            self.changed_deliveries += changed
            self.pending -= changed
            return
        state, following, reason = "delivered", None, None
        if not outcome.delivered:
            following = outcome.next_attempt_at
            state = "dead" if following is None else "pending"
            reason = sound_text(outcome.reason or "no reason was given")
        changed = self._run(
            _FINISH_DELIVERY,
            state,
            None if following is None else bounded(following),
            bounded(outcome.at),
            reason,
            bounded(outcome.at) if outcome.delivered else None,
            sound_text(outcome.intent_id),
            sound_text(str(outcome.target)),
        ).rowcount
        self.changed_deliveries += changed
        if state != "pending":
            self.pending -= changed

    def remember(self, snapshot: Snapshot) -> None:
        """Replace the engine's state of an agreement."""
        key, version, at, content = snapshot
        self._run(_REPLACE_SNAPSHOT, self._agreement(key), version, bounded(at), codecs.dump_json(content))

    def reach(self, place: Place) -> None:
        """Note up to where a source has been read."""
        key, source, content = place
        self._run(_REPLACE_PLACE, self._agreement(key), sound_text(source), codecs.dump_json(content))

    def _intend(self, agreement: int, intent: Intent) -> None:
        identifier, content, at = sound_text(intent.id), codecs.dump_intent(intent), bounded(intent.at)
        new = self._run(_INSERT_INTENT, identifier, agreement, at, content, self.recorded_at).rowcount
        self.new_intents += new
        if not new:
            # An intent's deliveries came with it, in one transaction: a repeated one adds none.
            kept = self._run("SELECT content FROM intents WHERE id = ?", identifier).fetchone()
            if kept != (content,):
                self.contradictions.append(f"the intent {intent.id}")
            return
        self._chains.add(agreement, INTENT, identifier, content)
        for target in intent.sent_to:
            self.pending += self._run(_INSERT_DELIVERY, identifier, sound_text(str(target)), at).rowcount

    def _book(self, agreement: int, key: str, entry: LedgerEntry) -> None:
        identifier, content = sound_text(entry.id), codecs.dump_entry(entry)
        kept = self._run("SELECT content FROM entries WHERE id = ?", identifier).fetchone()
        if kept is not None:
            if kept != (content,):
                self.contradictions.append(f"the ledger entry {entry.id}")
            return
        last = self._run("SELECT digest FROM entries ORDER BY sequence DESC LIMIT 1").fetchone()
        digest = chain(CHAIN_START if last is None else last[0], sound_text(key), content)
        at = bounded(entry.at)
        self._run(_INSERT_ENTRY, identifier, agreement, at, content, digest, self.recorded_at)
        self._chains.add(agreement, ENTRY, identifier, content)
        self.new_entries += 1

    def _agreement(self, key: str) -> int:
        number = self.names.agreements.get(key)
        if number is None:
            found = self._run("SELECT id FROM agreements WHERE key = ?", sound_text(key)).fetchone()
            if found is None:
                raise StoreError(f"The agreement {key} was never registered in this store.")
            number = self.names.agreements[key] = int(found[0])
        return number

    def _stream(self, agreement: int, source: str, stream: str) -> int:
        number = self.names.streams.get((agreement, source, stream))
        if number is None:
            values = (agreement, sound_text(source), sound_text(stream))
            self._run(
                "INSERT INTO streams (agreement_id, source, stream) VALUES (?, ?, ?)"
                " ON CONFLICT (agreement_id, source, stream) DO NOTHING",
                *values,
            )
            (number,) = self._run(
                "SELECT id FROM streams WHERE agreement_id = ? AND source = ? AND stream = ?", *values
            ).fetchone()
            self.names.streams[agreement, source, stream] = number
        return int(number)

    def _is_thinned(self, stream: int, at: int) -> bool:
        if stream not in self.names.thinned:
            self.names.thinned[stream] = thinned_until(self.connection, stream)
        until = self.names.thinned[stream]
        return until is not None and at < until

    def _forget_digest(self, stream: int, at: int) -> None:
        """What comes for an hour whose digest is kept already is a part of it from now on."""
        until = self.names.digested.get(stream)
        if until is None:
            (found,) = self._run("SELECT max(hour) FROM digests WHERE stream_id = ?", stream).fetchone()
            until = self.names.digested[stream] = codecs.SMALLEST if found is None else found + HOUR
        if at < until:
            self._run("DELETE FROM digests WHERE stream_id = ? AND hour = ?", stream, at // HOUR * HOUR)

    def _digest(self, statement: str, values: Sequence[object]) -> None:
        self.names.digested.clear()
        self.connection.execute(statement, values)

    def _read(self, statement: str, values: Sequence[object]) -> list[Any]:
        return self.connection.execute(statement, values).fetchall()

    def _run(self, statement: str, *values: object) -> Cursor:
        return self.connection.execute(statement, values)


def chain(previous: str, agreement: str, content: str) -> str:
    """The digest of a ledger entry, which hangs on that of the entry before it."""
    return hashlib.sha256(f"{previous}\n{agreement}\n{content}".encode()).hexdigest()
