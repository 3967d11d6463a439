"""S2, K5: every store that an earlier version left is brought forward whole, whenever that is interrupted."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from wsla.store import schema
from wsla.store.errors import StoreError
from wsla.store.sqlite import Store

from .conftest import KEY, Opener, entry, intent, judgement, spawn
from .old_stores import LOOKS, PACKED, build

NEWEST = len(schema.MIGRATIONS)
FAR = 2**62


def check(store: Store, version: int) -> None:
    packed = PACKED if version >= 4 else ()
    assert [one.at for one in store.observations(KEY, 0, FAR)] == [*LOOKS, *packed]
    assert store.late_observations(KEY) == (version >= 3)
    finals = [judgement(0, 50), judgement(50, 100)]
    assert list(store.judgements(KEY, 0, FAR)) == [*finals, judgement(100, 150, final=False)]
    assert [found for _, found in store.entries(KEY, 0, FAR)] == [entry("e0"), entry("e1")]
    assert [found for _, found in store.intents(KEY, 0, FAR)] == [intent("i0"), intent("i1")]
    counts = store.outbox_counts()
    assert (counts.pending, counts.delivered) == (1, 1)
    assert [one.entry for one in store.claim_events()] == (["e0"] if version >= 2 else [])
    assert [at for at, _ in store.corrections(KEY)] == ([30] if version >= 3 else [])
    assert store.first_altered_entry() is None
    assert store.first_altered_claim() is None
    assert store.latest_snapshot(KEY) == ("v", 100, [1])
    assert len(store.rollups(KEY, -1, FAR)) == (version >= 5)
    assert store.kept_from(KEY) == (5 if version >= 5 else None)
    # What stood before there was a chain is what its root says; what people did before that was a part has links.
    done = store.interventions("silence")
    assert [one.author for one in done] == (["Ana"] if version >= 8 else [])
    assert [link.kind for link in store.links(KEY)] == ["root"] * (version < 6) + ["intervention"] * len(done)


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_a_store_of_any_version_is_brought_forward(path: Path, opener: Opener, version: int) -> None:
    build(path, version)
    with pytest.raises(
        StoreError, match=f"has schema {version}, older than this wsla's {NEWEST}; `wsla run`"
    ):
        opener(writer=False)
    with opener() as store:
        check(store, version)
    check(opener(), version)


def points(path: Path) -> list[str]:
    """Every point that a migration passes."""
    found: list[str] = []
    Store.open(str(path), writer=True, fault=found.append).close()
    return [name for name in found if "migration" in name]


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_interrupted_anywhere_it_is_old_or_new_and_goes_on(
    tmp_path: Path, opener: Opener, version: int
) -> None:
    build(tmp_path / "whole.db", version)
    number = len(points(tmp_path / "whole.db"))
    assert number >= 3
    for nth in range(number):
        path = tmp_path / f"{nth}.db"
        build(path, version)
        passed = 0

        def fault(name: str, nth: int = nth) -> None:
            nonlocal passed
            if "migration" in name:
                if passed == nth:
                    raise KeyboardInterrupt
                passed += 1

        with pytest.raises(KeyboardInterrupt):
            Store.open(str(path), writer=True, fault=fault)
        with Store.open(str(path), writer=True) as store:
            check(store, version)


def test_killed_while_the_chain_begins(path: Path, opener: Opener) -> None:
    build(path, NEWEST - 1)
    child = spawn("migrating.py", path, "in-migration", 3)
    _, trouble = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, trouble.decode()
    check(opener(), NEWEST - 1)
