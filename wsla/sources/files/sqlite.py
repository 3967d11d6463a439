"""SQLite: a table, a view, or what a query gives; ``FILE::TABLE`` or ``FILE::SELECT …``."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from wsla.evaluation.encoding import DataError, History, quoted
from wsla.sources.files.packed import check_file
from wsla.sources.files.rows import collect
from wsla.sources.files.table import Request

QUERY: Final = re.compile(r"\s*(select|with)\s", re.IGNORECASE)
"""How a query begins; everything else is the name of a table."""


def read_sqlite(wanted: Request) -> History:
    """The observations in a database. Raises DataError where it is none, or has no such table."""
    path, _, table = wanted.path.partition("::")
    check_file(path)
    uri = f"{Path(path).absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as database:
            # What is no UTF-8 spoils the row that it is in, as in other files.
            database.text_factory = lambda content: content.decode("utf-8", "surrogateescape")
            query = table if QUERY.match(table) else f"select * from {_named(database, path, table)}"
            rows = database.execute(query)
            return collect(wanted, [column[0] for column in rows.description or ()], rows)
    except sqlite3.Error as problem:
        raise DataError(f"{quoted(wanted.path)} cannot be read: {problem}") from None


def _named(database: sqlite3.Connection, path: str, table: str) -> str:
    """The table that is meant, in quotation marks: the one that is named, or the only one."""
    found = database.execute(
        "select name from sqlite_schema where type in ('table', 'view') and name not like 'sqlite!_%' escape '!'"
    )
    names = [str(name) for (name,) in found]
    listed = ", ".join(quoted(name) for name in names) or "none"
    if not table:
        if len(names) != 1:
            raise DataError(
                f"{quoted(path)} has several tables, or none: write {path}::TABLE; its tables: {listed}"
            )
        table = names[0]
    if table.casefold() not in [name.casefold() for name in names]:
        raise DataError(f"{quoted(path)} has no table {quoted(table)}; its tables: {listed}")
    escaped = table.replace('"', '""')
    return f'"{escaped}"'
