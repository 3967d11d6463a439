"""Acknowledged episodes and silences hold messages back, in a running daemon and after its restart."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

import wsla.daemon.outbox
from wsla.daemon.bindings import ChannelPlan
from wsla.daemon.config import Limits
from wsla.daemon.interventions import Interventions
from wsla.daemon.outbox import Outbox, Route
from wsla.daemon.writer import Writer
from wsla.plan.model import Target
from wsla.ports import Delivery, DeliveryResult
from wsla.remedies.decisions import Intent, Words
from wsla.remedies.identity import episode_of, is_recovery
from wsla.store.errors import StoreBroken, StoreLocked
from wsla.store.interventions import Intervention
from wsla.store.records import Batch, Decided
from wsla.store.sqlite import Store
from wsla.values.instants import HOUR, SECOND

NOW = 1_780_000_000 * SECOND
FINE = DeliveryResult(delivered=True)
LATER = DeliveryResult(delivered=False, reason="busy")
STEPS = ("fired 1", "repeat 1 action 1", "after 1 action 1", "recovery 1")


def identity(step: str, start: str = "10:00", labels: str = "") -> str:
    return f"Quick|v1|rule slow|{step}|2026-05-28T{start}:00Z|{labels}|0"


def intent(identifier: str, at: int = NOW, cause: str = "slow") -> Intent:
    return Intent(
        id=identifier,
        verb="notify",
        targets=(Target(party="globex"),),
        at=at,
        cause=cause,
        labels=(),
        window=None,
        words=Words.of(identifier.split("|")[3], "text"),
    )


def intervention(kind: Any, subject: str, **more: Any) -> Intervention:
    return Intervention(kind=kind, agreement="Quick", subject=subject, author="Ana", **{"at": NOW, **more})


class Desk:
    """An outbox whose channel notes what it sent; what people do comes from beside."""

    def __init__(self, store: Store, clock: Any, plan: Any) -> None:
        self.store, self.clock, self.plan = store, clock, plan
        self.sent: list[tuple[str, int]] = []
        self.answer: Callable[[Delivery], DeliveryResult] = lambda _: FINE
        store.register_agreement("Quick", title="Quick", version=1, text="", sha256="0", at=0)

    def intend(self, *intents: Intent) -> None:
        self.store.write(Batch(decisions=tuple(Decided("Quick", one) for one in intents)))

    def beside(self, *interventions: Intervention) -> None:
        with Store.open(self.store.path, writer=False, beside=True) as other:
            other.intervene(interventions)

    def build(self, *_: object) -> Any:
        desk = self

        class Channel:
            async def send(self, delivery: Delivery) -> DeliveryResult:
                desk.sent.append((delivery.subject, delivery.attempt))
                return desk.answer(delivery)

            async def close(self) -> None:
                return

        return Channel()

    def run(self, until_settled: Callable[[], bool] | None = None) -> None:
        """Runs until nothing is pending, or until it is told to end."""
        settled = until_settled or (lambda: self.store.outbox_counts().pending == 0)

        async def main() -> None:
            writer = Writer(
                self.store,
                limit=1000,
                on_commit=lambda *_: None,
                on_trouble=lambda _: None,
                on_fatal=lambda _: None,
            )
            writer.start()
            route = Route(plan=self.plan, channel=ChannelPlan(kind="log", address=""))
            outbox = Outbox(writer, self.clock, Limits(), lambda *_: route, fraction=lambda: 0.5)
            outbox.start()
            async with asyncio.timeout(20):
                while not settled():
                    await asyncio.sleep(0.02)
            await outbox.close(1)
            writer.close(5)

        asyncio.run(main())

    @property
    def subjects(self) -> list[str]:
        return [subject for subject, _ in self.sent]


@pytest.fixture
def desk(store: Store, clock: Any, agreements: Any, monkeypatch: pytest.MonkeyPatch) -> Desk:
    clock.time = NOW + SECOND
    sleep = clock.sleep

    async def slowly(nanoseconds: int) -> None:
        # What comes from beside must get its turn.
        await sleep(nanoseconds)
        await asyncio.sleep(0.05)

    monkeypatch.setattr(clock, "sleep", slowly)
    desk = Desk(store, clock, agreements().plan)
    monkeypatch.setattr(wsla.daemon.outbox, "build_channel", desk.build)
    return desk


def test_the_identities_of_an_episode_have_one_episode() -> None:
    episodes = {episode_of(identity(step)) for step in STEPS}
    assert episodes == {"Quick|v1|rule slow|2026-05-28T10:00:00Z|"}
    others = {episode_of(identity("fired 1", "11:00")), episode_of(identity("fired 1", labels="region=eu"))}
    assert len(episodes | others) == 3
    assert [is_recovery(identity(step)) for step in STEPS] == [False, False, False, True]
    assert episode_of("no identity") is None
    assert not is_recovery("recovery 1")


def test_of_an_acknowledged_episode_the_recovery_alone_is_told(desk: Desk) -> None:
    desk.intend(intent(identity("fired 1")))
    desk.run()
    desk.beside(intervention("acknowledge", episode_of(identity("fired 1")) or ""))
    desk.intend(*(intent(identity(step), NOW + at) for at, step in enumerate(STEPS[1:], 1)))
    desk.intend(intent(identity("fired 1", "11:00"), NOW + 9))
    desk.run()
    assert desk.subjects == ["fired 1", "recovery 1", "fired 1"]
    counts = desk.store.outbox_counts()
    assert (counts.pending, counts.delivered, counts.dead) == (0, 3, 0)
    held = desk.store.withheld()
    assert held == {(identity(step), "globex"): "acknowledged" for step in STEPS[1:3]}
    (item,) = desk.store.delivery(identity(STEPS[1]))
    assert (item.attempts, item.last_error) == (0, "acknowledged by Ana at 2026-05-28T20:26:40Z")


def test_an_acknowledgement_during_the_send_wins(desk: Desk) -> None:
    """A11."""

    def answer(delivery: Delivery) -> DeliveryResult:
        if delivery.attempt == 1:
            desk.beside(intervention("acknowledge", episode_of(identity("fired 1")) or ""))
        # The receiver asks for a pause, so that what happened beside is known before the next attempt.
        return DeliveryResult(delivered=False, reason="busy", retry_after=HOUR // 2)

    desk.answer = answer
    desk.intend(intent(identity("fired 1")))
    desk.run()
    assert desk.sent == [("fired 1", 1)]
    (item,) = desk.store.delivery(identity("fired 1"))
    assert item.attempts == 1
    assert desk.store.dead_letters() == []


@pytest.mark.parametrize("restarted", [False, True])
def test_an_acknowledgement_wins_over_what_is_due_at_its_very_instant(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, restarted: bool
) -> None:
    """A11: somebody was told that it is noted, so nobody is called, however short the time in between."""
    due = NOW + HOUR
    noted: list[int] = []

    async def sleep(nanoseconds: int) -> None:
        desk.clock.time += nanoseconds
        if desk.clock.time >= due and not noted:
            noted.append(desk.clock.time)
            acknowledged = intervention("acknowledge", episode_of(identity("fired 1")) or "", at=due)
            desk.beside(acknowledged)
        await asyncio.sleep(0)

    desk.intend(intent(identity("fired 1")))
    desk.run()
    if restarted:
        # Two hours away: what waited is due at once, and so is what somebody noted meanwhile.
        desk.clock.time = due
        desk.beside(intervention("acknowledge", episode_of(identity("fired 1")) or "", at=due))
    else:
        monkeypatch.setattr(desk.clock, "sleep", sleep)
    desk.intend(intent(identity("after 1 action 1"), due))
    desk.run()
    assert desk.subjects == ["fired 1"]
    assert desk.store.withheld() == {(identity("after 1 action 1"), "globex"): "acknowledged"}
    assert noted == ([] if restarted else [due])


def test_an_acknowledgement_survives_the_restart(desk: Desk) -> None:
    """A11."""
    desk.answer = lambda _: LATER
    desk.intend(intent(identity("fired 1")))
    desk.run(lambda: len(desk.sent) == 1)
    desk.beside(intervention("acknowledge", episode_of(identity("fired 1")) or ""))
    desk.run()
    assert len(desk.sent) <= 2
    before = len(desk.sent)
    desk.intend(intent(identity("repeat 1 action 1"), NOW + 1))
    desk.run()
    assert len(desk.sent) == before


@pytest.mark.parametrize("cause", ["", "slow"])
def test_in_a_silence_nothing_is_sent_nor_afterwards(desk: Desk, cause: str) -> None:
    desk.beside(intervention("silence", cause, until=NOW + HOUR, note="planned work"))
    desk.intend(intent(identity("fired 1")), intent(identity("recovery 1"), NOW + 1))
    desk.intend(intent("Quick|v1|goal other|otherwise 1|x||0", NOW + 2, cause="other"))
    desk.run()
    assert desk.subjects == ([] if not cause else ["otherwise 1"])
    assert set(desk.store.withheld().values()) == {"silenced"}
    (item,) = desk.store.delivery(identity("fired 1"))
    assert item.last_error == "silenced by Ana until 2026-05-28T21:26:40Z: planned work"
    desk.clock.time = NOW + HOUR
    desk.intend(intent(identity("fired 1", "21:30"), NOW + HOUR))
    desk.run()
    assert desk.subjects[-1] == "fired 1"


def test_a_silence_is_half_open_and_the_last_one_counts() -> None:
    first = intervention("silence", "", until=NOW + HOUR, note="a")
    message = intent(identity("fired 1"))

    def held(*known: Intervention, now: int) -> bool:
        return Interventions(known).withholds("Quick", message, now) is not None

    assert [held(first, now=NOW + at) for at in (-1, 0, HOUR - 1, HOUR)] == [False, True, True, False]
    ended = intervention("silence", "", at=NOW + 5, until=NOW + 5)
    assert [held(first, ended, now=NOW + at) for at in (4, 5)] == [False, False]
    assert held(first, intervention("silence", "slow", at=NOW + 5, until=NOW + 5), now=NOW + 6)
    assert not Interventions([first]).withholds("Other", message, NOW)


def test_who_was_replaced_while_it_was_paused_sends_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D7: its connection was ended, and the next one tells that another daemon is in force."""
    answers: list[Exception] = []

    def look(_: Store) -> None:
        answers.append(StoreLocked("taken", "another") if answers else StoreBroken("lost"))
        raise answers[-1]

    monkeypatch.setattr(wsla.daemon.outbox, "_interventions", look)
    desk.intend(intent(identity("fired 1")))
    ended: list[float] = []

    def settled() -> bool:
        if len(answers) >= 2 and not ended:
            ended.append(time.monotonic() + 0.3)
        return bool(ended) and time.monotonic() > ended[0]

    desk.run(settled)
    assert desk.sent == []
    assert desk.store.outbox_counts().pending == 1
