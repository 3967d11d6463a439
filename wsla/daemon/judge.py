"""One agreement, live: its observations in order of time, its engine, and what goes to the store because of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from heapq import heappop, heappush
from typing import Final, assert_never

from attrs import define, field

from wsla.api import Agreement
from wsla.daemon.coming import Coming
from wsla.daemon.lineage import Lineage
from wsla.daemon.scheduler import Runner
from wsla.daemon.versions import Judging, Said, TakenOver
from wsla.daemon.writer import Item, Writer
from wsla.evaluation.stream import JudgementFinal, StandingChanged, TooLate, TriggerChanged
from wsla.evaluation.verdicts import Judgement, Labels
from wsla.ports import Clock
from wsla.remedies.decisions import Intent, LedgerEntry
from wsla.store.errors import StoreError
from wsla.store.records import Decided, Judged, Observed, Snapshot, stream_of
from wsla.values.instants import SECOND, format_instant
from wsla.values.observations import Observation

_log = logging.getLogger(__name__)

_LONGEST_SLEEP: Final = 30.0
_PIECE: Final = 2_000
_MOST_HELD: Final = 10_000
_ADVANCE_SHARE: Final = 20
_COMPANY: Final = 0.02
_WORTH_NOTING: Final = 64
_SELDOM: Final = 10


@define(eq=False)
class Given:
    """Observations whose giver waits until they are on the disk: ``done`` holds those that came too late."""

    left: int
    done: asyncio.Future[list[Observed]]
    late: list[Observed] = field(factory=list)

    def stored(self, observed: Observed) -> None:
        """One of them is."""
        self.left -= 1
        if observed.late:
            self.late.append(observed)
        if self.left == 0 and not self.done.done():
            self.done.set_result(self.late)

    def lost(self) -> None:
        """They will not all be."""
        if not self.done.done():
            self.done.set_exception(StoreError("What was sent could not be stored."))


_Held = tuple[int, int, Observed, Given | None]


class Judge:
    """Feeds an engine and stores what it says.

    An observation waits until nothing earlier can come from any of the ``runners``; the engine's time is never later
    than what may still come. ``state`` is what the engine's snapshots are good for. ``snapshot_every`` is nanoseconds.
    """

    def __init__(
        self,
        agreement: Agreement,
        engine: Judging,
        state: str,
        *,
        writer: Writer,
        clock: Clock,
        snapshot_every: Callable[[int], int],
        dropped: Callable[[], None],
        lineage: Lineage | None = None,
    ) -> None:
        self.agreement = agreement
        self.engine: Final[Judging] = engine
        self.state = state
        self.runners: dict[str, Runner] = {}
        self.standings: dict[tuple[str, Labels], Judgement] = {}
        self.time = -(1 << 63)
        self.paused = False
        self.closed = False
        self.failed: str | None = None
        self.accepted = 0
        together = Lineage(agreements=(agreement,)) if lineage is None else lineage
        self._rests_on: Final = together.rests_on()
        self._rules: Final = frozenset(rule.name for one in together.agreements for rule in one.plan.rules)
        self._sent = False
        self._writer: Final = writer
        self._clock: Final = clock
        self._snapshot_every: Final = snapshot_every
        self._dropped: Final = dropped
        self._labels: Final = {name: source.labels for name, source in together.sources.items()}
        self._held: list[_Held] = []
        self._given = 0
        self._disordered = False
        self._sequence = 0
        self._timer: asyncio.TimerHandle | None = None
        self._company: asyncio.TimerHandle | None = None
        self._latest = 0
        self._advanced_at = 0
        self._advance_cost = 0
        self._behind = False
        self._coming: Final = Coming(engine, clock)
        self._snapshot_at = clock.monotonic()
        self._snapshot_cost = 0
        self._changed = True
        self.leaves_at: int | None = None
        self.leaves: Callable[[], None] = lambda: None
        """Called once time has come past ``leaves_at``: some source need not be looked at any more."""
        self._unnoted = 0
        self._wake_at = 0.0

    def ended(self, *observations: Observation) -> None:
        """Takes the observations of a look that has ended: one, or one of each stream."""
        now = self._clock.now()
        for one in observations:
            if self._writer.full or len(self._held) - self._given >= _MOST_HELD:
                self._dropped()
                continue
            stream = stream_of([one.fields.get(name) for name in self._labels.get(one.source, ())])
            self._hold(Observed(self.agreement.title, one, now, stream), None)
        self.step()

    @property
    def crowded(self) -> bool:
        """True where nothing more should be given."""
        return self._given >= _MOST_HELD

    def take(self, observed: Iterable[Observed], given: Given) -> None:
        """Takes observations from elsewhere, which wait a moment for company; ``given`` is told of the disk."""
        if self.closed:
            given.lost()
            return
        for one in observed:
            self._hold(one, given)
        if not self.paused and self._company is None:
            self._company = asyncio.get_running_loop().call_later(_COMPANY, self.step)

    def take_over(self, other: Judge) -> None:
        """Takes the runners of a judge that is given up, and the observations that it holds."""
        self.runners = other.runners
        for runner in self.runners.values():
            runner.ended = self.ended
        for _, _, observed, given in sorted(other._held, key=lambda held: held[:2]):
            self._hold(observed, given)
        other._held.clear()
        other.close()

    def horizon(self) -> int:
        """The latest instant that may be judged by now."""
        pending = [runner.pending for runner in self.runners.values() if runner.pending is not None]
        now = self._clock.now()
        return min(now, min(pending) - 1) if pending else now

    def step(self) -> None:
        """Judges as far as can be. Does nothing while it is paused or nothing can be stored."""
        if self._company is not None:
            self._company.cancel()
            self._company = None
        if self.paused or self._writer.full:
            return
        horizon = self.horizon()
        observed: list[Observed] = []
        outputs: list[Said] = []
        waited_for: list[tuple[Given, Observed]] = []
        while self._held and self._held[0][0] <= horizon:
            _, _, one, given = heappop(self._held)
            found = self._fed(one.observation)
            if found:
                one = one._replace(late=any(isinstance(output, TooLate) for output in found))
                outputs.extend(found)
            observed.append(one)
            if given is not None:
                self._given -= 1
                self._disordered = self._sent = True
                waited_for.append((given, one))
        outputs.extend(self._advanced(horizon))
        stored = self._submit(observed, outputs, waited_for=bool(waited_for))
        if waited_for and stored is not None:
            _tell_when_stored(stored, waited_for)
        self._set_timer()
        if self.leaves_at is not None and horizon > self.leaves_at:
            self.leaves_at = None
            self.leaves()

    def submit(self, outputs: Iterable[Said]) -> None:
        """Stores what an engine has said."""
        self._submit([], list(outputs))

    def close(self, *, snapshot: bool = False) -> None:
        """Ends it; with ``snapshot`` the engine's state is noted once more."""
        for timer in (self._timer, self._company):
            if timer is not None:
                timer.cancel()
        self.closed = True
        for _, _, _, given in self._held:
            if given is not None:
                given.lost()
        if snapshot:
            self.note()
        self.paused = True

    def note(self) -> None:
        """Stores the engine's state as it is."""
        if self._changed and not self._writer.full and self.failed is None:
            self._writer.submit(Item(snapshots=(self._snapshot(),)))

    def _hold(self, observed: Observed, given: Given | None) -> None:
        self._sequence += 1
        self._given += given is not None
        heappush(self._held, (observed.observation.at, self._sequence, observed, given))

    def _fed(self, observation: Observation) -> Sequence[Said]:
        self._latest = observation.at
        self._coming.moved()
        if self.failed is not None:
            return ()
        try:
            return self.engine.observe(observation)
        except Exception as error:
            return self._give_up(error)

    def _advanced(self, horizon: int) -> Sequence[Said]:
        if self.failed is not None or horizon <= self.time:
            return ()
        try:
            self._behind = False
            if self._rest() > 0:
                # What came in disorder makes the question itself as dear as moving on.
                due = None if self._disordered else self._coming.at()
                self._behind = due is None or due > horizon
            if self._behind:
                return ()
            began = self._clock.monotonic()
            self._coming.moved()
            outputs = self.engine.advance(horizon)
        except Exception as error:
            return self._give_up(error)
        self.time = horizon
        self._disordered = False
        self._advanced_at = self._clock.monotonic()
        self._advance_cost = self._advanced_at - began
        return outputs

    def _rest(self) -> float:
        """Seconds until time is moved on again where nothing is due: it costs something for every goal."""
        return (self._advanced_at + _ADVANCE_SHARE * self._advance_cost - self._clock.monotonic()) / SECOND

    def _give_up(self, error: Exception) -> Sequence[Said]:
        """Other agreements must not suffer; observations of this one are kept and can be judged later."""
        self.failed = f"judging failed ({type(error).__name__}); observations are still recorded"
        _log.critical("“%s”: %s", self.agreement.title, self.failed, exc_info=error)
        return ()

    def _submit(
        self, observed: list[Observed], outputs: list[Said], *, waited_for: bool = False
    ) -> Future[None] | None:
        """Stores all of it; gives what is done once the observations are on the disk, if that is waited for."""
        title = self.agreement.title
        judged, decided = self._sort(title, outputs)
        snapshots: tuple[Snapshot, ...] = ()
        if observed or outputs:
            self._changed = True
            self.accepted += len(observed)
            self._unnoted += len(observed)
        if self._snapshot_due() or self._acted(decided):
            snapshots = (self._snapshot(),)
        if not (observed or judged or decided or snapshots):
            return None
        if len(judged) + len(decided) <= _PIECE:
            item = Item(
                observations=tuple(observed),
                judgements=tuple(judged),
                decisions=tuple(decided),
                snapshots=snapshots,
            )
            if waited_for:
                return self._writer.submit(item)
            self._writer.give(item)
            return None
        # After a long absence there may be more than one transaction should hold.
        stored = self._writer.submit(Item(observations=tuple(observed)))
        for start in range(0, len(judged), _PIECE):
            self._writer.submit(Item(judgements=tuple(judged[start : start + _PIECE])))
        for start in range(0, len(decided), _PIECE):
            self._writer.submit(Item(decisions=tuple(decided[start : start + _PIECE])))
        self._writer.submit(Item(snapshots=snapshots))
        return stored

    def _sort(self, title: str, outputs: list[Said]) -> tuple[list[Judged], list[Decided]]:
        judged: dict[object, Judged] = {}
        decided: list[Decided] = []
        late: dict[str, list[int]] = {}
        for said in outputs:
            output = said.output if isinstance(said, TakenOver) else said
            version, place = (said.version, said.place) if isinstance(said, TakenOver) else (None, None)
            match output:
                case JudgementFinal(judgement=judgement) | StandingChanged(judgement=judgement):
                    # Of one window only the latest word counts.
                    judged[judgement.goal, judgement.labels, judgement.window, version] = Judged(
                        title, judgement, self._rests_on(judgement, place), version
                    )
                    self.standings[judgement.goal, judgement.labels] = judgement
                case Intent() | LedgerEntry():
                    decided.append(Decided(title, output))
                    _log.info("“%s”: %s", title, _in_words(output))
                case TooLate(observation=observation):
                    late.setdefault(observation.source, []).append(observation.at)
                case TriggerChanged(rule=rule, value=value):
                    _log.debug("“%s”: the condition of %s is now %s", title, rule, value)
                case _:
                    assert_never(output)
        for source, instants in late.items():
            many = len(instants) > 1
            _log.warning(
                "“%s”: %s of %s%s at %s came too late; `wsla correct` looks at %s",
                title,
                f"{len(instants)} observations" if many else "an observation",
                source,
                ", the first" if many else "",
                format_instant(min(instants)),
                "them" if many else "it",
            )
        return list(judged.values()), decided

    def _acted(self, decided: list[Decided]) -> bool:
        """True where a rule acted on what was known at that moment, and others may know more later: computed anew
        from the observations it might act otherwise, so that its state is stored with what it did."""
        return self._sent and any(one.decision.cause in self._rules for one in decided)

    def _snapshot_due(self) -> bool:
        if not self._changed or self.failed is not None or self._writer.trouble is not None:
            return False
        waited, every = self._clock.monotonic() - self._snapshot_at, self._snapshot_every(self._snapshot_cost)
        if self._unnoted < _WORTH_NOTING:
            # To judge a few again is less work than to note the state.
            every *= _SELDOM
        return waited >= every

    def _snapshot(self) -> Snapshot:
        began = self._clock.monotonic()
        content = self.engine.snapshot()
        self._snapshot_at = self._clock.monotonic()
        self._snapshot_cost = self._snapshot_at - began
        self._changed = False
        self._unnoted = 0
        return Snapshot(self.agreement.title, self.state, max(self.time, self._latest, 0), content)

    def _set_timer(self) -> None:
        delay = self._delay()
        if delay is None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            return
        loop = asyncio.get_running_loop()
        self._wake_at = loop.time() + delay
        # One that is set for earlier is kept: to look at the clock once more is less work than to set another.
        if self._timer is not None:
            if self._timer.when() <= self._wake_at:
                return
            self._timer.cancel()
        self._timer = loop.call_at(self._wake_at, self._wake)

    def _wake(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        if loop.time() < self._wake_at:
            self._timer = loop.call_at(self._wake_at, self._wake)
        else:
            self.step()

    def _delay(self) -> float | None:
        """Seconds until time has to be moved on without an observation; None where it never has."""
        if self.failed is not None:
            return None
        if self._behind and self._disordered:
            return max(self._rest(), 0.001)
        delays = [self._rest()] if self._behind else []
        # That a window is lost is told when it is certain, and not only with the next look at the service.
        due = self._coming.at()
        rest = self._coming.rest()
        if rest is not None:
            delays.append(rest)
        if due is not None:
            wait = (due - self._clock.now()) / SECOND
            # What is due already waits for a look that has not ended, and its end calls `step`.
            if wait > 0 or self.horizon() >= due:
                delays.append(wait)
        return min(max(min(delays), 0.001), _LONGEST_SLEEP) if delays else None


def _tell_when_stored(stored: Future[None], waited_for: list[tuple[Given, Observed]]) -> None:
    loop = asyncio.get_running_loop()

    def tell(future: Future[None]) -> None:
        # Called in the thread that writes.
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell_here, future.exception() is None)

    def tell_here(good: bool) -> None:
        for given, observed in waited_for:
            if good:
                given.stored(observed)
            else:
                given.lost()

    stored.add_done_callback(tell)


def _in_words(decision: Intent | LedgerEntry) -> str:
    if isinstance(decision, Intent):
        held = " (held back)" if decision.held else ""
        return f"{decision.verb}{held} {', '.join(str(target) for target in decision.targets)}: {decision.subject}"
    return f"{decision.kind} {decision.creditor} {decision.amount} {decision.currency}: {decision.memo}"
