"""A sql source that is asked while the agreement is kept, against SQLite and a server of PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import time
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import pytest
from attrs import define

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")

from wsla.api import loads
from wsla.daemon.bindings import Deploying
from wsla.daemon.clock import SystemClock
from wsla.daemon.config import Config, Network
from wsla.sources import sql_reading
from wsla.sources.following import Found, NotFollowed
from wsla.sources.network.addresses import Reach
from wsla.sources.sql import SqlTarget
from wsla.sources.sql_reading import SqlFollower, SqlProber
from wsla.values.instants import SECOND, parse_instant
from wsla.values.observations import Observation

from ..ports import free_port

AT = parse_instant("2026-03-01T01:00:00Z")
NAMES = (f"wsla_sql_{number}" for number in count())
SECRET = "a very secret word"


class Base(Protocol):
    """A database that can be filled. ``sleeps`` is a query that takes long; ``instant`` the type of instants."""

    address: str
    sleeps: str
    instant: str

    def execute(self, sql: str) -> None:
        """Does something."""


@define
class SQLite:
    address: str
    file: Path
    instant: str = "TEXT"
    sleeps: str = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS value FROM n"
    )

    def execute(self, sql: str) -> None:
        with sqlite3.connect(self.file) as connection:
            connection.execute(sql)
        connection.close()


@define
class PostgreSQL:
    address: str
    database: Any
    instant: str = "timestamptz"
    sleeps: str = "SELECT 1 AS value FROM pg_sleep(30)"

    def execute(self, sql: str) -> None:
        self.database.execute(sql)


@pytest.fixture(params=["sqlite", "postgresql"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Base:
    if request.param == "sqlite":
        file = tmp_path / "shop.db"
        found: Base = SQLite(f"sqlite:///{file}", file)
        found.execute("CREATE TABLE there (is_ INTEGER)")
    else:
        database = request.getfixturevalue("postgres_database")
        found = PostgreSQL(database.address.replace("wsla@", f"wsla:{SECRET.replace(' ', '%20')}@"), database)
    return found


def problems_of(address: str, query: str, lines: str, head: str = "source s =", **config: Any) -> Any:
    text = f"""agreement "Live" version 1 {{
  effective 2026-01-01 in "UTC"
  party host "Host" provider
  party shop "Shop" consumer
  {head} sql "{address}" "{query}" every 30s timeout 300ms {{
    {lines}
  }}
  metric found = {"count(s) each day" if "records" in head else "max(s.value) each day"}
  goal available: host guarantees found <= 1000000
}}
"""
    deploying = Deploying(loads(text), Config(**config), {}, SystemClock())
    deployment = deploying.deploy()
    return deploying.problems or deployment.probes["s"].target


def target_of(address: str, query: str, lines: str = "", **options: Any) -> SqlTarget:
    found = problems_of(address, query, lines, **options)
    assert isinstance(found, SqlTarget), found
    return found


def look(target: SqlTarget) -> tuple[Observation, list[Observation]]:
    async def once() -> tuple[Observation, list[Observation]]:
        prober = SqlProber(target, SystemClock())
        first = await prober.probe(AT)
        return first, list(prober.found.values())

    return asyncio.run(once())


# Values of now


def test_one_row_is_one_observation(base: Base) -> None:
    first, found = look(target_of(base.address, "SELECT 41.5 AS value, 'more' AS other"))
    assert found == [first]
    assert (first.fields, first.at, first.failure) == ({"value": 41_500_000}, AT, None)


def test_rows_with_labels_are_streams(base: Base) -> None:
    name = next(NAMES)
    base.execute(f"CREATE TABLE {name} (region TEXT, took INTEGER)")
    base.execute(f"INSERT INTO {name} VALUES ('eu', 20), ('us', NULL)")
    query = f"SELECT region, took FROM {name} ORDER BY region"
    _, found = look(target_of(base.address, query, "label region\n value took"))
    assert [one.fields for one in found] == [
        {"region": "eu", "value": 20_000_000},
        {"region": "us", "value": None},
    ]


def test_parameters_are_bound_and_never_a_part_of_the_query(base: Base) -> None:
    name = next(NAMES)
    base.execute(f"CREATE TABLE {name} (region TEXT, took INTEGER)")
    evil = "x' OR '1' = '1"
    base.execute(f"INSERT INTO {name} VALUES ('eu', 1), ('{evil.replace(chr(39), chr(39) * 2)}', 5)")
    query = f"SELECT sum(took) AS value FROM {name} WHERE region = :region"
    first, _ = look(target_of(base.address, query, f'parameter "region={evil}"'))
    assert first.fields == {"value": 5_000_000}


@pytest.mark.parametrize(
    ("query", "lines", "words"),
    [
        ("SELECT 1 AS valu", "", "no column value; its columns: valu"),
        ("SELECT 1 AS value WHERE 1 = 2", "", "gives no row"),
        ("SELECT 1 AS value UNION ALL SELECT 2", "", "several rows, where one is wanted"),
        (
            "SELECT 'eu' AS region, 1 AS value UNION ALL SELECT 'eu', 2",
            "label region",
            "no label tells apart",
        ),
        ("SELECT NULL AS region, 1 AS value", "label region", "lacks the label region"),
        ("SELECT 'much' AS value", "", "value: 'much' is not a number"),
        ("SELECT value FROM nowhere", "", "nowhere"),
        ("SELEC 1", "", "yntax"),
        ("SELECT 1 AS value); SELECT (2", "", ""),
        ("DELETE FROM there RETURNING 1 AS value", "", ""),
    ],
)
def test_what_is_no_answer_is_unknown(base: Base, query: str, lines: str, words: str) -> None:
    first, found = look(target_of(base.address, query, lines))
    assert found == []
    assert first.failure == "observer-database"
    assert set(first.fields.values()) == {None}
    assert words in (first.reason or "")
    assert SECRET not in (first.reason or "")


def test_a_query_that_hangs_ends_with_its_time(base: Base) -> None:
    began = time.monotonic()
    first, _ = look(target_of(base.address, base.sleeps))
    assert first.failure == "observer-database"
    assert "gave no answer within 300ms" in (first.reason or "")
    assert time.monotonic() - began < 20


def test_nothing_can_be_written(postgres_database: Any) -> None:
    base = PostgreSQL(postgres_database.address, postgres_database)
    name = next(NAMES)
    base.execute(f"CREATE TABLE {name} (value INTEGER)")
    base.execute(
        f"CREATE FUNCTION {name}_f() RETURNS integer LANGUAGE SQL AS"
        f" 'INSERT INTO {name} VALUES (1) RETURNING value'"
    )
    first, _ = look(target_of(base.address, f"SELECT {name}_f() AS value"))
    assert "read-only transaction" in (first.reason or "")


def test_a_server_that_is_not_there_is_unknown(closed: int) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    first, _ = look(target_of(f"postgresql://me:{SECRET}@127.0.0.1:{closed}/shop", "SELECT 1 AS value"))
    assert first.failure == "observer-database"
    assert f"postgresql://127.0.0.1:{closed}/shop" in (first.reason or "")
    assert SECRET not in (first.reason or "")


def test_a_server_that_says_nothing_is_unknown_in_time() -> None:
    """N1, for databases: it accepts, and never answers."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        first, _ = look(target_of(f"postgresql://me@127.0.0.1:{port}/shop", "SELECT 1 AS value"))
    assert first.failure == "observer-database"
    assert "gave no answer within 300ms" in (first.reason or "")


def test_an_address_that_this_deployment_does_not_look_at_is_refused(closed: int) -> None:
    """W3, for databases."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    only = Network(reach=frozenset({Reach.PUBLIC}))
    target = target_of(f"postgresql://me@localhost:{closed}/shop", "SELECT 1 AS value", network=only)
    first, _ = look(target)
    assert first.failure == "observer-policy"
    [problem] = problems_of("postgresql://me@/shop?host=10.0.0.1", "SELECT 1 AS value", "")
    assert "the host stands between" in problem


def test_what_cannot_be_asked_is_said_before_anything_runs(tmp_path: Path) -> None:
    file = f"sqlite:///{tmp_path / 'no.db'}"
    for address, query, lines, words in (
        ("nonsense", "SELECT 1 AS value", "", "no address of a database"),
        ("sqlite://", "SELECT 1 AS value", "", "is a file"),
        ("oddbase://host/x", "SELECT 1 AS value", "", "no address of a database"),
        (file, "SELECT :region AS value", "", 'has :region, and no line parameter "region='),
        (file, "SELECT 1 AS value", 'parameter "region=eu"', "has no :region"),
        (file, " ; ", "", "it asks nothing"),
    ):
        [problem] = problems_of(address, query, lines)
        assert words in problem
    first, _ = look(target_of(file, "SELECT 1 AS value"))
    assert first.failure == "observer-database"
    assert not (tmp_path / "no.db").exists()


def test_an_address_is_never_shown_whole() -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    target = target_of(
        f"postgresql://me:{SECRET}@db.example.com:5433/shop?sslmode=require", "SELECT 1 AS value"
    )
    assert target.shown == "postgresql://db.example.com:5433/shop"
    assert SECRET not in repr(target)


# Rows with instants


class Reader:
    """A follower with everything that it found."""

    def __init__(self, target: SqlTarget, since: int = 0) -> None:
        self.target = target
        self.since = since
        self.place: Any = None
        self.rows: dict[tuple[str, int, str], Observation] = {}
        self.told: list[str] = []
        self.now = AT
        self.start()

    def start(self) -> None:
        self.follower = SqlFollower(self.target)
        self.follower.begin(json.loads(json.dumps(self.place)), self.since)

    def look(self, *, keep: bool = True) -> int:
        """How many rows are new."""
        before = len(self.rows)
        found = Found(more=True)
        while found.more:
            found = self.follower.look(self.now)
            for stream, row, one in found.rows:
                assert self.rows.setdefault((stream, one.at, row), one) == one
            if keep and found.place is not None:
                self.place = found.place
            self.told.extend(found.told)
        return len(self.rows) - before


def filled(base: Base, *minutes: int) -> str:
    name = next(NAMES)
    base.execute(f"CREATE TABLE {name} (closed {base.instant}, done INTEGER)")
    add(base, name, *minutes)
    return name


def add(base: Base, name: str, *minutes: int) -> None:
    for minute in minutes:
        base.execute(f"INSERT INTO {name} VALUES ('2026-03-01T00:{minute:02}:00Z', 1)")


def desk(base: Base, name: str) -> SqlTarget:
    query = f"SELECT closed, done FROM {name}"
    return target_of(base.address, query, "at closed\n done done", head="source s = records")


def test_rows_are_read_on_and_each_counts_once(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("wsla.sources.sql.MOST_ROWS", "wsla.sources.sql_reading.MOST_ROWS"):
        monkeypatch.setattr(module, 4)
    monkeypatch.setattr("wsla.sources.sql.Database.rows.__defaults__", (None, 4))
    name = filled(base, 0, 1, 1, 2, 3, 4)
    reader = Reader(desk(base, name))
    assert reader.look() == 6
    assert reader.look() == 0
    add(base, name, 4, 5)
    assert reader.look(keep=False) == 2
    reader.start()
    assert reader.look() == 0
    # A row that became visible after one behind it, within the minute.
    add(base, name, 3)
    assert reader.look() == 1
    reader.start()
    reader.now += 61 * SECOND
    assert reader.look() == 0
    add(base, name, 6)
    assert reader.look() == 1
    assert reader.told == []


@pytest.mark.parametrize("before", [(4,), (0, 1, 2, 3, 4), (3, 4)])
def test_what_becomes_visible_late_after_the_first_look_counts(base: Base, before: tuple[int, ...]) -> None:
    """Found by killing the daemon: the minute before the latest row of the very first look was never read again."""
    name = filled(base, *before)
    reader = Reader(desk(base, name))
    assert reader.look() == len(before)
    add(base, name, 3)
    assert reader.look() == 1
    reader.start()
    add(base, name, 3, 5)
    assert reader.look() == 2
    reader.now += 61 * SECOND
    assert reader.look() == 0


def test_more_rows_of_an_instant_than_are_read_at_once_are_said(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_reading, "MOST_ROWS", 2)
    monkeypatch.setattr("wsla.sources.sql.Database.rows.__defaults__", (None, 2))
    reader = Reader(desk(base, filled(base, 1, 1, 1)))
    with pytest.raises(NotFollowed, match="at least 2 rows have the instant"):
        reader.look()


def test_rows_from_before_it_was_kept_are_passed_over(base: Base) -> None:
    name = filled(base, 0, 1, 2)
    assert Reader(desk(base, name), parse_instant("2026-03-01T00:01:00Z")).look() == 2


def test_rows_without_an_instant_or_with_a_wrong_one_are_passed_over_and_told(base: Base) -> None:
    name = filled(base, 1)
    base.execute(f"INSERT INTO {name} VALUES (NULL, 1)")
    base.execute(f"INSERT INTO {name} VALUES ('2027-03-01T00:00:00Z', 1)")
    reader = Reader(desk(base, name))
    assert reader.look() == 1
    assert len(reader.told) == 1
    assert "ahead of this machine's clock" in reader.told[0]


def test_a_database_that_is_away_is_read_on_when_it_is_back(tmp_path: Path) -> None:
    file = tmp_path / "desk.db"
    base = SQLite(f"sqlite:///{file}", file)
    name = filled(base, 1)
    reader = Reader(desk(base, name))
    assert reader.look() == 1
    file.rename(tmp_path / "elsewhere")
    with pytest.raises(NotFollowed, match="unable to open"):
        reader.look()
    (tmp_path / "elsewhere").rename(file)
    add(base, name, 2)
    assert reader.look() == 1


def test_instants_may_be_numbers(tmp_path: Path) -> None:
    file = tmp_path / "desk.db"
    base = SQLite(f"sqlite:///{file}", file)
    base.execute("CREATE TABLE desk (closed INTEGER, done INTEGER)")
    base.execute("INSERT INTO desk VALUES (1772323200000, 1), (1772323201000, 1)")
    query = "SELECT closed, done FROM desk"
    target = target_of(base.address, query, "at closed in ms\n done done", head="source s = records")
    reader = Reader(target)
    assert reader.look() == 2
    reader.start()
    assert reader.look() == 0


@pytest.fixture
def closed() -> int:
    """A port on which nobody listens."""
    return free_port()
