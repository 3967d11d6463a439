"""What is given is stored in order, together, and through trouble; a snapshot never knows too much."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from wsla.daemon.writer import Item, Writer
from wsla.store.errors import StoreBroken, StoreBusy, StoreCorrupt, StoreError, StoreFull, StoreLocked
from wsla.store.records import AgreementVersion, Batch, Observed, Snapshot, WriteResult
from wsla.values.observations import Observation

REGISTRATION = AgreementVersion(key="A", title="A", version=1, text="", sha256="0", at=0)


class Told:
    """What a writer tells."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.troubles: list[str | None] = []
        self.fatal: list[str] = []
        self.ended = threading.Event()

    def writer(self, store: Any, limit: int = 100) -> Writer:
        return Writer(
            store,
            limit=limit,
            on_commit=lambda batch, _: self.batches.append(batch),
            on_trouble=self.troubles.append,
            on_fatal=lambda sentence: (self.fatal.append(sentence), self.ended.set())[0],
        )


class Failing:
    """A store that raises what it is told to, so many times."""

    def __init__(self, errors: list[Exception]) -> None:
        self.errors = errors
        self.batches: list[Batch] = []

    def write(self, batch: Batch) -> WriteResult:
        if self.errors:
            raise self.errors.pop(0)
        self.batches.append(batch)
        return WriteResult()


def observed(at: int, agreement: str = "A") -> Observed:
    return Observed(agreement, Observation(source="s", at=at, fields={}), at)


def item(at: int, **more: Any) -> Item:
    return Item(observations=(observed(at),), **more)


def test_items_become_few_transactions_in_order(store: Any) -> None:
    told = Told()
    writer = told.writer(store)
    writer.submit(Item(agreements=(REGISTRATION,)))
    for at in range(100):
        writer.submit(item(at))
    writer.start()
    assert writer.close(5) == 0
    assert [one.at for one in store.observations("A", 0, 1000)] == list(range(100))
    assert 0 < len(told.batches) <= 5
    assert [one.observation.at for batch in told.batches for one in batch.observations] == list(range(100))


def test_a_snapshot_and_what_came_after_it_are_two_transactions() -> None:
    told = Told()
    failing = Failing([])
    writer = told.writer(failing)
    writer.submit(item(1, snapshots=(Snapshot("A", "v", 1, {}),)))
    writer.submit(Item(observations=(observed(2, "B"),)))
    writer.submit(item(3))
    writer.start()
    writer.close(5)
    assert [[one.observation.at for one in batch.observations] for batch in failing.batches] == [[1, 2], [3]]


def test_a_snapshot_knows_all_that_is_stored_by_then(store: Any) -> None:
    writer = Told().writer(store)
    writer.submit(Item(agreements=(REGISTRATION,)))
    for at in range(20):
        snapshots = (Snapshot("A", "v", at, {"until": at}),) if at % 7 == 0 else ()
        writer.submit(item(at, snapshots=snapshots))
    writer.start()
    writer.close(5)
    _, at, content = store.latest_snapshot("A")
    assert (at, content) == (14, {"until": 14})
    assert [one.at for one in store.observations_after_snapshot("A")] == list(range(15, 20))


@pytest.mark.parametrize("error", [StoreFull, StoreBusy, StoreBroken, StoreError])
def test_trouble_is_told_once_and_nothing_is_lost(error: type[StoreError]) -> None:
    told = Told()
    failing = Failing([error("no room"), error("no room")])
    writer = told.writer(failing)
    writer.start()
    futures = [writer.submit(item(at)) for at in range(3)]
    for future in futures:
        future.result(10)
    assert told.troubles == ["no room", None]
    assert writer.trouble is None
    assert writer.close(5) == 0
    assert [one.observation.at for batch in failing.batches for one in batch.observations] == [0, 1, 2]


def test_it_is_full_at_its_limit(store: Any) -> None:
    writer = Told().writer(store, limit=4)
    writer.submit(item(1))
    assert (writer.waiting, writer.full) == (2, False)
    writer.submit(item(2))
    assert (writer.waiting, writer.full) == (4, True)


def test_damage_ends_it() -> None:
    told = Told()
    writer = told.writer(Failing([StoreCorrupt("damaged")]))
    writer.start()
    writer.submit(item(1))
    assert told.ended.wait(10)
    assert told.fatal == ["damaged"]
    assert writer.close(1) == 2


def test_what_cannot_be_stored_at_the_end_is_counted() -> None:
    told = Told()
    writer = told.writer(Failing([StoreFull("no room")] * 1000))
    writer.start()
    writer.submit(item(1))
    began = time.monotonic()
    assert writer.close(0.5) == 2
    assert time.monotonic() - began < 10


def test_questions_are_answered_after_what_was_given_before(store: Any) -> None:
    writer = Told().writer(store)
    writer.submit(Item(agreements=(REGISTRATION,)))
    writer.submit(item(1))
    answer = writer.call(lambda opened: [one.at for one in opened.observations("A", 0, 10)])
    broken = writer.call(lambda opened: 1 / 0)
    writer.start()
    assert answer.result(10) == [1]
    with pytest.raises(ZeroDivisionError):
        broken.result(10)
    writer.close(5)


def test_who_waits_may_be_cancelled(store: Any) -> None:
    writer = Told().writer(store)
    future = writer.submit(Item(agreements=(REGISTRATION,)))
    assert not future.cancel()
    writer.start()
    assert writer.close(5) == 0
    assert future.done()


@pytest.mark.parametrize(
    ("error", "replaced"), [(StoreLocked("taken", "b"), True), (StoreCorrupt("bad"), False)]
)
def test_once_it_is_over_nobody_waits_any_more(error: Exception, replaced: bool) -> None:
    """What was in hand, what came behind it, and what is given afterwards."""
    told = Told()
    writer = told.writer(Failing([error]))
    given = [
        writer.submit(item(1, snapshots=(Snapshot("A", "v", 1, {}),))),
        writer.submit(item(2)),
        writer.call(lambda store: 1),
        writer.submit(item(3)),
    ]
    writer.start()
    assert told.ended.wait(10)
    given += [writer.submit(item(4)), writer.call(lambda store: 1)]
    for future in given:
        with pytest.raises(StoreError, match="closed"):
            future.result(10)
    assert writer.replaced is replaced
    assert told.fatal == [str(error)]
