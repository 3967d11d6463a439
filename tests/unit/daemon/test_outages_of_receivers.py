"""A1, A3, A9: receivers that are down for hours, that lose their answers, and mail servers that put off or refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from aiosmtpd.controller import Controller

import wsla.daemon.outbox
from wsla.daemon.bindings import ChannelPlan
from wsla.daemon.config import Limits, Mail
from wsla.daemon.outbox import Outbox, Route
from wsla.daemon.writer import Writer
from wsla.plan.model import Target
from wsla.ports import Delivery, DeliveryResult
from wsla.remedies.decisions import Intent, Words
from wsla.store.records import Batch, Decided
from wsla.store.sqlite import Store
from wsla.values.instants import HOUR, SECOND

NOW = 1_780_000_000 * SECOND


def intent(number: int, subject: str | None = None) -> Intent:
    return Intent(
        id=f"Quick|v1|goal available|otherwise 1|{number}||0",
        verb="notify",
        targets=(Target(party="globex"),),
        at=NOW + number,
        cause="available",
        labels=(),
        window=None,
        words=Words.of(subject or f"message {number}", "Grüße"),
    )


def keep(store: Store, *intents: Intent) -> None:
    store.register_agreement("Quick", title="Quick", version=1, text="", sha256="0", at=0)
    store.write(Batch(decisions=tuple(Decided("Quick", one) for one in intents)))


def run(store: Store, clock: Any, route: Route, settled: Callable[[], bool], fraction: float = 0.5) -> None:
    """A daemon's outbox from its start to its end, without patience for what is under way."""

    async def main() -> None:
        writer = Writer(
            store,
            limit=1000,
            on_commit=lambda *_: None,
            on_trouble=lambda _: None,
            on_fatal=lambda _: None,
        )
        writer.start()
        outbox = Outbox(writer, clock, Limits(), lambda *_: route, fraction=lambda: fraction)
        outbox.start()
        async with asyncio.timeout(60):
            while not settled():
                await asyncio.sleep(0.01)
        await outbox.close(0)
        writer.close(5)

    asyncio.run(main())


@pytest.mark.parametrize("fraction", [0.25, 0.999])
def test_six_hours_of_500_and_three_ends_meanwhile(
    store: Store, clock: Any, agreements: Any, monkeypatch: pytest.MonkeyPatch, fraction: float
) -> None:
    """A1, with the limits that hold where nobody says otherwise."""
    taken: list[str] = []
    attempts: list[tuple[int, str]] = []

    class Channel:
        async def send(self, delivery: Delivery) -> DeliveryResult:
            attempts.append((clock.time, delivery.key))
            if clock.time < NOW + 6 * HOUR:
                return DeliveryResult(delivered=False, reason="500 Internal Server Error")
            taken.append(delivery.key)
            return DeliveryResult(delivered=True)

        async def close(self) -> None:
            return

    monkeypatch.setattr(wsla.daemon.outbox, "build_channel", lambda *_: Channel())
    # A failed attempt, with a quarter of the longest wait, comes 96 times a day: writing need not be slow here.
    monkeypatch.setattr("wsla.daemon.writer.GROUP_FOR", 0.0)
    keep(store, intent(1), intent(2))
    clock.time = NOW + SECOND
    route = Route(plan=agreements().plan, channel=ChannelPlan(kind="log", address=""))
    for hours in (1, 3, 5):
        run(store, clock, route, lambda hours=hours: clock.time > NOW + hours * HOUR, fraction)  # type: ignore[misc]
    run(store, clock, route, lambda: store.outbox_counts().pending == 0, fraction)
    assert taken == [intent(1).id, intent(2).id]
    counts = store.outbox_counts()
    assert (counts.delivered, counts.dead) == (2, 0)
    assert {key for _, key in attempts[:-1]} == {intent(1).id}
    # Never longer than the cap between two attempts, but for what an end cut short.
    assert max(after - before for (before, _), (after, _) in pairwise(attempts)) <= HOUR // 4


def test_an_answer_that_is_lost_is_sent_again_with_the_same_identity(
    store: Store, clock: Any, agreements: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A3: the receiver tells the repetition by its identity."""
    seen: list[tuple[str, int]] = []

    class Channel:
        async def send(self, delivery: Delivery) -> DeliveryResult:
            seen.append((delivery.key, delivery.attempt))
            if len(seen) == 1:
                return DeliveryResult(delivered=False, reason="cut the connection")
            return DeliveryResult(delivered=True)

        async def close(self) -> None:
            return

    monkeypatch.setattr(wsla.daemon.outbox, "build_channel", lambda *_: Channel())
    keep(store, intent(1))
    clock.time = NOW + SECOND
    route = Route(plan=agreements().plan, channel=ChannelPlan(kind="log", address=""))
    run(store, clock, route, lambda: store.outbox_counts().pending == 0)
    assert seen == [(intent(1).id, 1), (intent(1).id, 2)]
    assert len(list(store.intents(None, 0, 2**62))) == 1


class Mailbox:
    """A mail server that puts the first message off, and refuses what it is told to."""

    def __init__(self) -> None:
        self.replies = ["451 greylisted, come again"]
        self.mails: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if b"refuse me" in envelope.original_content:
            return "550 no"
        if self.replies:
            return self.replies.pop()
        self.mails.append(envelope.original_content)
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    class Loopback(Controller):
        def _trigger_server(self) -> None:
            self.port = self.server.sockets[0].getsockname()[1]
            super()._trigger_server()

    found = Mailbox()
    controller = Loopback(found, hostname="127.0.0.1", port=0)
    controller.start()
    yield found, controller.port
    controller.stop()


def test_mail_put_off_is_sent_again_and_mail_refused_is_a_dead_letter(
    store: Store, clock: Any, agreements: Any, mailbox: tuple[Mailbox, int]
) -> None:
    """A9."""
    found, port = mailbox
    hostile = "wichtig\r\nBcc: everybody@evil.example\r\n\r\nübel"
    keep(store, intent(1, hostile), intent(2, "refuse me"), intent(3, "fine"))
    clock.time = NOW + SECOND
    options = Mail(server="127.0.0.1", port=port, sender="sla@acme.example", security="none").options()
    plan = ChannelPlan(kind="email", address="it@globex.example", options=tuple(options.items()))
    route = Route(plan=agreements().plan, channel=plan)
    run(store, clock, route, lambda: store.outbox_counts().pending == 0)
    first, second = found.mails
    assert b"\r\nBcc:" not in first
    assert b"Subject: fine" in second
    (dead,) = store.dead_letters()
    assert (dead.intent.id, dead.attempts) == (intent(2).id, 1)
    assert "550" in (dead.last_error or "")
    (item,) = store.delivery(intent(1).id)
    assert item.attempts == 2
