"""A store of PostgreSQL that was restored by PostgreSQL's own means: the next daemon finds that it is a copy."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wsla.reporting.verification import verify_agreement
from wsla.store.postgres_whereabouts import is_elsewhere
from wsla.store.records import AgreementVersion, Batch, Decided
from wsla.store.sqlite import Store

from ...postgres_server import binaries
from .conftest import KEY, TARGETS, intent

NOW, LATER = 1_000, 2_000


@pytest.fixture
def url(postgres: Any) -> Iterator[str]:
    found = postgres.database()
    yield found
    postgres.drop(found)


@pytest.fixture
def elsewhere(postgres: Any) -> Iterator[str]:
    found = postgres.database()
    yield found
    postgres.drop(found)


def program(name: str, *arguments: object) -> None:
    found = binaries()
    assert found is not None
    subprocess.run([found / name, *map(str, arguments)], check=True, capture_output=True)


def fill(url: str) -> None:
    with Store.open(url, writer=True, now=lambda: NOW) as store:
        registered = AgreementVersion(key=KEY, title=KEY, version=1, text="text", sha256="sha", at=0)
        store.write(Batch(agreements=(registered,), decisions=(Decided(KEY, intent("waits", 10)),)))
        store.write(Batch(decisions=(Decided(KEY, intent("done", 11)),)))
        for target in TARGETS:
            store.delivery_succeeded("done", target, 12)


def dumped(url: str, folder: Path) -> Path:
    file = folder / "dump"
    program("pg_dump", "--schema=wsla", "--format=custom", f"--file={file}", url)
    return file


def marks(url: str, now: int = LATER) -> dict[str, bool]:
    """Starts a daemon's store there, and what it says of each message."""
    with Store.open(url, writer=True, now=lambda: now) as store:
        store.write(Batch(decisions=(Decided(KEY, intent(f"at {now}", now + 1)),)))
        return {
            name: any(one.possible_repeat for one in store.delivery(name))
            for name in ("waits", "done", f"at {now}")
        }


def test_a_dump_in_another_database_is_a_copy_and_what_waited_may_be_a_repeat(
    url: str, elsewhere: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(url)
    file = dumped(url, tmp_path)
    with Store.open(url, writer=True) as store:
        # Nobody who looks at the copy knows of this.
        store.delivery_succeeded("waits", TARGETS[0], 20)
    program("pg_restore", f"--dbname={elsewhere}", file)
    with caplog.at_level(logging.WARNING):
        assert marks(elsewhere) == {"waits": True, "done": False, f"at {LATER}": False}
    [said] = [one.getMessage() for one in caplog.records if "restored from a copy" in one.getMessage()]
    assert "2 messages waited then" in said
    with Store.open(elsewhere, writer=True, now=lambda: LATER + 1) as store:
        # What is decided again for the time since may have been delivered, too.
        store.write(Batch(decisions=(Decided(KEY, intent("again", LATER - 5)),)))
        assert all(one.possible_repeat for one in store.delivery("again"))
        assert [link.kind for link in store.links(KEY)].count("restored") == 1
        assert verify_agreement(store, KEY, lambda *_: None, anew=False).findings == []


def test_where_nothing_was_restored_nothing_is_marked(url: str, caplog: pytest.LogCaptureFixture) -> None:
    fill(url)
    with caplog.at_level(logging.WARNING):
        for now in (LATER, LATER + 10):
            assert not any(marks(url, now).values())
    assert not caplog.records


def test_a_dump_that_is_restored_over_the_store_in_its_own_database_is_a_copy(
    url: str, tmp_path: Path
) -> None:
    fill(url)
    file = dumped(url, tmp_path)
    program("pg_restore", "--clean", "--if-exists", f"--dbname={url}", file)
    assert marks(url)["waits"]
    # Once, and not at every start.
    assert not marks(url, LATER + 10)[f"at {LATER + 10}"]
    with Store.open(url, writer=False) as store:
        assert [link.kind for link in store.links(KEY)].count("restored") == 1


def test_a_start_that_is_interrupted_marks_all_of_it_or_nothing(
    url: str, elsewhere: str, tmp_path: Path
) -> None:
    fill(url)
    program("pg_restore", f"--dbname={elsewhere}", dumped(url, tmp_path))

    def fault(point: str) -> None:
        if point == "before-epoch-commit":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Store.open(elsewhere, writer=True, fault=fault)
    with Store.open(elsewhere, writer=False) as store:
        assert not any(one.possible_repeat for one in store.delivery("waits"))
    assert marks(elsewhere)["waits"]


def test_a_store_of_before_says_nothing_of_its_place(url: str, postgres: Any) -> None:
    fill(url)
    name = url.rpartition("/")[2]
    postgres.execute("UPDATE wsla.store SET holder = '{}'", name)
    assert not marks(url)["waits"]
    [(holder,)] = postgres.execute("SELECT holder FROM wsla.store", name)
    assert json.loads(holder)["whereabouts"].keys() == {"server", "database", "table", "timeline"}


@pytest.mark.parametrize(
    ("noted", "elsewhere"),
    [
        (None, False),
        ({}, False),
        ({"server": "1", "table": "7"}, False),
        ({"server": "1", "table": "8"}, True),
        ({"server": "2"}, True),
        ({"timeline": "00000002"}, False),
    ],
)
def test_what_one_of_them_does_not_tell_says_nothing(noted: object, elsewhere: bool) -> None:
    assert is_elsewhere(noted, {"server": "1", "table": "7"}) == elsewhere
