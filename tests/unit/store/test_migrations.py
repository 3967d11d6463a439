"""The schema goes forward one whole step at a time, and a later one is left alone."""

from __future__ import annotations

import signal
import sqlite3
from pathlib import Path

import pytest

from wsla.store import schema
from wsla.store.errors import StoreError, StoreTooNew
from wsla.store.records import Batch, Decided
from wsla.store.sqlite import Store

from .conftest import KEY, Opener, entry, spawn
from .migrating import NEXT

NEWEST = len(schema.MIGRATIONS)


def look(path: Path) -> tuple[int, list[str]]:
    """The schema's version and the tables of a file."""
    connection = sqlite3.connect(path)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        return version, [name for (name,) in tables if not name.startswith("sqlite_")]
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("point", "nth", "done"),
    [
        ("in-migration", 1, False),
        ("in-migration", 2, False),
        ("in-migration", 3, False),
        ("before-migration-commit", 1, False),
        ("after-migration-commit", 1, True),
    ],
)
def test_killed_in_a_step_the_schema_is_old_or_new(
    store: Store, path: Path, point: str, nth: int, done: bool
) -> None:
    """K5."""
    store.write(Batch(decisions=(Decided(KEY, entry()),)))
    store.close()
    child = spawn("migrating.py", path, point, nth)
    _, trouble = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, trouble.decode()
    version, tables = look(path)
    assert version == NEWEST + done
    assert ("disputes" in tables) == done
    child = spawn("migrating.py", path, "", 0)
    _, trouble = child.communicate(timeout=60)
    assert child.returncode == 0, trouble.decode()
    assert look(path)[0] == NEWEST + 1
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT * FROM disputes").fetchall() == [("e",)]
    connection.close()


def test_a_step_that_fails_changes_nothing(
    store: Store, path: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.close()
    before = look(path)
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, (*NEXT, "INSERT INTO nowhere VALUES (1)")))
    with pytest.raises(StoreError, match="nowhere"):
        opener()
    assert look(path) == before


@pytest.mark.parametrize("writer", [True, False])
def test_a_later_schema_is_refused_and_left_alone(
    store: Store, path: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch, writer: bool
) -> None:
    """S2: the program before meets the store of the one after."""
    store.close()
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, NEXT))
        opener().close()
    before = path.read_bytes()
    with pytest.raises(StoreTooNew, match=f"its schema is {NEWEST + 1}, this wsla knows {NEWEST}"):
        opener(writer=writer)
    assert path.read_bytes() == before


def test_a_reader_does_not_bring_the_schema_forward(
    store: Store, path: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.close()
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, NEXT))
    with pytest.raises(StoreError, match="`wsla run`"):
        opener(writer=False)
    assert look(path)[0] == NEWEST


def test_every_table_is_strict(store: Store, path: Path) -> None:
    connection = sqlite3.connect(path)
    tables = connection.execute("PRAGMA table_list").fetchall()
    connection.close()
    strict = {name: bool(strict) for _, name, _, _, _, strict in tables if not name.startswith("sqlite_")}
    assert len(strict) == 22
    assert all(strict.values())


def test_writers_are_durable_and_checked(store: Store) -> None:
    pragmas = ("journal_mode", "synchronous", "foreign_keys", "user_version", "application_id")
    found = [store._session.read(f"PRAGMA {name}")[0][0] for name in pragmas]
    full = 2
    assert found == ["wal", full, 1, NEWEST, schema.APPLICATION_ID]


def test_an_old_library_is_named(monkeypatch: pytest.MonkeyPatch, opener: Opener) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 9))
    with pytest.raises(StoreError, match=r"needs SQLite 3\.37\.0 or later"):
        opener()
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 37, 0))
    opener()
