"""D2, D4, D6: disks that are full at the start, turn read-only, or give back something else than was written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from wsla.reporting.verification import Verified, compare_end
from wsla.store.errors import StoreBroken
from wsla.store.records import Batch, Decided, Observed
from wsla.store.sqlite import Store

from .conftest import KEY, Opener, entry, observation, spawn
from .test_opening import overwrite

FRAME = 24 + 4096
HEADER = 32


def batch(number: int, count: int = 100) -> Batch:
    looks = tuple(Observed(KEY, observation(at), 1) for at in range(number * count, (number + 1) * count))
    return Batch(observations=looks, decisions=(Decided(KEY, entry(f"e{number}")),))


def test_a_disk_that_is_full_at_the_start_loses_nothing(store: Store, path: Path) -> None:
    store.write(batch(0))
    store.close()
    child = spawn("full_at_start.py", path)
    said, trouble = child.communicate(timeout=60)
    assert child.returncode == 0, trouble.decode()
    assert said.decode().splitlines() == [
        "100 observations",
        "StoreBroken",
        "StoreBroken",
        "100 new",
        "200 observations",
    ]


def test_a_file_system_that_turns_read_only_is_named_and_survived(store: Store) -> None:
    store.write(batch(0))
    store._session.read("PRAGMA query_only = ON")
    with pytest.raises(StoreBroken, match="this user may not, or the file system is read-only"):
        store.write(batch(1))
    assert [found.id for _, found in store.entries(KEY, 0, 100)] == ["e0"]
    # Opened anew, it may be written again.
    assert store.write(batch(1)).new_observations == 100


def test_a_bad_frame_of_the_log_cuts_it_and_whoever_noted_a_later_end_knows(
    store: Store, path: Path, tmp_path: Path, opener: Opener
) -> None:
    store.close()
    store = opener()
    ends = []
    for number in range(3):
        store.write(batch(number))
        ends.append(store.chain_end(KEY))
    # As a power cut leaves it: the log was never written into the file.
    copy = tmp_path / "cut.db"
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    frames = (Path(f"{copy}-wal").stat().st_size - HEADER) // FRAME
    overwrite(Path(f"{copy}-wal"), HEADER + (frames - 1) * FRAME + 100, b"\xff" * 50)
    with Store.open(str(copy), writer=True) as cut:
        held = [found.id for _, found in cut.entries(KEY, 0, 100)]
        # What is left is whole transactions, in order.
        assert held == ["e0", "e1"]
        assert len(list(cut.observations(KEY, 0, 10_000))) == 200
        assert cut.first_altered_entry() is None
        assert cut.chain_end(KEY) == ends[1]
        for (links, digest), wanted in zip(ends, (0, 0, 1), strict=True):
            result = Verified(title=KEY, links=ends[1][0])
            compare_end(cut, KEY, {"links": links, "digest": digest}, result)
            assert len(result.findings) == wanted
