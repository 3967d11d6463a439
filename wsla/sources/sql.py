"""The sql source: asks a database a query, through SQLAlchemy, in a transaction that only reads."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from uuid import UUID

from attrs import field, frozen

from wsla.analysis.checked import Field, Source
from wsla.sources.network.addresses import EVERYWHERE, Address, Reach
from wsla.sources.network.failures import Failure, ProbeFailed
from wsla.sources.network.opening import reachable
from wsla.sources.targets import Deployed
from wsla.values.calendars import find_zone
from wsla.values.instants import MILLISECOND, SECOND, format_length

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.sql import Executable

KIND: Final = "sql"
MOST_ROWS: Final = 5_000
"""Rows that are taken at once."""
_LONGEST_REASON: Final = 200
_NOT_INSTALLED: Final = "what speaks to databases is not installed: pip install 'wsla[sql]'"
_ELSEWHERE: Final = ("host", "hostaddr", "service")
"""What says in the query of an address where the database is."""


class NotAnswered(Exception):
    """The database gave no answer, or none of use; ``failure`` is the word for it, the message holds no secret."""

    def __init__(self, reason: str, failure: str = Failure.OBSERVER_DATABASE.value) -> None:
        super().__init__(reason)
        self.failure = failure
        self.reason = reason


@frozen(kw_only=True)
class SqlTarget:
    """The query of one sql source. ``address`` is that of SQLAlchemy, with its password; ``parameters`` are bound.

    With ``instants`` (a column) its rows carry instants of their own, and are read on from the latest. ``timeout`` is
    nanoseconds. ``zone`` is that of times without an offset.
    """

    declared: Source = field(repr=False)
    address: str = field(repr=False)
    shown: str
    query: str = field(repr=False)
    parameters: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    instants: str | None
    timeout: int
    zone: str | None = None
    reach: frozenset[Reach] = EVERYWHERE

    @property
    def source(self) -> str:
        """The name of the source."""
        return self.declared.name

    @property
    def host(self) -> str:
        """The database, of which only so many are asked at once as of any host."""
        return self.shown

    @property
    def file(self) -> str | None:
        """The file of a database that is one."""
        from sqlalchemy.engine import make_url

        url = make_url(self.address)
        return url.database if url.get_backend_name() == "sqlite" else None

    @property
    def values(self) -> tuple[Field, ...]:
        """The fields that the query gives, without the instant of samples."""
        return tuple(x for x in self.declared.fields if self.declared.records or x.name != self.declared.at)

    @property
    def labels(self) -> tuple[Field, ...]:
        """The fields that tell streams apart."""
        return tuple(x for x in self.declared.fields if x.name in self.declared.labels)

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields of every observation."""
        return tuple(x.name for x in self.values)

    @property
    def deadline(self) -> int:
        """How long a look may take: the database ends the query before that."""
        return self.timeout + SECOND // 2


def from_options(deployed: Deployed) -> SqlTarget:
    """The target of a sql source. Raises SourceError where an option cannot be used."""
    source = deployed.declared
    query = (deployed.text("query") or "").strip().rstrip(";").rstrip()
    if not query:
        raise deployed.wrong("it asks nothing: the second text is the query")
    parameters: dict[str, str] = {}
    for text in deployed.texts("parameter"):
        name, equals, value = text.partition("=")
        if not equals:
            raise deployed.wrong('a parameter is written parameter "name=value"')
        parameters[name] = value
    instant = next((x for x in source.fields if x.name == (source.updated or source.at)), None)
    address, shown = _address(deployed)
    try:
        from sqlalchemy import text as statement

        asked = set(statement(query).compile().params)
    except Exception:
        raise deployed.wrong("the query cannot be read") from None
    if asked != parameters.keys():
        lacking, idle = sorted(asked - parameters.keys()), sorted(parameters.keys() - asked)
        what = f'has :{lacking[0]}, and no line parameter "{lacking[0]}=…" says it' if lacking else ""
        raise deployed.wrong(f"the query {what or f'has no :{idle[0]}'}")
    if not any(x.name not in (source.at, *source.labels) for x in source.fields):
        raise deployed.wrong("no field of it is used, so there is nothing to ask")
    return SqlTarget(
        declared=source,
        address=address,
        shown=shown,
        query=query,
        parameters=tuple(parameters.items()),
        instants=None if instant is None or not instant.column else instant.column,
        timeout=deployed.timeout,
        zone=deployed.zone if source.options.get("times") == "local" else None,
        reach=deployed.reach,
    )


def _address(deployed: Deployed) -> tuple[str, str]:
    """The address for SQLAlchemy, and how it is shown. Raises SourceError."""
    try:
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError:
        raise deployed.wrong(_NOT_INSTALLED) from None
    try:
        url = make_url(deployed.text("connection") or "")
        if url.drivername in ("postgresql", "postgres"):
            url = url.set(drivername="postgresql+psycopg")
        backend = url.get_backend_name()
        if backend == "sqlite":
            if not url.database or url.database == ":memory:":
                raise deployed.wrong("a database of SQLite is a file: sqlite:///file.db")
            url = url.set(database=os.path.join(deployed.folder, url.database))
        elif not all(_is_folder(one) for name in _ELSEWHERE for one in _values(url.query.get(name))):
            raise deployed.wrong("the host stands between // and /, not behind the question mark")
        else:
            url.get_dialect().import_dbapi()
    except ImportError:
        extra = "postgres" if backend == "postgresql" else "sql"
        raise deployed.wrong(
            f"what speaks to {backend} is not installed: pip install 'wsla[sql,{extra}]'"
            if extra != "sql"
            else f"what speaks to {backend} is not installed"
        ) from None
    except (SQLAlchemyError, ValueError, TypeError) as problem:
        if type(problem).__name__ == "SourceError":
            raise
        raise deployed.wrong(
            "this is no address of a database, such as postgresql://user@host/database"
        ) from None
    place = f"{url.host or ''}{'' if url.port is None else f':{url.port}'}"
    return url.render_as_string(hide_password=False), f"{backend}://{place}/{url.database or ''}"


def _values(value: str | Sequence[str] | None) -> Sequence[str]:
    return () if value is None else (value,) if isinstance(value, str) else value


def _is_folder(value: str) -> bool:
    """True for the folder of a socket of this machine."""
    return value.startswith("/")


class Database:
    """Asks one database. Used by one thread at a time; ``cancel`` by any."""

    def __init__(self, target: SqlTarget) -> None:
        self._target: Final = target
        self._made: Engine | None = None
        self._asking: Any = None

    def rows(
        self, since: object = None, most: int = MOST_ROWS
    ) -> tuple[Sequence[str], list[Sequence[object]]]:
        """The columns and the first rows, in order of their instants where they have some. Raises NotAnswered."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self._engine().connect() as connection:
                self._asking = connection.connection.dbapi_connection
                try:
                    self._limit(connection)
                    result = connection.execute(self._statement(since, most), dict(self._target.parameters))
                    columns = list(result.keys())
                    return columns, [[_plain(cell) for cell in row] for row in result.fetchmany(most)]
                finally:
                    self._asking = None
                    connection.rollback()
        except (SQLAlchemyError, sqlite3.Error, ValueError, TypeError, ArithmeticError) as problem:
            raise self._not_answered(problem) from None

    def cancel(self) -> None:
        """Ends what is asked just now, without waiting for that."""
        asking = self._asking
        cancel = getattr(asking, "cancel", None) or getattr(asking, "interrupt", None)
        if cancel is None:
            return

        def work() -> None:
            with suppress(Exception):
                cancel()

        threading.Thread(target=work, name="wsla-cancel", daemon=True).start()

    def _engine(self) -> Engine:
        if self._made is None:
            from sqlalchemy import create_engine, event
            from sqlalchemy.engine import make_url
            from sqlalchemy.pool import NullPool

            url = make_url(self._target.address)
            seconds = max(1, self._target.timeout // SECOND)
            options: dict[str, Any] = {}
            if url.get_backend_name() == "sqlite":
                path = f"file:{quote(os.path.abspath(url.database or ''))}?mode=ro"

                def connect() -> sqlite3.Connection:
                    return sqlite3.connect(path, uri=True, timeout=seconds, check_same_thread=False)

                options["creator"] = connect
            elif url.get_backend_name() == "postgresql":
                options["connect_args"] = {
                    "connect_timeout": max(2, seconds),
                    "tcp_user_timeout": self._target.timeout // MILLISECOND,
                }
            # A connection of its own for each look: none goes stale, and none is held.
            self._made = create_engine(url, poolclass=NullPool, hide_parameters=True, **options)
            if url.get_backend_name() == "postgresql" and url.host:
                event.listen(self._made, "do_connect", self._approve)
        return self._made

    def _approve(self, dialect: object, record: object, arguments: object, options: dict[str, Any]) -> None:
        """Connects to the very address that this deployment may look at. Raises NotAnswered."""
        host, port = str(options["host"]), int(options.get("port") or 5432)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise NotAnswered(f"the name {host} cannot be found") from None
        addresses = [Address(family, (str(at[0]), port)) for family, _, _, _, at in found]
        try:
            approved = reachable(addresses, self._target.reach, self._target.shown)
        except ProbeFailed as problem:
            raise NotAnswered(problem.reason, problem.failure.value) from None
        options["hostaddr"] = approved[0].host

    def _limit(self, connection: Connection) -> None:
        """Nothing is written, and the database itself gives up in time."""
        from sqlalchemy import text

        match connection.dialect.name:
            case "sqlite":
                connection.execute(text("PRAGMA query_only = ON"))
            case "postgresql":
                connection.execute(text("SET TRANSACTION READ ONLY"))
                milliseconds = max(1, self._target.timeout // MILLISECOND)
                connection.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))

    def _statement(self, since: object, most: int) -> Executable:
        """The query as a part of another, so that it can be nothing else than one query."""
        from sqlalchemy import bindparam, column, select, text

        asked = text(self._target.query)
        instants = self._target.instants
        if instants is None:
            return select(text("*")).select_from(asked.columns().subquery("asked")).limit(most)
        rows = asked.columns(column(instants)).subquery("asked")
        at = rows.c[instants]
        statement = select(text("*")).select_from(rows).where(at.is_not(None))
        if since is not None:
            statement = statement.where(at >= bindparam("wsla_since", since, type_=_type_of(since)))
        return statement.order_by(at).limit(most)

    def _not_answered(self, problem: Exception) -> NotAnswered:
        from sqlalchemy.exc import DBAPIError

        cause = problem.orig if isinstance(problem, DBAPIError) and problem.orig is not None else problem
        if type(cause).__name__ == "QueryCanceled" or str(cause) == "interrupted":
            length = format_length(self._target.timeout)
            return NotAnswered(f"{self._target.shown} gave no answer within {length}")
        reason = str(cause).partition("\n")[0]
        secret = _password(self._target.address)
        if secret:
            reason = reason.replace(secret, "…")
        reason = "".join(one if one.isprintable() else " " for one in reason)[:_LONGEST_REASON]
        return NotAnswered(f"{self._target.shown}: {reason}")


def _password(address: str) -> str | None:
    from sqlalchemy.engine import make_url

    found = make_url(address).password
    return None if found is None else str(found)


def _plain(cell: object) -> object:
    return str(cell) if isinstance(cell, UUID) else cell


def _type_of(value: object) -> Any:
    """As what a value is compared that the database gave; none of it may be cut."""
    from datetime import datetime

    import sqlalchemy

    if isinstance(value, int):
        return sqlalchemy.BigInteger()
    if isinstance(value, datetime):
        return sqlalchemy.DateTime(timezone=value.tzinfo is not None)
    return None


def zone_of(target: SqlTarget) -> Any:
    """The zone of times without an offset."""
    return None if target.zone is None else find_zone(target.zone)


def position_of(columns: Sequence[str], wanted: Field) -> int:
    """Where a field is in a row. Raises NotAnswered where it is not."""
    name = wanted.column or wanted.name
    if name not in columns:
        shown = ", ".join(columns)
        raise NotAnswered(f"the query gives no column {name}; its columns: {shown[:_LONGEST_REASON]}")
    return columns.index(name)
