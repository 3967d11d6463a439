"""Those who deal with the daemon: senders of observations, hearts that beat, and operators with their commands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from random import Random
from typing import Final, Protocol

from attrs import define, field, frozen

from wsla.daemon.daemon import Daemon
from wsla.daemon.pushing import Crowded, NotPushed
from wsla.remedies.claims import ClaimRefused, ClaimStep
from wsla.remedies.identity import episode_of
from wsla.sources.pushed import read_pushed
from wsla.store.errors import StoreError
from wsla.store.interventions import Intervention, Kind
from wsla.store.records import Observed
from wsla.store.sqlite import Store
from wsla.testing.simulation.timeline import Timeline
from wsla.values.calendars import find_zone
from wsla.values.instants import MINUTE, SECOND, format_instant

_END_OF_TIME: Final = 2**63 - 1
_PATIENCE: Final = 30.0


class Running(Protocol):
    """What people see of the simulation."""

    @property
    def timeline(self) -> Timeline:
        """Its time."""
        ...

    @property
    def path(self) -> str:
        """Where the store's file lies."""
        ...

    @property
    def healing(self) -> bool:
        """True once every fault has ended."""
        ...

    @property
    def daemon(self) -> Daemon | None:
        """The daemon, while it runs."""
        ...


@frozen
class Acknowledged:
    """An observation that the daemon said it holds, and where."""

    title: str
    source: str
    stream: str
    at: int
    row: str
    fields: tuple[tuple[str, object], ...]


@define
class Letter:
    """Rows on their way, until somebody says that they are stored."""

    rows: list[dict[str, object]]
    attempts: int = 0


@define
class Sender:
    """Sends rows of a source until they are acknowledged, as a careful client does: again, and again, and twice."""

    running: Running
    title: str
    source: str
    every: int
    chance: Random
    make: Callable[[Sender], list[dict[str, object]]]
    unruly: bool
    acknowledged: list[Acknowledged]
    number: int = 0

    def begin(self) -> None:
        """Start to measure."""
        self.running.timeline.after(self.chance.randrange(self.every), self._measure)

    def _measure(self) -> None:
        timeline = self.running.timeline
        rows = self.make(self)
        delay = self.chance.randrange(SECOND, 20 * SECOND)
        if self.unruly and self.chance.random() < 0.25:
            delay = self.chance.randrange(MINUTE, 12 * MINUTE)
        copies = 2 if self.unruly and self.chance.random() < 0.15 else 1
        for _ in range(copies):
            letter = Letter(list(rows))
            timeline.after(delay, partial(self._post, letter))
        if self.unruly and self.chance.random() < 0.05:
            other = [row | {"up": not row["up"]} if "up" in row else row for row in rows]
            timeline.after(delay + SECOND, lambda: self._post(Letter(other, attempts=9)))
        timeline.after(self.every, self._measure)

    def _post(self, letter: Letter) -> None:
        daemon = self.running.daemon
        letter.attempts += 1
        if daemon is None:
            self._again(letter)
            return
        asyncio.get_running_loop().create_task(self._send(daemon, letter), name="sender")

    def _again(self, letter: Letter) -> None:
        if letter.attempts < 9:
            self.running.timeline.after(
                self.chance.randrange(SECOND, 90 * SECOND), lambda: self._post(letter)
            )

    async def _send(self, daemon: Daemon, letter: Letter) -> None:
        plan = daemon.plans().get(self.title)
        declared = None
        if plan is not None:
            declared = next((one for one in plan.sources if one.name == self.source), None)
        if plan is None or declared is None:
            self._again(letter)
            return
        received_at = daemon.now()
        body = json.dumps(letter.rows).encode()
        read = read_pushed(declared, body, find_zone(plan.zone), received_at, lines=False)
        sent = [Observed(self.title, one, received_at, stream, row) for stream, row, one in read.rows]
        answer = asyncio.wrap_future(daemon.push(self.title, self.source, sent))
        try:
            taken = await asyncio.wait_for(asyncio.shield(answer), _PATIENCE)
        except (TimeoutError, Crowded, NotPushed, StoreError):
            answer.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._again(letter)
            return
        refused = {position for position, _ in taken.refused}
        for position, one in enumerate(sent):
            if position not in refused:
                fields = tuple(sorted(one.observation.fields.items()))
                self.acknowledged.append(
                    Acknowledged(self.title, self.source, one.stream, one.observation.at, one.row, fields)
                )
        if self.unruly and self.chance.random() < 0.1:
            # The answer got lost on the way.
            self._again(letter)


def feed_rows(sender: Sender) -> list[dict[str, object]]:
    """What the feed's sender measures: a row a region."""
    at = sender.running.timeline.wall()
    rows: list[dict[str, object]] = []
    for region in ("eu", "us"):
        bad = (at // (7 * MINUTE) + len(region) + (region == "us")) % 4 == 0
        up = not bad if sender.chance.random() < 0.95 else None
        took = sender.chance.randrange(10, 1_500)
        rows.append({"region": region, "at": format_instant(at), "up": up, "took": took})
    return rows


def ticket_rows(sender: Sender) -> list[dict[str, object]]:
    """What the desk's sender reports: tickets closed, some of them again."""
    at = sender.running.timeline.wall()
    sender.number += 1
    took = sender.chance.randrange(MINUTE, 35 * MINUTE)
    number = sender.number if sender.chance.random() < 0.85 else max(sender.number - 2, 1)
    return [{"number": f"T{number}", "closed_at": format_instant(at), "opened_at": format_instant(at - took)}]


@define
class Heart:
    """Sends beats, and sometimes does not."""

    running: Running
    title: str
    source: str
    every: int
    chance: Random
    acknowledged: list[Acknowledged]
    silent_until: int = 0

    def begin(self) -> None:
        """Start to beat."""
        self.running.timeline.after(self.chance.randrange(self.every), self._beat)

    def _beat(self) -> None:
        timeline, daemon = self.running.timeline, self.running.daemon
        if self.chance.random() < 0.05:
            self.silent_until = timeline.now + self.chance.randrange(MINUTE, 9 * MINUTE)
        if daemon is not None and timeline.now >= self.silent_until:
            asyncio.get_running_loop().create_task(self._send(daemon), name="heart")
        wobble = self.chance.randrange(-self.every // 10, self.every // 10)
        timeline.after(self.every + wobble, self._beat)

    async def _send(self, daemon: Daemon) -> None:
        good = self.chance.random() < 0.95
        try:
            beat = await asyncio.wrap_future(daemon.beat(self.title, self.source, good=good))
        except (Crowded, NotPushed, StoreError):
            return
        self.acknowledged.append(Acknowledged(self.title, self.source, "", beat.at, "", (("ok", good),)))


@define
class Operator:
    """Uses the commands beside a running daemon: acknowledges, asks for silence, drops, retries, claims."""

    running: Running
    chance: Random
    open: Callable[[str], Store]
    touched: set[tuple[str, str]] = field(factory=set)

    def begin(self, instants: list[int]) -> None:
        """Plan the working day."""
        for at in instants:
            self.running.timeline.at(at, self._work)

    def _work(self) -> None:
        if self.running.healing:
            return
        with suppress(StoreError, KeyError, ClaimRefused), self.open(self.running.path) as store:
            match self.chance.choice(("acknowledge", "silence", "drop", "retry", "claim", "claim")):
                case "acknowledge":
                    self._acknowledge(store)
                case "silence":
                    self._silence(store)
                case "drop":
                    self._handle(store, "drop")
                case "retry":
                    self._handle(store, "retry")
                case "claim":
                    self._claim(store)

    def _intervene(self, store: Store, one: Intervention) -> None:
        store.intervene([one])
        self.running.timeline.say("operator", f"{one.kind} {one.subject or one.agreement} {one.target or ''}")

    def _acknowledge(self, store: Store) -> None:
        intents = [
            (key, episode)
            for key, intent in store.intents(None, 0, _END_OF_TIME)
            if (episode := episode_of(intent.id)) is not None
        ]
        if intents:
            key, episode = self.chance.choice(intents[-5:])
            self._intervene(store, self._said("acknowledge", key, episode))

    def _silence(self, store: Store) -> None:
        known = store.agreements()
        if known:
            until = self.running.timeline.wall() + self.chance.randrange(MINUTE, 20 * MINUTE)
            one = self.chance.choice(known)
            subject = self.chance.choice(("", "available"))
            self._intervene(store, self._said("silence", one.key, subject, until=until, note="works"))

    def _handle(self, store: Store, what: str) -> None:
        found = store.dead_letters() if what == "retry" else store.due_deliveries(_END_OF_TIME, -1)
        if found:
            item = self.chance.choice(found)
            kind: Kind = "retry" if what == "retry" else "drop"
            target = str(item.target)
            self._intervene(
                store, self._said(kind, item.agreement, item.intent.id, target=target, note="not needed")
            )
            self.touched.add((item.intent.id, target))

    def _claim(self, store: Store) -> None:
        entries = [
            entry for _, entry in store.entries(None, 0, _END_OF_TIME) if entry.claim_until is not None
        ]
        if entries:
            entry = self.chance.choice(entries)
            step = self.chance.choice(list(ClaimStep))
            store.take_claim_step(entry.id, step, self.running.timeline.wall(), None, "UTC")
            self.running.timeline.say("operator", f"{step.value} {entry.id}")

    def _said(
        self,
        kind: Kind,
        agreement: str,
        subject: str,
        *,
        target: str | None = None,
        until: int | None = None,
        note: str | None = None,
    ) -> Intervention:
        return Intervention(
            kind=kind,
            agreement=agreement,
            subject=subject,
            at=self.running.timeline.wall(),
            author="somebody",
            target=target,
            until=until,
            note=note,
        )
