"""The daemon's store: what was observed, judged, decided and delivered, in a file of SQLite or in PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, Self

from wsla.plan.model import Target
from wsla.remedies.claims import ClaimEvent, ClaimStep
from wsla.store.chain import Chains
from wsla.store.claims import write_step
from wsla.store.errors import StoreError
from wsla.store.interventions import Intervention, note
from wsla.store.location import check_place, parse_location
from wsla.store.packing import (
    STREAMS_TO_MERGE,
    STREAMS_TO_PACK,
    WORTH_MERGING,
    PackResult,
    merge_streams,
    pack_streams,
    to_pack,
)
from wsla.store.postgres_place import is_postgres
from wsla.store.reading import Reading
from wsla.store.records import AgreementVersion, Batch, DeliveryOutcome, WriteResult
from wsla.store.schema import check_library
from wsla.store.session import Session as FileSession
from wsla.store.statements import Session
from wsla.store.thinning import ThinResult, note_thinning, thin_stream
from wsla.store.writing import Names, Writing

if TYPE_CHECKING:
    from wsla.store.letters import Letters
    from wsla.store.sharing import Sharing

DEFAULT_OUTBOX_LIMIT: Final = 1_000_000
DEFAULT_BUSY_TIMEOUT: Final = 5.0


class Store(Reading):
    """An open store. Used by one thread at a time, any thread.

    Every method may raise StoreError. A write that raised StoreFull, StoreBusy or StoreBroken may be repeated as it
    is, at any time, on the same object.
    """

    def __init__(
        self, session: Session, *, now: Callable[[], int], outbox_limit: int, fault: Callable[[str], None]
    ) -> None:
        super().__init__(session)
        self._now: Final = now
        self._outbox_limit: Final = outbox_limit
        self._fault: Final = fault
        self._names: Final = Names()
        self._pending: int | None = None
        self._version: int | None = None
        self._unsure: tuple[Batch, Writing] | None = None

    @classmethod
    def open(
        cls,
        url: str,
        *,
        writer: bool,
        beside: bool = False,
        now: Callable[[], int] = time.time_ns,
        outbox_limit: int = DEFAULT_OUTBOX_LIMIT,
        busy_timeout: float = DEFAULT_BUSY_TIMEOUT,
        fault: Callable[[str], None] | None = None,
    ) -> Self:
        """Open the store of a URL (``sqlite:///wsla.db``, ``postgresql://host/database``) or path; a writer makes it
        where there is none.

        A writer holds the store alone among writers; readers come and go beside it, and with ``beside`` they may note
        what becomes of claims, and what people do about messages. ``outbox_limit`` is the number of
        pending deliveries above which ``write`` reports it; ``busy_timeout`` is seconds; ``fault`` is called with
        the name of each point of writing, for tests that stop there. Raises StoreError.
        """
        hook = fault or _no_fault
        session = _session(url, writer=writer, beside=beside, busy_timeout=busy_timeout, now=now, fault=hook)
        return cls(session, now=now, outbox_limit=outbox_limit, fault=hook)

    @property
    def path(self) -> str:
        """The absolute path of the file; of a database its address, without a password."""
        return self._session.path

    @property
    def url(self) -> str:
        """What opens it once more. May hold a password."""
        return self._session.url

    def register_agreement(
        self, key: str, *, title: str, version: int, text: str, sha256: str, at: int
    ) -> None:
        """Keep the full text of a version of an agreement, in force from ``at`` (nanoseconds)."""
        agreement = AgreementVersion(key=key, title=title, version=version, text=text, sha256=sha256, at=at)
        self.write(Batch(agreements=(agreement,)))

    def write(self, batch: Batch) -> WriteResult:
        """Store a batch in one transaction. When it returns, the batch is on the disk."""
        self._fault("before-write")
        if self._unsure is not None:
            # It is not written twice, should it have been stored although nobody said so.
            kept, self._unsure = self._unsure, None
            stored = self._settled(kept)
            if stored and kept[0] is batch:
                return self._result(kept[1])
        writing = None
        try:
            with self._session.transaction() as connection:
                writing = Writing(connection, self._names, self._now())
                for agreement in batch.agreements:
                    writing.register(agreement)
                writing.observe(batch.observations)
                for judged in batch.judgements:
                    writing.judge(judged)
                self._fault("mid-write")
                for decided in batch.decisions:
                    writing.decide(decided)
                for rejudged in batch.corrections:
                    writing.correct(rejudged)
                for reviewed in batch.reviews:
                    writing.review(reviewed)
                for outcome in batch.outcomes:
                    writing.finish(outcome)
                for snapshot in batch.snapshots:
                    writing.remember(snapshot)
                for place in batch.places:
                    writing.reach(place)
        except BaseException as error:
            self._names.forget()
            self._pending = None
            if writing is not None and isinstance(error, StoreError):
                self._unsure = (batch, writing)
            raise
        if self._pending is not None:
            self._pending += writing.pending
        return self._result(writing)

    def _settled(self, kept: tuple[Batch, Writing]) -> bool:
        try:
            return self._session.settle()
        except BaseException:
            self._unsure = kept
            raise

    def _result(self, writing: Writing) -> WriteResult:
        return WriteResult(
            new_observations=writing.new_observations,
            new_intents=writing.new_intents,
            new_entries=writing.new_entries,
            changed_deliveries=writing.changed_deliveries,
            refused=tuple(writing.refused),
            contradictions=tuple(writing.contradictions),
            outbox_over_limit=self._count_pending() > self._outbox_limit,
        )

    def delivery_succeeded(self, intent_id: str, target: Target | str, at: int) -> bool:
        """Note a delivery. True where it was pending until now."""
        return self._finish(DeliveryOutcome(intent_id=intent_id, target=target, at=at, delivered=True))

    def delivery_failed(
        self, intent_id: str, target: Target | str, at: int, reason: str, next_attempt_at: int | None
    ) -> bool:
        """Note a failed attempt and when the next is due; None puts it among the dead letters. True where the
        delivery was pending until now."""
        return self._finish(
            DeliveryOutcome(
                intent_id=intent_id,
                target=target,
                at=at,
                delivered=False,
                reason=reason,
                next_attempt_at=next_attempt_at,
            )
        )

    def take_claim_step(
        self, entry: str, step: ClaimStep, at: int, reason: str | None, zone: str
    ) -> ClaimEvent:
        """Note a step about the credit of an identity in one transaction; when it returns, it is on the disk.

        Raises ClaimRefused where the entry's state does not allow it, its times shown in ``zone``, and StoreError.
        """
        with self._session.transaction() as connection:
            event = write_step(connection, entry, step, at, reason, zone=zone, recorded_at=self._now())
            self._fault("mid-claim")
        return event

    def intervene(self, interventions: Iterable[Intervention]) -> None:
        """Note what people do about messages, and do it, in one transaction, also beside a daemon.

        Raises KeyError with an intent's identity where it has no such delivery, or its state does not allow it.
        """
        with self._session.transaction() as connection:
            for one in interventions:
                note(connection, one, self._now())
            self._fault("mid-intervention")
        self._pending = None

    def changed_beside(self) -> bool:
        """True where somebody else has written since it was asked last, and at the first time."""
        version = self._session.changes_beside()
        if version == self._version:
            return False
        self._version, self._pending = version, None
        return True

    def streams_to_pack(self, before: int) -> list[int]:
        """Streams with enough observations before an instant that are still rows; for ``pack``."""
        return [stream for (stream,) in self._session.read(STREAMS_TO_PACK, to_pack(before))]

    def pack(self, streams: Iterable[int], before: int) -> PackResult:
        """Pack what lies before an instant, whole hours of it, in one transaction; nothing reads otherwise for it.

        What the engine has not noted yet stays as it is, and so does what came too late.
        """
        self._fault("before-pack")
        try:
            with self._session.transaction() as connection:
                result = pack_streams(connection, streams, before, self._fault)
        finally:
            self._names.packed.forget()
            # Whole hours that were packed have a digest from now on.
            self._names.digested.clear()
        self._fault("after-pack")
        return result

    def streams_to_merge(self) -> list[int]:
        """Streams with small segments that are worth merging; for ``merge``."""
        return [stream for (stream,) in self._session.read(STREAMS_TO_MERGE, WORTH_MERGING)]

    def merge(self, streams: Iterable[int]) -> PackResult:
        """Merge small segments of streams in one transaction; nothing reads otherwise for it."""
        self._fault("before-merge")
        try:
            with self._session.transaction() as connection:
                result = merge_streams(connection, streams, self._fault)
        finally:
            self._names.packed.forget()
        self._fault("after-merge")
        return result

    def thin(self, streams: Iterable[int], until: int, length: int) -> ThinResult:
        """Roll up, in stretches of ``length`` nanoseconds, what streams hold before an instant, in one transaction;
        the observations are no longer kept then. The last of each stream stays, and what the engine has not noted."""
        self._fault("before-thinning")
        result = ThinResult()
        try:
            with self._session.transaction() as connection:
                each = {
                    stream: thin_stream(connection, stream, until, length, self._fault) for stream in streams
                }
                note_thinning(Chains(connection, self._now()), connection, each, until)
            for done in each.values():
                result.observations += done.observations
                result.rollups += done.rollups
        finally:
            self._names.forget()
        return result

    def sharing(self) -> Sharing | None:
        """What several daemons on one database tell each other; None for a file, which one alone keeps."""
        if not is_postgres(self.url):
            return None
        from wsla.store.sharing import Sharing

        return Sharing(self._session)

    def letters(self) -> Letters | None:
        """What is sent to daemons that stand by; None for a file."""
        if not is_postgres(self.url):
            return None
        from wsla.store.letters import Letters

        return Letters(self._session)

    def check_identity(self) -> None:
        """Raises StoreReplaced where the file was removed, moved or replaced since it was opened."""
        self._session.check_identity()

    def close(self) -> None:
        """Close the file and let another daemon in. May be called twice."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _finish(self, outcome: DeliveryOutcome) -> bool:
        self._fault("before-delivery-mark")
        result = self.write(Batch(outcomes=(outcome,)))
        self._fault("after-delivery-mark")
        return result.changed_deliveries > 0

    def _count_pending(self) -> int:
        # Whatever else changes it is noticed by ``changed_beside``, so that the number is counted once and kept.
        if self._pending is None:
            self._pending = self.pending_deliveries()
        return self._pending


def _session(
    url: str,
    *,
    writer: bool,
    beside: bool,
    busy_timeout: float,
    now: Callable[[], int],
    fault: Callable[[str], None],
) -> Session:
    if is_postgres(url):
        from wsla.store.postgres import PostgresSession

        return PostgresSession(
            url, writer=writer, beside=beside, busy_timeout=busy_timeout, now=now, fault=fault
        )
    path = parse_location(url)
    check_place(path)
    check_library(path)
    return FileSession(path, writer=writer, beside=beside, busy_timeout=busy_timeout, now=now, fault=fault)


def _no_fault(_: str) -> None:
    return
