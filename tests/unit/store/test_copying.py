"""D11: a backup is of one moment, taken while the store is written; a restored store says what may be done twice."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from wsla.store import copying, schema
from wsla.store.copying import back_up, restore
from wsla.store.errors import StoreCorrupt, StoreError, StoreLocked, StoreTooNew
from wsla.store.records import Batch, Decided, Observed, Snapshot
from wsla.store.sqlite import Store

from .conftest import KEY, TARGETS, Opener, intent, observation, spawn
from .old_stores import build
from .test_opening import break_page, overwrite

FAR = 2**62
TAKEN, RESTORED = 1_000, 2_000


def quiet(_: int, __: int) -> None:
    return


def fill(store: Store, first: int = 0, count: int = 500) -> None:
    looks = tuple(Observed(KEY, observation(at), 1) for at in range(first, first + count))
    store.write(
        Batch(
            observations=looks,
            decisions=(Decided(KEY, intent(f"i{first}", first)),),
            snapshots=(Snapshot(KEY, "v", first, first),),
        )
    )


def seen(store: Store) -> list[int]:
    return [one.at for one in store.observations(KEY, 0, FAR)]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copy.db"


def test_a_backup_is_of_one_moment_while_the_store_is_written(
    store: Store, path: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store)
    monkeypatch.setattr(copying, "_PAGES", 1)
    steps = []

    def meanwhile(done: int, whole: int) -> None:
        steps.append((done, whole))
        fill(store, 1_000 * len(steps), 10)

    copied = back_up(str(path), str(copy), TAKEN, meanwhile)
    assert len(steps) > 10
    assert steps[-1][0] == steps[-1][1]
    assert copied.agreements == 1
    assert copied.size == copy.stat().st_size
    assert sorted(os.listdir(copy.parent)) == [
        "copy.db",
        "wsla.db",
        "wsla.db-shm",
        "wsla.db-wal",
        "wsla.db.lock",
    ]
    with Store.open(str(copy), writer=False) as backup:
        assert seen(backup) == list(range(500))
        assert backup.latest_snapshot(KEY) == ("v", 0, 0)
    # Nothing of what was written meanwhile was held up or lost.
    assert len(seen(store)) == 500 + 10 * len(steps)


def test_what_is_there_already_is_never_replaced(store: Store, path: Path, copy: Path) -> None:
    fill(store)
    copy.write_bytes(b"somebody's")
    with pytest.raises(StoreError, match=r"There is already something at .*copy\.db"):
        back_up(str(path), str(copy), TAKEN, quiet)
    with pytest.raises(StoreError, match="There is already something"):
        restore(str(path), str(copy), lambda: RESTORED, quiet)
    assert copy.read_bytes() == b"somebody's"


def test_a_store_in_use_is_never_replaced(store: Store, path: Path, copy: Path, opener: Opener) -> None:
    fill(store)
    back_up(str(path), str(copy), TAKEN, quiet)
    with pytest.raises(StoreLocked, match="is kept by another wsla"):
        restore(str(copy), str(path), lambda: RESTORED, quiet)
    store.close()
    with pytest.raises(StoreError, match="There is already something at"):
        restore(str(copy), str(path), lambda: RESTORED, quiet)
    path.unlink()
    Path(f"{path}-wal").write_bytes(b"the latest of what was stored")
    with pytest.raises(StoreError, match="-wal"):
        restore(str(copy), str(path), lambda: RESTORED, quiet)
    Path(f"{path}-wal").unlink()
    restore(str(copy), str(path), lambda: RESTORED, quiet)
    assert seen(opener()) == list(range(500))


def test_what_may_have_been_sent_since_is_marked(
    store: Store, path: Path, copy: Path, tmp_path: Path
) -> None:
    """D11."""
    fill(store)
    store.write(Batch(decisions=(Decided(KEY, intent("done", 5)),)))
    for target in TARGETS:
        store.delivery_succeeded("done", target, 6)
    back_up(str(path), str(copy), TAKEN, quiet)
    new = tmp_path / "new.db"
    restored = restore(str(copy), str(new), lambda: RESTORED, quiet)
    assert (restored.taken_at, restored.agreements, restored.repeats) == (TAKEN, 1, len(TARGETS))
    with Store.open(str(new), writer=True) as again:
        # Decided again for the time between the backup and the restoration; and something new.
        between, after = intent("between", RESTORED - 1), intent("after", RESTORED)
        again.write(Batch(decisions=(Decided(KEY, between), Decided(KEY, after))))
        marked = {(item.intent.id, item.possible_repeat) for item in again.due_deliveries(FAR, 100)}
        assert marked == {("i0", True), ("between", True), ("after", False)}
        kinds = [link.kind for link in again.links(KEY)]
        assert kinds == ["text", "intent", "intent", "restored", "intent", "intent"]
    # Nothing was marked in the backup itself.
    with Store.open(str(copy), writer=False) as backup:
        assert not any(item.possible_repeat for item in backup.due_deliveries(FAR, 100))


def test_a_store_of_any_version_can_be_restored(tmp_path: Path) -> None:
    for version in range(1, len(schema.MIGRATIONS)):
        old, new = tmp_path / f"old{version}.db", tmp_path / f"new{version}.db"
        build(old, version)
        restored = restore(str(old), str(new), lambda: RESTORED, quiet)
        assert (restored.taken_at, restored.repeats) == (None, 1)
        with Store.open(str(new), writer=False) as store:
            assert [item.possible_repeat for item in store.due_deliveries(FAR, 10)] == [True]


def test_backups_that_are_none(tmp_path: Path, path: Path, store: Store, copy: Path) -> None:
    fill(store)
    back_up(str(path), str(copy), TAKEN, quiet)
    new = tmp_path / "new.db"
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("no database at all, but long enough to look like one" * 100)
    for name, words in (
        ("nothing", "is missing or empty"),
        ("empty", "is missing or empty"),
        ("text", "damaged"),
    ):
        with pytest.raises(StoreError, match=words):
            restore(str(tmp_path / name), str(new), lambda: RESTORED, quiet)
    overwrite(copy, 60, (99).to_bytes(4, "big"))
    with pytest.raises(StoreTooNew):
        restore(str(copy), str(new), lambda: RESTORED, quiet)
    overwrite(copy, 68, b"else")
    with pytest.raises(StoreError, match="is not a store of wsla"):
        restore(str(copy), str(new), lambda: RESTORED, quiet)
    left = [name for name in os.listdir(tmp_path) if name.startswith("new")]
    assert left == ["new.db.lock"]


def test_a_damaged_store_gives_no_backup(store: Store, path: Path, copy: Path) -> None:
    fill(store, count=5_000)
    store.close()
    break_page(path)
    with pytest.raises(StoreCorrupt, match="damaged"):
        back_up(str(path), str(copy), TAKEN, quiet)
    assert [name for name in os.listdir(copy.parent) if name.startswith("copy")] == []


@pytest.mark.parametrize("verb", ["backup", "restore"])
@pytest.mark.parametrize("nth", [1, 20])
def test_killed_on_the_way_there_is_no_half_file(
    store: Store, path: Path, copy: Path, tmp_path: Path, verb: str, nth: int
) -> None:
    fill(store)
    source = path
    if verb == "restore":
        source = tmp_path / "backup.db"
        back_up(str(path), str(source), TAKEN, quiet)
    child = spawn("backing_up.py", verb, source, copy, nth)
    _, trouble = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, trouble.decode()
    assert not copy.exists()
    child = spawn("backing_up.py", verb, source, copy, 0)
    _, trouble = child.communicate(timeout=60)
    assert child.returncode == 0, trouble.decode()
    with Store.open(str(copy), writer=False) as whole:
        assert seen(whole) == list(range(500))
    assert not Path(f"{copy}.part").exists()
