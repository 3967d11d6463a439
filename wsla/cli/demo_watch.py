"""What the daemon writes into its store, seen from outside as it happens."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from attrs import define, field, frozen

from wsla.evaluation.verdicts import CLOSED_VERDICTS, Judgement, Labels, Verdict
from wsla.plan.model import Source
from wsla.remedies.decisions import Intent, LedgerEntry
from wsla.reporting.stored import EARLIEST, LATEST
from wsla.store.errors import StoreError
from wsla.store.sqlite import Store
from wsla.values.instants import MILLISECOND
from wsla.values.observations import Observation


class Look(Enum):
    """What one probe says of the service."""

    GOOD = "up"
    SLOW = "too slow"
    BAD = "down"
    UNKNOWN = "unknown"


def look_of(observation: Observation, limit: int) -> Look:
    """What a probe says; an answer that takes ``limit`` nanoseconds or longer is too slow."""
    ok, elapsed = observation.fields.get("ok"), observation.fields.get("elapsed")
    if ok is None:
        return Look.UNKNOWN
    if not ok:
        return Look.BAD
    return Look.GOOD if isinstance(elapsed, int) and elapsed < limit else Look.SLOW


def look_text(observation: Observation, look: Look, source: Source) -> str:
    """``up: 200 after 3 ms``. The source says in which steps its numbers are stored."""
    status, elapsed = observation.fields.get("status"), observation.fields.get("elapsed")
    step = next(one.resolution for one in source.fields if one.name == "status")
    parts = [str(round(status * step))] if isinstance(status, int) else []
    if isinstance(elapsed, int):
        parts.append(f"after {round(elapsed / MILLISECOND)} ms")
    said = " ".join(parts) or observation.reason or "no answer"
    return f"{look.value}: {said}"


@frozen(kw_only=True)
class News:
    """What is new in the store since the last look."""

    observations: tuple[Observation, ...] = ()
    standings: tuple[Judgement, ...] = ()
    verdicts: tuple[Judgement, ...] = ()
    entries: tuple[LedgerEntry, ...] = ()
    intents: tuple[Intent, ...] = ()


@define
class Watch:
    """Looks at the store of a running daemon; the store may not be there yet."""

    path: Path
    key: str
    _store: Store | None = None
    _seen_until: int = EARLIEST
    _known: dict[tuple[str, Labels, int, int], Verdict] = field(factory=dict)
    _final: set[tuple[str, Labels, int, int]] = field(factory=set)
    _entries: set[str] = field(factory=set)
    _intents: set[str] = field(factory=set)

    def news(self) -> News:
        """What is new. Nothing, where the store cannot be read at the moment."""
        try:
            if self._store is None:
                if not self.path.exists():
                    return News()
                self._store = Store.open(str(self.path), writer=False)
            return self._look(self._store)
        except StoreError:
            # The daemon may be making the file right now; a store that stays unreadable ends the demo by its time.
            self.close()
            return News()

    def close(self) -> None:
        """Closes the store."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _look(self, store: Store) -> News:
        observations = tuple(store.observations(self.key, self._seen_until, LATEST))
        standings, verdicts = [], []
        for judgement in store.judgements(self.key, EARLIEST, LATEST):
            window = (judgement.goal, judgement.labels, judgement.window.start, judgement.window.end)
            if judgement.final and window not in self._final:
                self._final.add(window)
                verdicts.append(judgement)
            elif not judgement.final and self._known.get(window) != judgement.verdict:
                self._known[window] = judgement.verdict
                if judgement.verdict not in CLOSED_VERDICTS:
                    standings.append(judgement)
        entries = [
            entry for _, entry in store.entries(self.key, EARLIEST, LATEST) if entry.id not in self._entries
        ]
        intents = [
            intent
            for _, intent in store.intents(self.key, EARLIEST, LATEST)
            if intent.id not in self._intents
        ]
        if observations:
            self._seen_until = observations[-1].at + 1
        self._entries.update(entry.id for entry in entries)
        self._intents.update(intent.id for intent in intents)
        return News(
            observations=observations,
            standings=tuple(standings),
            verdicts=tuple(verdicts),
            entries=tuple(entries),
            intents=tuple(intents),
        )
