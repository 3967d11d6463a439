"""One writer a store, by a lock that dies with its holder; readers beside it."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import pytest

from wsla.store.errors import StoreError, StoreLocked
from wsla.store.records import Batch, Observed
from wsla.store.sqlite import Store

from .conftest import KEY, Opener, observation, spawn

ON_BOTH = True


def test_a_second_daemon_is_refused_with_the_name_of_the_first(path: Path, opener: Opener) -> None:
    """D7."""
    child = spawn("holder.py", path, "daemon")
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(StoreLocked) as caught:
            opener()
        assert f"process {child.pid} on {platform.node()} since 20" in str(caught.value)
        assert caught.value.holder in str(caught.value)
        assert opener(writer=False).agreements() == []
    finally:
        child.kill()
        child.communicate(timeout=60)
    # Freed by the kernel: the file is still there, and still names the dead.
    assert json.loads(Path(f"{path}.lock").read_text("utf-8"))["pid"] == child.pid
    assert opener().agreements() == []


def test_a_second_writer_of_the_same_process_is_refused(store: Store, opener: Opener) -> None:
    with pytest.raises(StoreLocked, match=f"process {os.getpid()} "):
        opener()
    store.close()
    opener()


@pytest.mark.parametrize("left", [b"", b"\xff\0", b"[]", b'{"pid": "x"}', b'{"pid": 1' + b" " * 10_000])
def test_a_lock_file_with_anything_in_it_is_no_lock(path: Path, opener: Opener, left: bytes) -> None:
    """D8."""
    Path(f"{path}.lock").write_bytes(left)
    opener()
    assert json.loads(Path(f"{path}.lock").read_bytes())["pid"] == os.getpid()


def test_a_holder_without_a_name(store: Store, path: Path, opener: Opener) -> None:
    Path(f"{path}.lock").write_bytes(b"")
    with pytest.raises(StoreLocked, match="did not leave its name"):
        opener()


def test_a_removed_lock_is_taken_anew(store: Store, path: Path, opener: Opener) -> None:
    Path(f"{path}.lock").unlink()
    store.write(Batch())
    with pytest.raises(StoreLocked):
        opener()


def test_two_daemons_after_the_lock_was_removed_do_not_both_write(
    store: Store, path: Path, opener: Opener
) -> None:
    """D7."""
    Path(f"{path}.lock").unlink()
    opener()
    with pytest.raises(StoreLocked):
        store.write(Batch(observations=(Observed(KEY, observation(1), 1),)))


def test_a_failed_opening_frees_the_lock(path: Path, opener: Opener) -> None:
    path.write_bytes(b"no database " * 1000)
    for _ in range(2):
        with pytest.raises(StoreError, match="damaged"):
            opener()
    path.unlink()
    opener()


def test_readers_see_what_is_committed_while_it_is_written(store: Store, opener: Opener) -> None:
    reader = opener(writer=False)
    for at in range(20):
        store.write(Batch(observations=(Observed(KEY, observation(at), 1),)))
        assert len(list(reader.observations(KEY, 0, 100))) == at + 1


def test_a_reader_cannot_write(store: Store, opener: Opener) -> None:
    reader = opener(writer=False)
    with pytest.raises(StoreError, match="cannot be written"):
        reader.write(Batch(observations=(Observed(KEY, observation(1), 1),)))
    assert len(reader.agreements()) == 1
