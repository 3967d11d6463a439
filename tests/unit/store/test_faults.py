"""Full disks, locked files, failing writes, vanished files: told apart, rolled back, survived without a restart."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from wsla.store.errors import StoreBroken, StoreBusy, StoreError, StoreFull, StoreReplaced, from_sqlite
from wsla.store.records import Batch, Decided, Observed
from wsla.store.sqlite import Store

from .conftest import KEY, Opener, entry, intent, observation, register, spawn

ON_BOTH = True


def big_batch(number: int, count: int = 2_000) -> Batch:
    looks = tuple(Observed(KEY, observation(at), 1) for at in range(number * count, (number + 1) * count))
    decisions = (Decided(KEY, intent(f"i{number}")), Decided(KEY, entry(f"e{number}")))
    return Batch(observations=looks, decisions=decisions)


def test_a_full_disk_loses_nothing_and_is_survived(store: Store, path: Path) -> None:
    """D1."""
    (pages,) = store._session.read("PRAGMA page_count")[0]
    store._session.read(f"PRAGMA max_page_count = {pages + 20}")
    for _ in range(2):
        with pytest.raises(StoreFull, match="no room left"):
            store.write(big_batch(0))
        assert list(store.observations(KEY, 0, 10_000)) == []
        assert store.outbox_counts().pending == 0
        assert list(store.entries(None, 0, 100)) == []
    # What still fits is still taken.
    assert store.write(Batch(observations=(Observed(KEY, observation(-1), 1),))).new_observations == 1
    store._session.read("PRAGMA max_page_count = 1000000")
    assert store.write(big_batch(0)).new_observations == 2_000
    assert store.outbox_counts().pending == 2


def test_a_file_locked_by_another_program_is_waited_for_and_then_told(store: Store, path: Path) -> None:
    """D5."""
    child = spawn("holder.py", path, "exclusive")
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(StoreBusy, match="Another process holds the store"):
            store.write(big_batch(0))
    finally:
        child.communicate(b"", timeout=60)
    assert store.write(big_batch(0)).new_observations == 2_000


def test_a_store_locked_while_it_is_opened(store: Store, path: Path, opener: Opener) -> None:
    store.close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreBusy):
        opener()
    connection.close()
    opener()


def test_a_write_that_the_system_refuses_is_survived(path: Path) -> None:
    """D1, D3."""
    child = spawn("failing_disk.py", path)
    said, trouble = child.communicate(timeout=60)
    assert child.returncode == 0, trouble.decode()
    assert said.decode().splitlines() == [
        "StoreBroken",
        "StoreBroken",
        "0 observations",
        "100 new",
        "100 observations",
    ]


@pytest.mark.parametrize("point", ["mid-write", "before-commit", "after-commit", "before-write"])
def test_after_any_error_the_same_batch_may_be_written_again(opener: Opener, point: str) -> None:
    armed = False

    def fault(name: str) -> None:
        if armed and name == point:
            raise MemoryError(name)

    store = opener(fault=fault)
    register(store)
    armed = True
    with pytest.raises(MemoryError):
        store.write(big_batch(0))
    armed = False
    result = store.write(big_batch(0))
    assert result.new_observations == (0 if point == "after-commit" else 2_000)
    assert len(list(store.observations(KEY, 0, 10_000))) == 2_000
    assert store.outbox_counts().pending == 2
    assert [found.id for _, found in store.entries(None, 0, 100)] == ["e0"]


def test_an_error_of_the_disk_on_commit_reopens_the_file(opener: Opener, path: Path) -> None:
    """D3."""
    armed = False

    def fault(name: str) -> None:
        if armed and name == "before-commit":
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error

    store = opener(fault=fault)
    register(store)
    connection = store._session._connection
    armed = True
    with pytest.raises(StoreBroken, match="disk I/O error"):
        store.write(big_batch(0))
    armed = False
    assert list(store.observations(KEY, 0, 10_000)) == []
    assert store._session._connection is not connection
    assert store.write(big_batch(0)).new_observations == 2_000
    store.check_identity()


def test_after_an_error_of_the_disk_the_log_is_saved_before_more_is_written(
    opener: Opener, path: Path
) -> None:
    """D3."""
    store = opener()
    register(store)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM agreements").fetchone()
    store._session._drop()
    # A reader of the log keeps it from being emptied: until it is gone, nothing is acknowledged.
    with pytest.raises(StoreBusy, match="is tried again"):
        store.write(big_batch(0))
    reader.close()
    assert store.write(big_batch(0)).new_observations == 2_000


def test_a_removed_file_is_noticed_before_anything_is_written(store: Store, path: Path) -> None:
    """D9."""
    path.unlink()
    with pytest.raises(StoreReplaced, match="was removed or moved away"):
        store.check_identity()
    with pytest.raises(StoreReplaced):
        store.write(big_batch(0))


def test_a_moved_file_goes_on_when_it_is_put_back(store: Store, path: Path) -> None:
    path.rename(f"{path}.away")
    with pytest.raises(StoreReplaced):
        store.write(big_batch(0))
    Path(f"{path}.away").rename(path)
    assert store.write(big_batch(0)).new_observations == 2_000


def test_a_replaced_file_is_noticed_and_left_alone(store: Store, path: Path) -> None:
    """D9."""
    store.write(big_batch(0))
    other = Path(f"{path}.other")
    with Store.open(str(other), writer=True) as replacement:
        register(replacement)
    other.rename(path)
    before = path.read_bytes()
    with pytest.raises(StoreReplaced, match="replaced by another file"):
        store.write(big_batch(1))
    store._session._drop()
    with pytest.raises(StoreReplaced, match="replaced by another file"):
        list(store.observations(KEY, 0, 1))
    assert path.read_bytes() == before


def test_a_removed_log_is_noticed_and_saved_by_closing(store: Store, path: Path, opener: Opener) -> None:
    """D9."""
    store.write(big_batch(0))
    Path(f"{path}-wal").unlink()
    with pytest.raises(StoreReplaced, match="-wal, which holds the latest"):
        store.write(big_batch(1))
    store.close()
    assert len(list(opener().observations(KEY, 0, 10_000))) == 2_000


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_FULL, StoreFull),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreBusy),
        (sqlite3.SQLITE_LOCKED, StoreBusy),
        (sqlite3.SQLITE_IOERR_WRITE, StoreBroken),
        (sqlite3.SQLITE_CANTOPEN, StoreBroken),
        (sqlite3.SQLITE_READONLY_DBMOVED, StoreBroken),
    ],
)
def test_errors_of_sqlite_are_told_apart(code: int, kind: type[StoreError]) -> None:
    error = sqlite3.OperationalError("text")
    error.sqlite_errorcode = code
    assert type(from_sqlite(error, "x.db")) is kind


@pytest.mark.parametrize("code", ["SQLITE_IOERR_READ", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC"])
def test_an_error_of_the_disk_at_any_point_is_survived(opener: Opener, code: str) -> None:
    """D3: at the N-th point, for N = 1, 2 … until none is left; what was to be written is written again then."""
    calls = fails_at = 0

    def fault(name: str) -> None:
        nonlocal calls
        calls += 1
        if calls == fails_at:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = getattr(sqlite3, code)
            raise error

    store = opener(fault=fault)
    register(store)
    failed = 0
    for number in range(1, 20):
        calls, fails_at = 0, number
        try:
            store.write(big_batch(number, 10))
        except (StoreBroken, sqlite3.OperationalError):
            failed += 1
            fails_at = 0
            store.write(big_batch(number, 10))
    assert failed >= 4
    assert [found.id for _, found in store.entries(None, 0, 100)] == [f"e{number}" for number in range(1, 20)]
    assert len(list(store.observations(KEY, 0, 10_000))) == 190
    assert store.first_altered_entry() is None
