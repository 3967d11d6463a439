"""The questions that the store answers. Long answers come in pages, so that no reader holds up the writer's log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import groupby
from typing import Any, Final

from wsla.evaluation.verdicts import Judgement
from wsla.plan.model import Target
from wsla.remedies.claims import ClaimEvent
from wsla.remedies.decisions import Intent, LedgerEntry
from wsla.store import codecs
from wsla.store.chain import START, Link, records_of
from wsla.store.claims import STEPS, first_altered, read_steps
from wsla.store.codecs import bounded, sound_text
from wsla.store.columns import Look
from wsla.store.evidence import Evidence, Hours, HoursInMemory, digest_of, evidence_of
from wsla.store.finding import Identity, Stored, find
from wsla.store.interventions import (
    NOT_WITHHELD,
    Delivering,
    Intervention,
    Kind,
    Withheld,
    read_interventions,
    read_withheld,
)
from wsla.store.records import (
    AgreementVersion,
    DeliveryState,
    Observed,
    OutboxCounts,
    OutboxItem,
    Rejudged,
)
from wsla.store.rollups import Rollup, StreamRollup
from wsla.store.statements import Session
from wsla.store.thinning import STREAMS_TO_THIN
from wsla.store.together import PAGE, Together
from wsla.store.versions import IS_VERSION, VERSIONS, Versioned, latest, that_stand
from wsla.store.writing import CHAIN_START, chain
from wsla.values.instants import HOUR, Interval
from wsla.values.observations import Observation

_HISTORY: Final = """
    SELECT agreements.key, title, version, text, sha256, registrations.at
    FROM registrations
    JOIN agreements ON agreements.id = registrations.agreement_id
    JOIN agreement_texts ON agreement_texts.id = registrations.text_id
"""
# CROSS JOIN keeps SQLite from reading the tables in another order than the index of the first.
_OBSERVATIONS: Final = """
    SELECT at, arrival, source, fields, reason, failure
    FROM observations CROSS JOIN streams ON streams.id = observations.stream_id
"""
_DELIVERIES: Final = """
    SELECT agreements.key, content, target, state, attempts, next_attempt_at, last_attempt_at, last_error,
        delivered_at, possible_repeat, outbox.sequence
    FROM outbox
    CROSS JOIN intents ON intents.id = outbox.intent_id
    CROSS JOIN agreements ON agreements.id = intents.agreement_id
"""
DUE: Final = (
    _DELIVERIES
    + """
    WHERE state = 'pending' AND next_attempt_at <= ? ORDER BY next_attempt_at, outbox.sequence LIMIT ?
"""
)


class Reading:
    """The reading half of a store. Instants are nanoseconds since the epoch; every method may raise StoreError."""

    def __init__(self, session: Session) -> None:
        self._session: Final = session

    def at_once(self) -> AbstractContextManager[None]:
        """What is asked for, and read to its end, inside is as of one moment. No answer in pieces of time is taken
        inside (``observations``, ``evidence``): each has moments of its own."""
        return self._session.at_once()

    def agreements(self) -> list[AgreementVersion]:
        """The version in force of every agreement, by key."""
        return self._versions(
            "WHERE registrations.sequence IN (SELECT max(sequence) FROM registrations GROUP BY agreement_id)"
            " ORDER BY agreements.key"
        )

    def agreement_history(self, key: str) -> list[AgreementVersion]:
        """Every version of an agreement, each from when it came into force, oldest first."""
        return self._versions("WHERE agreements.key = ? ORDER BY registrations.sequence", sound_text(key))

    def observations(
        self, agreement: str, since: int, until: int, source: str | None = None, *, late: bool = True
    ) -> Iterator[Observation]:
        """Observations with ``since <= at < until``, in order of ``at``; those of one stream at one instant in order of
        arrival. Without those that came too late where ``late`` is false."""
        number = self._agreement(agreement)
        if number is None:
            return iter(())
        return Together(self._session, number, source, late=late).between(bounded(since), bounded(until))

    def observations_that_stand(self, agreement: str, more: Sequence[Observed] = ()) -> Iterator[Observation]:
        """All observations of an agreement, what came too late among them, in order of ``at``; of what a correction of
        another agreement changed the latest version alone. ``more`` are versions that are not stored yet."""
        number = self._agreement(agreement)
        if number is None:
            return
        numbers = latest(self._session.read(VERSIONS, [number]), more)
        together = Together(self._session, number, late=True).placed(codecs.SMALLEST, codecs.LARGEST)
        later = sorted(more, key=lambda one: one.observation.at)
        for at, source, _, look in that_stand(together, numbers, later) if numbers else together:
            yield Observation(
                source=source, at=at, fields=look.fields, reason=look.reason, failure=look.failure
            )

    def versions(self, agreement: str) -> dict[Versioned, int]:
        """Of what is stored in several versions, the number of the latest."""
        return latest(self._session.read(VERSIONS, [self._agreement(agreement)]))

    def observations_after_snapshot(self, agreement: str) -> Iterator[Observation]:
        """What the latest snapshot of an agreement does not know yet, in order of arrival; everything where there is
        no snapshot. What came too late is not for an engine, and left out."""
        # What is packed is known to the snapshot: see ``packing``.
        number = self._agreement(agreement)
        found = self._session.read("SELECT arrival FROM snapshots WHERE agreement_id = ?", [number])
        arrival = found[0][0] if found else 0
        # The plus keeps SQLite to the order of arrival.
        statement = f"{_OBSERVATIONS} WHERE arrival > ? AND +observations.agreement_id = ? AND late = 0"
        statement += f" ORDER BY arrival LIMIT {PAGE}"
        while number is not None:
            rows = self._session.read(statement, [arrival, number])
            for row in rows:
                yield _observation(row)
            if len(rows) < PAGE:
                return
            arrival = rows[-1][1]

    def held(self, agreement: str, source: str, wanted: Iterable[Identity]) -> dict[Identity, Stored]:
        """What is stored already under identities of observations of a source; nothing for those that are not."""
        number = self._agreement(agreement)
        return {} if number is None else find(self._session, number, source, wanted)

    def latest_snapshot(self, agreement: str) -> tuple[str, int, Any] | None:
        """The engine's latest state: what it was computed for (a hash), its instant, and its content."""
        rows = self._session.read(
            "SELECT version, at, content FROM snapshots WHERE agreement_id = ?", [self._agreement(agreement)]
        )
        return (rows[0][0], rows[0][1], codecs.load_json(rows[0][2])) if rows else None

    def snapshot_at(self, agreement: str) -> int | None:
        """The instant of the engine's latest state, up to which everything that it said is stored; None without one."""
        rows = self._session.read(
            "SELECT at FROM snapshots WHERE agreement_id = ?", [self._agreement(agreement)]
        )
        return int(rows[0][0]) if rows else None

    def place(self, agreement: str, source: str) -> Any:
        """Up to where a source has been read, as it was noted; None where nothing was."""
        rows = self._session.read(
            "SELECT content FROM places WHERE agreement_id = ? AND source = ?",
            [self._agreement(agreement), sound_text(source)],
        )
        return codecs.load_json(rows[0][0]) if rows else None

    def follows(self, agreement: str, kind: str) -> bool:
        """True where a source of an agreement has been read as one of a kind."""
        rows = self._session.read(
            "SELECT content FROM places WHERE agreement_id = ?", [self._agreement(agreement)]
        )
        return any(codecs.load_json(content).get("kind") == kind for (content,) in rows)

    def streams(self, agreement: str, source: str, limit: int) -> list[str]:
        """The streams of a source, at most so many."""
        rows = self._session.read(
            "SELECT stream FROM streams WHERE agreement_id = ? AND source = ? ORDER BY id LIMIT ?",
            [self._agreement(agreement), sound_text(source), limit],
        )
        return [stream for (stream,) in rows]

    def latest_arrival(self) -> int:
        """The number of the observation that was stored last; 0 where there is none."""
        ((arrival,),) = self._session.read("SELECT coalesce(max(arrival), 0) FROM observations")
        return int(arrival)

    def judgements(
        self, agreement: str, start: int, until: int, *, final_only: bool = False
    ) -> Iterator[Judgement]:
        """Judgements of windows that share time with ``[start, until)``, in order of the window's end, its start,
        goal and labels."""
        rows = self._session.read(
            "SELECT content FROM judgements"
            " WHERE agreement_id = ? AND window_end > ? AND window_start < ? AND final >= ?"
            " ORDER BY window_end, window_start, goal, labels",
            [self._agreement(agreement), bounded(start), bounded(until), int(final_only)],
        )
        return (codecs.load_judgement(content) for (content,) in rows)

    def corrections(self, agreement: str) -> list[tuple[int, Judgement]]:
        """What final verdicts were corrected to, each with the instant of the correction, in order."""
        return [(one.at, one.judgement) for one in self.rejudged(agreement)]

    def rejudged(self, agreement: str, after: int = codecs.SMALLEST) -> list[Rejudged]:
        """The corrections of an agreement, in order, of windows that end after an instant."""
        rows = self._session.read(
            "SELECT at, content FROM corrections WHERE agreement_id = ? AND window_end > ? ORDER BY sequence",
            [self._agreement(agreement), bounded(after)],
        )
        return [
            Rejudged(agreement, at, codecs.load_judgement(content), codecs.exists(content))
            for at, content in rows
        ]

    def count_observations(self, agreement: str) -> int:
        """How many observations of an agreement are kept."""
        ((number,),) = self._session.read(
            "SELECT (SELECT count(*) FROM observations WHERE agreement_id = ?1)"
            " + (SELECT coalesce(sum(count), 0) FROM segments WHERE agreement_id = ?1)",
            [self._agreement(agreement)],
        )
        return int(number)

    def late_observations(self, agreement: str) -> int:
        """How many observations of an agreement came too late, later versions of what was observed not among them."""
        key = self._agreement(agreement)
        ((number,),) = self._session.read(
            "SELECT count(*) FROM observations WHERE agreement_id = ? AND late = 1", [key]
        )
        return int(number) - len(self._session.read(VERSIONS, [key]))

    def earliest_uncorrected(self, agreement: str) -> int | None:
        """The earliest instant of what came too late and no correction has looked at; None where there is nothing."""
        ((at,),) = self._session.read(
            "SELECT min(at) FROM observations WHERE agreement_id = ?1 AND late = 1"
            " AND arrival > coalesce((SELECT arrival FROM reviews WHERE agreement_id = ?1), 0)"
            # Later versions come with the correction that looks at them.
            f" AND NOT ({IS_VERSION})",
            [self._agreement(agreement)],
        )
        return None if at is None else int(at)

    def kept_from(self, agreement: str) -> int | None:
        """The instant before which not all observations of an agreement are kept; None where all of them are."""
        ((until,),) = self._session.read(
            "SELECT max(until) FROM thinned JOIN streams ON streams.id = stream_id WHERE agreement_id = ?",
            [self._agreement(agreement)],
        )
        return None if until is None else int(until)

    def streams_to_thin(self, agreement: str, until: int, after: int, limit: int) -> list[int]:
        """At most ``limit`` streams of an agreement, with numbers above ``after``, that hold something before an
        instant; for ``thin``."""
        before = bounded(until)
        values = [self._agreement(agreement), after, before, before, limit]
        return [stream for (stream,) in self._session.read(STREAMS_TO_THIN, values)]

    def rollups(self, agreement: str, since: int, until: int) -> list[StreamRollup]:
        """What observations were rolled up to, of stretches that begin with ``since <= start < until``, in order of
        start, source and stream."""
        rows = self._session.read(
            "SELECT source, stream, start, length, content FROM rollups"
            " JOIN streams ON streams.id = stream_id"
            " WHERE agreement_id = ? AND start >= ? AND start < ? ORDER BY start, source, stream, length",
            [self._agreement(agreement), bounded(since), bounded(until)],
        )
        return [
            StreamRollup(
                source=source, stream=stream, start=start, length=length, rollup=Rollup.load(content)
            )
            for source, stream, start, length, content in rows
        ]

    def entries(self, agreement: str | None, start: int, until: int) -> Iterator[tuple[str, LedgerEntry]]:
        """Ledger entries for windows that ended with ``start < at <= until``, so that a month's entries are those of
        the windows in it; each with its agreement's key, in order of ``at``. None asks for all agreements."""
        rows = self._decisions("entries", agreement, "at > ? AND at <= ?", start, until)
        return ((key, codecs.load_entry(content)) for key, content in rows)

    def intents(self, agreement: str | None, start: int, until: int) -> Iterator[tuple[str, Intent]]:
        """Intents that became due with ``start <= at < until``, each with its agreement's key, in order of ``at``.
        None asks for all agreements."""
        rows = self._decisions("intents", agreement, "at >= ? AND at < ?", start, until)
        return ((key, codecs.load_intent(content)) for key, content in rows)

    def first_altered_entry(self) -> str | None:
        """The id of the first ledger entry that is not what was booked, or after which one is missing; None where the
        whole chain holds."""
        previous, sequence = CHAIN_START, 0
        statement = (
            "SELECT sequence, entries.id, key, content, digest FROM entries"
            " LEFT JOIN agreements ON agreements.id = entries.agreement_id"
            f" WHERE sequence > ? ORDER BY sequence LIMIT {PAGE}"
        )
        while True:
            rows = self._session.read(statement, [sequence])
            for sequence, identifier, key, content, digest in rows:  # noqa: B007 (the next page begins there)
                if digest != chain(previous, key, content):
                    return str(identifier)
                previous = digest
            if len(rows) < PAGE:
                return None

    def claim_events(self) -> list[ClaimEvent]:
        """Every step that was taken about an entry, of all agreements, in order."""
        return [event for event, _ in read_steps(self._session.read(STEPS))]

    def first_altered_claim(self) -> str | None:
        """The entry of the first step about a claim that is not what was noted, or after which one is missing; None
        where the whole chain holds."""
        return first_altered(read_steps(self._session.read(STEPS)))

    def links(self, agreement: str, after: int = 0) -> Iterator[Link]:
        """The links of an agreement's chain, in order, those with numbers above ``after``."""
        number = self._agreement(agreement)
        statement = (
            "SELECT number, kind, subject, sha256, evidence, digest, recorded_at FROM chain"
            f" WHERE agreement_id = ? AND number > ? ORDER BY number LIMIT {PAGE}"
        )
        while number is not None:
            rows = self._session.read(statement, [number, after])
            for row in rows:
                after, kind, subject, sha256, evidence, digest, recorded_at = row
                yield Link(
                    number=after,
                    kind=kind,
                    subject=subject,
                    sha256=sha256,
                    evidence=evidence,
                    digest=digest,
                    recorded_at=recorded_at,
                )
            if len(rows) < PAGE:
                return

    def chain_end(self, agreement: str) -> tuple[int, str]:
        """How many links an agreement's chain has, and the digest of the last: whoever notes them can tell later
        whether anything before was changed."""
        rows = self._session.read(
            "SELECT number, digest FROM chain WHERE agreement_id = ? ORDER BY number DESC LIMIT 1",
            [self._agreement(agreement)],
        )
        return (rows[0][0], rows[0][1]) if rows else (0, START)

    def records(self, agreement: str, kind: str) -> list[tuple[str, str]]:
        """The records of a kind that the chain has links for: what names each there, and its content."""
        number = self._agreement(agreement)
        return [] if number is None else records_of(self._session.read, number, kind)

    def digest_hours(self, agreement: str, step: Callable[[int], None]) -> HoursInMemory:
        """The digests of every hour of every stream of an agreement, from one reading of all that is stored; ``step``
        is told of so many more observations now and then."""
        number = self._agreement(agreement)
        hours = HoursInMemory(whole=True)
        if number is None:
            return hours
        rows = self._session.read("SELECT id, source, stream FROM streams WHERE agreement_id = ?", [number])
        streams = {(source, stream): one for one, source, stream in rows}
        together = Together(self._session, number, late=False)
        placed = together.placed(codecs.SMALLEST, codecs.LARGEST)
        for hour, found in groupby(placed, key=lambda one: one[0] // HOUR * HOUR):
            groups: dict[tuple[str, str], list[Look]] = {}
            for _, source, stream, look in found:
                groups.setdefault((source, stream), []).append(look)
            for name, looks in groups.items():
                hours.keep(streams[name], hour, digest_of(looks))
                step(len(looks))
        return hours

    def evidence(self, agreement: str, sources: tuple[str, ...], window: Interval, hours: Hours) -> Evidence:
        """What a verdict of a window rests on, by the observations that are stored; ``hours`` keeps what is shared."""
        number = self._agreement(agreement)
        assert number is not None
        with self._session.at_once():
            return evidence_of(self._session.read, hours, number, sources, window.start, window.end)

    def due_deliveries(self, now: int, limit: int) -> list[OutboxItem]:
        """Pending deliveries whose next attempt is due, the longest due first.

        They stay due until their outcome is written: who has some in hand asks for as many more and skips them.
        """
        return [_item(row) for row in self._session.read(DUE, [bounded(now), limit])]

    def next_delivery_at(self) -> int | None:
        """When the next attempt of any pending delivery is due; None where nothing is pending."""
        statement = (
            "SELECT next_attempt_at FROM outbox WHERE state = 'pending' ORDER BY next_attempt_at LIMIT 1"
        )
        rows = self._session.read(statement)
        return rows[0][0] if rows else None

    def dead_letters(self, limit: int = -1) -> list[OutboxItem]:
        """Deliveries that were given up, oldest first, without what people held back; ``limit`` below 0 is all."""
        statement = f"{_DELIVERIES} WHERE state = 'dead' AND {NOT_WITHHELD} ORDER BY outbox.sequence LIMIT ?"
        return [
            _item(row) for row in self._session.read(statement, [limit if limit >= 0 else codecs.LARGEST])
        ]

    def delivery(self, intent_id: str) -> list[OutboxItem]:
        """The deliveries of an intent, one a target."""
        statement = f"{_DELIVERIES} WHERE outbox.intent_id = ? ORDER BY outbox.sequence"
        return [_item(row) for row in self._session.read(statement, [sound_text(intent_id)])]

    def withheld(self) -> dict[Delivering, Withheld]:
        """Deliveries that people held back, by intent and target: dropped, acknowledged or silenced."""
        return read_withheld(self._session.read)

    def interventions(self, *kinds: Kind) -> list[Intervention]:
        """What people did about messages, of some kinds, in the order in which it was noted."""
        return read_interventions(self._session.read, kinds)

    def outbox_counts(self) -> OutboxCounts:
        """How many deliveries are pending, delivered, dead; those that people held back are none of these."""
        counts = dict(self._session.read("SELECT state, count(*) FROM outbox GROUP BY state"))
        ((withheld,),) = self._session.read("SELECT count(*) FROM withheld")
        return OutboxCounts(
            pending=counts.get("pending", 0),
            delivered=counts.get("delivered", 0),
            dead=counts.get("dead", 0) - withheld,
        )

    def pending_deliveries(self) -> int:
        """How many deliveries are pending."""
        return int(self._session.read("SELECT count(*) FROM outbox WHERE state = 'pending'")[0][0])

    def _versions(self, condition: str, *values: object) -> list[AgreementVersion]:
        return [
            AgreementVersion(key=key, title=title, version=version, text=text, sha256=sha256, at=at)
            for key, title, version, text, sha256, at in self._session.read(_HISTORY + condition, values)
        ]

    def _agreement(self, key: str) -> int | None:
        rows = self._session.read("SELECT id FROM agreements WHERE key = ?", [sound_text(key)])
        return rows[0][0] if rows else None

    def _decisions(
        self, table: str, agreement: str | None, condition: str, start: int, until: int
    ) -> list[tuple[str, str]]:
        statement = f"SELECT key, content FROM {table} JOIN agreements ON agreements.id = agreement_id"
        statement += f" WHERE {condition}"
        values: list[object] = [bounded(start), bounded(until)]
        if agreement is not None:
            statement += " AND agreement_id = ?"
            values.append(self._agreement(agreement))
        rows: list[tuple[str, str]] = self._session.read(f"{statement} ORDER BY at, sequence", values)
        return rows


def _observation(row: tuple[int, int, str, str, str | None, str | None]) -> Observation:
    at, _, source, fields, reason, failure = row
    return Observation(
        source=source, at=at, fields=codecs.load_fields(fields), reason=reason, failure=failure
    )


def _item(row: tuple[Any, ...]) -> OutboxItem:
    (
        key,
        content,
        name,
        state,
        attempts,
        next_attempt_at,
        last_attempt_at,
        last_error,
        delivered_at,
        repeat,
        sequence,
    ) = row
    intent = codecs.load_intent(content)
    target = next((one for one in intent.targets if sound_text(str(one)) == name), Target(party=name))
    return OutboxItem(
        agreement=key,
        intent=intent,
        target=target,
        state=DeliveryState(state),
        attempts=attempts,
        next_attempt_at=next_attempt_at,
        last_attempt_at=last_attempt_at,
        last_error=last_error,
        delivered_at=delivered_at,
        possible_repeat=bool(repeat),
        sequence=sequence,
    )
