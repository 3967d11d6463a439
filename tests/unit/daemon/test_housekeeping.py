"""The store is put in order by the thread that writes it, while everything else goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wsla.daemon.housekeeping import ROWS_FOR, Housekeeping
from wsla.daemon.writer import Item, Writer
from wsla.store.errors import StoreFull
from wsla.store.records import AgreementVersion, Observed, Snapshot
from wsla.store.sqlite import Store
from wsla.values.instants import HOUR, SECOND
from wsla.values.observations import Observation

from .conftest import HandClock

COUNT = 600


def writer_of(store: Any) -> Writer:
    return Writer(
        store, limit=1000, on_commit=lambda *_: None, on_trouble=lambda _: None, on_fatal=lambda _: None
    )


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
    asyncio.run(Housekeeping(writer, HandClock(now)).round())
    writer.close(5)
    assert rows(store) == left
    assert len(list(store.observations("A", 0, HOUR))) == COUNT


def test_a_store_in_trouble_is_left_alone(store: Store) -> None:
    class Full:
        def streams_to_pack(self, _: int) -> list[int]:
            raise StoreFull("There is no room left.")

    writer = writer_of(Full())
    writer.start()
    housekeeping = Housekeeping(writer, HandClock(HOUR))
    asyncio.run(housekeeping.round())
    writer.trouble = "…"
    asyncio.run(housekeeping.round())
    writer.close(5)
    assert writer.dead is None
