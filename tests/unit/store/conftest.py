"""What the store's tests share: things to store, and children to end."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import wsla
from wsla.evaluation.verdicts import Judgement, Verdict
from wsla.plan.model import Target
from wsla.remedies.decisions import Intent, LedgerEntry, Words
from wsla.store.sqlite import Store
from wsla.values.instants import Interval
from wsla.values.observations import Observation

KEY = "shop"
TARGETS = (Target(party="customer"), Target(party="operator", channel="pager"))
HERE = Path(__file__).parent


def observation(at: int, *, source: str = "probe", up: bool = True) -> Observation:
    return Observation(source=source, at=at, fields={"up": up})


def judgement(
    start: int = 0,
    end: int = 100,
    *,
    final: bool = True,
    verdict: Verdict = Verdict.MET,
    goal: str = "availability",
    labels: tuple[tuple[str, str], ...] = (),
) -> Judgement:
    return Judgement(
        goal=goal,
        labels=labels,
        window=Interval(start, end),
        verdict=verdict,
        value=Fraction(999, 1000),
        lower=Fraction(1, 2),
        upper=None,
        coverage=Fraction(1),
        final=final,
    )


def intent(
    name: str = "i", at: int = 10, *, targets: tuple[Target, ...] = TARGETS, text: str = "Text"
) -> Intent:
    return Intent(
        id=name,
        verb="notify",
        targets=targets,
        at=at,
        cause="availability",
        labels=(),
        window=Interval(0, 10),
        words=Words.of("Subject", text),
    )


def entry(name: str = "e", at: int = 10, *, amount: str = "12.50") -> LedgerEntry:
    return LedgerEntry(
        id=name,
        kind="credit",
        debtor="operator",
        creditor="customer",
        amount=Decimal(amount),
        currency="EUR",
        at=at,
        cause="availability",
        labels=(),
        window=Interval(0, at),
        memo="availability was missed",
    )


def register(store: Store, key: str = KEY, *, text: str = "agreement …", at: int = 1) -> None:
    store.register_agreement(key, title="Shop", version=1, text=text, sha256=f"sum of {text}", at=at)


Opener = Callable[..., Store]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wsla.db"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The tests of a module that says ``ON_BOTH`` run on PostgreSQL too, but those that look at the file."""
    if "backend" in metafunc.fixturenames and getattr(metafunc.module, "ON_BOTH", False):
        file_only = "path" in inspect.signature(metafunc.function).parameters
        metafunc.parametrize("backend", ["sqlite"] if file_only else ["sqlite", "postgresql"])


@pytest.fixture
def backend() -> str:
    return "sqlite"


@pytest.fixture(scope="session")
def database(postgres: Any) -> str:
    """A database with a store that was made once."""
    url: str = postgres.database()
    Store.open(url, writer=True).close()
    return url


@pytest.fixture
def url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Where a store is: a file that is to be made, or a database."""
    if backend == "sqlite":
        yield str(tmp_path / "wsla.db")
        return
    server, database = request.getfixturevalue("postgres"), request.getfixturevalue("database")
    server.empty(database)
    yield database


@pytest.fixture
def empty_database(postgres: Any) -> Iterator[str]:
    """A database without anything in it."""
    database = postgres.database()
    yield database
    postgres.drop(database)


@pytest.fixture
def opener(url: str) -> Iterator[Opener]:
    """Opens the store at ``url``, as a writer unless told otherwise; closes everything at the end."""
    opened: list[Store] = []

    def open_store(**options: object) -> Store:
        store = Store.open(url, **{"writer": True, "busy_timeout": 0.05, **options})
        opened.append(store)
        return store

    yield open_store
    for store in opened:
        store.close()


@pytest.fixture
def store(opener: Opener) -> Store:
    """A new store with one agreement."""
    store = opener()
    register(store)
    return store


def spawn(script: str, *arguments: object) -> subprocess.Popen[bytes]:
    """A Python process that runs one of the scripts beside the tests, with pipes to it."""
    environment = {**os.environ, "PYTHONPATH": str(Path(next(iter(wsla.__path__))).parent)}
    return subprocess.Popen(
        [sys.executable, str(HERE / script), *map(str, arguments)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
