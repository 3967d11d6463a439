"""Steps about claims in the store: once, in one transaction, beside the daemon, and never altered unseen."""

from __future__ import annotations

import signal
import sqlite3
from pathlib import Path

import pytest
from attrs import evolve

from wsla.remedies.claims import ClaimEvent, ClaimRefused, ClaimStep
from wsla.store.errors import StoreBusy, StoreError
from wsla.store.records import Batch, Decided, Observed
from wsla.store.sqlite import Store

from .conftest import KEY, Opener, entry, observation, spawn
from .old_stores import build

ON_BOTH = True

BOOKED = evolve(entry(), state="accrued", claim_until=30)


def book(store: Store) -> None:
    store.write(Batch(decisions=(Decided(KEY, BOOKED), Decided(KEY, entry("due")))))


def claim(store: Store, name: str = "e", at: int = 20) -> ClaimEvent:
    return store.take_claim_step(name, ClaimStep.CLAIMED, at, None, "UTC")


def test_steps_are_taken_beside_a_writer_that_goes_on(store: Store, opener: Opener) -> None:
    """M66."""
    book(store)
    desk = opener(writer=False, beside=True)
    first = claim(desk)
    store.write(Batch(observations=(Observed(KEY, observation(1), 1),)))
    second = desk.take_claim_step("e", ClaimStep.REFUSED, 40, "no ticket", "UTC")
    assert second == ClaimEvent(entry="e", step=ClaimStep.REFUSED, at=40, reason="no ticket")
    assert store.claim_events() == opener(writer=False).claim_events() == [first, second]
    assert store.first_altered_claim() is None


@pytest.mark.parametrize(
    ("name", "at", "words"),
    [("e", 30, "had to be claimed"), ("due", 20, "needs no claim"), ("f", 20, "no such entry")],
)
def test_what_the_state_does_not_allow_changes_nothing(
    store: Store, opener: Opener, name: str, at: int, words: str
) -> None:
    book(store)
    desk = opener(writer=False, beside=True)
    with pytest.raises(ClaimRefused, match=words):
        claim(desk, name, at)
    assert desk.claim_events() == []
    claim(desk, "e", 29)
    with pytest.raises(ClaimRefused, match="was claimed"):
        claim(desk)
    assert len(desk.claim_events()) == 1


@pytest.mark.parametrize(
    ("point", "noted"), [("mid-claim", False), ("before-commit", False), ("after-commit", True)]
)
def test_killed_at_a_point_the_step_is_there_or_not(
    store: Store, path: Path, opener: Opener, point: str, noted: bool
) -> None:
    book(store)
    child = spawn("claiming.py", path, point)
    _, trouble = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, trouble.decode()
    assert len(store.claim_events()) == noted
    desk = opener(writer=False, beside=True)
    if noted:
        with pytest.raises(ClaimRefused, match="was claimed"):
            claim(desk)
    else:
        claim(desk)
    assert len(store.claim_events()) == 1
    store.write(Batch(observations=(Observed(KEY, observation(1), 1),)))


@pytest.mark.parametrize(
    "change",
    ["UPDATE claims SET at = 21 WHERE step = 'claimed'", "DELETE FROM claims WHERE step = 'claimed'"],
)
def test_a_step_that_was_altered_is_found(store: Store, path: Path, change: str) -> None:
    book(store)
    claim(store)
    store.take_claim_step("e", ClaimStep.ISSUED, 25, None, "UTC")
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(change)
    connection.close()
    assert store.first_altered_claim() == "e"


@pytest.mark.parametrize("step", ["claimed", "issued"])
def test_the_file_itself_takes_no_second_step_of_a_kind(store: Store, path: Path, step: str) -> None:
    book(store)
    claim(store)
    store.take_claim_step("e", ClaimStep.ISSUED, 25, None, "UTC")
    connection = sqlite3.connect(path)
    insert = "INSERT INTO claims (entry_id, step, at, digest, recorded_at) VALUES ('e', ?, 1, '', 1)"
    for again in (step, "refused"):
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(insert, [again])
    connection.close()


def test_a_store_of_the_first_schema_takes_claims_once_it_is_brought_forward(
    path: Path, opener: Opener
) -> None:
    build(path, 1)
    with pytest.raises(StoreError, match=r"has schema 1, older than this wsla's \d+; `wsla run`"):
        opener(writer=False, beside=True)
    opener().close()
    desk = opener(writer=False, beside=True)
    assert desk.claim_events() == []
    with pytest.raises(ClaimRefused, match="needs no claim"):
        desk.take_claim_step("e0", ClaimStep.CLAIMED, 8, None, "UTC")


def test_who_is_beside_makes_no_store_and_waits_for_nobody_forever(
    store: Store, path: Path, opener: Opener, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="There is no store to read"):
        Store.open(str(tmp_path / "no.db"), writer=False, beside=True)
    book(store)
    desk = opener(writer=False, beside=True)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy):
        claim(desk)
    other.execute("ROLLBACK")
    other.close()
    claim(desk)


def test_a_reader_takes_no_step(store: Store, opener: Opener) -> None:
    book(store)
    with pytest.raises(StoreError):
        claim(opener(writer=False))
