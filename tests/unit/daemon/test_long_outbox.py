"""A12: a long outage leaves many messages; the daemon takes so many in hand at once, the oldest first."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import wsla.daemon.outbox
from wsla.daemon.bindings import ChannelPlan
from wsla.daemon.config import Limits
from wsla.daemon.outbox import Outbox, Route
from wsla.daemon.writer import Writer
from wsla.ports import Delivery, DeliveryResult
from wsla.store.sqlite import Store
from wsla.values.instants import SECOND

NOW = 1_780_000_000 * SECOND
COUNT = 100_000


def fill(store: Store, contents: Any) -> None:
    with store._session.transaction() as connection:
        connection.executemany(
            "INSERT INTO intents (id, agreement_id, at, content, recorded_at) VALUES (?, 1, ?, ?, 0)",
            contents,
        )
        connection.execute(
            "INSERT INTO outbox (intent_id, target, next_attempt_at) SELECT id, 'globex', at FROM intents"
        )


@pytest.fixture
def long(store: Store) -> Store:
    from wsla.plan.model import Target
    from wsla.remedies.decisions import Intent, Words
    from wsla.store import codecs

    store.register_agreement("Quick", title="Quick", version=1, text="", sha256="0", at=0)
    told = Intent(
        id="@",
        verb="notify",
        targets=(Target(party="globex"),),
        at=0,
        cause="available",
        labels=(),
        window=None,
        words=Words.of("subject", "text"),
    )
    content = codecs.dump_intent(told)
    assert content.count('"@"') == 1
    assert content.count('"at":0') == 1
    # The later of two was noted first: the order is that of the decisions.
    fill(
        store,
        (
            (
                f"n{i}",
                NOW - COUNT + i,
                content.replace('"@"', f'"n{i}"').replace('"at":0', f'"at":{NOW - COUNT + i}'),
            )
            for i in reversed(range(COUNT))
        ),
    )
    return store


def test_so_many_are_taken_in_hand_the_oldest_first(
    long: Store, clock: Any, agreements: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    asked: list[int] = []
    most = 0

    class Channel:
        async def send(self, delivery: Delivery) -> DeliveryResult:
            sent.append(delivery.key)
            return DeliveryResult(delivered=True)

        async def close(self) -> None:
            return

    due = long.due_deliveries

    def due_deliveries(now: int, limit: int) -> Any:
        asked.append(limit)
        return due(now, limit)

    monkeypatch.setattr(wsla.daemon.outbox, "build_channel", lambda *_: Channel())
    monkeypatch.setattr(wsla.daemon.outbox, "_MOST_IN_HAND", 200)
    monkeypatch.setattr(wsla.daemon.outbox, "_AT_ONCE", 50)
    monkeypatch.setattr(long, "due_deliveries", due_deliveries)
    clock.time = NOW + SECOND
    route = Route(plan=agreements().plan, channel=ChannelPlan(kind="log", address=""))

    async def main() -> None:
        nonlocal most
        writer = Writer(
            long,
            limit=1000,
            on_commit=lambda *_: None,
            on_trouble=lambda _: None,
            on_fatal=lambda _: None,
        )
        writer.start()
        outbox = Outbox(writer, clock, Limits(), lambda *_: route)
        outbox.start()
        async with asyncio.timeout(60):
            while len(sent) < 20:
                most = max(most, outbox.in_hand)
                await asyncio.sleep(0.01)
        await outbox.close(1)
        writer.close(5)

    asyncio.run(main())
    assert sent == [f"n{number}" for number in range(len(sent))]
    # What is asked of the store, and kept in memory, does not grow with what waits there.
    assert max(asked) <= 2 * 200 + 50
    assert 0 < most <= 200 + 50
    assert long.pending_deliveries() >= COUNT - len(sent)
