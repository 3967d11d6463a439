"""A daemon killed at any moment loses nothing that was acknowledged and doubles nothing."""

from __future__ import annotations

import os
import random
import signal
from decimal import Decimal
from pathlib import Path

import pytest

from wsla.store.sqlite import Store

from .conftest import spawn
from .crashing_writer import KEY, LOOKS, batch

TOTAL = 6
EVER = 2**62


def run(path: Path, total: int, point: str = "", nth: int = 0) -> tuple[int, list[str]]:
    """The child's end (0, or minus a signal) and what it said was acknowledged."""
    child = spawn("crashing_writer.py", path, total, point, nth)
    said, trouble = child.communicate(timeout=60)
    assert child.returncode in (0, -signal.SIGKILL), trouble.decode()
    return child.returncode, said.decode().splitlines()


def check(path: Path, acknowledged: list[str]) -> int:
    """How many batches the store holds, after checking that they are whole, once, and no fewer than acknowledged."""
    with Store.open(str(path), writer=True) as store:
        snapshot = store.latest_snapshot(KEY)
        count = 0 if snapshot is None else snapshot[2] + 1
        batches = [batch(number) for number in range(count)]
        assert list(store.observations(KEY, -1, EVER)) == [
            observed.observation for one in batches for observed in one.observations
        ]
        assert list(store.judgements(KEY, -1, EVER)) == [one.judgements[0].judgement for one in batches]
        assert [intent for _, intent in store.intents(KEY, -1, EVER)] == [
            one.decisions[0].decision for one in batches
        ]
        assert [entry for _, entry in store.entries(KEY, -1, EVER)] == [
            one.decisions[1].decision for one in batches
        ]
        assert store.first_altered_entry() is None
        previous = ""
        for link in store.links(KEY):
            assert link.follows(previous)
            previous = link.digest
        # The text, and of each batch its verdict, intent and entry.
        assert store.chain_end(KEY)[0] in (0, 1 + 3 * count)
        counts = store.outbox_counts()
        assert counts.pending + counts.delivered == count
        pending = {item.intent.id for item in store.due_deliveries(EVER, 10 * count + 10)}
    for line in acknowledged:
        sent, _, number = line.rpartition(" ")
        assert int(number) < count
        if sent:
            assert f"intent {number}" not in pending
    return count


@pytest.mark.parametrize("nth", [1, 2, 4])
@pytest.mark.parametrize(
    "point",
    [
        "before-write",
        "mid-write",
        "before-commit",
        "after-commit",
        "before-delivery-mark",
        "after-delivery-mark",
    ],
)
def test_killed_at_a_point_of_writing(path: Path, point: str, nth: int) -> None:
    """K1."""
    ended, acknowledged = run(path, TOTAL, point, nth)
    assert ended == -signal.SIGKILL
    check(path, acknowledged)
    assert run(path, TOTAL)[0] == 0
    assert check(path, acknowledged) == TOTAL
    with Store.open(str(path), writer=False) as store:
        sold = sum((entry.amount for _, entry in store.entries(None, 0, EVER)), Decimal())
        counts = store.outbox_counts()
    assert sold == sum(range(TOTAL))
    # Killed between commit and mark, a delivery stays pending: it is sent again, never forgotten.
    assert counts.pending <= 1
    assert counts.pending + counts.delivered == TOTAL


@pytest.mark.parametrize(
    ("point", "nth"),
    [
        ("in-migration", 1),
        ("in-migration", 5),
        ("before-migration-commit", 1),
        ("after-migration-commit", 1),
    ],
)
def test_killed_while_the_store_is_made(path: Path, point: str, nth: int) -> None:
    """K5."""
    ended, acknowledged = run(path, TOTAL, point, nth)
    assert (ended, acknowledged) == (-signal.SIGKILL, [])
    assert run(path, TOTAL)[0] == 0
    assert check(path, acknowledged) == TOTAL


def test_killed_at_random_again_and_again(path: Path) -> None:
    """K2."""
    seed = int.from_bytes(os.urandom(4))
    print(f"seed {seed}")
    chance = random.Random(seed)
    held = 0
    for _ in range(12):
        child = spawn("crashing_writer.py", path, 1_000_000)
        assert child.stdout is not None
        said = [child.stdout.readline()]
        while chance.random() > 0.1:
            said.append(child.stdout.readline())
        child.kill()
        rest, trouble = child.communicate(timeout=60)
        assert child.returncode == -signal.SIGKILL, trouble.decode()
        # A line that the kill cut short was no acknowledgement yet.
        text = b"".join(said) + rest
        lines = text[: text.rfind(b"\n") + 1].decode().splitlines()
        now = check(path, lines)
        assert now >= held
        held = now
    assert held * LOOKS > 0
