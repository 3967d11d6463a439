"""Every message ends delivered or dead; order is kept for each target, and no target waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import wsla.daemon.outbox
from wsla.daemon.bindings import ChannelPlan
from wsla.daemon.config import Limits
from wsla.daemon.outbox import Outbox, Route, payload_of
from wsla.daemon.writer import Item, Writer
from wsla.plan.model import Target
from wsla.ports import Delivery, DeliveryResult
from wsla.remedies.decisions import Intent, Words
from wsla.store.interventions import Intervention
from wsla.store.records import AgreementVersion, Decided
from wsla.store.sqlite import Store
from wsla.values.instants import HOUR, SECOND, Interval

NOW = 1_780_000_000 * SECOND
FINE = DeliveryResult(delivered=True)
LATER = DeliveryResult(delivered=False, reason="busy")
NEVER = DeliveryResult(delivered=False, permanent=True, reason="gone")


class Channels:
    """Channels that answer as they are told: ``answer(address, delivery)``; None hangs."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, int]] = []
        self.answer: Callable[[str, Delivery], DeliveryResult | None] = lambda address, delivery: FINE

    def build(self, kind: str, address: str, options: object, clock: object) -> Any:
        channels = self

        class Channel:
            async def send(self, delivery: Delivery) -> DeliveryResult:
                channels.sent.append((address, delivery.subject, delivery.attempt))
                answer = channels.answer(address, delivery)
                if answer is None:
                    await asyncio.sleep(60)
                    raise AssertionError
                return answer

            async def close(self) -> None:
                return

        return Channel()


class Post:
    """An outbox between a store and such channels."""

    def __init__(self, store: Store, clock: Any, plan: Any, channels: Channels) -> None:
        self.store, self.clock, self.plan, self.channels = store, clock, plan, channels
        self.routes: Callable[[str, Target], Route | None] = lambda _, target: Route(
            plan=plan, channel=ChannelPlan(kind="log", address=str(target))
        )
        registration = AgreementVersion(key="Quick", title="Quick", version=1, text="", sha256="0", at=0)
        self.store.register_agreement(
            "Quick", title="Quick", version=1, text=registration.text, sha256="0", at=0
        )

    def intend(self, *numbers: int, targets: tuple[str, ...] = ("globex",), at: int = NOW) -> None:
        from wsla.store.records import Batch

        self.store.write(
            Batch(decisions=tuple(Decided("Quick", intent(one, targets, at)) for one in numbers))
        )

    def run(
        self, condition: Callable[[], bool], limits: Limits | None = None, patience: float = 0.0, **more: Any
    ) -> Outbox:
        async def main() -> Outbox:
            writer = Writer(
                self.store,
                limit=1000,
                on_commit=lambda *_: None,
                on_trouble=lambda _: None,
                on_fatal=lambda _: None,
            )
            writer.start()
            outbox = Outbox(writer, self.clock, limits or Limits(), self.routes, fraction=lambda: 0.5, **more)
            outbox.start()
            async with asyncio.timeout(20):
                while not condition():
                    await asyncio.sleep(0.01)
            await outbox.close(patience)
            writer.close(5)
            return outbox

        return asyncio.run(main())

    def states(self) -> list[tuple[str, str, str, int, str | None]]:
        rows: list[Any] = self.store._session.read(
            "SELECT intent_id, target, state, attempts, last_error FROM outbox ORDER BY sequence"
        )
        return rows


def intent(number: int, targets: tuple[str, ...], at: int) -> Intent:
    return Intent(
        id=f"Quick|v7|goal available|otherwise 1|{number}||0",
        verb="notify",
        targets=tuple(Target(party=name) for name in targets),
        at=at + number,
        cause="available",
        labels=(("region", "north"),),
        window=Interval(NOW - HOUR, NOW),
        words=Words.of(f"message {number}", "text"),
    )


@pytest.fixture
def channels(monkeypatch: pytest.MonkeyPatch) -> Channels:
    found = Channels()
    monkeypatch.setattr(wsla.daemon.outbox, "build_channel", found.build)
    return found


@pytest.fixture
def post(store: Store, clock: Any, agreements: Any, channels: Channels) -> Post:
    clock.time = NOW + SECOND
    return Post(store, clock, agreements().plan, channels)


def test_all_are_delivered_in_order(post: Post) -> None:
    post.intend(*range(8))
    outbox = post.run(lambda: len(post.channels.sent) == 8)
    assert [subject for _, subject, _ in post.channels.sent] == [f"message {number}" for number in range(8)]
    assert outbox.delivered == 8


def test_a_failure_is_repeated_before_what_follows(post: Post) -> None:
    post.channels.answer = lambda _, delivery: FINE if delivery.attempt == 3 else LATER
    post.intend(1, 2)
    before = post.clock.time
    post.run(lambda: len(post.channels.sent) == 6)
    assert [(subject, attempt) for _, subject, attempt in post.channels.sent] == [
        (f"message {number}", attempt) for number in (1, 2) for attempt in (1, 2, 3)
    ]
    # Half of 5 s and half of 10 s, twice.
    assert post.clock.time - before == 15 * SECOND
    assert {state for _, _, state, _, _ in post.states()} == {"delivered"}


def test_what_was_decided_at_one_instant_keeps_its_order_after_a_restart(post: Post) -> None:
    """The first of them is tried again later than the second, which was never tried, would be."""
    post.channels.answer = lambda *_: LATER
    post.intend(1, at=NOW)
    post.intend(0, at=NOW + 1)
    post.run(lambda: bool(post.channels.sent))
    post.channels.sent.clear()
    post.channels.answer = lambda *_: FINE
    post.run(lambda: len(post.channels.sent) == 2)
    assert [subject for _, subject, _ in post.channels.sent] == ["message 1", "message 0"]


def test_a_target_that_hangs_holds_up_no_other(post: Post) -> None:
    post.channels.answer = lambda address, _: None if address == "acme" else FINE
    post.intend(1, 2, 3, targets=("acme", "globex"))
    post.run(lambda: sum(address == "globex" for address, _, _ in post.channels.sent) == 3)
    assert [(address, subject) for address, subject, _ in post.channels.sent if address == "acme"] == [
        ("acme", "message 1")
    ]
    assert sorted((target, state) for _, target, state, _, _ in post.states()) == [
        *[("acme", "pending")] * 3,
        *[("globex", "delivered")] * 3,
    ]


def test_what_never_can_be_is_dead_at_once(post: Post) -> None:
    post.channels.answer = lambda _, delivery: NEVER if delivery.subject == "message 1" else FINE
    post.intend(1, 2)
    outbox = post.run(lambda: len(post.channels.sent) == 2)
    assert [state[2:] for state in post.states()] == [("dead", 1, "gone"), ("delivered", 1, None)]
    assert outbox.dead == 1


@pytest.mark.parametrize("limits", [Limits(attempts=3), Limits(deliver_within=10 * SECOND)])
def test_after_so_many_attempts_or_so_long_it_is_dead(post: Post, limits: Limits) -> None:
    post.channels.answer = lambda *_: LATER
    post.intend(1)
    post.run(lambda: bool(post.store.dead_letters()), limits)
    [(_, _, state, attempts, error)] = post.states()
    # 2.5 s, 5 s, and then 10 s would pass the deadline of 10 s too.
    assert (state, attempts, error) == ("dead", 3, "busy")


def test_an_old_message_still_has_its_chances(post: Post) -> None:
    post.channels.answer = lambda _, delivery: FINE if delivery.attempt == 3 else LATER
    post.intend(1, at=NOW - 100 * HOUR)
    post.run(lambda: len(post.channels.sent) == 3)
    assert post.states()[0][2] == "delivered"


def test_a_target_without_a_channel_is_a_dead_letter_with_the_reason(post: Post) -> None:
    post.routes = lambda *_: Route(plan=post.plan, channel="the party globex has no channel")
    post.intend(1)
    post.run(lambda: bool(post.store.dead_letters()))
    assert post.states()[0][4] == "the party globex has no channel"
    assert post.channels.sent == []


def test_an_agreement_that_is_gone_may_come_back(post: Post) -> None:
    found = post.routes
    asked = 0

    def routes(agreement: str, target: Target) -> Route | None:
        nonlocal asked
        asked += 1
        return found(agreement, target) if asked > 5 else None

    post.routes = routes
    post.intend(1)
    post.run(lambda: bool(post.channels.sent))
    assert [attempts for _, _, _, attempts, _ in post.states()] == [1]


def test_an_agreement_that_stays_away_ends_in_the_dead_letters(post: Post) -> None:
    post.routes = lambda *_: None
    post.intend(1)
    post.run(lambda: bool(post.store.dead_letters()))
    assert post.states()[0][4] == "the agreement is not kept any more"


def test_what_is_under_way_at_the_end_stays_pending(post: Post) -> None:
    post.channels.answer = lambda *_: None
    post.intend(1)
    post.run(lambda: bool(post.channels.sent), patience=0.1)
    assert [state[2:4] for state in post.states()] == [("pending", 0)]


def test_a_restart_goes_on_counting(post: Post) -> None:
    post.intend(1)
    post.store.delivery_failed(intent(1, (), NOW).id, "globex", NOW, "busy", NOW + HOUR)
    post.run(lambda: bool(post.channels.sent))
    assert post.channels.sent == [("globex", "message 1", 2)]
    assert post.clock.time >= NOW + HOUR


def test_what_comes_later_is_found_when_it_is_woken(post: Post) -> None:
    async def main() -> None:
        writer = Writer(
            post.store,
            limit=10,
            on_commit=lambda *_: None,
            on_trouble=lambda _: None,
            on_fatal=lambda _: None,
        )
        writer.start()
        outbox = Outbox(writer, post.clock, Limits(), post.routes)
        outbox.start()
        await asyncio.sleep(0.05)
        decided = Decided("Quick", intent(1, ("globex",), NOW))
        await asyncio.wrap_future(writer.submit(Item(decisions=(decided,))))
        outbox.wake()
        async with asyncio.timeout(10):
            while not post.channels.sent:
                await asyncio.sleep(0.01)
        await outbox.close(0)
        writer.close(5)

    asyncio.run(main())


def test_the_cause_names_what_led_to_it(post: Post) -> None:
    assert payload_of(post.plan, "Quick", intent(1, ("globex",), NOW)) == {
        "agreement": "Quick",
        "version": 7,
        "goal": "available",
        "labels": {"region": "north"},
        "window": {"start": "2026-05-28T19:26:40Z", "end": "2026-05-28T20:26:40Z"},
        "verb": "notify",
        "at": "2026-05-28T20:26:40.000000001Z",
    }


@pytest.mark.parametrize("repeat", [0, 1])
def test_what_may_be_a_repeat_says_so(post: Post, repeat: int) -> None:
    """D11."""
    told: list[Delivery] = []

    def take(_: str, delivery: Delivery) -> DeliveryResult:
        told.append(delivery)
        return FINE

    post.channels.answer = take
    post.intend(1)
    with post.store._session.transaction() as connection:
        connection.execute("UPDATE outbox SET possible_repeat = ?", (repeat,))
    post.run(lambda: len(told) == 1)
    assert told[0].payload.get("possible_repeat", False) is bool(repeat)
    assert (wsla.daemon.outbox.REPEATED in told[0].text) is bool(repeat)


def beside(post: Post, *interventions: Intervention) -> None:
    """As another process does it."""
    with Store.open(post.store.path, writer=False, beside=True) as other:
        other.intervene(interventions)


def one(kind: Any, subject: str, **more: Any) -> Intervention:
    return Intervention(kind=kind, agreement="Quick", subject=subject, at=NOW, author="Ana", **more)


def test_a_dead_letter_that_is_tried_again_is_sent_within_a_moment(post: Post) -> None:
    post.channels.answer = lambda _, delivery: NEVER if delivery.attempt == 1 else FINE
    post.intend(1)

    def again() -> bool:
        if not post.channels.sent or post.states()[0][2] != "dead":
            return len(post.channels.sent) == 2
        beside(post, one("retry", intent(1, (), NOW).id, target="globex"))
        return False

    post.run(again)
    assert post.channels.sent == [("globex", "message 1", 1), ("globex", "message 1", 2)]
    assert [state[2:4] for state in post.states()] == [("delivered", 2)]


def test_what_had_used_up_its_attempts_gets_as_many_again(post: Post) -> None:
    post.channels.answer = lambda *_: LATER
    post.intend(1)
    post.run(lambda: bool(post.store.dead_letters()), Limits(attempts=3))
    beside(post, one("retry", intent(1, (), NOW).id, target="globex"))
    assert post.store.dead_letters() == []
    post.run(lambda: bool(post.store.dead_letters()), Limits(attempts=3))
    assert [attempt for _, _, attempt in post.channels.sent] == [1, 2, 3, 4, 5, 6]


def test_what_is_dropped_while_it_waits_is_not_sent_again(post: Post) -> None:
    dropped = False

    def answer(_: str, delivery: Delivery) -> DeliveryResult:
        nonlocal dropped
        if delivery.subject == "message 2":
            return FINE
        if not dropped:
            dropped = True
            beside(post, one("drop", intent(1, (), NOW).id, target="globex", note="told"))
        return DeliveryResult(delivered=False, reason="busy", retry_after=HOUR)

    post.channels.answer = answer
    post.intend(1, 2)
    slowly(post.clock)
    post.run(lambda: len(post.channels.sent) == 2)
    assert [subject for _, subject, _ in post.channels.sent] == ["message 1", "message 2"]
    assert [state[2:] for state in post.states()] == [
        ("dead", 0, "dropped by Ana: told"),
        ("delivered", 1, None),
    ]


def slowly(clock: Any) -> None:
    """Sleeping takes a little of real time, so that others get their turn."""
    sleep = clock.sleep

    async def slow(nanoseconds: int) -> None:
        await sleep(nanoseconds)
        await asyncio.sleep(0.02)

    clock.sleep = slow


def test_an_address_that_is_gone_is_switched_off_and_that_is_told_once(post: Post) -> None:
    """A4."""
    gone = DeliveryResult(
        delivered=False, permanent=True, reason="https://globex answered 410 Gone", gone=True
    )
    post.channels.answer = lambda *_: gone
    same = post.routes("Quick", Target(party="globex"))
    post.routes = lambda *_: same
    told: list[str] = []
    post.intend(1, 2, 3, targets=("globex", "acme"))
    post.run(lambda: len(post.store.dead_letters()) == 6, tell=told.append)
    assert {subject for _, subject, _ in post.channels.sent} == {"message 1"}
    assert len(told) == 1
    assert "switched off" in told[0]
    assert "https://globex answered 410 Gone" in told[0]
    reasons = [error for *_, error in post.states()]
    assert reasons.count("switched off since 2026-05-28T20:26:41Z: https://globex answered 410 Gone") >= 4


def test_once_the_files_are_read_anew_every_address_has_its_chance(post: Post) -> None:
    """A4."""
    gone = DeliveryResult(delivered=False, permanent=True, reason="410 Gone", gone=True)
    post.channels.answer = lambda _, delivery: gone if delivery.subject == "message 1" else FINE
    post.intend(1, 2)

    async def main() -> None:
        writer = Writer(
            post.store,
            limit=10,
            on_commit=lambda *_: None,
            on_trouble=lambda _: None,
            on_fatal=lambda _: None,
        )
        writer.start()
        outbox = Outbox(writer, post.clock, Limits(), post.routes)
        outbox.start()
        async with asyncio.timeout(10):
            while outbox.dead < 2:
                await asyncio.sleep(0.01)
        outbox.try_all_addresses()
        await asyncio.wrap_future(
            writer.submit(Item(decisions=(Decided("Quick", intent(3, ("globex",), NOW)),)))
        )
        outbox.wake()
        async with asyncio.timeout(10):
            while not outbox.delivered:
                await asyncio.sleep(0.01)
        await outbox.close(0)
        writer.close(5)

    asyncio.run(main())
    assert [state[2] for state in post.states()] == ["dead", "dead", "delivered"]


def test_it_ends_although_something_comes_in_the_same_moment(post: Post) -> None:
    async def main() -> None:
        writer = Writer(
            post.store,
            limit=10,
            on_commit=lambda *_: None,
            on_trouble=lambda _: None,
            on_fatal=lambda _: None,
        )
        writer.start()
        outbox = Outbox(writer, post.clock, Limits(), lambda *_: None)
        outbox.start()
        await asyncio.sleep(0.2)
        outbox.wake()
        async with asyncio.timeout(20):
            await outbox.close(0)
        writer.close(5)

    asyncio.run(main())
