"""The store is put in order by the thread that writes it, while everything else goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wsla.api import loads
from wsla.daemon.housekeeping import ROWS_FOR, Housekeeping
from wsla.daemon.retention import Retention
from wsla.daemon.writer import Item, Writer
from wsla.store.errors import StoreFull
from wsla.store.records import AgreementVersion, Batch, Observed, Snapshot
from wsla.store.sqlite import Store
from wsla.values.instants import DAY, HOUR, SECOND
from wsla.values.observations import Observation

from .conftest import HandClock

COUNT = 600


def writer_of(store: Any) -> Writer:
    return Writer(
        store, limit=1000, on_commit=lambda *_: None, on_trouble=lambda _: None, on_fatal=lambda _: None
    )


def housekeeping_of(writer: Writer, now: int) -> Housekeeping:
    return Housekeeping(writer, HandClock(now), plans=list, retention=Retention)


def fill(writer: Writer) -> None:
    registration = AgreementVersion(key="A", title="A", version=1, text="", sha256="0", at=0)
    looks = tuple(
        Observed("A", Observation(source="s", at=at * SECOND, fields={}), at * SECOND) for at in range(COUNT)
    )
    writer.submit(
        Item(agreements=(registration,), observations=looks, snapshots=(Snapshot("A", "v", 0, {}),))
    )


def rows(store: Store) -> int:
    return int(store._session.read("SELECT count(*) FROM observations")[0][0])


@pytest.mark.parametrize(("now", "left"), [(HOUR + ROWS_FOR, 1), (HOUR + ROWS_FOR - 1, COUNT)])
def test_what_is_old_is_packed(store: Store, now: int, left: int) -> None:
    writer = writer_of(store)
    fill(writer)
    writer.start()
    asyncio.run(housekeeping_of(writer, now).round())
    writer.close(5)
    assert rows(store) == left
    assert len(list(store.observations("A", 0, HOUR))) == COUNT


PLAIN = """agreement "A" version 1 {
  effective 2020-01-01 in "UTC"
  party a "A" provider
  party b "B" consumer
  source s = http "https://a.example/" every 1s timeout 500ms
  metric up = availability(s.ok) each day
  goal g: a guarantees up >= 99%
}
"""


@pytest.mark.parametrize("kept", [5 * DAY, 300 * DAY])
def test_what_is_older_is_rolled_up(store: Store, kept: int) -> None:
    writer = writer_of(store)
    fill(writer)
    # The engine has come to the hundredth day.
    writer.submit(
        Item(
            observations=(Observed("A", Observation(source="s", at=100 * DAY, fields={}), 100 * DAY),),
            snapshots=(Snapshot("A", "v", 100 * DAY, {}),),
        )
    )
    writer.start()
    plan = loads(PLAIN, "a.sla").plan
    retention = Retention(observations=kept, rollup=HOUR)
    housekeeping = Housekeeping(
        writer, HandClock(100 * DAY), plans=lambda: [plan], retention=lambda: retention
    )
    asyncio.run(housekeeping.round())
    writer.close(5)
    # All were packed in one segment, the stream's last: it stays until there is a later one.
    assert store.rollups("A", 0, HOUR) == []
    store.write(
        Batch(
            observations=tuple(
                Observed("A", Observation(source="s", at=DAY + at, fields={}), DAY) for at in range(COUNT)
            ),
            snapshots=(Snapshot("A", "v", 100 * DAY, {}),),
        )
    )
    writer = writer_of(store)
    writer.start()
    housekeeping = Housekeeping(
        writer, HandClock(100 * DAY), plans=lambda: [plan], retention=lambda: retention
    )
    asyncio.run(housekeeping.round())
    writer.close(5)
    found = [one.rollup.count for one in store.rollups("A", 0, HOUR)]
    assert found == ([COUNT] if kept == 5 * DAY else [])


@pytest.mark.parametrize(
    "error", [StoreFull("There is no room left."), ZeroDivisionError("a mistake of ours")]
)
def test_trouble_ends_a_round_and_nothing_else(error: Exception) -> None:
    class Full:
        def streams_to_pack(self, _: int) -> list[int]:
            raise error

    writer = writer_of(Full())
    writer.start()
    housekeeping = housekeeping_of(writer, HOUR)
    asyncio.run(housekeeping.round())
    writer.trouble = "…"
    asyncio.run(housekeeping.round())
    writer.close(5)
    assert writer.dead is None
