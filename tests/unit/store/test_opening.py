"""A store opens from a URL or a path; whatever cannot be a store is refused with one clear message and left alone."""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
from pathlib import Path

import pytest

from wsla.store import location, lock
from wsla.store.errors import StoreBroken, StoreCorrupt, StoreError
from wsla.store.records import Batch, Observed
from wsla.store.sqlite import Store

from .conftest import KEY, Opener, observation, register, spawn


@pytest.mark.parametrize("form", ["sqlite:///{}", "SQLite:///{}", "{}"])
def test_absolute_places(path: Path, form: str) -> None:
    with Store.open(form.format(path), writer=True) as store:
        assert store.path == str(path)
    assert path.exists()


@pytest.mark.parametrize("form", ["sqlite:///{}", "{}", "./{}"])
@pytest.mark.parametrize("name", ["wsla.db", "100% sure?#1.db", "ä b.db"])
def test_relative_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, name: str) -> None:
    if form.startswith("sqlite") and "?" in name:
        name = name.replace("?", "").replace("#", "")
    monkeypatch.chdir(tmp_path)
    with Store.open(form.format(name), writer=True) as store:
        register(store)
    assert (tmp_path / name).stat().st_size > 0


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://me:secret@host/db", r"mysql:// is not supported.*sqlite:///wsla\.db"),
        ("sqlite://wsla.db", "three strokes"),
        ("sqlite:wsla.db", "three strokes"),
        ("sqlite:///wsla.db?mode=ro", "no options"),
        ("sqlite:///:memory:", "memory"),
        (":memory:", "memory"),
        ("sqlite:///", "missing"),
        ("", "missing"),
        ("a\0b", "no path"),
    ],
)
def test_other_places_are_refused_with_a_suggestion(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words) as caught:
        Store.open(url, writer=True)
    assert "wsla.db" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_link_and_its_target_are_one_store(store: Store, path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(path)
    assert location.parse_location(str(link)) == str(path)
    with pytest.raises(StoreError, match="kept by another wsla"):
        Store.open(str(link), writer=True)


@pytest.mark.parametrize("writer", [True, False])
def test_a_folder_is_no_store(tmp_path: Path, writer: bool) -> None:
    with pytest.raises(StoreError, match=r"is a folder; name a file in it, such as .*wsla\.db"):
        Store.open(str(tmp_path), writer=writer)


@pytest.mark.parametrize("writer", [True, False])
def test_the_folder_must_exist(tmp_path: Path, writer: bool) -> None:
    with pytest.raises(StoreError, match=r"the folder .*nowhere does not exist"):
        Store.open(str(tmp_path / "nowhere" / "wsla.db"), writer=writer)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="is not a folder"):
        Store.open(str(tmp_path / "file" / "wsla.db"), writer=writer)
    assert sorted(os.listdir(tmp_path)) == ["file"]


def test_a_device_is_no_store() -> None:
    with pytest.raises(StoreError, match="no ordinary file"):
        Store.open(os.devnull, writer=True)


def test_places_that_may_not_be_written() -> None:
    """D4."""
    # Not in pytest's own folder, which another user may not even enter.
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        folder = os.path.realpath(made)
        child = spawn("without_rights.py", folder)
        said, trouble = child.communicate(timeout=60)
    assert child.returncode == 0, trouble.decode()
    assert said.decode().splitlines() == [
        f"StoreError: The store cannot open {folder}/sealed/new.db.lock: this user may not write there.",
        f"StoreError: The store cannot open {folder}/sealed/old.db.lock: this user may not write there.",
        "opened 1",
        f"StoreBroken: The store {folder}/open/old.db cannot be written: this user may not, or the file system is "
        "read-only.",
    ]


def test_a_read_only_file_system(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(lock.os, "open", refuse)
    with pytest.raises(StoreError, match="that file system is read-only"):
        Store.open(str(path), writer=True)


def test_reading_needs_a_store(path: Path) -> None:
    with pytest.raises(StoreError, match=r"There is no store to read: .* is missing"):
        Store.open(str(path), writer=False)
    path.touch()
    with pytest.raises(StoreError, match="is empty"):
        Store.open(str(path), writer=False)
    assert sorted(os.listdir(path.parent)) == [path.name]


def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = path.read_bytes()
    for writer in (True, False):
        with pytest.raises(StoreError, match="a database of another program"):
            Store.open(str(path), writer=writer)
    assert path.read_bytes() == before


def fill(store: Store) -> None:
    store.write(Batch(observations=tuple(Observed(KEY, observation(at), 1) for at in range(2_000))))


def overwrite(path: Path, at: int, what: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(what)


def break_header(path: Path) -> None:
    overwrite(path, 0, b"not a database at all")


def break_page(path: Path) -> None:
    overwrite(path, path.stat().st_size // 2 // 4096 * 4096, b"\xff" * 4096)


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("harm", [break_header, break_page, cut_off])
def test_a_damaged_file_is_refused_and_left_alone(store: Store, path: Path, harm: object) -> None:
    """D6."""
    fill(store)
    store.close()
    assert callable(harm)
    harm(path)
    before = path.read_bytes()
    with pytest.raises(
        StoreCorrupt, match=r"is damaged \(.+\)\. Nothing was changed\..* `wsla restore BACKUP "
    ):
        Store.open(str(path), writer=True)
    assert path.read_bytes() == before


def test_damage_met_while_reading_is_told(store: Store, path: Path, opener: Opener) -> None:
    fill(store)
    store.close()
    pages = path.stat().st_size // 4096
    for page in range(pages * 3 // 4, pages):
        overwrite(path, page * 4096, b"\xff" * 4096)
    reader = opener(writer=False)
    with pytest.raises(StoreCorrupt, match="is damaged"):
        list(reader.observations(KEY, 0, 2_000))


@pytest.mark.parametrize(("emptied", "word"), [(True, "is empty"), (False, "is missing")])
def test_a_lost_store_is_not_made_anew(
    store: Store, path: Path, opener: Opener, emptied: bool, word: str
) -> None:
    """D6, D9."""
    store.close()
    backup = path.read_bytes()
    path.unlink()
    if emptied:
        path.touch()
    with pytest.raises(StoreBroken, match=re.escape(f"{path} {word}, but {path}.lock says")):
        opener()
    path.write_bytes(backup)
    assert [one.key for one in opener().agreements()] == [KEY]


def test_a_log_without_its_store_is_not_thrown_away(store: Store, path: Path, opener: Opener) -> None:
    log = Path(f"{path}-wal").read_bytes()
    assert log
    store.close()
    path.unlink()
    Path(f"{path}.lock").unlink()
    Path(f"{path}-wal").write_bytes(log)
    with pytest.raises(StoreCorrupt, match="still holds a part of it"):
        opener()
    assert Path(f"{path}-wal").read_bytes() == log


def test_a_new_store_after_both_files_were_removed(store: Store, path: Path, opener: Opener) -> None:
    store.close()
    path.unlink()
    Path(f"{path}.lock").unlink()
    assert opener().agreements() == []
