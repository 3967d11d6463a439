"""Stores that are started for the tests, on this machine and with nothing in them before."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, Protocol

import httpx
import pytest

pytest.importorskip("numpy", reason="numpy is not installed")

from attrs import evolve

from wsla.analysis.types import BooleanType, InstantType, TextType
from wsla.evaluation.batch.streams import streams_of
from wsla.evaluation.panes import PaneTable
from wsla.evaluation.panes.collect import wanted
from wsla.plan.model import Field, Plan, Source
from wsla.sources.stores.clickhouse import ClickHouseStore
from wsla.sources.stores.connections import DuckDBStore, PostgreSQLStore, SparkStore
from wsla.sources.stores.push import SqlStore, Table, push
from wsla.testing.reductions import assert_panes_are_right
from wsla.testing.strategies import Case
from wsla.values.observations import Raw

from ..ports import free_port
from .clickhouse_server import Engine, serving


class Database(Protocol):
    """A store that can be filled. ``types`` are its words for those that wsla knows."""

    store: SqlStore
    types: Mapping[str, str]

    def execute(self, sql: str) -> None:
        """Does something."""

    def fill(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        """Makes a table with these columns in place of the one there is."""


class Filled:
    """What SQL databases have in common."""

    store: Any
    types: Mapping[str, str]

    def execute(self, sql: str) -> None:
        raise NotImplementedError

    def fill(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        quoted = self.store.dialect.quoted
        said = ", ".join(f"{quoted(column)} {self.types[kind]}" for column, kind in columns.items())
        self.execute(f"DROP TABLE IF EXISTS {quoted(name)}")
        self.execute(f"CREATE TABLE {quoted(name)} ({said}){self.after_table}")
        if rows:
            written = ", ".join("(" + ", ".join(map(self.literal, row)) + ")" for row in rows)
            self.execute(f"INSERT INTO {quoted(name)} VALUES {written}")

    after_table = ""

    def literal(self, value: Any) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, bool):
            return str(value).upper()
        return self.store.dialect.text(value) if isinstance(value, str) else str(value)


class DuckDBDatabase(Filled):
    """In memory."""

    types: ClassVar = {
        "truth": "BOOLEAN",
        "whole": "BIGINT",
        "text": "VARCHAR",
        "decimal": "DECIMAL(18, 3)",
        "float": "DOUBLE",
        "instant": "TIMESTAMPTZ",
        "local": "TIMESTAMP",
    }

    def __init__(self) -> None:
        self.store = DuckDBStore(":memory:")

    def execute(self, sql: str) -> None:
        self.store._connection.execute(sql)


class PostgreSQLDatabase(Filled):
    """A server of our own."""

    types: ClassVar = {
        "truth": "boolean",
        "whole": "bigint",
        "text": "text",
        "decimal": "numeric(18, 3)",
        "float": "double precision",
        "instant": "timestamptz",
        "local": "timestamp",
    }

    def __init__(self, address: str) -> None:
        import psycopg

        self.address = address
        self._writing = psycopg.connect(address, autocommit=True)
        self.store = PostgreSQLStore(address, "the test's database")

    def execute(self, sql: str) -> None:
        # What only reads must not see a table twice in one transaction.
        self.store._connection.rollback()
        self._writing.execute(sql)


@pytest.fixture(scope="session")
def duckdb_database() -> Iterator[DuckDBDatabase]:
    pytest.importorskip("duckdb", reason="DuckDB is not installed")
    database = DuckDBDatabase()
    yield database
    database.store.close()


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[PostgreSQLDatabase]:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not binaries:
        pytest.skip("PostgreSQL's server is not installed")
    folder = Path(tempfile.mkdtemp(prefix="wsla-postgres-"))
    port = free_port()
    server = None
    try:
        become = _unprivileged(folder)
        data = folder / "data"
        bin_ = binaries[-1].parent
        subprocess.run(
            [*become, str(bin_ / "initdb"), "-D", str(data), "-A", "trust", "-U", "wsla", "-E", "UTF8", "-N"],
            check=True,
            capture_output=True,
            cwd=folder,
        )
        server = subprocess.Popen(
            [
                *become,
                str(bin_ / "postgres"),
                *("-D", str(data), "-p", str(port), "-k", str(folder), "-F", "-h", "127.0.0.1"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )
        wait_for_port(port, server)
        database = _connected(f"postgresql://wsla@127.0.0.1:{port}/postgres")
        yield database
        database.store.close()
        database._writing.close()
    finally:
        if server is not None:
            server.terminate()
            server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _connected(address: str) -> PostgreSQLDatabase:
    import psycopg

    for _ in range(100):
        try:
            return PostgreSQLDatabase(address)
        except psycopg.OperationalError:
            time.sleep(0.1)
    return PostgreSQLDatabase(address)


def _unprivileged(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    user = next(name for name in ("postgres", "nobody") if _exists(name))
    os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    return ["runuser", "-u", user, "--"]


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def wait_for_port(port: int, server: subprocess.Popen[bytes]) -> None:
    """Until somebody listens."""
    for _ in range(600):
        if server.poll() is not None:
            pytest.fail("the server ended by itself")
        with socket.socket() as found:
            if found.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("the server does not listen")


class SparkDatabase(Filled):
    """A session in this process."""

    types: ClassVar = {
        "truth": "BOOLEAN",
        "whole": "BIGINT",
        "text": "STRING",
        "decimal": "DECIMAL(18, 3)",
        "float": "DOUBLE",
        "instant": "TIMESTAMP",
        "local": "TIMESTAMP_NTZ",
    }
    after_table = " USING parquet"

    def __init__(self, session: Any) -> None:
        self.session = session
        self.store = SparkStore(session)

    def execute(self, sql: str) -> None:
        self.session.sql(sql)


@pytest.fixture(scope="session")
def spark_database() -> Iterator[SparkDatabase]:
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
    if shutil.which("java") is None:
        pytest.skip("Java is not installed")
    folder = tempfile.mkdtemp(prefix="wsla-spark-")
    session = (
        sql.SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        # The test's own texts become times and numbers as they are inserted.
        .config("spark.sql.storeAssignmentPolicy", "LEGACY")
        .config("spark.sql.warehouse.dir", folder)
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    try:
        yield SparkDatabase(session)
    finally:
        session.stop()
        shutil.rmtree(folder, ignore_errors=True)


class ClickHouseDatabase(Filled):
    """The real engine, in this process, asked as a server is."""

    types: ClassVar = {
        "truth": "Bool",
        "whole": "Int64",
        "text": "String",
        "decimal": "Decimal(18, 3)",
        "float": "Float64",
        "instant": "DateTime64(9, 'Asia/Tokyo')",
        "local": "DateTime64(9)",
    }

    def __init__(self, engine: Engine, port: int) -> None:
        self.engine = engine
        # Whose password is in the address, as the environment is not the tests' own.
        self.address = f"clickhouse://reader:pass%3Aw%C3%B6rd@127.0.0.1:{port}/default"
        self.store = ClickHouseStore(self.address, f"clickhouse://127.0.0.1:{port}/default")

    def execute(self, sql: str) -> None:
        self.engine.query(sql)

    def fill(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        """Columns in which nothing is unknown cannot be NULL, as is usual there."""
        known = {column: all(row[place] is not None for row in rows) for place, column in enumerate(columns)}
        said = ", ".join(
            f"`{column}` {self.types[kind] if known[column] else f'Nullable({self.types[kind]})'}"
            for column, kind in columns.items()
        )
        self.execute(f"DROP TABLE IF EXISTS `{name}`")
        self.execute(f"CREATE TABLE `{name}` ({said}) ENGINE = Memory")
        if rows:
            written = ", ".join("(" + ", ".join(map(self.literal, row)) + ")" for row in rows)
            self.execute(f"INSERT INTO `{name}` VALUES {written}")


@pytest.fixture(scope="session")
def clickhouse_database() -> Iterator[ClickHouseDatabase]:
    chdb = pytest.importorskip("chdb.session", reason="chdb, which is ClickHouse, is not installed")
    folder = tempfile.mkdtemp(prefix="wsla-clickhouse-")
    session = chdb.Session(folder)
    session.query("SET date_time_input_format = 'best_effort', session_timezone = 'UTC'")
    engine = Engine(session)
    try:
        with serving(engine.answer) as port:
            database = ClickHouseDatabase(engine, port)
            yield database
            database.store.close()
    finally:
        session.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(
    scope="session",
    params=[
        "duckdb",
        "postgres",
        pytest.param("clickhouse", marks=pytest.mark.clickhouse),
        pytest.param("spark", marks=pytest.mark.spark),
    ],
)
def database(request: pytest.FixtureRequest) -> Database:
    """Each store that speaks SQL."""
    found: Database = request.getfixturevalue(f"{request.param}_database")
    return found


class Metrics:
    """A server that speaks Prometheus' query language."""

    def __init__(self, address: str, load: Callable[[str, Series], None]) -> None:
        self.address = address
        self.load = load


Series = Mapping[tuple[tuple[str, str], ...], Sequence[tuple[int, float]]]
"""Samples (milliseconds, value) by labels."""


@pytest.fixture(scope="session")
def victoria_metrics() -> Iterator[Metrics]:
    binary = shutil.which("victoria-metrics")
    if binary is None:
        pytest.skip("VictoriaMetrics is not installed")
    folder = tempfile.mkdtemp(prefix="wsla-victoria-")
    port = free_port()
    server = subprocess.Popen(
        [
            binary,
            *(f"-storageDataPath={folder}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y"),
            "-search.latencyOffset=0s",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"

    def load(name: str, series: Series) -> None:
        lines = [
            json.dumps(
                {
                    "metric": {"__name__": name, **dict(labels)},
                    "values": [value for _, value in points],
                    "timestamps": [at for at, _ in points],
                }
            )
            for labels, points in series.items()
        ]
        httpx.post(f"{address}/api/v1/import", content="\n".join(lines), trust_env=False).raise_for_status()
        httpx.get(f"{address}/internal/force_flush", trust_env=False).raise_for_status()

    try:
        wait_for_port(port, server)
        yield Metrics(address, load)
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def prometheus() -> Iterator[Metrics]:
    binary, tool = shutil.which("prometheus"), shutil.which("promtool")
    if binary is None or tool is None:
        pytest.skip("Prometheus is not installed")
    folder = Path(tempfile.mkdtemp(prefix="wsla-prometheus-"))
    (folder / "prometheus.yml").write_text("global: {}\n")
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    servers: list[subprocess.Popen[bytes]] = []

    def stop() -> None:
        for server in servers:
            server.terminate()
            server.wait(30)
        servers.clear()

    def load(name: str, series: Series) -> None:
        """Blocks are read when the server starts."""
        stop()
        text = folder / "samples.txt"
        rows = [
            f"{name}{{{','.join(f'{label}={json.dumps(value)}' for label, value in labels)}}} {value!r} {at / 1000:.3f}"
            for labels, points in series.items()
            for at, value in points
        ]
        text.write_text("\n".join([f"# TYPE {name} gauge", *rows, "# EOF", ""]))
        subprocess.run(
            [tool, "tsdb", "create-blocks-from", "openmetrics", text, folder / "data"],
            check=True,
            capture_output=True,
        )
        server = subprocess.Popen(
            [
                binary,
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                "--storage.tsdb.retention.time=100y",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        servers.append(server)
        wait_for_port(port, server)
        for _ in range(300):
            if httpx.get(f"{address}/-/ready", trust_env=False).status_code == 200:
                return
            time.sleep(0.1)
        pytest.fail("Prometheus does not become ready")

    try:
        yield Metrics(address, load)
    finally:
        stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", params=["prometheus", "victoria_metrics"])
def metrics(request: pytest.FixtureRequest) -> Metrics:
    """Each store of metrics."""
    found: Metrics = request.getfixturevalue(request.param)
    return found


# --- cases in tables


def instants_in_a_column(plan: Plan) -> Plan:
    """The same plan, with the instants of samples in a column ``at`` that counts nanoseconds."""
    return evolve(plan, sources=tuple(_instant_in_a_column(source) for source in plan.sources))


def _instant_in_a_column(source: Source) -> Source:
    if source.records or any(x.name == source.at for x in source.fields):
        return source
    at = Field(name=source.at, column=source.at, type=InstantType(), unit_stated=True, resolution=Fraction(1))
    # Numbers are in the table as they are stored.
    fields = tuple(evolve(x, unit_factor=x.resolution, unit_stated=True) for x in source.fields)
    return evolve(source, fields=(*fields, at))


def panes_from_store(case: Case, database: Database) -> PaneTable:
    """The panes of a case that a store makes of tables, one for each source; doubled samples are not in them."""
    plan = instants_in_a_column(case.plan)
    asked = wanted(plan)
    sources = {}
    for name, measures in asked.sources.items():
        source = plan.source(name)
        columns = {x.column: _kind(x) for x in source.fields}
        rows: list[tuple[Raw, ...]] = []
        for stream in streams_of(case.plan, case.observations):
            if stream.source == name:
                labels = dict(stream.labels)
                for place, at in enumerate(stream.at.tolist()):
                    found = {source.at: at, **labels}
                    for x in source.fields:
                        column = stream.fields.get(x.name)
                        if x.name not in found and column is not None:
                            known = column.known is None or bool(column.known[place])
                            found[x.name] = column.values[place : place + 1].tolist()[0] if known else None
                    rows.append(tuple(found[x.name] for x in source.fields))
        database.fill(name, columns, rows)
        sources[name] = push(
            database.store, plan, source, Table(name=name), measures, asked.length, case.until
        ).panes
    return PaneTable(length=asked.length, until=case.until, sources=sources)


def _kind(field: Field) -> str:
    match field.type:
        case BooleanType():
            return "truth"
        case TextType():
            return "text"
        case _:
            return "whole"


@pytest.fixture(scope="session")
def assert_exact() -> Callable[[Case, Database], None]:
    """Compares what a database makes of a case with the rules."""

    def compare(case: Case, database: Database) -> None:
        panes = panes_from_store(case, database)
        assert_panes_are_right(evolve(case, plan=instants_in_a_column(case.plan)), panes)

    return compare
